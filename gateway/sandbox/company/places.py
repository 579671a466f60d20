"""Where the demo company's customers are, and the words their names are made of. Only the cities are real."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@dataclass(frozen=True, slots=True)
class Place:
    country: str
    city: str
    postal_code: str
    """A pattern: every `#` becomes a digit."""
    phone_prefix: str
    street: str
    """A pattern with `{}` for the house number."""
    legal_form: str


def _places(country: str, street: str, legal_form: str, *cities: tuple[str, str, str]) -> tuple[Place, ...]:
    return tuple(Place(country, city, code, prefix, street, legal_form) for city, code, prefix in cities)


PLACES: Final = (
    *_places("NL", "Kade {}", "BV", ("Rotterdam", "30## AB", "+31 10"), ("Utrecht", "35## CD", "+31 30")),
    *_places("DE", "Lindenweg {}", "GmbH", ("Hamburg", "20###", "+49 40"), ("Leipzig", "04###", "+49 341")),
    *_places("DE", "Mühlgasse {}", "e.K.", ("Freiburg", "79###", "+49 761"), ("Köln", "50###", "+49 221")),
    *_places("FR", "{} rue du Marché", "SARL", ("Lyon", "6900#", "+33 4"), ("Nantes", "44#00", "+33 2")),
    *_places("BE", "Molenstraat {}", "NV", ("Gent", "90##", "+32 9"), ("Liège", "40##", "+32 4")),
    *_places("AT", "Ringstraße {}", "GmbH", ("Graz", "80##", "+43 316"), ("Innsbruck", "60##", "+43 512")),
    *_places("SE", "Hamngatan {}", "AB", ("Göteborg", "41# ##", "+46 31"), ("Malmö", "21# ##", "+46 40")),
    *_places("DK", "Havnegade {}", "ApS", ("Aarhus", "80##", "+45 86"), ("Odense", "50##", "+45 66")),
    *_places("IT", "Via del Porto {}", "Srl", ("Trieste", "341##", "+39 040"), ("Torino", "101##", "+39 011")),
    *_places("ES", "Calle Mayor {}", "SL", ("Bilbao", "480##", "+34 94"), ("Girona", "170##", "+34 972")),
    *_places("PL", "ul. Nadbrzeżna {}", "sp. z o.o.", ("Gdańsk", "80-###", "+48 58"), ("Kraków", "30-###", "+48 12")),
    *_places("IE", "{} Quay Street", "Ltd", ("Galway", "H91 ##X", "+353 91"), ("Cork", "T12 ##Y", "+353 21")),
)
HAMBURG: Final = next(place for place in PLACES if place.city == "Hamburg")
ROTTERDAM: Final = next(place for place in PLACES if place.city == "Rotterdam")
GALWAY: Final = next(place for place in PLACES if place.city == "Galway")

FIRST_WORDS: Final = words(
    "Alpenrose Amberway Bergfink Blauwput Brightmoor Cloudberry Copperlane Deltawind Dünengras Eichelhäher "
    "Elderbrook Fernhill Fjordlys Förde Gletscher Goldammer Graureiher Hazelcross Heidekraut Hollowell "
    "Irrlicht Juniper Kestrelway Kiezel Kornblume Larkspur Lindgren Lupine Meridian Mosswood "
    "Nordlicht Otterbach Pebblestone Quellwasser Rowanmoor Saltmarsh Silverbirch Tidewater Vuurtoren Windrose"
)
SECOND_WORDS: Final = (
    *("Bikes", "Cycles", "Velo", "Outdoor", "Sport", "Trekking", "Radhaus", "Mobility", "Rides", "Gear"),
    *("Wheels", "Touring", "Adventure", "Fietsen", "Bergsport", "Cykler", "Trails", "Expedition", "Rando", "Bici"),
    *("Wanderlust", "Camp", "Alpin", "Pedal", "Store"),
)
FIRST_NAMES: Final = words(
    "Iris Mateus Signe Tomasz Aoife Luca Anneke Birk Clara Dario Elif Finn Greta Hugo Ines Jorun Karim Lotte Milan "
    "Nora Oskar Paula Quirin Rosa Sven Tilda Ugo Vera Willem Xenia Yann Zoë Arne Bea Casper Dunja"
)
LAST_NAMES: Final = words(
    "Vos Almeida Holm Zielinski Byrne Ferri Dekker Solberg Hartmann Conti Yildiz Lorenz Winkler Moreau Prieto "
    "Aasen Haddad Jansen Kovac Lindahl Brunner Ricci Falk Novak Peeters Rosén Sauer Thijs Ulrich Varga "
    "Weiss Ystad Zander"
)
JOB_TITLES: Final = ("Owner", "Buyer", "Store manager", "Head of purchasing", "Workshop lead", "Accountant")


@lru_cache(maxsize=2048)
def slug(name: str) -> str:
    """A name as part of a host name: plain lower-case letters and digits."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(letter for letter in plain if letter.isalnum())


def pair_of_words(index: int) -> str:
    """Two words for a company name, no pair twice within a thousand; later ones carry their number."""
    rounds = len(FIRST_WORDS)
    words = f"{FIRST_WORDS[index % rounds]} {SECOND_WORDS[(index // rounds + index) % len(SECOND_WORDS)]}"
    return words if index < rounds * len(SECOND_WORDS) else f"{words} {index}"
