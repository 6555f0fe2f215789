"""Names that tell runs apart: what differs follows what they have in common."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from nnlab.store import Run
from nnlab.ui.shared.comparison_naming import knob_name
from nnlab.ui.shared.labels import FIELDS
from nnlab.ui.shared.naming import moment, run_title, seeds_words, value_name
from nnlab.ui.shell.text import Text

_PATHS = [path for path in FIELDS if path.count(".") == 1]  # "train.start_from" has its parts in its words


def distinct_titles(runs: Sequence[Run], t: Text) -> dict[str, str]:
    """The title of each run by its id. Equal titles are followed by the few settings that differ, or by the time."""
    same: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        same[run_title(run, t)].append(run)
    titles: dict[str, str] = {}
    for title, group in same.items():
        more = _differences(group, t) if len(group) > 1 else [""]
        titles |= {run.id: " · ".join(filter(None, (title, words))) for run, words in zip(group, more, strict=True)}
    return titles


def _differences(runs: Sequence[Run], t: Text) -> list[str]:
    """What tells these runs apart: as few settings as possible, of those that differ."""
    differing = [path for path in _PATHS if len({str(run.experiment.knob(path)) for run in runs}) > 1]
    words = [[_words(run, path, t) for path in differing] + [seeds_words(run, t)] for run in runs]
    chosen: list[int] = []
    apart = 1  # how many names there are

    def names(columns: Sequence[int]) -> list[str]:
        return [" · ".join(row[column] for column in columns) for row in words]

    while apart < len(runs):
        best = max(range(len(words[0])), key=lambda column: len(set(names([*chosen, column]))))
        if len(set(names([*chosen, best]))) == apart:
            break
        chosen.append(best)
        apart = len(set(names(chosen)))
    found = names(chosen)
    times = Counter(found)
    return [
        " · ".join(filter(None, (name, _time(run, t) if times[name] > 1 else "")))
        for run, name in zip(runs, found, strict=True)
    ]


def _words(run: Run, path: str, t: Text) -> str:
    return f"{knob_name(path, t)} {value_name(path, run.experiment.knob(path), t)}"


def _time(run: Run, t: Text) -> str:
    return f"{moment(run.created, t)}:{run.created.second:02}"
