"""Changes of mappings on both databases: kept whole, by company, and none lost when two are made at once."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.couplings.coupling import Mapping
from gateway.database import create_engine, upgrade
from gateway.errors import InvalidInputError
from gateway.odata.filters import meets
from gateway.records import Backend
from gateway.runs.changes import (
    NO_CHANGE,
    FieldChange,
    FilterChange,
    MappingChange,
    change_as_json,
    change_of_json,
    with_changes,
)
from gateway.runs.conditions import Comparing, Condition, ValueType, rule_of
from gateway.runs.configured import Configured
from gateway.runs.policy import Policy, UpdateConflict
from gateway.runs.settings import MappingSettings
from gateway.runs.store import RunStore
from gateway.runs.table import mapping_settings
from gateway.sync.mapping import Direction, TableMapping
from gateway.sync.mappings import TABLE_MAPPINGS
from gateway.sync.transforms import Transform, Transformation

CUSTOMER = TABLE_MAPPINGS[Mapping.CUSTOMER]
FILTER = MappingChange(filters={Backend.DATAVERSE: FilterChange((Condition("name", Comparing.NOT_BLANK),))})


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database_url)
    await upgrade(engine)
    yield engine
    await engine.dispose()


def with_field(name: str, *, enabled: bool = False) -> "Changing":
    return Changing(name, enabled)


def changed_to(shipped: TableMapping, change: MappingChange) -> Callable[[Configured], Configured]:
    return lambda _: Configured.of(shipped, change=change)


class Changing:
    """Switches one field, and leaves the others."""

    def __init__(self, name: str, enabled: bool) -> None:
        self.name, self.enabled = name, enabled

    def __call__(self, before: Configured) -> Configured:
        fields = {**before.change.fields, self.name: FieldChange(enabled=self.enabled)}
        return Configured.of(before.origin, before.policy, replace(before.change, fields=fields))


@pytest.mark.anyio
async def test_what_several_change_at_once_is_all_kept(engine: AsyncEngine) -> None:
    settings, company = MappingSettings(engine), uuid4()
    names = ("city", "state", "email", "website")

    async def change(name: str) -> None:
        await settings.change(Mapping.CUSTOMER, company, with_field(name), by=name, at=datetime.now(UTC))

    await asyncio.gather(*map(change, names))
    found = await settings.of(Mapping.CUSTOMER, company)
    assert set(found.change.fields) == set(names)
    await asyncio.gather(*map(change, reversed(names)))
    assert (await settings.of(Mapping.CUSTOMER, company)).change == found.change
    assert (await settings.of(Mapping.CUSTOMER, uuid4())).is_as_shipped, "each company has its own"


@pytest.mark.anyio
async def test_what_is_as_shipped_leaves_nothing_behind(engine: AsyncEngine) -> None:
    settings, company = MappingSettings(engine), uuid4()
    policy = Policy(UpdateConflict.DATAVERSE_WINS, fields={"city": UpdateConflict.NONE})

    async def become(wanted: Configured) -> None:
        await settings.change(Mapping.CUSTOMER, company, lambda _: wanted, by="x" * 300, at=datetime.now(UTC))

    async def rows() -> int:
        table = mapping_settings
        async with engine.connect() as connection:
            counted = await connection.execute(
                select(func.count()).select_from(table).where(table.c.company_id == company)
            )
        return int(counted.scalar_one())

    changed = Configured.of(CUSTOMER, policy, FILTER)
    await become(changed)
    assert await settings.of(Mapping.CUSTOMER, company) == changed
    assert (await settings.all(company))[Mapping.CUSTOMER] == changed
    assert await rows() == 1
    await become(Configured.of(CUSTOMER))
    assert await rows() == 0
    await become(Configured.of(CUSTOMER))
    assert await settings.of(Mapping.CUSTOMER, company) == Configured.of(CUSTOMER)


@pytest.mark.anyio
async def test_another_filter_makes_the_next_run_look_at_everything(engine: AsyncEngine) -> None:
    """And nothing else does; what cannot be changed changes nothing."""
    settings, runs, company = MappingSettings(engine), RunStore(engine), uuid4()
    places = {Backend.BUSINESS_CENTRAL: "2026-01-01T00:00:00+00:00", Backend.DATAVERSE: "a link"}
    for mapping in (Mapping.CUSTOMER, Mapping.VENDOR):
        await runs.keep_places(mapping, company, places, generation=await runs.generation(mapping, company))
    now = datetime.now(UTC)
    await settings.change(Mapping.CUSTOMER, company, with_field("city"), by="x", at=now)
    assert await runs.places(Mapping.CUSTOMER, company) == places

    def refuse(_: Configured) -> Configured:
        raise InvalidInputError("No.")

    with pytest.raises(InvalidInputError):
        await settings.change(Mapping.CUSTOMER, company, refuse, by="x", at=now)
    await settings.change(
        Mapping.CUSTOMER, company, lambda _: Configured.of(CUSTOMER, change=FILTER), by="x", at=datetime.now(UTC)
    )
    assert await runs.places(Mapping.CUSTOMER, company) == {}
    assert await runs.places(Mapping.VENDOR, company) == places
    begun = await runs.generation(Mapping.VENDOR, company)
    for change in (FILTER, NO_CHANGE):
        await settings.change(
            Mapping.VENDOR, company, changed_to(TABLE_MAPPINGS[Mapping.VENDOR], change), by="x", at=now
        )
        now += timedelta(seconds=1)
    await runs.keep_places(Mapping.VENDOR, company, places, generation=begun)
    assert await runs.places(Mapping.VENDOR, company) == {}, "a run that was under way meanwhile is behind the filter"
    assert await runs.generation(Mapping.VENDOR, company) != begun


texts = st.text(max_size=5)
transformations = st.builds(
    Transformation,
    st.sampled_from(Transform),
    texts,
    texts,
    st.integers(1, 9),
    st.none() | st.integers(1, 9),
    st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
    st.booleans(),
)
chains = st.none() | st.lists(transformations, min_size=1, max_size=2).map(tuple)
field_changes = st.builds(
    FieldChange,
    st.none() | st.booleans(),
    st.none() | st.sampled_from(Direction),
    st.none() | texts,
    chains,
    chains,
    st.none() | st.booleans(),
    st.none() | st.booleans(),
)
names = st.sampled_from([each.name for each in CUSTOMER.fields])
conditions = st.builds(
    Condition,
    st.just("city"),
    st.just(Comparing.ONE_OF),
    st.lists(st.text(min_size=1, max_size=3), min_size=1).map(tuple),
)
filters = st.builds(FilterChange, st.lists(conditions, min_size=1, max_size=2).map(tuple), st.booleans())
mapping_changes = st.builds(
    MappingChange,
    st.booleans(),
    st.none() | st.sampled_from(Direction),
    st.dictionaries(st.sampled_from(Backend), filters),
    st.dictionaries(names, field_changes),
    st.none() | st.booleans(),
)


@given(mapping_changes)
def test_a_change_is_read_as_it_was_kept(change: MappingChange) -> None:
    assert change_of_json(json.loads(json.dumps(change_as_json(change)))) == change


@given(mapping_changes)
def test_no_field_is_written_where_its_mapping_does_not_go(change: MappingChange) -> None:
    """Whatever was changed: and a mapping keeps its fields, in their order."""
    mapping = with_changes(CUSTOMER, change)
    assert [each.name for each in mapping.fields] == [each.name for each in CUSTOMER.fields]
    for field in mapping.fields:
        for to in Backend:
            assert mapping.direction.goes_to(to) or not field.is_written_to(to)
    for backend in Backend:
        added = len(change.filters[backend].conditions) if backend in change.filters else 0
        shipped = CUSTOMER.table(backend).rules
        rules = mapping.table(backend).rules
        assert len(rules) == added + (0 if added and change.filters[backend].instead else len(shipped))


def test_a_condition_keeps_the_type_of_its_values() -> None:
    condition = Condition("creditLimit", Comparing.AT_LEAST, ("1.50",), ValueType.NUMBER)
    assert Condition.of_json(json.loads(json.dumps(condition.as_json()))) == condition
    assert condition.text == "creditLimit at least 1.50"


@pytest.mark.parametrize(
    ("condition", "row", "met"),
    [
        (Condition("city", Comparing.EQUALS, ("delft",)), {"city": "Delft"}, True),
        (Condition("city", Comparing.NOT_EQUALS, ("Delft",)), {"city": "Delft"}, False),
        (Condition("city", Comparing.NOT_EQUALS, ("Delft",)), {"city": None}, True),
        (Condition("city", Comparing.STARTS_WITH, ("de",)), {"city": "Delft"}, True),
        (Condition("city", Comparing.ENDS_WITH, ("de",)), {"city": "Delft"}, False),
        (Condition("city", Comparing.CONTAINS, ("%",)), {"city": "Delft"}, False),
        (Condition("city", Comparing.BLANK), {"city": None}, True),
        (Condition("city", Comparing.NOT_BLANK), {"city": ""}, False),
        (Condition("state", Comparing.ONE_OF, ("0", "2"), ValueType.NUMBER), {"state": 2}, True),
        (Condition("limit", Comparing.AT_LEAST, ("10",), ValueType.NUMBER), {"limit": Decimal("9.99")}, False),
        (Condition("limit", Comparing.LESS_THAN, ("10",), ValueType.NUMBER), {"limit": Decimal("9.99")}, True),
        (Condition("limit", Comparing.LESS_THAN, ("10",), ValueType.NUMBER), {"limit": None}, False),
        (Condition("day", Comparing.GREATER_THAN, ("2026-01-31",), ValueType.DATE), {"day": "2026-02-01"}, True),
        (Condition("day", Comparing.AT_MOST, ("2026-01-31",), ValueType.DATE), {"day": "2026-02-01"}, False),
        (Condition("taxed", Comparing.EQUALS, ("TRUE",), ValueType.BOOLEAN), {"taxed": True}, True),
        (
            Condition("id", Comparing.EQUALS, (str(UUID(int=10)).upper(),), ValueType.ID),
            {"id": str(UUID(int=10))},
            True,
        ),
    ],
)
def test_which_rows_meet_a_condition(condition: Condition, row: dict[str, object], met: bool) -> None:
    """What is asked of a system is also decided on rows that are here."""
    assert meets(rule_of(condition, blank=None).condition, row) is met


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (Condition("a-b", Comparing.BLANK), "no name of a column"),
        (Condition("a", Comparing.BLANK, ("x",)), "takes no value"),
        (Condition("a", Comparing.EQUALS), "1 to 50 values"),
        (Condition("a", Comparing.EQUALS, ("",)), "BLANK"),
        (Condition("a", Comparing.EQUALS, ("1", "2")), "ONE_OF"),
        (Condition("a", Comparing.CONTAINS, ("1",), ValueType.NUMBER), "texts"),
        (Condition("a", Comparing.EQUALS, ("NaN",), ValueType.NUMBER), "cannot be read as NUMBER"),
        (Condition("a", Comparing.EQUALS, ("yes",), ValueType.BOOLEAN), "cannot be read as BOOLEAN"),
        (Condition("a", Comparing.EQUALS, ("31.1.2026",), ValueType.DATE), "cannot be read as DATE"),
        (Condition("a", Comparing.EQUALS, ("7",), ValueType.ID), "cannot be read as ID"),
        (Condition("a", Comparing.ONE_OF, tuple(map(str, range(51)))), "1 to 50 values"),
    ],
)
def test_a_condition_that_cannot_be(condition: Condition, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rule_of(condition, blank=None)
