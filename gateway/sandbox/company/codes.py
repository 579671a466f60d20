"""The small tables of the demo company: currencies, units, terms, methods, locations and item categories."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, slots=True)
class Currency:
    """`rate` is how much of it one euro buys; `coupled` says whether the CRM has it too."""

    code: str
    name: str
    symbol: str
    rate: Decimal
    coupled: bool = True


EURO: Final = Currency("EUR", "Euro", "€", Decimal("1.0000000000"))
FOREIGN_CURRENCIES: Final = (
    Currency("USD", "US dollar", "$", Decimal("1.0800000000")),
    Currency("GBP", "Pound sterling", "£", Decimal("0.8600000000")),
    Currency("SEK", "Swedish krona", "kr", Decimal("11.2500000000")),
    Currency("CHF", "Swiss franc", "CHF", Decimal("0.9400000000")),
    Currency("DKK", "Danish krone", "kr", Decimal("7.4600000000"), coupled=False),
    Currency("PLN", "Polish zloty", "zł", Decimal("4.3200000000"), coupled=False),
)
CRM_CURRENCIES: Final = (EURO, *(currency for currency in FOREIGN_CURRENCIES if currency.coupled))


def currency(code: str) -> Currency:
    """The currency of a code; the blank code is the local currency, the euro."""
    return next((one for one in FOREIGN_CURRENCIES if one.code == code), EURO)


def in_euro(amount: Decimal, code: str) -> Decimal:
    return amount if not code else (amount / currency(code).rate).quantize(Decimal("0.01"))


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """`choice` is the value of the CRM's payment terms column that stands for it, if any does."""

    code: str
    name: str
    days: int
    choice: int | None = None


PAYMENT_TERMS: Final = (
    PaymentTerms("COD", "Cash on delivery", 0),
    PaymentTerms("14 DAYS", "Net 14 days", 14),
    PaymentTerms("30 DAYS", "Net 30 days", 30, 1),
    PaymentTerms("45 DAYS", "Net 45 days", 45, 3),
    PaymentTerms("60 DAYS", "Net 60 days", 60, 4),
)


def payment_terms(code: str) -> PaymentTerms:
    return next(terms for terms in PAYMENT_TERMS if terms.code == code)


@dataclass(frozen=True, slots=True)
class Unit:
    code: str
    name: str
    international: str
    symbol: str = ""


UNITS: Final = (
    Unit("PCS", "Piece", "C62"),
    Unit("PAIR", "Pair", "PR"),
    Unit("SET", "Set", "SET"),
    Unit("BOX", "Box", "BX"),
    Unit("PALLET", "Pallet", "PF"),
    Unit("METRE", "Metre", "MTR", "m"),
    Unit("ROLL", "Roll", "RO"),
    Unit("HOUR", "Hour", "HUR", "h"),
)


@dataclass(frozen=True, slots=True)
class Location:
    code: str
    name: str
    street: str = ""
    postal_code: str = ""
    city: str = ""
    country: str = ""


MAIN: Final = Location("MAIN", "Main warehouse", "Waalhaven 210", "3089 JK", "Rotterdam", "NL")
EAST: Final = Location("EAST", "Warehouse East", "Messeallee 7", "04356", "Leipzig", "DE")
WEST: Final = Location("WEST", "Warehouse West", "18 quai du Rhône", "69007", "Lyon", "FR")
TRANSIT: Final = Location("TRANSIT", "Goods on the road")
LOCATIONS: Final = (MAIN, EAST, WEST, TRANSIT)

PAYMENT_METHODS: Final = {"BANK": "Bank transfer", "CARD": "Card", "CASH": "Cash", "DIRECT": "Direct debit"}
SHIPMENT_METHODS: Final = {
    "EXW": "Ex works",
    "FOB": "Free on board",
    "DAP": "Delivered at place",
    "CIP": "Carriage and insurance paid",
    "PICKUP": "Customer pick-up",
}
FREIGHT_CHOICES: Final = {"FOB": 1, "DAP": 2}
"""The value of the CRM's freight terms column that stands for a shipment method."""

ITEM_CATEGORIES: Final = {
    "BIKES": "Bicycles",
    "EBIKES": "Electric bicycles",
    "PARTS": "Parts",
    "TYRES": "Tyres and tubes",
    "HELMETS": "Helmets and protection",
    "APPAREL": "Apparel",
    "BAGS": "Bags and panniers",
    "CAMPING": "Camping",
    "SERVICE": "Services",
}
