"""Keep synchronization runs and settings of mappings

Revision ID: 0004
Revises: 0003
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "mapping_settings",
        sa.Column("mapping", sa.String(length=40), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(length=250), nullable=False),
        sa.PrimaryKeyConstraint("mapping", "company_id", name=op.f("pk_mapping_settings")),
    )
    op.create_table(
        "synchronization_errors",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mapping", sa.String(length=40), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hint", sa.Text(), nullable=True),
        sa.Column("field", sa.String(length=80), nullable=True),
        sa.Column("to", sa.String(length=20), nullable=True),
        sa.Column("coupling_id", sa.Uuid(), nullable=True),
        sa.Column("bc_id", sa.Uuid(), nullable=True),
        sa.Column("bc_number", sa.Text(), nullable=True),
        sa.Column("bc_name", sa.Text(), nullable=True),
        sa.Column("crm_id", sa.Uuid(), nullable=True),
        sa.Column("crm_number", sa.Text(), nullable=True),
        sa.Column("crm_name", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_synchronization_errors")),
    )
    with op.batch_alter_table("synchronization_errors", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_synchronization_errors_company_id_mapping_coupling_id"),
            ["company_id", "mapping", "coupling_id"],
            unique=False,
        )

    op.create_table(
        "synchronization_places",
        sa.Column("mapping", sa.String(length=40), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("backend", sa.String(length=20), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mapping", "company_id", "backend", name=op.f("pk_synchronization_places")),
    )
    op.create_table(
        "synchronization_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mapping", sa.String(length=40), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=250), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tally", sa.JSON(), nullable=False),
        sa.Column("error_code", sa.String(length=80), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_synchronization_runs")),
    )
    with op.batch_alter_table("synchronization_runs", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_synchronization_runs_company_id_mapping_created_at"),
            ["company_id", "mapping", "created_at"],
            unique=False,
        )


def downgrade() -> None:
    op.drop_table("mapping_settings")
    op.drop_table("synchronization_runs")
    op.drop_table("synchronization_places")
    op.drop_table("synchronization_errors")
