"""What an attacker sends: each attack is a list of requests, as data. Nothing here knows how the gateway defends itself."""

import gzip
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Sending:
    """One request. ``token``: with the caller's own token, a ``text`` of another one, or none at all."""

    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    method: str = "POST"
    query: str = ""
    token: str | bool = True


@dataclass(frozen=True, slots=True)
class Attack:
    """``harmless``: it may be answered, as long as it is answered soon and everybody else is."""

    name: str
    sendings: Callable[[], Iterable[Sending]]
    harmless: bool = False
    at_once: int = 4


def _asked(query: str, **more: object) -> Sending:
    return Sending(json.dumps({"query": query, **more}).encode())


def _deep(levels: int) -> str:
    """Customers in accounts in customers, as the schema allows it."""
    return "{ customers(first: 1) { nodes " + "{ account { customer " * levels + "{ number }" + " } }" * levels + " } }"


def _doubling(levels: int) -> str:
    """Each fragment spreads the next one twice: a short text, 2 to the power of ``levels`` fields."""
    steps = (f"fragment f{n} on Viewer {{ ...f{n + 1} ...f{n + 1} }}" for n in range(levels))
    return "{ viewer { ...f0 } } " + " ".join(steps) + f" fragment f{levels} on Viewer {{ name }}"


def _overlapping(levels: int) -> str:
    """The same fields in many nested inline fragments: comparing them pair by pair grows without end."""
    inner = "name"
    for _ in range(levels):
        inner = f"... on Viewer {{ {inner} }} ... on Viewer {{ {inner} }}" if len(inner) < 20_000 else inner
    return f"{{ viewer {{ {inner} }} }}"


def _nested_list(levels: int) -> str:
    return "{ nodes(ids: " + "[" * levels + "]" * levels + ") { id } }"


def _nested_filter(levels: int) -> str:
    inner = "{number: {eq: 1}}"
    return "{ customers(filter: " + "{and: [" * levels + inner + "]}" * levels + ") { nodes { number } } }"


INTROSPECTION = "{ __schema { types { name fields { name args { name type { name ofType { name } } } } } } }"


def _deep_introspection(levels: int) -> str:
    return "{ __schema { types { " + "fields { type { " * levels + "name" + " } }" * levels + " } } }"


_CIRCLE = (
    "{ viewer { ...a } } fragment a on Viewer { ...b } fragment b on Viewer { ...c } fragment c on Viewer { ...a }"
)
_WIDE = "{ viewer { " + "name " * 100_000 + "} }"

MALFORMED = [
    b"",
    b"null",
    b"123",
    b"true",
    b'"abc"',
    b"[]",
    b"{",
    b"{}",
    b'{"query": null}',
    b'{"query": 1}',
    b'{"query": "{ viewer { name } }", "variables": []}',
    b'{"query": "{ viewer { name } }", "variables": "x"}',
    b'{"query": "{ viewer { name } }", "operationName": {}}',
    b'{"query": "{ viewer { name } }", "extensions": 7}',
    b'{"query": "\xff\xfe"}',
    b'{"query": "\\ud800"}',
    b'{"query": "{ viewer { name } }\\u0000"}',
    b"\x00" * 1000,
    b"9" * 6000,
    b'{"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": ' + b"9" * 6000 + b"}}",
    b'{"query": "query ($n: Int!) { customers(first: $n) { nodes { number } } }", "variables": {"n": 1e400}}',
    b'{"query": "query ($n: Int!) { customers(first: $n) { nodes { number } } }", "variables": {"n": NaN}}',
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
]


def _other_types() -> Iterable[Sending]:
    body = json.dumps({"query": "{ viewer { name } }"}).encode()
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "",
    ):
        yield Sending(body, {"content-type": kind} if kind else {})
    yield Sending(gzip.compress(b" " * 20_000_000), JSON | {"content-encoding": "gzip"})
    yield Sending(body, JSON | {"accept": "image/png"})
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        yield Sending(body, JSON, method)


def _by_get() -> Iterable[Sending]:
    yield Sending(method="GET", query="query=mutation%7BdiscardMatchPlan(id:1)%7B__typename%7D%7D", headers={})
    yield Sending(method="GET", query="query=" + "%7B" * 2000, headers={})
    yield Sending(method="GET", query="query=%7Bviewer%7Bname%7D%7D&variables=%5B", headers={})
    yield Sending(method="GET", query="", headers={"accept": "application/json"})


