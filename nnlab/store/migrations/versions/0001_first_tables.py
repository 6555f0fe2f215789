"""The tables of the first version. New data bases are made from `schema.py`, so nothing creates them here."""

revision, down_revision = "0001", None


def upgrade() -> None:
    """Nothing to do."""
