"""Why log-sum-exp: log-softmax computed directly and with the trick, on large logits."""

from typing import Any

import numpy as np
import streamlit as st

from nnlab.scratch.core import LogSoftmax
from nnlab.scratch.steps import naive_log_softmax, overflow, source
from nnlab.ui.shell.frame import Page


def large_logits(page: Page) -> None:
    """Log-softmax computed directly and with the log-sum-exp trick, side by side."""
    t = page.t
    st.markdown(f"#### {t('Why log-sum-exp?')}")
    large = st.toggle(
        t("Logits of 1,000"),
        key="step-large",
        help=t("A very confident network, or badly scaled inputs, give numbers like these."),
    )
    logits = np.array([1000.0, 999.0, 0.0]) if large else np.array([2.0, 1.0, -1.0])
    naive, stable, said = overflow(logits)
    left, right = st.columns(2, gap="medium")
    for column, heading, values, function, complaints in (
        (left, t("Directly: log(softmax)"), naive, naive_log_softmax, said),
        (right, t("With log-sum-exp"), stable, LogSoftmax.forward, []),
    ):
        with column, st.container(border=True):
            st.markdown(f"**{heading}**")
            x, y = (
                rf"\begin{{bmatrix}} {' & '.join(_raw(v, t) for v in row)} \end{{bmatrix}}" for row in (logits, values)
            )
            st.latex(rf"\begin{{aligned}} x &= {x} \\[4pt] y &= {y} \end{{aligned}}")
            if complaints:
                kinds = {
                    "overflow": t("overflow"),
                    "invalid value": t("invalid value"),
                    "divide by zero": t("divide by zero"),
                }
                st.markdown(f":red[:material/warning: NumPy: {', '.join(kinds.get(c, c) for c in complaints)}]")
            elif np.isfinite(values).all():
                st.markdown(f":green[:material/check: {t('All values are finite.')}]")
            lines = source(function)
            st.markdown(f":material/code: {lines.file}, {t('line {n}', n=lines.line)}")
            st.code(lines.text, language="python", height=210, wrap_lines=True)
    st.caption(
        t(
            "e to the power of 1,000 is larger than any floating-point number. Subtracting the largest logit "
            "first does not change the result, and then no exponent is above 0."
        )
    )


def _raw(value: float, t: Any) -> str:
    if np.isnan(value):
        return r"\mathrm{nan}"
    if np.isinf(value):
        return r"\infty" if value > 0 else r"-\infty"
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return str(t.written(text)).replace(",", "{,}")
