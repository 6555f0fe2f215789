"""Nothing that runs code when it is read is stored or read."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNS_CODE = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


@pytest.mark.parametrize("folder", ["nnlab", "pages"])
def test_no_module_reads_pickles(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not {one.name.split(".")[0] for one in node.names} & RUNS_CODE, path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in RUNS_CODE, path
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called != "torch.load", path
                assert not any(
                    key.arg == "allow_pickle" for key in node.keywords if ast.unparse(key.value) != "False"
                ), path
