"""Secrets of a running gateway, and every place they might come to light."""

import gc
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType, MethodType, ModuleType
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from sqlalchemy import MetaData, create_engine, select
from sqlalchemy.engine import make_url

from gateway.database import synchronous_url

_SHORTEST = 12
"""What is shorter may stand somewhere by chance."""


@dataclass
class Canaries:
    """Secrets by what they are, and where they were found."""

    planted: dict[str, str] = field(default_factory=dict)
    found: set[tuple[str, str]] = field(default_factory=set)

    def plant(self, name: str, secret: str) -> None:
        assert len(secret) >= _SHORTEST, name
        self.planted[name] = secret

    def plant_token(self, name: str, token: str) -> None:
        """Its signature makes it usable; the whole of it need not be told for that to leak."""
        self.plant(name, token.rpartition(".")[2])

    def look(self, place: str, text: str | bytes) -> None:
        said = text.decode(errors="replace") if isinstance(text, bytes) else text
        for name, secret in self.planted.items():
            if any(form in said for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1])):
                self.found.add((name, place))


def database_texts(url: str) -> Iterator[tuple[str, str]]:
    """Every row of every table of a database, whoever made it."""
    engine = create_engine(synchronous_url(url))
    try:
        schemas = [None] if make_url(url).get_backend_name() == "sqlite" else [None, "dbos"]
        for schema in schemas:
            tables = MetaData()
            tables.reflect(engine, schema=schema)
            with engine.connect() as connection:
                for table in tables.sorted_tables:
                    for row in connection.execute(select(table)):
                        yield f"table {table.name}", repr(tuple(row))
    finally:
        engine.dispose()


def representations(app: FastAPI) -> Iterator[tuple[str, str]]:
    """How every object that the application's state leads to shows itself, and the keys of all mappings: caches too."""
    seen, waiting = set[int](), [app.state.running, app.state.serving, app.state.streams]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, Mapping):
            yield "key of a mapping", repr(list(each))
        elif not isinstance(each, str | bytes | list | tuple | set | frozenset):
            yield f"repr of {type(each).__module__}.{type(each).__qualname__}", f"{each!r} {each!s}"
        waiting += [inner for inner in gc.get_referents(each) if _is_ours_to_follow(inner)]


def _is_ours_to_follow(each: object) -> bool:
    """Not into code, nor into what the whole process shares."""
    if isinstance(each, ModuleType | FunctionType | MethodType | type):
        return False
    if isinstance(each, dict | list | tuple | set | frozenset):
        return True
    module = type(each).__module__.partition(".")[0]
    return module in {"gateway", "schema", "httpx", "pydantic", "collections", "redis"}


def look_everywhere(canaries: Canaries, app: FastAPI, urls: Iterable[str]) -> None:
    """In what the process holds, and in what it has saved."""
    for place, text in representations(app):
        canaries.look(place, text)
    for url in urls:
        for place, text in database_texts(url):
            canaries.look(place, text)


def told(answer: Any) -> str:
    """An answer with its headers."""
    return f"{dict(answer.headers)} {answer.text}"
