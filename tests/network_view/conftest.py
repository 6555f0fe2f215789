import os
import shutil

import pytest


@pytest.fixture(scope="session")
def node():
    """Node, which runs the browser's modules; only CI requires it."""
    found = shutil.which("node")
    if found is None and not os.environ.get("CI"):
        pytest.skip("Node is not installed: the modules of the browser are not tested")
    assert found, "Node is missing"
    return found
