"""What a stage of a training step says: its name, one plain sentence, its formula, and the numbers put in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nnlab.charts.training_step import letter
from nnlab.scratch.steps import Stage, Step
from nnlab.ui.shell.text import Text, mark

Matrix = NDArray[np.float64]

FORWARD: Mapping[str, str] = {
    "input": mark("A batch of points goes in: a row a point, a column a number. t holds the right answers."),
    "Linear": mark(
        "Every circle adds up what comes in, each number times the weight on its line, and adds its bias b."
    ),
    "ReLU": mark("Negative numbers become 0, the others pass as they are."),
    "LeakyReLU": mark("Positive numbers pass as they are; of a negative one only a hundredth passes."),
    "ELU": mark("Positive numbers pass as they are; negative ones bend softly towards −1."),
    "GELU": mark(
        "Each number is multiplied by the share of a bell curve that lies below it: small ones nearly vanish."
    ),
    "SiLU": mark("Each number is multiplied by its own sigmoid: large ones pass, very negative ones vanish."),
    "Tanh": mark("Every number is squeezed into the range from −1 to 1."),
    "Sigmoid": mark("Every number is squeezed into the range from 0 to 1."),
    "Softplus": mark("A ReLU with a soft corner: negative numbers come close to 0, large ones pass."),
    "LogSoftmax": mark("The outputs become logarithms of probabilities: e to their power is positive and sums to 1."),
    "NLL": mark(
        "One number for how wrong it is: how little it believed in the right classes, the mean over the batch."
    ),
    "BCE": mark("One number for how wrong it is: how little it believed in the right labels, the mean over the batch."),
    "MSE": mark("One number for how wrong it is: the error of every point squared, then the mean over the batch."),
    "SGD": mark(
        "Every weight takes a small step against its gradient: learning rate times gradient is taken off. The next "
        "step begins with the new weights."
    ),
}
BACKWARD: Mapping[str, str] = {
    "NLL": mark("The way back begins: if this output were a little larger, how much would the loss change?"),
    "BCE": mark(
        "The way back begins. If an output grew a little, the loss would change by: what was said minus what is right."
    ),
    "MSE": mark(
        "The way back begins. If an output grew a little, the loss would change by twice its error, "
        "shared among the points."
    ),
    "LogSoftmax": mark(
        "Raising one number raises its own output and lowers all the others: both effects are added up."
    ),
    "Linear": mark(
        "A weight's gradient is what came in times what comes back, added up over the batch; the rest of the "
        "question goes on along the lines."
    ),
    "ReLU": mark("What comes back passes where the number was positive; where it was cut off, nothing gets through."),
    "": mark("What comes back is multiplied by the slope of the curve: where the curve is flat, little gets through."),
}

_SLOPE: Mapping[str, str] = {
    "ReLU": r"[x > 0]",
    "LeakyReLU": r"(1 \text{ if } x > 0,\ 0.01 \text{ else})",
    "ELU": r"(1 \text{ if } x > 0,\ e^x \text{ else})",
    "GELU": r"\left(\Phi(x) + x\,\varphi(x)\right)",
    "SiLU": r"\left(\sigma(x) + y\,(1 - \sigma(x))\right)",
    "Tanh": r"(1 - y^2)",
    "Sigmoid": r"y\,(1 - y)",
    "Softplus": r"\sigma(x)",
}
_FORMULAS: Mapping[tuple[str, str], str] = {
    ("forward", "Linear"): r"y_{nj} = \sum_i x_{ni}\,W_{ij} + b_j",
    ("forward", "ReLU"): r"y = \max(x,\, 0)",
    ("forward", "LeakyReLU"): r"y = \max(x,\, 0.01\,x)",
    ("forward", "ELU"): r"y = \begin{cases} x & x > 0 \\ e^x - 1 & \text{else} \end{cases}",
    ("forward", "GELU"): (
        r"y = x\,\Phi(x), \quad \Phi(x) = \tfrac12\left(1 + \operatorname{erf}\tfrac{x}{\sqrt2}\right)"
    ),
    ("forward", "SiLU"): r"y = x\,\sigma(x) = \frac{x}{1 + e^{-x}}",
    ("forward", "Tanh"): r"y = \tanh x",
    ("forward", "Sigmoid"): r"y = \sigma(x) = \frac{1}{1 + e^{-x}}",
    ("forward", "Softplus"): r"y = \log(1 + e^x)",
    ("forward", "LogSoftmax"): r"y_j = (x_j - m) - \log \sum_k e^{x_k - m}, \quad m = \max_k x_k",
    ("loss", "NLL"): r"L = -\frac{1}{n} \sum_n \sum_j t_{nj}\, y_{nj}",
    ("loss", "BCE"): r"L = \frac{1}{n} \sum_n \left[\max(y_n, 0) - t_n y_n + \log(1 + e^{-|y_n|})\right]",
    ("loss", "MSE"): r"L = \frac{1}{n} \sum_n (y_n - t_n)^2",
    ("loss_backward", "NLL"): r"\frac{\partial L}{\partial y_{nj}} = -\frac{t_{nj}}{n}",
    ("loss_backward", "BCE"): r"\frac{\partial L}{\partial y_n} = \frac{\sigma(y_n) - t_n}{n}",
    ("loss_backward", "MSE"): r"\frac{\partial L}{\partial y_n} = \frac{2\,(y_n - t_n)}{n}",
    ("backward", "LogSoftmax"): r"\frac{\partial L}{\partial x_j} = g_j - p_j \sum_k g_k, \quad p = e^y",
    ("backward", "Linear"): (
        r"\frac{\partial L}{\partial x} = g\,W^\top \quad \frac{\partial L}{\partial W} = x^\top g \quad "
        r"\frac{\partial L}{\partial b} = \sum_n g_n"
    ),
    ("input", "input"): r"x \in \mathbb{R}^{n \times \text{in}}, \quad y = f_k(\dots f_2(f_1(x)))",
    ("update", "SGD"): r"w \leftarrow w - \eta\, \frac{\partial L}{\partial w}",
}  # fmt: skip


def title(stage: Stage, step: Step, t: Text) -> str:
    """ "Linear 1, forward"."""
    name = stage_name(stage, step)
    return {
        "input": t("Input"),
        "forward": t("{module}, forward", module=name),
        "loss": t("Loss ({module})", module=name),
        "loss_backward": t("Gradient of the loss ({module})", module=name),
        "backward": t("{module}, backward", module=name),
        "update": t("Update of the weights"),
    }[stage.kind]


def mark_of(stage: Stage, step: Step, t: Text) -> str:
    """The stage in a word or two, for the slider."""
    name = stage_name(stage, step)
    return {
        "input": t("Input"),
        "forward": f"→ {name}",
        "loss": t("Loss"),
        "loss_backward": f"← {t('Loss')}",
        "backward": f"← {name}",
        "update": t("Update"),
    }[stage.kind]


def stage_name(stage: Stage, step: Step) -> str:
    """The class, with the layer's number where it has one."""
    if stage.kind in ("forward", "backward") and step.chain[stage.part].layer >= 0:
        return f"{stage.name} {step.chain[stage.part].layer + 1}"
    return stage.name


