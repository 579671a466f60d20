"""The store behind the simulators: comparison, order, paging, versions and transactions."""

import threading
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path as FilePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox.columns import number_text, text_number
from gateway.sandbox.expression import ExpressionError, UnknownPropertyError, parse_filter, parse_orderby
from gateway.sandbox.model import Model
from gateway.sandbox.store import DuplicateKeyError, Row, RowNotFoundError, StaleVersionError, Store

SHAPE = """{"sets": {
 "people": {"entity": "person", "key": "id", "indexes": ["name", ["parent"]],
  "properties": {"id": "Guid", "name": "String 20", "amount": "Decimal", "seen": "DateTimeOffset", "born": "Date",
   "active": "Boolean", "size": "Int32", "weight": "Double", "parent": "Guid", "state_version": "Int64 version",
   "state": {"type": "Int32", "options": {"0": "Zebra", "1": "apple"}, "order": "label"}},
  "navigations": {"mother": "people parent id", "children": "people[] id parent"}}}}"""


def key(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


@pytest.fixture
def store() -> Store:
    """Nine people: 2 and 3 are children of 1, 4 and 5 of 2, and so on."""
    store = Store(Model.load(SHAPE), None)
    store.seed(
        "people",
        (
            {
                "id": key(n),
                "name": f"Ä{n}",
                "amount": Decimal(n - 5) / 4,
                "seen": f"2026-05-04T07:41:22.{n}Z",
                "born": f"2000-01-0{n}",
                "active": n % 2 == 0,
                "size": n,
                "weight": n / 2,
                "state": n % 2,
                "parent": key(n // 2) if n > 1 else None,
            }
            for n in range(1, 10)
        ),
    )
    return store


def names(rows: Sequence[Row]) -> str:
    return "".join(str(row["name"])[1:] for row in rows)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name eq 'ä3'", "3"),
        ("name ne 'ä3'", "12456789"),
        ("name gt 'ä7'", "89"),
        ("'Ä7' lt name", "89"),
        ("name in ('ä3','Ä4','x')", "34"),
        ("name eq 'ä3' or name eq 'ä5' or amount gt 0.75", "359"),
        ("amount lt 0", "1234"),
        ("amount ge -0.25 and amount le 0.25", "456"),
        ("size gt 7.5", "89"),
        ("size eq 2.0 or size eq 2.5 or size eq 3", "23"),
        ("parent in (null,00000000-0000-4000-8000-000000000001)", "123"),
        ("seen gt 2026-05-05", ""),
        ("null eq parent", "1"),
        ("weight le 1", "12"),
        ("amount eq size", ""),
        ("size gt weight and size le 2", "12"),
        ("seen gt 2026-05-04T09:41:22.7+02:00", "89"),
        ("born ge 2000-01-08", "89"),
        ("active eq true", "2468"),
        ("active", "2468"),
        ("not active", "13579"),
        ("parent eq null", "1"),
        ("parent ne null and size lt 3", "2"),
        ("mother/name eq 'ä1'", "23"),
        ("mother/mother/name eq 'Ä1'", "4567"),
        ("not (mother/size gt 2)", "12345"),
        ("children/any(c:c/name eq 'ä9')", "4"),
        ("children/any(c:c/children/any(d:d/size eq 9 and c/size eq 4))", "2"),
        ("children/any()", "1234"),
        ("children/all(c:c/size gt 5)", "3456789"),
        ("contains(name,'ä')", "123456789"),
        ("startswith(name,'Ä1') or endswith(name,'9')", "19"),
        ("not contains(name,'3') and size lt 4", "12"),
        ("tolower(name) eq 'ä4'", "4"),
        ("concat(trim(name),'x') eq 'ä4X'", "4"),
        ("substring(name,1) eq '4'", "4"),
        ("substring(name,0,1) eq 'ä' and size eq 1", "1"),
        ("indexof(name,'4') eq 1", "4"),
        ("length(name) eq 2 and size eq 1", "1"),
        ("round(amount) eq 0", "456"),
        ("floor(amount) eq -1", "1234"),
        ("ceiling(amount) eq 1", "6789"),
        ("like(name,'_[1-3]')", "123"),
        ("like(name,'%[^1-8]')", "9"),
        ("true", "123456789"),
    ],
)
def test_a_filter_finds(store: Store, text: str, found: str) -> None:
    where = parse_filter(text)
    assert names(store.select("people", where=where, order=parse_orderby("size"))) == found
    assert store.count("people", where=where) == len(found)


