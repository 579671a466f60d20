"""The options of a choice column of Dataverse, read and written as if they were rows of a table.

    {"optionid": "d806ab0f-bd81-8fdb-b795-68e600000001", "value": "1", "label": "Net 30"}

They are part of the column's definition: one request brings all of them, whatever is asked, and conditions are looked at here.
There is no ETag to guard a write with; an option is inserted under a number chosen by us, and a label says what it is to be, so
that either may be sent twice. What is written shows after it was published.

Sources: Dataverse, "Query table definitions using the Web API", "InsertOptionValue Action", "UpdateOptionValue Action",
"PublishXml Action".
"""

from collections.abc import AsyncIterator, Collection, Sequence
from uuid import UUID

from gateway.clients.call import Call
from gateway.clients.client import ODataClient
from gateway.clients.retry import may_have_happened
from gateway.clients.writing import Outcome
from gateway.errors import BackendError, InvalidInputError, ProtocolError
from gateway.odata.batch import Part
from gateway.odata.choice import KEY, LABEL, VALUE, Choice
from gateway.odata.filters import in_order, meets
from gateway.odata.query import Query
from gateway.odata.response import Page, read_object
from gateway.odata.write import Create, Request, Update, Write
from gateway.records import Backend, Record

_ENGLISH = 1033
_ACTIONS = {Create: "InsertOptionValue", Update: "UpdateOptionValue"}


