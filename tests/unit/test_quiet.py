"""Errors of work with a secret: where they were stays, what was there does not."""

import traceback
from collections.abc import Awaitable

import pytest
from pydantic import SecretStr
from structlog.tracebacks import ExceptionDictTransformer

from gateway.errors import RejectedError
from gateway.quiet import quietly
from gateway.records import Backend

pytestmark = pytest.mark.anyio

PLAIN = "c1X-0wqv9T"
logged = ExceptionDictTransformer(show_locals=True, locals_max_string=10_000)


async def broken(plain: str) -> None:
    body = f"<setting value='{plain}' />"
    try:
        raise KeyError(body)
    except KeyError as error:
        raise RejectedError(f"{body} is not allowed", backend=Backend.DATAVERSE, vendor_code=plain) from error


async def caught(work: Awaitable[None]) -> RejectedError:
    with pytest.raises(RejectedError) as found:
        await work
    return found.value


def everything_of(error: Exception) -> str:
    """As somebody logs it who wants to see all variables."""
    return str(logged((type(error), error, error.__traceback__)))


async def test_no_frame_and_no_message_tells_the_secret() -> None:
    assert PLAIN in everything_of(await caught(broken(PLAIN)))

    secret = SecretStr(PLAIN)
    error = await caught(quietly(broken(secret.get_secret_value()), secret))
    assert PLAIN not in everything_of(error)
    told = "".join(traceback.format_exception(error))
    assert PLAIN not in told
    assert ("in broken" in told, "KeyError" in told) == (True, True), "whoever looks for the mistake finds it"
    assert (error.message, error.vendor_code) == ("<setting value='[redacted]' /> is not allowed", "[redacted]")


async def test_what_works_is_left_alone() -> None:
    async def work() -> str:
        return PLAIN

    assert await quietly(work(), SecretStr(PLAIN), SecretStr("")) == PLAIN
