"""What is posted to us is read, whatever it is, or refused; nothing else ever comes of it."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidInputError
from gateway.triggers.hook_messages import BcChange, CrmChange, read_business_central, read_dataverse

COMPANY, RECORD = UUID("1b2c0000-0000-4000-8000-000000000001"), UUID("3f0c0000-0000-4000-8000-000000000002")
ROW = {
    "subscriptionId": "9c41",
    "clientState": "s3cret",
    "expirationDateTime": "2026-05-07T07:41:00Z",
    "resource": f"api/v2.0/companies({COMPANY})/customers({RECORD})",
    "changeType": "updated",
    "lastModifiedDateTime": "2026-05-04T07:41:22.37Z",
}
CONTEXT = {
    "MessageName": "Update",
    "PrimaryEntityName": "account",
    "PrimaryEntityId": str(RECORD),
    "UserId": str(COMPANY),
    "InputParameters": [
        {"key": "Other", "value": None},
        {"key": "Target", "value": {"Attributes": [{"key": "modifiedon", "value": "/Date(1777880482000)/"}]}},
    ],
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_a_notification_of_business_central() -> None:
    gone = ROW | {"changeType": "deleted", "resource": f"/{ROW['resource']}"}
    collected = ROW | {
        "changeType": "collection",
        "resource": f"api/v2.0/companies({COMPANY})/customers?$filter=lastModifiedDateTime%20gt%202026-05-04T07:41:22Z",
    }
    at = datetime(2026, 5, 4, 7, 41, 22, 370_000, UTC)
    assert read_business_central(json.dumps({"value": [ROW, gone, collected]}).encode()) == [
        BcChange("9c41", "s3cret", COMPANY, "customers", RECORD, False, at),
        BcChange("9c41", "s3cret", COMPANY, "customers", RECORD, True, at),
        BcChange("9c41", "s3cret", COMPANY, "customers", None, False, at),
    ]
    assert "s3cret" not in repr(read_business_central(json.dumps({"value": [ROW]}).encode()))


def test_a_message_of_dataverse() -> None:
    at = datetime(2026, 5, 4, 7, 41, 22, tzinfo=UTC)
    whole = json.dumps(CONTEXT).replace("/", "\\/")
    assert read_dataverse(whole.encode()) == CrmChange("account", RECORD, False, at, COMPANY)
    shortened = {name: value for name, value in CONTEXT.items() if name not in ("InputParameters", "UserId")}
    assert read_dataverse(json.dumps(shortened).encode()) == CrmChange("account", RECORD, False, None, None)
    deleted = CONTEXT | {"MessageName": "Delete", "InputParameters": [{"key": "Target", "value": {"Id": str(RECORD)}}]}
    assert read_dataverse(json.dumps(deleted).encode()).deleted


@given(body=st.binary() | ANYTHING.map(lambda each: json.dumps(each).encode()))
def test_no_body_breaks_it(body: bytes) -> None:
    for read in (read_business_central, read_dataverse):
        with suppress(InvalidInputError):
            read(body)


@given(name=st.sampled_from(sorted(ROW)), value=ANYTHING)
def test_no_value_in_a_notification_breaks_it(name: str, value: object) -> None:
    try:
        (found,) = read_business_central(json.dumps({"value": [ROW | {name: value}]}).encode())
    except InvalidInputError:
        assert name not in ("expirationDateTime", "lastModifiedDateTime"), "what is not needed is not looked at"
    else:
        assert found.set_name == "customers"


@given(name=st.sampled_from(sorted(CONTEXT)), value=ANYTHING)
def test_no_value_in_a_message_breaks_it(name: str, value: object) -> None:
    try:
        read_dataverse(json.dumps(CONTEXT | {name: value}).encode())
    except InvalidInputError:
        assert name != "InputParameters"


@pytest.mark.parametrize(
    "resource",
    [
        f"https://elsewhere.example/api/v2.0/companies({COMPANY})/customers({RECORD})",
        f"api/v2.0/companies({COMPANY})/customers({RECORD})/salesOrders",
        f"api/v2.0/companies({COMPANY})/customers({RECORD})\n",
        f"api/v2.0/companies({COMPANY})/customers",
        f"api/v2.0/companies({COMPANY})/../customers({RECORD})",
        f"api/v2.0/companies({'-' * 36})/customers({RECORD})",
    ],
)
def test_only_a_record_of_a_company_is_a_resource(resource: str) -> None:
    with pytest.raises(InvalidInputError):
        read_business_central(json.dumps({"value": [ROW | {"resource": resource}]}).encode())
