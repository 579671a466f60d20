"""Joins the parts to the schema: scalars, limits, what errors look like, what an explanation shows."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from functools import cache
from typing import Any

import strawberry
from graphql import GraphQLError, OperationDefinitionNode
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import MaskErrors, SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from gateway.auth.caller import Role
from gateway.errors import (
    BackendError,
    ErrorCode,
    GatewayError,
    InternalError,
    InvalidInputError,
    MethodNotAllowedError,
)
from gateway.telemetry import log
from schema.access import READERS
from schema.auditing import AuditedExecution
from schema.context import Context
from schema.mutation import Mutation
from schema.preparation import Preparation
from schema.query import Query
from schema.scalars import SCALARS
from schema.subscription import Subscription
from schema.types.account import Contact
from schema.types.sales_order import SalesOrder


class Errors(MaskErrors):
    """Our own errors reach the caller as they are; what nobody foresaw is masked and stays in the log.

    A failed branch names itself: one error stands for the same field of all rows it hangs on.
    """

    def __init__(self) -> None:
        super().__init__(should_mask_error=_is_unforeseen)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        return _masked(super().anonymise_error(error), self.execution_context.context)

    def _process_errors(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        processed = super()._process_errors(errors)
        for error in processed:
            failed = error.original_error
            if isinstance(failed, BackendError) and error.path:
                names = [part for part in error.path if isinstance(part, str)]
                branch = names[:-1] if failed.of_record else names
                error.extensions = {**(error.extensions or {}), "branch": ".".join(branch)}
            if isinstance(failed, BackendError) and not self.execution_context.context.caller.roles & READERS:
                error.message = failed.sentence
        return processed


_NOT_GRAPHQL = (GraphQLError, MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError)
"""What GraphQL itself refuses."""


def _is_unforeseen(error: GraphQLError) -> bool:
    foreseen = (GatewayError, *_NOT_GRAPHQL)
    return error.original_error is not None and not isinstance(error.original_error, foreseen)


def _masked(error: GraphQLError, context: Context) -> GraphQLError:
    told = InternalError(context.correlation_id)
    error.message, error.extensions = told.message, told.extensions
    return error


class Explanation(SchemaExtension):
    """``extensions.gateway``: what the operation cost at the backends. For administrators who ask with ``Gateway-Explain``."""

    def get_results(self) -> dict[str, Any]:
        context = self.execution_context.context
        if not isinstance(context, Context) or not context.explain:
            return {}
        if Role.INTEGRATION_ADMINISTRATOR not in context.caller.roles:
            return {}
        trace = context.trace
        requests = [
            {
                "backend": step.exchange.backend,
                "method": step.exchange.method,
                "url": step.exchange.url,
                "status": step.exchange.status,
                "milliseconds": step.exchange.milliseconds,
                "shared": step.shared,
                "cached": False,  # what came from the cache was no request: see cacheHits
            }
            for step in trace.steps
        ]
        explained = {
            "backendRequests": requests,
            "estimatedRequests": context.budget.estimate.total,
            "roundTrips": trace.round_trips,
            "cacheHits": trace.cache_hits,
            "correlationId": context.correlation_id,
        }
        return {"gateway": explained}


class OneOperation(SchemaExtension):
    """Of several operations one has to be named; Strawberry would take the first.

    Source: GraphQL, 6.1 (GetOperation).
    """

    def on_parse(self) -> Iterator[None]:
        yield
        context = self.execution_context
        definitions = context.graphql_document.definitions if context.graphql_document else ()
        operations = sum(isinstance(each, OperationDefinitionNode) for each in definitions)
        if operations > 1 and context._provided_operation_name is None:
            raise GraphQLError("The document holds several operations: operationName has to say which is meant.")


class GatewaySchema(strawberry.Schema):
    """Strawberry's schema with our log."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Foreseen errors are the caller's to read; the others are ours. What GraphQL itself refuses gets its code here."""
        for error in errors:
            if isinstance(error.original_error, InvalidOperationTypeError):
                error.message = (
                    "A mutation is answered to a request, POST /graphql: here it would end with the connection."
                )
            if error.original_error is None or isinstance(error.original_error, _NOT_GRAPHQL):
                error.extensions = {"code": str(ErrorCode.GRAPHQL_INVALID)} | (error.extensions or {})
            if _is_unforeseen(error):
                log.error("unforeseen error", path=error.path, exc_info=error.original_error)
            elif isinstance(failed := error.original_error, BackendError):
                log.warning(
                    "backend.failed", path=error.path, **failed.extensions, message=failed.message, said=failed.said
                )

    async def execute(self, *args: Any, **kwargs: Any) -> ExecutionResult:
        """One answer to one request.

        Raises:
            InvalidInputError: it is a subscription, which has more than one.
            MethodNotAllowedError: it is a mutation, and the transport allows none.
        """
        try:
            allowed = _allowed(kwargs.get("allowed_operation_types"), OperationType.QUERY, OperationType.MUTATION)
            return await super().execute(*args, **{**kwargs, "allowed_operation_types": allowed})
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.MUTATION:
                raise MethodNotAllowedError("A mutation is asked for with POST.", ["POST"]) from error
            raise InvalidInputError(
                "A subscription needs a WebSocket (graphql-transport-ws) or an event stream (/graphql/stream).",
                argument="query",
            ) from error
        except (MissingQueryError, CannotGetOperationTypeError) as error:
            told = GraphQLError(_reason(error), original_error=error)
            self.process_errors([told])
            return PreExecutionError(data=None, errors=[told])

    async def stream(self, query: str | None, **how: Any) -> AsyncGenerator[Any, None]:  # type: ignore[override]
        """All answers to one operation; it ends with the connection it came over, so that a mutation is none of those."""
        allowed = _allowed(how.get("allowed_operation_types"), OperationType.QUERY, OperationType.SUBSCRIPTION)
        results: Any = await super().stream(query, **{**how, "allowed_operation_types": allowed})
        return self._complete(results, how["context_value"])

    async def _complete(self, results: AsyncGenerator[Any, None], context: Context) -> AsyncGenerator[Any, None]:
        """What Strawberry lets through here, and turns into an answer elsewhere, is an answer here, too: a query that cannot
        be parsed, for one.
        """
        async with aclosing(results):
            try:
                async for each in results:
                    yield each
            except Exception as error:  # nothing else may reach a socket
                told = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
                self.process_errors([told])
                yield PreExecutionError(data=None, errors=[_masked(told, context) if _is_unforeseen(told) else told])


def _reason(error: MissingQueryError | CannotGetOperationTypeError) -> str:
    if isinstance(error, MissingQueryError):
        return "The query is empty."
    return "The document holds no operation." if error.operation_name is None else error.as_http_error_reason()


def _allowed(transport: Iterable[OperationType] | None, *ours: OperationType) -> set[OperationType]:
    """Kinds of operations, of what the transport allows."""
    return set(ours) if transport is None else set(ours) & set(transport)


@cache
def build_schema() -> GatewaySchema:
    """The schema; one for the whole process, however many applications it has."""
    return GatewaySchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Contact, SalesOrder],
        config=StrawberryConfig(scalar_map=SCALARS),
        execution_context_class=AuditedExecution,
        extensions=[
            Errors,
            Explanation,
            Preparation,
            OneOperation,
        ],
    )


def print_sdl() -> str:
    """The schema as GraphQL SDL, as it is committed in ``schema/schema.graphql``."""
    return build_schema().as_str() + "\n"
