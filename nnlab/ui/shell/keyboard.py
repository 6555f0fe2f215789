"""What the page does with the keyboard alone, where Streamlit does not.

The buttons over a chart or table appear under the pointer only, though the tab key stops at each of them, unseen. Here
they appear with the focus, and are one stop: the arrow keys move among them, as in any toolbar (WAI-ARIA Authoring
Practices). Ctrl + Enter presses the button of the page's main action.
"""

import streamlit as st

_keyboard = st.components.v2.component(
    "nnlab_keyboard",
    js="""
const TOOLBAR = '[data-testid="stElementToolbar"]', MAIN = ".st-key-train button, .st-key-compare button";
const buttons = (toolbar) => [...toolbar.querySelectorAll("button")];

function oneStop() {
  for (const toolbar of document.querySelectorAll(TOOLBAR)) {
    const all = buttons(toolbar), now = all.find((one) => one === document.activeElement) ?? all[0];
    for (const one of all) one.tabIndex = one === now ? 0 : -1;
  }
}

function show(event) {
  const toolbar = event.target.closest?.(TOOLBAR);
  if (toolbar) toolbar.style.opacity = event.type === "focusin" && event.target.matches(":focus-visible") ? 1 : "";
  if (toolbar && event.type === "focusin") oneStop();
}

function press(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    document.activeElement?.blur(); // a field passes on what was typed
    setTimeout(() => document.querySelector(MAIN)?.click());
  }
  const toolbar = event.target.closest?.(TOOLBAR), by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!toolbar || !by) return;
  event.preventDefault();
  event.stopPropagation(); // the arrow keys may be a page's shortcuts
  const all = buttons(toolbar);
  all[(all.indexOf(event.target) + by + all.length) % all.length].focus();
}

export default function() {
  if (document.nnlabKeyboard) return;
  document.nnlabKeyboard = true;
  document.addEventListener("focusin", show);
  document.addEventListener("focusout", show);
  document.addEventListener("keydown", press, true);
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => { waiting = false; oneStop(); }, 200);
  }).observe(document.body, { childList: true, subtree: true });
  oneStop();
}
""",
)


def keyboard() -> None:
    """Starts listening; draws nothing."""
    _keyboard(key="keyboard")
