"""Values of both systems in one form: what is alike is equal, and nothing else is."""

from decimal import Decimal

import pytest

from gateway.errors import ProtocolError
from gateway.records import Backend, Values
from gateway.sync.comparison import alike, canonical, text_of
from gateway.sync.mapping import FieldMapping, Kind
from gateway.sync.names import join, split
from gateway.sync.tables.contact import CONTACT
from gateway.sync.tables.currency import CURRENCY
from gateway.sync.tables.item import ITEM

BC, CRM = Backend.BUSINESS_CENTRAL, Backend.DATAVERSE


def field(kind: Kind) -> FieldMapping:
    return FieldMapping("field", "Field", "bc", "crm", kind=kind)


def of(mapping: str, name: str) -> FieldMapping:
    tables = {"CONTACT": CONTACT, "CURRENCY": CURRENCY, "ITEM": ITEM}
    found = tables[mapping].field(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.TEXT, None, ""),
        (Kind.TEXT, "", ""),
        (Kind.TEXT, " as it is ", " as it is "),
        (Kind.PHONE, "+49 40 / 555", "+49 40 / 555"),
        (Kind.DECIMAL, None, "0"),
        (Kind.DECIMAL, 0, "0"),
        (Kind.DECIMAL, Decimal("20000.0000"), "20000"),
        (Kind.DECIMAL, Decimal("1E+3"), "1000"),
        (Kind.DECIMAL, Decimal("-0.00"), "0"),
        (Kind.DECIMAL, Decimal("12.50"), "12.5"),
        (Kind.DATE, None, ""),
        (Kind.DATE, "2026-11-16", "2026-11-16"),
        (Kind.DATE, "2026-11-16T00:00:00Z", "2026-11-16"),
        (Kind.LOOKUP, "1A6FB2A0-0F3B-EE11-BDF4-000D3A2B1C0D", "1a6fb2a0-0f3b-ee11-bdf4-000d3a2b1c0d"),
    ],
)
def test_a_value_as_text(kind: Kind, value: object, text: str) -> None:
    assert text_of(kind, value) == text


@pytest.mark.parametrize(
    ("kind", "bc", "crm", "same"),
    [
        (Kind.TEXT, None, None, True),
        (Kind.TEXT, "", None, True),
        (Kind.TEXT, "Kade 14", "kade 14", False),
        (Kind.NAME, "Söhne", "SÖHNE", False),
        (Kind.PHONE, "+49 40", "+4940", False),
        (Kind.CODE, "3011 AA", "3011 aa", True),
        (Kind.CODE, "STRASSE", "straße", False),
        (Kind.DECIMAL, 0, None, True),
        (Kind.DECIMAL, Decimal("17000"), Decimal("17000.0000"), True),
        (Kind.DECIMAL, Decimal("0.1"), Decimal("0.11"), False),
        (Kind.DATE, None, None, True),
        (Kind.DATE, "2026-11-16", "2026-11-17", False),
    ],
)
def test_what_is_alike(kind: Kind, bc: object, crm: object, same: bool) -> None:
    it = field(kind)
    assert alike(kind, canonical(it, BC, {"bc": bc}), canonical(it, CRM, {"crm": crm})) is same


@pytest.mark.parametrize(
    ("kind", "value"), [(Kind.TEXT, 1), (Kind.DECIMAL, "1"), (Kind.DECIMAL, True), (Kind.DATE, "soon")]
)
def test_a_value_of_another_kind_is_the_backends_fault(kind: Kind, value: object) -> None:
    with pytest.raises(ProtocolError, match="Dataverse sent a value of an unknown kind for crm"):
        canonical(field(kind), CRM, {"crm": value})


def test_crm_gets_no_negative_price_or_stock() -> None:
    price, cost = of("ITEM", "unitPrice"), of("ITEM", "unitCost")
    assert canonical(price, BC, {"unitPrice": Decimal("-3")}) == "0"
    assert canonical(of("ITEM", "inventory"), BC, {"inventory": Decimal("-3")}) == "0"
    assert canonical(cost, BC, {"unitCost": Decimal("-3")}) == "-3"
    assert canonical(price, CRM, {"price": Decimal("-3")}) == "-3"


def test_amounts_are_compared_with_the_decimals_that_crm_keeps() -> None:
    cost = of("ITEM", "unitCost")
    assert canonical(cost, BC, {"unitCost": Decimal("0.12345")}) == "0.1235"
    assert canonical(cost, CRM, {"standardcost": Decimal("0.1235")}) == "0.1235"
    assert canonical(of("ITEM", "inventory"), BC, {"inventory": Decimal("0.12345")}) == "0.12345"


def test_the_symbol_of_a_currency_is_its_code_when_there_is_none() -> None:
    symbol = of("CURRENCY", "symbol")
    assert canonical(symbol, BC, {"symbol": None, "code": "CHF"}) == "CHF"
    assert canonical(symbol, BC, {"symbol": "kr", "code": "SEK"}) == "kr"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("", ("", "", "")),
        ("Cher", ("", "", "Cher")),
        ("Iris Vos", ("Iris", "", "Vos")),
        ("Anna Maria de Vos", ("Anna", "Maria de", "Vos")),
        ("  Iris   Vos ", ("Iris", "", "Vos")),
    ],
)
def test_a_name_and_its_parts(name: str, parts: tuple[str, str, str]) -> None:
    assert split(name) == parts
    assert join(parts) == " ".join(name.split())


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"firstname": "Anna", "middlename": "Maria", "lastname": "Vos", "fullname": "Anna Vos"}, "Anna Maria Vos"),
        ({"firstname": None, "middlename": None, "lastname": "Vos", "fullname": "Vos"}, "Vos"),
        ({"fullname": "Anna Vos"}, "Anna Vos"),
        ({"firstname": None, "fullname": None}, ""),
    ],
)
def test_a_person_is_called_by_all_parts_of_the_name(row: Values, name: str) -> None:
    """``fullname`` leaves the middle name out: compared with it, a name would never be as it was written."""
    assert canonical(of("CONTACT", "displayName"), CRM, row) == name
