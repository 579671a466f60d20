"""Queries of a whole set that are not made of OData's usual options: FetchXML and `$apply`.

Source: Dataverse, Query data using FetchXml; Aggregate data using OData.
"""

from __future__ import annotations

from gateway.sandbox.dataverse.address import Address
from gateway.sandbox.dataverse.apply import answer_apply
from gateway.sandbox.dataverse.errors import invalid_url
from gateway.sandbox.dataverse.fetch_reading import answer_fetch
from gateway.sandbox.dataverse.operation import Answer, Operation
from gateway.sandbox.dataverse.options import query_pairs


def query_in_other_language(operation: Operation, address: Address) -> Answer | None:
    """The answer when a set is asked with `fetchXml` or `$apply`, else None. Raises: DataverseError, ExpressionError."""
    pairs = query_pairs(operation.request.query)
    options = {name: value for name, value in pairs if not name.startswith("@")}
    language = next((name for name in ("fetchXml", "$apply") if name in options), None)
    if language is None or address.key is not None or address.suffix:
        return None
    text = options.pop(language)
    for name in options:
        raise invalid_url(f"The query parameter {name} cannot be combined with {language}.")
    if language == "fetchXml":
        return answer_fetch(operation, address.entity_set, text)
    aliases = {name: value for name, value in pairs if name.startswith("@")}
    return answer_apply(operation, address.entity_set, text, aliases=aliases)
