"""Whose pages may show which path in a frame."""

import pytest

from gateway.security_headers import frame_ancestors

LISTED = ("'self'", "https://*.crm4.dynamics.com")


@pytest.mark.parametrize("path", ["/widgets", "/widgets/account", "/widgets/"])
def test_widgets_stand_in_the_pages_that_are_listed_and_in_no_other(path: str) -> None:
    assert frame_ancestors(path, LISTED) == "'self' https://*.crm4.dynamics.com"
    assert frame_ancestors(path, ()) == "'none'"


@pytest.mark.parametrize("path", ["/", "/graphql", "/graphiql", "/widgetsx", "/graphql/widgets", "/health/live"])
def test_nothing_else_is_framed(path: str) -> None:
    assert frame_ancestors(path, LISTED) == "'none'"
