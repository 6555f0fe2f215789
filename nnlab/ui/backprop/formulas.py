"""A stage's formula with the numbers of one point, and its arrays, in LaTeX."""

from collections.abc import Sequence

import numpy as np

from nnlab.charts.training_step import letter
from nnlab.engines.base import Array
from nnlab.scratch.steps import Stage, Step
from nnlab.ui.shell.text import Text


def short(value: float, t: Text) -> str:
    """A number with three digits, two below one: 1.23, 0.31, 0.0045."""
    return t.number(value, 3 if not abs(value) < 0.995 else 2)


def in_tex(number: str) -> str:
    """A number's text in LaTeX."""
    number = number.replace("−", "-").replace("–", r"\mathrm{nan}")
    return number.replace("∞", r"\infty").replace(",", "{,}")


def tex(value: float, t: Text, guarded: bool = False) -> str:
    """A number in LaTeX; `guarded`: in brackets if it is negative."""
    mantissa, e, power = in_tex(short(value, t)).partition("e")
    text = rf"{mantissa}\cdot 10^{{{power}}}" if e else mantissa
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
    numbers = [(name, i, value) for name in ("x", "t") for i, value in enumerate(stage.values[name][sample])]
    return [f"{_indexed(name, i)} &= {tex(value, t)}" for name, i, value in numbers]


def _forward(stage: Stage, step: Step, sample: int, t: Text) -> list[str]:
    x, y = stage.values["x"][sample], stage.values["y"][sample]
    left = [_indexed(tex_letter(step, stage.part), j) for j in range(len(y))]
    if stage.name == "Linear":
        w, b = stage.values["weight"], stage.values["bias"]
        terms = [[*_products(x, w[:, j], t), tex(b[j], t, True)] for j in range(len(y))]
        return [_sum(left[j], terms[j], y[j], t) for j in range(len(y))]
    if stage.name == "LogSoftmax":
        m = x.max()
        powers = " + ".join(f"e^{{{tex(v - m, t)}}}" for v in x)
        middle = [f"{tex(v - m, t)} - \\log({powers})" for v in x]
        return [f"m &= {tex(m, t)}", *_equations(left, middle, y, t)]
    return _equations(left, [_activation(stage.name, v, t) for v in x], y, t)


def _activation(name: str, value: float, t: Text) -> str:
    number = tex(value, t)
    if name == "ELU":
        return number if value > 0 else f"e^{{{number}}} - 1"
    return {
        "ReLU": rf"\max({number},\, 0)",
        "LeakyReLU": rf"\max({number},\, 0.01\cdot {number})",
        "Tanh": rf"\tanh({number})",
        "Sigmoid": rf"1 / (1 + e^{{-({number})}})",
        "Softplus": rf"\log(1 + e^{{{number}}})",
        "SiLU": rf"{number}\cdot\sigma({number})",
        "GELU": rf"{number}\cdot\Phi({number})",
    }[name]


def _loss(stage: Stage, step: Step, sample: int, t: Text) -> list[str]:
    y, target = stage.values["y"], stage.values["t"]
    each = [float(step.loss_function.forward(y[[i]], target[[i]])) for i in range(len(y))]
    said, right = tex(y[sample, 0], t), tex(target[sample, 0], t)
    middle = {
        "NLL": f"-{_indexed(tex_letter(step, stage.part - 1), int(target[sample].argmax()))}",
        "BCE": rf"\max({said}, 0) - {right}\cdot {tex(y[sample, 0], t, True)} + "
        rf"\log(1 + e^{{-{tex(abs(y[sample, 0]), t)}}})",
        "MSE": rf"({said} - {tex(target[sample, 0], t, True)})^2",
    }[stage.name]
    return [
        rf"\text{{{t('point {n}', n=sample + 1)}:}}\quad & {middle} = {tex(each[sample], t)}",
        rf"L = \tfrac{{1}}{{{len(y)}}}(&{' + '.join(tex(value, t) for value in each)})",
        rf"= {{}}&{tex(step.loss, t)}",
    ]


def _loss_backward(stage: Stage, step: Step, sample: int, t: Text) -> list[str]:
    n = len(stage.values["y"])
    y, target, gx = (stage.values[name][sample] for name in ("y", "t", "gx"))
    middle = []
    for said, right, slope in zip(y, target, gx, strict=True):
        answer = tex(right, t, True)
        middle.append(
            {
                "NLL": rf"-\frac{{{tex(right, t)}}}{{{n}}}",
                "BCE": rf"\frac{{\sigma({tex(said, t)}) - {answer}}}{{{n}}} = "
                rf"\frac{{{tex(slope * n + right, t)} - {answer}}}{{{n}}}",
                "MSE": rf"\frac{{2\,({tex(said, t)} - {answer})}}{{{n}}}",
            }[stage.name]
        )
    left = [_slope(_indexed(tex_letter(step, stage.part - 1), j)) for j in range(len(gx))]
    return _equations(left, middle, gx, t)


