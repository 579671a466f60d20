"""Jobs as the engine keeps them: begun, marked, looked up. Called in threads (`gateway.jobs.threads`), but for progress."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.errors import ErrorCode
from gateway.jobs.job import JobState, JobStatus, Json
from gateway.jobs.outcome import NEUTRAL, known
from gateway.jobs.workflow import NAME, QUEUE, workflow

if TYPE_CHECKING:
    from dbos import WorkflowStatus

_PROGRESS = "progress"
_CANCEL = "cancel"
_KIND = "kind"


def enqueue(kind: str, argument: Json, job_id: str, key: str) -> None:
    from dbos import DBOS, SetEnqueueOptions, SetWorkflowAttributes, SetWorkflowID

    with SetWorkflowID(job_id), SetEnqueueOptions(queue_partition_key=key), SetWorkflowAttributes({_KIND: kind}):
        DBOS.enqueue_workflow(QUEUE, workflow(), kind, argument)


async def tell_progress(value: Json) -> None:
    """On the engine's loop, in the context of the job it is about."""
    from dbos import DBOS

    await DBOS.set_event_async(_PROGRESS, value)


def is_cancelling(job_id: str) -> bool:
    found = _found(job_id, with_result=False)
    return found is not None and _CANCEL in (found.attributes or {})


def mark_cancelled(job_id: str) -> None:
    """A mark that the job looks for. The engine's own cancelling lets the next job of the key begin in the midst of a step."""
    from dbos import DBOS

    DBOS.update_workflow_attributes(job_id, {_CANCEL: True}, merge=True)


def status_of(job_id: str) -> JobStatus | None:
    from dbos import DBOS

    found = _found(job_id, with_result=True)
    if found is None:
        return None
    attributes = found.attributes or {}
    state = _state(found)
    error, code = _failure_of(found) if state is JobState.FAILED else (None, None)
    return JobStatus(
        job_id=job_id,
        kind=str(attributes.get(_KIND)),
        state=state,
        progress=DBOS.get_all_events(job_id).get(_PROGRESS),
        result=found.output if state is JobState.SUCCEEDED else None,
        error=error,
        error_code=code,
        cancelling=_CANCEL in attributes and not state.is_final,
        created_at=_time(found.created_at),
        started_at=_time(found.dequeued_at),
        finished_at=_time(found.completed_at),
    )


def states_of(job_ids: list[str]) -> dict[str, JobState]:
    from dbos import DBOS

    # with what they gave: by that a job that was cancelled is told from one that failed
    found = DBOS.list_workflows(workflow_ids=job_ids, name=NAME, load_input=False, load_output=True)
    return {each.workflow_id: _state(each) for each in found}


def _found(job_id: str, *, with_result: bool) -> "WorkflowStatus | None":
    from dbos import DBOS

    found = DBOS.list_workflows(workflow_ids=[job_id], name=NAME, load_input=False, load_output=with_result)
    return found[0] if found else None


def _state(found: "WorkflowStatus") -> JobState:
    match found.status:
        case "ENQUEUED" | "DELAYED":  # marked, it ends without a step as soon as it is its turn
            return JobState.CANCELLED if _CANCEL in (found.attributes or {}) else JobState.WAITING
        case "PENDING":
            return JobState.RUNNING
        case "SUCCESS":
            return JobState.SUCCEEDED
        case "CANCELLED":  # with the engine's own tools
            return JobState.CANCELLED
    return JobState.CANCELLED if _ended_as(found) == JobState.CANCELLED else JobState.FAILED


def _failure_of(found: "WorkflowStatus") -> tuple[str, ErrorCode]:
    """Ours was written for a caller; what the engine says was not."""
    from dbos import PortableWorkflowError

    error = found.error
    if isinstance(error, PortableWorkflowError) and _ended_as(found) == JobState.FAILED:
        return error.message, known(error.code)
    return NEUTRAL, ErrorCode.INTERNAL_ERROR


def _ended_as(found: "WorkflowStatus") -> object:
    """What the workflow said. An error's own name would not do: the engine keeps the name of its class instead."""
    return getattr(found.error, "data", None)


def _time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
