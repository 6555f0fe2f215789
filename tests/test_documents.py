"""The documents name what is there: files, headings, settings with their defaults, benchmarks with their options."""

import importlib
import re
import shlex
from dataclasses import fields
from pathlib import Path

import click
import pytest

from nnlab.analysis.diagnosis import LIMITS
from nnlab.settings import Settings

ROOT = Path(__file__).parents[1]
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")})
}
OUTSIDE_CODE = {name: re.sub(r"```.*?```", "", text, flags=re.DOTALL) for name, text in DOCUMENTS.items()}


def anchors(text: str) -> set[str]:
    """Where GitHub lets links lead to in a document."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_to_a_file_and_a_heading(name):
    missing = []
    for link in re.findall(r"\]\(([^)\s]+)\)", OUTSIDE_CODE[name]):
        if link.startswith("http"):
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / name).parent / file if file else ROOT / name
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_table_has_a_head_and_rows_of_one_width(name):
    for table in re.findall(r"(?:^\|.*\n)+", OUTSIDE_CODE[name], re.MULTILINE):
        rows = table.splitlines()
        assert re.fullmatch(r"[|\-: ]+", rows[1]), rows[0]
        assert len({len(re.sub(r"`[^`]*`", "", row).split("|")) for row in rows}) == 1, rows[0]


def test_every_setting_is_there_with_its_default():
    rows = dict(re.findall(r"^\| (.*?) \|.*\| (.*?) \|$", DOCUMENTS["docs/settings.md"], re.MULTILINE))
    defaults = {name: default for names, default in rows.items() for name in re.findall(r"`(NNLAB_\w+)`", names)}
    hidden = {"NNLAB_WARM"}  # for tests
    source = (ROOT / "nnlab" / "settings.py").read_text(encoding="utf-8")
    every = {*re.findall(r"NNLAB_[A-Z_]+\b(?!\*)", source), *(f"NNLAB_{one.name.upper()}" for one in fields(Settings))}
    assert set(defaults) == {name for name in every if not name.endswith("_")} - hidden
    numbers = {f"NNLAB_{one.name.upper()}": one.default for one in fields(Settings) if type(one.default) is int}
    told = {name: int(text.replace(",", "")) for name, text in defaults.items() if re.fullmatch(r"[\d,]+", text)}
    assert told == {name: default for name, default in numbers.items() if default}


def test_every_rule_of_a_verdict_is_there_with_its_threshold():
    rows = re.findall(r"^\| .* \| `(\w+)` \| .* \| ([\d.]+) \| .*\|$", DOCUMENTS["docs/diagnosis.md"], re.MULTILINE)
    told = {rule: float(threshold) for rule, threshold in rows}
    assert told == {rule: limit for rule, limit in LIMITS.items() if rule != "still_rising"}  # which is in words


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_benchmark_that_a_document_names_takes_the_options_it_has_there(name):
    for line in re.findall(r"python -m benchmarks\.(\w+[^`\n;]*)", DOCUMENTS[name]):
        module, *words = shlex.split(line.replace("[", " ").replace("]", " "), comments=True)
        found = importlib.import_module(f"benchmarks.{module}")
        command = getattr(found, "main", None) or importlib.import_module(f"benchmarks.{module}.__main__").main
        if isinstance(command, click.Command):
            command.make_context(module, words)
        else:
            assert all(word in (found.__doc__ or "") for word in words), line
