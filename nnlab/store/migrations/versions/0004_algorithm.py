"""The version of the algorithm that began a run."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    op.add_column("runs", sa.Column("algorithm", sa.Integer, nullable=False, server_default="1"))
