"""The answer to one operation as an event stream: ``next`` for each result, ``complete`` at the end, a comment when it is quiet.

Strawberry's frames are taken: they are what the protocol wants, and ask proxies to pass each on as it comes.

Sources: graphql-sse, "GraphQL over Server-Sent Events Protocol", "Event stream"; WHATWG, "HTML", 9.2 (server-sent events).
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from starlette.responses import Response, StreamingResponse
from strawberry.http import GraphQLHTTPResponse
from strawberry.http.streaming import SSETransport, merge_stream_with_heartbeat

from gateway.media_types import EVENT_STREAM
from gateway.replies import encoded, shown

_HEADERS = {
    "Content-Type": EVENT_STREAM,
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",  # nginx would gather events
}


def event_stream(results: AsyncGenerator[Any, None], keep_alive_seconds: float) -> Response:
    """The results as events; however the answer ends, ``results`` is closed."""
    frames = SSETransport(keep_alive_seconds)

    async def events() -> AsyncGenerator[str, None]:
        async with aclosing(results):
            async for each in results:
                yield frames.encode_next(cast(GraphQLHTTPResponse, shown(each)), encoded)
        yield frames.encode_complete()

    alive = merge_stream_with_heartbeat(
        events,
        lambda: frames.encode_comment("alive"),
        interval=keep_alive_seconds,
        send_initial_heartbeat=False,
    )
    return StreamingResponse(alive(), headers=_HEADERS)
