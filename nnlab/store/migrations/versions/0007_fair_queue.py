"""The order of the queue is computed; what it needs of a run: whether it takes seconds, and when a worker took it."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0007", "0006"


def upgrade() -> None:
    op.add_column("runs", sa.Column("quick", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("runs", sa.Column("claimed", sa.Float(53)))
    op.execute("UPDATE runs SET quick = TRUE WHERE rank < 0")
    op.drop_column("runs", "rank")
    op.create_index("runs_by_service", "runs", ["owner", "draft", "claimed"])
