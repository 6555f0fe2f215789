"""Home: the presets, and the way back to recent runs."""

import streamlit as st

from nnlab.catalogue.presets import presets
from nnlab.engines.costs import estimate_seconds
from nnlab.lab import Run
from nnlab.spec import seeds_text
from nnlab.ui.home.cards import CARDS, backprop_card, preset_chart, run_card
from nnlab.ui.home.film import home_film
from nnlab.ui.shared.comparison_row import comparison_row
from nnlab.ui.shared.naming import cost_words
from nnlab.ui.shared.network_view import mount
from nnlab.ui.shared.run_links import open_submitted
from nnlab.ui.shared.run_names import distinct_titles
from nnlab.ui.shared.run_row import run_row
from nnlab.ui.shared.widgets import title_row
from nnlab.ui.shell.frame import PLACES, Page, open_page

RECENT = 5


def home_page() -> None:
    """Draws the page."""
    page = open_page("home")
    _head(page)
    open_submitted(page)
    with st.container(border=True, key="home-film"):
        mount(home_film(page.t.language), "film")
    _cards(page)
    _recent(page)


def _head(page: Page) -> None:
    t = page.t
    with title_row("home-head"):
        with st.container(width=640, gap=None):
            st.title(t("Take a network apart"), anchor=False)
            st.markdown(
                t(
                    "Choose data, build a network layer by layer, watch its loss fall, "
                    "and find out what depth really does."
                )
            )
        with st.container(horizontal=True, width="content", gap="small"):
            if st.button(t("Play"), icon=PLACES["play"].icon, type="primary", key="go-play"):
                page.go("play")
            if st.button(t("Build your own"), icon=PLACES["build"].icon, key="build-your-own"):
                page.go("build")


def _cards(page: Page) -> None:
    t = page.t
    forecast = page.lab.forecast(page.owner)
    places = [place for _ in range(0, len(CARDS), 3) for place in st.columns(3)]
    for place, card in zip(places, CARDS, strict=False):
        experiment = presets[card.preset]
        with place, st.container(border=True, key=f"card-{card.preset}", height="stretch"):
            preset_chart(page, card.preset, t(card.title))
            link = {**experiment.to_query(), "seeds": seeds_text(range(card.seeds))}
            page.link("build", f"**{t(card.title)}**", link, help=t("Open in Build"))
            st.markdown(t(card.question))
            cost = card.comparison.experiments if card.comparison else [experiment]
            expected = forecast.of([estimate_seconds(one, card.seeds) for one in cost])
            st.caption(f"{cost_words(expected, t)} · {t.many('{n} seed', '{n} seeds', card.seeds)}")
            icon, key = ":material/play_arrow:", f"run-{card.preset}"
            st.button(t(card.action), icon=icon, key=key, on_click=run_card, args=(page, card))
    with places[-1], st.container(border=True, key="card-backprop", height="stretch"):
        backprop_card(page)


def _recent(page: Page) -> None:
    t = page.t
    st.markdown(f"#### {t('Continue')}", anchors=False)
    if recent := page.lab.recent(page.owner, RECENT):
        titles = distinct_titles(recent, t)
        for one in recent:
            if isinstance(one, Run):
                run_row(page, one, titles[one.id])
            else:
                comparison_row(page, one, titles[one.id])
        page.link("runs", t("All runs"), width="content")
    else:
        st.caption(t("Nothing trained yet. Press the button of a card above: the first curve appears within seconds."))
