"""The services of `compose.yaml` as processes of this machine: the very commands of the files, without containers.

Where a container has a name, a port or a folder of its own, the process has 127.0.0.1, a free port and a folder of the
test. nginx and PostgreSQL are those of this machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
import yaml

from benchmarks.serving import free_port

ROOT = Path(__file__).parents[1]
PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"))
NGINX = shutil.which("nginx", path=PATH)
PORTS = {"nginx": ("80", "443"), "dashboard-1": ("8501",), "dashboard-2": ("8501",), "scheduler": ("8786", "8787")}
WITHIN = 60  # seconds until a service must be healthy


class Service(NamedTuple):
    """What a container runs."""

    command: Sequence[str]
    environment: Mapping[str, str]
    health: Sequence[str] | None


def dockerfile(text: str) -> list[tuple[str, str]]:
    """The instructions of the image that a Dockerfile makes, without those of earlier stages."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found = [line.split(None, 1) for line in "\n".join(lines).replace("\\\n", "").splitlines() if line.strip()]
    last = max(place for place, (word, _) in enumerate(found) if word == "FROM")
    return [(word, rest) for word, rest in found[last:]]


def with_variables(part: Any, given: Mapping[str, str]) -> Any:
    """What Compose makes of `${NAME:-default}` and `${NAME:?message}` in a part of the file."""
    if isinstance(part, dict):
        return {name: with_variables(value, given) for name, value in part.items()}
    if isinstance(part, list):
        return [with_variables(value, given) for value in part]
    if not isinstance(part, str):
        return part

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if not given.get(name) and kind == "?":
            raise LookupError(f"{name}: {rest}")
        return given.get(name) or rest

    return re.sub(r"\$\{(\w+):([-?])([^}]*)\}", value, part)


