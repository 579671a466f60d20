"""Links into both web clients are well formed whatever a number or a company is called."""

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from gateway.sync.links import WebClients, web_root
from gateway.sync.tables.customer import CUSTOMER
from gateway.sync.tables.salesperson import SALESPERSON

TENANT = "7a1e2f90-1111-4222-8333-94b5c6d7e8f9"
ROOT = f"https://businesscentral.dynamics.com/{TENANT}/Production"
WEB = WebClients(ROOT, "https://contoso.crm4.dynamics.com")


def test_a_record_of_business_central() -> None:
    assert WEB.record("Wheelhouse Supply", CUSTOMER.bc, "C00210") == (
        f"{ROOT}/?company=Wheelhouse%20Supply&page=21&filter=%27No.%27%20IS%20%27C00210%27"
    )


@pytest.mark.parametrize(
    ("number", "condition"),
    [
        ("C'0099", "'No.' IS 'C''0099'"),
        ("A&B=#1", "'No.' IS 'A&B=#1'"),
        ("ü/+%20", "'No.' IS 'ü/+%20'"),
        ("A\ud800B", "'No.' IS 'A?B'"),
    ],
)
def test_whatever_a_number_holds_arrives(number: str, condition: str) -> None:
    link = WEB.record("R&D, GmbH + Co.", CUSTOMER.bc, number)
    assert link is not None
    parts = urlsplit(link)
    assert parse_qs(parts.query) == {"company": ["R&D, GmbH + Co."], "page": ["21"], "filter": [condition]}
    assert parts.fragment == ""


def test_what_goes_by_a_code_is_filtered_by_it() -> None:
    link = WEB.record("Wheelhouse", SALESPERSON.bc, "JO")
    assert link is not None
    assert link.endswith("page=5116&filter=%27Code%27%20IS%20%27JO%27")


def test_a_row_of_crm() -> None:
    id = UUID("77c9a1f4-2e10-ef11-9f8a-000d3a2b1c0d")
    assert WEB.row(CUSTOMER.crm, id) == (
        f"https://contoso.crm4.dynamics.com/main.aspx?pagetype=entityrecord&etn=account&id={id}"
    )


def test_no_link_where_nobody_said_where_the_web_client_is() -> None:
    assert WebClients(None, "https://contoso.crm4.dynamics.com").record("Wheelhouse", CUSTOMER.bc, "C00210") is None


@pytest.mark.parametrize(
    ("api", "root"),
    [
        (f"https://api.businesscentral.dynamics.com/v2.0/{TENANT}/Production/api/v2.0", ROOT),
        (f"https://api.businesscentral.dynamics.com/v2.0/{TENANT}/My%20Test/api/v2.0", f"{ROOT[:-10]}My%20Test"),
        ("https://api.businesscentral.dynamics.com/v2.0/Production/api/v2.0", None),
        ("https://bc.contoso.example:7048/BC/api/v2.0", None),
        ("http://localhost:8000/sandbox/bc/v2.0/tenant/Production/api/v2.0", None),
    ],
)
def test_the_web_client_of_an_api(api: str, root: str | None) -> None:
    assert web_root(api) == root
