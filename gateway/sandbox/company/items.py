"""The items of the demo company: an ordinary one for every index, and what the story changes about some of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.chance import Draw
from gateway.sandbox.company.codes import ITEM_CATEGORIES
from gateway.sandbox.company.identifiers import bc_id, crm_id
from gateway.sandbox.company.places import words

STORY_ITEMS: Final = 300
INVENTORY: Final = "Inventory"
SERVICE: Final = "Service"
NON_INVENTORY: Final = "Non_x002D_Inventory"

_FIRST_NUMBER: Final = 1000
_SIZES: Final = ("S", "M", "L", "XL")
_SERIES: Final = words(
    "Albatros Breeze Cirrus Drift Elbe Fjord Gobi Harz Isar Jura Kompass Lagune Mistral Neva Orion Polar Quest Rhône "
    "Sierra Tundra Ural Vega Wolga Yukon Zephyr"
)
_WORDS: Final = (
    *("City bike", "Trekking bike", "Gravel bike", "Children's bike", "Folding bike"),
    *("E-bike", "E-cargo bike", "E-trekking bike", "E-folding bike", "E-city bike"),
    *("Chain", "Brake set", "Saddle", "Handlebar", "Pedals"),
    *("Tyre 28in", "Tyre 26in", "Inner tube", "Tubeless tyre", "Rim tape"),
    *("Helmet", "Knee pads", "Gloves", "Reflective vest", "Front light"),
    *("Rain jacket", "Jersey", "Bib shorts", "Wind vest", "Overshoes"),
    *("Pannier", "Handlebar bag", "Backpack", "Saddle bag", "Phone pouch"),
    *("Tent", "Sleeping bag", "Stove", "Mattress", "Lantern"),
)
_SERVICES: Final = ("Wheel building", "Assembly", "Workshop training", "Shop fitting advice", "Repair")
_CATEGORIES: Final = tuple(ITEM_CATEGORIES)
_PRICES: Final = {"BIKES": 780, "EBIKES": 2200, "TYRES": 34, "HELMETS": 62, "CAMPING": 145}


@dataclass(frozen=True, slots=True)
class Variant:
    code: str
    description: str


@dataclass(frozen=True, slots=True)
class Item:
    """An item as Business Central has it now; what is in stock follows from its ledger (see stock.py)."""

    index: int
    number: str
    name: str
    type: str
    category: str
    unit: str
    price: Decimal
    cost: Decimal
    gtin: str
    coupled: bool
    synchronized_at: datetime
    modified_at: datetime
    variants: tuple[Variant, ...] = ()
    blocked: bool = False

    @property
    def id(self) -> str:
        return bc_id("item", self.number)

    @property
    def product_id(self) -> str:
        """The product it is coupled to. Only for coupled items."""
        return crm_id("product", self.number)

    def variant_id(self, code: str) -> str:
        return bc_id("variant", f"{self.number}:{code}")


def items(count: int) -> Iterator[Item]:
    return map(item, range(count))


def item(index: int) -> Item:
    """The item of an index: the same one, however many there are."""
    ordinary = _ordinary(index)
    twist = _TWISTS.get(ordinary.number)
    return ordinary if twist is None else twist(ordinary)


def item_index(number: str) -> int:
    """Where an item of the story is found."""
    return int(number.partition("-")[0]) - _FIRST_NUMBER


def is_in_story(item: Item) -> bool:
    """Whether the story fixes its stock, so that nothing else may move it."""
    return item.number in _STORY_NUMBERS


_STORY_NUMBERS: Final = frozenset(
    {
        *(story.IN_STOCK, story.OUT_OF_STOCK, story.NEGATIVE_STOCK, story.IN_TRANSIT, story.BLOCKED_ITEM),
        *(story.SERVICE, story.WITH_VARIANTS, story.UNCOUPLED_ITEM, story.RETIRED_PRODUCT, story.BY_THE_METRE),
        *(story.TRAP_ITEM, story.SHORT, story.ITEM_CONFLICT),
    }
)


def _ordinary(index: int) -> Item:
    draw = Draw("item", index)
    kind, suffix = {7: (SERVICE, "-S"), 13: (NON_INVENTORY, "-N")}.get(index % 25, (INVENTORY, ""))
    word = index % len(_WORDS)
    category = "SERVICE" if kind == SERVICE else _CATEGORIES[word // 5]
    noun = _SERVICES[index % len(_SERVICES)] if kind == SERVICE else _WORDS[word]
    name = f"{noun} {_SERIES[(index // len(_WORDS) + index) % len(_SERIES)]}"
    whole = _PRICES.get(category, 48) * draw.between(60, 180) // 100
    price = whole + Decimal(draw.pick(("0.00", "0.50", "0.90")))
    modified_at = draw.before(story.STORY_TIME, days=(21, 300))
    sized = kind == INVENTORY and index % 15 == 9
    return Item(
        index=index,
        number=f"{_FIRST_NUMBER + index}{suffix}",
        name=name if index < len(_WORDS) * len(_SERIES) else f"{name} {index}",
        type=kind,
        category=category,
        unit="HOUR" if kind == SERVICE else "PAIR" if noun in {"Gloves", "Overshoes", "Knee pads", "Pedals"} else "PCS",
        price=price,
        cost=(price * Decimal("0.62")).quantize(Decimal("0.01")),
        gtin="" if kind == SERVICE else _gtin(index),
        coupled=index % 5 != 0,
        synchronized_at=modified_at,
        modified_at=modified_at,
        variants=tuple(Variant(size, f"{name}, size {size}") for size in _SIZES) if sized else (),
        blocked=index % 50 == 31,
    )


def _gtin(index: int) -> str:
    """Fourteen digits with a correct check digit, from a range kept for use inside a company.

    Source: GS1 General Specifications, check digit calculations.
    """
    digits = f"020{index:010d}"
    weighted = 3 * sum(map(int, digits[::2])) + sum(map(int, digits[1::2]))
    return f"{digits}{-weighted % 10}"


def _item_conflict(item: Item) -> Item:
    changed_at = story.STORY_TIME - timedelta(days=4, hours=18, milliseconds=-90)
    return replace(item, name=story.ITEM_NAME.business_central, category="BAGS", modified_at=changed_at)


_TWISTS: Final[Mapping[str, Callable[[Item], Item]]] = {
    story.IN_STOCK: lambda one: replace(one, price=Decimal("849.00"), cost=Decimal("527.00")),
    story.NEGATIVE_STOCK: lambda one: replace(one, price=Decimal("329.00"), cost=Decimal("204.00")),
    story.BLOCKED_ITEM: lambda one: replace(one, blocked=True),
    story.BY_THE_METRE: lambda one: replace(
        one, name="Brake cable Jura", unit="METRE", price=Decimal("1.85"), cost=Decimal("0.715")
    ),
    story.TRAP_ITEM: lambda one: replace(one, name="Kids' bike 20\" [red_100%]", category="BIKES"),
    story.ITEM_CONFLICT: _item_conflict,
}
