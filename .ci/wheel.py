"""The installed wheel serves the dashboard: `nnlab serve`, far from any checkout, and a browser's first questions.

python .ci/wheel.py, with the Python of an environment in which only the wheel is installed.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

import nnlab

CHECKOUT = Path(__file__).parents[1]
OWN_CONFIG = '[server]\nmaxUploadSize = 200\nbaseUrlPath = "course"\n[theme.light]\nprimaryColor = "#000000"\n'
VIOLET = "#6440b0"


def nnlab_command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The installed command with `folder` as working folder and NNLAB_HOME."""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("nnlab")), *arguments],
        cwd=folder,
        env={**outside, "NNLAB_HOME": str(folder), "NNLAB_WARM": "0"},
        stdout=subprocess.PIPE,
        text=True,
    )


def trained(folder: Path) -> str:
    """The id of a run."""
    small = ("--set", "train.epochs=3", "--set", "train.engine=numpy")
    return str(json.loads(nnlab_command(folder, "train", "activations", *small).communicate()[0])["run"])


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of the dashboard."""
    process = nnlab_command(folder, "serve", "--port", "0", "--headless")
    try:
        assert process.stdout
        yield process.stdout.readline().removeprefix("nnlab: ").strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return bytes(answer.read())


async def page(url: str, name: str, query: str) -> list[ForwardMsg]:
    """What the server sends to who opens a page."""
    message, answers = BackMsg(), []
    message.rerun_script.page_name, message.rerun_script.query_string = name, query
    stream = url.replace("http", "ws") + "/_stcore/stream"
    async with websockets.connect(stream, subprotocols=["streamlit"], max_size=None, open_timeout=60) as socket:
        await socket.send(message.SerializeToString())
        while not answers or answers[-1].WhichOneof("type") != "script_finished":
            answers.append(ForwardMsg.FromString(await asyncio.wait_for(socket.recv(), 60)))
    return answers


def check(url: str, run: str) -> None:
    """The server answers, Home is shown, and Train with its film, in the colours of nnlab."""
    assert url.endswith("/course"), "the working folder's configuration counts for what nnlab leaves open"
    assert get(f"{url}/_stcore/health") == b"ok"
    assert b"<title>" in get(url)
    files = []
    for name, query, words in (("", "lang=en", "Build"), ("train", f"run={run}&lang=en", "epoch")):
        answers = asyncio.run(page(url, name, query))
        theme = next(one.new_session.custom_theme for one in answers if one.WhichOneof("type") == "new_session")
        assert theme.light.primary_color == VIOLET, theme
        shown = [one.delta.new_element for one in answers if one.WhichOneof("type") == "delta"]
        assert not [one.exception.message for one in shown if one.WhichOneof("type") == "exception"]
        assert words in " ".join(map(str, shown)), name
        parts = [one.bidi_component for one in shown if one.WhichOneof("type") == "bidi_component"]
        files += [f"{part.component_name}/{part.js_source_path}" for part in parts if part.js_source_path]
    assert files, "no film"
    for file in files:
        assert b"import" in get(f"{url}/_stcore/bidi-components/{file}")


def main() -> None:
    installed = Path(nnlab.__file__).resolve()
    assert CHECKOUT not in installed.parents, f"{installed} is not the wheel's"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / ".streamlit").mkdir()
        (Path(folder) / ".streamlit" / "config.toml").write_text(OWN_CONFIG, encoding="utf-8")
        run = trained(Path(folder))
        with serving(Path(folder)) as url:
            check(url, run)


if __name__ == "__main__":
    main()
