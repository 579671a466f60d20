"""Whose word counts for where a request came from."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.proxies import Proxies

TRUSTED = Proxies((ip_network("10.0.0.0/8"), ip_network("fd00::/8")))
ADDRESSES = st.ip_addresses().map(str)

CASES = {
    "no proxy speaks": ("10.0.0.1", None, "10.0.0.1"),
    "a stranger speaks": ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
    "one proxy": ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
    "two proxies": ("10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"),
    "made up before the proxy": ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
    "with a port": ("10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
    "version 6 with a port": ("fd00::1", "[2001:db8::7]:4711", "2001:db8::7"),
    "no address": ("10.0.0.1", "unknown", "10.0.0.1"),
    "something made up behind an address": ("10.0.0.1", "198.51.100.7, <script>", "10.0.0.1"),
    "a socket without a peer": (None, "198.51.100.7", None),
    "a name instead of an address": ("testclient", "198.51.100.7", "testclient"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_last_word_is_that_of_the_last_one_who_is_trusted(case: str) -> None:
    peer, said, expected = CASES[case]
    assert TRUSTED.address(peer, said) == expected


@given(ADDRESSES, st.text())
def test_without_trusted_proxies_nothing_counts_but_the_connection(peer: str, said: str) -> None:
    assert Proxies().address(peer, said) == peer


@given(st.text() | st.lists(ADDRESSES).map(", ".join), ADDRESSES)
def test_what_a_caller_makes_up_never_hides_the_address_a_proxy_saw(made_up: str, seen: str) -> None:
    if any(ip_address(seen) in each for each in TRUSTED.trusted):
        return
    assert TRUSTED.address("10.0.0.1", f"{made_up}, {seen}") == seen
