"""Options of a choice on the wire: read with their column's definition, written by actions, published."""

from typing import Any
from uuid import UUID

import httpx
import pytest
import respx

from gateway.clients.call import Call, Deadline
from gateway.clients.choices import ChoiceClient
from gateway.clients.dataverse import DataverseClient
from gateway.errors import BackendError, InvalidInputError, ProtocolError, RefusedError, UnreachableError
from gateway.odata.choice import Choice
from gateway.odata.query import AnyOf, Compare, Query
from gateway.odata.write import Create, Delete, Update
from gateway.records import Record
from tests.clients.test_writing import call, dataverse, multipart, sent, wire

__all__ = ["call", "dataverse", "wire"]
pytestmark = pytest.mark.anyio

TERMS = Choice("account", "paymenttermscode")
ONE, TWO = TERMS.option_id(1), TERMS.option_id(2)
DENIED = (403, {"error": {"code": "0x80040220", "message": "Principal user is missing prvWriteEntity privilege"}})
THERE = (400, {"error": {"code": "0x80040203", "message": "The option exists already"}})
DONE = (204, None)


def option(value: object, label: str | None, language: int = 1031) -> dict[str, Any]:
    localized = {"Label": label, "LanguageCode": language} if label is not None else None
    return {"Value": value, "Label": {"LocalizedLabels": [], "UserLocalizedLabel": localized}}


def definition(*options: object, under: str = "OptionSet") -> httpx.Response:
    return httpx.Response(200, json={"LogicalName": "paymenttermscode", under: {"Options": list(options)}})


@pytest.fixture
def terms(dataverse: DataverseClient) -> ChoiceClient:
    return dataverse.choice(TERMS)


async def test_one_request_answers_many_questions(wire: respx.MockRouter, terms: ChoiceClient, call: Call) -> None:
    wire.get().mock(return_value=definition(option(1, "Net 30"), option(2, "Net 60")))
    asked = [
        ("", Query(filter=Compare("label", "eq", "NET 60"))),
        ("", Query(filter=AnyOf("optionid", (ONE,)), count=True)),
    ]
    first, second = await terms.page_each(asked, call=call)
    assert not isinstance(first, BackendError)
    assert not isinstance(second, BackendError)
    assert [each.values for each in first.records] == [{"optionid": str(TWO), "value": "2", "label": "Net 60"}]
    assert ([each.values["value"] for each in second.records], second.count) == (["1"], 1)
    assert len(wire.calls) == 1


@pytest.mark.parametrize("under", ["OptionSet", "GlobalOptionSet"])
async def test_options_of_the_column_or_of_a_global_choice(
    wire: respx.MockRouter, terms: ChoiceClient, call: Call, under: str
) -> None:
    wire.get().mock(return_value=definition(option(1, "Net 30"), option(5, None), under=under))
    found = await terms.everything("", Query(), call=call)
    assert [(each.values["value"], each.values["label"]) for each in found] == [("1", "Net 30"), ("5", None)]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={"LogicalName": "paymenttermscode"}),
        definition({"Value": 1}),
        definition(option("x", "Net 30")),
        definition(option(-1, "Net 30")),
        httpx.Response(200, text="<html>"),
    ],
)
async def test_a_definition_that_is_none(
    wire: respx.MockRouter, terms: ChoiceClient, call: Call, answer: httpx.Response
) -> None:
    wire.get().mock(return_value=answer)
    with pytest.raises(ProtocolError):
        await terms.page("", Query(), call=call)


async def test_no_answer_is_told_to_everybody(wire: respx.MockRouter, terms: ChoiceClient, call: Call) -> None:
    wire.get().mock(side_effect=httpx.ConnectError("away"))
    outcomes = await terms.page_each([("", Query()), ("", Query())], call=call)
    assert [type(each) for each in outcomes] == [UnreachableError, UnreachableError]
    assert outcomes[0] is not outcomes[1]


