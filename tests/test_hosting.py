"""The files for a server: nginx with two stand-ins for dashboards; what Dockerfile and compose.yaml say."""

import http.client
import http.server
import json
import re
import shlex
import ssl
import threading
from contextlib import closing
from pathlib import Path

import click
import pytest
from containers import ROOT, Machine, dockerfile, needs_nginx, services

from nnlab.cli.commands import cli

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IMAGE = dockerfile(DOCKERFILE)
UNIT = (ROOT / "deploy" / "nnlab.service").read_text(encoding="utf-8")
VISITOR = "nnlab_visitor=v-{:022}"


class Dashboards:
    """Two servers that answer with their number and the request's headers, and nginx before them."""

    def __init__(self, folder: Path) -> None:
        self.machine = Machine(folder, {}, "sqlite://")
        self.servers: list[http.server.ThreadingHTTPServer] = []
        for number in (1, 2):
            port = self.machine.ports[f"dashboard-{number}", "8501"]
            server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self._handler(number))
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            self.servers.append(server)
        self.machine.start("nginx")

    def _handler(self, number: int) -> type[http.server.BaseHTTPRequestHandler]:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/javascript")
                self.end_headers()
                self.wfile.write(json.dumps([number, dict(self.headers)]).encode())

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def ask(self, method: str = "GET", body: bytes | None = None, tls: bool = True, **headers: str):
        """Status, headers and content of an answer."""
        if tls:
            port, unchecked = self.machine.ports["nginx", "443"], ssl._create_unverified_context()
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=unchecked)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.machine.ports["nginx", "80"], timeout=30)
        with closing(connection):
            connection.request(method, "/train?run=a", body, {k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def number(self, **headers: str) -> int:
        """Which dashboard answers."""
        return int(json.loads(self.ask(**headers)[2])[0])

    def seen(self, **headers: str) -> dict[str, str]:
        """The headers that a dashboard gets."""
        return dict(json.loads(self.ask(**headers)[2])[1])

    def end(self, number: int) -> None:
        self.servers[number - 1].shutdown()
        self.servers[number - 1].server_close()


@pytest.fixture(scope="module")
def dashboards(tmp_path_factory):
    needs_nginx()
    made = Dashboards(tmp_path_factory.mktemp("nginx"))
    yield made
    made.machine.close()
    for number in (1, 2):
        made.end(number)


def test_every_browser_stays_with_one_dashboard_and_a_class_uses_both(dashboards):
    numbers = [[dashboards.number(Cookie=VISITOR.format(who)) for _ in range(3)] for who in range(12)]
    assert all(len(set(own)) == 1 for own in numbers)
    assert {own[0] for own in numbers} == {1, 2}


def test_without_a_cookie_the_same_browser_gets_the_same_dashboard(dashboards):
    assert len({dashboards.number(User_Agent="Firefox") for _ in range(4)}) == 1


def test_a_dashboard_hears_of_the_visitor_and_not_what_the_visitor_made_up(dashboards):
    made_up = {"X_Forwarded_For": "192.0.2.1", "X_Forwarded_Proto": "http", "Host": "nnlab.example"}
    seen = dashboards.seen(**made_up, Upgrade="websocket", Connection="Upgrade")
    assert (seen["X-Forwarded-For"], seen["X-Forwarded-Proto"]) == ("127.0.0.1", "https")
    assert seen["Host"] == "nnlab.example"
    assert (seen["Upgrade"], seen["Connection"]) == ("websocket", "upgrade")


def test_nobody_stays_without_encryption(dashboards):
    status, headers, _ = dashboards.ask(tls=False, Host="nnlab.example")
    assert (status, headers["Location"]) == (301, "https://nnlab.example/train?run=a")
    assert "max-age" in dashboards.ask()[1]["Strict-Transport-Security"]


def test_a_large_body_is_refused_and_a_long_cookie_is_not(dashboards):
    assert dashboards.ask("POST", b"x" * 70_000)[0] == 413
    assert dashboards.ask(Cookie="a=" + "x" * 20_000)[0] == 200


def test_what_a_page_loads_is_compressed(dashboards):
    assert dashboards.ask(Accept_Encoding="gzip")[1]["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in dashboards.ask()[1]


def test_visitors_of_a_dashboard_that_ends_are_served_by_the_other(dashboards):
    visitors = [VISITOR.format(who) for who in range(12)]
    dashboards.end(1)
    assert [dashboards.number(Cookie=one) for one in visitors] == [2] * 12


def test_the_image_is_not_of_root_and_installs_what_was_tested():
    words = [word for word, _ in IMAGE]
    user = dict(IMAGE)["USER"]
    assert f"useradd --uid 10001 --create-home {user}" in [rest for word, rest in IMAGE if word == "RUN"]
    assert words.index("USER") < words.index("CMD")
    installs = [rest for word, rest in IMAGE if word == "RUN" and "pip install" in rest]
    assert installs
    assert all("-c /wheels/constraints.txt" in one for one in installs)


def test_the_image_brings_the_compiled_engine():
    warm, volume = IMAGE.index(("RUN", "nnlab warm")), dict(IMAGE)["VOLUME"]
    folder = next(rest for word, rest in IMAGE[:warm] if word == "ENV" and "NUMBA" in rest).split("NUMBA_CACHE_DIR=")[1]
    assert not folder.startswith(volume), "the volume would hide it"


def test_what_is_copied_into_the_image_is_in_the_context():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert {"constraints.txt", "dashboard.py", "nnlab", "pages", "pyproject.toml", ".streamlit", "README.md"} <= allowed
    assert all((ROOT / name).exists() for name in allowed)


def test_the_commands_that_start_dashboards_are_commands_of_nnlab():
    image = json.loads(dict(IMAGE)["CMD"])
    unit = shlex.split(re.search(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)[1])
    for program, *arguments in (image, unit):
        assert Path(program).name == "nnlab"
        command = cli.commands[arguments[0]]
        context = command.make_context("serve", arguments[1:], ignore_unknown_options=False)
        assert context.params["headless"]


def test_no_secret_is_in_the_files():
    with pytest.raises(LookupError, match="POSTGRES_PASSWORD"):
        services({})
    found = services({"POSTGRES_PASSWORD": "s3cret"})
    users = {name for name, service in found.items() if "s3cret" in str(service)}
    assert users == {"database", "dashboard-1", "dashboard-2", "workers"}


HOSTING = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")


def typed(line: str) -> list[str]:
    """The words of a command, which may stand in the quotes of another."""
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return shlex.split(line.rstrip("'"))


def test_the_documents_commands_and_files_are_there():
    code = "".join(re.findall(r"^```(?:ba)?sh\n(.*?)^```", HOSTING, re.DOTALL | re.MULTILINE))
    lines = re.findall(rf"(?<![\w./-])(?:/opt/nnlab/bin/)?nnlab ((?:{'|'.join(cli.commands)})\b[^|>;\n]*)", code)
    assert len(lines) > 3
    for line in lines:
        words, command = typed(line), cli
        while words and isinstance(command, click.Group):
            assert words[0] in command.commands, line
            command, words = command.commands[words[0]], words[1:]
        command.make_context(command.name, words)
    files = re.findall(r"\]\(\.\./([^)#]+)\)", HOSTING) + re.findall(r"`((?:deploy|tests|\.ci)/[\w./]+)`", HOSTING)
    assert files
    assert [file for file in files if not (ROOT / file).exists() and not file.startswith("deploy/tls")] == []
