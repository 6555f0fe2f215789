"""Home: the presets, and the way back to recent runs."""

import streamlit as st

from nnlab.catalogue.presets import presets
from nnlab.engines.costs import estimate_seconds
from nnlab.lab import LimitError
from nnlab.spec import seeds_text
from nnlab.ui.shared.cards import CARDS, card_picture, cost_words, step_card
from nnlab.ui.shared.labels import problem_text
from nnlab.ui.shared.run_rows import run_row
from nnlab.ui.shell.frame import PLACES, open_page

page = open_page("home")
t = page.t


def run(name: str, n_seeds: int) -> None:
    """Submits a preset; the page turns to the live view."""
    try:
        st.session_state["opened-run"] = page.lab.submit(presets[name], range(n_seeds), owner=page.owner).id
    except LimitError as error:
        st.session_state["refused"] = problem_text(error.problems[0], t)


if opened := st.session_state.pop("opened-run", None):
    page.go("train", {"run": opened})

with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute", key="home-head"):
    with st.container(width=640, gap=None):
        st.title(t("Take a network apart"), anchor=False)
        st.markdown(
            t("Choose data, build a network layer by layer, watch its loss fall, and find out what depth really does.")
        )
    if st.button(t("Build your own"), icon=PLACES["build"].icon, type="primary", key="build-your-own"):
        page.go("build")

if refused := st.session_state.pop("refused", None):
    st.error(refused, icon=":material/block:")

places = [place for _ in range(0, len(CARDS), 3) for place in st.columns(3)]
for place, card in zip(places, CARDS, strict=False):
    experiment = presets[card.preset]
    with place, st.container(border=True, key=f"card-{card.preset}", height="stretch"):
        card_picture(page, card.preset)
        st.markdown(f"**{t(card.title)}**  \n{t(card.question)}")
        seeds = t.many("{n} seed", "{n} seeds", card.seeds)
        st.caption(f"{cost_words(estimate_seconds(experiment, card.seeds), t)} · {seeds}")
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.button(
                t("Run"),
                icon=":material/play_arrow:",
                key=f"run-{card.preset}",
                on_click=run,
                args=(card.preset, card.seeds),
            )
            link = {**experiment.to_query(), "seeds": seeds_text(range(card.seeds))}
            page.link("build", t("Open in Build"), link, icon=None, width="content")

with places[-1], st.container(border=True, key="card-backprop", height="stretch"):
    step_card(page)

recent = page.lab.runs(owner=page.owner)[:5]
st.markdown(f"#### {t('Continue')}")
if recent:
    for one in recent:
        run_row(page, one)
    page.link("runs", t("All runs"), width="content")
else:
    st.caption(t("Nothing trained yet. Run one of the cards above: the first curve is there within seconds."))
