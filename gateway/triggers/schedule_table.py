"""The table behind schedules."""

from sqlalchemy import Boolean, Column, Integer, String, Table, Uuid

from gateway.database import UTCDateTime, metadata

schedules = Table(
    "schedules",
    metadata,
    Column("task", String(20), primary_key=True),
    Column("mapping", String(40), primary_key=True),
    Column("company_id", Uuid, primary_key=True),
    Column("every_minutes", Integer),
    Column("enabled", Boolean),
    Column("next_due", UTCDateTime),
    Column("claimed_until", UTCDateTime),
    Column("last_begun", UTCDateTime),
    Column("last_run_id", Uuid),
    Column("changed_at", UTCDateTime),
    Column("changed_by", String(250)),
)
"""``every_minutes`` and ``enabled`` are null as long as nobody changed them: then the default of the release holds."""
