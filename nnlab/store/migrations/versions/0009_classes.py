"""People, classes and assignments, and the files of data sets that workers on other machines need."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0009", "0008"


def upgrade() -> None:
    op.add_column("nnlab_schema", sa.Column("id", sa.String(12)))
    op.add_column("nnlab_schema", sa.Column("cleaned", sa.Float(53)))
    op.create_table(
        "people",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("subject", sa.String(100), unique=True),
        sa.Column("email", sa.String(320)),
        sa.Column("code", sa.String(64), unique=True),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("seen", sa.Float(53), nullable=False),
    )
    op.create_table(
        "sign_ins",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(32), nullable=False, index=True),
        sa.Column("seen", sa.Float(53), nullable=False),
    )
    op.create_table(
        "tickets",
        sa.Column("ticket", sa.String(64), primary_key=True),
        sa.Column("browser", sa.String(64), nullable=False),
        sa.Column("person", sa.String(32)),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
    )
    op.create_table(
        "wrong_codes",
        sa.Column("network", sa.String(64), primary_key=True),
        sa.Column("level", sa.Float(53), nullable=False),
        sa.Column("moment", sa.Float(53), nullable=False),
    )
    op.create_table(
        "classes",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("code", sa.String(16), nullable=False, unique=True),
        sa.Column("teacher", sa.String(32), nullable=False, index=True),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("closed", sa.Float(53)),
    )
    op.create_table(
        "members",
        sa.Column("class_id", sa.String(12), primary_key=True),
        sa.Column("person", sa.String(32), primary_key=True, index=True),
        sa.Column("joined", sa.Float(53), nullable=False),
    )
    op.create_table(
        "assignments",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("class_id", sa.String(12), nullable=False, index=True),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("deleted", sa.Float(53)),
    )
    op.create_table(
        "participants",
        sa.Column("assignment", sa.String(12), primary_key=True),
        sa.Column("person", sa.String(32), primary_key=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("started", sa.Float(53), nullable=False),
        sa.Column("guess", sa.Text),
        sa.Column("guessed", sa.Float(53)),
        sa.UniqueConstraint("assignment", "place"),
    )
    op.create_table(
        "tries",
        sa.Column("assignment", sa.String(12), primary_key=True),
        sa.Column("item", sa.String(12), primary_key=True),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
    )
    op.create_table(
        "data_files",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
