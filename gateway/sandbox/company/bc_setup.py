"""Rows of the small tables of Business Central: the company, codes, terms, locations, salespersons."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from gateway.sandbox.company.codes import (
    FOREIGN_CURRENCIES,
    ITEM_CATEGORIES,
    LOCATIONS,
    PAYMENT_METHODS,
    PAYMENT_TERMS,
    SHIPMENT_METHODS,
    UNITS,
)
from gateway.sandbox.company.identifiers import COMPANY_ID, COMPANY_NAME, CURRENCY_CODE, bc_id, bc_instant
from gateway.sandbox.company.rows import Row, Sets, given
from gateway.sandbox.company.staff import SALESPEOPLE

SET_UP_AT: Final = datetime(2025, 1, 6, 9, 0, 0, 120_000, tzinfo=UTC)
"""When the company was set up; the small tables have not changed since."""


def setup_sets() -> Sets:
    yield "companies", iter([_company()])
    yield "companyInformation", iter([_company_information()])
    yield "currencies", _currencies()
    yield "currencyExchangeRates", _exchange_rates()
    yield "unitsOfMeasure", _units()
    yield "paymentTerms", _payment_terms()
    yield "paymentMethods", _named("payment-method", PAYMENT_METHODS)
    yield "shipmentMethods", _named("shipment-method", SHIPMENT_METHODS)
    yield "itemCategories", _named("item-category", ITEM_CATEGORIES)
    yield "locations", _locations()
    yield "salespeoplePurchasers", _salespeople()


def _company() -> Row:
    return {
        "id": COMPANY_ID,
        "systemVersion": "28.0.41203.0",
        "timestamp": 20_127,
        "name": COMPANY_NAME,
        "displayName": COMPANY_NAME,
        "systemCreatedAt": bc_instant(SET_UP_AT),
        "systemModifiedAt": bc_instant(SET_UP_AT),
    }


def _company_information() -> Row:
    return {
        "id": bc_id("company-information", COMPANY_NAME),
        "displayName": COMPANY_NAME,
        "addressLine1": "Waalhaven 208",
        "city": "Rotterdam",
        "country": "NL",
        "postalCode": "3089 JK",
        "phoneNumber": "+31 10 555 0200",
        "email": "office@wheelhouse.example",
        "website": "https://www.wheelhouse.example",
        "taxRegistrationNumber": "NL009988776B01",
        "currencyCode": CURRENCY_CODE,
        "currentFiscalYearStartDate": "2026-01-01",
        "industry": "Wholesale",
        "lastModifiedDateTime": bc_instant(SET_UP_AT),
    }


def _code(kind: str, code: str, *, name: str, **more: object) -> Row:
    """The shape that all code tables share."""
    return {
        "id": bc_id(kind, code),
        "code": code,
        "displayName": name,
        **given(more),
        "lastModifiedDateTime": bc_instant(SET_UP_AT),
    }


def _named(kind: str, names: Mapping[str, str]) -> Iterator[Row]:
    return (_code(kind, code, name=name) for code, name in names.items())


def _currencies() -> Iterator[Row]:
    for one in FOREIGN_CURRENCIES:
        rounding = {"amountDecimalPlaces": "2:2", "amountRoundingPrecision": Decimal("0.01")}
        yield _code("currency", one.code, name=one.name, symbol=one.symbol, **rounding)


def _exchange_rates() -> Iterator[Row]:
    for one in FOREIGN_CURRENCIES:
        yield {
            "id": bc_id("exchange-rate", one.code),
            "currencyCode": one.code,
            "startingDate": f"{SET_UP_AT:%Y-01-01}",
            "exchangeRateAmount": one.rate,
            "relationalExchangeRateAmount": Decimal(1),
            "lastModifiedDateTime": bc_instant(SET_UP_AT),
        }


def _units() -> Iterator[Row]:
    for unit in UNITS:
        yield _code("unit", unit.code, name=unit.name, internationalStandardCode=unit.international, symbol=unit.symbol)


def _payment_terms() -> Iterator[Row]:
    for terms in PAYMENT_TERMS:
        yield _code("payment-terms", terms.code, name=terms.name, dueDateCalculation=f"{terms.days}D")


def _locations() -> Iterator[Row]:
    for location in LOCATIONS:
        yield _code(
            "location",
            location.code,
            name=location.name,
            addressLine1=location.street,
            postalCode=location.postal_code,
            city=location.city,
            country=location.country,
        )


def _salespeople() -> Iterator[Row]:
    for person in SALESPEOPLE:
        yield _code(
            "salesperson",
            person.code,
            name=person.name,
            email=person.email,
            phoneNo=person.phone,
            jobTitle=person.job_title,
            commisionPercent=Decimal(5),
        )
