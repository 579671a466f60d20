"""What every switch is made of: a name, a line for the index, its routes; and how it reads what it is given."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.routing import Route

from gateway.sandbox.observation import BACKENDS


class InvalidRequestError(ValueError):
    """Its message is the sentence the caller gets."""


@dataclass(frozen=True, slots=True)
class Switch:
    """One thing that can be looked at or changed; `does` is its line in the index."""

    name: str
    does: str
    routes: Sequence[Route]


async def json_object(request: Request, *, example: str) -> dict[str, object]:
    """The body of a request, which has to be an object such as `example`.

    Raises:
        InvalidRequestError: it is not.
    """
    try:
        wanted = json.loads(await request.body())
        json.dumps(wanted, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("The body must be JSON.") from error
    if not isinstance(wanted, dict):
        raise InvalidRequestError(f"The body must be an object such as {example}.")
    return wanted


def known_backend(name: str) -> str:
    """Raises: InvalidRequestError when nothing is called so."""
    if name not in BACKENDS:
        raise InvalidRequestError(f"There is no backend {name!r}; there are {' and '.join(BACKENDS)}.")
    return name


def only(wanted: Mapping[str, object], *known: str) -> None:
    """Raises: InvalidRequestError when an object has a field that means nothing."""
    for name in wanted:
        if name not in known:
            raise InvalidRequestError(f"There is no field {name!r}; there are {', '.join(known)}.")
