"""The unit tests of the browser's modules, which Node runs."""

import subprocess
from pathlib import Path


def test_the_modules_of_the_network_view_compute_what_they_promise(node):
    done = subprocess.run([node, "--test", Path(__file__).parent / "units.test.js"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
