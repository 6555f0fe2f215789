"""The date of an assignment, as a class says it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from nnlab.ui.shared.due import is_over, until_words
from nnlab.ui.shell.text import text

NOW = datetime(2026, 12, 2, 12, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("due", "english", "spanish"),
    [
        ((2026, 12, 4, 17), "until Friday at 18:00 (in 2 days)", "hasta el viernes a las 18:00 (dentro de 2 días)"),
        (
            (2026, 12, 2, 15),
            "until Wednesday at 16:00 (in 3 hours)",
            "hasta el miércoles a las 16:00 (dentro de 3 horas)",
        ),
        (
            (2026, 12, 11, 17),
            "until Friday, December 11 at 18:00 (in 1 week)",
            "hasta el viernes, 11 de diciembre a las 18:00 (dentro de 1 semana)",
        ),
        (
            (2027, 1, 8, 8, 5),
            "until Friday, January 8, 2027 at 9:05 (in 1 month)",
            "hasta el viernes, 8 de enero de 2027 a las 9:05 (dentro de 1 mes)",
        ),
        (
            (2026, 12, 2, 9),
            "was due on Wednesday at 10:00 (3 hours ago)",
            "el plazo terminó el miércoles a las 10:00 (hace 3 horas)",
        ),
    ],
)
def test_a_date_is_said_in_the_visitors_time_zone_and_language(due, english, spanish):
    moment, zone = datetime(*due, tzinfo=UTC), ZoneInfo("Europe/Madrid")
    assert until_words(moment, text("en"), NOW, zone) == english
    assert until_words(moment, text("es"), NOW, zone) == spanish
    assert is_over(moment, NOW) == english.startswith("was")


def test_without_a_date_nothing_is_late():
    assert not is_over(None)
