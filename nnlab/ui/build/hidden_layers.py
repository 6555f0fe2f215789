"""The hidden layers in the form: two sliders for equal layers, or one row per layer."""

from typing import Any

import streamlit as st

from nnlab.ui.build.form import Form
from nnlab.ui.shared.labels import CHOICES, field_name
from nnlab.ui.shared.naming import value_name


def hidden_layers(form: Form) -> None:
    """Two sliders if the layers are equal and the switch "Layer by layer" is off; else a row per layer."""
    hidden = form.draft["model.hidden"]
    if st.session_state.get("layer-by-layer") or any(
        layer != hidden[0] or not isinstance(layer, int) for layer in hidden
    ):
        _layer_by_layer(form)
    else:
        _depth_and_width(form)


def _depth_and_width(form: Form) -> None:
    state, widths = st.session_state, form.experiment.model.widths
    depth, width = len(widths), widths[0] if widths else state.get("last-width", 8)
    state["field-depth"], state["field-width"], state["last-width"] = depth, width, width
    left, right = st.columns(2)
    left.slider(
        **form.label("depth"), min_value=0, max_value=max(10, depth), key="field-depth", on_change=_set_equal_layers
    )
    right.slider(
        **form.label("width"),
        min_value=1,
        max_value=max(64, 2 ** (width - 1).bit_length()),
        key="field-width",
        on_change=_set_equal_layers,
        disabled=depth == 0,
    )


def _set_equal_layers() -> None:
    state = st.session_state
    state["last-width"] = width = int(state["field-width"])
    state["draft"]["model.hidden"] = [width] * int(state["field-depth"])


def _layer_by_layer(form: Form) -> None:
    """A row per hidden layer: its width, and the settings that differ from the network's."""
    t = form.t
    for i, layer in enumerate(form.draft["model.hidden"]):
        own = {"width": layer} if isinstance(layer, int) else layer
        with st.container(horizontal=True, vertical_alignment="bottom", key=f"layer-{i}", gap="xsmall"):
            _number(form, i, "width", own, 1, t("Layer {n}: width", n=i + 1))
            _choice(form, i, "activation", own, "collapsed")
            with st.popover("", icon=":material/tune:", help=t("Settings of this layer"), key=f"layer-{i}-more"):
                _choice(form, i, "norm", own, "visible")
                _number(form, i, "dropout", own, 0.05, t("Dropout"))
                st.button(
                    t("Remove this layer"),
                    icon=":material/delete:",
                    key=f"layer-{i}-remove",
                    on_click=lambda i=i: st.session_state["draft"]["model.hidden"].pop(i),
                )
        for name in ("", ".width", ".dropout"):
            form.show_problem(f"model.hidden[{i}]{name}")
    st.button(t("Add a layer"), icon=":material/add:", key="layer-add", on_click=_add_layer)
    form.show_problem("model.hidden")


def _choice(form: Form, i: int, name: str, own: dict[str, Any], label: Any) -> None:
    path, key = f"model.{name}", f"layer-{i}-{name}"
    st.session_state[key] = own.get(name) or ""
    st.selectbox(
        field_name(path, form.t),
        ("", *CHOICES[path]),
        format_func=lambda value: value_name(path, value, form.t) if value else form.t("as the network"),
        key=key,
        on_change=_take,
        args=(i, name),
        label_visibility=label,
        width=120,
    )


def _number(form: Form, i: int, name: str, own: dict[str, Any], step: float, label: str) -> None:
    key = f"layer-{i}-{name}"
    st.session_state[key] = own.get(name)
    st.number_input(
        label,
        step=step,
        value=None,
        placeholder=form.t("as the network"),
        key=key,
        on_change=_take,
        args=(i, name),
        width=96,
    )


def _add_layer() -> None:
    hidden = st.session_state["draft"]["model.hidden"]
    last = hidden[-1] if hidden else 8
    hidden.append(dict(last) if isinstance(last, dict) else last)


def _take(i: int, name: str) -> None:
    hidden, value = st.session_state["draft"]["model.hidden"], st.session_state[f"layer-{i}-{name}"]
    layer = {"width": hidden[i]} if isinstance(hidden[i], int) else dict(hidden[i])
    if value in ("", None) and name != "width":
        layer.pop(name, None)
    else:
        layer[name] = value
    hidden[i] = layer["width"] if set(layer) == {"width"} and isinstance(layer["width"], int) else layer
