"""The one place where rights meet rows: which rows may be seen, and whether one row allows what is asked.

Rows out of reach are absent from every list, count, expansion and aggregate; a condition on such a row, by a path or a
lambda, never holds. Asking for one row by its key, or for a table without any privilege on it, is answered with 403.
Somebody who acts for another may do what both may.

Source: Dataverse, Security concepts; Impersonate another user using the Web API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.sandbox.dataverse.errors import MISSING_PRIVILEGE, DataverseError
from gateway.sandbox.dataverse.operation import Operation
from gateway.sandbox.dataverse.privileges import Privilege, governing_entity, privilege_for, type_code
from gateway.sandbox.dataverse.rights import NOTHING, Rights
from gateway.sandbox.expression import (
    Call,
    Comparison,
    Expression,
    In,
    Lambda,
    Literal,
    Logical,
    Not,
    Path,
)
from gateway.sandbox.model import EntitySet
from gateway.sandbox.store import Row


def visible(operation: Operation, entity_set: EntitySet) -> Expression | None:
    """The condition on rows of a set that may be read; None when all may.

    Raises:
        DataverseError: 403 when the table may not be read at all.
    """
    conditions = []
    for rights in operation.rights:
        condition = rights.condition("Read", entity_set, operation.model)
        if condition == NOTHING:
            raise missing_privilege(operation, rights, "Read", entity_set)
        conditions.append(condition)
    return _all(conditions)


def within_reach(operation: Operation, entity_set: EntitySet, where: Expression | None) -> Expression | None:
    """`where` for rows that may be read, its paths and lambdas confined to such rows too. Raises: DataverseError 403."""
    confined = None if where is None else _Confined(operation, entity_set).expression(where)
    return _all([visible(operation, entity_set), confined])


def require(operation: Operation, verb: str, entity_set: EntitySet, row: Row) -> None:
    """Raises: DataverseError 403 when a row does not allow a verb."""
    for rights in operation.rights:
        if not allows(operation, rights, verb, entity_set, row):
            raise missing_privilege(operation, rights, verb, entity_set)


def allows(operation: Operation, rights: Rights, verb: str, entity_set: EntitySet, row: Row) -> bool:
    """Whether rights hold for a verb on a row of the store."""
    condition = rights.condition(verb, entity_set, operation.model)
    if condition is None or condition == NOTHING:
        return condition is None
    key = Comparison("eq", Path((entity_set.key,)), Literal(str(row[entity_set.key]), "Edm.Guid"))
    return bool(operation.store.count(entity_set.name, where=Logical("and", (key, condition))))


def require_privilege(operation: Operation, verb: str, entity_set: EntitySet) -> None:
    """Raises: DataverseError 403 when a table allows a verb on no row at all."""
    for rights in operation.rights:
        if rights.condition(verb, entity_set, operation.model) == NOTHING:
            raise missing_privilege(operation, rights, verb, entity_set)


def require_everywhere(operation: Operation, entity_set: EntitySet) -> None:
    """Change tracking needs to read the table at organization depth. Raises: DataverseError 403."""
    for rights in operation.rights:
        if rights.condition("Read", entity_set, operation.model) is not None:
            raise missing_privilege(operation, rights, "Read", entity_set)


def missing_privilege(operation: Operation, rights: Rights, verb: str, entity_set: EntitySet) -> DataverseError:
    entity = governing_entity(operation.model, entity_set)
    where = f" on OTC={type_code(entity)} for entity '{entity}'"
    return refusal(rights, privilege_for(operation.model, entity_set, verb), where=where, acting=operation.user)


def refusal(rights: Rights, privilege: Privilege, *, where: str, acting: Row) -> DataverseError:
    """403 in the words of Dataverse; `where` is the part about the table."""
    user = rights.user
    principal = (
        f"Principal user (Id={user['systemuserid']}, type=8, roleCount={rights.role_count}, "
        f"privilegeCount={len(rights.reaches)}, accessMode={user['accessmode'] or 0})"
    )
    message = (
        f"{principal}, is missing {privilege.name} privilege (Id={privilege.id}){where}. "
        f"context.Caller={acting['systemuserid']}"
    )
    return DataverseError(403, MISSING_PRIVILEGE, message)


def _all(conditions: list[Expression | None]) -> Expression | None:
    present = tuple(condition for condition in conditions if condition is not None)
    return Logical("and", present) if len(present) > 1 else next(iter(present), None)


@dataclass(frozen=True)
class _Confined:
    """Rewrites a condition so that it does not depend on rows that may not be read.

    `variables` are those of the lambdas around, with the sets they range over.
    """

    operation: Operation
    entity_set: EntitySet
    variables: Mapping[str, EntitySet] = field(default_factory=dict)

    def expression(self, expression: Expression) -> Expression:
        match expression:
            case Logical(operands=operands):
                return replace(expression, operands=tuple(self.expression(operand) for operand in operands))
            case Not(operand=operand):
                return replace(expression, operand=self.expression(operand))
            case Lambda():
                return self._lambda(expression)
            case _:
                guards = [guard for path in _paths(expression) for guard in self._guards(path.names)]
                return Logical("and", (*guards, expression)) if guards else expression

    def _lambda(self, quantifier: Lambda) -> Expression:
        """`any` finds visible rows only, `all` asks nothing of the others."""
        *before, last = quantifier.collection.names
        navigation = self._reached(tuple(before)).navigations.get(last)
        if navigation is None:
            return quantifier  # the store names what it does not know
        target = self.operation.model.sets[navigation.target]
        guards = self._guards((*before, last))
        variable = quantifier.variable or "row"
        inner = replace(self, variables={**self.variables, variable: target})
        predicate = None if quantifier.predicate is None else inner.expression(quantifier.predicate)
        seen = self._seen(target, (variable,))
        if seen is not None and quantifier.op == "all" and predicate is not None:
            predicate = Logical("or", (Not(seen), predicate))
        elif seen is not None:
            predicate = seen if predicate is None else Logical("and", (seen, predicate))
        if predicate is not None:
            quantifier = replace(quantifier, variable=variable, predicate=predicate)
        return Logical("and", (*guards, quantifier)) if guards else quantifier

    def _guards(self, names: tuple[str, ...]) -> list[Expression]:
        """For each navigation on the way: there is no row, or it may be read."""
        found: list[Expression] = []
        first = 1 if names[0] in self.variables or names[0] == "$it" else 0
        for end in range(first + 1, len(names)):
            step = names[:end]
            target = self._reached(step)
            seen = self._seen(target, step)
            if seen is not None:
                absent = Comparison("eq", Path((*step, target.key)), Literal(None, "null"))
                found.append(Logical("or", (absent, seen)))
        return found

    def _reached(self, names: tuple[str, ...]) -> EntitySet:
        current = self.entity_set
        for place, name in enumerate(names):
            if place == 0 and (name in self.variables or name == "$it"):
                current = self.variables.get(name, self.entity_set)
            elif name in current.navigations:
                current = self.operation.model.sets[current.navigations[name].target]
            else:
                break  # the store names what it does not know
        return current

    def _seen(self, target: EntitySet, prefix: tuple[str, ...]) -> Expression | None:
        condition = visible(self.operation, target)
        return None if condition is None else _prefixed(condition, prefix)


def _paths(expression: Expression) -> list[Path]:
    match expression:
        case Path():
            return [expression]
        case Comparison(left=left, right=right):
            return [*_paths(left), *_paths(right)]
        case In(left=left):
            return _paths(left)
        case Call(arguments=arguments):
            return [path for argument in arguments for path in _paths(argument)]
        case _:
            return []


def _prefixed(condition: Expression, prefix: tuple[str, ...]) -> Expression:
    """A condition on rows as one on the rows a path leads to."""
    match condition:
        case Logical(operands=operands):
            return replace(condition, operands=tuple(_prefixed(operand, prefix) for operand in operands))
        case In(left=Path(names=names)):
            return replace(condition, left=Path((*prefix, *names)))
        case _:
            return condition
