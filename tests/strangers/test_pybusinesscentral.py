"""pybusinesscentral, a public client of the Business Central API v2.0 with strict models, works against the simulator.

Source: the package's own documentation; it was generated from a description of the real service.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.company.story import BILLS_IN_USD, HARBOUR

if TYPE_CHECKING:
    from tests.strangers.typed_client import TypedClient

pytestmark = pytest.mark.strangers

FIRST_OF_ALL_DAYS = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def customer(pybusinesscentral: "TypedClient") -> str:
    """A customer of the test's own."""
    return str(pybusinesscentral.create_customer(display_name="Stranger").id)


def refused(status: int, code: str) -> AbstractContextManager[Any]:
    """What the package raises carries this status, and the body this code."""
    from tests.strangers.typed_client import refusal

    def checked(error: BaseException) -> bool:
        return refusal(error) == (status, code)

    return pytest.raises(Exception, check=checked)


def test_it_lists_the_companies(pybusinesscentral: "TypedClient", sandbox: Sandbox) -> None:
    found = pybusinesscentral.companies.list_companies().value
    assert [company.id for company in found] == [sandbox.company.company_id]
    assert pybusinesscentral.companies.get_company(found[0].id).name == sandbox.company.company_name


def test_it_reads_a_customer_into_its_model(pybusinesscentral: "TypedClient") -> None:
    [found] = pybusinesscentral.find_customers(filter=f"number eq '{HARBOUR}'", select=["id", "number"])
    assert (found.number, found.display_name) == (HARBOUR, None)
    whole = pybusinesscentral.customer(found.id)
    assert (whole.display_name, whole.type, whole.blocked) == ("Harbour Bikes BV", "Company", "_x0020_")
    assert whole.last_modified_date_time > FIRST_OF_ALL_DAYS


def test_every_customer_fits_its_model(pybusinesscentral: "TypedClient", sandbox: Sandbox) -> None:
    assert len(pybusinesscentral.find_customers()) >= sandbox.company.customers


def test_it_expands_what_a_customer_refers_to(pybusinesscentral: "TypedClient") -> None:
    [found] = pybusinesscentral.find_customers(filter=f"number eq '{BILLS_IN_USD}'", expand=["currency", "paymentTerm"])
    assert found.currency.code == "USD"
    assert found.payment_term.code
    assert found.payment_term.id == found.payment_terms_id


def test_it_takes_the_first_and_leaves_some_out(pybusinesscentral: "TypedClient") -> None:
    first = pybusinesscentral.find_customers(top=3)
    assert [row.id for row in pybusinesscentral.find_customers(top=2, skip=1)] == [row.id for row in first[1:]]


def test_it_pages_by_the_link_of_the_page_before(pybusinesscentral: "TypedClient", sandbox: Sandbox) -> None:
    ids: list[str] = []
    sizes: list[int] = []
    url: str | None = pybusinesscentral.absolute("items?$select=id")
    while url:
        page = pybusinesscentral.page(url, size=70)
        ids += [row["id"] for row in page["value"]]
        sizes.append(len(page["value"]))
        url = page.get("@odata.nextLink")
    assert len(set(ids)) == len(ids) == sandbox.company.items
    assert sizes == [70, 70, 70, 70, 20]


def test_it_creates_a_customer(pybusinesscentral: "TypedClient") -> None:
    made = pybusinesscentral.create_customer(display_name="Übergröße & Söhne", currency_code="USD")
    assert made.number
    again = pybusinesscentral.customer(made.id)
    assert again == made
    assert (again.display_name, again.currency_code) == ("Übergröße & Söhne", "USD")


def test_a_client_may_choose_the_id(pybusinesscentral: "TypedClient") -> None:
    key = str(uuid4())
    assert pybusinesscentral.create_customer(id=key, display_name="Chosen").id == key
    with refused(400, "Internal_EntityWithSameKeyExists"):
        pybusinesscentral.create_customer(id=key, display_name="Chosen twice")


def test_it_updates_only_the_row_it_has_read(pybusinesscentral: "TypedClient", customer: str) -> None:
    etag = pybusinesscentral.etag(customer)
    assert pybusinesscentral.update_customer(customer, etag, phone_number="mine").phone_number == "mine"
    with refused(409, "Request_EntityChanged"):
        pybusinesscentral.update_customer(customer, etag, phone_number="stale")
    pybusinesscentral.update_customer(customer, "*", phone_number="forced")
    assert pybusinesscentral.customer(customer).phone_number == "forced"


def test_an_update_never_creates(pybusinesscentral: "TypedClient") -> None:
    with refused(404, "Internal_RecordNotFound"):
        pybusinesscentral.update_customer(str(uuid4()), "*", display_name="Nobody")


def test_it_deletes_a_customer_once(pybusinesscentral: "TypedClient", customer: str) -> None:
    pybusinesscentral.delete_customer(customer)
    for gone in (pybusinesscentral.customer, pybusinesscentral.delete_customer):
        with refused(404, "Internal_RecordNotFound"):
            gone(customer)


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        (lambda client: client.find_customers(select=["nope"]), 400, "BadRequest"),
        (
            lambda client: client.find_customers(filter="city eq 'A' or number eq 'B'"),
            501,
            "BadRequest_MethodNotImplemented",
        ),
        (lambda client: client.create_customer(phone_number="1"), 400, "Application_DialogException"),
        (lambda client: client.update_customer(str(uuid4()), "x", phone_number="1"), 400, "BadRequest_InvalidToken"),
    ],
)
def test_it_is_told_what_was_wrong(
    pybusinesscentral: "TypedClient", wish: Callable[["TypedClient"], object], status: int, code: str
) -> None:
    with refused(status, code):
        wish(pybusinesscentral)


def test_it_keeps_a_code_table(pybusinesscentral: "TypedClient") -> None:
    code = uuid4().hex[:10].upper()
    made = pybusinesscentral.create_payment_term(code=code, display_name="Stranger's", discount_percent=2.5)
    assert (made.code, made.discount_percent) == (code, 2.5)
    terms = pybusinesscentral.payment_terms
    assert code in [term.code for term in terms.list_payment_terms(pybusinesscentral.company).value]
    terms.delete_payment_term(pybusinesscentral.company, made.id)
    with refused(404, "Internal_RecordNotFound"):
        terms.get_payment_term(pybusinesscentral.company, made.id)


def test_it_reads_and_writes_in_one_batch(pybusinesscentral: "TypedClient", customer: str) -> None:
    row = pybusinesscentral.address(f"customers({customer})")
    write = {"Content-Type": "application/json", "If-Match": "*"}
    answers = pybusinesscentral.batch(
        [
            {"id": "read", "method": "GET", "url": row, "headers": {}},
            {"id": "write", "method": "PATCH", "url": row, "headers": write, "body": {"phoneNumber": "batched"}},
            {"id": "bad", "method": "GET", "url": pybusinesscentral.address("nonsense"), "headers": {}},
            {"id": "late", "method": "GET", "url": row, "headers": {}},
        ],
        Prefer="odata.continue-on-error",
    )
    assert {name: answer["status"] for name, answer in answers.items()} == {
        "read": 200,
        "write": 200,
        "bad": 404,
        "late": 200,
    }
    assert (answers["read"]["body"]["phoneNumber"], answers["late"]["body"]["phoneNumber"]) == ("", "batched")
