"""Keep the audit trail

Revision ID: 0009
Revises: 0008
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = ("audit_entries", "audit_endings", "audit_records")
_KEYS = {
    "audit_entries": "number = NEW.number",
    "audit_endings": "number = NEW.number",
    "audit_records": "record = NEW.record AND number = NEW.number AND ended = NEW.ended",
}
_REFUSAL = "the audit trail is append-only"


def upgrade() -> None:
    op.create_table(
        "audit_endings",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("payload", sa.String(length=100), nullable=True),
        sa.Column("codes", sa.JSON(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("more", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_endings")),
    )
    op.create_index(op.f("ix_audit_endings_outcome_number"), "audit_endings", ["outcome", "number"])

    op.create_table(
        "audit_entries",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("mutation", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("object_id", sa.String(length=100), nullable=False),
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("is_application", sa.Boolean(), nullable=False),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("input", sa.JSON(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("user_agent", sa.String(length=400), nullable=True),
        sa.Column("origin", sa.String(length=400), nullable=True),
        sa.Column("transport", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_at"), "audit_entries", ["at"])
    op.create_index(op.f("ix_audit_entries_correlation_id"), "audit_entries", ["correlation_id"])
    op.create_index(op.f("ix_audit_entries_mutation_number"), "audit_entries", ["mutation", "number"])
    op.create_index(op.f("ix_audit_entries_object_id_number"), "audit_entries", ["object_id", "number"])

    op.create_table(
        "audit_records",
        sa.Column("record", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("record", "number", "ended", name=op.f("pk_audit_records")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _refuse_on_postgresql()
    else:
        _refuse_on_sqlite()


def _refuse_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'insufficient_privilege'; END $$"
    )
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
        )


def _refuse_on_sqlite() -> None:
    """INSERT OR REPLACE deletes without asking the trigger of deletions, so a line that is there cannot be inserted again."""
    for table, same in _KEYS.items():
        abort = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {abort}")
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {abort}")
        there = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - names of our own
        op.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {there} {abort}")


def downgrade() -> None:
    op.drop_table("audit_records")
    op.drop_index(op.f("ix_audit_entries_object_id_number"), "audit_entries")
    op.drop_index(op.f("ix_audit_entries_mutation_number"), "audit_entries")
    op.drop_index(op.f("ix_audit_entries_correlation_id"), "audit_entries")
    op.drop_index(op.f("ix_audit_entries_at"), "audit_entries")

    op.drop_table("audit_entries")
    op.drop_index(op.f("ix_audit_endings_outcome_number"), "audit_endings")

    op.drop_table("audit_endings")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_is_append_only()")
