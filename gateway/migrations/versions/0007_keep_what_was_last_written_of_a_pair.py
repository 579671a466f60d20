"""Keep what was last written of a pair

Revision ID: 0007
Revises: 0006
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("couplings") as batch_op:
        batch_op.add_column(sa.Column("written_to_bc", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("written_to_crm", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("couplings") as batch_op:
        batch_op.drop_column("written_to_crm")
        batch_op.drop_column("written_to_bc")
