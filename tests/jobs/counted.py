"""A process that is killed in the midst of a job, and the one that comes after it: ``python -m tests.jobs.counted URL JOB``.

It prints each step that it really carries out. The third step of the first process never ends.
"""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from gateway.errors import InvalidInputError
from gateway.jobs.jobs import Jobs
from gateway.jobs.outcome import StepError
from gateway.jobs.work import Work
from gateway.telemetry import configure_logging
from tests.jobs.conftest import PACE

KIND = "counted"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def carry_out(number: int, *, for_ever: bool) -> dict[str, Any]:
    say(f"step {number}")
    if for_ever:
        await asyncio.Event().wait()
    if number == 2:
        raise InvalidInputError("The second cannot be done.")
    return {"number": number}


def handler(*, stops_at: int | None) -> Any:
    """Four steps, of which the second fails; its result says what each came to."""

    async def counted(work: Work, argument: Mapping[str, Any]) -> list[Any]:
        came_to: list[Any] = []
        for number in range(1, argument["steps"] + 1):
            try:
                came_to.append(await work.step(f"step {number}", carry_out, number, for_ever=number == stops_at))
            except StepError as error:
                came_to.append([error.message, error.extensions["code"]])
            await work.progress({"done": number})
        return came_to

    return counted


async def main(url: str, job_id: str, again: bool) -> None:
    configure_logging("WARNING")
    jobs = Jobs(url, pace=PACE)
    jobs.handle(KIND, handler(stops_at=None if again else 3))
    if again:
        await jobs.resume(watch=False)
    else:
        await jobs.start(KIND, {"steps": 4}, job_id=job_id)
    status = await jobs.wait(job_id)
    say(f"{status.state} {status.result}")
    await jobs.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], again=sys.argv[3:] == ["again"]))
