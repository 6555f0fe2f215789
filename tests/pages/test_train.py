"""Train: every state of a run, in both languages, for its owner and for others."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from page_app import LANGUAGES, OWNER, SPANISH, STRANGER, address, links, open_page, press, said

from nnlab import Comparison, presets, train
from nnlab.analysis.coverage import covers
from nnlab.datasets.mnist import REASONS
from nnlab.jobs.trouble import Trouble
from nnlab.jobs.worker import work
from nnlab.settings import settings
from nnlab.spec.errors import CONFLICTS, SpecError
from nnlab.store import schema
from nnlab.ui.shared.labels import VERDICTS, WITHOUT_NUMBA
from nnlab.ui.shell.text import text
from nnlab.ui.train.live import _outside

QUICK = presets["activations"].set({"train.epochs": 3, "data.n_samples": 60})
EARLY = QUICK.set({"train.patience": 3, "train.lr": 0.05, "train.epochs": 300})


def open_train(language="en", owner=OWNER, **link):
    return open_page("train", language, owner, link)


def progress(app):
    return app.get("progress")[0].proto.text


def enabled(app):
    keys = ("pause", "resume", "stop", "more-epochs")
    return {key for key in keys for button in app.button if button.key == key and not button.disabled}


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize("preset", ["activations", "binary", "celsius"])
def test_a_finished_run_shows_numbers_curves_scores_and_a_verdict(lab, language, preset):
    run = lab.train_here(presets[preset].set({"train.epochs": 6}), 2, owner=OWNER)
    app, t = open_train(language, run=run.id), text(language)
    assert len(app.metric) == 4
    assert app.metric[0].value not in ("", "–")
    assert len(app.get("vega_lite_chart")) == 3 + (2 if preset == "celsius" else 4)
    assert t("training") in app.table[0].value.to_string()
    assert sum(f"**{t(start)}**" in said(app) for _, _, start, _ in VERDICTS.values() if start) == 1
    assert enabled(app) == {"more-epochs"}


@pytest.mark.parametrize(("language", "word"), [("en", "compiled engine"), ("es", "motor compilado")])
def test_a_run_names_the_engine_that_trained_it(lab, language, word):
    run, attempt = lab.store.create_claimed(QUICK, (0,), OWNER, "")
    assert word not in said(open_train(language, run=run.id))  # none has begun
    lab.store.append(run.id, attempt, [], engine="compiled")
    app, t = open_train(language, run=run.id), text(language)
    facts = next(caption for caption in app.caption if f" · {word} · " in caption.value)
    assert facts.help == t("Compiled: trained by nnlab's own code, which Numba turned into machine code.")
    assert t(WITHOUT_NUMBA) not in said(app)
    lab.store.append(run.id, attempt, [], engine="numpy")
    app = open_train(language, run=run.id)
    assert " · NumPy · " in said(app)
    assert t(WITHOUT_NUMBA) in said(app)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "preparing the compiled engine, only once: about 6 s left"),
        ("es", "preparando el motor compilado, solo una vez: unos 6 s más"),
    ],
)
def test_a_run_that_waits_for_the_engine_says_how_long(lab, language, sentence):
    run, attempt = lab.store.create_claimed(QUICK, (0,), OWNER, "")
    lab.store.heartbeat(run.id, attempt, loading=0.25, note="compiling 6")
    app = open_train(language, run=run.id)
    assert progress(app) == sentence
    assert app.get("progress")[0].proto.value == 25
    assert enabled(app) == {"pause", "stop"}
    charts = [chart.proto.spec for chart in app.get("vega_lite_chart")]
    lab.store.heartbeat(run.id, attempt)
    app = open_train(language, run=run.id)
    assert progress(app) == text(language)("starting: data and initial weights")
    assert [chart.proto.spec for chart in app.get("vega_lite_chart")] == charts  # nothing around it changes


@pytest.mark.parametrize("language", SPANISH)
def test_a_run_whose_engine_is_missing_says_so_in_one_sentence(lab, language):
    run, attempt = lab.store.create_claimed(QUICK, (0,), OWNER, "")
    refused = SpecError.conflict("train.engine", "compiled", "engine_missing")
    lab.store.finish(run.id, attempt, "failed", error=str(refused))
    app, t = open_train(language, run=run.id), text(language)
    assert [error.value for error in app.error] == [f"{t('The training failed.')} {t(CONFLICTS['engine_missing'])}"]


@pytest.mark.parametrize("preset", ["activations", "celsius"])
def test_what_a_tick_draws_is_alone_in_its_box(lab, preset):
    """So that a message lost between two ticks moves nothing: the page once stood still with "Cannot set a node"."""
    app = open_train(run=lab.submit(presets[preset], 2, owner=OWNER).id)
    boxes, alone = list(app.main.children.values()), []
    while boxes:
        box = boxes.pop()
        inside = list(getattr(box, "children", {}).values())
        boxes += inside
        alone += [len(inside) == 1 for one in inside if one.type == "transparent"]  # a fragment's own, in a place
    assert len(alone) >= 10
    assert all(alone)


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize(
    ("data", "own", "facts", "caption"),
    [
        (
            "moons",
            "samples",
            "new samples per seed",
            "The samples shown are those of seed {seed}; every seed draws its own.",
        ),
        ("digits", "split", "a split per seed", "The split shown is that of seed {seed}; every seed has its own."),
        (
            "synthetic",
            "samples",
            "new samples per seed",
            "The samples shown are those of seed {seed}; every seed draws its own.",
        ),
    ],
)
def test_a_run_says_what_its_seeds_vary_and_whose_samples_are_shown(lab, language, data, own, facts, caption):
    experiment = QUICK.set({"data.name": data, "data.n_samples": 150, "data.per_seed": own})
    run, t = lab.train_here(experiment, (3, 8), owner=OWNER), text(language)
    app = open_train(language, run=run.id)
    assert t(facts) in said(app)
    assert any(t(caption, seed=3) in one.value for one in app.caption)
    words = {"samples": t("new samples of this kind"), "split": t("other splits of these data")}[own]
    assert words in said(app)
    images = t.many("{n} validation image", "{n} validation images", 30)
    samples = images if data == "digits" else t.many("{n} validation sample", "{n} validation samples", 30)
    assert t("{samples}: one is {points} points", samples=samples, points=t.number(10 / 3, 2)) in said(app)


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize("data", ["moons", "synthetic", "digits"])
def test_a_folded_run_is_shown_like_any_other_with_its_folds_named(lab, language, data):
    experiment = QUICK.set({"data.name": data, "data.n_samples": 100, "data.folds": 3})
    run = lab.train_here(experiment, 2, owner=OWNER)
    app, t = open_train(language, run=run.id), text(language)
    over = f"{t.many('{n} seed', '{n} seeds', 2)} × {t('{n} folds', n=3)}"
    assert over in said(app)
    covered = covers(run.experiment, "validation").words(t)
    assert t("Mean and 95 % interval over {what}; it covers {covered}.", what=over, covered=covered) in said(app)
    assert app.metric[3].value not in ("", "–")
    assert len(app.get("vega_lite_chart")) == 7
    assert list(app.table[0].value[t("Samples")]) == ["54", "26", "20"]
    waiting = lab.submit(experiment.set({"data.seed": 1}), 2, owner=OWNER)
    assert len(open_train(language, run=waiting.id).get("vega_lite_chart")) == 7


def test_a_run_that_waits_for_its_next_turn_leaves_the_page_around_its_ticks_alone(lab):
    waits = lab.submit(presets["celsius"], owner=OWNER)
    trains = replace(waits, state="running")
    assert _outside(trains) != _outside(waits)  # it begins
    trains = replace(trains, epoch=3)
    assert _outside(trains) == _outside(replace(trains, state="waiting"))
    for state in ("paused", "stopped", "finished", "failed", "interrupted"):
        assert _outside(trains) != _outside(replace(trains, state=state))


@pytest.mark.parametrize("language", SPANISH)
def test_a_waiting_run_shows_its_place_in_the_queue_and_empty_charts(lab, language):
    lab.submit(QUICK, 1, owner=OWNER)
    second = lab.submit(QUICK, 2, owner=OWNER)
    app, t = open_train(language, run=second.id), text(language)
    assert progress(app) == t("waiting: number {n} in the queue", n="2")
    assert [metric.value for metric in app.metric] == ["–"] * 4
    assert len(app.get("vega_lite_chart")) == 7
    assert enabled(app) == {"pause", "stop"}


@pytest.mark.parametrize("language", SPANISH)
def test_a_run_that_equals_one_in_training_says_so_and_shows_its_curves(lab, language):
    theirs, mine = (lab.submit(QUICK, 1, owner=owner) for owner in (STRANGER, OWNER))
    lab.store.append(theirs.id, lab.store.claim(theirs.id), [next(train(QUICK, 1))])
    app, t = open_train(language, run=mine.id), text(language)
    sentence = "the same experiment is being trained for somebody else; its result will be yours too"
    assert progress(app) == t(sentence)
    assert app.get("progress")[0].proto.value == 33
    assert "–" not in [metric.value for metric in app.metric]
    assert theirs.id not in said(app)
    assert enabled(app) == {"pause", "stop"}


@pytest.mark.parametrize("language", SPANISH)
def test_a_run_that_yielded_says_what_it_waits_for_and_keeps_its_progress(lab, language):
    run = lab.submit(QUICK, 1, owner=OWNER)
    attempt = lab.store.claim(run.id)
    assert lab.store.lend_worker()
    assert lab.store.append(run.id, attempt, [next(train(QUICK, 1))]) == "yield"
    lab.store.finish(run.id, attempt, "waiting", requested="yield")
    app, t = open_train(language, run=run.id), text(language)
    assert progress(app) == (
        f"{t('epoch {done} / {all}', done='1', all='3')} · {t('waits for short runs; it continues by itself')}"
    )
    assert app.get("progress")[0].proto.value == 33
    assert enabled(app) == {"pause", "stop"}


@pytest.mark.parametrize("language", SPANISH)
def test_too_many_waiting_runs_are_refused_in_one_sentence(lab, language, monkeypatch):
    monkeypatch.setenv("NNLAB_MAX_WAITING", "1")
    settings.cache_clear()
    run = lab.submit(QUICK, 1, owner=OWNER)
    lab.pause(run.id, OWNER)
    lab.submit(QUICK, 2, owner=OWNER)
    app, t = open_train(language, run=run.id), text(language)
    press(app, "resume")
    assert [error.value for error in app.error] == [f"{t('Waiting runs')}: {t(CONFLICTS['too_many_waiting'])}"]
    assert lab.run(run.id).state == "paused"


def test_the_charts_of_a_run_have_the_same_bytes_at_every_epoch(lab):
    run = lab.train_here(QUICK, 2, owner=OWNER)
    waiting = lab.submit(QUICK.set({"data.seed": 1}), 2, owner=OWNER)
    specs = [[chart.proto.spec for chart in open_train(run=one.id).get("vega_lite_chart")] for one in (run, waiting)]
    assert specs[0][:5] == specs[1][:5]


def test_pausing_resuming_stopping_and_adding_epochs_reach_the_store(lab):
    run = lab.submit(QUICK, 1, owner=OWNER)
    app = open_train(run=run.id)
    press(app, "pause")
    assert lab.run(run.id).state == "paused"
    press(app, "resume")
    assert lab.run(run.id).state == "waiting"
    press(app, "stop")
    assert lab.run(run.id).state == "stopped"
    press(app, "more-epochs")
    assert (lab.run(run.id).state, lab.run(run.id).epochs) == ("waiting", 3 + 5)
    assert not app.exception


@pytest.mark.parametrize("language", SPANISH)
def test_with_patience_numbers_table_and_words_are_of_the_best_epoch_of_every_seed(lab, language):
    run, t = lab.train_here(EARLY, 5, owner=OWNER), text(language)
    first, last = min(run.final_epochs), max(run.final_epochs)
    assert first < last < run.epoch < 300
    app = open_train(language, run=run.id)
    want = [run.results[part][figure] for figure in ("loss", "accuracy") for part in ("train", "validation")]
    means = [np.mean(values) for values in want]
    assert [one.value for one in app.metric] == [*map(t.number, means[:2]), *map(t.percent, means[2:])]
    epochs = t("epochs {first} to {last}", first=t.whole(first), last=t.whole(last))
    assert [one.delta for one in app.metric] == [epochs] * 4
    note = t("Early stopping: each seed ends with the weights of its best epoch ({epochs}).", epochs=epochs)
    assert note in said(app)
    assert f" · {t('finished by early stopping')} · " in progress(app)
    assert not enabled(app)
    with lab.store._write() as db:
        # as an earlier version ended them: none had waited long enough to go back
        older = {name: value for name, value in run.results.items() if name != "final_epoch"}
        older["epochs"] = [epoch + 1 for epoch in run.final_epochs]
        db.execute(schema.runs_table.update().values(results=json.dumps(older)))
    assert note not in said(open_train(language, run=run.id))


def test_the_axes_of_the_curves_end_where_the_run_ended(lab):
    early = lab.train_here(EARLY, 2, owner=OWNER)
    stopped = lab.submit(QUICK.set({"train.epochs": 90}), 1, owner=OWNER)
    attempt = lab.store.claim(stopped.id)
    nine = list(train(QUICK.set({"train.epochs": 9}), 1))
    lab.store.append(stopped.id, attempt, nine, checkpoint=b"from which it continues")
    assert epoch_axes(open_train(run=stopped.id)) == {90}
    lab.store.finish(stopped.id, attempt, "paused")
    assert epoch_axes(open_train(run=stopped.id)) == {90}
    lab.resume(stopped.id, OWNER)
    lab.store.finish(stopped.id, lab.store.claim(stopped.id), "stopped")
    assert epoch_axes(open_train(run=stopped.id)) == {9}
    assert epoch_axes(open_train(run=early.id)) == {early.epoch}


def epoch_axes(app):
    """Where the axes of epochs of the loss, the score and the gap end."""
    found = re.findall(
        r'"field": "epoch"[^}]*?"scale": {[^}]*?"domain": \[1, (\d+)\]',
        "".join(json.dumps(json.loads(one.proto.spec), sort_keys=True) for one in app.get("vega_lite_chart")),
    )
    assert len(found) >= 3
    return set(map(int, found))


def loss_scale(app):
    """The scale of the axis of losses, and what the switch says."""
    spec = next(one.proto.spec for one in app.get("vega_lite_chart") if one.proto.alt == "Loss by epoch")
    switch = next(one for one in app.get("button_group") if one.key == "loss-scale")
    return ("log" if '"type": "log"' in json.dumps(json.loads(spec)) else "linear"), switch.value


def test_losses_over_more_than_two_decades_are_logarithmic_until_linear_is_chosen(lab):
    short, long = (lab.train_here(presets["celsius"].set({"train.epochs": n}), 1, owner=OWNER) for n in (2, 500))
    assert loss_scale(open_train(run=short.id)) == ("linear", "linear")
    app = open_train(run=long.id)
    assert loss_scale(app) == ("log", "log")
    assert "scale" not in address(app)
    next(one for one in app.get("button_group") if one.key == "loss-scale").set_value("linear").run()
    assert loss_scale(app) == ("linear", "linear")
    assert address(app)["scale"] == "linear"
    assert loss_scale(open_train(run=short.id, scale="log")) == ("log", "log")


def test_numbers_are_over_all_seeds_while_some_have_stopped_early(lab):
    run, attempt = lab.store.create_claimed(EARLY, tuple(range(5)), OWNER, "")
    training = train(EARLY, 5)
    epochs = [next(training)]
    lab.store.append(run.id, attempt, epochs)
    assert "still training" not in progress(open_train(run=run.id))
    while not np.isnan(epochs[-1].train_loss).any():
        epochs.append(next(training))
    lab.store.append(run.id, attempt, epochs[1:])
    app = open_train(run=run.id)
    gone = np.isnan(epochs[-1].train_loss)
    assert f" · {5 - gone.sum()} of 5 still training" in progress(app)
    best = [epochs[training.best_epoch[seed] - 1] if gone[seed] else epochs[-1] for seed in range(5)]
    assert app.metric[0].value == text("en").number(np.mean([one.train_loss[seed] for seed, one in enumerate(best)]))


@pytest.mark.parametrize("language", SPANISH)
def test_more_epochs_for_a_run_of_a_comparison_open_a_copy_of_it(lab, language):
    made = lab.submit_comparison(Comparison(QUICK, vary="depth", values=[1, 2], seeds=2), OWNER)
    work()
    cell = lab.comparison(made.id).cells[0]
    app, t = open_train(language, run=cell.run.id), text(language)
    press(app, "more-epochs")
    copy = lab.run(address(app)["run"])
    assert (copy.epochs, copy.state, copy.comparison) == (8, "waiting", None)
    assert [toast.value for toast in app.toast] == [
        t("The comparison or assignment keeps its run. This is a copy that trains longer.")
    ]
    assert lab.comparison(made.id).cells[0] == cell


def test_more_than_the_limits_allow_is_refused_in_one_sentence(lab):
    run = lab.submit(QUICK.set({"train.epochs": 5000}), 1, owner=OWNER)
    lab.stop(run.id, OWNER)
    app = open_train(run=run.id)
    press(app, "more-epochs")
    assert [error.value for error in app.error] == ["Epochs: 5,500 is out of range; allowed is from 1 to 5,000."]
    assert lab.run(run.id).epochs == 5000


@pytest.mark.parametrize("language", SPANISH)
def test_others_see_a_run_without_buttons_that_change_it(lab, language):
    run = lab.train_here(QUICK, 1, owner=OWNER)
    app = open_train(language, owner=STRANGER, run=run.id)
    assert text(language)("This is someone else's: you can look at it, but not change it.") in said(app)
    assert not enabled(app)


@pytest.mark.parametrize("language", SPANISH)
def test_without_a_run_the_page_leads_to_build_and_the_presets(lab, language):
    app, t = open_train(language), text(language)
    assert t("Nothing trained yet") in said(app)
    assert {t("Build a network"), t("See the presets")} <= links(app).keys()


def test_without_a_run_in_the_link_the_one_under_way_comes_first(lab):
    waiting = lab.submit(QUICK, 1, owner=OWNER)
    lab.train_here(QUICK.set({"data.seed": 3}), 1, owner=OWNER)
    app = open_train()
    assert address(app)["run"] == waiting.id


def test_an_unknown_run_is_one_sentence(lab):
    assert "There is no readable run at this address; it may have been deleted, or a newer nnlab stored it." in said(
        open_train(run="nothing")
    )


@pytest.mark.parametrize(("reason", "language"), zip(REASONS, (*LANGUAGES, *LANGUAGES), strict=True))
def test_digits_are_offered_where_mnist_cannot_be_downloaded(lab, reason, language):
    run = lab.submit(presets["mnist"], 1, owner=OWNER)
    attempt = lab.store.claim(run.id)
    lab.store.finish(run.id, attempt, "failed", error=REASONS[reason])
    app, t = open_train(language, run=run.id), text(language)
    assert t(REASONS[reason]) in said(app)
    assert "data.name=digits" in links(app)[t("Open it with the 8×8 digits")].query_string
    assert "resume" in enabled(app)


@pytest.mark.parametrize("language", SPANISH)
def test_a_waiting_run_says_which_workers_are_missing_and_why(lab, language):
    run = lab.submit(QUICK, 1, owner=OWNER)
    t = text(language)
    waits = progress(open_train(language, run=run.id))
    lab._dispatcher.trouble = Trouble("dying", "killed by `SIGKILL`", 0, 2)
    app = open_train(language, run=run.id)
    sentence = t(
        "The workers end again and again ({detail}). They are started again after ever longer pauses.",
        detail="`killed by  SIGKILL `",
    )
    assert progress(app) == f"{t('waiting')} · {sentence}"
    assert f":material/build: {sentence}" in [one.value for one in app.sidebar.caption]
    lab._dispatcher.trouble = Trouble("missing", "", 1, 2)
    app = open_train(language, run=run.id)
    assert progress(app) == waits  # the other one will train it
    assert any(":material/build: " in one.value and "1" in one.value for one in app.sidebar.caption)
    lab._dispatcher.trouble = None
    assert not any("build:" in one.value for one in open_train(language, run=run.id).sidebar.caption)


@pytest.mark.parametrize(("language", "words"), [("en", "needed more memory"), ("es", "necesitó más memoria")])
def test_a_run_that_needed_too_much_memory_says_so_and_what_to_do(lab, language, words):
    run = lab.submit(QUICK, 1, owner=OWNER)
    lab.store.finish(run.id, lab.store.claim(run.id), "failed", error="The training needed …", note="memory")
    failed = [one.value for one in open_train(language, run=run.id).error]
    assert len(failed) == 1
    assert words in failed[0]
    assert "MB" in failed[0] or "GB" in failed[0]
    again = lab.submit(QUICK, [1], owner=OWNER)
    lab.store.finish(again.id, lab.store.claim(again.id), "interrupted", note="memory")
    assert words in said(open_train(language, run=again.id))


def test_an_interrupted_run_is_marked_and_can_be_resumed(lab):
    run = lab.submit(QUICK, 1, owner=OWNER)
    lab.store.finish(run.id, lab.store.claim(run.id), "interrupted")
    app = open_train(run=run.id)
    assert "was interrupted" in said(app)
    assert "resume" in enabled(app)


def test_overlaid_runs_are_part_of_the_link(lab):
    first = lab.train_here(QUICK, 1, owner=OWNER)
    second = lab.train_here(QUICK.set({"data.seed": 3}), 1, owner=OWNER)
    app = open_train(run=second.id)
    app.multiselect(key="overlay").set_value([first.id]).run()
    assert address(app)["with"] == first.id
    assert any(
        '"run:N"' in chart.proto.spec or '"field":"run"' in chart.proto.spec.replace(" ", "")
        for chart in app.get("vega_lite_chart")
    )
    assert not app.exception


def test_a_deleted_run_can_be_brought_back_by_its_owner(lab):
    run = lab.train_here(QUICK, 1, owner=OWNER)
    lab.delete(run.id, OWNER)
    app = open_train(run=run.id)
    press(app, "restore")
    assert not lab.run(run.id).deleted
