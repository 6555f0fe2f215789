"""How many bytes the data of a run take."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0006", "0005"


def upgrade() -> None:
    op.add_column("runs", sa.Column("size", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("thinned", sa.Boolean, nullable=False, server_default=sa.false()))
    total = " + ".join(
        f"COALESCE((SELECT SUM(LENGTH({column}) + {row}) FROM {table} WHERE {table}.data = runs.data), 0)"  # nosec B608
        for table, column, row in (
            ("metrics", "figures", 50),
            ("snapshots", "weights", 100),
            ("checkpoints", "content", 100),
        )
    )
    first = "NOT EXISTS (SELECT 1 FROM runs other WHERE other.data = runs.data AND other.created < runs.created)"
    op.execute(f"UPDATE runs SET size = {total} WHERE {first}")  # nosec B608: the names are those above
