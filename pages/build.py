"""Build: choose data, network and training, and see at once what they are."""

import streamlit as st

from nnlab.export.pytorch_code import pytorch_code
from nnlab.spec.hidden import HIDEABLE
from nnlab.ui.build.cost import cost
from nnlab.ui.build.form import Form
from nnlab.ui.build.hidden_layers import hidden_layers, whole_structure
from nnlab.ui.build.panels import data_panel, layers_frame, network_picture
from nnlab.ui.build.start_from import start_fields
from nnlab.ui.shared.assigned import banner, opened_assignment
from nnlab.ui.shared.hiding import hidden_by_link, hide_parameter, link_to_copy
from nnlab.ui.shared.lr_finder import rate_finder
from nnlab.ui.shared.pictures import data_problem
from nnlab.ui.shared.problems import link_warning, problem_text
from nnlab.ui.shared.run_links import assignment_link, open_submitted, submit
from nnlab.ui.shared.widgets import title_row
from nnlab.ui.shell.frame import open_page

page = open_page("build")
t = page.t
by_link = hidden_by_link(page)
task = opened_assignment(page)
hidden = by_link.union(task.assignment.hidden if task else ())
form = Form(t, page.query(), task, hidden)
exp, seeds = form.experiment, form.seeds
if not form.problems:
    page.set_query({**form.query(), **hide_parameter(by_link)})  # before a fragment ticks, as on Compare
link_warning(page, form.link_problems)

with title_row("build-head"):
    st.title(t("Build a network"), anchor=False, width="content")
    limit = None if form.problems else page.lab.check(exp, seeds) or data_problem(exp.data, seeds)
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        # no callback: a field may pass on what was typed with the same click
        good = not (form.problems or limit)
        look = {"icon": ":material/play_arrow:", "type": "primary", "key": "train", "disabled": not good}
        if st.button(t("Train"), **look) and good:
            submit(page, exp, seeds, task)
        if not task and "next" not in hidden:
            page.link("compare", t("Compare"), exp.to_query(), width="content")
            assignment_link(page, exp)
open_submitted(page)
if task:
    banner(page, task)
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
    if "pictures" not in hidden:
        data_panel(page, exp.data, seeds[0])
    more = ("data.terms", "data.labels", "data.features", "data.classes")
    split = ("data.validation", *(() if exp.data.facts.own_test else ("data.test",))) if exp.data.facts.splits else ()
    drawn = ("data.scaling", "data.seed", "data.per_seed")
    if form.fold(*more, *split, *drawn):
        with st.expander(f"{t('More')}: {t('Data')}"):
            form.fields(*more)
            if split:
                form.validation()
            form.fields(*split[1:], *drawn)

with network:
    st.markdown(f"#### 2 · {t('Network')}", anchors=False)
    if form.has("model.hidden"):
        hidden_layers(form)
    form.fields("model.activation")
    if "pictures" not in hidden:
        network_picture(page, exp)
    more = ("model.norm", "model.dropout", "model.residual", "model.init", "model.init_scale")
    layers = ("model.hidden",) if whole_structure(form) else ()
    if form.fold(*more, *layers):
        with st.expander(f"{t('More')}: {t('Network')}"):
            if layers and form.has("model.hidden"):
                help_text = t("Set the width and other options of each layer.")
                st.toggle(t("Layer by layer"), key="layer-by-layer", help=help_text, persist_state="session")
            form.fields(*(more if exp.model.init == "normal" else more[:-1]))

with training:
    st.markdown(f"#### 3 · {t('Training')}", anchors=False)
    form.fields("train.optimizer", "train.lr")
    if not {"rate_test", "train.lr"} & hidden and not form.locked("train.lr"):
        rate_finder(page, exp, lambda rate: form.draft.update({"train.lr": rate}))
    form.pair("train.epochs", "train.batch_size")
    form.fields("seeds")
    if "cost" not in hidden:
        cost(page, exp, seeds)
    more = ("train.schedule", "train.l2", "train.patience", "train.loss", "train.engine")
    if form.fold(*more, "train.start_from"):
        with st.expander(f"{t('More')}: {t('Training')}"):
            form.fields(*more)
            start_fields(page, form)

names = {"layers": t("Layers"), "code": t("PyTorch code"), "link": t("Link")}
shown = [name for name in names if name not in hidden and not (task and name == "link")]
# what draws code is a large program, which a browser loads only for who looks at code
tabs = st.tabs([names[name] for name in shown], key="build-below", on_change="rerun") if shown else ()
opened = {name: tab for name, tab in zip(shown, tabs, strict=True) if tab.open}
if "layers" in opened:
    with opened["layers"]:
        st.dataframe(layers_frame(exp, t), hide_index=True, alt=t("The layers, their output shapes and parameters"))
        total = t("{total} trainable parameters in total", total=t.whole(exp.parameters))
        frozen = t("{n} more are frozen", n=t.whole(exp.frozen_parameters))
        st.caption(f"{total}; {frozen}" if exp.frozen_parameters else total)
if "code" in opened:
    with opened["code"]:
        st.code(pytorch_code(exp), language=None, wrap_lines=True)
if "link" in opened:
    with opened["link"]:
        words = t("This link contains the experiment. Anyone who opens it sees the same experiment and can change it.")
        st.write(words)
        link_to_copy(page, form.query(), HIDEABLE, by_link)
        st.caption(t("As JSON, for a script or the command line (nnlab train FILE.json):"))
        st.code(exp.to_json(), language=None, wrap_lines=True)
