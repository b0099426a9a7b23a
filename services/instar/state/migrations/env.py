"""What Alembic runs for each command: the migrations, on the connection that ``schema.py`` hands over.

The connection is in a transaction already, so that a step that fails leaves nothing behind, on SQLite too.
"""

from alembic import context

from instar.state.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
