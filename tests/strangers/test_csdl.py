"""The OASIS committee's own CSDL converter and schema read the metadata documents of both simulators.

Source: OASIS, OData Common Schema Definition Language (CSDL) JSON and XML Representation 4.01.
"""

from typing import Any

import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.identity.registrations import BUSINESS_CENTRAL_RESOURCE, GATEWAY
from tests.strangers.conftest import missing
from tests.strangers.node import NodeClient, lacks

pytestmark = pytest.mark.strangers


@pytest.fixture
def csdl() -> NodeClient:
    for package in ("odata-csdl", "ajv"):
        if what := lacks(package):
            missing(what)
    return NodeClient("csdl", {})


def is_sound(document: dict[str, Any]) -> bool:
    """Valid, and every name in it leads somewhere."""
    assert document["contentType"].split(";")[0] == "application/xml"
    assert document["problems"] == []
    assert (document["unknownTypes"], document["unknownTargets"]) == ([], [])
    return bool(document["status"] == 200 and document["version"] == "4.0")


def test_the_document_of_business_central_is_sound(csdl: NodeClient, sandbox: Sandbox) -> None:
    token = sandbox.identity.issue(GATEWAY, BUSINESS_CENTRAL_RESOURCE)
    document = csdl.run("document.read", url=f"{sandbox.addresses.business_central}/$metadata", token=token)
    assert is_sound(document)
    assert {"number", "displayName", "lastModifiedDateTime"} <= set(document["sets"]["customers"])


@pytest.mark.parametrize("options", ["", "?annotations=true"])
def test_the_document_of_dataverse_is_sound(csdl: NodeClient, sandbox: Sandbox, options: str) -> None:
    address = sandbox.addresses.dataverse
    token = sandbox.identity.issue(GATEWAY, address)
    document = csdl.run("document.read", url=f"{address}/api/data/v9.2/$metadata{options}", token=token)
    assert is_sound(document)
    assert {"accountid", "name", "primarycontactid"} <= set(document["sets"]["accounts"])
