"""Data bases as earlier versions made them, with the runs and the comparison that version 0.1.0 left."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nnlab.store import connect

RELEASED = Path(__file__).parents[1] / "acceptance" / "version_0_1" / "nnlab.db.gz"  # its tables are of version 2

_RUNS = """
CREATE TABLE runs (id VARCHAR(12) NOT NULL, data VARCHAR(12) NOT NULL, owner VARCHAR(200) NOT NULL,
    name VARCHAR(200) NOT NULL, experiment TEXT NOT NULL, seeds TEXT NOT NULL, "key" VARCHAR(64) NOT NULL,
    state VARCHAR(12) NOT NULL, wish VARCHAR(8), epoch INTEGER NOT NULL, epochs INTEGER NOT NULL,
    parameters INTEGER NOT NULL, seconds FLOAT(53) NOT NULL, error TEXT, note VARCHAR(40), results TEXT,
    comparison VARCHAR(12), extended BOOLEAN NOT NULL, {runs} created FLOAT(53) NOT NULL, queued FLOAT(53) NOT NULL,
    rank INTEGER NOT NULL, started FLOAT(53), finished FLOAT(53), deleted FLOAT(53), attempt VARCHAR(32),
    attempts INTEGER NOT NULL, worker VARCHAR(200), heartbeat FLOAT(53), stepped FLOAT(53), pace FLOAT(53),
    loading FLOAT(53), PRIMARY KEY (id));
CREATE TABLE metrics (data VARCHAR(12) NOT NULL, epoch INTEGER NOT NULL, figures {blob} NOT NULL,
    lr FLOAT(53) NOT NULL, seconds FLOAT(53) NOT NULL, PRIMARY KEY (data, epoch)) {without_rowid};
CREATE TABLE snapshots (data VARCHAR(12) NOT NULL, kind VARCHAR(8) NOT NULL, epoch INTEGER NOT NULL,
    weights {blob} NOT NULL, PRIMARY KEY (data, kind, epoch));
CREATE TABLE checkpoints (data VARCHAR(12) NOT NULL, epoch INTEGER NOT NULL, content {blob} NOT NULL,
    PRIMARY KEY (data));
CREATE TABLE comparisons (id VARCHAR(12) NOT NULL, owner VARCHAR(200) NOT NULL, name VARCHAR(200) NOT NULL,
    comparison TEXT NOT NULL, created FLOAT(53) NOT NULL {comparisons}, PRIMARY KEY (id));
CREATE TABLE nnlab_schema (version INTEGER NOT NULL);
CREATE INDEX ix_runs_data ON runs (data);
CREATE INDEX runs_by_key ON runs ("key");
CREATE INDEX runs_by_owner ON runs (owner, created);
CREATE INDEX runs_by_state ON runs (state);
CREATE INDEX ix_comparisons_owner ON comparisons (owner);
"""
_CELLS = """CREATE TABLE cells (comparison VARCHAR(12) NOT NULL, place INTEGER NOT NULL, run VARCHAR(12) NOT NULL,
    reused BOOLEAN NOT NULL, PRIMARY KEY (comparison, place))"""
_CELL_RUNS = """
CREATE TABLE cell_runs (comparison VARCHAR(12) NOT NULL, place INTEGER NOT NULL, part INTEGER NOT NULL,
    run VARCHAR(12) NOT NULL, reused BOOLEAN NOT NULL, PRIMARY KEY (comparison, place, part));
CREATE INDEX ix_cell_runs_run ON cell_runs (run);
CREATE TABLE guesses (comparison VARCHAR(12) NOT NULL, owner VARCHAR(200) NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (comparison, owner))
"""
_TABLES = {
    1: _RUNS.replace("{runs}", "").replace("{comparisons}", "") + _CELLS,
    5: _RUNS.replace("{runs}", "engine VARCHAR(12), algorithm INTEGER NOT NULL, draft BOOLEAN NOT NULL,").replace(
        "{comparisons}", ", test_opened FLOAT(53), deleted FLOAT(53)"
    )
    + _CELL_RUNS,
}
_ADDED: dict[int, dict[str, dict[str, Any]]] = {
    1: {},
    5: {"runs": {"engine": None, "algorithm": 1, "draft": False}, "comparisons": {"deleted": None}},
}


def make(url: str, version: int) -> None:
    """A data base of this version (1 or 5) at an address where there is none."""
    engine = connect._create_engine(sa.make_url(url))
    postgresql = engine.dialect.name == "postgresql"
    types = {"blob": "BYTEA" if postgresql else "BLOB", "without_rowid": "" if postgresql else "WITHOUT ROWID"}
    with engine.begin() as db:
        for statement in _TABLES[version].format(**types).split(";\n"):
            db.exec_driver_sql(statement)
        db.exec_driver_sql(f"INSERT INTO nnlab_schema VALUES ({version})")
        tables = sa.MetaData()
        tables.reflect(db)
        for name, rows in released().items():
            table = tables.tables[name if name in tables.tables else "cells"]
            added = _ADDED[version].get(name, {})
            shown = [{column: value for column, value in (row | added).items() if column in table.c} for row in rows]
            db.execute(table.insert(), shown)
    engine.dispose()


def released() -> dict[str, list[dict[str, Any]]]:
    """The rows of version 0.1.0 by table."""
    names = ("runs", "metrics", "snapshots", "checkpoints", "comparisons", "cell_runs")
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(gzip.decompress(RELEASED.read_bytes()))
        db.row_factory = sqlite3.Row
        rows = {name: [dict(row) for row in db.execute(f"SELECT * FROM {name}")] for name in names}
    for name, column in (("runs", "extended"), ("cell_runs", "reused")):
        rows[name] = [row | {column: bool(row[column])} for row in rows[name]]
    return rows
