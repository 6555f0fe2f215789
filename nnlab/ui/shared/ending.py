"""The end of a training, as it is announced to screen readers."""

from nnlab.store import Run
from nnlab.ui.shared.labels import STATES
from nnlab.ui.shared.run_row import score_text
from nnlab.ui.shell.announce import announce
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text


def announce_end(page: Page, run: Run) -> None:
    """Announces the end of a run; call it also before, so that the page already listens."""
    announce(end_words(run, page.t), run.finished)


def end_words(run: Run, t: Text) -> str:
    """ "Training finished: accuracy 96.1 %"; empty before the end."""
    if run.active or run.state == "paused":
        return ""
    if run.state != "finished":
        return t("Training: {state}", state=t(STATES[run.state].word))
    name = t("accuracy") if run.experiment.score == "accuracy" else t("mean squared error")
    return t("Training finished: {name} {score}", name=name, score=score_text(run, t))