def services(given: Mapping[str, str]) -> dict[str, Service]:
    """The services by their names, with what the image says where `compose.yaml` says nothing."""
    image: dict[str, Any] = {"ENV": {}}
    for word, rest in dockerfile((ROOT / "Dockerfile").read_text(encoding="utf-8")):
        if word == "ENV":
            image["ENV"] |= dict(pair.split("=", 1) for pair in rest.split())
        elif word in ("CMD", "HEALTHCHECK"):
            image[word] = json.loads(rest[rest.index("[") :])
    found = with_variables(yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"], given)
    made = {}
    for name, service in found.items():
        own = image if "build" in service else {"ENV": {}, "CMD": ["nginx"], "HEALTHCHECK": None}
        health = service.get("healthcheck", {})
        test = health["test"][1:] if "test" in health else None if health.get("disable") else own["HEALTHCHECK"]
        environment = own["ENV"] | service.get("environment", {})
        made[name] = Service(service.get("command", own["CMD"]), environment, test)
    return made


class Machine:
    """A folder and free ports in the place of containers.

    Parameters
    ----------
    folder : Path
        Empty.
    given : mapping
        What `.env` would say.
    database_url : str
        Of a data base that is there; the containers' own is not started.
    """

    def __init__(self, folder: Path, given: Mapping[str, str], database_url: str) -> None:
        self.folder, self.database_url = folder, database_url
        self.services = services({"POSTGRES_PASSWORD": "hidden", **given})
        self.ports = {(name, port): free_port() for name, ports in PORTS.items() for port in ports}
        self.url = f"https://127.0.0.1:{self.ports['nginx', '443']}"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for part in ("data", "tls", "home", "nginx/tls"):
            (folder / part).mkdir(parents=True)
        shutil.copytree(ROOT / "deploy" / "streamlit", folder / "home" / ".streamlit")

    def here(self, name: str, text: str) -> str:
        """What stands in a file of the service, as it must stand on this machine."""
        text = re.sub(r"postgresql://nnlab:hidden@database/nnlab", self.database_url, text)
        for (service, port), free in self.ports.items():
            text = text.replace(f"{service}:{port}", f"127.0.0.1:{free}")
            if service == name:
                text = re.sub(rf"(?<![.:\d])\b{port}\b|(?<=127\.0\.0\.1:){port}\b", str(free), text)
        folders = {"/data": "data", "/tls": "tls", "/home/nnlab": "home", "/opt/nnlab-compiled": "compiled"}
        for container, own in folders.items():
            text = re.sub(rf"(?<![\w/]){container}\b", str(self.folder / own), text)
        return text.replace("0.0.0.0", "127.0.0.1")

    def environment(self, name: str) -> dict[str, str]:
        """What the processes of the service find."""
        given = {key: self.here(name, value) for key, value in self.services[name].environment.items()}
        if compiled := os.environ.get("NUMBA_CACHE_DIR"):
            given["NUMBA_CACHE_DIR"] = compiled  # to compile anew takes long
        return {"PATH": PATH, "HOME": str(self.folder / "home"), "LANG": "C.UTF-8", **given}

    def command(self, name: str) -> list[str]:
        """The service's, for this machine."""
        if name == "nginx":
            return [str(NGINX), "-p", f"{self.folder}/nginx", "-c", str(self._nginx()), "-g", "daemon off;"]
        program, *arguments = [self.here(name, word) for word in self.services[name].command]
        # those of this Python, whatever stands first in the path
        return [sys.executable, "-m", program, *arguments] if program in ("dask", "nnlab") else [program, *arguments]

    def _nginx(self) -> Path:
        """Its configuration, which no other account of this machine has to read."""
        folder = self.folder / "nginx"
        own = f"pid {folder}/pid; error_log stderr;\nhttp {{\n" + "".join(
            f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = self.here("nginx", (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8"))
        (folder / "nginx.conf").write_text(text.replace("http {\n", own, 1), encoding="utf-8")
        subject = ["-subj", "/CN=127.0.0.1", "-days", "2", "-newkey", "rsa:2048", "-nodes"]
        files = ["-keyout", str(folder / "tls" / "site.key"), "-out", str(folder / "tls" / "site.pem")]
        subprocess.run(["openssl", "req", "-x509", *subject, *files], check=True, capture_output=True)
        return folder / "nginx.conf"

    def start(self, *names: str) -> None:
        """Start services; all must become healthy."""
        for name in names:
            self.running[name] = subprocess.Popen(
                self.command(name),
                cwd=self.folder / "home",
                env=self.environment(name),
                stdin=subprocess.DEVNULL,
                stdout=(self.folder / f"{name}.log").open("ab"),
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + WITHIN
        for name in names:
            while not self.healthy(name):
                if self.running[name].poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{name} did not start:\n{(self.folder / f'{name}.log').read_text()}")
                time.sleep(0.1)

    def run(self, name: str) -> None:
        """Run a service that ends."""
        subprocess.run(self.command(name), check=True, env=self.environment(name), capture_output=True)

    def healthy(self, name: str) -> bool:
        """What the service's health check says; True if it has none."""
        test = self.services[name].health
        if test is None:
            return True
        environment = self.environment(name)
        if name == "database":
            address = sa.make_url(self.database_url)
            environment |= {"PGHOST": address.host or "", "PGPORT": str(address.port)}
        command = [self.here(name, word) for word in test]
        return subprocess.run(command, env=environment, capture_output=True, timeout=30).returncode == 0

    def stop(self, *names: str) -> None:
        """End services, as `docker compose stop` does."""
        for name in names:
            process = self.running.pop(name)
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def close(self) -> None:
        """End all at once: nothing of the test is kept."""
        for process in self.running.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.running.clear()


def needs_nginx() -> None:
    """Skip the test without nginx; in CI nothing is skipped."""
    if NGINX is None:
        if os.environ.get("CI") == "true":
            pytest.fail("nginx is missing; in CI nothing is skipped.")
        pytest.skip("no nginx here: install Debian's `nginx-light`")
