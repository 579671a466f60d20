"""One POST of a simulator to a receiver, and the log of them all.

    reply = await Sender(log, now=now).deliver(Post("dataverse", "https://gw.example/hooks", content, …))
    reply.accepted

A receiver that does not answer in time, or cannot be reached, is a reply without a status; redirects are not followed.
The log shows addresses without their query, which may hold a secret, and never a body.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import anyio
import httpx

_MOST_LOGGED = 1000
_LONGEST_REPLY = 4096

Copies = Callable[[str, str], int]
"""How often a delivery of a backend about a target really arrives: 1, or more to have it doubled on the way."""


@dataclass(frozen=True, slots=True)
class Post:
    """What is sent; `target` is what it tells about, such as `accounts`, `subscription` names who asked for it."""

    backend: str
    url: str = field(repr=False)
    target: str
    subscription: str
    seconds: float
    content: bytes = field(repr=False, default=b"")
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver answered: no status when it did not; of the body only the beginning."""

    status: int | None
    content: bytes = field(repr=False, default=b"")

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """One line of the log. `url` has no query; `status` is None when there was no answer."""

    time: datetime
    backend: str
    url: str
    status: int | None
    attempt: int
    subscription: str


class DeliveryLog:
    """The last deliveries, newest last; the oldest give way."""

    def __init__(self, *, most: int = _MOST_LOGGED) -> None:
        self._deliveries: deque[Delivery] = deque(maxlen=most)

    def add(self, delivery: Delivery) -> None:
        self._deliveries.append(delivery)

    def rows(self, *, backend: str | None = None, limit: int | None = None) -> Sequence[Delivery]:
        """The last `limit` deliveries of one backend or of all, oldest first."""
        wanted = [delivery for delivery in self._deliveries if backend in (None, delivery.backend)]
        return wanted if limit is None else wanted[max(len(wanted) - limit, 0) :]

    def clear(self) -> None:
        self._deliveries.clear()


class Sender:
    """Sends and logs. `network` stands in for the real one; it may be set before the first delivery, `copies` at any time."""

    def __init__(
        self,
        log: DeliveryLog,
        *,
        now: Callable[[], datetime],
        network: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.copies: Copies = lambda backend, target: 1
        self._log = log
        self._now = now
        self.network = network
        self._client: httpx.AsyncClient | None = None

    async def deliver(self, post: Post) -> Reply:
        """Send a notification; a copy that arrives as well is not listened to."""
        reply = await self.ask(post)
        for _ in range(self.copies(post.backend, post.target) - 1):
            await self.ask(post)
        return reply

    async def ask(self, post: Post) -> Reply:
        """Send once and wait for the answer, `seconds` at most in all."""
        began, reply = self._now(), Reply(None)
        with anyio.move_on_after(post.seconds):
            try:
                reply = await self._exchange(post)
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # ValueError: a header no wire can carry
                _LOGGER.info("No answer from a webhook receiver: %s", type(error).__name__)
        self._log.add(
            Delivery(began, post.backend, without_query(post.url), reply.status, post.attempt, post.subscription)
        )
        return reply

    async def _exchange(self, post: Post) -> Reply:
        if self._client is None:
            self._client = httpx.AsyncClient(transport=self.network, timeout=None, trust_env=False)  # noqa: S113 - above
        async with self._client.stream("POST", post.url, content=post.content, headers=post.headers) as response:
            return Reply(response.status_code, await _beginning(response))

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()


async def _beginning(response: httpx.Response) -> bytes:
    content = b""
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > _LONGEST_REPLY:
            break
    return content[:_LONGEST_REPLY]


def is_web_address(url: str) -> bool:
    """Whether something can be sent there at all: http or https, with a host, and no password in it."""
    try:
        parts, address = urlsplit(url), httpx.URL(url)
        _ = parts.port  # raises when there is no such port
    except (ValueError, httpx.InvalidURL):
        return False
    return parts.scheme.lower() in ("http", "https") and bool(address.host) and not address.userinfo


def without_query(url: str) -> str:
    """An address as it may be shown."""
    return url.partition("#")[0].partition("?")[0]


_LOGGER: Final = logging.getLogger(__name__)