def sentence(stage: Stage, t: Text) -> str:
    """What happens, in plain words."""
    if stage.kind in ("loss_backward", "backward"):
        return t(BACKWARD.get(stage.name, BACKWARD[""]))
    return t(FORWARD[stage.name])


def formula(stage: Stage) -> str:
    """The formula in LaTeX, in the letters of the code."""
    if stage.kind == "backward" and stage.name in _SLOPE:
        return rf"\frac{{\partial L}}{{\partial x}} = g \cdot {_SLOPE[stage.name]}"
    return _FORMULAS[stage.kind, stage.name]


# -- numbers in formulas ----------------------------------------------------------------------------------------------


def short(value: float, t: Text) -> str:
    """A number with three digits, two below one: 1.23, 0.31, 0.0045."""
    return t.number(value, 3 if not abs(value) < 0.995 else 2)


def tex(value: float, t: Text, guarded: bool = False) -> str:
    """A number in LaTeX; `guarded`: in brackets where it is negative."""
    text = short(value, t).replace("−", "-").replace("–", r"\mathrm{nan}")
    text = text.replace("∞", r"\infty").replace(",", "{,}")
    mantissa, e, power = text.partition("e")
    text = rf"{mantissa}\cdot 10^{{{power}}}" if e else text
    return f"({text})" if guarded and text.startswith("-") else text


