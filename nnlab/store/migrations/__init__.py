"""The revisions of the tables, by Alembic: `versions/0006_what_it_does.py` turns version 5 into version 6.

A change of the tables has three parts: `schema.py`, `VERSION` there, and a revision here. Tests upgrade data bases of
earlier versions and compare the result with `schema.py`.
"""

import sqlalchemy as sa


def upgrade(db: sa.Connection, version: int) -> None:
    """Turn the tables of `version` into those of the newest revision, within the transaction of the connection."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "nnlab.store:migrations")  # a path with % would be misread
    config.attributes["connection"] = db
    if not sa.inspect(db).has_table("alembic_version"):  # up to version 5 there was only the table nnlab_schema
        command.stamp(config, f"{version:04}")
    command.upgrade(config, "head")
