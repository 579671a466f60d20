"""Rows of Business Central about vendors: cards, contacts, and which company is which vendor."""

from collections.abc import Iterator

from gateway.sandbox.company.bc_customers import person
from gateway.sandbox.company.identifiers import CURRENCY_CODE, bc_id, bc_instant
from gateway.sandbox.company.rows import Row, Sets, given
from gateway.sandbox.company.vendors import Vendor, people, vendors


def vendor_sets() -> Sets:
    yield "vendors", map(_vendor, vendors())


def vendor_contacts() -> Iterator[Row]:
    for vendor in vendors():
        yield from _contacts(vendor)


def vendor_relations() -> Iterator[Row]:
    for vendor in vendors():
        number = vendor.company_contact_number
        yield {
            "id": bc_id("contact-business-relation", number),
            "contactNo": number,
            "linkToTable": "Vendor",
            "no": vendor.number,
        }


def _address(vendor: Vendor) -> Row:
    return {
        "addressLine1": vendor.street,
        "city": vendor.place.city,
        "country": vendor.place.country,
        "postalCode": vendor.postal_code,
    }


def _vendor(vendor: Vendor) -> Row:
    return {
        "id": vendor.id,
        "number": vendor.number,
        "displayName": vendor.name,
        **_address(vendor),
        "phoneNumber": vendor.phone,
        "email": vendor.email,
        "website": vendor.website,
        "taxRegistrationNumber": vendor.tax_number,
        "currencyCode": vendor.currency or CURRENCY_CODE,
        "paymentTermsId": bc_id("payment-terms", vendor.terms),
        "paymentMethodId": bc_id("payment-method", "BANK"),
        "blocked": vendor.blocked,
        "balance": vendor.balance,
        "lastModifiedDateTime": bc_instant(vendor.modified_at),
        **given({"currencyId": vendor.currency and bc_id("currency", vendor.currency)}),
    }


def _contacts(vendor: Vendor) -> Iterator[Row]:
    number = vendor.company_contact_number
    company = {
        "companyNumber": number,
        "companyName": vendor.name,
        "contactBusinessRelation": "Vendor",
        **_address(vendor),
        "website": vendor.website,
    }
    yield {
        "id": bc_id("contact", number),
        "number": number,
        "type": "Company",
        "displayName": vendor.name,
        "searchName": vendor.name.upper(),
        "phoneNumber": vendor.phone,
        "email": vendor.email,
        **company,
        "taxRegistrationNumber": vendor.tax_number,
        "lastModifiedDateTime": bc_instant(vendor.modified_at),
    }
    for one in people(vendor):
        yield {**person(one), **company}
