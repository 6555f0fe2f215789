"""docs/security.md names a test for every threat, and the test is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (?!threat|---)(.+) \|$", TEXT.split("## Threats")[1], re.MULTILINE)


def test_every_threat_has_an_answer_and_a_test_that_exists():
    assert len(ROWS) >= 20
    for row in ROWS:
        threat, answer, tests = row.split(" | ")
        assert threat
        assert answer
        paths = re.findall(r"`([^`]+)`", tests)
        assert paths, threat
        assert all((ROOT / path).exists() for path in paths), (threat, paths)
