"""Gradients by PyTorch's autograd, to compare those of `nnlab.scratch` with. It imports torch, so workers run it."""

from collections.abc import Mapping

import numpy as np

from nnlab.engines.base import Array
from nnlab.spec import Experiment


def autograd(experiment: Experiment, weights: Mapping[str, Array], x: Array, t: Array) -> dict[str, Array]:
    """The gradients of one batch of scaled inputs x (n, inputs) and targets t (n, outputs), in double precision.

    Returns
    -------
    dict
        `loss`; ∂loss/∂parameter under the parameter's name; ∂loss/∂(output of module k) as `out.k`, and as `out.-1`
        that of the input. The modules of a layer are linear, normalisation and activation; under cross-entropy the last
        module is a log-softmax.
    """
    import torch
    from torch.nn import functional as F

    from nnlab.engines.torch_network import ACTIVATIONS, EPS

    w = {
        name: torch.tensor(np.asarray(value, float), requires_grad=True)
        for name, value in weights.items()
        if not name.endswith((".mean", ".variance"))
    }
    target = torch.tensor(np.asarray(t, float))
    out = [torch.tensor(np.asarray(x, float), requires_grad=True)]
    for i, layer in enumerate(experiment.layers):
        out.append(out[-1] @ w[f"{i}.weight"] + w[f"{i}.bias"])
        if layer.norm != "none":
            scale, shift = w[f"{i}.norm.scale"], w[f"{i}.norm.shift"]
            if layer.norm == "layer":
                out.append(F.layer_norm(out[-1], (layer.width,), scale, shift, EPS))
            else:
                out.append(F.batch_norm(out[-1], None, None, scale, shift, training=True, eps=EPS))
        if layer.activation != "none":
            out.append(ACTIVATIONS[layer.activation](out[-1]))
    if experiment.loss == "cross_entropy":
        out.append(F.log_softmax(out[-1], dim=-1))
        loss = F.nll_loss(out[-1], target.argmax(dim=-1))
    elif experiment.loss == "bce":
        loss = F.binary_cross_entropy_with_logits(out[-1], target)
    else:
        loss = F.mse_loss(out[-1], target)
    values = w | {f"out.{k - 1}": y for k, y in enumerate(out)}
    slopes = torch.autograd.grad(loss, [*values.values()])
    return {"loss": loss.detach().numpy(), **{n: s.numpy() for n, s in zip(values, slopes, strict=True)}}
