"""The two walls: no Streamlit below the pages, neither PyTorch nor Numba in the web process."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnlab import presets
from nnlab.lab import open_lab

ROOT = Path(__file__).parents[1]
UI = ROOT / "nnlab" / "ui"
LOWER = sorted(path for path in (ROOT / "nnlab").rglob("*.py") if UI not in path.parents)

VISIT = """
import sys
from pathlib import Path

import pytest
from page_app import lose_no_time
from streamlit.testing.v1 import AppTest

from nnlab import presets
from nnlab.lab import open_lab

lose_no_time(pytest.MonkeyPatch())


def check(*where):
    assert not {"torch", "numba", "alembic"} & set(sys.modules), where


owner, runs = sys.argv[1], sys.argv[2:]
lab = open_lab()
check("before any page")
app = AppTest.from_file("dashboard.py", default_timeout=60)
app.session_state["visitor"] = owner
app.query_params["lang"] = "en"
app.run()
assert not app.exception, app.exception
check("dashboard.py")
links = [{}, *({"run": run} for run in runs), presets["binary"].to_query()]
tabs = ["What each neuron detects", "Try it", "Right and wrong", "Statistics"]
seen = 0
for script in sorted(Path("pages").glob("*.py")):
    shows_runs = script.stem in ("train", "inspect")
    for link in links if shows_runs else (links[0], links[-1]):
        for tab in tabs if script.stem == "inspect" and "run" in link else [""]:
            app.query_params.clear()
            for name, value in {**link, "lang": "en"}.items():
                app.query_params[name] = value
            if tab:
                app.session_state["inspect-below"] = tab
            app.switch_page(str(script)).run()
            assert not app.exception, (script, link, tab, app.exception)
            check(script, link, tab)
            seen += 1
print("seen", seen)
"""


def imported(path: Path) -> set[str]:
    """The packages a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


@pytest.mark.parametrize("path", LOWER, ids=lambda path: str(path.relative_to(ROOT)))
def test_below_the_pages_nothing_knows_streamlit(path):
    above = [name for name in imported(path) if name.split(".")[0] == "streamlit" or name.startswith("nnlab.ui")]
    assert above == []


def test_every_page_module_lies_where_the_wall_looks():
    assert {"nnlab/spec/experiment.py", "nnlab/charts/base.py", "nnlab/scratch/network.py"} <= {
        str(path.relative_to(ROOT)) for path in LOWER
    }
    assert any("streamlit" in imported(path) for path in UI.rglob("*.py"))


def test_pages_and_their_modules_name_neither_torch_nor_numba():
    for path in [ROOT / "dashboard.py", *(ROOT / "pages").glob("*.py"), *UI.rglob("*.py")]:
        assert not [name for name in imported(path) if name.split(".")[0] in ("torch", "numba")], path


def test_the_web_process_imports_neither_torch_nor_numba_whatever_page_is_seen(home):
    """Runs are trained in this process and every page is visited in another, as the dashboard does it."""
    owner = "v-" + "w" * 22
    quick = [presets[name].vary("epochs", 2) for name in ("activations", "binary", "celsius")]
    runs = [open_lab().train_here(one, 2, owner=owner).id for one in quick]
    command = [sys.executable, "-c", VISIT, owner, *runs]
    where = os.pathsep.join([str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": where}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "seen" in done.stdout
