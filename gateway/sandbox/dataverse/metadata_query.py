"""Query options that metadata understands: `$select`, `$filter` with `eq` and `ne`, `$expand` and `$count`.

Source: Dataverse, Query table definitions using the Web API.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from gateway.sandbox.dataverse.definitions import Document
from gateway.sandbox.dataverse.errors import invalid_url
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.dataverse.options import query_pairs
from gateway.sandbox.expression import Comparison, Expression, Literal, Logical, Not, Path, parse_filter, split

_ALWAYS = ("@odata.type", "MetadataId")
_OPTIONS = frozenset({"$select", "$filter", "$expand", "$count"})


@dataclass(frozen=True, slots=True)
class Question:
    """Query options that were read; `select` is empty when everything is wanted."""

    select: tuple[str, ...] = ()
    where: Expression | None = None
    expand: Mapping[str, Question] = field(default_factory=dict)
    count: bool = False

    @property
    def description(self) -> str:
        """The list of names in a context address."""
        parts = [*self.select, *(f"{name}{inner.description or '()'}" for name, inner in self.expand.items())]
        return f"({','.join(parts)})" if parts else ""


def read_question(operation: Operation, expandable: Collection[str]) -> Question:
    """The options of a request. Raises: DataverseError, ExpressionError."""
    pairs = dict(query_pairs(operation.request.query))
    aliases = {name: value for name, value in pairs.items() if name.startswith("@")}
    return _question({name: value for name, value in pairs.items() if name not in aliases}, expandable, aliases)


def _question(options: Mapping[str, str], expandable: Collection[str], aliases: Mapping[str, str]) -> Question:
    for name in options:
        if name not in _OPTIONS:
            raise invalid_url(f"The query parameter {name} is not supported")
    return Question(
        select=tuple(filter(None, (name.strip() for name in options.get("$select", "").split(",")))),
        where=parse_filter(options["$filter"], aliases=aliases) if "$filter" in options else None,
        expand=_expansions(options.get("$expand", ""), expandable, aliases),
        count=options.get("$count") == "true",
    )


def _expansions(text: str, expandable: Collection[str], aliases: Mapping[str, str]) -> dict[str, Question]:
    found = {}
    for item in filter(None, (part.strip() for part in split(text, ",") if text)):
        name, bracket, rest = item.partition("(")
        if name not in expandable or (bracket and not rest.endswith(")")):
            raise invalid_url(f"The property '{name}' cannot be used in the $expand query option.")
        pairs = (part.partition("=") for part in split(rest[:-1], ";")) if bracket else ()
        found[name] = _question({option.strip(): value for option, _, value in pairs}, (), aliases)
    return found


def shown(document: Document, question: Question) -> Document:
    """The members asked for. Raises: DataverseError for one that is not there."""
    if not question.select:
        return dict(document)
    for name in question.select:
        if name not in document and "@odata.type" not in document:
            raise _unknown(name)
    wanted = {*_ALWAYS, *question.select}
    return {name: value for name, value in document.items() if name in wanted}


def matches(question: Question, document: Document) -> bool:
    """Whether a definition fits the filter. Raises: DataverseError for a filter that metadata does not know."""
    return question.where is None or _holds(question.where, document)


def _holds(expression: Expression, document: Document) -> bool:
    match expression:
        case Logical(op=op, operands=operands):
            held = [_holds(operand, document) for operand in operands]
            return all(held) if op == "and" else any(held)
        case Not(operand=operand):
            return not _holds(operand, document)
        case Comparison(op="eq" | "ne" as op, left=Path(names=names), right=Literal(value=value)):
            return (_value(names, document) == value) == (op == "eq")
        case Path(names=names):
            return _value(names, document) is True
    raise invalid_url("Metadata can be filtered with eq, ne, and, or and not.")


def _value(names: tuple[str, ...], document: Document) -> object:
    """The member a path leads to; an enumeration compares by the name of its member."""
    value: object = document
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise _unknown(name)
        value = value[name]
    return value


def _unknown(name: str) -> Exception:
    return invalid_url(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.EntityMetadata'.")
