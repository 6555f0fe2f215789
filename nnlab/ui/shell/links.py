"""The parameters of the address bar, and what is said of those that a page does not read."""

from collections.abc import Mapping

import streamlit as st

from nnlab.spec import FIELDS
from nnlab.spec.errors import shortened
from nnlab.spec.text import link_parameters
from nnlab.ui.shell.text import Text

READ: Mapping[str, tuple[str, ...]] = {
    "home": (),
    "play": (*FIELDS, "hide"),
    "build": (*FIELDS, "seeds", "assignment", "hide"),
    "train": ("run", "scale", "with"),
    "compare": (
        *(*FIELDS, "seeds", "vary", "values", "by", "by_values"),
        *("comparison", "baseline", "margin", "assignment"),
    ),
    "inspect": ("run", "epoch"),
    "backprop": (
        *("data", "hidden", "activation", "loss", "points", "lr", "seed", "step", "stage"),
        *("point", "edits", "check", "race"),
    ),
    "runs": ("q", "state", "of", "page", "comparison"),
    "classroom": (
        *("class", "assignment", "view", "make", "run", "comparison"),
        *(*FIELDS, "seeds", "vary", "values", "by", "by_values"),
    ),
}
"""The parameters that each page reads, besides the language."""
MOST_NAMED = 5
ICON = ":material/link_off:"


def parameters() -> dict[str, str]:
    """The parameters without the language; one that is there with several values is left out."""
    return {name: value for name, value in _all().items() if isinstance(value, str) and name != "lang"}


def _all() -> dict[str, str | list[str]]:
    return link_parameters({name: st.query_params.get_all(name) for name in st.query_params})


def show_ignored(page: str, t: Text) -> None:
    """Name the parameters that this page ignores: those it does not know, and those with several values."""
    given = _all()
    unknown = [name for name in given if name not in (*READ[page], "lang") and not _reported(page, name)]
    repeated = [name for name, value in given.items() if isinstance(value, list)]
    if unknown:
        st.warning(t("This page does not understand a part of the link: {names}", names=_shown(unknown)), icon=ICON)
    if repeated:
        words = t("The link gives several values for a setting, which are all ignored: {names}", names=_shown(repeated))
        st.warning(words, icon=ICON)


def _reported(page: str, name: str) -> bool:
    """Whether the page itself says that there is no such field of an experiment."""
    return page in ("play", "build", "compare") and name.startswith(("data.", "model.", "train."))


def _shown(names: list[str]) -> str:
    """Names as code, which Markdown leaves as they are."""
    more = ", …" if len(names) > MOST_NAMED else ""
    return ", ".join(f"`{shortened(name).replace('`', '')}`" for name in names[:MOST_NAMED]) + more