class ChoiceClient(ODataClient):
    """One column of one organization; shares connections, gate and allowance with the organization's client."""

    def __init__(self, organization: ODataClient, choice: Choice) -> None:
        self.vendor, self.wire = organization.vendor, organization.wire
        self._choice = choice
        self._language = _ENGLISH

    async def page(self, path: str, query: Query, *, call: Call, page_size: int | None = None) -> Page:
        """All options that meet the query; what they are is not asked of ``path``."""
        return _answer(await self._options(call), query)

    async def pages(self, path: str, query: Query, *, call: Call, page_size: int | None = None) -> AsyncIterator[Page]:
        yield await self.page(path, query, call=call)

    async def everything(self, path: str, query: Query, *, call: Call) -> list[Record]:
        return list((await self.page(path, query, call=call)).records)

    async def page_each(self, requests: Sequence[tuple[str, Query]], *, call: Call) -> list[Page | BackendError]:
        """One request answers all of them."""
        try:
            options = await self._options(call)
        except BackendError as error:
            return [error.again() for _ in requests]
        return [_answer(options, query) for _, query in requests]

    async def gone(self, path: str, key: str, ids: Collection[UUID], *, call: Call) -> set[UUID]:
        """A definition is read whole or not at all: rights hide no single option."""
        return set(ids) - {UUID(str(each.values[KEY])) for each in await self._options(call)}

    async def _options(self, call: Call) -> list[Record]:
        table, column = self._choice.table, self._choice.column
        response = await self.wire.get(
            f"{self.wire.base}EntityDefinitions(LogicalName='{table}')/Attributes(LogicalName='{column}')"
            "/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName"
            "&$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)",
            call=call,
        )
        definition = read_object(response.content, backend=Backend.DATAVERSE, normalize=self.vendor.normalize).values
        found = definition.get("OptionSet") or definition.get("GlobalOptionSet")
        options = found.get("Options") if isinstance(found, dict) else None
        if not isinstance(options, list):
            raise self._unreadable()
        return [self._option(each) for each in options]

    def _option(self, option: object) -> Record:
        """Raises: ProtocolError."""
        try:
            value, label = option["Value"], option["Label"]["UserLocalizedLabel"]  # type: ignore[index]  # or it fails
            id = self._choice.option_id(value)
            self._language = int(label["LanguageCode"]) if label else self._language
            return Record({KEY: str(id), VALUE: str(value), LABEL: str(label["Label"]) if label else None})
        except (KeyError, TypeError, ValueError) as error:
            raise self._unreadable() from error

    def _unreadable(self) -> ProtocolError:
        name = f"{self._choice.table}.{self._choice.column}"
        return ProtocolError(f"Dataverse did not say which options {name} has.", backend=Backend.DATAVERSE)

    async def write(self, write: Write, *, call: Call) -> Record | None:
        (outcome,) = await self.write_each([write], call=call)
        if isinstance(outcome, BackendError | InvalidInputError):
            raise outcome
        return outcome

    async def write_each(self, writes: Sequence[Write], *, call: Call) -> list[Outcome]:
        """Options are inserted and labelled in one exchange, which publishes them at its end.

        An option that is there already, because an earlier answer was lost, gets its label in a second one.
        """
        requests = [self._request(each) for each in writes]
        if call.dry_run:
            return [self._written(each) for each in writes]
        outcomes = await self._carried_out(requests, call)
        again = [
            index
            for index, (write, outcome) in enumerate(zip(writes, outcomes, strict=True))
            if isinstance(write, Create) and isinstance(outcome, BackendError) and not outcome.unsettled
        ]
        if again:
            labelled = await self._carried_out([self._request(writes[index], Update) for index in again], call)
            for index, outcome in zip(again, labelled, strict=True):
                if not isinstance(outcome, BackendError):
                    outcomes[index] = None
        return [
            outcome if isinstance(outcome, BackendError) else self._written(write)
            for write, outcome in zip(writes, outcomes, strict=True)
        ]

    async def write_together(self, writes: Sequence[Write], *, call: Call) -> list[Record | None]:
        raise InvalidInputError("Options of a choice are written one by one.")

    def _request(self, write: Write, kind: type[Write] | None = None) -> Request:
        """Raises: InvalidInputError, for what cannot be done with an option."""
        action = _ACTIONS.get(kind or type(write))
        value = self._choice.value_of(write.id) if isinstance(write, Create | Update) else None
        if action is None or value is None or not isinstance(write, Create | Update):
            raise InvalidInputError("Options of a choice are inserted and labelled, nothing else.")
        localized = {
            "@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel",
            "Label": write.values[LABEL],
            "LanguageCode": self._language,
        }
        body = {
            "EntityLogicalName": self._choice.table,
            "AttributeLogicalName": self._choice.column,
            "Value": value,
            "Label": {"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": [localized]},
        }
        return Request("POST", action, body=body | ({"MergeLabels": True} if action == "UpdateOptionValue" else {}))

    async def _carried_out(self, requests: Sequence[Request], call: Call) -> list[BackendError | None]:
        """What each came to, as far as it was published."""
        xml = f"<importexportxml><entities><entity>{self._choice.table}</entity></entities></importexportxml>"
        publish = Request("POST", "PublishXml", body={"ParameterXml": xml})
        outcomes: list[BackendError | None] = []
        most = self.vendor.batches.most_parts - 1
        for start in range(0, len(requests), most):
            chunk = requests[start : start + most]
            try:
                parts, _ = await self.wire.batch([*chunk, publish], call=call)
            except BackendError as error:
                outcomes += [error.again() for _ in chunk]
                continue
            *told, published = (self._refusal(each) for each in parts)
            if published is not None:
                published.unsettled = True
            outcomes += [each or (published and published.again()) for each in told]
        return outcomes

    def _refusal(self, part: Part) -> BackendError | None:
        if not part.failed:
            return None
        error = self.wire.error(part)
        error.unsettled = may_have_happened(part.status)
        return error

    def _written(self, write: Write) -> Record:
        assert isinstance(write, Create | Update)  # noqa: S101 - nothing else was asked for
        value = self._choice.value_of(write.id)
        return Record({KEY: str(write.id), VALUE: str(value), LABEL: write.values[LABEL]})


def _answer(options: Sequence[Record], query: Query) -> Page:
    found = [each for each in options if query.filter is None or meets(query.filter, each.values)]
    records = in_order(found, query.order)[: query.top]
    return Page(tuple(records), count=len(found) if query.count else None)
