"""What the application checks and fills in on every write, driven by the model.

| In the model | Rule                                                                                          |
|--------------|-----------------------------------------------------------------------------------------------|
| `required`   | a value must come with a new row                                                              |
| `notBlank`   | a value, when given, must not be blank                                                        |
| `fixed`      | a value cannot change once the row exists                                                     |
| `relations`  | an id and a code name the same row of another table: either finds it, both must agree          |
| `unique`     | the primary key of the table                                                                  |
| `series`     | the shape of the next number when `number` is left out                                        |

Source: Business Central, "Customer resource type" and its neighbours; messages of the API v2.0 pages.
"""

import re
from collections.abc import Mapping, Sequence

from gateway.sandbox.business_central import errors
from gateway.sandbox.business_central.values import Values
from gateway.sandbox.expression import Call, Comparison, Expression, Literal, Logical, OrderItem, Path
from gateway.sandbox.model import ZERO_GUID, EntitySet
from gateway.sandbox.store import Row, Store

_EMPTY = (None, "", ZERO_GUID)
_SERIES = "$numberSeries"


def check_new(entity_set: EntitySet, values: Values) -> None:
    """Refuse a new row that lacks or may not name something."""
    for name, message in _messages(entity_set, "required").items():
        if values.get(name) in _EMPTY:
            raise errors.dialog(message)
    _check_writable(entity_set, values, but=("id",))


def check_change(entity_set: EntitySet, row: Row, values: Values) -> None:
    """Refuse a change of what is fixed, read-only or must not be blank."""
    for name, message in _messages(entity_set, "fixed").items():
        if name in values and values[name] != row[name]:
            raise errors.dialog(message)
    for name, message in _messages(entity_set, "notBlank").items():
        if name in values and not str(values[name]).strip():
            raise errors.dialog(message)
    _check_writable(entity_set, values, but=tuple(_messages(entity_set, "fixed")))


def _messages(entity_set: EntitySet, name: str) -> Mapping[str, str]:
    found = entity_set.extra.get(name, {})
    return found if isinstance(found, dict) else {}


def _check_writable(entity_set: EntitySet, values: Values, *, but: Sequence[str]) -> None:
    for name in values:
        if entity_set.properties[name].read_only and name not in but:
            raise errors.read_only(name)


def relate(store: Store, entity_set: EntitySet, values: Values) -> None:
    """Find the rows that ids and codes in `values` name, and fill in the other half of each pair."""
    relations = entity_set.extra.get("relations", [])
    for relation in relations if isinstance(relations, list) else []:
        by_id, by_code = relation.get("id"), relation.get("code")
        if by_id is None:
            _relate_code(store, entity_set, relation, values)
        elif by_id in values or by_code in values:
            _relate_pair(store, relation, values)


def _relate_code(store: Store, entity_set: EntitySet, relation: Mapping[str, str], values: Values) -> None:
    name, target = relation["code"], store.model.sets[relation["target"]]
    code = values.get(name)
    if code in _EMPTY:
        return
    row = find(store, target.name, relation["property"], str(code))
    if row is None:
        raise errors.unrelated(field=name, table=str(target.extra["table"]), value=str(code))
    values[name] = row[relation["property"]]


def _relate_pair(store: Store, relation: Mapping[str, str], values: Values) -> None:
    by_id, by_code = relation["id"], relation.get("code")
    row = None
    if values.get(by_id) not in _EMPTY:
        row = store.get(relation["target"], values[by_id])
        if row is None:
            raise errors.dialog(relation["idMessage"])
    if by_code is None:
        return
    code = values.get(by_code)
    if relation["target"] == "currencies" and str(code or "").lower() == local_currency(store).lower():
        code = ""
    if code not in _EMPTY:
        named = find(store, relation["target"], relation["property"], str(code))
        if named is None:
            raise errors.dialog(relation["codeMessage"])
        if row is not None and row["id"] != named["id"]:
            raise errors.dialog(relation["bothMessage"])
        row = named
    values[by_id] = ZERO_GUID if row is None else row["id"]
    values[by_code] = "" if row is None else row[relation["property"]]


def local_currency(store: Store) -> str:
    """The company's own currency, which is no row of the currencies and stored nowhere as a code."""
    rows = store.select("companyInformation", limit=1)
    return str(rows[0]["currencyCode"]) if rows else ""


def find(store: Store, set_name: str, name: str, value: str) -> Row | None:
    """The first row whose text property has this value, whatever the case."""
    rows = store.select(set_name, where=equal(name, value), limit=1)
    return rows[0] if rows else None


def equal(name: str, value: str, kind: str = "Edm.String") -> Expression:
    return Comparison("eq", Path((name,)), Literal(value, kind))


def check_unique(store: Store, entity_set: EntitySet, row_id: str, values: Mapping[str, object]) -> None:
    """Refuse a second row with the primary key of another."""
    names = entity_set.extra.get("unique", [])
    if not isinstance(names, list) or not any(name in values for name in names):
        return
    key = {name: values.get(name, entity_set.properties[name].empty) for name in names}
    terms = tuple(equal(name, str(value), _literal_type(entity_set, name)) for name, value in key.items())
    rows = store.select(entity_set.name, where=Logical("and", terms) if len(terms) > 1 else terms[0], limit=2)
    if any(row["id"] != row_id for row in rows):
        captions = {"number": "No.", "code": "Code", "itemNumber": "Item No."}
        identification = ",".join(f"{captions.get(name, name)}='{value}'" for name, value in key.items())
        raise errors.exists_already(str(entity_set.extra["table"]), identification)


def _literal_type(entity_set: EntitySet, name: str) -> str:
    return "Edm.Guid" if entity_set.properties[name].type == "Edm.Guid" else "Edm.String"


def next_number(store: Store, entity_set: EntitySet) -> str | None:
    """The next number of the set's series, above the highest in use and the last one given; None without a series.

    Takes the number: that of a row which is gone is not given again.
    """
    series = entity_set.extra.get("series")
    if not isinstance(series, str):
        return None
    prefix = series.rstrip("0123456789")
    digits = len(series) - len(prefix)
    shape = re.compile(re.escape(prefix) + rf"\d{{{digits}}}")
    where = Call("startswith", (Path(("number",)), Literal(prefix, "Edm.String")))
    highest = store.select(entity_set.name, where=where, order=[OrderItem(Path(("number",)), True)], limit=200)
    last = next((str(row["number"]) for row in highest if shape.fullmatch(str(row["number"]))), series)
    return f"{prefix}{_take_number(store, entity_set, above=int(last[len(prefix) :])):0{digits}d}"


def _take_number(store: Store, entity_set: EntitySet, *, above: int) -> int:
    given = store.get(_SERIES, entity_set.name)
    number = max(above, int(str(given["lastNumber"])) if given else 0) + 1
    if given:
        store.update(_SERIES, entity_set.name, {"lastNumber": number})
    else:
        store.insert(_SERIES, {"setName": entity_set.name, "lastNumber": number})
    return number
