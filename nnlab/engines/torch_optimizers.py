"""Optimizers of the PyTorch engine: one call of PyTorch's fused kernels for all parameters, without the bookkeeping of
`torch.optim`, which takes 30 µs a step."""

import torch
from torch import Tensor, nn

from nnlab.spec import TrainSpec

_STATE = {
    "sgd": (),
    "momentum": ("velocity",),  # Polyak 1964
    "nesterov": ("velocity",),  # Sutskever et al. 2013
    "rmsprop": ("square",),  # Tieleman and Hinton 2012
    "adam": ("mean", "square"),  # Kingma and Ba 2015
    "adamw": ("mean", "square"),  # with decoupled weight decay (Loshchilov and Hutter 2019)
}
"""The tensors that an optimizer has for every parameter."""


class Optimizer:
    """The optimizer that an experiment names."""

    def __init__(self, train: TrainSpec, parameters: list[nn.Parameter]) -> None:
        self.name, self.l2, self.leaves = train.optimizer, train.l2, parameters
        self.parameters = [p.detach() for p in parameters]  # the same memory, without autograd
        self.state = {kind: [torch.zeros_like(p) for p in self.parameters] for kind in _STATE[self.name]}
        self.steps = torch.zeros(())
        self.nothing = [torch.zeros_like(p) for p in self.parameters]  # gradients of what has no effect on the loss

    def step(self, rate: float) -> None:
        gradients = [none if p.grad is None else p.grad for p, none in zip(self.leaves, self.nothing, strict=True)]
        for p in self.leaves:
            p.grad = None  # or the next backward pass would add to it
        self.steps += 1
        if self.name == "rmsprop":
            self._rmsprop(gradients, rate)
        elif "mean" in self.state:
            self._adam(gradients, rate)
        else:
            self._descend(gradients, rate)

    def _descend(self, gradients: list[Tensor], rate: float) -> None:
        torch._fused_sgd_(
            self.parameters,
            gradients,
            self.state.get("velocity", []),
            lr=rate,
            weight_decay=self.l2,
            momentum=0.9 if "velocity" in self.state else 0.0,
            dampening=0.0,
            nesterov=self.name == "nesterov",
            maximize=False,
            is_first_step=False,
        )

    def _rmsprop(self, gradients: list[Tensor], rate: float) -> None:
        for p, gradient, square in zip(self.parameters, gradients, self.state["square"], strict=True):
            if self.l2:
                gradient = gradient.add(p, alpha=self.l2)
            square.mul_(0.99).addcmul_(gradient, gradient, value=0.01)
            p.addcdiv_(gradient, square.sqrt().add_(1e-8), value=-rate)

    def _adam(self, gradients: list[Tensor], rate: float) -> None:
        kernel = torch._fused_adamw_ if self.name == "adamw" else torch._fused_adam_
        kernel(
            self.parameters,
            gradients,
            self.state["mean"],
            self.state["square"],
            [],
            [self.steps] * len(gradients),
            lr=rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=self.l2,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )
