"""The table behind :class:`~gateway.couplings.coupling.Coupling`."""

from sqlalchemy import Boolean, Column, Index, String, Table, Text, UniqueConstraint, Uuid, false

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
)
