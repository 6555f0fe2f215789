"""A run as a Jupyter notebook."""

import json
from collections.abc import Iterable
from typing import Any

from nnlab.export.pytorch_script import sections, title
from nnlab.spec import Experiment, as_seeds


def notebook(experiment: Experiment, seeds: int | Iterable[int] = 1) -> str:
    """The code of `pytorch_script.script` as a notebook (the JSON text of an .ipynb), explained cell by cell."""
    cells = [_cell(0, "markdown", f"# {title(experiment)}\n\nMade by nnlab.")]
    for part in sections(experiment, as_seeds(seeds)):
        cells += [_cell(len(cells), "markdown", f"## {part.title}\n\n{part.text}")]
        cells += [_cell(len(cells), "code", part.code.strip()) | {"execution_count": None, "outputs": []}]
    about = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    content = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, ensure_ascii=False, indent=1)


def _cell(number: int, kind: str, text: str) -> dict[str, Any]:
    return {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": text.splitlines(keepends=True)}
