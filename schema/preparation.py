"""What becomes of a document before it is carried out: it is found by its name, parsed, measured and validated."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from strawberry.extensions import SchemaExtension

from schema.context import Context
from schema.variables import check_variables


class Preparation(SchemaExtension):
    """A document that is known costs two look-ups here."""

    async def on_operation(self) -> AsyncIterator[None]:
        execution = self.execution_context
        context: Context = execution.context
        extensions: dict[str, Any] = execution.operation_extensions or {}
        check_variables(execution.variables, context.services.documents.limits.list_values)
        execution.query = await context.services.persisted.text(execution.query, extensions)
        try:
            yield
        finally:  # whoever gives up an operation has had its requests made
            await context.services.rates.charge(context.caller.identity, _left_to_pay(context))

    def on_parse(self) -> Iterator[None]:
        execution = self.execution_context
        if execution.query:
            context: Context = execution.context
            self._prepared = context.services.documents.prepare(execution.query, execution.schema._schema)
            execution.graphql_document = self._prepared.document
        yield

    async def on_validate(self) -> AsyncIterator[None]:
        """Strawberry validates what has no verdict yet."""
        execution = self.execution_context
        context: Context = execution.context
        prepared = self._prepared
        execution.pre_execution_errors = prepared.problems if context.may_introspect else prepared.discreet
        if execution.operation_extensions and execution.query and not self._prepared.problems:
            await context.services.persisted.keep(execution.query, execution.operation_extensions)
        yield


def _left_to_pay(context: Context) -> int:
    """Of the cost at the backends, as estimated, or as made if that was more; what was refused as too much was not asked."""
    made, budget = len(context.trace.steps), context.budget
    return max(made if budget.is_refused else max(budget.estimate.total, made), budget.paid) - budget.paid
