"""What the sandbox sends by itself: the webhooks of both simulators, over one engine, one sender and one log."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import uuid4

import httpx

from gateway.sandbox.business_central.notifications import Notifications, Timing
from gateway.sandbox.business_central.subscribing import handshake_over
from gateway.sandbox.dataverse.message_catalogue import register_messages
from gateway.sandbox.dataverse.system_jobs import Limits, SystemJobs
from gateway.sandbox.store import Store
from gateway.sandbox.webhooks.delivery import DeliveryLog, Sender
from gateway.sandbox.webhooks.engine import Engine


class Outgoing:
    """Webhooks of a Business Central and a Dataverse. `network` stands in for the real one; `now` returns aware UTC.

    Nothing is sent before somebody is within `running()`, or calls `engine.work()`; what happens until then waits.
    """

    def __init__(
        self,
        business_central: Store,
        dataverse: Store,
        *,
        now: Callable[[], datetime],
        network: httpx.AsyncBaseTransport | None = None,
        timing: Timing | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.deliveries = DeliveryLog()
        self.engine = Engine(now=now)
        self.sender = Sender(self.deliveries, now=now, network=network)
        self.notifications = Notifications(
            business_central,
            self.sender,
            now=now,
            new_id=lambda: str(uuid4()),
            wake=self.engine.wake,
            timing=timing,
        )
        register_messages(dataverse)
        self.system_jobs = SystemJobs(dataverse, self.sender, now=now, wake=self.engine.wake, limits=limits)
        self.handshake = handshake_over(self.sender, lambda: self.notifications.timing.handshake_seconds)
        self.engine.add(self.notifications)
        self.engine.add(self.system_jobs)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send in the background until it is left; what still waits then is lost."""
        try:
            async with self.engine.running():
                yield
        finally:
            await self.sender.close()
