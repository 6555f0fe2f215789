"""The date of an assignment in words, and a field for it."""

from datetime import UTC, datetime, tzinfo
from typing import Any

import streamlit as st
from babel.dates import format_date, format_skeleton, format_timedelta

from nnlab.ui.shared.naming import visitor_zone
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text

SOON = 6  # days within which the day of the week is enough


def is_over(due: datetime | None, now: datetime | None = None) -> bool:
    """Whether a date has passed."""
    return due is not None and (now or datetime.now(UTC)) > due


def until_words(due: datetime, t: Text, now: datetime | None = None, zone: tzinfo | None = None) -> str:
    """ "until Friday at 18:00 (in 2 days)"; later "was due on Friday at 18:00 (2 days ago)"."""
    now = now or datetime.now(UTC)
    when, left = due_words(due, t, now, zone), due - now
    distance = format_timedelta(left, add_direction=True, threshold=1.2, locale=t.language)
    words = {"when": when, "distance": distance}
    return (
        t("was due on {when} ({distance})", **words)
        if left.total_seconds() < 0
        else t("until {when} ({distance})", **words)
    )


def due_words(due: datetime, t: Text, now: datetime | None = None, zone: tzinfo | None = None) -> str:
    """The day and the hour in the visitor's time zone: "Friday at 18:00", later "Friday, December 4 at 18:00"."""
    zone = zone or visitor_zone()
    here, today = due.astimezone(zone), (now or datetime.now(UTC)).astimezone(zone)
    near = 0 <= (here.date() - today.date()).days <= SOON
    day = format_date(here, "EEEE", locale=t.language)
    if here.year != today.year and not near:
        day = format_date(here, "full", locale=t.language)
    elif not near:
        day += f", {format_skeleton('MMMMd', here, locale=t.language)}"
    return t("{day} at {time}", day=day, time=f"{here:%-H:%M}")


def due_field(page: Page, key: str, now: datetime | None = None) -> None:
    """A field for a date and time in the visitor's time zone; empty: none."""
    value = now and now.astimezone(visitor_zone()).replace(tzinfo=None)
    form: Any = "DD/MM/YYYY" if page.t.language == "es" else "YYYY-MM-DD"
    st.datetime_input(page.t("Due date (optional)"), value, key=key, width=330, format=form)


def typed_due(key: str) -> datetime | None:
    """What stands in a `due_field`."""
    typed = st.session_state.get(key)
    if not isinstance(typed, datetime):
        return None
    zone = visitor_zone()
    return typed.replace(tzinfo=zone) if zone else typed.astimezone()
