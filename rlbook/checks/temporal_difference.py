"""What every exercise with a temporal-difference target shares: batches of transitions, and reading one value a row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Transitions(NamedTuple):
    """A batch: q, reward (B,), two tables of next values (B, A) without ties, two flags (B,) bool."""

    q: np.ndarray
    reward: np.ndarray
    next_q: np.ndarray
    other_q: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray


def random_batch(rng, n: int, n_actions: int) -> Transitions:
    """Transitions of which one of the first two has ended, the first where n is even, and the third is cut off."""
    q, reward = rng.normal(size=(2, n)).round(3) * 3
    next_q, other_q = rng.normal(size=(2, n, n_actions)).round(3) * 3
    for table in (next_q, other_q):  # the best value of all is the last row's, and the first row likes another action
        table[-1, (table[0].argmax() + 1) % n_actions] = table.max() + 1
    terminated, truncated = rng.random((2, n)) < 0.4
    terminated[:3], truncated[:3] = [n % 2 == 0, n % 2 == 1, False][:n], [False, False, True][:n]
    return Transitions(q, reward, next_q, other_q, terminated, truncated)


def chosen(q, action):
    """The values (B,) of one action a row, from q (B, A)."""
    return q[np.arange(len(q)), action]
