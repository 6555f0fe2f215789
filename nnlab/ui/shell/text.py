"""Languages: one catalogue a language, looked up per visitor, never installed for the whole process.

The English text in the code is the message id. `locale/<language>/*.po` hold the translations, one file a page, read
as they are: there is nothing to compile.
"""

from __future__ import annotations

import gettext
import io
import re
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = {"es": "Español", "en": "English"}
LOCALE = Path(__file__).parents[1] / "locale"
MINUS = "−"


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    merged = Catalog(locale=language)
    for path in sorted((LOCALE / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id:
                    merged[message.id] = message
    if not len(merged):
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


class Text:
    """What one visitor reads: `t("Depth")`, `t("{n} samples", n=3)`, and numbers as the language writes them."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalogue = _catalogue(language)

    def __call__(self, message: str, **values: object) -> str:
        text = self._catalogue.gettext(message) if message else ""
        return text.format(**values) if values else text

    def many(self, one: str, more: str, n: int, **values: object) -> str:
        """`one` or `more` by the language's rule; `{n}` is the number, written out."""
        return self._catalogue.ngettext(one, more, n).format(n=self.whole(n), **values)

    # numbers

    def whole(self, value: float) -> str:
        """12,345 (es: 12.345)."""
        text = f"{round(value):,}"
        return text.replace(",", ".") if self.language == "es" else text

    def number(self, value: float | None, digits: int = 3) -> str:
        """With so many significant digits: 0.0630, 12.3, 1.20e−5."""
        if value is None or value != value:
            return "–"
        if value in (float("inf"), float("-inf")):
            return "∞" if value > 0 else MINUS + "∞"
        size = abs(value)
        if size == 0:
            return "0"
        if size < 1e-4 or size >= 1e6:
            mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
            text = f"{mantissa}e{int(power)}"
        else:
            places = 0
            while size < 10 ** (digits - 1 - places) and places < digits + 3:
                places += 1
            text = f"{value:.{places}f}"
        text = text.replace("-", MINUS)
        return text.replace(".", ",") if self.language == "es" else text

    def plain(self, value: float) -> str:
        """All digits, without a separator of thousands: 60000, 0.01, 1e-5."""
        text = re.sub(r"e([-+])0?", lambda sign: "e" + sign[1].strip("+"), f"{value:g}")
        return text.replace(".", ",") if self.language == "es" else text

    def percent(self, value: float | None, digits: int = 1) -> str:
        """A share as 96.1 % (es: 96,1 %)."""
        if value is None or value != value:
            return "–"
        text = f"{100 * value:.{digits}f} %".replace("-", MINUS)
        return text.replace(".", ",") if self.language == "es" else text

    def score(self, value: float | None, kind: str) -> str:
        """A score as its kind is written: accuracy in percent, mean squared error as a number."""
        return self.percent(value) if kind == "accuracy" else self.number(value)

    def interval(self, mean: float, low: float, high: float, kind: str = "accuracy") -> str:
        """96.1 ± 0.3 (in points for accuracy); only the mean where there is no interval."""
        scale = 100 if kind == "accuracy" else 1
        if mean != mean:
            return "–"
        if kind == "accuracy":
            text = f"{scale * mean:.1f}"
            half = f" ± {scale * (high - low) / 2:.1f}" if high == high else ""
            return (text + half).replace(".", "," if self.language == "es" else ".")
        half = f" ± {self.number((high - low) / 2, 2)}" if high == high else ""
        return self.number(mean) + half

    def seconds(self, value: float | None) -> str:
        """A length of time: 1.2 s, 3 min, 2 h."""
        if value is None or value != value:
            return "–"
        if value < 0.95:
            return f"{self.number(max(value, 0), 1)} s" if value >= 0.05 else "0 s"
        if value < 9.95:
            return f"{self.number(value, 2)} s"
        if value < 90:
            return f"{value:.0f} s"
        return f"{value / 60:.0f} min" if value < 5400 else f"{self.number(value / 3600, 2)} h"

    def memory(self, value: float) -> str:
        """Bytes as one says them: 1.2 GB."""
        return f"{value / 1e9:.1f} GB".replace(".", "," if self.language == "es" else ".")


@cache
def text(language: str) -> Text:
    """The texts of a language; Spanish where it is not known."""
    return Text(language if language in LANGUAGES else "es")


def mark(message: str) -> str:
    """Marks a text for the catalogue where it is not looked up yet (tables of labels)."""
    return message
