"""Links from a run to an experiment on the Build page, and the overlay of several runs."""

from nnlab.analysis.diagnosis import Diagnosis
from nnlab.spec import Experiment, seeds_text
from nnlab.store import Run
from nnlab.training.transfer import started_from
from nnlab.ui.shared.remedies import remedy
from nnlab.ui.shell.frame import Page

MOST_OVERLAID = 6


def experiment_link(run: Run, experiment: Experiment | None = None) -> dict[str, str]:
    """The parameters of a link to an experiment with a run's seeds; the run's own experiment unless one is given."""
    return {**(experiment or run.experiment).to_query(), "seeds": seeds_text(run.seeds)}


def start_link(page: Page, run: Run) -> None:
    """A link to an experiment that starts from this run's weights; none where they cannot be reused."""
    started = started_from(run.experiment) if run.experiment.task != "regression" else None
    if started is not None:
        page.link(
            "build",
            page.t("Reuse its weights"),
            experiment_link(run, started),
            icon=":material/step_over:",
            disabled=run.state != "finished",
        )


def remedy_link(page: Page, run: Run, diagnosis: Diagnosis) -> None:
    """A link to the run's experiment with the one change to try first; none if its verdict needs none."""
    if tried := remedy(diagnosis, run.experiment, page.t):
        words, experiment = tried
        page.link("build", words, experiment_link(run, experiment), icon=":material/lightbulb:")
