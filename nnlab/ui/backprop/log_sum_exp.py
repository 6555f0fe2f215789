"""Why log-sum-exp: log-softmax computed directly and with the trick, on large logits."""

import numpy as np
import streamlit as st

from nnlab.scratch.core import LogSoftmax
from nnlab.scratch.steps import naive_log_softmax, overflow, source
from nnlab.ui.backprop.formulas import in_tex, tex
from nnlab.ui.backprop.views import set_formula
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text


def large_logits(page: Page) -> None:
    """Log-softmax computed directly and with the log-sum-exp trick, side by side."""
    t = page.t
    st.markdown(f"#### {t('Why log-sum-exp?')}", anchors=False)
    large = st.toggle(
        t("Logits of 1,000"),
        key="step-large",
        help=t("A very confident network, or badly scaled inputs, give numbers like these."),
    )
    logits = np.array([1000.0, 999.0, 0.0]) if large else np.array([2.0, 1.0, -1.0])
    naive, stable, warnings = overflow(logits)
    kinds = {"overflow": t("overflow"), "invalid value": t("invalid value"), "divide by zero": t("divide by zero")}
    for column, heading, values, function in zip(
        st.columns(2, gap="medium"),
        (t("Directly: log(softmax)"), t("With log-sum-exp")),
        (naive, stable),
        (naive_log_softmax, LogSoftmax.forward),
        strict=True,
    ):
        with column, st.container(border=True):
            st.markdown(f"**{heading}**")
            x, y = (" & ".join(_digits(value, t) for value in row) for row in (logits, values))
            vector = r"\begin{bmatrix} %s \end{bmatrix}"
            set_formula(rf"\begin{{aligned}} x &= {vector % x} \\[4pt] y &= {vector % y} \end{{aligned}}")
            if np.isfinite(values).all():
                st.markdown(f":green[:material/check: {t('All values are finite.')}]")
            else:
                st.markdown(f":red[:material/warning: NumPy: {', '.join(kinds.get(one, one) for one in warnings)}]")
            lines = source(function)
            st.markdown(f":material/code: {lines.file}, {t('line {n}', n=lines.line)}")
            st.code(lines.text, language=None, wrap_lines=True)
    st.caption(
        t(
            "e to the power of 1,000 is larger than any floating-point number. Subtracting the largest logit "
            "first does not change the result, and then no exponent is above 0."
        )
    )


def _digits(value: float, t: Text) -> str:
    """Up to four decimals, in LaTeX."""
    return in_tex(t.written(f"{value:.4f}".rstrip("0").rstrip("."))) if np.isfinite(value) else tex(value, t)
