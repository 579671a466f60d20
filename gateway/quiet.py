"""Work with a secret: what breaks on the way tells where, and nothing of what was there.

Whoever logs an exception may write the local variables of all frames it went through; structlog does, unless it is configured
otherwise, and so do services that collect errors. A request's body stands in many frames, those of libraries too, so the
frames do not go on.
"""

from collections.abc import Awaitable, Iterator
from traceback import extract_tb, format_list
from typing import TypeVar

from pydantic import SecretStr

T = TypeVar("T")

_REDACTED = "[redacted]"


async def quietly(work: Awaitable[T], *secrets: SecretStr) -> T:
    """The same, but errors come without the frames below, which become a note; the secrets are struck out of what they say."""
    try:
        return await work
    except Exception as error:
        for each in _chain(error):
            if each.__traceback__ is not None:
                where = "".join(format_list(extract_tb(each.__traceback__)))
                each.__traceback__ = None
                each.add_note(f"Where it was:\n{where}")
            _strike_out(each, secrets)
        raise error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and what was being handled at that time; each once."""
    seen = set[int]()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            waiting += [each.__cause__, each.__context__]
            if isinstance(each, BaseExceptionGroup):
                waiting += each.exceptions
            yield each


def _strike_out(error: BaseException, secrets: tuple[SecretStr, ...]) -> None:
    """A backend may repeat what it was sent."""
    for secret in filter(None, map(SecretStr.get_secret_value, secrets)):
        error.args = tuple(each.replace(secret, _REDACTED) if isinstance(each, str) else each for each in error.args)
        for name, value in vars(error).items():
            if isinstance(value, str) and secret in value:
                setattr(error, name, value.replace(secret, _REDACTED))
