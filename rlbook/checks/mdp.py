"""The exercises of chapter 1: Markov decision processes."""

from __future__ import annotations

import numpy as np

from rlbook.checks.exercise import Exercise
from rlbook.checks.mistakes import known_mistakes
from rlbook.envs.arm.controllers import distance_to_workspace
from rlbook.learning.exploration import epsilon_greedy
from rlbook.mdp import TabularMDP, bellman_backup, evaluate_policy
from rlbook.returns import discounted_return

_SWEEPS = 300  # of a wrong value iteration that may never settle; no right one below needs as many


# ---------------------------------------------------------------- inputs


def random_rewards(rng):
    """Reward sequences of every awkward length, and both extreme discounts."""
    yield np.array([-2.0]), 0.9
    yield np.array([1.0, 2.0, 3.0]), 0.5
    for n_steps, gamma in ((4, 0.0), (5, 1.0), (1, 0.0), (30, 0.99)):
        yield rng.normal(size=n_steps).round(2), gamma


def random_model(rng, n_states: int, n_actions: int):
    """P (S, A, S) and R (S, A): each action leads to about half of the states, never with equal chances."""
    P = rng.uniform(0.1, 1.0, size=(n_states, n_actions, n_states))
    P *= rng.random(P.shape) < 0.5
    P[..., 0] += ~P.any(axis=2)
    R = rng.normal(size=(n_states, n_actions)).round(2) * 2
    return P / P.sum(axis=2, keepdims=True), R


def corridor(n_states: int):
    """Left and right along a corridor, -1 a step; the last cell is absorbing. Solvable without discounting."""
    P, R = np.zeros((n_states, 2, n_states)), np.full((n_states, 2), -1.0)
    cells = np.arange(n_states - 1)
    P[cells, 0, np.maximum(cells - 1, 0)] = P[cells, 1, cells + 1] = 1
    P[-1, :, -1], R[-1] = 1, 0
    return P, R


def two_states():
    """A model small enough to do by hand."""
    P = np.array([[[0.25, 0.75], [1.0, 0.0]], [[0.0, 1.0], [0.5, 0.5]]])
    R = np.array([[1.0, -1.0], [2.0, -3.0]])
    return P, R


def random_backups(rng):
    yield np.array([10.0, -4.0]), *two_states(), 0.5
    yield np.array([1.5, -3.0]), np.eye(2)[[[1, 0], [0, 1]]], np.array([[1.0, 2.0], [3.0, -1.0]]), 0.5
    for n_states, n_actions, gamma in ((3, 1, 0.9), (3, 2, 1.0), (3, 2, 0.0), (6, 4, 0.95)):
        yield rng.normal(size=n_states).round(2) * 5, *random_model(rng, n_states, n_actions), gamma


def random_action_values(rng):
    """Action values with ties at the top, at the bottom and everywhere, and some that are all negative."""
    yield (np.array([[1.0, 3.0, 3.0]]),)
    yield (np.array([[-2.0, -1.0], [0.0, 0.0]]),)
    yield (-1 - rng.random((3, 1)).round(2),)
    yield (np.repeat(rng.normal(size=(2, 1)).round(2), 4, axis=1),)
    yield (rng.integers(-2, 2, size=(8, 4)).astype(float),)
    yield (rng.normal(size=(6, 3)).round(3),)


def random_planning(rng):
    """Rising and falling values; so large a tol that every other rule of when to stop gives other values."""
    yield *two_states(), 0.5, 0.3
    P, R = corridor(4)
    yield P, R, 1.0, 0.5
    yield P[::-1, :, ::-1], R[::-1], 0.9, 0.05  # the first state is settled from the start
    yield np.eye(2)[[1, 0], None], np.array([[1.0], [-2.0]]), 0.9, 0.5  # one state rises while the other falls
    P, R = random_model(rng, 3, 2)
    yield P, 1000 * R, 0.9, 0.005  # a relative tolerance of 1e-5 is larger than this one
    for n_states, n_actions, gamma, tol in ((3, 1, 0.9, 0.2), (3, 2, 0.0, 0.1), (5, 3, 0.95, 0.03), (6, 2, 0.8, 0.001)):
        P, R = random_model(rng, n_states, n_actions)
        yield P, R, gamma, tol
        yield P, -1 - np.abs(R), gamma, tol


