"""The memory of learners that learn from old experience."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rlbook.validation import check_arguments


class Batch(NamedTuple):
    """B transitions: state and next_state (B, state_dim), action (B,) int64, reward and terminated (B,) float32."""

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
    """The last ``capacity`` transitions, one row each in one float32 array; the oldest are overwritten."""

    def __init__(self, capacity: int = 100_000, *, state_dim: int, seed: int = 0):
        check_arguments({"capacity": capacity, "state_dim": state_dim}, count=("capacity", "state_dim"))
        self.capacity, self.state_dim = int(capacity), int(state_dim)
        self.rng = np.random.default_rng(seed)
        self._rows = np.zeros((self.capacity, 2 * self.state_dim + 3), dtype=np.float32)
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
        for column, values in zip(self._fields(new), (state, action, reward, next_state, terminated), strict=True):
            column[...] = values
        self._rows[ring_rows(self.n_pushed, len(new), self.capacity)] = new
        self.n_pushed += len(new)

    def sample(self, batch_size: int, out: np.ndarray | None = None) -> Batch:
        """``batch_size`` transitions, each drawn from all that are stored.

        out : (batch_size, 2 state_dim + 3) float32 memory to write to, so that nothing is allocated.
        """
        if not self.n_pushed:
            raise ValueError("the buffer is empty; push transitions before sampling")
        index = self.rng.integers(len(self), size=batch_size)
        fields = self._fields(self._rows.take(index, axis=0, out=out, mode="clip"))
        return Batch(*fields)._replace(action=fields[1].astype(np.int64))

    def _fields(self, rows) -> tuple:
        """Views of state, action, reward, next_state, terminated in rows (n, 2 state_dim + 3)."""
        n = self.state_dim
        return rows[:, :n], rows[:, n], rows[:, n + 1], rows[:, n + 2 : -1], rows[:, -1]
