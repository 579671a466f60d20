"""Aged accounts receivable: what customers owe, by how late it is.

There is one row per customer and a last one named Total with the zero GUID, in local currency. `agedAsOfDate` and
`periodLengthFilter` of a filter are what to compute for; today and thirty days, unless they are given. Amounts are what
remains now, whatever the day: only how late they are follows from it.

Source: Business Central, "AgedAccountsReceivable resource type".
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gateway.sandbox.business_central import errors, query
from gateway.sandbox.business_central.amounts import number
from gateway.sandbox.business_central.exchange import Environment
from gateway.sandbox.business_central.rules import local_currency
from gateway.sandbox.expression import Comparison, Expression, Literal, Logical, Path
from gateway.sandbox.model import ZERO_GUID
from gateway.sandbox.store import Row, Store

_LENGTH = re.compile(r"(\d{1,4})D", re.IGNORECASE)
_PERIODS = 3


@dataclass(frozen=True, slots=True)
class Aging:
    """Amounts due by a day, by how many periods of so many days they are late: not at all, one, two, more."""

    as_of: date
    days: int

    def column(self, due: date) -> int:
        late = (self.as_of - due).days
        return 0 if late <= 0 else min((late - 1) // self.days + 1, _PERIODS)

    def labels(self) -> dict[str, object]:
        return {
            "period1Label": f"1 - {self.days} days",
            "period2Label": f"{self.days + 1} - {2 * self.days} days",
            "period3Label": f"Over {2 * self.days} days",
            "agedAsOfDate": self.as_of.isoformat(),
            "periodLengthFilter": f"{self.days}D",
        }


def aged_receivables(environment: Environment, asked: query.Query) -> Iterator[dict[str, object]]:
    """The rows for the day and the period that a filter names."""
    return _aged(environment.store, _aging(environment, dict(_inputs(asked.where))))


def _inputs(where: Expression | None) -> Iterator[tuple[str, str]]:
    """Properties that a filter fixes, and to what."""
    match where:
        case Logical(op="and", operands=operands):
            for operand in operands:
                yield from _inputs(operand)
        case Comparison(op="eq", left=Path(names=(name,)), right=Literal(value=value)):
            yield name, str(value)


def _aging(environment: Environment, given: Mapping[str, str]) -> Aging:
    length = _LENGTH.fullmatch(given.get("periodLengthFilter", "30D"))
    if length is None or not int(length[1]):
        raise errors.RefusedError(400, "Application_FilterErrorException", "The period length must be given in days.")
    return Aging(date.fromisoformat(given.get("agedAsOfDate", f"{environment.now():%Y-%m-%d}")), int(length[1]))


def _aged(store: Store, aging: Aging) -> Iterator[dict[str, object]]:
    """One row per customer, in order of their numbers, and the total."""
    currency, amounts = local_currency(store), _by_customer(store, aging)
    total = [Decimal(0)] * (_PERIODS + 1)
    customers = store.select("customers", order=query.default_order(store.model.sets["customers"]))
    for place, customer in enumerate(customers):
        found = amounts[str(customer["number"])]
        total = [sum(pair, Decimal(0)) for pair in zip(total, found, strict=True)]
        named = {"customerId": customer["id"], "customerNumber": customer["number"], "name": customer["displayName"]}
        yield named | {"currencyCode": currency, "place": place} | _row(found, aging)
    whole = {"customerId": ZERO_GUID, "name": "Total", "currencyCode": currency, "place": len(customers)}
    yield whole | _row(total, aging)


def _by_customer(store: Store, aging: Aging) -> dict[str, list[Decimal]]:
    is_open = Comparison("eq", Path(("open",)), Literal(True, "Edm.Boolean"))
    amounts: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * (_PERIODS + 1))
    entries: Sequence[Row] = store.select("$customerLedgerEntries", where=is_open)
    for entry in entries:
        column = aging.column(date.fromisoformat(str(entry["dueDate"])))
        amounts[str(entry["customerNo"])][column] += number(entry["remainingAmountLCY"])
    return amounts


def _row(amounts: Sequence[Decimal], aging: Aging) -> dict[str, object]:
    periods = {f"period{period}Amount": amounts[period] for period in range(1, _PERIODS + 1)}
    return {"balanceDue": sum(amounts, Decimal(0)), "currentAmount": amounts[0], **periods, **aging.labels()}