def random_policies(rng):
    yield np.array([[0.75, 0.25], [0.5, 0.5]]), *two_states(), 0.5
    yield np.array([[0.5, 0.5], [0.25, 0.75], [1.0, 0.0]]), *corridor(3), 0.9
    for n_states, n_actions, gamma in ((4, 1, 0.9), (3, 3, 0.0), (5, 3, 0.95)):
        policy = rng.dirichlet(np.ones(n_actions), size=n_states)
        yield policy, *random_model(rng, n_states, n_actions), gamma
    yield np.eye(3)[rng.integers(3, size=4)], *random_model(rng, 4, 3), 0.8


def random_targets(rng):
    """Targets all around arms with one link, with a hole in the middle, and with none; no target lies on a limit."""
    yield np.array([[0.1, 0.0], [0.5, 0.0]]), np.array([0.5]), 0.05
    yield np.array([[0.0, 0.1], [0.6, 0.6], [0.0, -1.02]]), np.array([0.7, 0.3]), 0.05
    yield np.array([[1.0, 1.0], [3.0, 3.0], [1.0, 2.0]]), np.array([3.0, 1.0]), 0.1
    yield np.array([[0.0, 0.8], [-0.5, 0.0], [0.36, 0.0]]), np.array([0.7, 0.3]), 0.05
    for lengths, threshold in (([0.7, 0.3], 0.1), ([0.3, 0.3, 0.3], 0.05), ([0.2, 0.9, 0.3], 0.08), ([0.4, 0.4], 0.0)):
        lengths = np.array(lengths)
        reach, inner = lengths.sum(), hole(lengths)
        angle, radius = rng.uniform(-np.pi, np.pi, 60), rng.uniform(0, 1.3 * (reach + 2 * threshold), 60)
        # Targets just inside and outside of every limit, at which the threshold decides, and one at the shoulder.
        near = max(threshold, 0.02) * np.array([-1.5, -0.5, 0.5, 1.5])
        radius[:9] = *(reach + near), *np.abs(inner + near), 0.0
        yield np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), lengths, threshold


# ---------------------------------------------------------------- references: the library, in the exercise's arguments


def model(P, R, gamma) -> TabularMDP:
    stays = (P[np.arange(len(P)), :, np.arange(len(P))] == 1).all(axis=1)
    return TabularMDP(P, R, gamma, terminal=stays & (R == 0).all(axis=1))


def _best(Q):
    return Q.max(axis=1)


def _change(new, old):
    return np.abs(new - old).max()


def _newest(new, old, Q):
    return new


def _value_iteration(P, R, gamma, tol, *, n_sweeps=_SWEEPS, value=_best, change=_change, result=_newest):
    """Sweeps until ``change`` is at most tol; right unless one of its parts is exchanged."""
    mdp = model(P, R, gamma)
    V = np.zeros(len(P))
    for _ in range(n_sweeps):
        Q = bellman_backup(V, mdp)
        V, old = value(Q), V
        if change(V, old) <= tol:
            break
    return result(V, old, Q)


def _in_place(order: int):
    """Value iteration whose sweeps use new values at once, from the first state (1) or from the last one (-1)."""

    def answer(P, R, gamma, tol):
        V, before, mdp = np.zeros(len(P)), np.inf, model(P, R, gamma)
        while _change(V, before) > tol:
            before = V.copy()
            for state in range(len(P))[::order]:
                V[state] = bellman_backup(V, mdp)[state].max()
        return V

    return answer


def _reachable_fraction(targets, link_lengths, threshold, *, distance=None, inner=None, outer=None):
    if distance is None and inner is None and outer is None:
        return np.mean(distance_to_workspace(targets, link_lengths) <= threshold)
    distance = np.linalg.norm(targets, axis=1) if distance is None else distance
    inner = hole(link_lengths) - threshold if inner is None else inner
    outer = link_lengths.sum() + threshold if outer is None else outer
    return np.mean((distance >= inner) & (distance <= outer))


def best_actions(Q):
    """The greedy policy (S, A), ties shared."""
    return epsilon_greedy(Q, 0.0)


def _greedy_policy(Q, *, favourite=None):
    return best_actions(Q) if favourite is None else favourite


# ---------------------------------------------------------------- what the known mistakes are written with


def is_best(Q):
    return best_actions(Q) > 0


def first_best(Q):
    return np.eye(Q.shape[1])[Q.argmax(axis=1)]