def tex_letter(step: Step, k: int) -> str:
    """The letter of what module k gives, in LaTeX: x, z_1, a_1, \\ell."""
    plain = letter(step, k).translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
    return r"\ell" if plain == "ℓ" else plain if len(plain) == 1 else f"{plain[0]}_{{{plain[1:]}}}"


def put_in(stage: Stage, step: Step, sample: int, t: Text) -> str:
    """The formula with the numbers of one point put in, a line a unit."""
    lines = _LINES[stage.kind](stage, step, sample, t)
    return r"\footnotesize\begin{aligned}" + r"\\[2pt]".join(lines) + r"\end{aligned}"


def _input(stage: Stage, step: Step, sample: int, t: Text) -> list[str]:
    x, target = stage.values["x"][sample], stage.values["t"][sample]
    return [
        *(rf"x_{{{i + 1}}} &= {tex(v, t)}" for i, v in enumerate(x)),
        *(rf"t_{{{i + 1}}} &= {tex(v, t)}" for i, v in enumerate(target)),
    ]


def _forward(stage: Stage, step: Step, sample: int, t: Text) -> list[str]:
    x, y = stage.values["x"][sample], stage.values["y"][sample]
    into = tex_letter(step, stage.part)
    left = [_indexed(into, j) for j in range(len(y))]
    if stage.name == "Linear":
        w, b = stage.values["weight"], stage.values["bias"]
        return [
            _sum(
                left[j],
                [*(rf"{tex(x[i], t, i > 0)}\cdot {tex(w[i, j], t, True)}" for i in range(len(x))), tex(b[j], t, True)],
                tex(y[j], t),
            )
            for j in range(len(y))
        ]
    if stage.name == "LogSoftmax":
        m = x.max()
        powers = " + ".join(f"e^{{{tex(v - m, t)}}}" for v in x)
        return [
            f"m &= {tex(m, t)}",
            *(f"{left[j]} &= {tex(x[j] - m, t)} - \\log({powers}) = {tex(y[j], t)}" for j in range(len(y))),
        ]
    with_number = {
        "ReLU": lambda v: rf"\max({v},\, 0)",
        "LeakyReLU": lambda v: rf"\max({v},\, 0.01\cdot {v})",
        "Tanh": lambda v: rf"\tanh({v})",
        "Sigmoid": lambda v: rf"1 / (1 + e^{{-({v})}})",
        "Softplus": lambda v: rf"\log(1 + e^{{{v}}})",
        "SiLU": lambda v: rf"{v}\cdot\sigma({v})",
        "GELU": lambda v: rf"{v}\cdot\Phi({v})",
    }
    lines = []
    for j, v in enumerate(x):
        number = tex(v, t)
        if stage.name == "ELU":
            middle = number if v > 0 else f"e^{{{number}}} - 1"
        else:
            middle = with_number[stage.name](number)
        lines.append(f"{left[j]} &= {middle} = {tex(y[j], t)}")
    return lines


