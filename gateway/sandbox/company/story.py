"""The story of the demo company: which record shows which case. Documentation and tests name these constants.

Wheelhouse Supply sells bicycles and outdoor gear to shops in Europe. Its "today" is STORY_DATE, a Monday; no clock is
read anywhere.

    Customer          Case
    HARBOUR           coupled, salesperson JO, within its credit limit, a little overdue, open opportunities
    UNCOUPLED         no coupling, and nothing like it in the CRM
    SALESPERSON_GAP   coupled; its salesperson (KT) is not coupled to a user, so sending it to the CRM fails
    OWNER_GAP         coupled; Ruben Castell owns its account and is nobody's salesperson, so reading it back fails;
                      his business unit is not that of the salespeople, who do not see the account (HIDDEN_FROM_SALES)
    ORPHANED          its account was deleted in the CRM; the coupling is still there
    CONFLICT          its phone number was changed on both sides since the last synchronization, see CONFLICT_PHONE
    CHANGED_IN_BC     changed since the last synchronization in Business Central only, see BC_PHONE
    CHANGED_IN_CRM    changed since the last synchronization in the CRM only, see CRM_PHONE
    SKIPPED           its coupling failed twice and is skipped: it bills in PLN, and PLN is not coupled
    DISABLED_OWNER    its salesperson (DM) is coupled to a disabled user
    TEAM_OWNED        has no salesperson; the default team owns its account
    BLOCKED           blocked for everything ("All"), its account still active
    ALL_OVERDUE       every open entry is overdue
    LIMIT_EXCEEDED    its balance is above its credit limit
    NO_ENTRIES        never bought anything
    BILLS_IN_USD      invoices, orders and opportunities in US dollars
    INACTIVE_ACCOUNT  its account was deactivated in the CRM
    QUOTED_NAME       name with an apostrophe, an ampersand, an umlaut and a per cent sign
    QUOTED_NUMBER     an apostrophe in the customer number and in the account number
    PATTERN_NAME      name with `_` and `[`, which are wildcards in a LIKE pattern
    CASE_MATCH        uncoupled; an account has the same name in capital letters
    NUMBER_MATCH      uncoupled; an account with another name carries its number
    AMBIGUOUS_MATCH   uncoupled; two accounts have its name
    DRAFT_INVOICE     a draft invoice bills what was shipped of its order, and freight

    Vendor                   Case
    VENDOR                   coupled, with two people; bills in euro
    UNCOUPLED_VENDOR         no coupling, and nothing like it in the CRM; one person
    VENDOR_MATCH             uncoupled; an account of the type Vendor has its name and postal code
    BLOCKED_VENDOR           blocked for everything ("All"), its account still active
    INACTIVE_VENDOR_ACCOUNT  its account was deactivated in the CRM
    VENDOR_IN_USD            coupled, bills in US dollars

    Item              Case
    IN_STOCK          in stock at three locations
    OUT_OF_STOCK      nothing in stock, a purchase order will bring some
    NEGATIVE_STOCK    sold more than was posted as received
    IN_TRANSIT        part of a transfer order is on its way from MAIN to EAST
    SHORT             stock covers one order but not both; enough again when the purchase order arrives
    BLOCKED_ITEM      blocked in Business Central, its product still active
    SERVICE           hours of work, never in stock
    WITH_VARIANTS     four sizes, stock per variant
    UNCOUPLED_ITEM    no coupling
    RETIRED_PRODUCT   its product was retired in the CRM
    BY_THE_METRE      stock with decimals
    TRAP_ITEM         name with quotes, `_`, `[` and `%`
    ITEM_CONFLICT     its description was changed on both sides
    RETURNED_ITEM     two come back with the return order, two are needed for a service order; its stock is drawn

    Opportunity           Case
    OFFER_NUMBER          coupled, in progress on both sides (OFFER); has lines in the CRM
    WON_OPPORTUNITY       coupled, won on both sides: its contact and salesperson cannot change in Business Central
    MATCHING_OPPORTUNITY  not coupled; an opportunity of the CRM has its name and its customer
    BC_ONLY_OPPORTUNITY   not coupled, not started; nothing in the CRM is like it
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

STORY_DATE: Final = date(2026, 11, 16)
STORY_TIME: Final = datetime(2026, 11, 16, 7, 30, tzinfo=UTC)
"""The first minute of the story's day; every timestamp of the demo company lies before it."""

HARBOUR: Final = "C00210"
UNCOUPLED: Final = "C00021"
SALESPERSON_GAP: Final = "C00045"
OWNER_GAP: Final = "C00052"
ORPHANED: Final = "C00058"
CONFLICT: Final = "C00063"
CHANGED_IN_BC: Final = "C00064"
CHANGED_IN_CRM: Final = "C00065"
SKIPPED: Final = "C00067"
DISABLED_OWNER: Final = "C00070"
BLOCKED: Final = "C00072"
ALL_OVERDUE: Final = "C00073"
LIMIT_EXCEEDED: Final = "C00074"
NO_ENTRIES: Final = "C00075"
BILLS_IN_USD: Final = "C00077"
QUOTED_NAME: Final = "C00080"
PATTERN_NAME: Final = "C00082"
INACTIVE_ACCOUNT: Final = "C00084"
CASE_MATCH: Final = "C00086"
TEAM_OWNED: Final = "C00089"
NUMBER_MATCH: Final = "C00091"
AMBIGUOUS_MATCH: Final = "C00096"
QUOTED_NUMBER: Final = "C'0099"
DRAFT_INVOICE: Final = "C00155"

