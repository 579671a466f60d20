"""Keep what webhooks told, and what is registered for them

Revision ID: 0005
Revises: 0004
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "change_notices",
        sa.Column("mapping", sa.String(length=40), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("backend", sa.String(length=20), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mapping", "company_id", "backend", "record_id", name=op.f("pk_change_notices")),
    )
    op.create_table(
        "hook_registrations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("backend", sa.String(length=20), nullable=False),
        sa.Column("resource", sa.String(length=250), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("remote_id", sa.String(length=100), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_registrations")),
        sa.UniqueConstraint("backend", "resource", name=op.f("uq_hook_registrations_backend_resource")),
    )
    op.create_table(
        "hook_upkeeps",
        sa.Column("backend", sa.String(length=20), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wanted", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.String(length=80), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("backend", name=op.f("pk_hook_upkeeps")),
    )


def downgrade() -> None:
    op.drop_table("hook_upkeeps")
    op.drop_table("hook_registrations")
    op.drop_table("change_notices")
