"""Structured logs with one correlation id from the caller to both backends, and no secret in them."""

import logging
import re
import sys
import uuid
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_SECRET_NAMES = re.compile(r"authorization|secret|password|token|assertion|cookie", re.IGNORECASE)
_BEARER = re.compile(r"(?i)(bearer\s+)[\w.~+/=-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*")
_CORRELATION_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def configure_logging(level: str) -> None:
    """JSON lines on standard error: one event each, with time, level and correlation id."""
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(_formatter())
    least = max(logging.getLevelNamesMapping()[level], logging.INFO)  # below, libraries tell what they send and save
    logging.basicConfig(level=least, handlers=[libraries])
    for noisy in ("httpx", "httpcore", "msal", "alembic", "sqlalchemy.engine"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def _formatter() -> logging.Formatter:
    """What libraries log, as lines of ours."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redact,
            structlog.processors.JSONRenderer(default=str),
        ],
    )


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Values under a secret's name, and anything that looks like a token, wherever it stands."""
    return {name: redacted(name, value) for name, value in event.items()}


def redacted(name: str, value: object) -> object:
    """A value as it may be told under this name."""
    if _SECRET_NAMES.search(name):
        return "[redacted]"
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(inner): redacted(str(inner), each) for inner, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redacted("", each) for each in value]
        case _:
            return _BEARER.sub("[redacted]", str(value))


def correlation_id(given: str | None) -> str:
    """The caller's id if it is one (short, printable), else a new one."""
    if given is not None and _CORRELATION_ID.fullmatch(given):
        return given
    return str(uuid.uuid4())


log: structlog.stdlib.BoundLogger = structlog.get_logger("gateway")
