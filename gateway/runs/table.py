"""The tables behind synchronization runs: the job log, its errors, plans, and how far each mapping has come."""

from sqlalchemy import JSON, Column, Index, Integer, String, Table, Text, Uuid

from gateway.database import UTCDateTime, metadata

synchronization_runs = Table(
    "synchronization_runs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("mapping", String(40), nullable=False),
    Column("company_id", Uuid, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("asked", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("created_by", String(250), nullable=False),
    Column("started_at", UTCDateTime),
    Column("finished_at", UTCDateTime),
    Column("tally", JSON, nullable=False),
    Column("error_code", String(80)),
    Column("message", Text),
    Column("progressed_at", UTCDateTime),
    Index(None, "company_id", "mapping", "created_at"),
    # names of their own: PostgreSQL takes 63 characters
    Index("ix_synchronization_runs_newest", "company_id", "kind", "mapping", "created_at"),
    Index("ix_synchronization_runs_finished", "company_id", "kind", "mapping", "state", "finished_at"),
)

synchronization_errors = Table(
    "synchronization_errors",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("mapping", String(40), nullable=False),
    Column("company_id", Uuid, nullable=False),
    Column("code", String(80), nullable=False),
    Column("message", Text, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("hint", Text),
    Column("field", String(80)),
    Column("to", String(20)),
    Column("coupling_id", Uuid),
    Column("bc_id", Uuid),
    Column("bc_number", Text),
    Column("bc_name", Text),
    Column("crm_id", Uuid),
    Column("crm_number", Text),
    Column("crm_name", Text),
    Index(None, "company_id", "mapping", "coupling_id"),
    Index(None, "coupling_id"),
)
"""Numbered in the order in which they were met; a page that is carried out again writes the same numbers again."""

synchronization_steps = Table(
    "synchronization_steps",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("mapping", String(40), nullable=False),
    Column("action", String(20), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("coupling_id", Uuid),
    Column("bc_id", Uuid),
    Column("bc_number", Text),
    Column("bc_name", Text),
    Column("crm_id", Uuid),
    Column("crm_number", Text),
    Column("crm_name", Text),
    Column("to_bc", JSON, nullable=False),
    Column("to_crm", JSON, nullable=False),
    Column("moved", JSON, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("code", String(80)),
    Column("message", Text),
    Column("hint", Text),
    Column("field", String(80)),
    Column("partner_id", Uuid),
    Index(None, "run_id", "coupling_id"),
    Index(None, "run_id", "bc_id"),
    Index(None, "run_id", "crm_id"),
    Index(None, "run_id", "action", "number"),
)
"""What dry runs found, numbered as errors are."""

synchronization_places = Table(
    "synchronization_places",
    metadata,
    Column("mapping", String(40), primary_key=True),
    Column("company_id", Uuid, primary_key=True),
    Column("backend", String(20), primary_key=True),
    Column("place", Text, nullable=False),
    Column("at", UTCDateTime, nullable=False),
)
"""Up to where changes of a side were looked at: a moment in Business Central, a delta link of Dataverse."""

mapping_settings = Table(
    "mapping_settings",
    metadata,
    Column("mapping", String(40), primary_key=True),
    Column("company_id", Uuid, primary_key=True),
    Column("settings", JSON, nullable=False),
    Column("changed_at", UTCDateTime, nullable=False),
    Column("changed_by", String(250), nullable=False),
)
"""What administrators changed of a mapping; a mapping that is not here is as it is shipped."""
