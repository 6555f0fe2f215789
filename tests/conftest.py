"""Shared fixtures. Every test has a home folder of its own; MNIST is read from where NNLAB_DATA_DIR points."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import sqlalchemy as sa
from xdist.scheduler import LoadScopeScheduling

from benchmarks import serving
from nnlab.settings import load_settings, settings
from nnlab.store import new_id

if TYPE_CHECKING:
    from nnlab.lab import Lab

hypothesis.settings.register_profile("nnlab", deadline=None, max_examples=60)  # tests judge no times
hypothesis.settings.load_profile("nnlab")

_BESIDE = Path(__file__).parents[2] / "shared" / "data"
_DATA_DIR = (  # decided before any test changes the environment
    _BESIDE if _BESIDE.is_dir() and not os.environ.get("NNLAB_DATA_DIR") else load_settings().data_dir
)
# the threads of PyTorch and of BLAS wait for one another longer than a small network takes; nnlab's training takes one
os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
os.environ.setdefault("NUMBA_CACHE_DIR", str(load_settings().home / "compiled"))  # compiled once, not for every home


class Scheduling(LoadScopeScheduling):
    """Two processes share the tests, a file at a time; one gets all browser tests, for one server and one browser."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "browser" if "/browser/" in path else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser tests start first: together they take longest."""
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: item.path.parent.name != "browser")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new NNLAB_HOME; no setting of the machine reaches a test but those named NNLAB_TEST_."""
    for name in [name for name in os.environ if name.startswith("NNLAB_") and not name.startswith("NNLAB_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NNLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NNLAB_WARM", "0")  # no workers but for who submits
    settings.cache_clear()
    yield tmp_path / "home"
    if "nnlab.lab" in sys.modules:
        sys.modules["nnlab.lab"].close_labs()
    settings.cache_clear()


@pytest.fixture(autouse=True)
def _own_event_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Playwright leaves its event loop marked as running, where other tests of the process could start none."""
    loop = None if request.node.get_closest_marker("browser") else asyncio._get_running_loop()
    if loop is None:
        yield
        return
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


@pytest.fixture
def json_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """This process logs as a server with NNLAB_LOG=json; gives the objects that it has written."""
    from nnlab import logs

    monkeypatch.setenv("NNLAB_LOG", "json")
    settings.cache_clear()
    stream, root, ours = io.StringIO(), logging.root, logging.getLogger("nnlab")
    handlers, level = root.handlers[:], ours.level
    monkeypatch.setattr(sys, "stderr", stream)
    logs.set_up("web")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = handlers
    ours.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of data sets that need a download, whether they are there or not."""
    return _DATA_DIR


@pytest.fixture(scope="session")
def mnist_source() -> Path:
    """The folder whose folder `mnist` holds the real MNIST, for fixtures that outlive a test."""
    from nnlab.datasets import mnist

    if not mnist.available(_DATA_DIR / "mnist"):
        why = f"needs the four MNIST files in {_DATA_DIR / 'mnist'}; `nnlab data fetch mnist` gets them"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    return _DATA_DIR


@pytest.fixture
def mnist_dir(home: Path, mnist_source: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As `mnist_source`, with NNLAB_DATA_DIR set to it for this test."""
    monkeypatch.setenv("NNLAB_DATA_DIR", str(mnist_source))
    settings.cache_clear()
    return mnist_source


@pytest.fixture
def with_codes(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with a login by code, a teacher and an administrator: `store.named("Ms Rivera")`."""
    monkeypatch.setenv("NNLAB_AUTH", "code")
    monkeypatch.setenv("NNLAB_TEACHERS", "Ms Rivera, Mr Okafor")
    monkeypatch.setenv("NNLAB_ADMINS", "Root")
    settings.cache_clear()
    return home


@pytest.fixture
def free_port() -> int:
    """A port nobody listens on."""
    return serving.free_port()


# -- data bases ------------------------------------------------------------------------------------------------------


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
    return _emptied(request.getfixturevalue("postgresql"))


@pytest.fixture
def one_url(request: pytest.FixtureRequest, home: Path) -> str:
    """An empty data base: PostgreSQL where NNLAB_TEST_POSTGRES_URL names one, for tests too dear to run over both."""
    postgresql = os.environ.get("NNLAB_TEST_POSTGRES_URL") or os.environ.get("CI") == "true"
    return _emptied(request.getfixturevalue("postgresql")) if postgresql else f"sqlite:///{home / 'nnlab.db'}"


@pytest.fixture
def lab(one_url: str, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab whose workers never start: runs wait until the test trains them, as by `nnlab.jobs.worker.work`."""
    from nnlab.jobs.dispatcher import Dispatcher
    from nnlab.lab import open_lab

    monkeypatch.setattr(Dispatcher, "start", lambda self: None)
    monkeypatch.setenv("NNLAB_DATABASE_URL", one_url)
    settings.cache_clear()
    return open_lab()


def _emptied(address: sa.URL) -> str:
    engine = sa.create_engine(address)
    with engine.begin() as db:
        db.exec_driver_sql(_EMPTY)
    engine.dispose()
    return address.set(drivername="postgresql").render_as_string(hide_password=False)
