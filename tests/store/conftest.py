"""A store over SQLite always, and over PostgreSQL where NNLAB_TEST_POSTGRES_URL names one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nnlab.store import Store


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    made = Store(url)
    yield made
    made.close()
