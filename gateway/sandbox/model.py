"""What a simulator serves: entity sets, their properties and navigations, read from a compact `model.json`.

    {"nulls": false,
     "options": {"blocked": {"_x0020_": " ", "Ship": "Ship"}},
     "sets": {"customers": {"entity": "customer", "key": "id",
        "properties": {"id": "Guid", "displayName": "String 100", "balanceDue": "Decimal readOnly computed",
                       "blocked": {"type": "Microsoft.NAV.customerBlocked", "options": "blocked", "order": "ordinal"}},
        "navigations": {"currency": "currencies currencyId id", "lines": "salesOrderLines[] id documentId"},
        "indexes": ["number"]}}}

A property is a line `TYPE [LENGTH] [flags…]` or an object; flags other than `readOnly` and `computed` land in `extra`
as true, and so does every key of an object that is not named here. `Edm.` may be left out of primitive types; any type
outside Edm is an enumeration stored as text. A navigation is a line `TARGET SOURCE_PROPERTY TARGET_PROPERTY`, where
`[]` after the target marks a collection, or an object with `target`, `collection`, `source`, `to` and anything extra;
its `through` lists the set of pairs of a many-to-many relationship with the properties for source and target.
With `"nulls": false` an unset value is the empty value of its type, as in Business Central; otherwise it is null.

A set is a table, or a view over others when `load` is given its SELECT. Two APIs may have a set of the same name: in the
model the second is called `group/name`. A property marked `hidden` is stored and never shown.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

Object = Mapping[str, object]

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
_PRIMITIVE = {
    "String": "",
    "Guid": ZERO_GUID,
    "Boolean": False,
    "Int32": 0,
    "Int64": 0,
    "Decimal": 0,
    "Double": 0.0,
    "Date": "0001-01-01",
    "DateTimeOffset": "0001-01-01T00:00:00Z",
}


@dataclass(frozen=True, slots=True)
class Property:
    """One column. `empty` is what an unset value is stored as: None unless the model has no nulls."""

    name: str
    type: str
    max_length: int | None = None
    read_only: bool = False
    computed: bool = False
    options: Mapping[str, str] | None = None
    empty: object = None
    extra: Object = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Through:
    """The set whose rows pair the values of two others, in a many-to-many relationship."""

    set_name: str
    source_property: str
    target_property: str


@dataclass(frozen=True, slots=True)
class Navigation:
    """A way to rows of `target`: those whose `target_property` equals this row's `source_property`.

    With `through` the two do not equal each other, but stand together in a row of a third set.
    """

    name: str
    target: str
    collection: bool
    source_property: str
    target_property: str
    extra: Object = field(default_factory=dict)
    through: "Through | None" = None


@dataclass(frozen=True, slots=True, eq=False)
class EntitySet:
    """A set of rows and the type they share. `indexes` names properties, or lists of them, worth an index.

    Equal only to itself, so that what follows from it can be kept in a cache.
    """

    name: str
    entity: str
    key: str
    properties: Mapping[str, Property]
    navigations: Mapping[str, Navigation]
    indexes: tuple[tuple[str, ...], ...] = ()
    extra: Object = field(default_factory=dict)
    view: str | None = None

    @property
    def public_name(self) -> str:
        """The name in addresses: `name` without a group before it."""
        return self.name.rpartition("/")[2]

    @property
    def visible(self) -> Mapping[str, Property]:
        """The properties that are shown and may be named."""
        return {name: column for name, column in self.properties.items() if not column.extra.get("hidden")}

    @property
    def internal(self) -> bool:
        """True for a table that no address leads to, such as a ledger that others are computed from."""
        return bool(self.extra.get("internal"))


@dataclass(frozen=True, slots=True)
class Model:
    """All sets of one simulator by name."""

    sets: Mapping[str, EntitySet]
    nulls: bool = True

    @classmethod
    def load(cls, json_text: str, *, views: Mapping[str, str] | None = None) -> "Model":
        """Read the form described above; `views` are SELECTs by set, which yield every property and `store_version`.

        Raises:
            ValueError: a property, option list, target or index that does not exist.
        """
        document = _mapping(json.loads(json_text))
        nulls = bool(document.get("nulls", True))
        options = {name: _texts(members) for name, members in _mapping(document.get("options", {})).items()}
        sets = {
            name: _entity_set(name, _mapping(shape), nulls=nulls, options=options, view=(views or {}).get(name))
            for name, shape in _mapping(document["sets"]).items()
        }
        model = cls(sets=sets, nulls=nulls)
        _check(model)
        return model


def _mapping(value: object) -> Object:
    if not isinstance(value, dict):
        raise ValueError(f"an object was expected, not {value!r}")
    return value


def _texts(value: object) -> dict[str, str]:
    return {name: str(text) for name, text in _mapping(value).items()}


def _entity_set(
    name: str, shape: Object, *, nulls: bool, options: Mapping[str, Mapping[str, str]], view: str | None
) -> EntitySet:
    known = {"entity", "key", "properties", "navigations", "indexes"}
    indexes = shape.get("indexes", [])
    if not isinstance(indexes, list):
        raise ValueError(f"{name}: indexes must be a list")
    return EntitySet(
        name=name,
        entity=str(shape["entity"]),
        key=str(shape["key"]),
        properties={p: _property(p, s, nulls=nulls, options=options) for p, s in _mapping(shape["properties"]).items()},
        navigations={n: _navigation(n, s) for n, s in _mapping(shape.get("navigations", {})).items()},
        indexes=tuple((i,) if isinstance(i, str) else tuple(i) for i in indexes),
        extra={key: value for key, value in shape.items() if key not in known},
        view=view,
    )


def _property(name: str, spec: object, *, nulls: bool, options: Mapping[str, Mapping[str, str]]) -> Property:
    shape = dict(_line(spec) if isinstance(spec, str) else _mapping(spec))
    kind = str(shape.pop("type"))
    primitive = kind.removeprefix("Edm.")
    members = shape.pop("options", None)
    if isinstance(members, str):
        members = options[members]
    members = None if members is None else _texts(members)
    length = shape.pop("maxLength", None)
    empty = _PRIMITIVE.get(primitive, next(iter(members), "") if members else "")
    return Property(
        name=name,
        type=f"Edm.{primitive}" if primitive in _PRIMITIVE else kind,
        max_length=None if length is None else int(str(length)),
        read_only=bool(shape.pop("readOnly", False)),
        computed=bool(shape.pop("computed", False)),
        options=members,
        empty=None if nulls else shape.pop("empty", empty),
        extra=shape,
    )


def _line(text: str) -> dict[str, object]:
    kind, *words = text.split()
    shape: dict[str, object] = {"type": kind}
    for word in words:
        if word.isdigit():
            shape["maxLength"] = int(word)
        else:
            shape[word] = True
    return shape


def _navigation(name: str, spec: object) -> Navigation:
    if isinstance(spec, str):
        target, source, to = spec.split()
        return Navigation(name, target.removesuffix("[]"), target.endswith("[]"), source, to)
    shape = dict(_mapping(spec))
    through = shape.pop("through", None)
    return Navigation(
        name=name,
        target=str(shape.pop("target")),
        collection=bool(shape.pop("collection", False)),
        source_property=str(shape.pop("source")),
        target_property=str(shape.pop("to")),
        through=Through(*map(str, through)) if isinstance(through, list) else None,
        extra=shape,
    )


def _joins(model: Model, navigation: Navigation) -> bool:
    """Whether the pairs a navigation goes through are there."""
    through = navigation.through
    if through is None:
        return True
    pairs = model.sets.get(through.set_name)
    return pairs is not None and {through.source_property, through.target_property} <= pairs.properties.keys()


def _check(model: Model) -> None:
    for entity_set in model.sets.values():
        named = {entity_set.key, *(name for index in entity_set.indexes for name in index)}
        for navigation in entity_set.navigations.values():
            named.add(navigation.source_property)
            target = model.sets.get(navigation.target)
            if target is None or navigation.target_property not in target.properties or not _joins(model, navigation):
                raise ValueError(f"{entity_set.name}.{navigation.name} leads nowhere")
        if missing := named - entity_set.properties.keys():
            raise ValueError(f"{entity_set.name} names properties it does not have: {sorted(missing)}")
