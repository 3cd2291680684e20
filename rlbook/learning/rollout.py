"""The memory of learners that learn from what they just did, and then forget it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from rlbook.learning.history import EpisodeLog
from rlbook.returns import compute_gae


class Samples(NamedTuple):
    """n steps to learn from: state (n, state_dim), action (n, ...), the others (n,).

    ``log_prob`` and ``value`` are what policy and critic said when the steps were made, ``advantage`` and
    ``value_target`` what the steps say of that.
    """

    state: torch.Tensor
    action: torch.Tensor
    log_prob: torch.Tensor
    value: torch.Tensor
    advantage: torch.Tensor
    value_target: torch.Tensor


class RolloutBuffer:
    """T steps of B environments, written in order: arrays are (T, B, ...) and allocated once.

    n_steps, n_envs : T and B.   state_dim : length of an observation.
    action_shape : (action_dim,) for vectors, () for numbered actions.   device : where the arrays live.
    """

    def __init__(self, n_steps: int, n_envs: int, state_dim: int, action_shape=(), device="cpu"):
        T, B = self.n_steps, self.n_envs = n_steps, n_envs
        self.states, self.next_states = torch.zeros((2, T, B, state_dim), device=device)
        self.actions = torch.zeros((T, B, *action_shape), dtype=None if action_shape else torch.int64, device=device)
        self.rewards, self.log_probs, self.values = torch.zeros((3, T, B), device=device)
        self.advantages, self.value_targets = torch.zeros((2, T, B), device=device)
        # Where a step is not real it only began a new episode: nothing is learned from it.
        self.terminated, self.truncated, self.real = torch.zeros((3, T, B), dtype=torch.bool, device=device)
        self._n_written = 0

    def __len__(self) -> int:
        """Steps of every environment since the last ``clear``."""
        return self._n_written

    def clear(self) -> None:
        """Forget everything."""
        self._n_written = 0

    def push(self, state, action, reward, next_state, terminated, truncated, real=True) -> None:
        """One step of every environment: (B, ...) each, NumPy or torch."""
        if len(self) == self.n_steps:
            raise ValueError(f"the buffer is full after {self.n_steps} steps; learn from them and clear it first")
        wanted = tuple(self.states.shape[1:])
        for name, values in (("state", state), ("next_state", next_state)):
            shape = tuple(np.shape(values))
            if shape != wanted and (1, *shape) != wanted:
                raise ValueError(f"{name} has shape {shape}; accepted is {wanted}")
        columns = self.states, self.actions, self.rewards, self.next_states, self.terminated, self.truncated, self.real
        values = state, action, reward, next_state, terminated, truncated, real
        for column, value in zip(columns, values, strict=True):
            column[len(self)] = torch.as_tensor(value)
        self._n_written += 1

    def record(self, log: EpisodeLog) -> None:
        """Tell the log of all steps kept, in one copy from the device."""
        columns = self.rewards, self.terminated | self.truncated, self.real
        for reward, done, real in zip(*(column[: len(self)].cpu().numpy() for column in columns), strict=True):
            log.record(reward, done, real)

    def compute_returns_and_advantages(self, values, next_values, gamma: float, gae_lambda: float):
        """Fill in ``advantages`` and ``value_targets`` from V(s_t) and V(s_t+1), (T, B) each."""
        T = len(self)
        ends = self.terminated[:T], self.truncated[:T]
        self.values[:T] = values
        self.advantages[:T] = compute_gae(self.rewards[:T], values, next_values, *ends, gamma, gae_lambda)
        # R_t = A_t + V(s_t), the return that the advantage stands for
        self.value_targets[:T] = self.advantages[:T] + values

    def samples(self) -> Samples:
        """All real steps, in the order in which they were made."""
        real = self.real[: len(self)]
        fields = self.states, self.actions, self.log_probs, self.values, self.advantages, self.value_targets
        return Samples(*(field[: len(self)][real] for field in fields))

    def get_batches(self, batch_size: int, generator: torch.Generator | None = None) -> Iterator[Samples]:
        """Every real step once, in random order, in parts of about the same size, ``batch_size`` at most.

        Advantages come standardised over all steps: their unit then sets no step size.
        """
        samples = self.samples()
        advantage, n = samples.advantage, len(samples.advantage)
        samples = samples._replace(advantage=(advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-8))
        order = torch.randperm(n, generator=generator, device=advantage.device)
        for rows in order.tensor_split(-(-n // batch_size)):
            yield Samples(*(field.index_select(0, rows) for field in samples))
