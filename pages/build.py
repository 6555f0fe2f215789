"""Build: choose data, network and training; see at once what that is."""

import streamlit as st

from nnlab.engines.costs import estimate_bytes, estimate_seconds
from nnlab.export.pytorch_script import pytorch_code
from nnlab.lab import LimitError
from nnlab.spec.layer_table import layer_table
from nnlab.ui.build.form import Form
from nnlab.ui.build.layers_frame import layers_frame
from nnlab.ui.build.start_from import start_fields
from nnlab.ui.shared.labels import problem_text
from nnlab.ui.shared.lr_finder import rate_finder
from nnlab.ui.shared.pictures import data_picture, data_problem, network_picture
from nnlab.ui.shell.frame import open_page

page = open_page("build")
t = page.t
form = Form(t, page.query())
exp, seeds = form.experiment, form.seeds
listens = exp.data.facts.uses
if form.link_error:
    st.warning(
        t(
            "The link contains an invalid value; it was ignored. {problem}",
            problem=" ".join(problem_text(problem, t) for problem in form.link_error.problems),
        ),
        icon=":material/link_off:",
    )


def train() -> None:
    """Submits the draft; the page turns to the live view."""
    try:
        st.session_state["opened-run"] = page.lab.submit(exp, seeds, owner=page.owner).id
    except LimitError as error:
        st.session_state["refused"] = problem_text(error.problems[0], t)


with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute", key="build-head"):
    st.title(t("Build a network"), anchor=False, width="content")
    limit = (page.lab.check(exp, seeds) or data_problem(exp.data)) if form.ok else None
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        st.button(
            t("Train"),
            icon=":material/play_arrow:",
            type="primary",
            on_click=train,
            disabled=not form.ok or limit is not None,
            key="train",
            shortcut="Ctrl+Enter",
        )
        page.link("compare", t("Compare"), exp.to_query(), width="content")
if opened := st.session_state.pop("opened-run", None):
    page.go("train", {"run": opened})
if refused := st.session_state.pop("refused", None):
    st.error(refused, icon=":material/block:")
if form.problems:
    first = problem_text(next(iter(form.problems.values())), t)
    st.error(t("{problem} Below is the last experiment that was possible.", problem=first), icon=":material/error:")
elif limit is not None:
    st.error(problem_text(limit, t), icon=":material/block:")

data, network, training = st.columns([10, 12, 10], border=True, gap="small")
with data:
    st.markdown(f"#### 1 · {t('Data')}")
    form.choose("data.name")
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        if "n_samples" in listens:
            form.number("data.n_samples", 50)
    with right:
        if "noise" in listens:
            form.number("data.noise", 0.05)
    data_picture(page, exp.data)
    with st.expander(t("More")):
        if "labels" in listens:
            form.classes()
        if "features" in listens:
            form.number("data.features", 1)
            form.number("data.classes", 1)
        if exp.data.facts.splits:
            form.validation()
            if not exp.data.facts.own_test:
                form.number("data.test", 0.05)
        form.choose("data.scaling")
        form.number("data.seed", 1)

with network:
    st.markdown(f"#### 2 · {t('Network')}")
    if st.session_state.get("layer-by-layer") or form.irregular:
        form.layer_by_layer()
    else:
        form.depth_and_width()
    form.choose("model.activation")
    network_picture(page, exp)
    with st.expander(t("More")):
        st.toggle(
            t("Layer by layer"),
            key="layer-by-layer",
            help=t("Every layer with a width and settings of its own."),
            persist_state="session",
        )
        form.choose("model.norm")
        form.number("model.dropout", 0.05)
        form.toggle("model.residual")
        form.choose("model.init")
        if exp.model.init == "normal":
            form.number("model.init_scale", 0.05)

with training:
    st.markdown(f"#### 3 · {t('Training')}")
    form.choose("train.optimizer")
    form.number("train.lr", 0.001)
    rate_finder(page, exp, lambda rate: form.set(train__lr=rate))
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        form.number("train.epochs", 10)
    with right:
        form.number("train.batch_size", 8)
    form.seeds_field()
    st.caption(
        t("What it costs"),
        help=t("Parameters of one seed; steps (batches × epochs); time and memory of a worker for all seeds."),
    )
    left, right = st.columns(2)
    left.metric(t("Parameters"), t.whole(exp.parameters))
    right.metric(t("Time"), t.seconds(estimate_seconds(exp, len(seeds))))
    steps = t.many("{n} step in all", "{n} steps in all", exp.steps_per_epoch * exp.train.epochs)
    needs = t("needs about {size}", size=t.memory(estimate_bytes(exp, len(seeds))))
    before = t("before that, what it starts from, where it has not been trained with these seeds")
    st.caption(f"{steps} · {needs}" + (f" · {before}" if exp.train.start_from else ""))
    with st.expander(t("More")):
        form.choose("train.schedule")
        form.number("train.l2", 0.001)
        form.number("train.patience", 5)
        form.choose("train.loss")
        form.choose("train.engine")
        start_fields(page, form)

layers_tab, code_tab, link_tab = st.tabs([t("Layers"), t("PyTorch code"), t("Link")])
with layers_tab:
    rows = layer_table(exp)
    st.dataframe(layers_frame(rows, t), hide_index=True, alt=t("The layers, their output shapes and parameters"))
    total = t("{total} trainable parameters in all", total=t.whole(exp.parameters))
    frozen = t("{n} more are frozen", n=t.whole(exp.frozen_parameters))
    st.caption(f"{total}; {frozen}" if exp.frozen_parameters else total)
with code_tab:
    st.code(pytorch_code(exp), language="python", height=420)
with link_tab:
    st.write(t("The address bar holds this experiment. Whoever opens the link sees the same, and can change it."))
    link = {**form.query(), "lang": t.language}
    st.code(page.address("build", link), language=None, wrap_lines=True)
    st.caption(t("As text, for a script or the command line (nnlab train FILE.json):"))
    st.code(exp.to_json(), language="json", wrap_lines=True)

if form.ok:
    page.set_query(form.query())
