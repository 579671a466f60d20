"""OpenOpportunities: what is still to be won of an account, in CRM."""

from decimal import Decimal

import strawberry

from gateway.answers.plan import Asked, Branches, FigurePlan, fed, feed_branch
from gateway.figures.values import number
from gateway.odata.query import Compare
from gateway.reading.need import BaseCurrency, Need, Rows, RowsOf
from gateway.reading.row import Row
from gateway.reading.sources import ACCOUNTS, OPPORTUNITIES
from schema.access import READERS, seen_by
from schema.fields import CURRENCY_BRANCH
from schema.figures import figure_type, show_figure
from schema.money import Money


def _open(asked: Asked) -> Branches:
    columns = frozenset({"opportunityid", "_customerid_value", "estimatedvalue_base"})
    where = Compare("statecode", "eq", 0)
    rows = RowsOf(OPPORTUNITIES, "accountid", "_customerid_value", columns, where=where)
    return {"opportunities": (Rows((rows,)), Need(OPPORTUNITIES))}


PLAN = FigurePlan(
    ACCOUNTS,
    feeds={"opportunities": _open},
    always=lambda asked: frozenset({"opportunities"}),
    currency=BaseCurrency(),
)


@seen_by(READERS)
@figure_type(PLAN, description="The open opportunities of an account, added up.")
class OpenOpportunities:
    values: strawberry.Private[list[Decimal]]
    currency: strawberry.Private[object]

    @strawberry.field(description="How many there are.")
    def count(self) -> int:
        return len(self.values)

    @strawberry.field(
        description="What they are estimated to bring, in CRM's base currency whatever currency each is in; one "
        "without an estimate "
        "counts as 0."
    )
    def estimated_value(self) -> Money:
        return Money.of(sum(self.values, Decimal(0)), self.currency)


def open_opportunities(row: Row, prefix: str) -> OpenOpportunities | None:
    """Raises: GatewayError, when they could not be had."""
    found = show_figure(
        fed(
            row,
            feed_branch(prefix, "opportunities"),
            lambda rows: [number(each.get("estimatedvalue_base") or 0) for each in rows],
        )
    )
    return (
        None
        if found is None
        else OpenOpportunities(values=found, currency=row.links.get(CURRENCY_BRANCH[BaseCurrency]))
    )