def _tokens() -> Iterable[Sending]:
    """Keys nobody has published, one after the other: each could make the gateway ask for keys."""
    body = json.dumps({"query": "{ viewer { name } }"}).encode()
    for number in range(200):
        head = json.dumps({"alg": "RS256", "kid": f"key-{number}", "typ": "JWT"})
        yield Sending(body, token=".".join((_base64(head), _base64("{}"), "c2lnbmF0dXJl")))
    none = _base64(json.dumps({"alg": "none"}))
    yield Sending(body, token=f"{none}.{_base64(json.dumps({'roles': ['Gateway.IntegrationAdministrator']}))}.")
    yield Sending(body, token="x" * 60_000)
    yield Sending(body, token=False)


def _base64(text: str) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


ATTACKS = [
    Attack("deep nesting of fields", lambda: [_asked(_deep(n)) for n in (15, 500, 5000)]),
    Attack("deep nesting of braces", lambda: [_asked("{" * n + "}" * n) for n in (1000, 100_000)]),
    Attack("deep nesting of lists", lambda: [_asked(_nested_list(n)) for n in (100, 5000)]),
    Attack("deep nesting of input objects", lambda: [_asked(_nested_filter(n)) for n in (60, 2000)]),
    Attack(
        "aliases",
        lambda: [
            _asked("{" + " ".join(f"a{n}: viewer {{ name }}" for n in range(10_000)) + "}"),
            _asked("{" + " ".join(f"a{n}: customers(first: 200) {{ nodes {{ number }} }}" for n in range(1000)) + "}"),
        ],
    ),
    Attack("directives", lambda: [_asked("{ viewer { name " + "@skip(if: false) " * 10_000 + "} }")]),
    Attack("unknown directives", lambda: [_asked("{ viewer { name " + "@a " * 20_000 + "} }")]),
    Attack("one field 100,000 times", lambda: [_asked(_WIDE)]),
    Attack("20,000 unknown fields", lambda: [_asked("{ " + " ".join(f"nothing{n}" for n in range(20_000)) + " }")]),
    Attack("doubling fragments", lambda: [_asked(_doubling(n)) for n in (20, 60, 2000)], harmless=True),
    Attack("circular fragments", lambda: [_asked(_CIRCLE), _asked("{ ...a } fragment a on Query { ...a }")]),
    Attack("overlapping fragments", lambda: [_asked(_overlapping(n)) for n in (8, 14)], harmless=True),
    Attack(
        "1,000 operations in a document",
        lambda: [_asked(" ".join(f"query q{n} {{ viewer {{ name }} }}" for n in range(1000)))],
    ),
    Attack(
        "5,000 variables",
        lambda: [_asked("query (" + " ".join(f"$v{n}: Int" for n in range(5000)) + ") { viewer { name } }")],
    ),
    Attack(
        "huge values",
        lambda: [
            _asked("query ($id: ID!) { node(id: $id) { id } }", variables={"id": "x" * 900_000}),
            _asked("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", variables={"ids": ["x"] * 100_000}),
            _asked("{ nodes(ids: [" + '"x",' * 100_000 + "]) { id } }"),
            _asked('{ customers(filter: {number: {startsWith: "' + "x" * 500_000 + '"}}) { nodes { number } } }'),
            Sending(b" " * 5_000_000),
        ],
    ),
    Attack("comments and blanks", lambda: [_asked("#" + "x" * 900_000 + "\n{ viewer { name } }")], harmless=True),
    Attack(
        "introspection",
        lambda: [*[_asked(INTROSPECTION) for _ in range(50)], *[_asked(_deep_introspection(n)) for n in (4, 30)]],
        harmless=True,
        at_once=20,
    ),
    Attack(
        "batches", lambda: [Sending(json.dumps([{"query": "{ viewer { name } }"}] * n).encode()) for n in (500, 9000)]
    ),
    Attack("malformed bodies", lambda: [Sending(each) for each in MALFORMED]),
    Attack("other content types and methods", _other_types),
    Attack("by GET", _by_get),
    Attack("tokens that do not pass", _tokens, at_once=20),
]
