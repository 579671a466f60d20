"""Roles from security roles: asked for once, never older than their bound, never less because CRM is away."""

import asyncio
from uuid import UUID

import pytest

from gateway.auth.caller import Caller, Role
from gateway.auth.security_roles import SecurityRoles
from gateway.errors import IdentityUnavailableError, UnreachableError

pytestmark = pytest.mark.anyio

HOME = "77c9a1f4-2e10-4f11-9f8a-000d3a2b1c0d"
ANN = Caller("0b1e0000-0000-4000-8000-000000000007", "Ann", tenant_id=HOME)
ADMINISTRATOR = "Dynamics 365 Business Central Integration Administrator"
USER_ID = "6F960E32-A72B-E511-80D9-3863BB349780"


class Crm:
    """Says which security roles somebody has; counts how often it is asked."""

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)
        self.is_down = False
        self.asked = 0
        self.now = 1_000.0

    async def __call__(self, who: UUID) -> frozenset[str]:
        assert who == UUID(ANN.object_id)
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_down:
            raise UnreachableError("Dataverse is not available (503).", backend="DATAVERSE", status=503)
        return self.names

    def roles(self, *, beside_token: bool = False) -> SecurityRoles:
        return SecurityRoles(self, home=HOME, bound_seconds=300, beside_token=beside_token, clock=lambda: self.now)


async def test_roles_go_by_name_or_by_id_whatever_their_case() -> None:
    crm = Crm(ADMINISTRATOR.upper(), USER_ID, "Sales Manager")

    assert await crm.roles().roles(ANN) == {Role.INTEGRATION_ADMINISTRATOR, Role.INTEGRATION_USER}


async def test_a_hundred_at_once_share_one_question() -> None:
    crm = Crm(ADMINISTRATOR)
    source = crm.roles()

    found = await asyncio.gather(*(source.roles(ANN) for _ in range(100)))

    assert set(found) == {frozenset({Role.INTEGRATION_ADMINISTRATOR})}
    assert crm.asked == 1


async def test_what_the_token_grants_counts_only_where_both_do() -> None:
    crm, caller = (
        Crm(USER_ID),
        Caller(ANN.object_id, "Ann", frozenset({Role.INTEGRATION_ADMINISTRATOR}), tenant_id=HOME),
    )

    assert await crm.roles().roles(caller) == {Role.INTEGRATION_USER}
    assert await crm.roles(beside_token=True).roles(caller) == set(Role) - {Role.PRODUCT_AVAILABILITY_USER}


async def test_a_role_that_was_taken_away_is_gone_after_half_the_bound() -> None:
    crm = Crm(ADMINISTRATOR)
    source = crm.roles()
    await source.roles(ANN)
    crm.names = frozenset()

    crm.now += 149
    assert await source.roles(ANN)
    crm.now += 1
    assert await source.roles(ANN) == set()


async def test_who_has_no_role_is_asked_about_again_soon() -> None:
    crm = Crm()
    source = crm.roles()
    assert await source.roles(ANN) == set()
    crm.names = frozenset({ADMINISTRATOR})

    crm.now += 14
    assert await source.roles(ANN) == set()
    crm.now += 1
    assert await source.roles(ANN) == {Role.INTEGRATION_ADMINISTRATOR}


async def test_while_crm_is_away_the_last_roles_hold_up_to_the_bound_and_then_nobody_is_taken_for_anybody() -> None:
    crm = Crm(ADMINISTRATOR)
    source = crm.roles()
    await source.roles(ANN)
    crm.is_down = True

    crm.now += 299
    assert await source.roles(ANN) == {Role.INTEGRATION_ADMINISTRATOR}
    assert await source.roles(ANN)
    assert crm.asked == 2  # it is left alone for a moment
    crm.now += 1
    with pytest.raises(IdentityUnavailableError):
        await source.roles(ANN)


async def test_without_anything_known_nobody_is_taken_for_somebody_without_roles() -> None:
    crm = Crm(ADMINISTRATOR)
    crm.is_down = True
    source = crm.roles()
    for _ in range(3):
        with pytest.raises(IdentityUnavailableError):
            await source.roles(ANN)
    assert crm.asked == 1

    crm.is_down = False
    crm.now += 5
    assert await source.roles(ANN) == {Role.INTEGRATION_ADMINISTRATOR}


@pytest.mark.parametrize(
    "caller", [Caller("pairwise", "?", tenant_id=HOME), Caller(ANN.object_id, "Ann", tenant_id="another")]
)
async def test_crm_is_not_asked_about_who_it_cannot_know(caller: Caller) -> None:
    crm = Crm(ADMINISTRATOR)

    assert await crm.roles().roles(caller) == set()
    assert crm.asked == 0
