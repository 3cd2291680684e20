"""Numbers on a scale that networks like: about zero, about one wide, whatever units they come in."""

from __future__ import annotations

import torch
from torch import nn


class Normaliser(nn.Module):
    """Takes vectors x (..., size) to (x - mean) / std, by the running mean and variance of all it was shown.

    Before the first ``update`` it leaves everything as it is.
    """

    SMALLEST_STD = 1e-4  # of a component that hardly varies

    def __init__(self, size: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    @property
    def std(self) -> torch.Tensor:
        """Standard deviation (size,)."""
        return self.variance.sqrt().clamp(min=self.SMALLEST_STD)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Values (..., size) in standard deviations from the mean."""
        # z = (x - mu) / sigma
        return (values - self.mean) / self.std

    def inverse(self, values: torch.Tensor) -> torch.Tensor:
        """What ``forward`` took to these ``values`` (..., size)."""
        return values * self.std + self.mean

    @torch.no_grad()
    def update(self, values: torch.Tensor) -> None:
        """Take n more vectors (n, size) into mean and variance. Chan, Golub & LeVeque (1979), equation 2.1."""
        n, values = len(values), values.to(torch.float64)
        total, shift = self.count + n, values.mean(0) - self.mean
        # S = S_old + S_new + shift^2 n_old n_new / n,   S: the sum of squares about the mean
        squares = self.variance * self.count + values.var(0, correction=0) * n + shift**2 * (self.count * n / total)
        self.mean += shift * (n / total)
        self.variance.copy_(squares / total)
        self.count.copy_(total)
