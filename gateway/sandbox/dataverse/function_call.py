"""Calls of functions in an address: a name, and arguments written in place or through parameter aliases.

    RetrieveTotalRecordCount(EntityNames=['account','contact'])
    RetrieveTotalRecordCount(EntityNames=@names)?@names=['account','contact']
    RetrieveCurrentOrganization(AccessType=Microsoft.Dynamics.CRM.EndpointAccessType'Default')

Source: Dataverse, Use Web API functions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.sandbox.dataverse.errors import invalid_url
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.dataverse.options import query_pairs
from gateway.sandbox.expression import split

_CALL = re.compile(r"(\w*)(?:\((.*)\))?", re.DOTALL)
_ARGUMENT = re.compile(r"""(\w+)\s*=\s*(\[(?:[^\]']|'(?:[^']|'')*')*\]|[^,']*(?:'(?:[^']|'')*')?)\s*(?:,|$)""")
_TEXT = re.compile(r"""'((?:[^']|'')*)'|"([^"]*)\"""")
_MEMBER = re.compile(r"(?:[\w.]+)?'(\w+)'")


@dataclass(frozen=True)
class FunctionCall:
    """`arguments` are texts as written, aliases already replaced."""

    name: str
    arguments: Mapping[str, str]

    def texts(self, argument: str) -> list[str]:
        """A list of strings. Raises: DataverseError."""
        text = self._given(argument)
        items = [item.strip() for item in split(text[1:-1], ",")] if text[0] + text[-1] == "[]" else [""]
        found = [_TEXT.fullmatch(item) for item in items]
        if None in found:
            raise invalid_url(f"The parameter '{argument}' of '{self.name}' must be a list of strings.")
        return [(item[1] or item[2] or "").replace("''", "'") for item in found if item]

    def member(self, argument: str) -> str:
        """A member of an enumeration. Raises: DataverseError."""
        found = _MEMBER.fullmatch(self._given(argument))
        if found is None:
            raise invalid_url(f"The parameter '{argument}' of '{self.name}' must be a member of an enumeration.")
        return found[1]

    def _given(self, argument: str) -> str:
        text = self.arguments.get(argument, "")
        if not text:
            raise invalid_url(f"The parameter '{argument}' of '{self.name}' is missing.")
        return text


def function_call(operation: Operation) -> FunctionCall | None:
    """The call a path may be; None when it has another form. Raises: ExpressionError, DataverseError."""
    found = _CALL.fullmatch(operation.request.path)
    if found is None:
        return None
    aliases = {name: value for name, value in query_pairs(operation.request.query) if name.startswith("@")}
    given = {name: value.strip() for name, value in _ARGUMENT.findall(found[2] or "")}
    return FunctionCall(found[1], {name: aliases.get(value, value) for name, value in given.items()})
