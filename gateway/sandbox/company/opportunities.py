"""The opportunities of the CRM: some written for the story, the rest drawn; the first 90 never change."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.accounts import Account, account_of, accounts, lone_accounts
from gateway.sandbox.company.chance import Draw
from gateway.sandbox.company.customers import STORY_CUSTOMERS, customer, customer_index
from gateway.sandbox.company.identifiers import crm_id
from gateway.sandbox.company.staff import ACTIVE_SALESPEOPLE, User

STORY_OPPORTUNITIES: Final = 90
_SUBJECTS: Final = (
    *("Spring season order", "Autumn restock", "E-bike test fleet", "Shop opening", "Workshop equipment"),
    *("Camping corner", "Children's range", "Helmet campaign", "Company bike scheme", "Clearance lot"),
)


class Stage(Enum):
    """State and status reason.

    Source: Dynamics 365 Sales, opportunity table reference: statecode, statuscode.
    """

    IN_PROGRESS = (0, 1)
    ON_HOLD = (0, 2)
    WON = (1, 3)
    LOST = (2, 5)


@dataclass(frozen=True, slots=True)
class Opportunity:
    """`closes` is when it is expected to close, or when it did."""

    id: str
    name: str
    account: Account
    value: Decimal
    closes: date
    probability: int
    stage: Stage = Stage.IN_PROGRESS

    @property
    def is_open(self) -> bool:
        return self.stage.value[0] == 0

    @property
    def owner(self) -> User | None:
        """A person's, even where the default team owns the account."""
        return self.account.owner or Draw("opportunity-owner", self.id).pick(ACTIVE_SALESPEOPLE).user

    @property
    def created_at(self) -> datetime:
        """Some weeks before it closes or closed, and some days before the story."""
        closes = datetime.combine(self.closes, time(12), tzinfo=story.STORY_TIME.tzinfo)
        weeks = Draw("opportunity-age", self.id).between(3, 12)
        return min(story.STORY_TIME - timedelta(days=5), closes - timedelta(weeks=weeks))

    @property
    def modified_at(self) -> datetime:
        return self.created_at + timedelta(days=2)


def opportunities(part: range) -> Iterator[Opportunity]:
    """Those of the story with the first part of the customers, then one for every fifth customer beyond it."""
    if part.start == 0:
        yield from story_opportunities()
    for index in range(max(part.start, STORY_CUSTOMERS), part.stop):
        if index % 5 == 1 and (account := account_of(customer(index))) is not None:
            yield _drawn(f"extra:{index}", account, stage=Stage.IN_PROGRESS)


@cache
def story_opportunities() -> Sequence[Opportunity]:
    written = tuple(_written())
    anyone = [account for account in accounts(range(STORY_CUSTOMERS)) if _may_draw(account)]
    drawn = STORY_OPPORTUNITIES - len(written)
    return (*written, *(_any(index, anyone) for index in range(drawn)))


def _written() -> Iterator[Opportunity]:
    harbour = _account(story.HARBOUR)
    yield _opportunity(story.OFFER, harbour, 48_500, date(2027, 2, 15), 60)
    yield _opportunity("Workshop service contract", harbour, 12_400, date(2026, 12, 18), 80)
    yield _opportunity("Autumn restock 2026", harbour, 9_800, date(2026, 9, 30), 100, Stage.WON)
    yield _opportunity("Canal tour fleet", harbour, 21_000, date(2026, 6, 12), 0, Stage.LOST)
    yield _opportunity("Coast to coast rental fleet", _account(story.BILLS_IN_USD), 64_800, date(2027, 1, 29), 50)
    yield _opportunity("50% more e-bikes", _account(story.QUOTED_NAME), 33_000, date(2027, 3, 1), 40)
    yield _opportunity("First order", lone_accounts()[0], 7_500, date(2026, 12, 4), 20)


def _account(number: str) -> Account:
    found = account_of(customer(customer_index(number)))
    if found is None:
        raise LookupError(f"customer {number} has no account")
    return found


def _may_draw(account: Account) -> bool:
    """Not the customer whose numbers the story tells, and nobody who was deactivated."""
    return account.number != story.HARBOUR and account.active


def _any(index: int, anyone: Sequence[Account]) -> Opportunity:
    draw = Draw("opportunity-of", index)
    fate = draw.below(100)
    stage = Stage.IN_PROGRESS if fate < 52 else Stage.ON_HOLD if fate < 60 else Stage.WON if fate < 85 else Stage.LOST
    return _drawn(str(index), draw.pick(anyone), stage=stage)


def _drawn(key: str, account: Account, *, stage: Stage) -> Opportunity:
    draw = Draw("opportunity", key)
    is_open = stage.value[0] == 0
    days = draw.between(-10, 150) if is_open else -draw.between(10, 300)
    return Opportunity(
        id=crm_id("opportunity", key),
        name=f"{draw.pick(_SUBJECTS)}: {account.name}",
        account=account,
        value=Decimal(draw.between(20, 800) * 100),
        closes=story.STORY_DATE + timedelta(days=days),
        probability=draw.between(1, 9) * 10 if is_open else 100 if stage is Stage.WON else 0,
        stage=stage,
    )


def _opportunity(
    name: str, account: Account, value: int, closes: date, probability: int, stage: Stage = Stage.IN_PROGRESS
) -> Opportunity:
    return Opportunity(crm_id("opportunity", name), name, account, Decimal(value), closes, probability, stage)
