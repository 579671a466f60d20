"""Where Alembic finds the tables and the database.

The gateway hands over its own connection when it starts. On the command line (``alembic check``, ``alembic revision``)
the URL is ``GATEWAY_DATABASE_URL``, or a database in memory.
"""

import os

from alembic import context
from sqlalchemy import Connection, create_engine

import gateway.audit.table
import gateway.couplings.table
import gateway.runs.table
import gateway.runs.told
import gateway.triggers.hook_store
import gateway.triggers.schedule_table  # noqa: F401 - each registers its tables
from gateway.database import metadata, synchronous_url


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    url = synchronous_url(os.environ.get("GATEWAY_DATABASE_URL", "sqlite://"))
    with create_engine(url).connect() as own:
        run(own)
        own.commit()
