"""Languages: nothing is left in English, nothing is left over, numbers are written as the language writes them."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from nnlab.catalogue.classics import classics
from nnlab.charts.base import Labels
from nnlab.ui.shell.text import LOCALE, text

ROOT = Path(__file__).parents[2]
SOURCES = [
    ROOT / "dashboard.py",
    ROOT / "nnlab/comparison/findings.py",
    *ROOT.glob("pages/*.py"),
    *ROOT.glob("nnlab/ui/**/*.py"),
]


def messages_in_the_code() -> set[str]:
    found = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            first = node.args[0]
            if name in ("t", "mark", "many") and isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.add(first.value)
    words = {str(field.default) for field in fields(Labels) if field.name != "language"}
    told = {text for one in classics.values() for text in (one.title, one.question, one.outcome)}
    return (found | words | told) - {""}


def catalogue(language: str) -> dict[str, list[str]]:
    entries: dict[str, list[str]] = {}
    for path in (LOCALE / language).glob("*.po"):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id:
                    forms = [message.string] if isinstance(message.string, str) else list(message.string)
                    entries[message.id if isinstance(message.id, str) else message.id[0]] = forms
    return entries


def test_every_text_of_the_interface_is_there_in_spanish():
    translated = {english for english, forms in catalogue("es").items() if all(forms)}
    assert sorted(messages_in_the_code() - translated) == []


def test_the_catalogue_holds_nothing_that_the_code_no_longer_says():
    assert sorted(set(catalogue("es")) - messages_in_the_code()) == []


def test_a_translation_has_the_same_places_to_fill_as_its_english():
    for english, forms in catalogue("es").items():
        for spanish in forms:
            places = set(re.findall(r"{\w+}", english))
            assert set(re.findall(r"{\w+}", spanish)) <= places | {"{n}"}, english
            assert places <= set(re.findall(r"{\w+}", spanish)) | {"{n}"}, english


def test_texts_follow_the_language_and_fill_their_places():
    assert text("es")("Depth") == "Profundidad"
    assert text("en")("Depth") == "Depth"
    assert text("es").many("{n} running", "{n} running", 1200) == "1.200 en marcha"


@pytest.mark.parametrize(
    ("value", "english", "spanish"),
    [(0.063, "0.0630", "0,0630"), (12.345, "12.3", "12,3"), (-1.5, "−1.50", "−1,50"), (float("nan"), "–", "–"),
     (0, "0", "0"), (1234567, "1.23e6", "1,23e6"), (float("inf"), "∞", "∞"), (0.00001234, "1.23e−5", "1,23e−5")],
)  # fmt: skip
def test_numbers_have_three_significant_digits(value, english, spanish):
    assert text("en").number(value) == english
    assert text("es").number(value) == spanish


def test_scores_intervals_and_times_read_as_the_house_writes_them():
    en, es = text("en"), text("es")
    assert (en.percent(0.961), es.percent(0.961)) == ("96.1 %", "96,1 %")
    assert (en.interval(0.961, 0.958, 0.964), es.interval(0.961, 0.958, 0.964)) == ("96.1 ± 0.3", "96,1 ± 0,3")
    assert en.interval(0.5, float("nan"), float("nan")) == "50.0"
    assert [en.seconds(v) for v in (0.01, 1.23, 42.4, 200, 7200)] == ["0 s", "1.2 s", "42 s", "3 min", "2.0 h"]
    assert (en.whole(12345), es.whole(12345)) == ("12,345", "12.345")
