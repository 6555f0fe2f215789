"""Home: the presets, and the way back to recent runs."""

import streamlit as st

import nnlab.ui.shell.start_workers  # noqa: F401  first: see there
from nnlab.catalogue.presets import presets
from nnlab.engines.costs import estimate_seconds
from nnlab.spec import seeds_text
from nnlab.ui.home.cards import CARDS, backprop_card, preset_chart
from nnlab.ui.shared.naming import cost_words
from nnlab.ui.shared.run_links import open_submitted, submit
from nnlab.ui.shared.run_row import run_row
from nnlab.ui.shell.frame import PLACES, open_page

page = open_page("home")
t = page.t

with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute", key="home-head"):
    with st.container(width=640, gap=None):
        st.title(t("Take a network apart"), anchor=False)
        st.markdown(
            t("Choose data, build a network layer by layer, watch its loss fall, and find out what depth really does.")
        )
    if st.button(t("Build your own"), icon=PLACES["build"].icon, type="primary", key="build-your-own"):
        page.go("build")
open_submitted(page)

places = [place for _ in range(0, len(CARDS), 3) for place in st.columns(3)]
for place, card in zip(places, CARDS, strict=False):
    experiment, seeds = presets[card.preset], range(card.seeds)
    with place, st.container(border=True, key=f"card-{card.preset}", height="stretch"):
        preset_chart(page, card.preset)
        st.markdown(f"**{t(card.title)}**  \n{t(card.question)}")
        cost = cost_words(estimate_seconds(experiment, card.seeds), t)
        st.caption(f"{cost} · {t.many('{n} seed', '{n} seeds', card.seeds)}")
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.button(
                t("Run"),
                icon=":material/play_arrow:",
                key=f"run-{card.preset}",
                on_click=submit,
                args=(page, experiment, seeds),
            )
            link = {**experiment.to_query(), "seeds": seeds_text(seeds)}
            page.link("build", t("Open in Build"), link, icon=None, width="content")

with places[-1], st.container(border=True, key="card-backprop", height="stretch"):
    backprop_card(page)

st.markdown(f"#### {t('Continue')}")
if recent := page.lab.runs(owner=page.owner)[:5]:
    for run in recent:
        run_row(page, run)
    page.link("runs", t("All runs"), width="content")
else:
    st.caption(t("Nothing trained yet. Run one of the cards above: the first curve appears within seconds."))
