"""Keep what dry runs plan

Revision ID: 0010
Revises: 0009
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_INDEXES = (["run_id", "coupling_id"], ["run_id", "bc_id"], ["run_id", "crm_id"], ["run_id", "action", "number"])


def upgrade() -> None:
    op.create_table(
        "synchronization_steps",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mapping", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("coupling_id", sa.Uuid(), nullable=True),
        sa.Column("bc_id", sa.Uuid(), nullable=True),
        sa.Column("bc_number", sa.Text(), nullable=True),
        sa.Column("bc_name", sa.Text(), nullable=True),
        sa.Column("crm_id", sa.Uuid(), nullable=True),
        sa.Column("crm_number", sa.Text(), nullable=True),
        sa.Column("crm_name", sa.Text(), nullable=True),
        sa.Column("to_bc", sa.JSON(), nullable=False),
        sa.Column("to_crm", sa.JSON(), nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("hint", sa.Text(), nullable=True),
        sa.Column("field", sa.String(length=80), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_synchronization_steps")),
    )
    for columns in _INDEXES:
        op.create_index(op.f(f"ix_synchronization_steps_{'_'.join(columns)}"), "synchronization_steps", columns)


def downgrade() -> None:
    op.drop_table("synchronization_steps")
