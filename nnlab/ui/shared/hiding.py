"""What a link hides of Play and Build, and how such a link is made."""

from collections.abc import Collection, Mapping, Sequence

import streamlit as st

from nnlab.spec.errors import shortened
from nnlab.spec.hidden import HIDEABLE, hidden_text, parse_hidden
from nnlab.ui.shared.labels import field_name
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, Texts

PARTS: Texts = {
    "more": "What is folded away under “More”",
    "rate_test": "Find a learning rate",
    "cost": "Cost",
    "pictures": "Pictures of data and network",
    "layers": "Layers",
    "code": "PyTorch code",
    "link": "Link",
    "next": "Links to other pages",
}
"""The names of the parts of pages that are no fields."""


def hidden_by_link(page: Page) -> frozenset[str]:
    """The fields and parts that the address hides; names that do not exist are named."""
    hidden, unknown = parse_hidden(page.query().get("hide", ""))
    if unknown:
        names = ", ".join(f"`{shortened(name).replace('`', '')}`" for name in unknown[:5])
        words = page.t("The link hides parts that this page does not have: {names}", names=names)
        st.warning(words, icon=":material/link_off:")
    return hidden


def hide_parameter(hidden: Collection[str]) -> dict[str, str]:
    """The parameter of a link that hides these."""
    return {"hide": hidden_text(hidden)} if hidden else {}


def hideable_name(name: str, t: Text) -> str:
    """A field or part in the visitor's language."""
    return t(PARTS[name]) if name in PARTS else field_name(name, t)


def link_to_copy(page: Page, params: Mapping[str, str], offered: Sequence[str], hidden: Collection[str]) -> None:
    """The address of the page, and a field to hide parts of the page that it opens."""
    t = page.t
    chosen = st.multiselect(
        t("Hide parts of the page"),
        [name for name in HIDEABLE if name in offered],
        default=[name for name in HIDEABLE if name in hidden and name in offered],
        format_func=lambda name: hideable_name(name, t),
        placeholder=t("nothing"),
        select_all=False,
        key=f"{page.name}-hide",
        help=t("Who opens the link does not see these. They keep their values, and are not protected from changes."),
    )
    st.code(page.address(page.name, {**params, **hide_parameter(chosen)}), language=None, wrap_lines=True)
