"""What match-based coupling costs: time, memory and disk, by the number of records on each side.

    uv run python benchmarks/matching.py [--sizes 10000 100000]

The package alone, without backends. Each size has a process of its own, so that its peak memory is its own. Of ten records four
are matched by the criteria, two are written in another way on the other side, and one each is new, coupled already, there twice
among the sources, there twice among the targets.
"""

import argparse
import multiprocessing
import random
import resource
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch
from uuid import UUID

from gateway.matching.criteria import Comparison, Criteria, Criterion, Field, ValueKind
from gateway.matching.matcher import Matcher
from gateway.matching.record import MatchRow

PAGE = 1_000

CRITERIA = Criteria(
    (
        Criterion("number", ValueKind.CODE),
        Criterion("email", ValueKind.EMAIL, priority=1),
        Criterion("name", ValueKind.NAME, priority=2, comparison=Comparison.NORMALISED),
        Criterion("postalCode", ValueKind.POSTAL_CODE, priority=2),
    ),
    evidence=(
        Field("phone", ValueKind.PHONE),
        Field("website", ValueKind.WEB),
        Field("street", ValueKind.TEXT),
        Field("city", ValueKind.TEXT),
        Field("country", ValueKind.OTHER),
    ),
)

SYLLABLES = "ba bel bo dor fa gan ha ker la lin ma mer na nor pa per ra ri sa sen ta tor va wel win zo".split()  # noqa: SIM905
TRADES = ("Bau", "Handel", "Logistik", "Maschinenbau", "Möbel", "Söhne", "Technik", "Vertrieb")
FORMS = ("GmbH", "AG", "GmbH & Co. KG", "Ltd.", "S.A.", "KG")
CITIES = ("Berlin", "Bremen", "Graz", "Hamburg", "Köln", "München", "Wien", "Zürich")


@dataclass(frozen=True, slots=True)
class Figures:
    size: int
    adding: float
    judging: float
    answering: float
    longest_step: float
    memory_mib: float
    disk_mib: float
    verdicts: dict[str, int]

    @property
    def seconds(self) -> float:
        return self.adding + self.judging + self.answering


def row(number: int, side: str) -> MatchRow:
    """The same company for the same number on both sides, written as that side writes it."""
    is_new = number % 10 == 8 and side == "source"
    chance = random.Random(number + 10**9 if is_new else number)  # noqa: S311 - the same company each time
    own = "".join(chance.choices(SYLLABLES, k=3)).capitalize()
    trade, city = chance.choice(TRADES), chance.choice(CITIES)
    telephone = f"{chance.randrange(30, 99)} {chance.randrange(10**6, 10**7)}"
    domain = f"{own}{number % 97}.example".lower()
    values: dict[str, str | None] = {
        "name": f"{own} {trade} {city} {chance.choice(FORMS)}",
        "postalCode": f"{chance.randrange(10_000, 99_999)}",
        "city": city,
        "street": f"{own}straße {chance.randrange(1, 99)}",
        "country": chance.choice(("DE", "AT", "CH")),
        "website": f"https://www.{domain}/" if side == "source" else domain,
        "phone": f"+49 {telephone}" if side == "source" else f"0{telephone}",
        "number": None,
        "email": None,
    }
    values |= _what_says_it(number, side, values, domain)
    partner = f"P{number}" if side == "target" and number % 10 == 9 else None
    return MatchRow(UUID(int=number * 2 + (side == "target")), f"{side}{number:08}", values["name"], values, partner)


def _what_says_it(number: int, side: str, values: dict[str, str | None], domain: str) -> dict[str, str | None]:
    match number % 10:
        case 0 | 1:
            return {"number": f"C{number:08}"}
        case 2 | 3 | 9:
            return {"email": f"info{number}@{domain}"}
        case 6 | 7 if side == "target":
            name = str(values["name"])
            return {"name": f"{name[:3]}{name[4:]} Group", "postalCode": None}
    return {}


def pages(size: int, side: str) -> Iterator[list[MatchRow]]:
    for first in range(0, size, PAGE):
        rows = [row(number, side) for number in range(first, min(first + PAGE, size))]
        yield [*rows, *(replace(each, id=UUID(int=2**64 + each.id.int)) for each in rows if _is_twice(each, side))]


def _is_twice(row: MatchRow, side: str) -> bool:
    return str(row.key).endswith("5" if side == "source" else "4")


def measure(size: int) -> Figures:
    with TemporaryDirectory() as folder, patch("tempfile.tempdir", folder), Matcher(CRITERIA) as matcher:
        begun = time.perf_counter()
        making = 0.0
        for side, add in (("source", matcher.add_sources), ("target", matcher.add_targets)):
            before = time.perf_counter()
            for page in pages(size, side):
                making += time.perf_counter() - before
                add(page)
                before = time.perf_counter()
        added = time.perf_counter()
        longest, before = 0.0, time.perf_counter()
        for _ in matcher.steps():
            longest = max(longest, time.perf_counter() - before)
            before = time.perf_counter()
        judged = time.perf_counter()
        verdicts = Counter(str(each.verdict) for proposals in matcher.proposals() for each in proposals)
        answered = time.perf_counter()
        disk = sum(each.stat().st_size for each in Path(folder).rglob("*.db"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times = (added - begun - making, judged - added, answered - judged)
    return Figures(size, *times, longest, peak, disk / 2**20, dict(sorted(verdicts.items())))


def show(all_figures: list[Figures]) -> None:
    first = all_figures[0]
    heads = ("records a side", "adding, s", "judging, s", "longest step, s", "proposals, s", "all, s", "ratio")
    print("| " + " | ".join([*heads, "peak memory, MiB", "ratio", "disk, MiB"]) + " |")
    print("|" + " --- |" * (len(heads) + 3))
    for each in all_figures:
        seconds = (each.adding, each.judging, each.longest_step, each.answering, each.seconds)
        cells = [f"{each.size:,}", *(f"{every:.1f}" for every in seconds), f"x{each.seconds / first.seconds:.1f}"]
        cells += [f"{each.memory_mib:.0f}", f"x{each.memory_mib / first.memory_mib:.2f}", f"{each.disk_mib:.0f}"]
        print("| " + " | ".join(cells) + " |")
    for each in all_figures:
        print(f"\n{each.size:,}: " + ", ".join(f"{count:,} {verdict}" for verdict, count in each.verdicts.items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    sizes: list[int] = parser.parse_args().sizes
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        show(pool.map(measure, sizes, chunksize=1))
