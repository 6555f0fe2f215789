"""`nnlab serve`: the dashboard, from a checkout or an installed wheel."""

import runpy
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import click

import nnlab
from nnlab.cli.output import example
from nnlab.settings import settings

LOCAL = "127.0.0.1"


def dashboard() -> Path:
    """The file that Streamlit runs; `pages` and `.streamlit/config.toml` are beside it.

    In a checkout it is beside the package; a wheel brings it in `share/nnlab`. Where that is, the list of the installed
    files says; `pip install --target` moves them without changing the list.
    """
    package, installed = Path(nnlab.__file__).parent, distribution("nnlab")
    name = "share/nnlab/dashboard.py"
    listed = [file.locate() for file in installed.files or () if file.as_posix().endswith(name)]
    for path in (package.parent / "dashboard.py", *listed, installed.locate_file(name)):
        if (found := Path(str(path)).resolve()).is_file():
            return found
    raise click.ClickException("The dashboard's pages are missing: install nnlab anew, with pip.")


@click.command(epilog=example("serve", "serve --host 0.0.0.0 --port 8080 --headless"))
@click.option(
    "--host",
    envvar="STREAMLIT_SERVER_ADDRESS",
    metavar="ADDRESS",
    default=LOCAL,
    help=f"0.0.0.0: other machines too.  [default: {LOCAL}]",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="NUMBER",
    help="0: any that is free.  [default: the first from 8501 on that is free]",
)
@click.option("--headless", is_flag=True, help="Open no browser.")
@click.option("--base-path", metavar="PATH", help="Where a proxy shows the dashboard, as courses/nnlab.  [default: /]")
def serve(host: str, port: int | None, headless: bool, base_path: str | None) -> Any:
    """Start the dashboard and print its address; Ctrl-C ends it.

    The settings are those of docs/settings.md. Streamlit's own, as for HTTPS, are read from the environment (as
    STREAMLIT_SERVER_SSL_CERT_FILE) and from .streamlit/config.toml in the working folder."""
    settings()  # an invalid one is said here, not on every page
    options = {"server.address": host, "server.port": port, "server.baseUrlPath": base_path}
    given = [f"--{name}={value}" for name, value in options.items() if value is not None]
    sys.argv = ["streamlit", "run", str(dashboard()), *given, *(["--server.headless=true"] if headless else [])]
    try:
        runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code
