"""Replay: the memory of learners that learn from old experience."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rlbook.learning.saving import check_shape
from rlbook.validation import check_arguments


class Batch(NamedTuple):
    """B transitions: state and next_state (B, state_dim), action (B,) or (B, action_dim), reward and terminated (B,).

    NumPy or torch. Discrete actions are int64 numbers, terminated is bool, all the rest float32.
    """

    state: Any
    action: Any
    reward: Any
    next_state: Any
    terminated: Any


def ring_rows(n_pushed: int, n_new: int, capacity: int) -> np.ndarray:
    """The rows (n_new,) where a memory of ``capacity`` rows puts what is new, ``n_pushed`` having come before."""
    # number i of all rows ever written lives in row i mod capacity
    return (n_pushed + np.arange(n_new)) % capacity


class ReplayBuffer:
    """The last ``capacity`` transitions, one row each in one float32 array; the oldest are overwritten.

    state_dim : length of an observation.   action_dim : length of an action, or None for discrete ones.
    """

    def __init__(self, capacity: int = 100_000, *, state_dim: int, action_dim: int | None = None, seed: int = 0):
        sizes = {"capacity": capacity, "state_dim": state_dim, "action_dim": action_dim}
        check_arguments(sizes, count=tuple(sizes), optional=("action_dim",))
        self.capacity, self.state_dim, self.action_dim = int(capacity), int(state_dim), action_dim
        self.rng = np.random.default_rng(seed)
        # state, action, reward, next_state, terminated: one row to gather a transition, five times quicker than five
        self._rows = np.zeros((self.capacity, 2 * self.state_dim + (action_dim or 1) + 2), dtype=np.float32)
        self.n_pushed = 0

    def __len__(self) -> int:
        return min(self.n_pushed, self.capacity)

    def push(self, state, action, reward, next_state, terminated) -> None:
        """Store one transition, or one of each environment: state (state_dim,) or (n, state_dim), action () or (n,)."""
        state, next_state = np.asarray(state), np.asarray(next_state)
        if state.shape != next_state.shape or state.shape[-1:] != (self.state_dim,):
            raise ValueError(
                f"state has shape {state.shape} and next_state {next_state.shape}; accepted are two of the same shape, "
                f"({self.state_dim},) or (n, {self.state_dim})"
            )
        new = np.empty((state.size // self.state_dim, self._rows.shape[1]), dtype=np.float32)
        for column, values in zip(self._columns(new), (state, action, reward, next_state, terminated), strict=True):
            column[...] = values
        self._rows[ring_rows(self.n_pushed, len(new), self.capacity)] = new
        self.n_pushed += len(new)

    def sample(self, batch_size: int) -> Batch:
        """``batch_size`` transitions, each drawn from all that are stored."""
        if not self.n_pushed:
            raise ValueError("the buffer is empty; push transitions before sampling")
        index = self.rng.integers(len(self), size=batch_size)
        state, action, reward, next_state, terminated = self._columns(self._rows.take(index, axis=0))
        action = action.astype(np.int64) if self.action_dim is None else action
        return Batch(state, action, reward, next_state, terminated > 0)

    def resize(self, capacity: int) -> None:
        """Make room for ``capacity`` transitions; where that is less than before, the newest stay."""
        newest = self.rows()[ring_rows(self.n_pushed - len(self), len(self), self.capacity)][-capacity:]
        self.capacity, self._rows = int(capacity), np.zeros((int(capacity), newest.shape[1]), dtype=np.float32)
        self.restore(newest, len(newest))

    def rows(self) -> np.ndarray:
        """Everything stored, (len, columns), as it lies in memory."""
        return self._rows[: len(self)]

    def restore(self, rows: np.ndarray, n_pushed: int) -> None:
        """Take over what ``rows`` gave after ``n_pushed`` transitions."""
        check_arguments({"n_pushed": n_pushed}, natural=("n_pushed",), single=True)
        self.n_pushed = int(n_pushed)
        self._rows[: len(self)] = check_shape("memory", rows, self.rows().shape)

    def _columns(self, rows: np.ndarray) -> tuple:
        """Views of state, action, reward, next_state, terminated in rows (n, columns)."""
        n = self.state_dim
        action = rows[:, n] if self.action_dim is None else rows[:, n : n + self.action_dim]
        return rows[:, :n], action, rows[:, -n - 2], rows[:, -n - 1 : -1], rows[:, -1]
