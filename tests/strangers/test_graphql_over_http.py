"""graphql-http, the reference implementation of GraphQL over HTTP, audits the gateway: every MUST, SHOULD and MAY of it.

Source: graphql/graphql-http, "Audits" in its README.
"""

import sys
from collections import Counter

import pytest

from tests.strangers.node import NodeClient

pytestmark = pytest.mark.strangers

LEVELS = ("MUST", "SHOULD", "MAY")
AUDITS = 61
"""Of the pinned version: an audit that is lost is not one that passes."""


def test_every_audit_passes(graphql_client: NodeClient, capsys: pytest.CaptureFixture[str]) -> None:
    audits = graphql_client.run("audit.server")
    of = Counter((each["claim"].split(" ")[0], each["status"]) for each in audits)
    counts = [f"{level} {of[level, 'ok']} of {_number(audits, level)}" for level in LEVELS]
    with capsys.disabled():  # a worker's standard error is shown, its output is not
        sys.stderr.write(f"\ngraphql-http audits that pass: {', '.join(counts)}\n")
    assert [each for each in audits if each["status"] != "ok"] == []
    assert len(audits) == AUDITS


def _number(audits: list[dict[str, str]], level: str) -> int:
    return sum(each["claim"].startswith(f"{level} ") for each in audits)
