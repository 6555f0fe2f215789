"""The layer table as a data frame."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from nnlab.spec.layer_table import LayerRow
from nnlab.ui.shell.text import Text, mark

_LAYER_NAMES = {"Input": mark("Input"), "Output": mark("Output")}


def layers_frame(rows: Sequence[LayerRow], t: Text) -> pd.DataFrame:
    """The layer table with headings in the visitor's language."""

    def name(row: LayerRow) -> str:
        if row.name in _LAYER_NAMES:
            return t(_LAYER_NAMES[row.name])
        return t("Hidden {n}", n=row.name.rpartition(" ")[2])

    return pd.DataFrame(
        {
            t("Layer"): [name(row) for row in rows],
            t("What it does"): [
                row.kind + (" + x" if row.skip else "") + (f" ({t('frozen')})" if row.frozen else "") for row in rows
            ],
            t("Output shape"): [row.output_shape for row in rows],
            t("Parameters"): [row.parameters for row in rows],
            t("Formula"): [row.formula for row in rows],
        }
    )
