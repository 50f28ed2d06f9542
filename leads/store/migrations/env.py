"""Runs the migrations in the transaction that the store opened."""

from alembic import context

from leads.store.schema import VERSION_TABLE
from leads.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