CRM_ONLY_ACCOUNT: Final = "Sternwarte Outdoor Kollektiv"
"""An account that no customer belongs to, and that resembles none."""
CRM_ONLY_ACCOUNT_NUMBER: Final = "LEAD-001"

VENDOR: Final = "V00010"
UNCOUPLED_VENDOR: Final = "V00013"
VENDOR_MATCH: Final = "V00014"
BLOCKED_VENDOR: Final = "V00016"
INACTIVE_VENDOR_ACCOUNT: Final = "V00018"
VENDOR_IN_USD: Final = "V00019"
CRM_ONLY_VENDOR: Final = "Kettenblatt Manufaktur"
"""An account of the type Vendor that no vendor belongs to."""

IN_STOCK: Final = "1001"
OUT_OF_STOCK: Final = "1002"
NEGATIVE_STOCK: Final = "1003"
IN_TRANSIT: Final = "1004"
BLOCKED_ITEM: Final = "1006"
SERVICE: Final = "1007-S"
WITH_VARIANTS: Final = "1009"
UNCOUPLED_ITEM: Final = "1010"
RETIRED_PRODUCT: Final = "1011"
BY_THE_METRE: Final = "1012"
TRAP_ITEM: Final = "1014"
SHORT: Final = "1016"
ITEM_CONFLICT: Final = "1018"
RETURNED_ITEM: Final = "1025"


@dataclass(frozen=True)
class Change:
    """One field of a coupled pair: as last synchronized, and as each side has it now."""

    synchronized: str
    business_central: str
    dataverse: str


CONFLICT_PHONE: Final = Change("+49 40 555 0163", "+49 40 555 0999", "+49 40 555 0777")
BC_PHONE: Final = Change("+49 40 555 0164", "+49 40 555 0888", "+49 40 555 0164")
CRM_PHONE: Final = Change("+49 40 555 0165", "+49 40 555 0165", "+49 40 555 0666")
ITEM_NAME: Final = Change("Pannier Isar", "Pannier Isar 20 l", "Pannier Isar (pair)")

STORY_SALESPERSON: Final = "JO"
UNCOUPLED_SALESPERSON: Final = "KT"
"""Not coupled, though a user has the same e-mail address: one click repairs SALESPERSON_GAP."""
SALESPERSON_WITHOUT_USER: Final = "ZW"
DISABLED_SALESPERSON: Final = "DM"
"""Coupled to a user who was disabled since."""
UNCOUPLED_OWNER: Final = "ruben.castell@wheelhouse.example"
"""A user who owns an account, but is nobody's salesperson."""

HIDDEN_FROM_SALES: Final = OWNER_GAP
"""Its account is in another business unit than the demo person `sales`, who sees only what the own unit has."""
OFFER: Final = "Spring season trekking bikes"
"""The opportunity that has lines, and totals from them."""

OFFER_NUMBER: Final = "OP000001"
"""The number that OFFER has in Business Central."""
WON_OPPORTUNITY: Final = "OP000005"
WON_OPPORTUNITY_NAME: Final = "Autumn restock 2026"
MATCHING_OPPORTUNITY: Final = "OP000011"
MATCHING_OPPORTUNITY_NAME: Final = "Shop opening: Amberway Cykler Ltd"
"""The only one of its name in the CRM."""
BC_ONLY_OPPORTUNITY: Final = "OP000012"
"""Of NO_ENTRIES."""
BC_ONLY_OPPORTUNITY_NAME: Final = "Cargo bike demo weekend"

SHORT_DEMAND_DATE: Final = date(2026, 11, 25)
SHORT_RECEIPT_DATE: Final = date(2026, 12, 2)

RESERVED: Final = (("S-ORD101001", IN_STOCK), ("S-ORD101003", SHORT))
"""Order and item of the order lines that have reserved what they need: 2 of IN_STOCK, 15 of the 20 there are of SHORT."""

PREPAID_ORDER: Final = "S-ORD101002"
PREPAID: Final = Decimal("300.00")
"""What HARBOUR was invoiced of its second order in advance, without VAT: it is part of the balance already."""
RETURN_ORDER: Final = "S-RET001001"
"""HARBOUR sends goods back: two of RETURNED_ITEM are still to come, an hour of SERVICE is back and not invoiced."""
DRAFT_INVOICE_NUMBER: Final = "S-INV000001"
FREIGHT: Final = Decimal("25.00")
"""What the draft invoice of DRAFT_INVOICE bills besides goods that were shipped, without VAT."""
