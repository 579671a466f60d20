"""Find runs and errors by index

Revision ID: 0008
Revises: 0007
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_KEY = ["company_id", "kind", "mapping"]


def upgrade() -> None:
    op.create_index("ix_synchronization_errors_coupling_id", "synchronization_errors", ["coupling_id"])
    op.create_index("ix_synchronization_runs_newest", "synchronization_runs", [*_KEY, "created_at"])
    op.create_index("ix_synchronization_runs_finished", "synchronization_runs", [*_KEY, "state", "finished_at"])


def downgrade() -> None:
    op.drop_index("ix_synchronization_runs_finished", "synchronization_runs")
    op.drop_index("ix_synchronization_runs_newest", "synchronization_runs")
    op.drop_index("ix_synchronization_errors_coupling_id", "synchronization_errors")