def _loss(stage: Stage, step: Step, sample: int, t: Text) -> list[str]:
    y, target = stage.values["y"], stage.values["t"]
    n = len(y)
    if stage.name == "NLL":
        each = -(y * target).sum(axis=1)
    elif stage.name == "BCE":
        each = (np.maximum(y, 0) - target * y + np.log1p(np.exp(-np.abs(y))))[:, 0]
    else:
        each = np.square(y - target)[:, 0]
    own = tex(each[sample], t)
    out = tex_letter(step, len(step.chain) - 1)
    one = {
        "NLL": rf"-{out}_{{{int(target[sample].argmax()) + 1}}} = {own}",
        "BCE": rf"\max({tex(y[sample, 0], t)}, 0) - {tex(target[sample, 0], t)}\cdot {tex(y[sample, 0], t, True)} + "
        rf"\log(1 + e^{{-{tex(abs(y[sample, 0]), t)}}}) = {own}",
        "MSE": rf"({tex(y[sample, 0], t)} - {tex(target[sample, 0], t, True)})^2 = {own}",
    }[stage.name]
    total = " + ".join(tex(v, t) for v in each)
    return [
        rf"\text{{{t('point {n}', n=sample + 1)}:}}\quad & {one}",
        rf"L = \tfrac{{1}}{{{n}}}(&{total})",
        rf"= {{}}&{tex(step.loss, t)}",
    ]


def _loss_backward(stage: Stage, step: Step, sample: int, t: Text) -> list[str]:
    y, target, gx = (stage.values[name] for name in ("y", "t", "gx"))
    n = len(y)
    out = tex_letter(step, len(step.chain) - 1)
    lines = []
    for j in range(gx.shape[1]):
        right, said = tex(target[sample, j], t, True), y[sample, j]
        middle = {
            "NLL": rf"-\frac{{{tex(target[sample, j], t)}}}{{{n}}}",
            "BCE": rf"\frac{{\sigma({tex(said, t)}) - {right}}}{{{n}}} = "
            rf"\frac{{{tex(gx[sample, j] * n + target[sample, j], t)} - {right}}}{{{n}}}",
            "MSE": rf"\frac{{2\,({tex(said, t)} - {right})}}{{{n}}}",
        }[stage.name]
        lines.append(rf"{_slope(_indexed(out, j))} &= {middle} = {tex(gx[sample, j], t)}")
    return lines


def _backward(stage: Stage, step: Step, sample: int, t: Text) -> list[str]:
    v = stage.values
    x, y, g, gx = (v[name][sample] for name in ("x", "y", "g", "gx"))
    into = tex_letter(step, stage.part - 1)
    left = [_slope(_indexed(into, i)) for i in range(len(gx))]
    if stage.name == "Linear":
        w, n = v["weight"], len(v["x"])
        products = [rf"{tex(v['x'][m, 0], t, m > 0)}\cdot {tex(v['g'][m, 0], t, True)}" for m in range(n)]
        return [
            *(
                _sum(
                    left[i],
                    [rf"{tex(g[j], t, j > 0)}\cdot {tex(w[i, j], t, True)}" for j in range(len(g))],
                    tex(gx[i], t),
                )
                for i in range(len(gx))
            ),
            _sum(_slope("W_{11}"), products, tex(v["weight.gradient"][0, 0], t)),
            _sum(_slope("b_1"), [tex(v["g"][m, 0], t, m > 0) for m in range(n)], tex(v["bias.gradient"][0], t), 6),
        ]
    if stage.name == "LogSoftmax":
        total = tex(g.sum(), t, True)
        return [
            rf"{left[i]} &= {tex(g[i], t)} - {tex(np.exp(y[i]), t)}\cdot {total} = {tex(gx[i], t)}"
            for i in range(len(gx))
        ]
    slopes = _slope_of(stage.name, x, y)
    return [rf"{left[i]} &= {tex(g[i], t)}\cdot {tex(slopes[i], t, True)} = {tex(gx[i], t)}" for i in range(len(gx))]


