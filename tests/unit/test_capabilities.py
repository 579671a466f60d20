"""What is known of optional sources: for how long, for whom, and which errors say something about them."""

import pytest

from gateway.errors import FailedError, NotFoundError, RefusedError, UnreachableError
from gateway.reading.capabilities import ABSENT_FOR, Capabilities, Found, verdict
from gateway.reading.need import Source
from gateway.records import Backend

BC = Backend.BUSINESS_CENTRAL
LEDGER = Source(BC, "itemLedgerEntries", "entryNo", api="microsoft/analytics/v1.0")
STANDARD = Source(BC, "itemLedgerEntries", "id")


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
    assert capabilities.of("gateway", LEDGER) is Found.UNKNOWN


def test_what_is_installed_stays_known(capabilities: Capabilities, clock: Clock) -> None:
    capabilities.note("gateway", LEDGER, Found.INSTALLED)
    clock.now = 1e9
    assert capabilities.of("gateway", LEDGER) is Found.INSTALLED


@pytest.mark.parametrize("found", [Found.NOT_INSTALLED, Found.NOT_PERMITTED])
def test_what_is_not_there_is_asked_for_again_after_a_while(
    capabilities: Capabilities, clock: Clock, found: Found
) -> None:
    capabilities.note("gateway", LEDGER, found)
    clock.now = ABSENT_FOR.total_seconds() - 1
    assert capabilities.of("gateway", LEDGER) is found
    clock.now = ABSENT_FOR.total_seconds()
    assert capabilities.of("gateway", LEDGER) is Found.UNKNOWN


def test_nothing_is_known_to_somebody_else_or_of_another_set(capabilities: Capabilities) -> None:
    capabilities.note("ann", LEDGER, Found.NOT_PERMITTED)
    assert capabilities.of("bob", LEDGER) is Found.UNKNOWN
    assert capabilities.of("ann", STANDARD) is Found.UNKNOWN


def test_not_knowing_is_nothing_to_remember(capabilities: Capabilities) -> None:
    capabilities.note("gateway", LEDGER, Found.INSTALLED)
    capabilities.note("gateway", LEDGER, Found.UNKNOWN)
    assert capabilities.of("gateway", LEDGER) is Found.INSTALLED


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotFoundError("none", backend=BC, vendor_code="BadRequest_ResourceNotFound"), Found.NOT_INSTALLED),
        (NotFoundError("none", backend=BC), Found.NOT_INSTALLED),
        (NotFoundError("none", backend=BC, vendor_code="Internal_CompanyNotFound"), None),
        (RefusedError("no", backend=BC), Found.NOT_PERMITTED),
        (FailedError("broke", backend=BC), None),
        (UnreachableError("away", backend=BC), None),
        (ValueError("ours"), None),
    ],
)
def test_which_errors_say_something_about_a_source(error: Exception, said: Found | None) -> None:
    assert verdict(error) is said
