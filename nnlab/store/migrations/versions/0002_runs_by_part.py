"""A cell of a comparison has several runs; the test set is opened on purpose."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    op.add_column("comparisons", sa.Column("test_opened", sa.Float(53)))
    op.create_table(
        "cell_runs",
        sa.Column("comparison", sa.String(12), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run", sa.String(12), nullable=False),
        sa.Column("reused", sa.Boolean, nullable=False),
    )
    op.execute("INSERT INTO cell_runs SELECT comparison, place, 0, run, reused FROM cells")
    op.drop_table("cells")
    op.create_index("ix_cell_runs_run", "cell_runs", ["run"])
