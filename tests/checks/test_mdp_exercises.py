"""Chapter 1: every exercise accepts right answers and names the wrong ones."""

import numpy as np
import pytest
from exercise_tests import ChapterTests

from rlbook.checks import EXERCISES

CHAPTER = EXERCISES.chapter("01_mdp")


# Right answers once more, in the plainest Python: a second opinion on the references.


def discounted_return(rewards, gamma):
    total = 0.0
    for reward in reversed(rewards.tolist()):
        total = reward + gamma * total
    return total


def bellman_backup(V, P, R, gamma):
    n_states, n_actions = R.shape
    return [
        [R[s, a] + gamma * sum(P[s, a, t] * V[t] for t in range(n_states)) for a in range(n_actions)]
        for s in range(n_states)
    ]


def greedy_policy(Q):
    rows = []
    for row in Q.tolist():
        winners = [a for a, value in enumerate(row) if value == max(row)]
        rows.append([1 / len(winners) if a in winners else 0 for a in range(len(row))])
    return rows


def value_iteration(P, R, gamma, tol):
    V = np.zeros(len(P))
    while True:
        before = V.copy()
        for s in range(len(P)):  # in place: another order of updates, the same fixed point
            V[s] = max(bellman_backup(V, P, R, gamma)[s])
        if max(abs(V - before)) <= tol:
            return V


def evaluate_policy(policy, P, R, gamma):
    n_states, n_actions = R.shape
    V = np.zeros(n_states)
    for _ in range(700):
        Q = bellman_backup(V, P, R, gamma)
        V = np.array([sum(policy[s, a] * Q[s][a] for a in range(n_actions)) for s in range(n_states)])
    return V


def reachable_fraction(targets, link_lengths, threshold):
    """Without the ring's formula: the distances that fully stretched and folded links can make, link by link."""
    low, high = 0.0, 0.0
    for length in link_lengths:
        low, high = max(0.0, low - length, length - high), high + length
    reached = [low - threshold <= np.sqrt(x * x + y * y) <= high + threshold for x, y in targets]
    return sum(reached) / len(reached)


RIGHT = {f.__name__: f for f in (discounted_return, bellman_backup, greedy_policy, value_iteration, evaluate_policy)}
RIGHT["reachable_fraction"] = reachable_fraction


class TestMDPExercises(ChapterTests):
    chapter = CHAPTER
    right = RIGHT


def test_hand_computed_numbers():
    reference = {name: exercise.reference for name, exercise in CHAPTER.items()}
    assert reference["discounted_return"](np.array([1.0, 2.0, -4.0]), 0.5) == pytest.approx(1 + 1 - 1)
    # A link of 0.7 m and one of 0.3 m reach from 0.4 m to 1 m: 0.36 and 1.04 count with 5 cm to spare, 0.3 and 1.1 not.
    targets = np.array([[0.36, 0.0], [0.0, -1.04], [0.3, 0.0], [-1.1, 0.0]])
    assert reference["reachable_fraction"](targets, np.array([0.7, 0.3]), 0.05) == 0.5


def test_the_corridor_is_solved_without_discounting():
    exercise = CHAPTER["value_iteration"]
    P, R, gamma, tol = next(case for case in exercise.cases(0) if case[2] == 1)
    assert exercise.reference(P, R, gamma, tol) == pytest.approx([-3, -2, -1, 0])
