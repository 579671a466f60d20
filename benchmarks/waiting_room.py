"""A thousand callers of a backend that takes five at a time: our client against httpx alone with a pool of five.

    uv run python benchmarks/waiting_room.py [--callers 1000] [--rounds 3]

httpx looks through everybody who waits for a connection each time one becomes free; our gate lets them wait in front of it.
The server is a process of its own, answers after a millisecond and is the same for both. Prints requests per second and
the ratio of the two, best of the rounds, taken in turns.
"""

import argparse
import asyncio
import multiprocessing
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

import httpx
import uvicorn
from starlette.types import Receive, Scope, Send

from gateway.clients.business_central import BusinessCentralClient
from gateway.clients.call import Call, Deadline
from gateway.odata.query import Query

PLACES = 5
BODY = b'{"value":[{"id":"3f0c5d1e-7a41-4c0b-9b53-0d6a2f7be101","number":"C00210"}]}'


async def backend(scope: Scope, receive: Receive, send: Send) -> None:
    """One customer, after a millisecond."""
    await asyncio.sleep(0.001)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


def serve(listener: socket.socket) -> None:
    uvicorn.Server(uvicorn.Config(backend, log_level="error", lifespan="off")).run(sockets=[listener])


class NoToken(httpx.Auth):
    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        yield request


async def per_second(ask: Callable[[], Awaitable[object]], callers: int) -> float:
    for _ in range(20):
        await ask()
    started = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(callers)))
    return callers / (time.perf_counter() - started)


async def alone(base: str, callers: int) -> float:
    limits = httpx.Limits(max_connections=PLACES, max_keepalive_connections=PLACES)
    async with httpx.AsyncClient(base_url=base, limits=limits, timeout=None) as http:  # noqa: S113
        return await per_second(lambda: http.get("customers"), callers)


async def ours(base: str, callers: int) -> float:
    client = BusinessCentralClient(base_url=base, auth=NoToken())
    try:
        return await per_second(lambda: client.page("customers", Query(), call=Call(Deadline.after(600))), callers)
    finally:
        await client.close()


async def measure(base: str, callers: int, rounds: int) -> None:
    best = {"httpx alone": 0.0, "our client": 0.0}
    for _ in range(rounds):
        best["httpx alone"] = max(best["httpx alone"], await alone(base, callers))
        best["our client"] = max(best["our client"], await ours(base, callers))
    for name, rate in best.items():
        print(f"{name:12} {rate:7.0f} requests per second, {callers} callers, {PLACES} at a time")
    print(f"ratio        {best['our client'] / best['httpx alone']:7.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callers", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        server = multiprocessing.get_context("fork").Process(target=serve, args=(listener,), daemon=True)
        server.start()
        try:
            address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            asyncio.run(measure(address, arguments.callers, arguments.rounds))
        finally:
            server.terminate()
            server.join()


if __name__ == "__main__":
    main()
