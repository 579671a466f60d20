"""Both simulators, served by whoever kills: they outlive every gateway, and what reached them is carried out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.json_text import dumps
from gateway.sandbox.app import Sandbox, open_sandbox
from gateway.sandbox.identity.registrations import BUSINESS_CENTRAL_RESOURCE, GATEWAY
from gateway.server import listen


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Any:
        yield  # they are for whoever serves


@dataclass(slots=True)
class FarEnd:
    """An address that stays, and behind it one sandbox after the other."""

    base: str
    sandbox: Sandbox | None = None
    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)

    def open(self, folder: Path) -> Sandbox:
        """The sandbox that keeps its data there takes the place of the one before."""
        self.close()
        self.sandbox = open_sandbox(self.base, folder=folder)
        self.app = self.sandbox.app()
        return self.sandbox

    def close(self) -> None:
        if self.sandbox is not None:
            self.sandbox.close()
            self.sandbox = self.app = None

    async def in_business_central(self, method: str, path: str, body: object = None) -> Any:
        """Something that somebody does there; ``path`` is below the company."""
        assert self.sandbox is not None
        company = self.sandbox.company.company_id
        url = f"{self.sandbox.addresses.business_central}/companies({company})/{path}"
        return await self._ask(BUSINESS_CENTRAL_RESOURCE, method, url, body)

    async def in_dataverse(self, method: str, path: str, body: object = None) -> Any:
        assert self.sandbox is not None
        url = f"{self.sandbox.addresses.dataverse}/api/data/v9.2/{path}"
        return await self._ask(self.sandbox.addresses.dataverse, method, url, body)

    async def all(self, crm: bool, path: str) -> list[Any]:
        """Every row, over all pages."""
        ask = self.in_dataverse if crm else self.in_business_central
        page = await ask("GET", path)
        rows = list(page["value"])
        while (link := page.get("@odata.nextLink")) is not None:
            page = await ask("GET", link)
            rows += page["value"]
        return rows

    async def _ask(self, resource: str, method: str, url: str, body: object) -> Any:
        assert self.sandbox is not None
        assert self.app is not None
        headers = {"Authorization": f"Bearer {self.sandbox.identity.issue(GATEWAY, resource)}"}
        headers |= {"If-Match": "*"} if method in ("PATCH", "DELETE") else {}
        content = None if body is None else dumps(body)
        headers["Content-Type"] = "application/json"
        url = url[url.rindex("http") :]  # a link to a next page is an address of its own
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app)) as http:
            answer = await http.request(method, url, content=content, headers=headers)
        assert answer.is_success, f"{method} {url}: {answer.text}"
        return answer.json() if answer.content else None


@asynccontextmanager
async def far_end() -> AsyncIterator[FarEnd]:
    listener = listen("127.0.0.1", 0)
    end = FarEnd(f"http://127.0.0.1:{listener.getsockname()[1]}")
    config = uvicorn.Config(end, log_config=None, access_log=False, lifespan="off")
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield end
    finally:
        server.should_exit = server.force_exit = True
        await task
        listener.close()
        end.close()
