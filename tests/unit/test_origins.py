"""Which origins are on the list, and what may stand on it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.origins import Origins, checked_origin

LISTED = ("https://portal.example", "https://*.crm4.dynamics.com", "http://localhost:3000")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://portal.example", True),
        ("https://contoso.crm4.dynamics.com", True),
        ("https://contoso-dev.crm4.dynamics.com", True),
        ("http://localhost:3000", True),
        ("http://portal.example", False),
        ("https://portal.example:8443", False),
        ("https://portal.example.evil.example", False),
        ("https://xportal.example", False),
        ("https://crm4.dynamics.com", False),
        ("https://a.b.crm4.dynamics.com", False),
        ("https://evil.example/.crm4.dynamics.com", False),
        ("https://evil.example#.crm4.dynamics.com", False),
        ("https://contoso.crm4xdynamics.com", False),
        ("https://contoso.crm4.dynamics.com.evil.example", False),
        ("http://contoso.crm4.dynamics.com", False),
        ("https://-.crm4.dynamics.com", False),
        ("https://*.crm4.dynamics.com", False),
        ("http://localhost:3001", False),
        ("null", False),
        ("", False),
        ("https://portal.example\n", False),
    ],
)
def test_an_origin_is_on_the_list_or_it_is_not(origin: str, allowed: bool) -> None:
    assert Origins(map(checked_origin, LISTED)).allows(origin) is allowed
    assert not Origins().allows(origin)


@given(st.text(max_size=40))
def test_nothing_but_one_name_takes_the_place_of_the_star(name: str) -> None:
    if Origins(["https://*.crm4.dynamics.com"]).allows(f"https://{name}.crm4.dynamics.com"):
        assert name.isascii()
        assert name.replace("-", "").isalnum()
        assert name == name.lower().strip("-")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://Portal.Example", "https://portal.example"),
        (" https://portal.example:443 ", "https://portal.example"),
        ("https://portal.example:8443", "https://portal.example:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:5173", "http://[::1]:5173"),
        ("https://*.dynamics.com", "https://*.dynamics.com"),
    ],
)
def test_what_is_listed_is_kept_as_browsers_write_it(text: str, kept: str) -> None:
    assert checked_origin(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "null",
        "",
        "portal.example",
        "https://",
        "https://portal.example/",
        "https://portal.example/forms",
        "https://user@portal.example",
        "http://portal.example",
        "http://*.crm4.dynamics.com",
        "https://*",
        "https://*.com",
        "https://*crm4.dynamics.com",
        "https://*.*.dynamics.com",
        "https://crm4.*.com",
        "https://portal.example; script-src *",
        "https://portal.example https://evil.example",
        "ftp://portal.example",
    ],
)
def test_what_is_no_origin_is_not_listed(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        checked_origin(text)
