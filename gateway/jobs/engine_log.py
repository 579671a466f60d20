"""What the engine logs, as lines of ours."""

import logging

from gateway.telemetry import log


class EngineLog(logging.Handler):
    """The engine writes lines of its own unless its logger has a handler already."""

    def attach(self) -> None:
        logger = logging.getLogger("dbos")
        logger.propagate = False
        logger.addHandler(self)

    def detach(self) -> None:
        logger = logging.getLogger("dbos")
        logger.propagate = True
        logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        from dbos import PortableWorkflowError

        if record.exc_info and isinstance(record.exc_info[1], PortableWorkflowError):
            return  # a job that failed or was cancelled: told already
        log.log(record.levelno, "jobs.engine", message=record.getMessage(), exc_info=record.exc_info)
