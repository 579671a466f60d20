"""What is known of optional sources: for how long, for whom, and which errors say something about them."""

from uuid import UUID

import pytest

from gateway.errors import BackendError, FailedError, NotFoundError, RefusedError, UnreachableError
from gateway.reading.capabilities import ABSENT_FOR, Capabilities, Found, verdict
from gateway.reading.lookup import Scope
from gateway.reading.need import Source
from gateway.records import Backend

BC = Backend.BUSINESS_CENTRAL
LEDGER = Source(BC, "itemLedgerEntries", "entryNo", api="microsoft/analytics/v1.0")
STANDARD = Source(BC, "itemLedgerEntries", "id")
CRM_TABLE = Source(Backend.DATAVERSE, "nav_accountstatisticses", "nav_accountstatisticsid", in_company=False)
HOME, SISTER = Scope("gateway", UUID(int=1)), Scope("gateway", UUID(int=2))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def capabilities(clock: Clock) -> Capabilities:
    return Capabilities(clock)


def test_nothing_is_known_at_first(capabilities: Capabilities) -> None:
    assert capabilities.of(HOME, LEDGER) is Found.UNKNOWN


def test_what_is_installed_stays_known(capabilities: Capabilities, clock: Clock) -> None:
    capabilities.note(HOME, LEDGER, Found.INSTALLED)
    clock.now = 1e9
    assert capabilities.of(HOME, LEDGER) is Found.INSTALLED


@pytest.mark.parametrize("found", [Found.NOT_INSTALLED, Found.NOT_PERMITTED])
def test_what_is_not_there_is_asked_for_again_after_a_while(
    capabilities: Capabilities, clock: Clock, found: Found
) -> None:
    capabilities.note(HOME, LEDGER, found)
    clock.now = ABSENT_FOR.total_seconds() - 1
    assert capabilities.of(HOME, LEDGER) is found
    clock.now = ABSENT_FOR.total_seconds()
    assert capabilities.of(HOME, LEDGER) is Found.UNKNOWN


def test_nothing_is_known_to_somebody_else_or_of_another_set(capabilities: Capabilities) -> None:
    capabilities.note(Scope("ann", HOME.company), LEDGER, Found.NOT_PERMITTED)
    assert capabilities.of(Scope("bob", HOME.company), LEDGER) is Found.UNKNOWN
    assert capabilities.of(Scope("ann", HOME.company), STANDARD) is Found.UNKNOWN


def test_not_knowing_is_nothing_to_remember(capabilities: Capabilities) -> None:
    capabilities.note(HOME, LEDGER, Found.INSTALLED)
    capabilities.note(HOME, LEDGER, Found.UNKNOWN)
    assert capabilities.of(HOME, LEDGER) is Found.INSTALLED


# -- companies ------------------------------------------------------------------------------------------------------------


def test_what_one_company_refuses_another_may_give(capabilities: Capabilities) -> None:
    capabilities.note(SISTER, LEDGER, Found.NOT_PERMITTED)
    assert capabilities.of(HOME, LEDGER) is Found.UNKNOWN
    capabilities.note(HOME, LEDGER, Found.INSTALLED)
    assert (capabilities.of(HOME, LEDGER), capabilities.of(SISTER, LEDGER)) == (Found.INSTALLED, Found.NOT_PERMITTED)


def test_what_answers_in_one_company_may_be_refused_in_the_next(capabilities: Capabilities) -> None:
    capabilities.note(HOME, LEDGER, Found.INSTALLED)
    assert capabilities.of(SISTER, LEDGER) is Found.UNKNOWN


def test_what_is_not_installed_is_so_in_every_company(capabilities: Capabilities, clock: Clock) -> None:
    capabilities.note(SISTER, LEDGER, Found.INSTALLED)
    clock.now = 1
    capabilities.note(HOME, LEDGER, Found.NOT_INSTALLED)
    assert capabilities.of(SISTER, LEDGER) is Found.NOT_INSTALLED
    clock.now = 1 + ABSENT_FOR.total_seconds()
    assert capabilities.of(SISTER, LEDGER) is Found.UNKNOWN, "not what it was before"


@pytest.mark.parametrize("found", [Found.INSTALLED, Found.NOT_PERMITTED])
def test_what_one_company_answers_or_refuses_is_installed_for_the_others(
    capabilities: Capabilities, found: Found
) -> None:
    capabilities.note(HOME, LEDGER, Found.NOT_INSTALLED)
    capabilities.note(HOME, LEDGER, found)
    assert (capabilities.of(HOME, LEDGER), capabilities.of(SISTER, LEDGER)) == (found, Found.UNKNOWN)


@pytest.mark.parametrize("found", [Found.INSTALLED, Found.NOT_INSTALLED, Found.NOT_PERMITTED])
def test_crm_has_no_companies(capabilities: Capabilities, found: Found) -> None:
    capabilities.note(HOME, CRM_TABLE, found)
    assert capabilities.of(SISTER, CRM_TABLE) is found


def test_of_more_companies_than_there_are_the_one_noted_longest_ago_is_forgotten(clock: Clock) -> None:
    capabilities = Capabilities(clock, most_entries=2)
    third = Scope("gateway", UUID(int=3))
    for scope in (HOME, SISTER, HOME, third):
        capabilities.note(scope, LEDGER, Found.NOT_PERMITTED)
    assert [capabilities.of(scope, LEDGER) for scope in (HOME, SISTER, third)] == [
        Found.NOT_PERMITTED,
        Found.UNKNOWN,
        Found.NOT_PERMITTED,
    ]


# -- verdicts -------------------------------------------------------------------------------------------------------------


def told(kind: type[BackendError], status: int, code: str | None = None) -> BackendError:
    return kind("No.", backend=BC, status=status, vendor_code=code)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (told(NotFoundError, 404, "BadRequest_NotFound"), Found.NOT_INSTALLED),
        (told(NotFoundError, 404, "BadRequest_ResourceNotFound"), Found.NOT_INSTALLED),
        (told(NotFoundError, 404, "0x80060888"), Found.NOT_INSTALLED),
        (told(NotFoundError, 404, "Internal_CompanyNotFound"), None),
        (told(NotFoundError, 404, "Internal_RecordNotFound"), None),
        (told(NotFoundError, 404, "Unknown"), None),
        (told(NotFoundError, 404), None),
        (told(RefusedError, 403, "Internal_ServerError"), Found.NOT_PERMITTED),
        (told(RefusedError, 403), None),
        (told(RefusedError, 401, "Authentication_InvalidCredentials"), None),
        (told(RefusedError, 401), None),
        (told(FailedError, 500, "Unknown"), None),
        (told(UnreachableError, 503), None),
        (ValueError("ours"), None),
    ],
    ids=lambda each: f"{getattr(each, 'status', '')} {getattr(each, 'vendor_code', '')}",
)
def test_which_errors_say_something_about_a_source(error: Exception, said: Found | None) -> None:
    assert verdict(error) is said
