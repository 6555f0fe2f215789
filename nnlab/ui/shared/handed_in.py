"""The line on Train and Compare that leads from what is handed in back to its assignment."""

import streamlit as st

from nnlab.lab import ComparisonRun, Run
from nnlab.ui.shared.assigned import open_values, page_of
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import in_markdown


def handed_in_line(page: Page, item: Run | ComparisonRun, again: bool = True) -> None:
    """What a run or comparison is handed in for, what its owner expected, and the ways on; nothing for others' ones.

    Parameters
    ----------
    again : bool
        False on the page on which it was built, which names the assignment.
    """
    if page.person.role == "visitor" or item.owner != page.owner:
        return
    t = page.t
    answer = item.comparison if isinstance(item, ComparisonRun) else item.experiment
    for stored in page.lab.store.assignments_of(item.id):
        here = {"assignment": stored.id}
        me = page.lab.store.participant(stored.id, page.owner)
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"handed-in-{stored.id}"):
            title = f"**{in_markdown(stored.assignment.title)}**"
            if again:
                page.link("classroom", title, here, icon=":material/assignment_turned_in:", width="content")
            words = f":material/check: {t('handed in')}"
            if me and me.guess:
                words += f" · {t('You expected: {guess}.', guess=f'**{in_markdown(me.guess)}**')}"
            st.markdown(words, width="content")
            if again and not stored.deleted:
                link = here | open_values(stored.assignment, answer)
                page.link(page_of(stored.assignment), t("Try again"), link, icon=":material/replay:", width="content")
            page.link("classroom", t("Your tries"), here, icon=":material/list:", width="content")
