"""schemathesis makes operations of all sorts from the schema: none of them breaks the gateway.

Every root field is asked with generated arguments and selections, by an administrator, over a socket. What is refused is refused
by its rules; an answer that stands for a mistake of ours (`INTERNAL_ERROR`, or a status of 500 and above) fails.

Source: schemathesis' documentation, "GraphQL".
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from socket import create_server
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from gateway.demo import create_demo
from gateway.sandbox.app import open_sandbox
from gateway.sandbox.identity.people import ADMIN, GATEWAY_RESOURCE
from tests.strangers.conftest import missing, serving

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

pytestmark = [
    pytest.mark.strangers,
    pytest.mark.filterwarnings(
        "ignore:Do not use the `random` module"
    ),  # schemathesis does, for parts of its requests we do not use
]

EXAMPLES = 10
SDL = Path(__file__).parents[2] / "schema" / "schema.graphql"


def root_fields() -> list[str]:
    """Of the committed schema, but subscriptions, which have a protocol of their own."""
    from graphql import build_schema

    schema = build_schema(SDL.read_text("utf-8"))
    kinds = (schema.query_type, schema.mutation_type)
    return [f"{kind.name}.{name}" for kind in kinds if kind is not None for name in kind.fields]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A gateway over a sandbox of its own, and its administrator's client."""
    if find_spec("schemathesis") is None:
        missing("the package schemathesis is not installed; `poe strangers` installs it")
    folder = tmp_path_factory.mktemp("gateway")
    with create_server(("127.0.0.1", 0)) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        opened = open_sandbox(base, folder=folder / "sandbox")
        demo = create_demo(opened, f"sqlite+aiosqlite:///{folder / 'gateway.db'}")
        try:
            with serving(demo.app, listener):
                token = opened.identity.issue(ADMIN, GATEWAY_RESOURCE)
                headers = {"Authorization": f"Bearer {token}"}
                with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as client:
                    yield client
        finally:
            opened.close()


def operations(field: str) -> "SearchStrategy[Any]":
    import schemathesis

    kind, _, name = field.partition(".")
    schema = schemathesis.graphql.from_path(str(SDL))
    strategy: SearchStrategy[Any] = schema[kind][name].as_strategy()
    return strategy


@pytest.mark.parametrize("field", root_fields())
def test_no_operation_breaks_the_gateway(gateway: httpx.Client, field: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operations(field))
    def ask(case: Any) -> None:
        answer = gateway.post("/graphql", json={"query": case.body})
        assert answer.status_code < 500, case.body
        codes = [each.get("extensions", {}).get("code") for each in answer.json().get("errors") or ()]
        assert None not in codes, case.body
        assert "INTERNAL_ERROR" not in codes, case.body

    ask()
