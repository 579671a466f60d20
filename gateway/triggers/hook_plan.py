"""What is to be done about subscriptions at Business Central: as they should be, as we remember them, as they are. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.clients.subscriptions import Subscription
from gateway.triggers.hook_store import Registration

MARGIN = timedelta(hours=24)
"""So long before it expires a subscription is renewed: there is a day to put right what keeps it from being renewed.

Source: Business Central, "Working with webhooks in Dynamics 365 Business Central": subscriptions expire after three days.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """``delete`` comes first: an environment has room for 200. ``forget`` are registrations that nobody wants any more.

    ``keep`` are registrations with their subscriptions, ``renew`` those of them that expire soon, ``make`` are resources.
    """

    delete: tuple[Subscription, ...]
    forget: tuple[Registration, ...]
    keep: tuple[tuple[Registration, Subscription], ...]
    renew: tuple[tuple[Registration, Subscription], ...]
    make: tuple[str, ...]


def plan(
    wanted: Collection[str],
    remembered: Sequence[Registration],
    there: Sequence[Subscription],
    *,
    root: str,
    now: datetime,
) -> Plan:
    """
    Args:
        wanted: resources.
        there: everybody's subscriptions; ours are those that lead to an address below ``root``, or to one we remember.
    """
    delete: list[Subscription] = []
    forget: list[Registration] = []
    keep: list[tuple[Registration, Subscription]] = []
    kept: set[str] = set()
    for each in remembered:
        found = [one for one in there if one.url == each.url]
        if each.resource not in wanted or not each.url.startswith(root):
            forget.append(each)
            delete += found
            continue
        ours = [one for one in found if each.knows(one.client_state.get_secret_value())]
        if ours:
            # more than one: a request to make it was repeated by somebody on the way
            chosen = next((one for one in ours if one.id == each.remote_id), ours[0])
            keep.append((each, chosen))
            kept.add(each.resource)
            found.remove(chosen)
        delete += found
    known = {each.url for each in remembered}
    delete += [one for one in there if one.url.startswith(root) and one.url not in known]
    renew = tuple(pair for pair in keep if pair[1].expires_at - now < MARGIN)
    make = tuple(each for each in sorted(wanted) if each not in kept)
    return Plan(tuple(delete), tuple(forget), tuple(keep), renew, make)
