"""What people read when something fails: every sentence that the documentation quotes is really produced, word for word."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.sandbox.company import story
from tests.graphql.api import Api
from tests.graphql.problems import Problems
from tests.graphql.test_synchronize import OTHER, QUIET

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "synchronization-errors.md"
_OF_ONE_REQUEST = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BLANK, LONG, HIDDEN = "C00025", "C00027", "C00022"

Told = tuple[str, str, str]
"""Code, message and hint."""


def quoted() -> list[Told]:
    """The rows of the page's table."""
    rows = [
        line.strip("|").split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    return [(code.strip().strip("`"), message.strip(), hint.strip()) for code, message, hint in rows]


def told(found: Any) -> Told:
    message = _OF_ONE_REQUEST.sub("…", found["message"])
    return found["code"], " ".join(message.split()), found.get("hint") or ""


async def hide(runs: Problems, number: str) -> None:
    """Rights are gone that let the gateway see one account; CRM does not say that it is deleted."""
    hidden = (await runs.both(number))[1]
    id = hidden.removeprefix("accounts(").removesuffix(")")

    async def without(request: httpx.Request) -> httpx.Response:
        answer = await runs.api.dataverse.inner.handle_async_request(request)
        body = await answer.aread()
        if request.method == "GET" and "/accounts?" in str(request.url) and id.encode() in body:
            rows = answer.json()
            rows["value"] = [each for each in rows["value"] if each.get("accountid") != id]
            return httpx.Response(200, json=rows, request=request)
        return answer

    runs.api.dataverse.instead = without


async def test_what_the_documentation_quotes_is_what_people_read(own_api: Api) -> None:
    runs, produced = Problems(own_api), set[Told]()

    async def run(mapping: str = "CUSTOMER") -> None:
        job = await runs.modified(mapping)
        produced.update(told(each) for each in job["errors"]["nodes"])
        if job["code"] is not None:
            produced.add(told(job))

    for mapping in ("CUSTOMER", "ITEM", "OPPORTUNITY"):
        await run(mapping)
    _, blank = await runs.both(BLANK)
    await runs.api.in_dataverse("PATCH", blank, {"name": " "})
    _, long = await runs.both(LONG)
    await runs.api.in_dataverse("PATCH", long, {"telephone1": "+31 10 555 0100 or after six +31 6 555 0100"})
    _, owned = await runs.both(story.OWNER_GAP)
    await runs.api.in_dataverse("PATCH", owned, {"telephone1": "+31 10 555 0100"})
    await run()
    hidden, _ = await runs.both(HIDDEN)
    await runs.api.in_business_central("PATCH", hidden, {"city": "Delft"})
    await hide(runs, HIDDEN)
    await run()
    runs.api.dataverse.instead = None
    coupling, (bc, crm) = await runs.id_of(QUIET), await runs.both(QUIET)
    await runs.api.in_business_central("PATCH", bc, {"blocked": "All"})
    await runs.api.in_dataverse("DELETE", crm)
    produced.add(told(await runs.restore(coupling)))
    produced.add(told(await runs.restore(await runs.id_of(OTHER))))

    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away")

    runs.api.dataverse.instead = away
    await run()
    rows = quoted()
    assert all(hint for _, _, hint in produced), "whatever it is, it says what to do"
    assert len(rows) >= 10
    assert [row for row in rows if row not in produced] == []
