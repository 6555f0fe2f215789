"""The switch between light and dark, and the language of the document.

Streamlit keeps the theme in the browser, one entry for each page's path, and reads it when a page loads; no call sets
it. The switch writes the entries of all pages and reloads the page. Nothing is lost: the link holds the experiment.
"""

from collections.abc import Sequence

import streamlit as st

from nnlab.ui.shell.text import Text

_switch = st.components.v2.component(
    "nnlab_browser",
    html='<button type="button"></button>',
    css="""
button { font: inherit; font-size: 0.875rem; color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius); padding: 0.28rem 0.7rem;
  min-height: 2.2rem; cursor: pointer; white-space: nowrap; }
button:hover, button:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color);
  outline: none; }
""",
    js="""
export default function({ data, parentElement }) {
  const root = document.documentElement, page = location.pathname;
  if (root.dataset.page && root.dataset.page !== page)  // a link from low on another page
    document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
  root.dataset.page = page;
  root.lang = data.language;
  const button = parentElement.querySelector("button");
  const colour = getComputedStyle(parentElement.host ?? parentElement).getPropertyValue("--st-background-color");
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = colour.trim() || "#fff";
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(probe.fillStyle.slice(i, i + 2), 16));
  const dark = r + g + b < 384;
  button.textContent = dark ? "☀" : "☾";
  button.title = button.ariaLabel = dark ? data.light : data.dark;
  button.onclick = () => {
    const folder = location.pathname.replace(/[^/]*$/, "");
    for (const page of data.pages)
      for (const end of page ? ["", "/"] : [""])
        localStorage.setItem(`stActiveTheme-${folder}${page}${end}-v2`, JSON.stringify(dark ? "Light" : "Dark"));
    location.reload();
  };
}
""",
)


def theme_switch(t: Text, pages: Sequence[str]) -> None:
    """Draws the switch for pages with these paths; sets the language of the document."""
    words = {"light": t("Light theme"), "dark": t("Dark theme")}
    data = {**words, "pages": list(pages), "language": t.language}
    _switch(key="theme-switch", data=data, width="content")
