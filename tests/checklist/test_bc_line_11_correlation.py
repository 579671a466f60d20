"""Business Central, line 11: every error message ends in two blanks, `CorrelationId:`, two blanks, a GUID and a full stop."""

import re
from typing import Any

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from tests.checklist.answers import first, row

pytestmark = pytest.mark.anyio

SUFFIX = re.compile(r".*\S  CorrelationId:  ([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\.", re.DOTALL)
GONE = "3f0c0000-0000-4000-8000-000000000999"


def correlation(error: dict[str, Any]) -> str:
    match = SUFFIX.fullmatch(error["message"])
    assert match, error
    return match[1]


REFUSALS: list[tuple[str, str, object, int]] = [
    ("GET", "nothing", None, 404),
    ("GET", f"customers({GONE})", None, 404),
    ("GET", "customers(C00210)", None, 400),
    ("GET", "customers?$filter=nope eq 1", None, 400),
    ("GET", "customers?$filter=number eq", None, 400),
    ("GET", "customers?$filter=number in ('x')", None, 501),
    ("GET", "customers?$top=many", None, 400),
    ("GET", "customers?aid=FIN&$skiptoken=x", None, 400),
    ("GET", f"customers?$select={'x' * 8200}", None, 414),
    ("GET", "salesOrderLines", None, 400),
    ("GET", "customers()", None, 400),
    ("GET", "customers((", None, 400),
    ("POST", "customers", {}, 400),
    ("POST", "customers", [], 400),
    ("POST", "customers", {"displayName": "x", "nope": 1}, 400),
    ("POST", "customers", {"displayName": "x" * 101}, 400),
    ("POST", "customers", {"displayName": "x", "number": "C00210"}, 400),
    ("POST", "customers", {"displayName": "x", "salespersonCode": "QQ"}, 400),
    ("POST", "customers", {"displayName": "x", "blocked": "Foo"}, 400),
    ("POST", "customerFinancialDetails", {}, 405),
    ("PUT", "customers", {}, 405),
    ("PATCH", f"customers({GONE})", {"city": "Oslo"}, 400),
    ("DELETE", f"customers({GONE})", None, 404),
    ("POST", f"salesOrders({GONE})/Microsoft.NAV.shipAndInvoice", None, 404),
    ("POST", f"salesOrders({GONE})/Microsoft.NAV.nothing", None, 404),
]


@pytest.mark.parametrize(("method", "address", "body", "status"), REFUSALS)
async def test_every_refusal_ends_in_a_correlation_id(
    business_central: httpx.AsyncClient, method: str, address: str, body: object, status: int
) -> None:
    answer = await business_central.request(method, address, json=body)
    assert answer.status_code == status, answer.text
    correlation(answer.json()["error"])


async def test_each_error_has_an_id_of_its_own(business_central: httpx.AsyncClient) -> None:
    errors = [(await business_central.get("nothing")).json()["error"] for _ in range(3)]
    assert len({correlation(error) for error in errors}) == 3


async def test_refusals_before_any_set_is_named_end_alike(sandbox: Sandbox, bc_root: httpx.AsyncClient) -> None:
    base = sandbox.addresses.business_central
    anonymous = {"Authorization": ""}
    for answer in (
        await bc_root.get("companies", headers=anonymous),
        await bc_root.get(base.replace("api/v2.0", "api/v9.0") + "/companies"),
        await bc_root.get("companies(00000000-0000-4000-8000-000000000000)/customers"),
        await bc_root.get("$batch"),
        await bc_root.post("$metadata"),
        await bc_root.post("$batch", json={"requests": [{}] * 101}),
        await bc_root.post("$batch", content="{"),
    ):
        assert answer.status_code >= 400
        correlation(answer.json()["error"])


async def test_a_stale_etag_ends_alike(business_central: httpx.AsyncClient) -> None:
    customer = await first(business_central, "customers?$top=1")
    headers = {"If-Match": customer["@odata.etag"]}
    for status in (200, 409):
        answer = await business_central.patch(f"customers({customer['id']})", json={"city": "Oslo"}, headers=headers)
        assert answer.status_code == status
    correlation(answer.json()["error"])


async def test_failed_parts_of_a_batch_end_alike(sandbox: Sandbox, bc_root: httpx.AsyncClient) -> None:
    company = f"companies({sandbox.company.company_id})"
    operations = [
        {"id": "1", "method": "GET", "url": f"{company}/nothing"},
        {"id": "2", "method": "GET", "url": f"{company}/customers({GONE})"},
        {"id": "3", "method": "GET", "url": f"{company}/customers", "dependsOn": ["1"]},
    ]
    headers = {"Accept": "application/json", "Prefer": "odata.continue-on-error"}
    answers = row(await bc_root.post("$batch", json={"requests": operations}, headers=headers))["responses"]
    assert [answer["status"] for answer in answers] == [404, 404, 424]
    assert len({correlation(answer["body"]["error"]) for answer in answers}) == 3
