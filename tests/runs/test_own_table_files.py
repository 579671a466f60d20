"""Tables of an installation's own: what a file may say, a sentence with its place for each mistake, and nothing half accepted."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gateway.couplings.coupling import Mapping
from gateway.errors import ConfigError, InvalidInputError
from gateway.runs.configured import Configured
from gateway.runs.own_mappings import installed, mappings_with
from gateway.runs.own_places import meaning_of
from gateway.runs.policy import Policy, UpdateConflict
from gateway.sync.creation import bind
from gateway.sync.mapping import Direction
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.triggers.hook_watch import watch

CODE = {
    "label": "Code",
    "business_central": "code",
    "dataverse": "new_code",
    "kind": "CODE",
    "business_central_length": 10,
    "dataverse_length": 10,
}
PROJECTS: dict[str, Any] = {
    "place": "OWN_3",
    "label": "PROJECT",
    "update_conflict": "DATAVERSE_WINS",
    "business_central": {
        "api": "contoso/sales/v1.0",
        "entity_set": "projects",
        "noun": "project",
        "name": "title",
        "number": "code",
    },
    "dataverse": {"entity_set": "new_projects", "table": "new_project", "noun": "project in CRM", "name": "new_name"},
    "fields": [CODE],
}


def written(folder: Path, *tables: Any, **others: Any) -> Path:
    path = folder / "mappings.json"
    path.write_text(json.dumps({"tables": tables, **others}), encoding="utf-8")
    return path


def problems_of(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as told:
        installed(path)
    return list(told.value.problems)


def test_a_place_is_filled_behind_the_shipped_mappings(tmp_path: Path) -> None:
    found = installed(written(tmp_path, PROJECTS))
    assert list(found.tables) == [*TABLE_MAPPINGS, Mapping.OWN_3]
    mapping = found.tables[Mapping.OWN_3]
    assert (mapping.name, mapping.bc.source.api, mapping.crm.source.key) == (
        "PROJECT",
        "contoso/sales/v1.0",
        "new_projectid",
    )
    assert mapping.match == (("code",),)
    usual = found.policies[Mapping.OWN_3]
    assert usual == Policy(UpdateConflict.DATAVERSE_WINS)
    assert Configured.of(mapping, usual=usual).is_as_shipped


def test_a_place_that_is_not_filled_is_no_input_that_can_be_used(tmp_path: Path) -> None:
    tables = mappings_with(written(tmp_path, PROJECTS))
    with pytest.raises(InvalidInputError, match="OWN_4"):
        tables[Mapping.OWN_4]
    with pytest.raises(InvalidInputError, match="OWN_3"):
        TABLE_MAPPINGS[Mapping.OWN_3]
    assert tables.described(Mapping.OWN_4).bc.noun == "record"


SIDE, ROW = PROJECTS["business_central"], PROJECTS["dataverse"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"place": "CUSTOMER"}, "place: CUSTOMER is a shipped mapping"),
        ({"place": "OWN_10"}, "tables 1, place"),
        ({"colour": "red"}, "tables 1, colour"),
        ({"label": "customer"}, "label: CUSTOMER is called CUSTOMER already"),
        ({"depends_on": ["OWN_4"]}, "depends_on: OWN_4 is a place that the file does not fill"),
        ({"depends_on": ["OWN_3"]}, "leads back"),
        ({"match": [["name"]]}, "match: name is no field"),
        ({"match": [["code"], []]}, "a group without fields"),
        ({"fields": []}, "fields: none is enabled"),
        ({"fields": [CODE | {"enabled": False}]}, "fields: none is enabled"),
        ({"fields": [CODE, CODE | {"dataverse": "a", "dataverse_length": 1}]}, "fields 2 (code): OWN"),
        ({"fields": [CODE | {"dataverse": "modifiedon"}]}, "does not let modifiedon be written"),
        ({"fields": [CODE | {"dataverse": "new_projectid"}]}, "does not let new_projectid be written"),
        ({"fields": [CODE | {"dataverse_length": None}]}, "dataverse_length is missing"),
        ({"fields": [CODE | {"to_dataverse": [{"kind": "REPLACE"}]}]}, "fields 1 (code): to_dataverse"),
        ({"fields": [CODE | {"to_dataverse": [{"kind": "SING"}]}]}, "tables 1, fields, 1, to_dataverse, 1, kind"),
        ({"business_central": SIDE | {"table_no": 18}}, "18 is that of CUSTOMER"),
        ({"business_central": SIDE | {"api": "v2.0"}}, "tables 1, business_central, api"),
        ({"business_central": SIDE | {"filter": [{"column": "a", "operator": "EQUALS"}]}}, "filter 1 (a)"),
        (
            {"business_central": {"entity_set": "customers", "noun": "x", "name": "displayName"}}
            | {"dataverse": ROW | {"entity_set": "accounts"}},
            "CUSTOMER joins these two sets already",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, change: Any, said: str) -> None:
    found = problems_of(written(tmp_path, PROJECTS | change))
    assert all(each.startswith("mappings.json: tables 1") for each in found)
    assert any(said.replace("OWN", "PROJECT") in each or said in each for each in found), found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    again = PROJECTS | {"label": "CUSTOMER", "fields": [CODE | {"dataverse_length": None}]}
    field = {"mapping": "OWN_9", "label": "x", "business_central": "a", "dataverse": "b"}
    page = {"mapping": "OWN_3", "api": "contoso/sales/v1.0", "entity_set": "others"}
    places = [
        each.partition(": ")[2][:9]
        for each in problems_of(
            written(tmp_path, PROJECTS, again, again | {"place": "OWN_5"}, fields=[field], pages=[page])
        )
    ]
    assert places == ["tables 2 ", "tables 1 ", *["tables 3 "] * 3, "pages 1: ", "fields 1 "], (
        "both of a pair are named"
    )


def test_mappings_stand_behind_what_they_refer_to(tmp_path: Path) -> None:
    """A field of a shipped mapping may lead through a place, too; a circle is no reason to refuse."""
    lookup = {
        "label": "Project",
        "business_central": "projectId",
        "dataverse": "_new_projectid_value",
        "kind": "LOOKUP",
        "lookup": "OWN_3",
    }
    second = PROJECTS | {
        "place": "OWN_1",
        "label": "TASK",
        "business_central": SIDE | {"entity_set": "tasks"},
        "fields": [CODE, lookup],
    }
    tables = mappings_with(written(tmp_path, second, PROJECTS, fields=[lookup | {"mapping": "ITEM"}]))
    order = list(tables)
    assert order.index(Mapping.OWN_3) < order.index(Mapping.OWN_1)
    assert order.index(Mapping.OWN_3) < order.index(Mapping.ITEM)
    assert tables[Mapping.OWN_1].depends_on == (Mapping.OWN_3,)
    field, row = tables[Mapping.OWN_1].field("projectId"), UUID(int=7)
    assert field is not None
    assert bind(field, row, tables) == {"new_projectid@odata.bind": f"/new_projects({row})"}
    circle = PROJECTS | {"depends_on": ["OWN_1"]}
    assert any("leads back" in each for each in problems_of(written(tmp_path, second, circle)))


def test_fields_go_as_their_mapping_does(tmp_path: Path) -> None:
    tables = mappings_with(written(tmp_path, PROJECTS | {"direction": "FROM_INTEGRATION_TABLE"}))
    assert [each.direction for each in tables[Mapping.OWN_3].fields] == [Direction.FROM_INTEGRATION_TABLE]


def test_another_version_of_an_api_is_the_same_set(tmp_path: Path) -> None:
    newer = PROJECTS | {"business_central": SIDE | {"api": "contoso/sales/v2.0"}}
    before, after = (mappings_with(written(tmp_path, each))[Mapping.OWN_3] for each in (PROJECTS, newer))
    assert meaning_of(before) == meaning_of(after) == "contoso/sales/projects and new_projects"


def test_business_central_is_asked_for_webhooks_where_it_has_them(tmp_path: Path) -> None:
    """Of sets of the standard API, unless somebody says that there are none; CRM's are had of every table."""
    standard = {name: value for name, value in SIDE.items() if name != "api"}
    for side, heard in ((SIDE, False), (standard, True), (standard | {"webhooks": False}, False)):
        tables = mappings_with(written(tmp_path, PROJECTS | {"business_central": side}))
        company = UUID(int=1)
        watched = watch({company: {name: Configured.of(each) for name, each in tables.items()}})
        assert ((company, "projects") in watched.sets) is heard
        assert watched.tables["new_project"] == ((Mapping.OWN_3, company),)
        assert "new_code" in watched.attributes["new_project"]
