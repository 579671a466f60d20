"""Fields of an installation's own: what a file may say, and a sentence with its place for each mistake."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gateway.couplings.coupling import Mapping
from gateway.errors import ConfigError
from gateway.runs.own_mappings import mappings_with
from gateway.sync.creation import bind
from gateway.sync.mapping import Kind
from gateway.sync.mappings import TABLE_MAPPINGS

VAT: dict[str, Any] = {
    "mapping": "CUSTOMER",
    "label": "VAT Registration No.",
    "business_central": "taxRegistrationNumber",
    "dataverse": "new_vatnumber",
    "business_central_length": 50,
    "dataverse_length": 50,
}


def written(folder: Path, *fields: Any) -> Path:
    path = folder / "mappings.json"
    path.write_text(json.dumps({"fields": fields}), encoding="utf-8")
    return path


def test_without_a_file_the_mappings_are_as_shipped() -> None:
    assert mappings_with(None) is TABLE_MAPPINGS


def test_a_field_of_toml_stands_behind_the_shipped_ones(tmp_path: Path) -> None:
    path = tmp_path / "mappings.toml"
    lines = [f"{name} = {json.dumps(value)}" for name, value in VAT.items()]
    path.write_text("[[fields]]\n" + "\n".join(lines), encoding="utf-8")
    found = mappings_with(path)
    assert list(found) == list(TABLE_MAPPINGS)
    field = found[Mapping.CUSTOMER].fields[-1]
    assert (field.name, field.bc, field.crm) == ("taxRegistrationNumber", "taxRegistrationNumber", "new_vatnumber")
    assert (field.own, field.kind, field.longest) == (True, Kind.TEXT, (50, 50))
    assert found[Mapping.CUSTOMER].fields[:-1] == TABLE_MAPPINGS[Mapping.CUSTOMER].fields
    assert found[Mapping.VENDOR] is TABLE_MAPPINGS[Mapping.VENDOR]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mapping": "HORSES"}, "fields 1, mapping"),
        ({"colour": "red"}, "fields 1, colour"),
        ({"direction": "UP"}, "fields 1, direction"),
        ({"dataverse": "new vat"}, "fields 1, dataverse"),
        ({"business_central_length": 0}, "fields 1, business_central_length"),
        ({"name": "city"}, "has a field of this name already"),
        ({"dataverse": "address1_city"}, "written by the field city already"),
        ({"dataverse": "firstname", "mapping": "CONTACT"}, "written by the field displayName already"),
        ({"business_central": "number", "name": "other"}, "written by the field number already"),
        ({"dataverse": "modifiedon"}, "does not let modifiedon be written"),
        ({"dataverse": None}, "dataverse is missing"),
        ({"dataverse_length": None}, "dataverse_length is missing"),
        ({"mapping": "PAYMENT_TERMS"}, "options of a choice"),
        ({"mapping": "CURRENCY"}, "CURRENCY goes TO_INTEGRATION_TABLE"),
        ({"kind": "LOOKUP"}, "lookup names the mapping"),
        ({"kind": "LOOKUP", "lookup": "CURRENCY"}, "_name_value"),
        ({"by_code": True}, "by_code is for look-ups"),
        ({"clear_on_failed": True}, "clear_on_failed is for look-ups"),
        ({"constant": "x"}, "a direction"),
        ({"kind": "BOOLEAN", "constant": "maybe", "direction": "TO_INTEGRATION_TABLE"}, "'maybe' is no value"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, change: Any, said: str) -> None:
    with pytest.raises(ConfigError) as told:
        mappings_with(written(tmp_path, VAT | change))
    (problem,) = told.value.problems
    assert problem.startswith("mappings.json: fields 1")
    assert said in problem


@pytest.mark.parametrize(
    ("api", "pages", "said"),
    [("contoso/sales/v1.0", 2, "pages 2: CUSTOMER has a page already"), ("v2.0", 1, "pages 1, api")],
)
def test_a_page_that_cannot_be(tmp_path: Path, api: str, pages: int, said: str) -> None:
    path = tmp_path / "mappings.json"
    page = {"mapping": "CUSTOMER", "api": api, "entity_set": "ourCustomers"}
    path.write_text(json.dumps({"pages": [page] * pages}), encoding="utf-8")
    with pytest.raises(ConfigError) as told:
        mappings_with(path)
    (problem,) = told.value.problems
    assert said in problem


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    other = VAT | {"name": "other"}
    with pytest.raises(ConfigError) as told:
        mappings_with(written(tmp_path, VAT, VAT, other))
    assert [each.partition(")")[0] for each in told.value.problems] == [
        "mappings.json: fields 2 (taxRegistrationNumber",
        "mappings.json: fields 2 (taxRegistrationNumber",
        "mappings.json: fields 2 (taxRegistrationNumber",
        "mappings.json: fields 3 (other",
        "mappings.json: fields 3 (other",
    ]


@pytest.mark.parametrize(("name", "text"), [("a.json", "{"), ("a.toml", "= 1"), ("a.json", "[" * 100_000)])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(ConfigError, match="GATEWAY_MAPPINGS_FILE"):
        mappings_with(tmp_path / "none.json")
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="GATEWAY_MAPPINGS_FILE"):
        mappings_with(tmp_path / name)


def test_a_look_up_is_written_as_crm_calls_it(tmp_path: Path) -> None:
    column = {"business_central": "currencyId", "name": "second", "dataverse": "_new_currencyid_value"}
    lookup = {
        "kind": "LOOKUP",
        "lookup": "CURRENCY",
        "navigation": "new_CurrencyId",
        "direction": "TO_INTEGRATION_TABLE",
    }
    given = {"mapping": "CUSTOMER", "label": "Second Currency"} | column | lookup
    field = mappings_with(written(tmp_path, given))[Mapping.CUSTOMER].field("second")
    assert field is not None
    row = UUID(int=7)
    assert bind(field, row) == {"new_CurrencyId@odata.bind": f"/transactioncurrencies({row})"}
    assert bind(replace(field, navigation=None), None) == {"new_currencyid@odata.bind": None}


def test_a_constant_needs_one_side_only(tmp_path: Path) -> None:
    """And it may be any kind of value but a look-up."""
    region = {"mapping": "CUSTOMER", "label": "Origin", "dataverse": "new_frombc", "kind": "BOOLEAN"}
    path = written(tmp_path, region | {"constant": "true", "direction": "TO_INTEGRATION_TABLE"})
    field = mappings_with(path)[Mapping.CUSTOMER].field("new_frombc")
    assert field is not None
    assert (field.bc, field.constant) == ("", "true")