@pytest.mark.parametrize("text", ["nam eq 1", "mother/nam eq 1", "other/name eq 'x'", "l/any(x:x/name eq 'a')"])
def test_an_unknown_name_is_told_from_other_mistakes(store: Store, text: str) -> None:
    with pytest.raises(UnknownPropertyError):
        store.select("people", where=parse_filter(text))


@pytest.mark.parametrize(
    "text",
    [
        *["name eq 1", "amount eq 'x'", "active eq 1", "parent eq 'x'", "children/name eq 'x'", "mother/any()", "name"],
        *["shout(name) eq 'X'", "contains(name)", "contains(size,'1')", "size in ('1')", "name eq size"],
        *["size eq 99999999999999999999", "amount eq 1e9000", "born eq 2026-99-99", "2026-99-99 eq 2026-01-01"],
    ],
)
def test_what_cannot_be_compared_is_refused(store: Store, text: str) -> None:
    with pytest.raises(ExpressionError):
        store.select("people", where=parse_filter(text))


def test_text_of_a_filter_never_becomes_sql(store: Store) -> None:
    assert store.select("people", where=parse_filter("name eq 'x'' OR 1=1 --'")) == []


def test_a_filter_of_thousands_of_terms_stays_within_the_limits(store: Store) -> None:
    listed = " or ".join(f"name eq 'ä{n}'" for n in range(1, 5000))
    mixed = " or ".join(f"contains(name,'x{n}') and amount gt {n}" for n in range(2000))
    assert store.count("people", where=parse_filter(listed)) == 9
    assert store.count("people", where=parse_filter(mixed)) == 0


def test_a_filter_as_deep_as_the_grammar_allows_is_answered(store: Store) -> None:
    text = "size eq 2"
    for _ in range(11):
        text = f"(active eq true and (size lt 7 or {text}))"
    assert names(store.select("people", where=parse_filter(text), order=parse_orderby("size"))) == "246"


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("name desc", "987654321"),
        ("amount", "123456789"),
        ("active,size desc", "975318642"),
        ("state,size", "135792468"),
        ("parent", "123456789"),
        ("parent desc,size desc", "987654321"),
        ("mother/size desc,name", "896745231"),
        ("state_version desc", "987654321"),
    ],
)
def test_an_order_is_kept_over_pages(store: Store, order: str, found: str) -> None:
    items = parse_orderby(order)
    assert names(store.select("people", order=items)) == found
    walked, after = "", None
    while page := store.select("people", order=items, limit=2, after=after):
        walked += names(page)
        after = store.position("people", page[-1]["id"], order=items)
    assert walked == found


def test_paging_goes_on_behind_a_row_that_is_gone(store: Store) -> None:
    order = parse_orderby("name")
    after = store.position("people", key(4), order=order)
    assert after == ("Ä4", key(4))
    store.delete("people", key(4))
    store.insert("people", {"id": key(44), "name": "ä44"})
    assert [row["name"] for row in store.select("people", order=order, after=after, limit=2)] == ["ä44", "Ä5"]
    assert store.position("people", key(4), order=order) is None


def test_limit_and_offset_cut_a_page(store: Store) -> None:
    assert names(store.select("people", order=parse_orderby("size"), limit=3, offset=2)) == "345"
    assert names(store.select("people", order=parse_orderby("size"), offset=7)) == "89"


def test_a_limit_per_group_keeps_the_first_of_each(store: Store) -> None:
    rows = store.select("people", order=parse_orderby("size desc"), per=("parent", 1))
    assert names(rows) == "97531"


def test_related_rows_come_in_groups(store: Store) -> None:
    people = store.select("people")
    children = store.related(store.model.sets["people"].navigations["children"], people, order=parse_orderby("size"))
    assert {str(parent)[-1]: names(rows) for parent, rows in children.items()} == {
        "1": "23",
        "2": "45",
        "3": "67",
        "4": "89",
    }
    mothers = store.related(store.model.sets["people"].navigations["mother"], people, where=parse_filter("size eq 1"))
    assert [names(rows) for rows in mothers.values()] == ["1"]


