"""What every page starts with: page settings, language, identity, navigation, the visitor's running jobs.

Every script starts with `page = open_page("build")`. With Streamlit's `pages/` folder each script is an entry point: a
link to it on a fresh server runs nothing else before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from nnlab.charts.base import Labels
from nnlab.lab import Lab, open_lab
from nnlab.store import Person
from nnlab.ui.shell.account import account_menu
from nnlab.ui.shell.browser import theme_switch
from nnlab.ui.shell.failure import show_notice, show_unavailable
from nnlab.ui.shell.keyboard import keyboard
from nnlab.ui.shell.links import parameters, show_ignored
from nnlab.ui.shell.sign_in import sign_in
from nnlab.ui.shell.signed_in import current_person, still_signed_in
from nnlab.ui.shell.text import LANGUAGES, Text, mark, text
from nnlab.ui.shell.ticks import forget_page, live
from nnlab.ui.shell.trouble_text import show_trouble

NAME = "nnlab"
ICON = Path(__file__).with_name("icon.svg").read_text()  # Streamlit's own icons come from another host here
BUSY, IDLE = 5.0, 60.0  # seconds between two looks at the queue: while something is in it, and otherwise


class Place(NamedTuple):
    """A page: its script, and its name and icon in the navigation."""

    script: str
    label: str
    icon: str


PLACES: Mapping[str, Place] = {
    "home": Place("dashboard.py", mark("Home"), ":material/home:"),
    "play": Place("pages/play.py", mark("Play"), ":material/sports_esports:"),
    "build": Place("pages/build.py", mark("Build"), ":material/account_tree:"),
    "train": Place("pages/train.py", mark("Train"), ":material/show_chart:"),
    "compare": Place("pages/compare.py", mark("Compare"), ":material/stacked_line_chart:"),
    "inspect": Place("pages/inspect.py", mark("Inspect"), ":material/grid_on:"),
    "backprop": Place("pages/backprop.py", mark("Backpropagation"), ":material/turn_slight_left:"),
    "runs": Place("pages/runs.py", mark("Runs"), ":material/history:"),
    "classroom": Place("pages/classroom.py", mark("Class"), ":material/school:"),
}


@dataclass(frozen=True)
class Page:
    """What a page script gets: its name, the visitor's texts, who they are, and the lab."""

    name: str
    t: Text
    person: Person

    @property
    def owner(self) -> str:
        """Whose runs are the visitor's."""
        return self.person.id

    @property
    def lab(self) -> Lab:
        """The lab; raises StoreUnavailable while its store cannot be opened, SignedOut to who has left."""
        if self.person.role != "visitor":
            still_signed_in(self.person)
        return open_lab()

    @property
    def words(self) -> Labels:
        """The words of the charts in the visitor's language."""
        return chart_words(self.t.language)

    def query(self) -> dict[str, str]:
        """The parameters of the address bar without the language."""
        return parameters()

    def set_query(self, params: Mapping[str, str]) -> None:
        """Sets the address bar, if anything changes."""
        wanted = self._with_language(params)
        if st.query_params.to_dict() != wanted:
            st.query_params.from_dict(wanted)

    def change_query(self, **changes: str) -> None:
        """Sets some parameters of the address bar; an empty value removes its parameter."""
        self.set_query({name: value for name, value in {**self.query(), **changes}.items() if value})

    def _with_language(self, params: Mapping[str, str] | None) -> dict[str, str]:
        return {**(params or {}), "lang": self.t.language}

    def link(self, place: str, label: str, params: Mapping[str, str] | None = None, **options: Any) -> None:
        """A link to another page that keeps the language."""
        script, _, icon = PLACES[place]
        st.page_link(script, label=label, query_params=self._with_language(params), **{"icon": icon, **options})

    def address(self, place: str, params: Mapping[str, str]) -> str:
        """The full address of a page, to be copied."""
        here = urlsplit(st.context.url or "http://localhost:8501/")
        root = here.path.removesuffix("/").removesuffix(f"/{self.name}")
        path = f"{root}/" if place == "home" else f"{root}/{place}"
        query = urlencode(self._with_language(params), safe=",:")
        return urlunsplit((here.scheme, here.netloc, path, query, ""))

    @property
    def root(self) -> str:
        """The address of the server as it is written on a board: school.example/nnlab."""
        here = urlsplit(self.address("home", {}))
        return f"{here.netloc}{here.path}".rstrip("/")

    def go(self, place: str, params: Mapping[str, str] | None = None) -> None:
        """Opens another page."""
        wanted = self._with_language(params)
        if place != self.name:
            before = st.session_state.setdefault("left-for", {})
            before[self.name, urlencode(wanted)] = st.query_params.to_dict()
        st.switch_page(PLACES[place].script, query_params=wanted)


