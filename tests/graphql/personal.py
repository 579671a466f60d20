"""A gateway that asks CRM on behalf of its callers, and an account that one of two may not see there."""

import shutil
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from gateway.config import ActsAs
from gateway.sandbox.app import open_sandbox
from gateway.sandbox.identity.people import SALES, Person
from tests.graphql.api import Api, start

NUMBER = "C00052"
"""A customer whose account belongs to another business unit than the salesperson's."""

NAME, KEY = "Veiled Holding", "VEIL-1"


class Personal:
    """A gateway that asks CRM on behalf of its callers, and one account that ``SALES`` may not see there."""

    def __init__(self, api: Api, account: str, customer: str) -> None:
        self.api = api
        self.account = account
        self.customer = customer
        self.account_id = ""
        self.coupling_id = ""

    @property
    def words(self) -> list[str]:
        """What nobody may read who may not see the account; the global id they sent themselves does not count."""
        return [NAME, KEY, self.account]

    async def ask(self, query: str, variables: dict[str, Any] | None = None, *, person: Person = SALES) -> Any:
        return await self.api.ask(query, variables, person=person, explain=False)


async def opened(files: Path, folder: Path, stack: AsyncExitStack, **settings: Any) -> Api:
    shutil.copytree(files, folder, dirs_exist_ok=True)
    sandbox = open_sandbox("http://localhost", folder=folder / "sandbox")
    stack.callback(sandbox.close)
    database = f"sqlite+aiosqlite:///{folder / 'gateway.db'}"
    return await start(sandbox, database, stack, **({"dataverse_as": ActsAs.ON_BEHALF_OF} | settings))


def leaks(personal: Personal, answer: Any) -> list[str]:
    return [word for word in personal.words if word in str(answer.body)]
