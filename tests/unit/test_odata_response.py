"""Answers as records and errors: pages, exact numbers, absent values, and every shape an error comes in."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clients.business_central import without_defaults
from gateway.errors import (
    BackendError,
    FailedError,
    NotFoundError,
    PreconditionFailedError,
    ProtocolError,
    RefusedError,
    RejectedError,
    ThrottledError,
    TooSlowError,
    UnreachableError,
)
from gateway.odata.response import page_of, read_error, read_json, read_object, read_page, retry_after_seconds
from gateway.records import Backend, Record

NOW = datetime(2026, 11, 16, 8, 30, tzinfo=UTC)
BC = Backend.BUSINESS_CENTRAL
DATAVERSE = Backend.DATAVERSE


def same(value: object) -> object:
    return value


def error_of(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> BackendError:
    return read_error(status, headers or {}, body, backend=BC, now=NOW)


def test_a_page_has_records_a_next_link_and_a_count() -> None:
    body = b"""{"@odata.context": "https://bc.example/$metadata#customers", "@odata.count": 7,
        "value": [{"@odata.etag": "W/\\"1\\"", "number": "10000", "balance@odata.type": "#Decimal", "balance": 1.10}],
        "@odata.nextLink": "https://bc.example/customers?aid=FIN&$skiptoken=x"}"""

    page = read_page(body, backend=BC, normalize=same)

    assert page.records == (Record({"number": "10000", "balance": Decimal("1.10")}, etag='W/"1"'),)
    assert page.next_link == "https://bc.example/customers?aid=FIN&$skiptoken=x"
    assert page.count == 7


def test_the_last_page_has_no_next_link_and_an_uncounted_one_no_count() -> None:
    page = read_page(b'{"value": []}', backend=BC, normalize=same)

    assert (page.records, page.next_link, page.count) == ((), None, None)


def test_a_byte_order_mark_does_not_disturb() -> None:
    assert read_page(b'\xef\xbb\xbf{"value": []}', backend=BC, normalize=same).records == ()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=5))
@settings(deadline=None)
def test_a_decimal_arrives_exactly_as_it_was_sent(value: Decimal) -> None:
    record = read_object(b'{"amount": %s}' % format(value, "f").encode(), backend=BC, normalize=same)

    assert str(record.values["amount"]) == format(value, "f")


def test_expanded_rows_are_nested_values_without_control_information() -> None:
    body = b"""{"value": [{"number": "S1", "customer": {"@odata.etag": "x", "number": "10000", "blocked": "_x0020_"},
        "salesOrderLines": [{"id": "1", "item": {"price": 0.30, "note": ""}}, {"id": "2", "item": null}],
        "accountid_account@odata.bind": "ignored", "none": []}]}"""

    page = read_page(body, backend=BC, normalize=without_defaults)

    assert page.records[0].values == {
        "number": "S1",
        "customer": {"number": "10000", "blocked": None},
        "salesOrderLines": [
            {"id": "1", "item": {"price": Decimal("0.30"), "note": None}},
            {"id": "2", "item": None},
        ],
        "none": [],
    }


DEFAULTS: dict[str, object] = {
    "empty text": "",
    "first date": "0001-01-01",
    "first moment": "0001-01-01T00:00:00Z",
    "zero guid": "00000000-0000-0000-0000-000000000000",
    "blank choice": "_x0020_",
    "null": None,
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_default_of_business_central_is_no_value(name: str) -> None:
    assert without_defaults(DEFAULTS[name]) is None


KEPT: dict[str, object] = {
    "zero": 0,
    "zero with scale": Decimal("0.00"),
    "false": False,
    "true": True,
    "a blank": " ",
    "the digit zero": "0",
    "a date": "2026-11-16",
    "a choice": "Item",
}


@pytest.mark.parametrize("name", KEPT)
def test_zero_and_false_and_real_text_stay_values(name: str) -> None:
    assert without_defaults(KEPT[name]) is KEPT[name]


NO_COLLECTIONS = {
    "an object": b'{"number": "1"}',
    "a list": b"[]",
    "a value that is no list": b'{"value": {}}',
    "rows that are no objects": b'{"value": [1]}',
    "null": b"null",
}


@pytest.mark.parametrize("name", NO_COLLECTIONS)
def test_json_that_is_no_collection_is_a_protocol_error(name: str) -> None:
    with pytest.raises(ProtocolError, match="not a collection") as caught:
        read_page(NO_COLLECTIONS[name], backend=DATAVERSE, normalize=same)

    assert caught.value.backend == DATAVERSE


def test_links_and_counts_of_another_type_are_as_if_absent() -> None:
    document = {"value": [], "@odata.nextLink": 1, "@odata.count": "7"}

    page = page_of(document, backend=BC, normalize=same)

    assert (page.next_link, page.count) == (None, None)


NO_JSON = {
    "truncated": b'{"value": [{"number": "100',
    "html": b"<html><body>Bad gateway</body></html>",
    "empty": b"",
    "bad utf-8": b'{"name": "\xff\xfe"}',
    "endless digits": b"1" * 5_000,
    "endless depth": b"[" * 200_000,
}


@pytest.mark.parametrize("name", NO_JSON)
def test_a_body_that_is_no_json_is_a_protocol_error(name: str) -> None:
    with pytest.raises(ProtocolError, match="not JSON"):
        read_json(NO_JSON[name], backend=BC)


def test_an_object_answer_that_is_a_list_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="not an object"):
        read_object(b"[]", backend=BC, normalize=same)


KINDS: dict[int, type[BackendError]] = {
    301: RejectedError,
    400: RejectedError,
    401: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    405: RejectedError,
    408: TooSlowError,
    409: PreconditionFailedError,
    412: PreconditionFailedError,
    413: RejectedError,
    415: RejectedError,
    422: RejectedError,
    429: ThrottledError,
    500: FailedError,
    501: RejectedError,
    502: UnreachableError,
    503: UnreachableError,
    504: TooSlowError,
    507: FailedError,
}


@pytest.mark.parametrize("status", KINDS)
def test_the_status_chooses_the_error(status: int) -> None:
    error = error_of(status, b'{"error": {"code": "SomeCode", "message": "Because."}}')

    assert type(error) is KINDS[status]
    assert (error.backend, error.status, error.vendor_code) == (BC, status, "SomeCode")
    assert error.message.startswith("Business Central ")
    assert error.message.endswith(f"({status}): Because." if status < 500 or status == 501 else f"({status}).")


def test_a_correlation_id_of_business_central_moves_from_the_message_to_the_request_id() -> None:
    message = "The Customer does not exist.  CorrelationId:  2d9f0f0e-6c1d-4f6e-9a5e-1b9f3c0c7d10."
    body = json.dumps({"error": {"code": "Internal_RecordNotFound", "message": message}}).encode()

    error = error_of(404, body, {"request-id": "another"})

    assert error.message == "Business Central has no such thing (404): The Customer does not exist."
    assert error.request_id == "2d9f0f0e-6c1d-4f6e-9a5e-1b9f3c0c7d10"
    assert error.extensions == {
        "code": "BACKEND_NOT_FOUND",
        "backend": "BUSINESS_CENTRAL",
        "status": 404,
        "vendorCode": "Internal_RecordNotFound",
        "requestId": "2d9f0f0e-6c1d-4f6e-9a5e-1b9f3c0c7d10",
    }


def test_a_correlation_id_within_a_sentence_stays_there() -> None:
    message = "CorrelationId:  2d9f0f0e-6c1d-4f6e-9a5e-1b9f3c0c7d10 is not known to us"
    error = error_of(400, json.dumps({"error": {"message": message}}).encode())

    assert message in error.message
    assert error.request_id is None


@pytest.mark.parametrize("header", ["request-id", "x-ms-service-request-id", "req_id", "ms-correlation-x"])
def test_the_request_id_is_read_from_the_headers_of_either_backend(header: str) -> None:
    assert error_of(500, b"", {header: "abc-1"}).request_id == "abc-1"


def test_an_unknown_environment_is_told_from_its_xml() -> None:
    body = b"""<?xml version="1.0" encoding="utf-8"?>
        <error xmlns="http://docs.oasis-open.org/odata/ns/metadata"><code>NoEnvironment</code>
        <message>Environment does not exist.</message></error>"""

    error = error_of(404, body)

    assert isinstance(error, NotFoundError)
    assert error.vendor_code == "NoEnvironment"
    assert error.message.endswith("(404): Environment does not exist.")


def test_xml_with_a_document_type_is_not_read() -> None:
    body = b"""<?xml version="1.0"?><!DOCTYPE error [<!ENTITY a "boom">]>
        <error><code>Evil</code><message>&a;</message></error>"""

    error = error_of(400, body)

    assert (error.vendor_code, error.message) == (None, "Business Central rejected the request (400).")


SILENT: dict[str, tuple[int, bytes]] = {
    "empty 401": (401, b""),
    "html 502": (502, b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"),
    "truncated json": (500, b'{"error": {"code": "Internal_'),
    "truncated xml": (404, b'<?xml version="1.0"?><error><code>NoEnv'),
    "an error that is text": (400, b'{"error": "invalid"}'),
    "an error that is null": (400, b'{"error": null}'),
    "a list": (400, b'[{"error": {}}]'),
    "no error in it": (400, b'{"value": []}'),
    "a code that is a number": (400, b'{"error": {"code": 5, "message": 7}}'),
    "a code that is empty": (400, b'{"error": {"code": "", "message": ""}}'),
    "bad utf-8": (400, b'{"error": {"message": "\xff"}}'),
    "endless depth": (400, b'{"a":' * 200_000),
}


@pytest.mark.parametrize("name", SILENT)
def test_a_body_that_says_nothing_leaves_status_and_backend(name: str) -> None:
    status, body = SILENT[name]

    error = error_of(status, body)

    assert type(error) is KINDS[status]
    assert error.vendor_code is None
    assert error.message.endswith(f"({status}).")


def test_a_numeric_code_does_not_hide_the_message() -> None:
    error = error_of(400, b'{"error": {"code": -2147220969, "message": "Does not exist"}}')

    assert (error.vendor_code, error.message) == (None, "Business Central rejected the request (400): Does not exist")


RETRY_AFTER: dict[str, float | None] = {
    "7": 7.0,
    "0": 0.0,
    "1.5": 1.5,
    "-3": 0.0,
    "Mon, 16 Nov 2026 08:30:42 GMT": 42.0,
    "Mon, 16 Nov 2026 10:31:00 +0200": 60.0,
    "Mon, 16 Nov 2026 08:29:00 GMT": 0.0,
    "soon": None,
    "": None,
    "Mon, 99 Nov 2026 08:30:42 GMT": None,
}


@pytest.mark.parametrize("value", RETRY_AFTER)
def test_retry_after_is_seconds_or_a_date(value: str) -> None:
    assert retry_after_seconds(value, now=NOW) == RETRY_AFTER[value]
    assert error_of(429, b"", {"retry-after": value}).retry_after_seconds == RETRY_AFTER[value]


def test_without_retry_after_there_is_none() -> None:
    assert retry_after_seconds(None, now=NOW) is None
    assert "retryAfter" not in error_of(429).extensions


FAULT_LIKE = st.builds(
    lambda start, rest: start + rest,
    st.sampled_from([b"", b"{", b'{"error":', b"<?xml ", b'<?xml version="1.0"?>', b"<error>", b"[", b"<!", b"null"]),
    st.binary(max_size=200),
)


@given(
    status=st.integers(min_value=100, max_value=599),
    body=FAULT_LIKE,
    headers=st.dictionaries(st.sampled_from(["retry-after", "request-id", "req_id"]), st.text(max_size=20)),
    backend=st.sampled_from(list(Backend)),
)
@settings(deadline=None)
def test_no_answer_whatsoever_breaks_the_reading_of_errors(
    status: int, body: bytes, headers: dict[str, str], backend: Backend
) -> None:
    error = read_error(status, headers, body, backend=backend, now=NOW)

    assert error.status == status
    assert error.backend == backend
    assert error.message.startswith(backend.label)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "code", "message", "value"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
@settings(deadline=None)
def test_json_of_any_shape_is_an_error_or_a_page_and_nothing_else(document: object) -> None:
    body = json.dumps(document).encode()

    assert isinstance(error_of(400, body), RejectedError)
    try:
        page = read_page(body, backend=BC, normalize=without_defaults)
    except ProtocolError:
        return
    assert isinstance(document, dict)
    assert len(page.records) == len(document["value"])
