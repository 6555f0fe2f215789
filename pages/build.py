"""Build: choose data, network and training, and see at once what they are."""

import streamlit as st

from nnlab.engines.costs import estimate_bytes, estimate_seconds
from nnlab.export.pytorch_code import pytorch_code
from nnlab.store.budget import stored_bytes
from nnlab.ui.build.form import Form
from nnlab.ui.build.hidden_layers import hidden_layers
from nnlab.ui.build.panels import data_panel, layers_frame, network_picture
from nnlab.ui.build.start_from import start_fields
from nnlab.ui.shared.lr_finder import rate_finder
from nnlab.ui.shared.naming import disk_words, wait_words
from nnlab.ui.shared.pictures import data_problem
from nnlab.ui.shared.problems import link_warning, problem_text
from nnlab.ui.shared.run_links import open_submitted, submit
from nnlab.ui.shell.frame import open_page

page = open_page("build")
t = page.t
form = Form(t, page.query())
exp, seeds = form.experiment, form.seeds
if not form.problems:
    page.set_query(form.query())  # before a fragment ticks, as on Compare
link_warning(page, form.link_problems)

with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute", key="build-head"):
    st.title(t("Build a network"), anchor=False, width="content")
    limit = None if form.problems else page.lab.check(exp, seeds) or data_problem(exp.data, seeds)
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        # no callback: a field may pass on what was typed with the same click
        good = not (form.problems or limit)
        look = {"icon": ":material/play_arrow:", "type": "primary", "key": "train", "disabled": not good}
        if st.button(t("Train"), **look) and good:
            submit(page, exp, seeds)
        page.link("compare", t("Compare"), exp.to_query(), width="content")
open_submitted(page)
if form.problems:
    first = problem_text(next(iter(form.problems.values())), t)
    st.error(t("{problem} Below is your last valid experiment.", problem=first), icon=":material/error:")
elif limit is not None:
    st.error(problem_text(limit, t), icon=":material/block:")

data, network, training = st.columns([10, 12, 10], border=True, gap="small")
with data:
    st.markdown(f"#### 1 · {t('Data')}", anchors=False)
    form.fields("data.name")
    form.pair("data.n_samples", "data.noise")
    data_panel(page, exp.data, seeds[0])
    with st.expander(f"{t('More')}: {t('Data')}"):
        form.fields("data.terms", "data.labels", "data.features", "data.classes")
        if exp.data.facts.splits:
            form.validation()
            if not exp.data.facts.own_test:
                form.fields("data.test")
        form.fields("data.scaling", "data.seed", "data.per_seed")

with network:
    st.markdown(f"#### 2 · {t('Network')}", anchors=False)
    hidden_layers(form)
    form.fields("model.activation")
    network_picture(page, exp)
    with st.expander(f"{t('More')}: {t('Network')}"):
        help_text = t("Set the width and other options of each layer.")
        st.toggle(t("Layer by layer"), key="layer-by-layer", help=help_text, persist_state="session")
        form.fields("model.norm", "model.dropout", "model.residual", "model.init")
        if exp.model.init == "normal":
            form.fields("model.init_scale")

with training:
    st.markdown(f"#### 3 · {t('Training')}", anchors=False)
    form.fields("train.optimizer", "train.lr")
    rate_finder(page, exp, lambda rate: form.draft.update({"train.lr": rate}))
    form.pair("train.epochs", "train.batch_size")
    form.fields("seeds")
    help_text = t("Parameters of one network; steps (batches × epochs); time and memory of one worker for all seeds.")
    st.caption(t("Cost"), help=help_text)
    left, right = st.columns(2)
    left.metric(t("Parameters"), t.whole(exp.parameters))
    expected = page.lab.forecast(page.owner).of([estimate_seconds(exp, len(seeds))])
    right.metric(t("Time"), t.seconds(expected.seconds))
    steps = t.many("{n} step in total", "{n} steps in total", exp.steps_per_epoch * exp.train.epochs)
    cost = [steps, t("needs about {size}", size=t.size(estimate_bytes(exp, len(seeds))))]
    if stores := disk_words(stored_bytes(exp, len(seeds)), t):
        cost.append(stores)
    if exp.train.start_from:
        cost.append(t("the source experiment is trained first, unless it has been trained with these seeds"))
    if wait := wait_words(expected, t):
        cost.append(wait)
    st.caption(" · ".join(cost))
    with st.expander(f"{t('More')}: {t('Training')}"):
        form.fields("train.schedule", "train.l2", "train.patience", "train.loss", "train.engine")
        start_fields(page, form)

layers_tab, code_tab, link_tab = st.tabs([t("Layers"), t("PyTorch code"), t("Link")])
with layers_tab:
    st.dataframe(layers_frame(exp, t), hide_index=True, alt=t("The layers, their output shapes and parameters"))
    total = t("{total} trainable parameters in total", total=t.whole(exp.parameters))
    frozen = t("{n} more are frozen", n=t.whole(exp.frozen_parameters))
    st.caption(f"{total}; {frozen}" if exp.frozen_parameters else total)
with code_tab:
    st.code(pytorch_code(exp), language=None, wrap_lines=True)
with link_tab:
    st.write(t("This link contains the experiment. Anyone who opens it sees the same experiment and can change it."))
    st.code(page.address("build", form.query()), language=None, wrap_lines=True)
    st.caption(t("As JSON, for a script or the command line (nnlab train FILE.json):"))
    st.code(exp.to_json(), language=None, wrap_lines=True)
