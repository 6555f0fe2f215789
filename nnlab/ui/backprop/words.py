"""The name, the sentence and the formula of a stage."""

from collections.abc import Mapping

from nnlab.scratch.steps import Stage, Step
from nnlab.ui.shell.text import Text, Texts, mark

_FORWARD_SENTENCES: Texts = {
    "input": "The input is a batch of points: one row per point, one column per feature. t holds the correct answers.",
    "Linear": "Every unit multiplies each input by the weight on its line, adds the products, and adds its bias b.",
    "ReLU": "Negative numbers become 0; the others do not change.",
    "LeakyReLU": "Positive numbers do not change; negative numbers are divided by 100.",
    "ELU": "Positive numbers do not change; negative numbers approach −1 smoothly.",
    "GELU": "Each number is multiplied by the area of the normal curve to its left: very negative numbers become "
    "almost 0.",
    "SiLU": "Each number is multiplied by its own sigmoid: large numbers hardly change, very negative ones become "
    "almost 0.",
    "Tanh": "Every number is mapped to the range from −1 to 1.",
    "Sigmoid": "Every number is mapped to the range from 0 to 1.",
    "Softplus": "A ReLU with a smooth corner: negative numbers come close to 0, large ones hardly change.",
    "LogSoftmax": "The outputs become logarithms of probabilities: their exponentials are positive and sum to 1.",
    "NLL": "One number for the error: minus the log-probability of the correct class, averaged over the batch.",
    "BCE": "One number for the error: minus the log-probability of the correct label, averaged over the batch.",
    "MSE": "One number for the error: the squared error of every point, averaged over the batch.",
    "SGD": "Every weight takes a small step against its gradient: learning rate times gradient is subtracted. The "
    "next step starts with the new weights.",
}

_BACKWARD_SENTENCES: Texts = {
    "NLL": "The backward pass starts here: if this output were a little larger, how much would the loss change?",
    "BCE": "The backward pass starts here. The gradient of an output is the predicted probability minus the correct "
    "label, divided by the number of points.",
    "MSE": "The backward pass starts here. The gradient of an output is twice its error, divided by the number of "
    "points.",
    "LogSoftmax": "A larger number raises its own output and lowers all the others: both effects are added.",
    "Linear": "A weight's gradient is its input times the gradient of its output, summed over the batch. The gradient "
    "of the input goes back along the lines.",
    "ReLU": "Where the number was positive, the gradient passes unchanged; where it became 0, the gradient is 0.",
    "": "The gradient is multiplied by the slope of the curve: where the curve is flat, the gradient becomes small.",
}

_SLOPES: Mapping[str, str] = {
    "ReLU": r"[x > 0]",
    "LeakyReLU": r"(1 \text{ if } x > 0,\ 0.01 \text{ else})",
    "ELU": r"(1 \text{ if } x > 0,\ e^x \text{ else})",
    "GELU": r"\left(\Phi(x) + x\,\varphi(x)\right)",
    "SiLU": r"\left(\sigma(x) + y\,(1 - \sigma(x))\right)",
    "Tanh": r"(1 - y^2)",
    "Sigmoid": r"y\,(1 - y)",
    "Softplus": r"\sigma(x)",
}

_FORWARD_FORMULAS: Mapping[str, str] = {
    "input": r"x \in \mathbb{R}^{n \times \text{in}}, \quad y = f_k(\dots f_2(f_1(x)))",
    "Linear": r"y_{nj} = \sum_i x_{ni}\,W_{ij} + b_j",
    "ReLU": r"y = \max(x,\, 0)",
    "LeakyReLU": r"y = \max(x,\, 0.01\,x)",
    "ELU": r"y = \begin{cases} x & x > 0 \\ e^x - 1 & \text{else} \end{cases}",
    "GELU": r"y = x\,\Phi(x), \quad \Phi(x) = \tfrac12\left(1 + \operatorname{erf}\tfrac{x}{\sqrt2}\right)",
    "SiLU": r"y = x\,\sigma(x) = \frac{x}{1 + e^{-x}}",
    "Tanh": r"y = \tanh x",
    "Sigmoid": r"y = \sigma(x) = \frac{1}{1 + e^{-x}}",
    "Softplus": r"y = \log(1 + e^x)",
    "LogSoftmax": r"y_j = (x_j - m) - \log \sum_k e^{x_k - m}, \quad m = \max_k x_k",
    "NLL": r"L = -\frac{1}{n} \sum_n \sum_j t_{nj}\, y_{nj}",
    "BCE": r"L = \frac{1}{n} \sum_n \left[\max(y_n, 0) - t_n y_n + \log(1 + e^{-|y_n|})\right]",
    "MSE": r"L = \frac{1}{n} \sum_n (y_n - t_n)^2",
    "SGD": r"w \leftarrow w - \eta\, \frac{\partial L}{\partial w}",
}

_BACKWARD_FORMULAS: Mapping[str, str] = {
    "NLL": r"\frac{\partial L}{\partial y_{nj}} = -\frac{t_{nj}}{n}",
    "BCE": r"\frac{\partial L}{\partial y_n} = \frac{\sigma(y_n) - t_n}{n}",
    "MSE": r"\frac{\partial L}{\partial y_n} = \frac{2\,(y_n - t_n)}{n}",
    "LogSoftmax": r"\frac{\partial L}{\partial x_j} = g_j - p_j \sum_k g_k, \quad p = e^y",
    "Linear": r"\frac{\partial L}{\partial x} = g\,W^\top \quad \frac{\partial L}{\partial W} = x^\top g \quad "
    r"\frac{\partial L}{\partial b} = \sum_n g_n",
}

_TITLES: Mapping[str, tuple[str, str]] = {
    "input": (mark("Input"), mark("Input")),
    "forward": (mark("{module}, forward"), "→ {module}"),
    "loss": (mark("Loss ({module})"), mark("Loss")),
    "loss_backward": (mark("Gradient of the loss ({module})"), "← {loss}"),
    "backward": (mark("{module}, backward"), "← {module}"),
    "update": (mark("Update of the weights"), mark("Update")),
}


def titles(stage: Stage, step: Step, t: Text) -> tuple[str, str]:
    """The name of a stage above its explanation, "Linear 1, forward", and on the slider, "→ Linear 1"."""
    layer = step.chain[stage.part].layer if stage.kind in ("forward", "backward") else -1
    module = stage.name if layer < 0 else f"{stage.name} {layer + 1}"
    title, short = (t(text, module=module, loss=t("Loss")) for text in _TITLES[stage.kind])
    return title, short


def sentence(stage: Stage, t: Text) -> str:
    """The sentence that explains the stage."""
    if stage.way == "backward":
        return t(_BACKWARD_SENTENCES.get(stage.name, _BACKWARD_SENTENCES[""]))
    return t(_FORWARD_SENTENCES[stage.name])


def formula(stage: Stage) -> str:
    """The formula in LaTeX, in the letters of the code."""
    if stage.way == "forward":
        return _FORWARD_FORMULAS[stage.name]
    if stage.name in _SLOPES:
        return rf"\frac{{\partial L}}{{\partial x}} = g \cdot {_SLOPES[stage.name]}"
    return _BACKWARD_FORMULAS[stage.name]