def test_values_come_back_as_they_were(store: Store) -> None:
    values = {
        "id": key(77),
        "name": "Söhne 100%",
        "amount": Decimal("123456789012345678901234567890.000000000001"),
        "seen": "2026-05-04T09:41:22.370+02:00",
        "born": "2026-05-04",
        "active": False,
        "size": -3,
        "weight": 0.1,
        "parent": key(1).upper(),
        "state": None,
    }
    row = store.insert("people", values)
    expected = values | {"seen": "2026-05-04T07:41:22.37Z", "parent": key(1), "state_version": row.version}
    assert row.values == expected
    assert store.get("people", key(77)) == row


def test_a_model_without_nulls_stores_empty_values() -> None:
    shape = SHAPE.replace('{"sets"', '{"nulls": false, "sets"')
    row = Store(Model.load(shape), None).insert("people", {"id": key(1)})
    assert row["name"] == ""
    assert row["amount"] == 0
    assert row["born"] == "0001-01-01"
    assert row["seen"] == "0001-01-01T00:00:00Z"
    assert row["parent"] == "00000000-0000-0000-0000-000000000000"


def test_every_write_gives_a_new_version(store: Store) -> None:
    first = store.get("people", key(1))
    assert first is not None
    second = store.update("people", key(1), {"size": 10}, expected_version=first.version)
    third = store.insert("people", {"id": key(50)})
    assert first.version < second.version < third.version
    assert second["name"] == "Ä1"


def test_a_stale_version_is_refused(store: Store) -> None:
    row = store.update("people", key(1), {})
    with pytest.raises(StaleVersionError):
        store.update("people", key(1), {"size": 2}, expected_version=row.version - 1)
    with pytest.raises(StaleVersionError):
        store.delete("people", key(1), expected_version=row.version - 1)


def test_a_missing_row_and_a_taken_key_are_refused(store: Store) -> None:
    with pytest.raises(RowNotFoundError):
        store.update("people", key(99), {})
    with pytest.raises(RowNotFoundError):
        store.delete("people", key(99))
    with pytest.raises(DuplicateKeyError):
        store.insert("people", {"id": key(1)})


def test_an_unknown_property_and_a_value_of_another_type_are_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="nickname"):
        store.insert("people", {"id": key(60), "nickname": "x"})
    with pytest.raises(ValueError, match="amount"):
        store.update("people", key(1), {"amount": "much"})


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction():
            store.delete("people", key(1))
            store.insert("people", {"id": key(2)})

    with pytest.raises(DuplicateKeyError):
        fail()
    assert store.get("people", key(1)) is not None


def test_a_failed_inner_transaction_leaves_the_outer_one(store: Store) -> None:
    with store.transaction():
        store.delete("people", key(1))
        with pytest.raises(DuplicateKeyError):
            store.insert("people", {"id": key(2)})
    assert store.get("people", key(1)) is None


def test_another_thread_waits_for_a_transaction(store: Store) -> None:
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.append(store.count("people")))
    with store.transaction():
        store.delete("people", key(1))
        reader.start()
        store.delete("people", key(2))
    reader.join()
    assert seen == [7]


def test_a_file_keeps_rows_versions_and_fingerprint(tmp_path: FilePath) -> None:
    path = tmp_path / "sandbox.db"
    first = Store(Model.load(SHAPE), path)
    assert first.fingerprint is None
    first.seed("people", [{"id": key(1)}])
    first.fingerprint = "200 customers"
    version = first.update("people", key(1), {"size": 5}).version
    first.close()
    second = Store(Model.load(SHAPE), path)
    assert second.fingerprint == "200 customers"
    assert second.update("people", key(1), {}).version > version
    second.clear()
    assert second.count("people") == 0
    remembered: str | None = second.fingerprint
    assert remembered is None
    second.close()


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30), max_size=20))
def test_stored_decimals_are_exact_and_sort_as_numbers(values: list[Decimal]) -> None:
    stored = [number_text(value) for value in values]
    assert [text_number(text) for text in stored] == values
    assert [text_number(text) for text in sorted(stored)] == sorted(values)


@pytest.mark.parametrize(
    "broken",
    [
        SHAPE.replace('"people parent id"', '"persons parent id"'),
        SHAPE.replace('"people parent id"', '"people parent number"'),
        SHAPE.replace('"indexes": ["name"', '"indexes": ["title"'),
    ],
)
def test_a_model_that_names_nothing_is_refused(broken: str) -> None:
    with pytest.raises(ValueError, match=r"nowhere|does not have"):
        Model.load(broken)
