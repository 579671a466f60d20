"""The tables of the audit trail. Lines are only ever added: the database refuses to change or delete one (migration 0009)."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table, Uuid

from gateway.database import UTCDateTime, metadata

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only under the name INTEGER

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("mutation", String(100), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("object_id", String(100), nullable=False),
    Column("tenant_id", String(40), nullable=False),
    Column("name", String(250), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("is_application", Boolean, nullable=False),
    Column("correlation_id", String(64), nullable=False),
    Column("input", JSON, nullable=False),
    Column("address", String(64)),
    Column("user_agent", String(400)),
    Column("origin", String(400)),
    Column("transport", String(20)),
    Index(None, "object_id", "number"),
    Index(None, "mutation", "number"),
    Index(None, "at"),
    Index(None, "correlation_id"),
)

audit_endings = Table(
    "audit_endings",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("at", UTCDateTime, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("payload", String(100)),
    Column("codes", JSON, nullable=False),
    Column("changes", JSON, nullable=False),
    Column("more", Integer, nullable=False),
    Index(None, "outcome", "number"),
)
"""By the number of the entry."""

audit_records = Table(
    "audit_records",
    metadata,
    Column("record", Uuid, primary_key=True),
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("ended", Boolean, primary_key=True),
)
"""Which entries speak of a record: in their input, or among what they changed (``ended``)."""
