"""Why a run broke off, in words."""

from nnlab.engines.costs import estimate_bytes
from nnlab.jobs.memory import worker_bytes
from nnlab.spec.errors import CONFLICTS
from nnlab.store import Run
from nnlab.ui.shell.text import Text, in_markdown

LARGE = 0.6  # of a worker's memory: a run that is estimated to take more may have been ended for want of it


def failure_words(run: Run, t: Text) -> str:
    """Why a run is interrupted or failed and what to do, as Markdown."""
    if run.state == "interrupted":
        if run.note == "memory" or estimate_bytes(run.experiment, len(run.seeds)) > LARGE * worker_bytes():
            return t(
                "This run was interrupted because its worker was ended more than once; it probably needed more memory "
                "than there is. Its progress is saved: resume it when fewer runs are under way, or train fewer seeds "
                "together, a smaller network, smaller batches or fewer samples."
            )
        return t("This run was interrupted because its worker failed more than once. Its progress is saved: resume it.")
    if run.note == "memory":
        return t(
            "The training needed more memory than a worker may use ({size}). Train fewer seeds together, a smaller "
            "network, smaller batches or fewer samples.",
            size=t.size(worker_bytes()),
        )
    told = run.error or ""
    sentence = next((t(one) for one in CONFLICTS.values() if told.endswith(one[1:])), in_markdown(told))
    return f"{t('The training failed.')} {sentence}"
