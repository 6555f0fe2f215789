"""What Prometheus reads about this server, in a registry of its own. Nothing in it names a person or an experiment."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from nnlab import __version__
from nnlab.jobs.machine import Machine
from nnlab.ui.server.session_limit import sessions
from nnlab.ui.shell.counts import counts
from nnlab.ui.shell.ticks import pace

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)  # the buckets of a tick


def registry(look: Callable[[], Machine | None]) -> CollectorRegistry:
    """All metrics. `look` gives the server as it is, or None while the store cannot be read."""
    every = CollectorRegistry()
    ProcessCollector(registry=every)
    every.register(_Server(look))
    ticks = Histogram("nnlab_tick_seconds", "Time to draw a live part of a page.", buckets=SECONDS, registry=every)
    pace.on_tick[:] = [ticks.observe]
    return every


class _Server(Collector):
    def __init__(self, look: Callable[[], Machine | None]) -> None:
        self._look = look

    def describe(self) -> Iterator[Metric]:
        """None, so that registering reads no store."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("nnlab_sessions", "Open pages: each has a connection.", sessions.open)
        yield GaugeMetricFamily("nnlab_live_pages", "Pages that are drawn again and again.", pace.pages)
        yield GaugeMetricFamily("nnlab_tick_stretch", "How much longer than usual pages wait for a tick.", pace.stretch)
        yield _labelled("nnlab_build_info", "The version of nnlab.", "version", {__version__: 1.0})
        sign_ins = CounterMetricFamily("nnlab_sign_ins", "Sign-ins by outcome.", labels=["outcome"])
        for outcome in ("accepted", "refused"):
            sign_ins.add_metric([outcome], counts[f"sign_in_{outcome}"])
        yield sign_ins
        machine = self._look()
        yield GaugeMetricFamily("nnlab_store_up", "Whether the data base can be read.", float(machine is not None))
        if machine is not None:
            yield from _of(machine)


def _of(machine: Machine) -> Iterator[Metric]:
    states = {str(state): float(n) for state, n in machine.states.items()}
    memory = {str(i): float(one.memory) for i, one in enumerate(machine.workers) if one.memory and one.known}
    trouble = {str(machine.trouble.kind): 1.0} if machine.trouble else {}
    yield _labelled("nnlab_runs", "Runs in the store by state.", "state", states)
    yield GaugeMetricFamily("nnlab_queue_length", "Runs that wait for a worker.", states["waiting"])
    wait = "Time that the run has waited which waits longest."
    yield GaugeMetricFamily("nnlab_queue_oldest_wait_seconds", wait, machine.oldest_wait)
    broken_off = "Runs that failed or were interrupted within a day, at most 20."
    yield GaugeMetricFamily("nnlab_runs_broken_off", broken_off, len(machine.broken_off))
    yield GaugeMetricFamily("nnlab_workers_wanted", "Workers that should be there.", machine.wanted)
    yield GaugeMetricFamily("nnlab_workers", "Workers that the scheduler knows.", machine.there)
    yield _labelled("nnlab_worker_memory_bytes", "Memory of each worker.", "worker", memory)
    yield _labelled("nnlab_trouble", "1 for what keeps workers from their work.", "kind", trouble)
    yield GaugeMetricFamily("nnlab_store_bytes", "Size of the data base.", machine.store)
    yield GaugeMetricFamily("nnlab_store_limit_bytes", "What it may have (NNLAB_MAX_STORE_MB).", machine.store_limit)
    yield GaugeMetricFamily("nnlab_disk_free_bytes", "Free space on the disk of NNLAB_HOME.", machine.disk_free)
    yield GaugeMetricFamily("nnlab_memory_free_bytes", "Free memory of the machine.", machine.memory_free)


def _labelled(name: str, documentation: str, label: str, values: dict[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for value, figure in values.items():
        family.add_metric([value], figure)
    return family