def _slope_of(name: str, x: Matrix, y: Matrix) -> Matrix:
    """The slope of an activation at x, by the engine's own backward with a gradient of 1."""
    from nnlab.scratch import modules

    module = getattr(modules, name)()
    module.forward(x[None].copy())
    slope: Matrix = module.backward(np.ones((1, len(x))))[0].copy()
    return slope


def _update(stage: Stage, step: Step, sample: int, t: Text) -> list[str]:
    del stage, sample
    lines = []
    for name in step.parameters[:4]:
        layer, _, own = name.partition(".")
        letter_ = f"W^{{({int(layer) + 1})}}_{{11}}" if own == "weight" else f"b^{{({int(layer) + 1})}}_{{1}}"
        old, slope, new = (float(a[name].flat[0]) for a in (step.before, step.gradients, step.after))
        lines.append(rf"{letter_} &= {tex(old, t)} - {tex(step.lr, t)}\cdot {tex(slope, t, True)} = {tex(new, t)}")
    return lines


_LINES = {
    "input": _input,
    "forward": _forward,
    "loss": _loss,
    "loss_backward": _loss_backward,
    "backward": _backward,
    "update": _update,
}


def _sum(left: str, terms: list[str], result: str, most: int = 3) -> str:
    """left = a + b + c = result, on two lines where there are many terms."""
    lines = [" + ".join(terms[i : i + most]) for i in range(0, len(terms), most)]
    return rf"{left} &= " + r" \\ &\quad + ".join(lines) + f" = {result}"


def _indexed(symbol: str, j: int) -> str:
    """x → x_{2}, z_{1} → z_{1,2}."""
    return f"{symbol[:-1]},{j + 1}}}" if symbol.endswith("}") else f"{symbol}_{{{j + 1}}}"


def _slope(symbol: str) -> str:
    return rf"\tfrac{{\partial L}}{{\partial {symbol}}}"


# -- all numbers of a stage -------------------------------------------------------------------------------------------


def matrices(stage: Stage, step: Step, t: Text) -> list[str]:
    """Every array the stage takes and gives, in LaTeX, with its shape; what it gives comes last."""
    k = stage.part
    if stage.kind == "update":
        made = []
        for name in step.parameters:
            layer, _, own = name.partition(".")
            symbol = f"{'W' if own == 'weight' else 'b'}_{{{int(layer) + 1}}}"
            made.append(
                _matrix(symbol, step.before[name], t, named=False)
                + rf" - {tex(step.lr, t)}\cdot "
                + _matrix("", step.gradients[name], t, named=False)
                + " = "
                + _matrix("", step.after[name], t, named=False)
            )
        return made
    last = len(step.chain) - 1
    x = tex_letter(step, -1 if stage.kind == "input" else min(k, last + 1) - 1)
    y = tex_letter(step, min(k, last))
    symbols = {
        "x": x,
        "y": y,
        "t": "t",
        "L": "L",
        "weight": "W",
        "bias": "b",
        "g": rf"g = {_slope(y)}",
        "gx": _slope(y if stage.kind == "loss_backward" else x),
        "weight.gradient": _slope("W"),
        "bias.gradient": _slope("b"),
    }
    shown = stage.values
    if stage.kind == "backward":  # what the formulas use
        unused = {"Linear": ("y", "bias"), "LogSoftmax": ("x",)}.get(stage.name, ())
        shown = {name: value for name, value in shown.items() if name not in unused}
    return [_matrix(symbols[name], value, t) for name, value in shown.items()]


def _matrix(symbol: str, values: NDArray[np.float64], t: Text, named: bool = True) -> str:
    rows = np.atleast_2d(values)
    body = r" \\ ".join(" & ".join(tex(float(v), t) for v in row) for row in rows)
    shape = r"\times".join(map(str, values.shape)) or "1"
    held = rf"\underset{{\textcolor{{gray}}{{{shape}}}}}{{\begin{{bmatrix}} {body} \end{{bmatrix}}}}"
    return f"{symbol} = {held}" if named else held