@cache
def chart_words(language: str) -> Labels:
    """The words of the charts in a language."""
    return Labels(language, text(language))


def open_page(name: str) -> Page:
    """Starts a page: call it before drawing anything else."""
    if (context := get_script_run_ctx()) is not None and context.on_script_error is None:  # without our server
        context.on_script_error = show_unavailable
    forget_page()
    _come_back(name)
    t = text(_language())
    place = PLACES[name]
    st.set_page_config(
        page_title=f"{t(place.label)} · {NAME}" if name != "home" else NAME,
        page_icon=ICON,
        layout="wide",
        initial_sidebar_state="collapsed" if st.query_params.get("view") == "projector" else 220,
        menu_items={"About": t("nnlab: experiments on the architecture of neural networks.")},
    )
    person = current_person()
    if person is None:
        sign_in(name, t, partial(_head, t))
        st.stop()
    page = Page(name, t, person)
    with st.sidebar:
        _navigation(page)
    show_notice(t)
    show_ignored(name, t)
    return page


def _come_back(name: str) -> None:
    """Streamlit's `switch_page` leaves an entry in the browser's history that has this page's path with the parameters
    of the page it opens. Who goes back to it gets the parameters with which this page was left."""
    here = name, urlencode(st.query_params.to_dict())
    if before := st.session_state.get("left-for", {}).get(here):
        st.query_params.from_dict(before)


def _language() -> str:
    """The language of the link, else of the session, else of the browser."""
    spoken = (st.context.locale or "es")[:2].lower()
    wanted = st.query_params.get("lang"), st.session_state.get("language"), spoken
    language = next((one for one in wanted if one in LANGUAGES), "en")
    st.session_state["language"] = language
    return str(language)


def _navigation(page: Page) -> None:
    t = page.t
    st.markdown(f"### :material/hub: {NAME}", anchors=False)
    for name, place in PLACES.items():
        if name == "classroom" and page.person.role == "visitor":
            continue  # classes need a login
        label = t(place.label)
        page.link(name, f"**{label}**" if name == page.name else label, width="stretch")
    st.space("small")
    activity = st.container()
    if page.person.role != "visitor":
        account_menu(page.person, t)
    st.space("small")
    _language_and_theme(t)
    keyboard()
    with activity:  # last: what is above stands without the store too
        live(activity_line, IDLE)(page)


def _head(t: Text) -> None:
    """What stands above the sign-in, where there is no sidebar: where one is, in which language."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"### :material/hub: {NAME}", anchors=False, width="content")
        _language_and_theme(t)
    st.markdown(
        t("Choose data, build a network layer by layer, watch its loss fall, and find out what depth really does.")
    )


def _language_and_theme(t: Text) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.session_state["language-choice"] = t.language
        st.segmented_control(
            t("Language"),
            list(LANGUAGES),
            # Streamlit's colour for the chosen one is too dark outside the sidebar
            format_func=lambda code: f":violet[{code.upper()}]" if code == t.language else code.upper(),
            key="language-choice",
            on_change=lambda: st.query_params.update(lang=st.session_state["language-choice"]),
            label_visibility="collapsed",
            required=True,
        )
        theme_switch(t, ["" if name == "home" else name for name in PLACES])


def activity_line(page: Page) -> float:
    """One line with the number of the visitor's running and waiting runs, and a link to them; when to look again."""
    t = page.t
    now = page.lab.activity(page.owner)
    if now.running or now.waiting:
        show_trouble(page.lab.trouble, t)
    if now.mine_running or now.mine_waiting:
        words = [t.many("{n} running", "{n} running", now.mine_running)] if now.mine_running else []
        words += [t.many("{n} waiting", "{n} waiting", now.mine_waiting)] if now.mine_waiting else []
        page.link("runs", ", ".join(words), icon=":material/progress_activity:", width="stretch")
    elif now.running:
        st.caption(t.many("{n} run of others in progress", "{n} runs of others in progress", now.running))
    else:
        st.caption(t("Nothing is running"))
    return BUSY if now.running or now.waiting else IDLE