def _backward(stage: Stage, step: Step, sample: int, t: Text) -> list[str]:
    v = stage.values
    x, y, g, gx = (v[name][sample] for name in ("x", "y", "g", "gx"))
    left = [_slope(_indexed(tex_letter(step, stage.part - 1), i)) for i in range(len(gx))]
    if stage.name == "Linear":
        bias = [tex(value, t, m > 0) for m, value in enumerate(v["g"][:, 0])]
        return [
            *(_sum(left[i], _products(g, v["weight"][i], t), gx[i], t) for i in range(len(gx))),
            _sum(_slope("W_{11}"), _products(v["x"][:, 0], v["g"][:, 0], t), v["weight.gradient"][0, 0], t),
            _sum(_slope("b_1"), bias, v["bias.gradient"][0], t, 6),
        ]
    if stage.name == "LogSoftmax":
        total = tex(g.sum(), t, True)
        middle = [rf"{tex(g[i], t)} - {tex(np.exp(y[i]), t)}\cdot {total}" for i in range(len(gx))]
        return _equations(left, middle, gx, t)
    activation = type(step.chain[stage.part].module)()
    activation.forward(x[None])
    slopes = activation.backward(np.ones((1, len(x))))[0]
    middle = [rf"{tex(g[i], t)}\cdot {tex(slopes[i], t, True)}" for i in range(len(gx))]
    return _equations(left, middle, gx, t)


def _update(stage: Stage, step: Step, sample: int, t: Text) -> list[str]:
    lines = []
    for name in step.parameters[:4]:
        layer, _, own = name.partition(".")
        symbol = f"W^{{({int(layer) + 1})}}_{{11}}" if own == "weight" else f"b^{{({int(layer) + 1})}}_{{1}}"
        old, slope, new = (float(a[name].flat[0]) for a in (step.before, step.gradients, step.after))
        lines.append(rf"{symbol} &= {tex(old, t)} - {tex(step.lr, t)}\cdot {tex(slope, t, True)} = {tex(new, t)}")
    return lines


_LINES = {
    "input": _input,
    "forward": _forward,
    "loss": _loss,
    "loss_backward": _loss_backward,
    "backward": _backward,
    "update": _update,
}


def _equations(left: Sequence[str], middle: Sequence[str], values: Array, t: Text) -> list[str]:
    return [f"{a} &= {b} = {tex(value, t)}" for a, b, value in zip(left, middle, values, strict=True)]


def _products(a: Array, b: Array, t: Text) -> list[str]:
    return [rf"{tex(a[i], t, i > 0)}\cdot {tex(b[i], t, True)}" for i in range(len(a))]


def _sum(left: str, terms: list[str], result: float, t: Text, most: int = 3) -> str:
    """left = a + b + c = result, on several lines if there are many terms."""
    lines = [" + ".join(terms[i : i + most]) for i in range(0, len(terms), most)]
    return rf"{left} &= " + r" \\ &\quad + ".join(lines) + f" = {tex(result, t)}"


def _indexed(symbol: str, j: int) -> str:
    """x → x_{2}, z_{1} → z_{1,2}."""
    return f"{symbol[:-1]},{j + 1}}}" if symbol.endswith("}") else f"{symbol}_{{{j + 1}}}"


def _slope(symbol: str) -> str:
    return rf"\tfrac{{\partial L}}{{\partial {symbol}}}"


def matrices(stage: Stage, step: Step, t: Text) -> list[str]:
    """Every input and output array of the stage in LaTeX, with its shape; outputs come last."""
    if stage.kind == "update":
        lr = tex(step.lr, t)
        each = [[_matrix(a[name], t) for a in (step.before, step.gradients, step.after)] for name in step.parameters]
        return [rf"{old} - {lr}\cdot {slope} = {new}" for old, slope, new in each]
    end = len(step.chain)
    x = tex_letter(step, -1 if stage.kind == "input" else stage.part - 1)
    y = tex_letter(step, min(stage.part, end - 1))
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
    unused: tuple[str, ...] = ()
    if stage.kind == "backward":  # what its formula does not use
        unused = {"Linear": ("y", "bias"), "LogSoftmax": ("x",)}.get(stage.name, ())
    return [f"{symbols[name]} = {_matrix(a, t)}" for name, a in stage.values.items() if name not in unused]


def _matrix(values: Array, t: Text) -> str:
    body = r" \\ ".join(" & ".join(tex(value, t) for value in row) for row in np.atleast_2d(values))
    shape = r"\times".join(map(str, values.shape)) or "1"
    return rf"\underset{{\textcolor{{gray}}{{{shape}}}}}{{\begin{{bmatrix}} {body} \end{{bmatrix}}}}"
