"""Whose word counts for where a request came from: behind a proxy the address is what a trusted one says. Pure.

Each proxy adds, at the end of ``X-Forwarded-For``, whom it was asked by. So the list is read from its end, as long as the one who
said it is trusted; what stands before that anybody may have made up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from gateway.audit.entry import Whereabouts
from gateway.couplings.store import storable

Network = IPv4Network | IPv6Network

_MOST_HOPS = 20
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Proxies:
    """The networks of the proxies in front of the gateway; none by default."""

    trusted: tuple[Network, ...] = ()

    def address(self, peer: str | None, forwarded_for: str | None) -> str | None:
        """Who asked. ``peer`` is the other end of the connection."""
        here = peer
        for each in reversed((forwarded_for or "").split(",")[-_MOST_HOPS:]):
            said = _plain(each)
            if not self._trusts(here) or said is None:
                return here
            here = said
        return here

    def whereabouts(self, peer: str | None, headers: Mapping[str, str], transport: str) -> Whereabouts:
        """Where a request with these headers came from."""
        agent, origin = headers.get("user-agent"), headers.get("origin")
        return Whereabouts(
            address=self.address(peer, headers.get("x-forwarded-for")),
            user_agent=storable(agent, _LONGEST) if agent is not None else None,
            origin=storable(origin, _LONGEST) if origin is not None else None,
            transport=transport,
        )

    def _trusts(self, address: str | None) -> bool:
        if address is None or not self.trusted:
            return False
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in each for each in self.trusted)


def _plain(said: str) -> str | None:
    """An address as a proxy wrote it, without port and brackets; None when it is none."""
    text = said.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None
