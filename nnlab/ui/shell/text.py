"""Languages: one catalogue a language, looked up per visitor, never installed for the whole process.

The English text in the code is the message id. `locale/<language>/*.po` hold the translations, one file a page, read
as they are: there is nothing to compile. A further language is a line in `LANGUAGES` and such a folder.
"""

import math
import re
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import get_decimal_symbol, get_group_symbol
from babel.support import Translations

LANGUAGES = {"es": "Español", "en": "English"}
LOCALE = Path(__file__).parents[1] / "locale"
Texts = Mapping[str, str]
"""The type of a table whose values are texts for the catalogue, looked up later."""
MINUS = "−"
UNKNOWN = "–"
"""Stands for a number that does not exist (None or NaN)."""


class Text:
    """The texts and numbers of one language: `t("Depth")`, `t("{n} samples", n=3)`, `t.percent(0.961)`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._symbols = str.maketrans({".": get_decimal_symbol(language), ",": get_group_symbol(language)})
        self._translations = Translations()
        for path in sorted((LOCALE / language).glob("*.po")):
            with path.open("rb") as source, BytesIO() as compiled:
                write_mo(compiled, read_po(source, locale=language))
                compiled.seek(0)
                self._translations = Translations(compiled).merge(self._translations)

    def __call__(self, message: str, **values: object) -> str:
        text = self._translations.gettext(message) if message else ""  # gettext returns the file's header for ""
        return text.format(**values) if values else text

    def many(self, one: str, more: str, n: int, **values: object) -> str:
        """The plural form for `n`, by the language's rule; `{n}` is the number, written out."""
        return self._translations.ngettext(one, more, n).format(n=self.whole(n), **values)

    def written(self, number: str) -> str:
        """An English number text (12,345.6) with the language's decimal and group signs."""
        return number.translate(self._symbols)

    def _signed(self, number: str) -> str:
        return self.written(number).replace("-", MINUS)

    def whole(self, value: float) -> str:
        """12,345 (es: 12.345)."""
        return self._signed(f"{round(value):,}")

    def number(self, value: float | None, digits: int = 3) -> str:
        """With so many significant digits: 0.0630, 12.3, 1.20e−5."""
        if value is None or math.isnan(value):
            return UNKNOWN
        if math.isinf(value):
            return "∞" if value > 0 else MINUS + "∞"
        size = abs(value)
        if size == 0:
            return "0"
        if size < 1e-4 or size >= 1e6:
            mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
            text = f"{mantissa}e{int(power)}"
        else:
            text = f"{value:.{max(0, digits - 1 - math.floor(math.log10(size)))}f}"
        return self._signed(text)

    def plain(self, value: float) -> str:
        """All digits, without a separator of thousands: 60000, 0.01, 1e−5."""
        text = re.sub(r"e([-+])0?", lambda sign: "e" + sign[1].strip("+"), f"{value:.12g}")
        return self._signed(text)

    def percent(self, value: float | None, digits: int = 1) -> str:
        """A share as 96.1 % (es: 96,1 %)."""
        if value is None or math.isnan(value):
            return UNKNOWN
        return self._signed(f"{100 * value:z.{digits}f} %")

    def score(self, value: float | None, kind: str) -> str:
        """A score in the form of its kind: accuracy in percent, mean squared error as a number."""
        return self.percent(value) if kind == "accuracy" else self.number(value)

    def interval(self, mean: float, low: float, high: float, kind: str = "accuracy") -> str:
        """96.1 ± 0.3 (in points for accuracy); only the mean where there is no interval."""
        if math.isnan(mean):
            return UNKNOWN
        half = (high - low) / 2
        if kind == "accuracy":
            spread = "" if math.isnan(high) else f" ± {100 * half:.1f}"
            return self._signed(f"{100 * mean:z.1f}{spread}")
        return self.number(mean) + ("" if math.isnan(high) else f" ± {self.number(half, 2)}")

    def seconds(self, value: float | None) -> str:
        """A length of time: 7 ms, 0.3 s, 1.2 s, 3 min, 2 h."""
        if value is None or math.isnan(value):
            return UNKNOWN
        if value < 0.05:
            return f"{math.ceil(1000 * value)} ms" if value > 0 else "0 s"
        if value < 0.95:
            return f"{self.number(value, 1)} s"
        if value < 9.95:
            return f"{self.number(value, 2)} s"
        if value < 90:
            return f"{value:.0f} s"
        return f"{value / 60:.0f} min" if value < 5400 else f"{self.number(value / 3600, 2)} h"

    def size(self, value: float) -> str:
        """A number of bytes in megabytes or gigabytes: 120 MB, 1.9 GB, 2 GB."""
        if value < 999.5e6:
            return f"{value / 1e6:.0f} MB"
        return self.written(f"{value / 1e9:.1f}".removesuffix(".0") + " GB")


@cache
def text(language: str) -> Text:
    """The texts of a language; Spanish if there is no such language."""
    return Text(language if language in LANGUAGES else "es")


def mark(message: str) -> str:
    """Marks a text for the catalogue where it is looked up later; a table of texts is marked by its type, `Texts`."""
    return message


_FORMATTED = re.compile(r"([\\`*_{}\[\]()#+.!|:$<>~&=^@/-])")
"""Characters that Markdown, or Streamlit's additions to it, would format."""
_LINKED = re.compile(r"(?<=www)(?=\.)|(?<=:)(?=//|streamlit:)|(?=@)|(?<=[<>~-])(?=[=>-])", re.IGNORECASE)
"""Places in what becomes a link, a logo or an arrow although it is escaped: addresses are found after that."""


def in_markdown(typed: str) -> str:
    """Something typed, or from a link, for a text that is Markdown: shown as it is, on one line."""
    return _FORMATTED.sub(r"\\\1", _LINKED.sub("\N{WORD JOINER}", " ".join(typed.split())))


def lines_in_markdown(typed: str) -> str:
    """As `in_markdown`, with its lines and paragraphs."""
    paragraphs = typed.split("\n\n")
    return "\n\n".join("  \n".join(map(in_markdown, paragraph.splitlines())) for paragraph in paragraphs)
