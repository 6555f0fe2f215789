"""What Alembic executes: the revisions, in the transaction of the caller."""

from alembic import context

from nnlab.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a column
)
context.run_migrations()
