"""Create the couplings

Revision ID: 0001
Revises:
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "couplings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mapping", sa.String(length=40), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("bc_id", sa.Uuid(), nullable=False),
        sa.Column("crm_id", sa.Uuid(), nullable=False),
        sa.Column("bc_key", sa.String(length=250), nullable=True),
        sa.Column("crm_key", sa.String(length=250), nullable=True),
        sa.Column("bc_key_folded", sa.String(length=750), nullable=True),
        sa.Column("crm_key_folded", sa.String(length=750), nullable=True),
        sa.Column("last_synchronized_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bc_modified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("crm_modified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bc_etag", sa.String(length=200), nullable=True),
        sa.Column("crm_etag", sa.String(length=200), nullable=True),
        sa.Column("last_result_to_bc", sa.String(length=20), nullable=True),
        sa.Column("last_result_to_crm", sa.String(length=20), nullable=True),
        sa.Column("skipped", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("error_code", sa.String(length=80), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.String(length=250), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_couplings")),
        sa.UniqueConstraint("mapping", "company_id", "bc_id", name=op.f("uq_couplings_mapping_company_id_bc_id")),
        sa.UniqueConstraint("mapping", "company_id", "crm_id", name=op.f("uq_couplings_mapping_company_id_crm_id")),
    )
    with op.batch_alter_table("couplings", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_couplings_mapping_company_id_bc_key_folded"),
            ["mapping", "company_id", "bc_key_folded"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_couplings_mapping_company_id_crm_key_folded"),
            ["mapping", "company_id", "crm_key_folded"],
            unique=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("couplings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_couplings_mapping_company_id_crm_key_folded"))
        batch_op.drop_index(batch_op.f("ix_couplings_mapping_company_id_bc_key_folded"))

    op.drop_table("couplings")
