"""Sets that are views over others, and stores of an earlier model."""

import json
from pathlib import Path

from gateway.sandbox.expression import parse_filter, parse_orderby
from gateway.sandbox.model import Model
from gateway.sandbox.store import Store

WHOLE = "SELECT place, sum_number(quantity) AS quantity, max(store_version) AS store_version FROM stock GROUP BY place"
POSITIVE = "SELECT place, quantity, store_version FROM stock WHERE quantity > as_number(0)"


def model(*, view: str = WHOLE, more: str = "") -> Model:
    stock = {"id": "Int32", "place": "String 10", "quantity": "Decimal"} | ({more: "String"} if more else {})
    sets = {
        "stock": {"entity": "stock", "key": "id", "properties": stock},
        "group/total": {
            "entity": "total",
            "key": "place",
            "properties": {"place": "String 10", "quantity": "Decimal", "secret": "String hidden"},
        },
    }
    selected = view.replace("SELECT place,", "SELECT place, 'x' AS secret,")
    return Model.load(json.dumps({"nulls": False, "sets": sets}), views={"group/total": selected})


ROWS = [
    {"id": 1, "place": "MAIN", "quantity": "10.5"},
    {"id": 2, "place": "MAIN", "quantity": "-0.25"},
    {"id": 3, "place": "EAST", "quantity": "-3"},
]


def totals(store: Store, where: str | None = None) -> dict[object, float]:
    found = store.select("group/total", where=parse_filter(where) if where else None, order=parse_orderby("place"))
    return {row["place"]: float(str(row["quantity"])) for row in found}


def test_a_view_is_read_like_a_table() -> None:
    store = Store(model(), None)
    store.seed("stock", ROWS)
    assert totals(store) == {"EAST": -3, "MAIN": 10.25}
    assert totals(store, "quantity gt 0 and place eq 'main'") == {"MAIN": 10.25}
    assert store.count("group/total") == 2
    row = store.get("group/total", "MAIN")
    assert row is not None
    assert row.version == 2


def test_a_view_follows_every_write() -> None:
    store = Store(model(), None)
    store.seed("stock", ROWS)
    store.update("stock", 3, {"quantity": 4})
    assert totals(store) == {"EAST": 4, "MAIN": 10.25}
    store.clear()
    assert totals(store) == {}


def test_names_lose_their_group_and_hidden_properties_do_not_show() -> None:
    total = model().sets["group/total"]
    assert total.public_name == "total"
    assert list(total.visible) == ["place", "quantity"]


def test_a_view_is_made_anew_when_a_store_is_opened(tmp_path: Path) -> None:
    first = Store(model(), tmp_path / "store.db")
    first.seed("stock", ROWS)
    first.close()
    second = Store(model(view=POSITIVE), tmp_path / "store.db")
    assert totals(second) == {"MAIN": 10.5}
    second.close()


def test_a_table_of_another_model_is_emptied(tmp_path: Path) -> None:
    first = Store(model(), tmp_path / "store.db")
    first.seed("stock", ROWS)
    first.close()
    second = Store(model(more="colour"), tmp_path / "store.db")
    assert second.count("stock") == 0
    second.seed("stock", [{"id": 9, "place": "MAIN", "quantity": 1, "colour": "red"}])
    assert totals(second) == {"MAIN": 1}
    second.close()


def test_a_table_of_the_same_model_is_kept(tmp_path: Path) -> None:
    for _ in range(2):
        store = Store(model(), tmp_path / "store.db")
        if not store.count("stock"):
            store.seed("stock", ROWS)
        assert totals(store) == {"EAST": -3, "MAIN": 10.25}
        store.close()
