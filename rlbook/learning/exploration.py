"""Exploring: how learners with action values choose, and how they explore less and less."""

from __future__ import annotations

import numpy as np


def epsilon_greedy(Q, epsilon) -> np.ndarray:
    """Action values (..., A) to probabilities (..., A): explore with probability epsilon, else act greedily.

    Tied best actions share the greedy probability. epsilon is a number in [0, 1] or an array that broadcasts against
    (..., 1). Sutton & Barto (2018), section 2.2.
    """
    Q, epsilon = np.asarray(Q, dtype=float), np.asarray(epsilon, dtype=float)
    if not ((epsilon >= 0) & (epsilon <= 1)).all():
        raise ValueError(f"epsilon is {epsilon}; accepted are probabilities from 0 to 1")
    best = Q == Q.max(axis=-1, keepdims=True)
    # pi(a | s) = epsilon / |A| + (1 - epsilon) * [a is best] / number of best actions
    return epsilon / Q.shape[-1] + (1 - epsilon) * best / best.sum(axis=-1, keepdims=True)


def explore(Q: np.ndarray, epsilon, random: np.random.Generator) -> np.ndarray:
    """Draw from ``epsilon_greedy``: action values (B, A) and epsilon, a number or (B, 1), to actions (B,).

    A coin decides between all actions and the best ones; among those one is drawn. (From the probabilities themselves
    it would take twice as long, a fifth of a step of Q-learning.)
    """
    allowed = (Q == Q.max(axis=-1, keepdims=True)) | (random.random((len(Q), 1)) < epsilon)
    return (allowed * random.random(Q.shape)).argmax(axis=-1)


def decayed(epsilon, decay, minimum):
    """Epsilon after one more episode, a number or (B,): never below the minimum, unless it was before (0 stays 0)."""
    return np.minimum(epsilon, np.maximum(minimum, epsilon * decay))
