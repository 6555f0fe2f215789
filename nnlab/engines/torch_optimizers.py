"""Optimizers of the PyTorch engine: one call of PyTorch's fused kernels for all parameters, without the bookkeeping of
`torch.optim`, which takes 30 µs a step."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from nnlab.spec import TrainSpec


class _Optimizer:
    kinds: Sequence[str] = ()
    """Names of the tensors it keeps for every parameter."""

    def __init__(self, train: TrainSpec, parameters: list[torch.nn.Parameter]) -> None:
        self.l2, self.leaves = train.l2, parameters
        self.parameters = [p.detach() for p in parameters]  # the same memory, without autograd
        self.state = {kind: [torch.zeros_like(p) for p in self.parameters] for kind in self.kinds}
        self.steps = torch.zeros(())
        self.nothing = [
            torch.zeros_like(p) for p in self.parameters
        ]  # the gradient of parameters without effect on the loss

    def step(self, rate: float) -> None:
        gradients = [none if p.grad is None else p.grad for p, none in zip(self.leaves, self.nothing, strict=True)]
        for p in self.leaves:
            p.grad = None  # or the next backward pass would add to it
        self.steps += 1
        self.update(gradients, rate)

    def update(self, gradients: list[Tensor], rate: float) -> None:
        raise NotImplementedError


class _Adam(_Optimizer):
    """Kingma and Ba 2015; with decoupled weight decay (Loshchilov and Hutter 2019) for adamw."""

    kinds = ("mean", "square")
    kernel: Callable[..., None] = staticmethod(torch._fused_adam_)

    def update(self, gradients: list[Tensor], rate: float) -> None:
        self.kernel(
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


class _AdamW(_Adam):
    kernel = staticmethod(torch._fused_adamw_)


class _SGD(_Optimizer):
    """Gradient descent."""

    momentum, nesterov = 0.0, False

    def update(self, gradients: list[Tensor], rate: float) -> None:
        torch._fused_sgd_(
            self.parameters,
            gradients,
            self.state.get("velocity", []),
            lr=rate,
            weight_decay=self.l2,
            momentum=self.momentum,
            dampening=0.0,
            nesterov=self.nesterov,
            maximize=False,
            is_first_step=False,
        )


class _Momentum(_SGD):
    """Polyak 1964."""

    kinds, momentum = ("velocity",), 0.9


class _Nesterov(_Momentum):
    """Sutskever et al. 2013."""

    nesterov = True


class _RMSprop(_Optimizer):
    """Tieleman and Hinton 2012."""

    kinds = ("square",)

    def update(self, gradients: list[Tensor], rate: float) -> None:
        for p, gradient, square in zip(self.parameters, gradients, self.state["square"], strict=True):
            if self.l2:
                gradient = gradient.add(p, alpha=self.l2)
            square.mul_(0.99).addcmul_(gradient, gradient, value=0.01)
            p.addcdiv_(gradient, square.sqrt().add_(1e-8), value=-rate)


OPTIMIZERS: Mapping[str, type[_Optimizer]] = {
    "sgd": _SGD,
    "momentum": _Momentum,
    "nesterov": _Nesterov,
    "rmsprop": _RMSprop,
    "adam": _Adam,
    "adamw": _AdamW,
}
