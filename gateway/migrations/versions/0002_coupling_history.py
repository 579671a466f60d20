"""Keep the history of couplings, what both sides agreed on, and records that are being created

Revision ID: 0002
Revises: 0001
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("couplings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("last_job_to_bc", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("last_job_to_crm", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("base", sa.JSON(none_as_null=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_couplings_mapping_crm_id"), ["mapping", "crm_id"], unique=False)
    op.create_table(
        "coupling_history",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("coupling_id", sa.Uuid(), nullable=False),
        sa.Column("mapping", sa.String(length=40), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("bc_id", sa.Uuid(), nullable=False),
        sa.Column("crm_id", sa.Uuid(), nullable=False),
        sa.Column("bc_key", sa.String(length=250), nullable=True),
        sa.Column("crm_key", sa.String(length=250), nullable=True),
        sa.Column("event", sa.String(length=20), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=250), nullable=False),
        sa.Column("job", sa.Uuid(), nullable=True),
        sa.Column("was_bc_id", sa.Uuid(), nullable=True),
        sa.Column("was_crm_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_coupling_history")),
    )
    with op.batch_alter_table("coupling_history", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_coupling_history_coupling_id_number"), ["coupling_id", "number"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_coupling_history_mapping_company_id_bc_id"), ["mapping", "company_id", "bc_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_coupling_history_mapping_company_id_crm_id"),
            ["mapping", "company_id", "crm_id"],
            unique=False,
        )
        for side in ("was_bc_id", "was_crm_id"):
            name = f"ix_coupling_history_mapping_company_id_{side}"
            batch_op.create_index(batch_op.f(name), ["mapping", "company_id", side], unique=False)
    op.create_table(
        "coupling_intents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("to_crm", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupling_intents")),
    )


def downgrade() -> None:
    op.drop_table("coupling_intents")
    op.drop_table("coupling_history")
    with op.batch_alter_table("couplings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_couplings_mapping_crm_id"))
        batch_op.drop_column("base")
        batch_op.drop_column("last_job_to_crm")
        batch_op.drop_column("last_job_to_bc")
