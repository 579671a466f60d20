"""What the README shows is what is answered."""

import json
import re
from pathlib import Path

import pytest

from tests.graphql.api import Api

pytestmark = pytest.mark.anyio

SHOWN = re.findall(
    r"```graphql\n(.*?)```\s+```json\n(.*?)```", Path("README.md").read_text(encoding="utf-8"), re.DOTALL
)


@pytest.mark.parametrize(("query", "answer"), SHOWN, ids=[f"query {number}" for number in range(len(SHOWN))])
async def test_a_query_of_the_readme_has_the_answer_that_stands_below_it(api: Api, query: str, answer: str) -> None:
    found = await api.ask(query, explain=False)  # what a job asks is not the request's own
    assert found.errors == []
    assert found.data == json.loads(answer)


def test_the_readme_shows_a_query() -> None:
    assert SHOWN
