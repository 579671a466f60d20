"""What tests read in answers of Business Central."""

from typing import Any

import httpx

Row = dict[str, Any]


def rows(response: httpx.Response) -> list[Row]:
    """The rows of a page."""
    assert response.status_code == 200, response.text
    value: list[Row] = response.json()["value"]
    return value


def row(response: httpx.Response, status: int = 200) -> Row:
    """The one row of an answer."""
    assert response.status_code == status, response.text
    value: Row = response.json()
    return value


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Status and code of an error."""
    return response.status_code, response.json()["error"]["code"]


async def first(client: httpx.AsyncClient, address: str) -> Row:
    """The first row that an address with a filter finds."""
    return rows(await client.get(address))[0]
