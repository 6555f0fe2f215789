"""Where a comparison can start: the questions that come with nnlab, and the classics with their usual outcome."""

from collections.abc import Callable, Mapping

import streamlit as st

from nnlab.catalogue.classics import classic_of, classics
from nnlab.catalogue.presets import preset_comparisons
from nnlab.lab import ComparisonRun
from nnlab.settings import settings
from nnlab.spec import Comparison
from nnlab.ui.compare.knobs import settings_summary
from nnlab.ui.compare.question import comparison_seconds
from nnlab.ui.compare.question_form import PRESETS
from nnlab.ui.shared.naming import cost_words
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Texts

QUESTIONS: Texts = {  # of the preset comparisons
    "binary": "How deep should a network be for 100 samples?",
    "activations": "Which activation learns fastest?",
    "mnist": "Does depth help on handwritten digits?",
    "celsius": "How large can the learning rate be?",
    "scratch": "NumPy or PyTorch: is there a difference?",
}
ACROSS = 3
Submit = Callable[[Comparison], None]


def preset_questions(page: Page, submit: Submit) -> None:
    """A card for each preset comparison."""
    t = page.t
    st.markdown(f"#### {t('Ask your own question above, or start with one of these')}")
    cards = {}
    for name, question in QUESTIONS.items():
        comparison = preset_comparisons[name]
        caption = f"{t(PRESETS[name])} · {settings_summary(comparison, t)}"
        cards[f"ask-{name}"] = f"**{t(question)}**", caption, comparison
    _cards(page, cards, submit)


def gallery(page: Page, submit: Submit) -> None:
    """A card for each classic comparison."""
    t = page.t
    st.markdown(f"#### {t('The classics')}")
    st.caption(t("Decide what you expect before you press Compare: the usual outcome is shown afterwards."))
    cards = {
        f"classic-{name}": (f"**{t(one.title)}**  \n{t(one.question)}", "", one.comparison)
        for name, one in classics.items()
    }
    _cards(page, cards, submit)


def _cards(page: Page, cards: Mapping[str, tuple[str, str, Comparison]], submit: Submit) -> None:
    """Cards with a text and a button that submits a comparison; the keys name the cards."""
    t = page.t
    columns = [column for _ in range(0, len(cards), ACROSS) for column in st.columns(ACROSS)]
    for column, (key, (text, caption, comparison)) in zip(columns, cards.items(), strict=False):
        with column, st.container(border=True, key=key, height="stretch"):
            with st.container(height="stretch"):
                st.markdown(text)
                st.caption(caption)
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                icon = ":material/play_arrow:"
                st.button(t("Compare"), icon=icon, key=f"{key}-go", on_click=submit, args=(comparison,))
                seconds = comparison_seconds(comparison, settings().workers)
                st.caption(cost_words(seconds, t), width="content")


def usual_outcome(page: Page, run: ComparisonRun) -> None:
    """What a classic usually shows, once it has finished; nothing for other comparisons."""
    classic, t = classic_of(run.comparison), page.t
    if classic is None or any(one.state != "finished" for one in run.runs):
        return
    with st.container(border=True, key="usual-outcome", gap="small"):
        st.markdown(f"**:material/school: {t('The usual outcome')}**")
        st.caption(t(classic.question))
        st.markdown(t(classic.outcome))
