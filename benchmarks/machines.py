"""A scheduler over TLS, two workers on machines of their own, PostgreSQL and two servers; a worker is cut off mid-run.

    python -m benchmarks.machines

As root on Linux each worker gets a network, process numbers and a name of its own (namespaces), otherwise a process and
a home. Certificate, scheduler and workers are started by the commands of docs/hosting.md.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import dask
import psutil

from benchmarks.faults.postgres import Postgres
from benchmarks.serving import free_port
from nnlab.catalogue.presets import presets
from nnlab.datasets import mnist
from nnlab.lab import Lab
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.store import Run, Store

HOSTING = Path(__file__).parents[1] / "docs" / "hosting.md"
NETWORK = "10.77.0"  # its first three numbers
QUICK = ("binary", "activations", "mnist", "celsius")
LONG = Experiment().set(
    {"data.n_samples": 4000, "model.hidden": [64, 64], "train.epochs": 300, "train.engine": "numpy"}
)
FEW_EPOCHS = 5  # after which a worker is cut off


def documented(program: str) -> list[str]:
    """The first command of docs/hosting.md that begins with these words."""
    found = re.search(rf"^ *({program} .*)$", HOSTING.read_text(), re.MULTILINE)
    assert found, program
    return shlex.split(found[1])


class Machines:
    """A scheduler and workers, each with a home of its own, and with namespaces of its own if there is a bridge."""

    def __init__(self, folder: Path, database: str, bridge: str | None = None) -> None:
        self.folder, self.database, self.bridge = folder, database, bridge
        self.host = f"{NETWORK}.1" if bridge else "127.0.0.1"
        self.port = free_port(self.host)
        self.address = f"tls://{self.host}:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        subprocess.run(documented("openssl req"), cwd=folder, check=True, capture_output=True)
        self.tls = {"CA_FILE": "dask.pem"}
        for who in ("SCHEDULER", "WORKER", "CLIENT"):
            self.tls |= {f"{who}__CERT": "dask.pem", f"{who}__KEY": "dask.key"}
        command = documented("dask scheduler")
        command[command.index("--port") + 1] = str(self.port)
        command[command.index("--dashboard-address") + 1] = "127.0.0.1:0"
        self._start("scheduler", [*command, "--host", self.host])

    def worker(self, name: str, threads: int = 1, *options: str) -> subprocess.Popen[bytes]:
        """Start one."""
        command = documented("dask worker")
        command[2] = self.address
        for option, value in (("--nworkers", "1"), ("--nthreads", str(threads))):
            command[command.index(option) + 1] = value
        inside = self._namespaces(name) if self.bridge else []
        return self._start(name, [*command, "--name", name, *options], inside)

    def _start(self, name: str, command: list[str], inside: list[str] | None = None) -> subprocess.Popen[bytes]:
        tls = {f"DASK_DISTRIBUTED__COMM__TLS__{key}": str(self.folder / file) for key, file in self.tls.items()}
        own = {"NNLAB_HOME": str(self.folder / name), "NNLAB_DATABASE_URL": self.database, "OMP_NUM_THREADS": "1"}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("NNLAB_")}
        program = [*(inside or []), sys.executable, "-m", "dask", *command[1:]]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(program, cwd=self.folder, env=kept | tls | own, stdout=log, stderr=log)
        self.processes[name] = process
        return process

    def _namespaces(self, name: str) -> list[str]:
        """The words before a command that give it a network, process numbers and a host name of its own."""
        if name not in self.processes:
            _ip(f"netns add {name}")
            _ip(f"link add {name} type veth peer name eth0 netns {name}")
            _ip(f"link set {name} master {self.bridge} up")
            _ip(f"-n {name} addr add {NETWORK}.{len(self.processes) + 10}/24 dev eth0")
            for device in ("eth0", "lo"):
                _ip(f"-n {name} link set {device} up")
        alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts"]
        return ["ip", "netns", "exec", name, *alone, "sh", "-c", f'hostname {name}; exec "$@"', "sh"]

    def use(self) -> None:
        """Give this process the certificate, as the environment of a dashboard does."""
        names = {f"distributed.comm.tls.{key.lower().replace('__', '.')}": file for key, file in self.tls.items()}
        dask.config.set({name: str(self.folder / file) for name, file in names.items()})

    def everything_of(self, name: str) -> list[psutil.Process]:
        """The processes of a worker."""
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.processes[name].pid)
            return [first, *first.children(recursive=True)]
        return []

    def signal(self, name: str, number: int) -> None:
        """Send a signal to all processes of a worker."""
        for one in self.everything_of(name):
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)

    def close(self) -> None:
        for name, process in self.processes.items():
            self.signal(name, signal.SIGKILL)
            process.wait()
            if self.bridge and name != "scheduler":
                with suppress(subprocess.CalledProcessError):
                    _ip(f"netns del {name}")


def _ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True, capture_output=True)


def until(see: Callable[[], object], seconds: float = 180) -> float:
    """Wait until something is true; the seconds it took."""
    began = time.monotonic()
    while not see():
        if time.monotonic() - began > seconds:
            raise TimeoutError("it never came")
        time.sleep(0.02)
    return time.monotonic() - began


def epoch_of(lab: Lab, run: Run) -> int:
    return lab.store.runs(ids=[run.id])[0].epoch


def is_equal(lab: Lab, run: Run, alone: Run) -> bool:
    """Whether two runs have the same curves, scores and weights, bit by bit."""
    curves = [lab.metrics(one.id).drop(columns="seconds") for one in (run, alone)]
    found = [lab.run(one.id) for one in (run, alone)]
    weights = [lab.snapshot(one.id) for one in (run, alone)]
    assert all(found)
    assert all(weights)
    scores = [one.results["test"] if one and one.results else None for one in found]
    same = all(array.tobytes() == weights[1][1][name].tobytes() for name, array in weights[0][1].items())  # type: ignore[index]
    return bool(curves[0].equals(curves[1]) and scores[0] == scores[1] and same)


class Cut:
    """A way to cut a worker off, and to bring it back."""

    def __init__(self, machines: Machines) -> None:
        self.machines = machines

    def suspend(self, name: str) -> None:
        self.machines.signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self.machines.signal(name, signal.SIGCONT)

    def unplug(self, name: str) -> None:
        _ip(f"link set {name} down")

    def plug(self, name: str) -> None:
        """A worker without its scheduler ends; a service manager starts it again."""
        _ip(f"link set {name} up")
        self.again(name)

    def kill(self, name: str) -> None:
        self.machines.signal(name, signal.SIGKILL)

    def again(self, name: str) -> None:
        self.machines.processes[name].wait()
        self.machines.worker(name)


def measure(machines: Machines, one: Lab, two: Lab) -> None:
    """Print what the servers see."""
    print(f"two workers there after {until(lambda: one.machine().there == 2):.1f} s", flush=True)
    began = time.monotonic()
    runs = {name: (one, two)[i % 2].submit(presets[name], 1, "ana") for i, name in enumerate(QUICK)}
    until(lambda: all(not now.active for run in runs.values() if (now := two.run(run.id))))
    assert {two.run(run.id).state for run in runs.values()} == {"finished"}  # type: ignore[union-attr]
    print(f"{', '.join(QUICK)}: finished after {time.monotonic() - began:.1f} s", flush=True)
    alone = one.train_here(LONG, 2, "ana")  # of the same owner, who gets no copy
    cut = Cut(machines)
    ways = [("killed (kill -9)", cut.kill, cut.again), ("suspended (SIGSTOP)", cut.suspend, cut.resume)]
    if machines.bridge:
        ways.append(("network cut", cut.unplug, cut.plug))
    for words, off, on in ways:
        run = one.submit(LONG, 2, "ana", reuse=False)
        until(lambda run=run: epoch_of(one, run) >= FEW_EPOCHS)
        name = next(process for found, process in one.store.in_training() if found.id == run.id)
        victim = next(worker["name"] for worker in one._dispatcher.workers.values() if worker["process"] == name)
        off(victim)
        until(lambda run=run: one.store.runs(ids=[run.id])[0].state == "running")
        last = epoch_of(one, run)
        began = time.monotonic()
        until(lambda run=run, last=last: epoch_of(one, run) > last)
        seconds = time.monotonic() - began
        until(lambda run=run: not one.store.runs(ids=[run.id])[0].active)
        on(victim)
        equal = "equal" if is_equal(one, run, alone) else "NOT EQUAL"
        attempts = one.store.runs(ids=[run.id])[0].attempts
        print(f"{words}: next epoch after {seconds:.1f} s, result {equal}, attempts {attempts}", flush=True)
        print(f"  the worker is back after {until(lambda: one.machine().there == 2, 300):.1f} s", flush=True)


def main() -> None:
    bridge = "nnlab-bridge" if os.geteuid() == 0 and shutil.which("ip") and shutil.which("unshare") else None
    folder = Path(tempfile.mkdtemp(prefix="nnlab-machines-"))
    folder.chmod(0o711)
    source = settings().data_dir
    if bridge:
        _ip(f"link add {bridge} type bridge")
        _ip(f"addr add {NETWORK}.1/24 dev {bridge}")
        _ip(f"link set {bridge} up")
    server = Postgres(folder / "postgres", NETWORK if bridge else None)
    database = server.url(host=f"{NETWORK}.1" if bridge else "127.0.0.1")
    machines = Machines(folder, database, bridge)
    try:
        own = {"NNLAB_HOME": folder / "web", "NNLAB_DATABASE_URL": database, "NNLAB_SCHEDULER": machines.address}
        os.environ |= {name: str(value) for name, value in own.items()}
        os.environ.pop("NNLAB_DATA_DIR", None)
        settings.cache_clear()
        machines.use()
        with closing(Lab(Store(database))) as one, closing(Lab(Store(database))) as two:
            files = {f"mnist/{file.name}": (source / "mnist" / file.name).read_bytes() for file in mnist.FILES}
            one.store.store_data_files(files)
            one._dispatcher.start()
            two._dispatcher.start()
            for name in ("worker1", "worker2"):
                machines.worker(name)
            print(f"workers in {'namespaces' if bridge else 'processes'} of their own, PostgreSQL, two servers")
            measure(machines, one, two)
    finally:
        machines.close()
        server.stop()
        if bridge:
            _ip(f"link del {bridge}")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
