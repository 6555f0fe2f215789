"""The scores of single samples in a table of their own: lists of runs need not read them.

Runs of earlier versions keep them in their results."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0008", "0007"


def upgrade() -> None:
    op.create_table(
        "outcomes",
        sa.Column("data", sa.String(12), primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
    )
