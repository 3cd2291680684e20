"""Exploring: how learners with action values choose, and how they explore less and less."""

from __future__ import annotations

import numpy as np


def epsilon_greedy(Q, epsilon) -> np.ndarray:
    """Action values (..., A) to probabilities (..., A): explore with probability epsilon, else act greedily.

    Tied best actions share the greedy probability. epsilon is a number in [0, 1] or an array that broadcasts against
    (..., 1). Sutton & Barto (2018), section 2.2.
    """
    Q = np.asarray(Q)
    best = Q == Q.max(axis=-1, keepdims=True)
    # pi(a | s) = epsilon / |A| + (1 - epsilon) * [a is best] / number of best actions
    return epsilon / Q.shape[-1] + (1 - epsilon) * best / best.sum(axis=-1, keepdims=True)


def sample_actions(probabilities: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """One action a row: probabilities (B, A) and uniform numbers (B,) in [0, 1) -> (B,) int.

    The first action whose cumulated probability exceeds the draw.
    """
    return (probabilities.cumsum(axis=-1) > draw[:, None]).argmax(axis=-1)


def decayed(epsilon, decay, minimum):
    """Epsilon after one more episode, a number or (B,): never below the minimum, unless it was before (0 stays 0)."""
    return np.minimum(epsilon, np.maximum(minimum, epsilon * decay))