async def test_what_is_not_in_the_definition_is_gone(wire: respx.MockRouter, terms: ChoiceClient, call: Call) -> None:
    wire.get().mock(return_value=definition(option(1, "Net 30")))
    assert await terms.gone("", "optionid", [ONE, TWO], call=call) == {TWO}


async def test_options_are_written_and_published_in_one_exchange(
    wire: respx.MockRouter, terms: ChoiceClient, call: Call
) -> None:
    """In the language of whoever reads them."""
    wire.get().mock(return_value=definition(option(1, "Netto 30")))
    wire.post().mock(return_value=multipart(DONE, (200, {"NewOptionValue": 2}), DONE))
    await terms.page("", Query(), call=call)
    outcomes = await terms.write_each(
        [Update("", ONE, {"label": "30 DAYS"}, ""), Create("", TWO, {"label": "60 DAYS"})], call=call
    )
    assert outcomes == [
        Record({"optionid": str(ONE), "value": "1", "label": "30 DAYS"}),
        Record({"optionid": str(TWO), "value": "2", "label": "60 DAYS"}),
    ]
    body = wire.calls.last.request.content.decode()
    assert body.index("UpdateOptionValue") < body.index("InsertOptionValue") < body.index("PublishXml")
    assert '"LanguageCode":1031' in body
    assert body.count('"MergeLabels":true') == 1
    assert sent(wire)[-1] == "POST $batch"


async def test_an_option_of_an_earlier_attempt_gets_its_label(
    wire: respx.MockRouter, terms: ChoiceClient, call: Call
) -> None:
    wire.post().mock(side_effect=[multipart(THERE, DONE), multipart(DONE, DONE)])
    (outcome,) = await terms.write_each([Create("", TWO, {"label": "60 DAYS"})], call=call)
    assert isinstance(outcome, Record)
    assert "UpdateOptionValue" in wire.calls.last.request.content.decode()


async def test_a_refusal_is_that_of_the_first_attempt(wire: respx.MockRouter, terms: ChoiceClient, call: Call) -> None:
    wire.post().mock(return_value=multipart(DENIED, DONE))
    (outcome,) = await terms.write_each([Create("", TWO, {"label": "60 DAYS"})], call=call)
    assert isinstance(outcome, RefusedError)
    assert not outcome.unsettled


async def test_what_could_not_be_published_is_not_settled(
    wire: respx.MockRouter, terms: ChoiceClient, call: Call
) -> None:
    wire.post().mock(return_value=multipart(DONE, DENIED))
    (outcome,) = await terms.write_each([Create("", TWO, {"label": "60 DAYS"})], call=call)
    assert isinstance(outcome, RefusedError)
    assert outcome.unsettled
    assert len(wire.calls) == 1


async def test_a_lost_answer_fails_every_write(wire: respx.MockRouter, terms: ChoiceClient, call: Call) -> None:
    wire.post().mock(side_effect=httpx.RemoteProtocolError("closed"))
    outcomes = await terms.write_each([Create("", each, {"label": "x"}) for each in (ONE, TWO)], call=call)
    assert [type(each) for each in outcomes] == [UnreachableError, UnreachableError]
    with pytest.raises(UnreachableError):
        await terms.write(Update("", ONE, {"label": "x"}, ""), call=call)


@pytest.mark.parametrize("write", [Delete("", ONE, ""), Create("", UUID(int=1), {"label": "x"})])
async def test_what_cannot_be_done_with_an_option(terms: ChoiceClient, call: Call, write: Any) -> None:
    with pytest.raises(InvalidInputError):
        await terms.write_each([write], call=call)
    with pytest.raises(InvalidInputError):
        await terms.write_together([write], call=call)


async def test_in_a_dry_run_no_option_is_made(wire: respx.MockRouter, terms: ChoiceClient) -> None:
    dry = Call(Deadline.after(60), dry_run=True)
    (made,) = await terms.write_each([Create("", ONE, {"label": "Net 30"})], call=dry)
    assert isinstance(made, Record)
    assert made.values["label"] == "Net 30"
    with pytest.raises(InvalidInputError):
        await terms.write(Delete("", ONE, ""), call=dry)
    assert sent(wire) == []
