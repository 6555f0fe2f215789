"""The browser's modules: their unit tests, which Node runs, and their way into an installed package."""

import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_modules_of_the_network_view_compute_what_they_promise(node):
    done = subprocess.run([node, "--test", Path(__file__).parent / "units.test.js"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_an_installed_package_has_the_files_of_the_component():
    with (ROOT / "pyproject.toml").open("rb") as file:
        patterns = tomllib.load(file)["tool"]["setuptools"]["package-data"]["nnlab"]
    package = ROOT / "nnlab"
    with (package / "pyproject.toml").open("rb") as file:
        (component,) = tomllib.load(file)["tool"]["streamlit"]["component"]["components"]
    folder = package / component["asset_dir"]
    needed = {package / "pyproject.toml", *folder.glob("*.js"), *folder.glob("*.css")}
    assert len(needed) > 2
    assert needed <= {path for pattern in patterns for path in package.glob(pattern)}
