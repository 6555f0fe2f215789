"""`nnlab serve` finds the pages wherever nnlab is installed, and a wheel has all that they need."""

import sys
import tomllib
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from click.testing import CliRunner
from streamlit import config

import nnlab
from nnlab.cli import serve
from nnlab.cli.commands import cli, run_command

ROOT = Path(__file__).parents[2]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def test_a_wheel_has_every_file_of_the_package():
    package = ROOT / "nnlab"
    packed = {file for pattern in SETUPTOOLS["package-data"]["nnlab"] for file in package.glob(pattern)}
    files = {file for file in package.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    assert {file.relative_to(ROOT) for file in files - packed if file.suffix != ".py"} == set()
    folders = {file.parent for file in files if file.suffix == ".py"}
    assert [folder for folder in folders if not (folder / "__init__.py").exists() and folder.name != "versions"] == []


def test_a_wheel_has_what_streamlit_runs():
    packed = {
        Path(folder, file.name): file
        for folder, patterns in SETUPTOOLS["data-files"].items()
        for pattern in patterns
        for file in ROOT.glob(pattern)
    }
    files = [ROOT / "dashboard.py", ROOT / ".streamlit" / "config.toml", *(ROOT / "pages").iterdir()]
    wanted = {Path("share/nnlab", file.relative_to(ROOT)): file for file in files if file.is_file()}
    assert packed == wanted


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """`installed(site, share, listed)`: nnlab in the folder `site`, its data in `share`, listed as in `listed`."""

    def install(site: str, share: str | None, listed: str) -> Path:
        metadata = tmp_path / site / "nnlab-1.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "RECORD").write_text(f"nnlab/__init__.py,,\n{listed}/share/nnlab/dashboard.py,,\n")
        monkeypatch.setattr(nnlab, "__file__", str(tmp_path / site / "nnlab" / "__init__.py"))
        monkeypatch.setattr(serve, "distribution", lambda name: PathDistribution(metadata))
        if share is not None:
            (tmp_path / share / "share" / "nnlab").mkdir(parents=True)
            (tmp_path / share / "share" / "nnlab" / "dashboard.py").touch()
        return tmp_path

    return install


@pytest.mark.parametrize(
    ("site", "share", "listed"),
    [
        ("venv/lib/python3.11/site-packages", "venv", "../../.."),
        ("local/lib/python3.12/site-packages", "local", "../../.."),  # --user
        ("target", "target", "../.."),  # --target
    ],
)
def test_the_pages_are_found_where_pip_puts_them(installed, site, share, listed):
    folder = installed(site, share, listed)
    assert serve.dashboard() == folder / share / "share" / "nnlab" / "dashboard.py"


def test_in_a_checkout_the_pages_are_beside_the_package():
    assert serve.dashboard() == ROOT / "dashboard.py"


def test_missing_pages_are_a_sentence(installed, capsys):
    installed("venv/lib/python3.11/site-packages", None, "../../..")
    assert run_command(["serve"]) == 1
    assert capsys.readouterr().err == "The dashboard's pages are missing: install nnlab anew, with pip.\n"


@pytest.fixture
def started(monkeypatch):
    """The command lines that Streamlit got; it ends with code 3."""
    seen = []

    def run_module(name, **options):
        seen.append((name, sys.argv[1:]))
        raise SystemExit(3)

    monkeypatch.setattr(sys, "argv", ["nnlab"])
    monkeypatch.setattr(serve.runpy, "run_module", run_module)
    return seen


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], ["--server.address=127.0.0.1"]),
        (["--host", "0.0.0.0", "--port", "80"], ["--server.address=0.0.0.0", "--server.port=80"]),
        (["--port", "0"], ["--server.address=127.0.0.1", "--server.port=0"]),
        (["--base-path", "a/b"], ["--server.address=127.0.0.1", "--server.baseUrlPath=a/b"]),
        (["--headless"], ["--server.address=127.0.0.1", "--server.headless=true"]),
    ],
)
def test_streamlit_gets_the_options_and_its_exit_code_is_ours(started, arguments, options):
    assert run_command(["serve", *arguments]) == 3
    assert started == [("streamlit", ["run", str(ROOT / "dashboard.py"), *options])]


def test_an_invalid_setting_or_option_is_a_sentence_and_starts_nothing(started, monkeypatch):
    assert CliRunner().invoke(cli, ["serve", "--port", "65536"]).exit_code == 2
    monkeypatch.setenv("NNLAB_WORKERS", "many")
    assert run_command(["serve"]) == 2
    assert started == []


def test_our_options_win_over_the_working_folders_which_count_where_we_say_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "_main_script_path", str(serve.dashboard()))
    own = str(tmp_path / ".streamlit")
    assert config.get_config_files("config.toml")[1:] == [f"{own}/config.toml", str(ROOT / ".streamlit/config.toml")]
    assert f"{own}/secrets.toml" in config.get_config_files("secrets.toml")
