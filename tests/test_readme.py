"""What the README shows can be typed as it stands."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from nnlab import presets
from nnlab.cli.commands import cli

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COMMANDS = [line.partition("#")[0].strip() for line in re.findall(r"^\$ nnlab (.*)$", README, re.MULTILINE)]


def test_the_python_example_runs():
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    names: dict[str, object] = {}
    exec(code[1], names)
    assert len(names["table"]) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_works(command, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    small = presets["activations"].set({"train.epochs": 3})
    (tmp_path / "moons.json").write_text(small.to_json(), encoding="utf-8")
    if "mnist" in command:
        request.getfixturevalue("mnist_dir")
    if "RUN" in command:
        trained = CliRunner().invoke(cli, ["train", "moons.json"])
        command = command.replace("RUN", json.loads(trained.stdout)["run"])
    done = CliRunner().invoke(cli, shlex.split(command))
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() or "--csv" in command
