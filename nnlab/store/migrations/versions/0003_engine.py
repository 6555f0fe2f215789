"""The engine that trained a run."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    op.add_column("runs", sa.Column("engine", sa.String(12)))
