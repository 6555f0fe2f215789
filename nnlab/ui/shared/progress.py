"""How far a run is, in words."""

from nnlab.lab import Lab
from nnlab.store import Run
from nnlab.ui.shared.cache import curve_rows
from nnlab.ui.shared.labels import STATES
from nnlab.ui.shared.naming import preparing_words
from nnlab.ui.shell.text import Text
from nnlab.ui.shell.trouble_text import trouble_text


def progress_text(lab: Lab, run: Run, t: Text) -> str:
    """What a run waits for, or its epoch and the time left."""
    done = t("epoch {done} / {all}", done=t.whole(run.epoch), all=t.whole(run.epochs))
    if run.state == "waiting":
        if (trouble := lab.trouble) and not trouble.running:
            return f"{t('waiting')} · {trouble_text(trouble, t)}"
        if run.requested_action == "stop":
            return t("stopping")
        if run.follows:
            return t("the same experiment is being trained for somebody else; its result will be yours too")
        if run.note == "yielded":
            return f"{done} · {t('waits for short runs; it continues by itself')}"
        if run.position is None or run.position <= 1:
            return t("waiting: next in the queue")
        return t("waiting: number {n} in the queue", n=t.whole(run.position))
    if run.state != "running":
        early = run.state == "finished" and run.epoch < run.epochs
        state = t("finished by early stopping") if early else t(STATES[run.state].word)
        return f"{done} · {state} · {t('{time} of training', time=t.seconds(run.seconds))}"
    if run.requested_action:
        return f"{done} · {t('pausing after this epoch') if run.requested_action == 'pause' else t('stopping')}"
    if run.loading is not None:
        share = t.percent(run.loading, 0)
        if words := preparing_words(run, t):
            return words
        if run.note == "source":
            return t("training the source experiment, {share}", share=share)
        return t("downloading the data, {share}", share=share)
    if run.epoch == 0:
        return t("starting: data and initial weights")
    parts = [done]
    if (trouble := lab.trouble) and trouble.kind in ("store", "full"):
        return f"{done} · {t('waits until its results can be stored; it continues by itself')}"
    if run.seconds_left is not None:
        parts += [t("{time} left", time=t.seconds(max(1.0, run.seconds_left)))]
    if run.experiment.train.patience and len(rows := curve_rows(lab, run)) and len(run.replicates) > 1:
        training, every = int(rows["training"].iloc[-1]), len(run.replicates)
        if training < every:
            parts += [t("{n} of {all} still training", n=t.whole(training), all=t.whole(every))]
    return " · ".join(parts)
