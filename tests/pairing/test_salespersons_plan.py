"""Who is to be coupled with whom, decided on paper."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from gateway.couplings.coupling import Coupling, Mapping
from gateway.errors import ErrorCode, RefusalError
from gateway.pairing.salespersons.owners import Gaps, OwnerGapReason, gaps, seller_field
from gateway.pairing.salespersons.people import SALESPEOPLE, People
from gateway.pairing.salespersons.plan import Acting, PairWish, SalespersonAction, SalespersonWish, Step, plan
from gateway.pairing.salespersons.readiness import stages_of
from gateway.records import Backend
from gateway.sync.mapping import Direction, TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.records import Found

COMPANY = UUID(int=0xC1)
ACTING = Acting(COMPANY, "test", datetime(2026, 11, 16, tzinfo=UTC))
CUSTOMERS = TABLE_MAPPINGS[Mapping.CUSTOMER]


def seller(number: int, code: str, email: str | None = None) -> Found:
    return Found(
        SALESPEOPLE.bc, UUID(int=0xB0 + number), {"code": code, "displayName": f"Seller {code}", "email": email}, None
    )


def user(number: int, email: str | None = None, *, disabled: bool = False, licensed: bool = True) -> Found:
    values = {
        "fullname": f"User {number}",
        "internalemailaddress": email,
        "isdisabled": disabled,
        "islicensed": licensed,
        "isintegrationuser": False,
    }
    return Found(SALESPEOPLE.crm, UUID(int=0xD0 + number), values, None)


def coupling(number: int, bc: Found, crm: Found) -> Coupling:
    return Coupling(UUID(int=number), Mapping.SALESPERSON, COMPANY, bc.id, crm.id, bc.number, crm.number)


def people(*everybody: Found, couplings: tuple[Coupling, ...] = ()) -> People:
    sellers = {each.id: each for each in everybody if each.table is SALESPEOPLE.bc}
    users = {each.id: each for each in everybody if each.table is SALESPEOPLE.crm}
    return People(sellers, users, {}, {}).after(begun=couplings)


def told(steps: list[Step]) -> list[tuple[SalespersonAction, str | None, str | None, ErrorCode | None]]:
    return [
        (
            each.action,
            each.seller.number if each.seller else None,
            each.user.number if each.user else None,
            each.problem.code if each.problem else None,
        )
        for each in steps
    ]


@pytest.mark.parametrize(
    ("sellers", "users", "coupled", "ambiguous"),
    [
        (["a@x"], ["A@X "], 1, 0),
        (["a@x"], ["b@x"], 0, 0),
        ([None, ""], [None, " "], 0, 0),
        (["a@x", "a@x"], ["a@x"], 0, 1),
        (["a@x"], ["a@x", "a@X"], 0, 1),
        (["a@x", "b@x"], ["b@x", "a@x"], 2, 0),
    ],
)
def test_an_address_counts_when_exactly_one_each_way_has_it(
    sellers: list[str | None], users: list[str | None], coupled: int, ambiguous: int
) -> None:
    everybody = [seller(number, f"S{number}", email) for number, email in enumerate(sellers)]
    everybody += [user(number, email) for number, email in enumerate(users)]
    planned = plan(SalespersonWish(by_email=True), people(*everybody), ACTING)
    assert (len(planned.steps), len(planned.ambiguous)) == (coupled, ambiguous)


@pytest.mark.parametrize("unfit", [{"disabled": True}, {"licensed": False}])
def test_who_cannot_be_coupled_is_matched_with_nobody(unfit: dict[str, bool]) -> None:
    everybody = people(seller(1, "A", "a@x"), user(1, "a@x", **unfit))
    planned = plan(SalespersonWish(by_email=True, create_missing=True), everybody, ACTING)
    assert (planned.steps, planned.ambiguous) == ([], [])


def test_each_step_sees_what_the_steps_before_it_leave() -> None:
    a, b, one, two = seller(1, "A"), seller(2, "B"), user(1, "1@x"), user(2, "2@x")
    everybody = people(a, b, one, two, couplings=(coupling(1, a, one),))
    wish = SalespersonWish(
        uncouple=["a"], pairs=[PairWish("B", user_email="1@x"), PairWish("A", user_id=one.id)], create_missing=True
    )
    steps = plan(wish, everybody, ACTING).steps
    assert told(steps) == [
        (SalespersonAction.UNCOUPLE, "A", "1@x", None),
        (SalespersonAction.COUPLE, "B", "1@x", None),
        (SalespersonAction.COUPLE, "A", "1@x", ErrorCode.DATAVERSE_ROW_TAKEN),
        (SalespersonAction.CREATE, None, "2@x", None),
    ]
    problem = steps[2].problem
    assert isinstance(problem, RefusalError)
    assert "uncouple" in problem.hint


def test_what_a_coupling_leads_to_may_be_gone() -> None:
    a, one, two = seller(1, "A"), user(1, "1@x"), user(2, "2@x")
    stale = coupling(1, a, one)
    (step,) = plan(
        SalespersonWish(pairs=[PairWish("A", user_id=two.id)]), people(a, two, couplings=(stale,)), ACTING
    ).steps
    assert step.stale == (stale,)
    pending = replace(ACTING, pending=frozenset({stale.id}))
    (step,) = plan(
        SalespersonWish(pairs=[PairWish("A", user_id=two.id)]), people(a, two, couplings=(stale,)), pending
    ).steps
    assert step.problem is not None
    assert step.problem.code == ErrorCode.ALREADY_COUPLED


def test_who_is_coupled_with_somebody_we_cannot_see_is_not_free() -> None:
    a, one, two = seller(1, "A", "a@x"), user(1, "1@x"), user(2, "a@x")
    hidden = coupling(1, a, one)
    everybody = replace(people(a, two, couplings=(hidden,)), unseen=frozenset({hidden.id}))
    steps = plan(SalespersonWish(pairs=[PairWish("A", user_id=two.id)], by_email=True), everybody, ACTING).steps
    assert told(steps) == [(SalespersonAction.COUPLE, "A", "a@x", ErrorCode.RECORD_NOT_VISIBLE)]
    others = replace(people(two, couplings=(coupling(2, a, two),)), unseen=frozenset({UUID(int=2)}))
    assert plan(SalespersonWish(create_missing=True), others, ACTING).steps == []
    (step,) = plan(SalespersonWish(create_for=[two.id]), others, ACTING).steps
    assert (step.problem.code if step.problem else None) == ErrorCode.RECORD_NOT_VISIBLE
    assert gaps(everybody)[0].person is two, "nothing is said of the salesperson"
    assert gaps(others) == []


# -- the owner rule --------------------------------------------------------------------------------------------------


def customer(code: str | None) -> Found:
    return Found(CUSTOMERS.bc, UUID(int=1), {"number": "C1", "displayName": "One", "salespersonCode": code}, None)


def account(owner: Found | None) -> Found:
    return Found(
        CUSTOMERS.crm, UUID(int=2), {"name": "One", "_owninguser_value": str(owner.id) if owner else None}, None
    )


COUPLED, DISABLED, ALONE = seller(1, "OK"), seller(2, "DIS"), seller(3, "ALONE")
HERS, GONE, NOBODYS = user(1, "1@x"), user(2, "2@x", disabled=True), user(3, "3@x")
EVERYBODY = people(
    COUPLED, DISABLED, ALONE, HERS, GONE, NOBODYS, couplings=(coupling(1, COUPLED, HERS), coupling(2, DISABLED, GONE))
)


@pytest.mark.parametrize(
    ("record", "row", "reasons"),
    [
        (customer("OK"), account(HERS), []),
        (customer("ok"), account(HERS), []),
        (customer("ALONE"), account(HERS), [OwnerGapReason.SALESPERSON_NOT_COUPLED]),
        (customer("alone"), None, [OwnerGapReason.SALESPERSON_NOT_COUPLED]),
        (customer("DIS"), account(HERS), [OwnerGapReason.OWNER_DISABLED]),
        (customer("DIS"), account(None), [OwnerGapReason.OWNER_DISABLED]),
        (customer("DIS"), account(GONE), []),
        (customer("DIS"), None, []),
        (customer(None), account(NOBODYS), [OwnerGapReason.OWNER_NOT_COUPLED]),
        (
            customer("ALONE"),
            account(NOBODYS),
            [OwnerGapReason.SALESPERSON_NOT_COUPLED, OwnerGapReason.OWNER_NOT_COUPLED],
        ),
        (None, account(NOBODYS), [OwnerGapReason.OWNER_NOT_COUPLED]),
        (customer("UNKNOWN"), account(None), []),
        (None, account(None), []),
    ],
)
def test_the_owner_rule(record: Found | None, row: Found | None, reasons: list[OwnerGapReason]) -> None:
    found = Gaps.of(gaps(EVERYBODY)).in_pair(CUSTOMERS, record, row)
    assert [gap.reason for gap, _ in found] == reasons


def mapped(direction: Direction) -> TableMapping:
    """Customers whose owner goes that way."""
    field = seller_field(CUSTOMERS)
    fields = tuple(replace(each, direction=direction) if each is field else each for each in CUSTOMERS.fields)
    return replace(CUSTOMERS, fields=fields)


@pytest.mark.parametrize(
    ("direction", "towards", "reasons"),
    [
        (
            Direction.TO_INTEGRATION_TABLE,
            [Backend.DATAVERSE, Backend.BUSINESS_CENTRAL],
            [OwnerGapReason.SALESPERSON_NOT_COUPLED, OwnerGapReason.OWNER_NOT_COUPLED],
        ),
        (Direction.FROM_INTEGRATION_TABLE, [Backend.BUSINESS_CENTRAL], [OwnerGapReason.OWNER_NOT_COUPLED]),
        (
            Direction.BIDIRECTIONAL,
            [Backend.DATAVERSE, Backend.BUSINESS_CENTRAL],
            [OwnerGapReason.SALESPERSON_NOT_COUPLED, OwnerGapReason.OWNER_NOT_COUPLED],
        ),
    ],
)
def test_a_salesperson_fails_only_where_it_is_written_and_an_owner_always(
    direction: Direction, towards: list[Backend], reasons: list[OwnerGapReason]
) -> None:
    mapping = mapped(direction)
    assert [each.to for each in stages_of(mapping)] == towards
    found = Gaps.of(gaps(EVERYBODY)).in_pair(mapping, customer("ALONE"), account(NOBODYS))
    assert [gap.reason for gap, _ in found] == reasons


def test_a_contact_is_looked_at_by_its_owner_alone() -> None:
    assert [each.to for each in stages_of(TABLE_MAPPINGS[Mapping.CONTACT])] == [Backend.BUSINESS_CENTRAL]
