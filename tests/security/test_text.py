"""What others typed or put into a link is shown as text: it formats nothing, links nowhere and loads nothing."""

import re

from hypothesis import given
from hypothesis import strategies as st

from nnlab.spec.errors import Problem
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shell.text import in_markdown, text

PIECES = [
    *("[a](http://evil.example)", "![i](//evil.example/i.png)", "<img src=//evil.example>", "www.evil.example"),
    *("me@evil.example", "https://evil.example", ":red[x]", ":material/home:", ":streamlit:", "$x^2$", "`c`", "**b**"),
    *("~~s~~", "# h", "- l", "1. o", "> q", "a -> b", "&lt;", "|", "\\", "\\\\*", "\n\n", "    ", "é", "x"),
]
JOINER = "\N{WORD JOINER}"
# what is a link, a picture, formatted or replaced, if it is not escaped; and addresses, if they are
LIVE = re.compile(
    r"(?<!\\)(?:\\\\)*[`*_{}\[\]()#+.!|:$<>~&=^@/-]|\n|(?<!\w)https?\\:\\/|www\\\.|\w\\@|\\-\\>|\\:streamlit"
)


def shown(markdown):
    """What a reader of the Markdown sees, if it is nothing but text."""
    return re.sub(r"\\(.)", r"\1", markdown).replace(JOINER, "")


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=8).map("".join))
def test_typed_text_stays_text(typed):
    typed = typed.replace(JOINER, "")
    markdown = in_markdown(typed)
    assert not LIVE.search(markdown), markdown
    assert shown(markdown) == " ".join(typed.split())


@given(st.sampled_from(PIECES), st.sampled_from(["", "model.", "train.start_from", "model.hidden["]), st.booleans())
def test_a_field_of_a_link_is_text_whatever_its_name_and_value(piece, before, counted):
    field = before + piece + " (how many)" * counted
    for problem in (
        Problem(field, piece, "unknown", choices=("a",)),
        Problem(field, [piece], "type", expected="number"),
        Problem("vary", piece, "conflict", expected="knobs_clash"),
    ):
        for language in ("en", "es"):
            told = problem_text(problem, text(language))
            bare = re.sub(r"\\.", "", told)  # what is not escaped
            assert not [
                live for live in ("](", "<img", ":red", ":material", ":streamlit", "$", "`", "**") if live in bare
            ]
            assert not re.search(r"www\\?\.|https?\\?:\\?/|\w\\?@", told)