def shared(chosen):
    """The same share for all that are chosen in a row."""
    return chosen / np.maximum(1, chosen.sum(axis=1, keepdims=True))


def chain(policy, P):
    """Transitions (S, S) of the Markov chain under a policy."""
    return np.einsum("sa,sat->st", policy, P)


def system(policy, P, R, gamma):
    """The matrix and the right side of the linear equations for V."""
    return np.eye(len(P)) - gamma * chain(policy, P), (policy * R).sum(axis=1)


def solved(change, policy, P, R, gamma):
    matrix, r_pi = system(policy, P, R, gamma)
    return np.linalg.solve(change(matrix), r_pi)


def swept(n, policy, P, R, gamma):
    matrix, r_pi = system(policy, P, R, gamma)
    V = 0 * r_pi
    for _ in range(n):
        V = r_pi + V - matrix @ V
    return V


def hole(lengths) -> float:
    return max(0.0, 2 * np.max(lengths) - np.sum(lengths))


mistakes_of = known_mistakes("mdp", globals())

EXERCISES = (
    Exercise(
        "discounted_return",
        reference=discounted_return,
        inputs=random_rewards,
        points=1,
        minutes=5,
        difficulty=1,
        hints=(
            "The first reward counts in full, the second gamma times, the third gamma times gamma times.",
            "`np.arange(len(rewards))` gives the exponents 0, 1, 2, ...",
            "Multiply `rewards` by `gamma ** np.arange(len(rewards))` and sum.",
        ),
        mistakes=mistakes_of("discounted_return"),
    ),
    Exercise(
        "bellman_backup",
        reference=lambda V, P, R, gamma: bellman_backup(V, model(P, R, gamma)),
        inputs=random_backups,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "`P[s, a]` is the distribution of the next state; the expected value of the next state is its sum with V.",
            "`P @ V` sums over the last axis of P, the next state, for every state and action at once.",
            "The answer has shape (S, A): the reward plus gamma times `P @ V`.",
        ),
        mistakes=mistakes_of("bellman_backup"),
    ),
    Exercise(
        "greedy_policy",
        reference=_greedy_policy,
        inputs=random_action_values,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "In each row, which entries equal the row's maximum? There may be several.",
            "`Q.max(axis=1, keepdims=True)` keeps the shape (S, 1), so that it compares with Q row by row.",
            "Turn the comparison into numbers and divide each row by its sum.",
        ),
        mistakes=mistakes_of("greedy_policy"),
    ),
    Exercise(
        "value_iteration",
        reference=_value_iteration,
        alternatives=(_in_place(1), _in_place(-1)),
        inputs=random_planning,
        points=3,
        minutes=15,
        difficulty=3,
        hints=(
            "Start from V = 0. A sweep is one Bellman backup followed by the maximum over actions.",
            "Repeat with the new V in place of the old one, until no state changes by more than tol.",
            "The change of a sweep is `np.abs(V_new - V).max()`; keep V_new before you stop.",
        ),
        mistakes=mistakes_of("value_iteration"),
    ),
    Exercise(
        "evaluate_policy",
        reference=lambda policy, P, R, gamma: evaluate_policy(policy, model(P, R, gamma)),
        inputs=random_policies,
        points=3,
        minutes=15,
        difficulty=3,
        hints=(
            "A fixed policy turns the MDP into a Markov chain: average P and R over its actions, by their probability.",
            'Its transition matrix is `np.einsum("sa,sat->st", policy, P)`, its reward `(policy * R).sum(axis=1)`.',
            "V = r + gamma P V is linear: give `np.eye(S) - gamma * P_pi` and `r_pi` to `np.linalg.solve`.",
        ),
        mistakes=mistakes_of("evaluate_policy"),
    ),
    Exercise(
        "reachable_fraction",
        reference=_reachable_fraction,
        inputs=random_targets,
        points=2,
        minutes=15,
        difficulty=3,
        hints=(
            "Only the distance of a target from the shoulder matters, and the arm reaches no further than its length.",
            "A link longer than all others together cannot fold back to the shoulder: it leaves a hole in the middle.",
            "The hole's radius is twice the longest link minus the sum of all links, and at least 0.",
            "Count targets with `distance <= outer + threshold` and `distance >= inner - threshold`, then average.",
        ),
        mistakes=mistakes_of("reachable_fraction"),
    ),
)
