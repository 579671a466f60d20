"""The tables behind couplings, their history, and the records that are being created for them."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
)

from gateway.database import UTCDateTime, metadata

couplings = Table(
    "couplings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("mapping", String(40), nullable=False),
    Column("company_id", Uuid, nullable=False),
    Column("bc_id", Uuid, nullable=False),
    Column("crm_id", Uuid, nullable=False),
    Column("bc_key", String(250)),
    Column("crm_key", String(250)),
    # Both backends compare keys without regard to case, in all of Unicode; neither database of ours does by itself.
    # Folding keeps the length; there is room for a fold that does not.
    Column("bc_key_folded", String(750)),
    Column("crm_key_folded", String(750)),
    Column("last_synchronized_at", UTCDateTime),
    Column("bc_modified_at", UTCDateTime),
    Column("crm_modified_at", UTCDateTime),
    Column("bc_etag", String(200)),
    Column("crm_etag", String(200)),
    Column("last_result_to_bc", String(20)),
    Column("last_result_to_crm", String(20)),
    Column("last_job_to_bc", String(40)),
    Column("last_job_to_crm", String(40)),
    Column("written_to_bc", JSON(none_as_null=True)),
    Column("written_to_crm", JSON(none_as_null=True)),
    Column("base", JSON(none_as_null=True)),
    Column("skipped", Boolean, nullable=False, server_default=false()),
    Column("error_code", String(80)),
    Column("error_message", Text),
    Column("created_at", UTCDateTime),
    Column("created_by", String(250)),
    # The one-to-one rule: a record has one partner in a mapping.
    # Source: Business Central, "Couple and Synchronize Records Manually".
    UniqueConstraint("mapping", "company_id", "bc_id"),
    UniqueConstraint("mapping", "company_id", "crm_id"),
    Index(None, "mapping", "company_id", "bc_key_folded"),
    Index(None, "mapping", "company_id", "crm_key_folded"),
    Index(None, "mapping", "crm_id"),  # a row of CRM has a coupling in each of several companies
)

coupling_history = Table(
    "coupling_history",
    metadata,
    # SQLite numbers rows by itself only under the name INTEGER
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("coupling_id", Uuid, nullable=False),
    Column("mapping", String(40), nullable=False),
    Column("company_id", Uuid, nullable=False),
    Column("bc_id", Uuid, nullable=False),
    Column("crm_id", Uuid, nullable=False),
    Column("bc_key", String(250)),
    Column("crm_key", String(250)),
    Column("event", String(20), nullable=False),
    Column("cause", String(20), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Column("by", String(250), nullable=False),
    Column("job", Uuid),
    Column("was_bc_id", Uuid),
    Column("was_crm_id", Uuid),
    Index(None, "coupling_id", "number"),
    Index(None, "mapping", "company_id", "bc_id"),
    Index(None, "mapping", "company_id", "crm_id"),
    Index(None, "mapping", "company_id", "was_bc_id"),
    Index(None, "mapping", "company_id", "was_crm_id"),
)
"""Lines are only ever added."""

coupling_intents = Table(
    "coupling_intents",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("to_crm", Boolean, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("until", UTCDateTime),
)
"""Couplings of which one side is still to be created."""

match_plans = Table(
    "match_plans",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("mapping", String(40), nullable=False),
    Column("company_id", Uuid, nullable=False),
    Column("to_crm", Boolean, nullable=False),
    Column("asked", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("created_by", String(250), nullable=False),
    Column("finished_at", UTCDateTime),
    Column("error_code", String(80)),
    Column("error_message", Text),
    Column("wish", JSON(none_as_null=True)),
    Index(None, "company_id", "created_at"),
)

match_proposals = Table(
    "match_proposals",
    metadata,
    Column("plan_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("source_id", Uuid, nullable=False),
    Column("source_key", Text),
    Column("source_name", Text),
    Column("verdict", String(20), nullable=False),
    Column("priority", Integer),
    Column("score", Integer, nullable=False),
    Column("candidates", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("target_id", Uuid),
    Column("coupling_id", Uuid),
    Column("problem_code", String(80)),
    Column("problem_message", Text),
    Index(None, "plan_id", "state", "number"),
)
"""Numbered in the order of the records' own numbers."""
