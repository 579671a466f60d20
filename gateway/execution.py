"""Operations, carried out by the schema: one, several of one request, or one that goes on answering."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from gateway.clients.call import Deadline
from gateway.errors import GatewayError
from gateway.operations import Operation
from gateway.streams import told
from schema.context import Context
from schema.root import build_schema


@dataclass(frozen=True, slots=True)
class Execution:
    """For one request: each of its operations has a context of its own, with its own costs."""

    new_context: Callable[[], Context]
    may_change: bool
    """Whether a mutation is carried out, too."""

    async def one(self, operation: Operation, deadline: Deadline | None = None) -> ExecutionResult:
        """The answer; without a deadline the operation has one of its own.

        Raises:
            MethodNotAllowedError: it is a mutation, and those are not carried out here.
            InvalidInputError: it is a subscription.
        """
        context = self.new_context()
        context.deadline = deadline or context.deadline
        return await build_schema().execute(
            operation.query,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.name,
            operation_extensions=operation.extensions,
            allowed_operation_types={OperationType.QUERY} | ({OperationType.MUTATION} if self.may_change else set()),
        )

    async def batch(self, operations: Sequence[Operation]) -> list[ExecutionResult]:
        """The answers, in the same order; all operations have the time of one.

        Queries are answered side by side. Where one may be a mutation, each waits for the one before it: what it reads is
        as that one left it.
        """
        deadline = self.new_context().deadline
        if any(each.may_change for each in operations):
            return [await self._told(each, deadline) for each in operations]
        return list(await asyncio.gather(*(self._told(each, deadline) for each in operations)))

    async def _told(self, operation: Operation, deadline: Deadline) -> ExecutionResult:
        try:
            return await self.one(operation, deadline)
        except GatewayError as error:
            return ExecutionResult(data=None, errors=[told(error)])

    async def stream(self, operation: Operation) -> AsyncGenerator[Any, None]:
        """All answers; what keeps the operation from beginning is the only one."""
        return await build_schema().stream(
            operation.query,
            variable_values=operation.variables,
            context_value=self.new_context(),
            operation_name=operation.name,
            operation_extensions=operation.extensions,
        )
