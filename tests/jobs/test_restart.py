"""The whole server killed by SIGKILL: the next one trains what is unfinished, though nobody opens a page."""

import contextlib
import time
from pathlib import Path

from benchmarks.serving import Server
from nnlab.spec import Experiment
from nnlab.store import Run, Store

LONG = Experiment().set({"data.n_samples": 5000, "model.hidden": [64, 64], "train.epochs": 80, "train.engine": "numpy"})


def test_runs_go_on_after_a_restart_without_a_page(tmp_path: Path, data_dir: Path) -> None:
    server = Server(tmp_path, NNLAB_DATA_DIR=str(data_dir), NNLAB_STALE_AFTER="3", NNLAB_WORKERS="1")
    with contextlib.closing(Store(server.database_url)) as store:
        ids = [store.create_run(LONG, [seed], "ana").id for seed in (0, 1)]  # one trains, the other waits

        def runs() -> list[Run]:
            return store.runs(ids=ids)

        def until(epoch: int) -> None:
            end = time.monotonic() + 200
            while sum(run.epoch for run in runs()) < epoch:
                assert time.monotonic() < end, "nothing trains"
                time.sleep(0.05)

        server.start()
        try:
            until(10)
            server.kill()
            assert all(run.active for run in runs())
            server.start()
            until(2 * LONG.train.epochs)
        finally:
            server.stop()
        assert [run.state for run in runs()] == ["finished"] * 2
        for run in ids:
            assert list(store.metrics(run).frame()["epoch"]) == list(range(1, LONG.train.epochs + 1))
