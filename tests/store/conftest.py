"""A store over SQLite always, and over PostgreSQL where NNLAB_TEST_POSTGRES_URL names one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from nnlab.store import Store, new_id


@pytest.fixture(scope="session")
def postgresql() -> Iterator[sa.URL]:
    """A data base of this process; `url` empties it, which takes less time than making one."""
    server = os.environ.get("NNLAB_TEST_POSTGRES_URL")
    if not server:
        why = "needs NNLAB_TEST_POSTGRES_URL, the URL of a PostgreSQL that may make data bases"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    address = sa.make_url(server).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    name = f"nnlab_test_{new_id().lower()}"
    with admin.connect() as db:
        db.execute(sa.text(f"CREATE DATABASE {name}"))
    yield address.set(database=name)
    with admin.connect() as db:
        db.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


_EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, home: Path) -> str:
    """An empty data base."""
    if request.param == "sqlite":
        return f"sqlite:///{home / 'nnlab.db'}"
    address: sa.URL = request.getfixturevalue("postgresql")
    engine = sa.create_engine(address)
    with engine.begin() as db:
        db.exec_driver_sql(_EMPTY)
    engine.dispose()
    return address.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    made = Store(url)
    yield made
    made.close()
