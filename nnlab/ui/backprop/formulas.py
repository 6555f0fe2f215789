"""A stage's formula with the numbers of one point, and its arrays, in LaTeX."""

import numpy as np
from numpy.typing import NDArray

from nnlab.charts.training_step import letter
from nnlab.scratch.steps import Stage, Step
from nnlab.ui.shell.text import Text

Matrix = NDArray[np.float64]


def short(value: float, t: Text) -> str:
    """A number with three digits, two below one: 1.23, 0.31, 0.0045."""
    return t.number(value, 3 if not abs(value) < 0.995 else 2)


def tex(value: float, t: Text, guarded: bool = False) -> str:
    """A number in LaTeX; `guarded`: in brackets if it is negative."""
    text = short(value, t).replace("−", "-").replace("–", r"\mathrm{nan}")
    text = text.replace("∞", r"\infty").replace(",", "{,}")
    mantissa, e, power = text.partition("e")
    text = rf"{mantissa}\cdot 10^{{{power}}}" if e else text
    return f"({text})" if guarded and text.startswith("-") else text


def tex_letter(step: Step, k: int) -> str:
    """The letter of module k's output, in LaTeX: x, z_1, a_1, \\ell."""
    plain = letter(step, k).translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
    return r"\ell" if plain == "ℓ" else plain if len(plain) == 1 else f"{plain[0]}_{{{plain[1:]}}}"


def put_in(stage: Stage, step: Step, sample: int, t: Text) -> str:
    """The formula with the numbers of one point, one line per unit."""
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
    """The slope of an activation at x: its module's backward pass with a gradient of 1."""
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
    """left = a + b + c = result, on several lines if there are many terms."""
    lines = [" + ".join(terms[i : i + most]) for i in range(0, len(terms), most)]
    return rf"{left} &= " + r" \\ &\quad + ".join(lines) + f" = {result}"


def _indexed(symbol: str, j: int) -> str:
    """x → x_{2}, z_{1} → z_{1,2}."""
    return f"{symbol[:-1]},{j + 1}}}" if symbol.endswith("}") else f"{symbol}_{{{j + 1}}}"


def _slope(symbol: str) -> str:
    return rf"\tfrac{{\partial L}}{{\partial {symbol}}}"


def matrices(stage: Stage, step: Step, t: Text) -> list[str]:
    """Every input and output array of the stage in LaTeX, with its shape; outputs come last."""
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
