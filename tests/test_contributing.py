"""The map in CONTRIBUTING.md leads to files that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (?!to change|---)(.+?) \| (.+?) \|$", TEXT, re.MULTILINE)


def paths(text):
    return [found for found in re.findall(r"`([\w./-]+)`", text) if "/" in found or found.endswith(".py")]


def test_every_path_in_contributing_exists():
    missing = [path for path in paths(TEXT) if not (ROOT / path).exists() and "name" not in path]
    assert missing == []


def test_the_map_has_at_most_thirty_rows_and_leads_to_every_package():
    assert 0 < len(ROWS) <= 30
    named = " ".join(where for _, where in ROWS)
    packages = sorted(path.parent.name for path in (ROOT / "nnlab").glob("*/__init__.py"))
    assert [name for name in packages if f"nnlab/{name}/" not in named] == []
