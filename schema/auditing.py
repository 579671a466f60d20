"""The executor writes the audit trail: every field of a mutation, before anything is done for it, and when it has ended.

It is the executor and no resolver, so that no mutation can forget it, and what is refused before a resolver is asked (a role, an
argument) is written down as well. Queries do not pass here.

Source: GraphQL specification, 6.2.2 Mutation: the root fields are executed serially.
"""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from graphql import FieldNode, GraphQLError, GraphQLObjectType, Undefined, value_from_ast_untyped
from graphql.pyutils import Path

from gateway.audit.bounded import bounded, bounded_changes
from gateway.audit.entry import AuditOutcome, Beginning, Ending, changes_of
from gateway.errors import CallerError, DatabaseError, ErrorCode, GatewayError, InvalidInputError
from gateway.noted import MOST_RECORDS, Notes, noting
from gateway.telemetry import log
from schema.guard import Guard
from schema.ids import parse_id

_MOST_CODES = 20
_LONGEST_ID = 200

_writing = set[asyncio.Task[None]]()
"""The loop itself keeps no task alive."""

_REFUSALS = frozenset({"UserError", "ConflictMoved"})
"""Payloads that say that nothing was done."""


class AuditedExecution(Guard):
    """The executor that asks who may see what; ``context_value`` has the trail, and who asks from where."""

    _payload: object = None

    def execute_fields_serially(
        self, parent_type: GraphQLObjectType, source_value: Any, path: Any, grouped_field_set: Any, *context: Any
    ) -> Any:
        async def one_by_one() -> dict[str, Any]:
            results: dict[str, Any] = {}
            for key, details in grouped_field_set.items():
                place = Path(path, key, parent_type.name)
                value = await self._audited(parent_type, source_value, details, place, *context)
                if value is not Undefined:
                    results[key] = value
            return results

        return one_by_one()

    def complete_abstract_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, *context: Any
    ) -> Any:
        """The payload of a mutation is a union of what may come of it."""
        if path.prev is None:
            self._payload = result
        return super().complete_abstract_value(return_type, field_details_list, info, path, result, *context)

    async def _audited(self, parent: GraphQLObjectType, source: Any, details: Any, path: Path, *context: Any) -> Any:
        node: FieldNode = details[0].node
        if node.name.value.startswith("__"):
            return await self._value(parent, source, details, path, *context)
        beginning = self._beginning(node)
        try:
            number = await self.context_value.services.audit.begin(beginning)
        except DatabaseError as error:
            refused = DatabaseError("Nothing was done: the audit trail cannot be written now.")
            refused.__cause__ = error
            self.handle_field_error(refused, parent.fields[node.name.value].type, details, path)
            return None
        self._payload, told = None, len(self.collected_errors.errors)
        with noting() as notes:
            try:
                value = await self._value(parent, source, details, path, *context)
            except GraphQLError as error:  # where a mutation promises a value
                await self._end(number, _ending(None, [error], notes))
                raise
            except BaseException:  # the caller is gone, or the gateway stops: what was done stays done
                self._end_beside(number, _ending(None, [], notes, AuditOutcome.BROKEN_OFF))
                raise
        errors = [each for each in self.collected_errors.errors[told:] if each.path == path.as_list()]
        await self._end(number, _ending(self._payload, errors, notes))
        return value

    async def _value(self, *field: Any) -> Any:
        value = self.execute_field(*field)
        return await value if self.is_awaitable(value) else value

    def _beginning(self, node: FieldNode) -> Beginning:
        asked, caller = self.context_value, self.context_value.caller
        given = self._input(node)
        return Beginning(
            mutation=node.name.value,
            at=datetime.now(UTC),
            object_id=caller.object_id,
            tenant_id=caller.tenant_id,
            name=caller.name,
            roles=sorted(caller.roles),
            is_application=caller.is_application,
            correlation_id=asked.correlation_id,
            input=bounded(given),
            where=asked.whereabouts,
            records=list(_records(given)),
        )

    def _input(self, node: FieldNode) -> Mapping[str, Any]:
        """The arguments as the caller wrote them."""
        sources, coerced = self.variable_values.sources, self.variable_values.coerced
        raw = {name: each.value for name, each in sources.items() if each.value is not Undefined}
        variables = coerced | raw
        given = {each.name.value: value_from_ast_untyped(each.value, variables) for each in node.arguments or ()}
        return {name: value for name, value in given.items() if value is not Undefined}

    def _end_beside(self, number: int, ending: Ending) -> None:
        """Who was cancelled may not wait for anything any more."""
        task = asyncio.create_task(self._end(number, ending))
        _writing.add(task)
        task.add_done_callback(_writing.discard)

    async def _end(self, number: int, ending: Ending) -> None:
        """What was done stays done: an end that cannot be written is told to the log, and the entry stays without one."""
        try:
            await self.context_value.services.audit.end(number, ending)
        except Exception:
            told = {"outcome": ending.outcome, "codes": list(ending.codes), "changes": ending.changes}
            log.exception("audit.end_not_written", entry=number, **told)


def _ending(payload: object, errors: list[GraphQLError], notes: Notes, outcome: AuditOutcome | None = None) -> Ending:
    name = _type_name(payload)
    changes = bounded_changes(changes_of(notes.changes))
    codes = dict.fromkeys([*map(_code, errors), *_codes(payload)])
    return Ending(
        at=datetime.now(UTC),
        outcome=outcome or _outcome(name, errors),
        payload=name,
        codes=list(codes)[:_MOST_CODES],
        changes=changes,
        more=notes.more + len(notes.changes) - len(changes),
        records=list(notes.records),
    )


def _outcome(payload: str | None, errors: list[GraphQLError]) -> AuditOutcome:
    if errors:
        refused = all(isinstance(each.original_error, CallerError | None) for each in errors)
        return AuditOutcome.REFUSED if refused else AuditOutcome.FAILED
    return AuditOutcome.REFUSED if payload in _REFUSALS else AuditOutcome.SUCCEEDED


def _type_name(payload: object) -> str | None:
    definition = getattr(payload, "__strawberry_definition__", None)
    return definition.name if definition is not None else None


def _code(error: GraphQLError) -> str:
    """What GraphQL itself refuses is not executed; here it is an argument."""
    original = error.original_error
    if original is None:
        return str(ErrorCode.GRAPHQL_INVALID)
    return str(original.code) if isinstance(original, GatewayError) else str(ErrorCode.INTERNAL_ERROR)


def _codes(payload: object) -> Iterator[str]:
    """Why a payload says that something was not done, in all or for single records."""
    results = getattr(payload, "results", None)
    for each in (payload, *(results if isinstance(results, list | tuple) else ())):
        for told in (each, getattr(each, "problem", None)):
            code = getattr(told, "code", None)
            if isinstance(code, ErrorCode):
                yield str(code)


def _records(given: object) -> Iterator[UUID]:
    """The ids in an input, bare or as global ids; a company is none."""
    found: dict[UUID, None] = {}
    waiting = [given]
    while waiting and len(found) < MOST_RECORDS:
        match waiting.pop():
            case Mapping() as inner:
                waiting += [value for name, value in inner.items() if name != "company"]
            case list() as items:
                waiting += items
            case str() | UUID() as text:
                found |= dict.fromkeys(_ids(str(text)))
    yield from list(found)[:MOST_RECORDS]


def _ids(text: str) -> Iterator[UUID]:
    if len(text) > _LONGEST_ID:
        return
    try:
        yield UUID(text)
    except ValueError:
        try:
            yield parse_id(text).key
        except (InvalidInputError, UnicodeError):
            return
