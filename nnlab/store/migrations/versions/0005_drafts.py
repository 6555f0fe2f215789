"""Drafts of Play, deleted comparisons, a guess for every visitor."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    op.add_column("runs", sa.Column("draft", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("comparisons", sa.Column("deleted", sa.Float(53)))
    op.create_table(
        "guesses",
        sa.Column("comparison", sa.String(12), primary_key=True),
        sa.Column("owner", sa.String(200), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
