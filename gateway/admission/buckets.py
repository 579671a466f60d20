"""Where allowances are kept: in the memory of one process, or in Redis for all of them.

In Redis one script reads, decides and writes, so that two processes never spend the same; the clock is Redis's own. It counts as
:mod:`gateway.admission.allowance` does; a test holds the two together.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from redis.asyncio import Redis

from gateway.admission.allowance import Allowance, Rates
from gateway.redis_server import PREFIX

_MOST_CALLERS: Final = 10_000


class Buckets(Protocol):
    """Allowances of callers."""

    async def admit(self, caller_id: str, wanted: int) -> float:
        """Take so many requests. Returns: 0, or how many seconds to wait; then nothing was taken."""
        ...

    async def pay(self, caller_id: str, cost: int) -> float:
        """Take so many backend requests, if any are there. Returns: 0, or how many seconds to wait; then nothing was taken."""
        ...

    async def charge(self, caller_id: str, cost: int) -> None:
        """Take so many backend requests, whether they are there or not."""
        ...


class MemoryBuckets:
    """Of one process. The caller unseen for longest makes room, and begins anew."""

    def __init__(
        self, rates: Rates, *, clock: Callable[[], float] = time.monotonic, most_callers: int = _MOST_CALLERS
    ) -> None:
        self._rates = rates
        self._clock = clock
        self._most_callers = most_callers
        self._allowances: OrderedDict[str, Allowance] = OrderedDict()

    async def admit(self, caller_id: str, wanted: int) -> float:
        left, wait = self._of(caller_id).admit(self._rates, wanted)
        self._keep(caller_id, left)
        return wait

    async def pay(self, caller_id: str, cost: int) -> float:
        left, wait = self._of(caller_id).pay(self._rates, cost)
        self._keep(caller_id, left)
        return wait

    async def charge(self, caller_id: str, cost: int) -> None:
        self._keep(caller_id, self._of(caller_id).charge(cost))

    def _of(self, caller_id: str) -> Allowance:
        now = self._clock()
        known = self._allowances.get(caller_id)
        return Allowance.full(self._rates, now) if known is None else known.later(self._rates, now)

    def _keep(self, caller_id: str, allowance: Allowance) -> None:
        self._allowances[caller_id] = allowance
        self._allowances.move_to_end(caller_id)
        if len(self._allowances) > self._most_callers:
            self._allowances.popitem(last=False)


_SCRIPT: Final = """
local rate, burst, costs = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wanted, charge, asks = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local kept = redis.call('HMGET', KEYS[1], 'requests', 'cost', 'at')
local requests, cost = tonumber(kept[1]) or burst, tonumber(kept[2]) or costs
local at = tonumber(kept[3]) or now
local passed = math.max(0, now - at)
requests = math.min(burst, requests + passed * rate / 60)
cost = math.min(costs, cost + passed * costs / 60)
local wait = 0
if asks > 0 then
  if rate > 0 and requests < wanted then wait = (wanted - requests) * 60 / rate end
  if costs > 0 and cost <= 0 then wait = math.max(wait, (1 - cost) * 60 / costs) end
  if wait == 0 then requests = requests - wanted else charge = 0 end
end
cost = cost - charge
redis.call('HSET', KEYS[1], 'requests', string.format('%.6f', requests), 'cost', string.format('%.6f', cost),
  'at', string.format('%.6f', math.max(now, at)))
local full = 1
if rate > 0 then full = math.max(full, (burst - requests) * 60 / rate) end
if costs > 0 then full = math.max(full, (costs - cost) * 60 / costs) end
redis.call('PEXPIRE', KEYS[1], math.ceil(full * 1000))
return string.format('%.6f', wait)
"""
"""A caller whose buckets are full again is as one never seen: the key ends by then."""


class RedisBuckets:
    """Of all processes. Raises what Redis raises when it is away."""

    def __init__(self, rates: Rates, client: Redis, *, prefix: str = PREFIX) -> None:
        self._rates = rates
        self._prefix = prefix
        self._script = client.register_script(_SCRIPT)

    async def admit(self, caller_id: str, wanted: int) -> float:
        return await self._run(caller_id, wanted, 0, asks=True)

    async def pay(self, caller_id: str, cost: int) -> float:
        return await self._run(caller_id, 0, cost, asks=True)

    async def charge(self, caller_id: str, cost: int) -> None:
        await self._run(caller_id, 0, cost, asks=False)

    async def _run(self, caller_id: str, wanted: int, cost: int, *, asks: bool) -> float:
        rates = self._rates
        numbers = [rates.requests_per_minute, rates.burst, rates.cost_per_minute, wanted, cost, int(asks)]
        return float(await self._script(keys=[f"{self._prefix}allowance:{caller_id}"], args=numbers))
