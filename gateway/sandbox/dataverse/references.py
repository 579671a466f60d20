"""References to rows in bodies: `/contacts(guid)`, `contacts(guid)`, a full address, or one by alternate key.

Within a change set `$1` stands for the row that the request with Content-ID 1 wrote.

Source: Dataverse, Associate and disassociate table rows using the Web API; Execute batch operations using the Web API.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.sandbox.dataverse.address import Address, read_address
from gateway.sandbox.dataverse.batch_address import follow
from gateway.sandbox.dataverse.body import read_object
from gateway.sandbox.dataverse.errors import invalid_payload
from gateway.sandbox.dataverse.naming import target_sets
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.dataverse.reading import find, missing
from gateway.sandbox.model import EntitySet, Navigation
from gateway.sandbox.store import Row

_SERVICE = "/api/data/v9.2/"


def referenced(operation: Operation, navigation: Navigation, reference: str) -> tuple[EntitySet, Row]:
    """The row a reference leads to, which must be in a set the navigation may lead to.

    Raises:
        DataverseError: 404 when there is no such row, 400 when it is of another table.
    """
    address = referenced_address(operation, reference)
    targets: Sequence[EntitySet] = target_sets(operation.model, navigation)
    if address.entity_set not in targets:
        expected = " or ".join(target.entity for target in targets)
        raise invalid_payload(f"'{navigation.name}' leads to {expected}, not to {address.entity_set.entity}.")
    row = find(operation, address)
    if row is None:
        raise missing(address)
    return address.entity_set, row


def reference_in(body: bytes) -> str:
    """The reference in a body such as `{"@odata.id": "…/contacts(guid)"}`."""
    reference = read_object(body).get("@odata.id")
    if not isinstance(reference, str):
        raise invalid_payload("The body must hold '@odata.id'.")
    return reference


def referenced_address(operation: Operation, reference: str) -> Address:
    """The address of the row a reference leads to. Raises: DataverseError when it is none."""
    reference = follow(reference, operation.written)
    path = reference.partition(_SERVICE)[2] if _SERVICE in reference else reference
    address = read_address(path.lstrip("/"), operation.model)
    if address.key is None or address.column or address.navigation or address.suffix:
        raise invalid_payload(f"'{reference}' is not a reference to a row.")
    return address
