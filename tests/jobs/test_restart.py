"""The whole server killed by SIGKILL: the next one trains what is unfinished, though nobody opens a page."""

import contextlib
import sqlite3
from pathlib import Path

from waiting import until

from benchmarks.serving import Server
from nnlab.spec import Experiment
from nnlab.store import Run, Store

LONG = Experiment().set({"data.n_samples": 5000, "model.hidden": [64, 64], "train.epochs": 40, "train.engine": "numpy"})


def test_runs_go_on_after_a_restart_without_a_page(tmp_path: Path, data_dir: Path) -> None:
    """Also where the next server cannot use the data base at first."""
    server = Server(tmp_path, NNLAB_DATA_DIR=str(data_dir), NNLAB_STALE_AFTER="3", NNLAB_WORKERS="1")

    def version(change: str) -> None:
        with contextlib.closing(sqlite3.connect(tmp_path / "nnlab.db", timeout=30)) as db, db:
            db.execute(f"UPDATE nnlab_schema SET version = version {change}")

    with contextlib.closing(Store(server.database_url)) as store:
        ids = [store.create_run(LONG, [seed], "ana").id for seed in (0, 1)]  # one trains, the other waits

        def runs() -> list[Run]:
            return store.runs(ids=ids)

        server.start()
        try:
            until(lambda: any(run.epoch > 2 for run in runs()))
            server.kill()
            assert any(run.active for run in runs())  # the one that waits at least
            version("+ 90")  # of a newer nnlab
            server.start()
            until(lambda: "the lab cannot be opened" in server.log.read_text())
            version("- 90")
            until(lambda: not any(run.active for run in runs()))
        finally:
            server.stop()
        assert [run.state for run in runs()] == ["finished"] * 2
        for run in ids:
            assert list(store.metrics(run).frame()["epoch"]) == list(range(1, LONG.train.epochs + 1))
