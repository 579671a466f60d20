"""A real tenant is only read unless its owner says otherwise."""

from collections.abc import Mapping
from uuid import UUID

import httpx
import pytest

from gateway.clients.business_central import BusinessCentralWrites
from gateway.clients.dataverse import DataverseWrites
from gateway.odata.batch import JSON_BATCHES, MULTIPART_BATCHES, Batches
from gateway.odata.write import Asked, Create, CreateWith, Delete, Request, Update, Write, Writes
from tests.contract.conftest import ReadOnly, only_reads

pytestmark = pytest.mark.anyio

BASE, ONE, ETAG = "https://tenant.example/api/", UUID(int=1), 'W/"1"'
READ = Request("GET", "customers?$top=1")
WRITES: list[Write] = [Create("x", ONE, {"a": "GET"}), Update("x", ONE, {"a": 1}, ETAG), Delete("x", ONE, ETAG)]
DIALECTS: dict[str, tuple[Writes, Batches]] = {
    "Business Central": (BusinessCentralWrites(), JSON_BATCHES),
    "Dataverse": (DataverseWrites(), MULTIPART_BATCHES),
}


def batch(batches: Batches, *requests: Asked, together: bool = False) -> httpx.Request:
    envelope = batches.write(requests, BASE, together=together)
    headers: Mapping[str, str] = envelope.headers
    return httpx.Request("POST", f"{BASE}$batch", headers=headers, content=envelope.content)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("write", WRITES, ids=lambda write: type(write).__name__)
def test_a_write_is_told_from_a_read_alone_and_in_a_batch(name: str, write: Write) -> None:
    writes, batches = DIALECTS[name]
    request = writes.request(write)

    assert isinstance(request, Request)
    assert not only_reads(httpx.Request(request.method, BASE + request.url))
    assert not only_reads(batch(batches, READ, request))
    assert not only_reads(batch(batches, request, together=True))
    assert only_reads(batch(batches, READ, READ))


@pytest.mark.parametrize("name", DIALECTS)
def test_rows_below_a_new_one_are_a_write(name: str) -> None:
    writes, batches = DIALECTS[name]
    below = (Create("invoicedetails", UUID(int=2), {}),)
    request = writes.request(CreateWith(Create("invoices", UUID(int=1), {}), "invoice_details", below))

    assert not only_reads(batch(batches, READ, request))


async def test_a_write_does_not_leave() -> None:
    left: list[str] = []

    def note(request: httpx.Request) -> httpx.Response:
        left.append(request.method)
        return httpx.Response(200)

    async with httpx.AsyncClient(transport=ReadOnly(httpx.MockTransport(note))) as http:
        await http.get(BASE)
        for method in ("POST", "PATCH", "PUT", "DELETE"):
            with pytest.raises(AssertionError, match="GATEWAY_LIVE_WRITES"):
                await http.request(method, f"{BASE}customers")

    assert left == ["GET"]
