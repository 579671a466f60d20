"""Faults on demand: which request meets which fault, decided from a seed and nothing else.

::

    faults = Faults(seed=7)
    faults.add(Rule("status", backend="dataverse", status=429, retry_after=2, rate=0.2))
    faults.decide("dataverse", "GET", "/sandbox/dataverse/api/data/v9.2/accounts")     -> Decision

Every rule counts the requests it matches. What the n-th of them meets depends on the seed, the rule's number and n, so
that a run can be repeated whatever its timing. Delays of several rules add up; of other faults the first one wins.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Final, Literal, get_args
from urllib.parse import unquote

from gateway.sandbox.company.chance import Draw
from gateway.sandbox.observation import BACKENDS

Kind = Literal[
    "latency",
    "status",
    "reset",
    "reset-after",
    "reset-body",
    "truncated",
    "html",
    "hang",
    "wrong-etag",
    "expired-token",
    "expired-delta",
    "duplicate-webhook",
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
METHODS: Final = ("GET", "POST", "PATCH", "PUT", "DELETE")
STATUSES: Final = (408, 429, 500, 502, 503, 504)
MEASURES: Final = ("requests", "time", "concurrent")

_MOST = 1_000_000_000
_LONGEST_MILLISECONDS = 600_000
_LONGEST_SECONDS = 3600
_LONGEST_PATTERN = 500
_FINENESS = 1_000_000
_OPTIONAL_NUMBERS = (
    ("count", _MOST, True),
    ("milliseconds", _LONGEST_MILLISECONDS, False),
    ("jitter", _LONGEST_MILLISECONDS, False),
    ("retry_after", _LONGEST_SECONDS, True),
    ("seconds", _LONGEST_SECONDS, False),
)
"""Field, the most it may be, and whether it counts something."""
_OF_EVERY_KIND = frozenset({"kind", "backend", "method", "path", "pattern", "rate", "count", "skip"})
_OF_THE_KIND = {
    "latency": frozenset({"milliseconds", "jitter"}),
    "status": frozenset({"status", "retry_after", "measure"}),
    "html": frozenset({"status"}),
    "hang": frozenset({"seconds"}),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault and the requests it happens to. A selector that is None selects all.

    Args:
        path: a glob over the whole of path and query, percent-decoded: `*/accounts?$select=*`.
        pattern: a regular expression found anywhere in the same text; instead of `path`.
        rate: how many of the matching requests, 0 to 1.
        count: it happens so many times at most.
        skip: so many matching requests pass first.
        milliseconds, jitter: of `latency`: the delay, and how much longer it may be by chance.
        status: of `status` (429 unless told) and `html` (502 unless told; or 200).
        retry_after: of `status` 429, 502 and 503: seconds in `Retry-After`; None sends no such header.
        measure: of `status` 429 at Dataverse: which of its three limits is said to be exceeded.
        seconds: of `hang`: how long, if the client is that patient; 60 unless told.

    Raises:
        ValueError: a sentence that names the field.
    """

    kind: Kind
    backend: str | None = None
    method: str | None = None
    path: str | None = None
    pattern: str | None = None
    rate: float = 1.0
    count: int | None = None
    skip: int = 0
    milliseconds: float | None = None
    jitter: float | None = None
    status: int | None = None
    retry_after: int | None = None
    measure: str | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}.")
        self._check_selectors()
        self._check_numbers()
        self._check_kind()

    def selects(self, backend: str, method: str, target: str) -> bool:
        """Whether a request is one of those; `target` is path and query, percent-decoded."""
        return (
            self.backend in (None, backend)
            and self.method in (None, method)
            and (self.path is None or fnmatchcase(target, self.path))
            and (self.pattern is None or re.search(self.pattern, target) is not None)
            and (self.kind != "expired-delta" or "$deltatoken=" in target)
        )

    def _check_selectors(self) -> None:
        _one_of("backend", self.backend, BACKENDS)
        _one_of("method", self.method, METHODS)
        _text("path", self.path)
        _text("pattern", self.pattern)
        if self.path is not None and self.pattern is not None:
            raise ValueError("pattern and path cannot both be given.")
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"pattern is not a regular expression: {error}.") from error

    def _check_numbers(self) -> None:
        _within("rate", self.rate, 1)
        _within("skip", self.skip, _MOST, whole=True)
        for name, most, whole in _OPTIONAL_NUMBERS:
            if getattr(self, name) is not None:
                _within(name, getattr(self, name), most, whole=whole)

    def _check_kind(self) -> None:
        known = _OF_EVERY_KIND | _OF_THE_KIND.get(self.kind, frozenset())
        for field in fields(self):
            if field.name not in known and getattr(self, field.name) is not None:
                raise ValueError(f"{field.name} does not belong to a fault of kind {self.kind}.")
        _one_of("status", self.status, (200, 502) if self.kind == "html" else STATUSES)
        _one_of("measure", self.measure, MEASURES)
        if self.retry_after is not None and self.status not in (None, 429, 502, 503):
            raise ValueError("retry_after belongs to status 429, 502 or 503.")
        if self.measure is not None and self.status not in (None, 429):
            raise ValueError("measure belongs to status 429.")


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one request: a delay, and then the fault of `rule`, if any."""

    delay_seconds: float = 0.0
    rule: Rule | None = None


@dataclass(slots=True)
class Standing:
    """A rule in force: its number, how many requests it matched, and how often it happened."""

    number: int
    rule: Rule
    matched: int = 0
    fired: int = 0


class Faults:
    """The rules in force, in order, and their counts."""

    def __init__(self, rules: Iterable[Rule] = (), *, seed: int = 0) -> None:
        self.seed = seed
        self._standing: list[Standing] = []
        self.use(rules)

    @property
    def standing(self) -> Sequence[Standing]:
        return tuple(self._standing)

    def use(self, rules: Iterable[Rule], *, seed: int | None = None) -> None:
        """Puts these in the place of all; counts start anew, and so does chance."""
        self.seed = self.seed if seed is None else seed
        self._standing = [Standing(number, rule) for number, rule in enumerate(rules, 1)]

    def add(self, rule: Rule) -> Standing:
        """One more, after those there are."""
        self._standing.append(Standing(len(self._standing) + 1, rule))
        return self._standing[-1]

    def clear(self) -> None:
        self.use(())

    def decide(self, backend: str, method: str, target: str) -> Decision:
        """What happens to a request; `target` is path and query as they were sent."""
        text = unquote(target)
        delay, chosen = 0.0, None
        for standing in self._standing:
            rule = standing.rule
            if rule.kind == "duplicate-webhook" or not rule.selects(backend, method, text):
                continue
            draw = self._met(standing)
            if draw is None or (chosen is not None and rule.kind != "latency"):
                continue
            standing.fired += 1
            if rule.kind == "latency":
                delay += _delay_seconds(rule, draw)
            else:
                chosen = rule
        return Decision(delay, chosen)

    def duplicates(self, backend: str, target: str) -> bool:
        """Whether the delivery of a notification about `target` is made twice."""
        for standing in self._standing:
            rule = standing.rule
            if rule.kind != "duplicate-webhook" or not rule.selects(backend, "POST", unquote(target)):
                continue
            if self._met(standing) is not None:
                standing.fired += 1
                return True
        return False

    def _met(self, standing: Standing) -> Draw | None:
        """Counts a matching request; the chance that let the rule happen, or None when it does not."""
        standing.matched += 1
        rule = standing.rule
        draw = Draw("fault", f"{self.seed}:{standing.number}:{standing.matched}")
        is_due = standing.matched > rule.skip and (rule.count is None or standing.fired < rule.count)
        return draw if is_due and _fraction(draw) < rule.rate else None


def _delay_seconds(rule: Rule, draw: Draw) -> float:
    return ((rule.milliseconds or 0) + (rule.jitter or 0) * _fraction(draw)) / 1000


def _fraction(draw: Draw) -> float:
    return draw.below(_FINENESS) / _FINENESS


def _one_of(name: str, value: object, known: Sequence[object]) -> None:
    if value is not None and (isinstance(value, bool) or value not in known):
        raise ValueError(f"{name} must be one of {', '.join(str(one) for one in known)}.")


def _text(name: str, value: object) -> None:
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= _LONGEST_PATTERN):
        raise ValueError(f"{name} must be a text of 1 to {_LONGEST_PATTERN} characters.")


def _within(name: str, value: object, most: float, *, whole: bool = False) -> None:
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not 0 <= value <= most:
        raise ValueError(f"{name} must be a {'whole ' if whole else ''}number from 0 to {most}.")
