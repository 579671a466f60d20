"""ASGI middleware that makes the decided faults happen around one simulator."""

from collections.abc import Awaitable, Callable

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.sandbox import fault_answers
from gateway.sandbox.connection import break_connection
from gateway.sandbox.faults import Faults, Rule
from gateway.sandbox.observation import target

_USUAL_HANG_SECONDS = 60.0


class Faulty:
    """The simulator called `name`, with its faults."""

    def __init__(
        self,
        app: ASGIApp,
        faults: Faults,
        name: str,
        *,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._app = app
        self._faults = faults
        self._name = name
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        decision = self._faults.decide(self._name, scope["method"], target(scope))
        if decision.delay_seconds:
            await self._sleep(decision.delay_seconds)
        if decision.rule is None:
            await self._app(scope, receive, send)
        else:
            await self._happen(decision.rule, scope, receive, send)

    async def _happen(self, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
        match rule.kind:
            case "reset":
                await break_connection(scope)
            case "hang":
                await self._hang(rule, scope, receive)
            case "expired-token":
                await self._app(_without_token(scope), receive, send)
            case "status" | "html" | "expired-delta":
                response = fault_answers.answer(rule, self._name)
                await response(scope, receive, send)
            case _:
                await self._spoil(rule, scope, receive, send)

    async def _hang(self, rule: Rule, scope: Scope, receive: Receive) -> None:
        """Until the client is gone, or the limit."""
        limit = _USUAL_HANG_SECONDS if rule.seconds is None else rule.seconds
        async with anyio.create_task_group() as tasks:

            async def wait() -> None:
                await self._sleep(limit)
                tasks.cancel_scope.cancel()

            tasks.start_soon(wait)
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()
        await break_connection(scope, patience_ended=True)

    async def _spoil(self, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
        """The simulator does what it was asked; something is wrong with its answer."""
        start, body = await self._complete_answer(scope, receive)
        if rule.kind == "reset-after":
            await break_connection(scope)
        if rule.kind == "reset-body":
            await send(start)
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await break_connection(scope)
        if rule.kind == "truncated":
            body = body[: len(body) // 2]
            start = _with_length(start, len(body))
        if rule.kind == "wrong-etag":
            start, body = fault_answers.with_older_etags(start, body, self._name)
            start = _with_length(start, len(body))
        await send(start)
        await send({"type": "http.response.body", "body": body})

    async def _complete_answer(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        start: Message = {}
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        await self._app(scope, receive, keep)
        return start, b"".join(parts)


def _without_token(scope: Scope) -> Scope:
    """The simulator itself says what it says to a caller whose token is no longer good."""
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() != b"authorization"]}


def _with_length(start: Message, length: int) -> Message:
    headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
    return {**start, "headers": [*headers, (b"content-length", b"%d" % length)]}
