"""What a customer owes on a day, and how late it is: from detailed customer ledger entries. Pure.

A row of the Analytics API's ``customerLedgerEntries`` is a detailed entry (``dcle…``) with the ledger entry it belongs to
(``cle…``). Added up to a day, the detailed entries of a ledger entry are what remained of it on that day.

Source: Business Central, "Power BI Reports API"; tables Cust. Ledger Entry and Detailed Cust. Ledg. Entry; table Customer,
Balance (LCY) and Overdue amounts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from gateway.figures.outlook import NOTHING
from gateway.figures.values import Values, day, number

PERIOD_DAYS: Final = 30
PERIODS: Final = 3
"""Source: Business Central, "agedAccountsReceivable resource type": not due and three periods of 30 days unless set otherwise."""


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """What remained of a ledger entry; negative for payments and credit memos that are not applied yet."""

    due: date
    remaining: Decimal


@dataclass(frozen=True, slots=True)
class Age:
    """So much is so many days late; both are None for what is not due yet, ``last`` for what is older than all else."""

    label: str
    first_day: int | None
    last_day: int | None
    amount: Decimal


def entries_on(rows: Iterable[Values], on: date) -> list[OpenEntry]:
    """The entries that were open at the end of a day.

    Raises:
        ValueError: a row holds something that is no date or no number.
    """
    remaining: dict[object, Decimal] = {}
    due: dict[object, date] = {}
    for row in rows:
        if day(row.get("dclePostingDate")) > on:
            continue
        entry = row.get("cleEntryNo")
        remaining[entry] = remaining.get(entry, NOTHING) + number(row["dcleAmountLCY"])
        due[entry] = day(row.get("cleDueDate"))
    return [OpenEntry(due[entry], amount) for entry, amount in remaining.items() if amount]


def balance(entries: Iterable[OpenEntry]) -> Decimal:
    return sum((entry.remaining for entry in entries), NOTHING)


def overdue(entries: Iterable[OpenEntry], on: date) -> Decimal:
    """What was due before that day."""
    return sum((entry.remaining for entry in entries if entry.due < on), NOTHING)


def aging(entries: Iterable[OpenEntry], on: date) -> list[Age]:
    """The balance by how late it is: not due, three periods, the last one without an end."""
    amounts = [NOTHING] * (PERIODS + 1)
    for entry in entries:
        late = (on - entry.due).days
        amounts[0 if late <= 0 else min((late - 1) // PERIOD_DAYS + 1, PERIODS)] += entry.remaining
    return ages(amounts)


def ages(amounts: Sequence[Decimal]) -> list[Age]:
    """Amounts of the four buckets, named."""
    found = [Age("Not due", None, None, amounts[0])]
    for period in range(1, PERIODS):
        first, last = (period - 1) * PERIOD_DAYS + 1, period * PERIOD_DAYS
        found.append(Age(f"{first}-{last} days", first, last, amounts[period]))
    beyond = (PERIODS - 1) * PERIOD_DAYS
    found.append(Age(f"Over {beyond} days", beyond + 1, None, amounts[PERIODS]))
    return found


def aging_of_report(row: Values) -> list[Age]:
    """A row of ``agedAccountsReceivables``, for its standard period length of 30 days. Raises: ValueError."""
    names = ("currentAmount", *(f"period{period}Amount" for period in range(1, PERIODS + 1)))
    return ages([number(row[name]) for name in names])
