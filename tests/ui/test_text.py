"""Languages: nothing is left in English, nothing is left over, numbers are written as the language writes them."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from streamlit.testing.v1 import AppTest

from nnlab.analysis.advice import ADVICE
from nnlab.catalogue.classics import classics
from nnlab.charts.base import WORDS
from nnlab.charts.curves import curves
from nnlab.datasets.mnist import REASONS
from nnlab.jobs.machine import SENTENCES
from nnlab.spec.errors import CONFLICTS, SPACE
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shell import text as shell
from nnlab.ui.shell.frame import chart_words
from nnlab.ui.shell.text import LOCALE, text

ROOT = Path(__file__).parents[2]
SOURCES = [
    ROOT / "dashboard.py",
    ROOT / "nnlab/analysis/coverage.py",
    ROOT / "nnlab/comparison/answer_text.py",
    ROOT / "nnlab/comparison/findings.py",
    ROOT / "nnlab/comparison/language.py",
    *ROOT.glob("nnlab/charts/*.py"),
    *ROOT.glob("pages/*.py"),
    *ROOT.glob("nnlab/ui/**/*.py"),
]


def messages_in_the_code() -> set[str]:
    found = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "Texts":
                found.update(ast.literal_eval(node.value).values())
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            first = node.args[0]
            if (
                name in ("t", "mark", "many", "labels")
                and isinstance(first, ast.Constant)
                and isinstance(first.value, str)
            ):
                found.add(first.value)
    words = set(WORDS.values())
    in_classics = {text for one in classics.values() for text in (one.title, one.question, one.outcome)}
    return (
        found
        | words
        | in_classics
        | set(CONFLICTS.values())
        | set(SPACE.values())
        | set(ADVICE.values())
        | set(REASONS.values())
        | set(SENTENCES.values())
    ) - {""}


def entries(language: str) -> list[tuple[str, list[str]]]:
    found = []
    for path in (LOCALE / language).glob("*.po"):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id:
                    forms = [message.string] if isinstance(message.string, str) else list(message.string)
                    found.append((message.id if isinstance(message.id, str) else message.id[0], forms))
    return found


def catalogue(language: str) -> dict[str, list[str]]:
    return dict(entries(language))


def test_every_text_of_the_interface_is_there_in_spanish():
    translated = {english for english, forms in catalogue("es").items() if all(forms)}
    assert sorted(messages_in_the_code() - translated) == []


def test_the_catalogue_holds_nothing_that_the_code_no_longer_says():
    assert sorted(set(catalogue("es")) - messages_in_the_code()) == []


def test_no_text_has_two_translations_of_which_one_is_never_seen():
    assert [text for text, times in Counter(text for text, _ in entries("es")).items() if times > 1] == []


def test_a_translation_has_the_same_places_to_fill_as_its_english():
    for english, forms in catalogue("es").items():
        for spanish in forms:
            places = set(re.findall(r"{\w+}", english))
            assert set(re.findall(r"{\w+}", spanish)) <= places | {"{n}"}, english
            assert places <= set(re.findall(r"{\w+}", spanish)) | {"{n}"}, english


def test_texts_follow_the_language_and_fill_their_places():
    assert text("es")("Depth") == "Profundidad"
    assert text("en")("Depth") == "Depth"
    assert text("es").many("{n} seed", "{n} seeds", 1) == "1 semilla"
    assert text("es").many("{n} seed", "{n} seeds", 1200) == "1.200 semillas"
    assert text("en").many("{n} seed", "{n} seeds", 1200) == "1,200 seeds"


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("method", "given", "english", "spanish"),
    [
        ("number", (0.063,), "0.0630", "0,0630"),
        ("number", (12.345,), "12.3", "12,3"),
        ("number", (12.345, 1), "12", "12"),
        ("number", (-1.5,), "−1.50", "−1,50"),
        ("number", (NAN,), "–", "–"),
        ("number", (None,), "–", "–"),
        ("number", (0,), "0", "0"),
        ("number", (1234567,), "1.23e6", "1,23e6"),
        ("number", (-INF,), "−∞", "−∞"),
        ("number", (0.000012,), "1.20e−5", "1,20e−5"),
        ("whole", (12345,), "12,345", "12.345"),
        ("percent", (0.961,), "96.1 %", "96,1 %"),
        ("percent", (-0.961, 0), "−96 %", "−96 %"),
        ("percent", (NAN,), "–", "–"),
        ("interval", (0.961, 0.958, 0.964), "96.1 ± 0.3", "96,1 ± 0,3"),
        ("interval", (0.5, NAN, NAN), "50.0", "50,0"),
        ("interval", (-0.05, NAN, NAN), "−5.0", "−5,0"),
        ("interval", (-0.0004, NAN, NAN), "0.0", "0,0"),
        ("interval", (1.5, 1.25, 1.75, "mse"), "1.50 ± 0.25", "1,50 ± 0,25"),
        ("seconds", (0,), "0 s", "0 s"),
        ("seconds", (0.0065,), "7 ms", "7 ms"),
        ("seconds", (0.07,), "0.07 s", "0,07 s"),
        ("seconds", (1.23,), "1.2 s", "1,2 s"),
        ("seconds", (42.4,), "42 s", "42 s"),
        ("seconds", (200,), "3 min", "3 min"),
        ("seconds", (7200,), "2.0 h", "2,0 h"),
        ("size", (1.24e9,), "1.2 GB", "1,2 GB"),
        ("size", (517e6,), "517 MB", "517 MB"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(method, given, english, spanish):
    assert getattr(text("en"), method)(*given) == english
    assert getattr(text("es"), method)(*given) == spanish


POLISH = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);\\n"

msgid "Build your own"
msgstr "Zbuduj własną"

msgid "epoch"
msgstr "epoka"

msgid "{n} seed"
msgid_plural "{n} seeds"
msgstr[0] "{n} ziarno"
msgstr[1] "{n} ziarna"
msgstr[2] "{n} ziaren"
"""


def test_a_further_language_is_a_line_and_a_folder(tmp_path, monkeypatch):
    (tmp_path / "pl").mkdir()
    (tmp_path / "pl" / "common.po").write_text(POLISH, encoding="utf-8")
    monkeypatch.setattr(shell, "LOCALE", tmp_path)
    monkeypatch.setitem(shell.LANGUAGES, "pl", "Polski")
    shell.text.cache_clear()
    try:
        t = text("pl")
        assert [t.many("{n} seed", "{n} seeds", n) for n in (1, 3, 5)] == ["1 ziarno", "3 ziarna", "5 ziaren"]
        assert [t.number(0.063), t.whole(12345), t.percent(0.961)] == ["0,0630", "12\u00a0345", "96,1 %"]
        assert value_name("lr", 0.01, t) == "0,01"
        chart = curves("loss", labels=chart_words("pl"))
        assert "epoka" in str(chart)
        assert chart["config"]["locale"]["number"]["decimal"] == ","
        assert chart["config"]["locale"]["number"]["thousands"] == "\u00a0"
        home = AppTest.from_file(ROOT / "dashboard.py", default_timeout=30)
        home.session_state["visitor"] = "v-" + "o" * 22
        home.query_params["lang"] = "pl"
        home.run()
        assert not home.exception
        assert home.button(key="build-your-own").label == "Zbuduj własną"
        assert "10 ziaren" in home.caption[0].value
        assert ":violet[PL]" in home.get("button_group")[0].options
    finally:
        shell.text.cache_clear()
