"""What the networks of all learners share: layers whose weights live in one vector."""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional


class FlatNetwork(nn.Module):
    """A feed-forward network with all its weights in one vector, the parameter ``weights``.

    The layers' matrices are views of it, cut out whenever they are needed: nothing can come apart in a copy, and the
    optimiser, the clipping of gradients and target networks need one operation each in place of one a layer (a training
    step of DQN takes 0.6 of the time).

    widths : of input, hidden layers and output.   seed : of the first weights.
    activation : between the layers; it may work in place.
    """

    def __init__(self, widths, seed: int = 0, activation=torch.relu_):
        super().__init__()
        self.shapes = [(n_out, n_in) for n_in, n_out in itertools.pairwise(widths)]
        self.activation = activation
        self._sizes = [size for n_out, n_in in self.shapes for size in (n_out * n_in, n_out)]
        self.weights = nn.Parameter(torch.empty(sum(self._sizes)))
        self.initialise(torch.Generator().manual_seed(seed))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Uniform within +-1/sqrt(inputs) of each layer, as PyTorch's own layers, but from a generator of its own."""
        for weight, bias in self.layers():
            bound = weight.shape[1] ** -0.5
            weight.uniform_(-bound, bound, generator=generator)
            bias.uniform_(-bound, bound, generator=generator)

    def layers(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """(weight (n_out, n_in), bias (n_out,)) of every layer, views of ``weights``."""
        parts = self.weights.split(self._sizes)
        matrices = [part.view(shape) for part, shape in zip(parts[::2], self.shapes, strict=True)]
        return list(zip(matrices, parts[1::2], strict=True))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., n_in) -> (..., n_out); no activation after the last layer."""
        *hidden, last = self.layers()
        for weight, bias in hidden:
            x = self.activation(functional.linear(x, weight, bias))
        return functional.linear(x, *last)

    def load_state_dict(self, state_dict, strict: bool = True, assign: bool = False):
        """As PyTorch's, but values are always copied: an assigned vector would leave the optimiser with the old one."""
        return super().load_state_dict(state_dict, strict)


def shorten(parameters: list[nn.Parameter], length: float) -> None:
    """Scale the gradient of all parameters, in place, to ``length`` where it is longer.

    Pascanu et al. (2013), algorithm 1.
    """
    if len(parameters) > 1:
        nn.utils.clip_grad_norm_(parameters, length)
        return
    # For one vector, ten times as quick: a tenth of a training step of DQN.
    gradient = parameters[0].grad
    norm = gradient.norm().item()
    if norm > length:
        gradient *= length / norm
