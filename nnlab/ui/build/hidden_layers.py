"""The hidden layers in the form: two sliders for equal layers, or one row per layer."""

from functools import partial
from typing import Any

import streamlit as st

from nnlab.ui.build.form import Form
from nnlab.ui.shared.labels import CHOICES, field_name
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shared.number_field import number_field
from nnlab.ui.shared.widgets import bound, clickable


def hidden_layers(form: Form) -> None:
    """Two sliders if the layers are equal and the switch "Layer by layer" is off; else a row per layer."""
    hidden = form.draft["model.hidden"]
    equal = all(layer.keys() == {"width"} and layer == hidden[0] for layer in hidden)
    if equal and not (whole_structure(form) and st.session_state.get("layer-by-layer")):
        _depth_and_width(form)
        return
    for i, own in enumerate(hidden):
        _layer_row(form, i, own)
    look: dict[str, Any] = {"icon": ":material/add:", "key": "layer-add", "disabled": not whole_structure(form)}
    st.button(form.t("Add a layer"), on_click=_add_layer, args=(form,), **look)
    form.show_problem("model.hidden")


def whole_structure(form: Form) -> bool:
    """Whether layers may differ from one another; an assignment may open the depth, or one width for all, alone."""
    return form.task is None or "model.hidden" in form.task.assignment.open_fields


def _depth_and_width(form: Form) -> None:
    state, widths = st.session_state, form.experiment.model.widths
    depth, width = len(widths), widths[0] if widths else state.get("last-width", 8)
    state["last-width"] = width

    def take(_: int) -> None:
        state["last-width"] = int(state["field-width"])
        form.draft["model.hidden"] = [{"width": state["last-width"]}] * int(state["field-depth"])

    left, right = st.columns(2)
    options = {**form.label("depth"), **bound("field-depth", depth, take)}
    left.slider(**options, format=clickable("%d"), min_value=0, max_value=max(10, depth))
    options = {**form.label("width"), **bound("field-width", width, take)}
    options["disabled"] |= depth == 0
    right.slider(**options, format=clickable("%d"), min_value=1, max_value=max(64, 2 ** (width - 1).bit_length()))


def _layer_row(form: Form, i: int, own: dict[str, Any]) -> None:
    """The width of a layer, and its settings that differ from the network's."""
    t = form.t
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"layer-{i}", gap="xsmall"):
        _number(form, i, "width", own, t("Layer {n}: width", n=i + 1))
        _choice(form, i, "activation", own, "collapsed")
        with st.popover("", icon=":material/tune:", help=t("Settings of this layer"), key=f"layer-{i}-more"):
            _choice(form, i, "norm", own, "visible")
            _number(form, i, "dropout", own, t("Dropout"))
            label, key, remove = t("Remove layer {n}", n=i + 1), f"layer-{i}-remove", form.draft["model.hidden"].pop
            look: dict[str, Any] = {"icon": ":material/delete:", "key": key, "disabled": not whole_structure(form)}
            st.button(label, on_click=remove, args=(i,), **look)
    for name in ("", ".width", ".dropout"):
        form.show_problem(f"model.hidden[{i}]{name}")


def _choice(form: Form, i: int, name: str, own: dict[str, Any], label: Any) -> None:
    path, network = f"model.{name}", form.t("as the network")
    st.selectbox(
        field_name(path, form.t),
        ("", *CHOICES[path]),
        format_func=lambda value: value_name(path, value, form.t) if value else network,
        label_visibility=label,
        width=120,
        disabled=not whole_structure(form),
        **bound(f"layer-{i}-{name}", own.get(name) or "", partial(_take, form, i, name)),
    )


def _number(form: Form, i: int, name: str, own: dict[str, Any], label: str) -> None:
    look: dict[str, Any] = {"placeholder": form.t("as the network"), "width": 96, "key": f"layer-{i}-{name}"}
    look["disabled"] = not whole_structure(form)
    number_field(label, own.get(name), partial(_take, form, i, name), t=form.t, whole=name == "width", **look)


def _add_layer(form: Form) -> None:
    hidden = form.draft["model.hidden"]
    hidden.append(hidden[-1] if hidden else {"width": 8})


def _take(form: Form, i: int, name: str, value: Any) -> None:
    hidden = form.draft["model.hidden"]
    own = hidden[i] | {name: value}
    hidden[i] = {key: value for key, value in own.items() if key == "width" or value not in ("", None)}
