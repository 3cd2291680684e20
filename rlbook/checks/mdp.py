"""The exercises of chapter 1: Markov decision processes."""

from __future__ import annotations

import numpy as np

from rlbook.checks.exercise import Exercise
from rlbook.envs.arm.controllers import distance_to_workspace
from rlbook.learning.exploration import epsilon_greedy
from rlbook.mdp import TabularMDP, bellman_backup, evaluate_policy, value_iteration

_SWEEPS = 2_000  # more than these small models need: 0.95 ** 2000 is 1e-45


# ---------------------------------------------------------------- inputs


def random_rewards(rng):
    """Reward sequences of every awkward length, and both extreme discounts."""
    yield np.array([-2.0]), 0.9
    yield np.array([1.0, 2.0, -4.0]), 0.5
    for n_steps, gamma in ((4, 0.0), (5, 1.0), (1, 0.0), (30, 0.99)):
        yield rng.normal(size=n_steps).round(2), gamma


def random_model(rng, n_states: int, n_actions: int, sparse: bool = True):
    """P (S, A, S) and R (S, A): each action leads to about half of the states, never with equal chances."""
    P = rng.uniform(0.1, 1.0, size=(n_states, n_actions, n_states))
    if sparse:
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


def random_backups(rng):
    yield np.array([10.0, -4.0]), *_two_states(), 0.5
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
    tol = 1e-10
    yield *_two_states(), 0.5, tol
    yield *corridor(4), 1.0, tol
    for n_states, n_actions, gamma in ((3, 1, 0.9), (3, 2, 0.0), (5, 3, 0.95)):
        P, R = random_model(rng, n_states, n_actions)
        yield P, R, gamma, tol
        yield P, -1 - np.abs(R), gamma, tol


def random_policies(rng):
    yield np.array([[0.75, 0.25], [0.5, 0.5]]), *_two_states(), 0.5
    yield np.array([[0.5, 0.5], [0.25, 0.75], [1.0, 0.0]]), *corridor(3), 0.9
    for n_states, n_actions, gamma in ((4, 1, 0.9), (3, 3, 0.0), (5, 3, 0.95)):
        policy = rng.dirichlet(np.ones(n_actions), size=n_states)
        yield policy, *random_model(rng, n_states, n_actions), gamma
    yield np.eye(3)[rng.integers(3, size=4)], *random_model(rng, 4, 3), 0.8


def random_targets(rng):
    """Targets all around arms with one link, with a hole in the middle, and with none; no target lies on a limit."""
    yield np.array([[0.1, 0.0], [0.5, 0.0]]), np.array([0.5]), 0.05
    yield np.array([[0.0, 0.1], [0.6, 0.6], [0.0, -1.02]]), np.array([0.7, 0.3]), 0.05
    for lengths, threshold in (([0.7, 0.3], 0.1), ([0.3, 0.3, 0.3], 0.05), ([0.2, 0.9, 0.3], 0.08), ([0.4, 0.4], 0.0)):
        lengths = np.array(lengths)
        reach = lengths.sum() + 2 * threshold
        angle, radius = rng.uniform(-np.pi, np.pi, 60), rng.uniform(0, 1.3 * reach, 60)
        # Two targets just beyond a limit, which the threshold decides on, and one at the shoulder.
        beyond = max(threshold, 0.02) / 2
        radius[:3] = lengths.sum() + beyond, max(0.0, _hole(lengths) - beyond), 0.0
        yield np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), lengths, threshold


def _two_states():
    """A model small enough to do by hand."""
    P = np.array([[[0.25, 0.75], [1.0, 0.0]], [[0.0, 1.0], [0.5, 0.5]]])
    R = np.array([[1.0, -1.0], [2.0, -3.0]])
    return P, R


# ---------------------------------------------------------------- references: the library, in the exercise's arguments


def _return_of(rewards, gamma):
    """A sequence of rewards is a one-way street; its return is the value of the first house."""
    n_steps = len(rewards)
    P = np.eye(n_steps + 1, k=1)[:, None, :]
    P[-1, 0, -1] = 1
    street = TabularMDP(P, np.append(rewards, 0.0)[:, None], gamma, terminal=[n_steps])
    return evaluate_policy(np.zeros(n_steps + 1, dtype=int), street)[0]


def _model(P, R, gamma) -> TabularMDP:
    stays = (P[np.arange(len(P)), :, np.arange(len(P))] == 1).all(axis=1)
    return TabularMDP(P, R, gamma, terminal=stays & (R == 0).all(axis=1))


def _reachable_fraction(targets, link_lengths, threshold) -> float:
    return np.mean(distance_to_workspace(targets, link_lengths) <= threshold)


def _hole(link_lengths) -> float:
    return max(0.0, 2 * np.max(link_lengths) - np.sum(link_lengths))


# ---------------------------------------------------------------- mistakes that need more than a line


def _fixed_point(update, n_states: int):
    V = np.zeros(n_states)
    for _ in range(_SWEEPS):
        V, before = update(V), V
        if np.abs(V - before).max() < 1e-12:
            break
    return V


def _iterate_signed(P, R, gamma, tol):
    V = np.zeros(len(P))
    for _ in range(_SWEEPS):
        V, before = (R + gamma * P @ V).max(axis=1), V
        if (V - before).max() < tol:
            break
    return V


def _solve(P_pi, r_pi, gamma):
    return np.linalg.solve(np.eye(len(P_pi)) - gamma * P_pi, r_pi)


def _first_best(Q):
    return np.eye(Q.shape[1])[Q.argmax(axis=1)]


def _share(chosen):
    return chosen / chosen.sum(axis=1, keepdims=True)


def _under(policy, P, R):
    return np.einsum("sa,sat->st", policy, P), (policy * R).sum(axis=1)


def _within(targets, inner, outer):
    distance = np.linalg.norm(targets, axis=1)
    return np.mean((distance >= inner) & (distance <= outer))


EXERCISES = (
    Exercise(
        "discounted_return",
        reference=_return_of,
        inputs=random_rewards,
        points=1,
        minutes=5,
        difficulty=1,
        hints=(
            "The first reward counts in full, the second gamma times, the third gamma times gamma times.",
            "`np.arange(len(rewards))` gives the exponents 0, 1, 2, ...",
            "Multiply `rewards` by `gamma ** np.arange(len(rewards))` and sum.",
        ),
        mistakes={
            "It discounts the first reward already: the exponents of gamma start at 0, not at 1.": (
                lambda rewards, gamma: np.sum(rewards * gamma ** np.arange(1, len(rewards) + 1))
            ),
            "It adds the rewards up without discounting: multiply the reward of step t by `gamma ** t`.": (
                lambda rewards, gamma: np.sum(rewards)
            ),
            "It discounts backwards, the first reward most: the first one counts in full, the last one least.": (
                lambda rewards, gamma: np.sum(rewards * gamma ** np.arange(len(rewards))[::-1])
            ),
            "It discounts every later reward once, however late it comes: the exponent grows with the step.": (
                lambda rewards, gamma: rewards[0] + gamma * np.sum(rewards[1:])
            ),
        },
    ),
    Exercise(
        "bellman_backup",
        reference=lambda V, P, R, gamma: bellman_backup(V, _model(P, R, gamma)),
        inputs=random_backups,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "`P[s, a]` is the distribution of the next state; the expected value of the next state is its sum with V.",
            "`P @ V` sums over the last axis of P, the next state, for every state and action at once.",
            "The answer has shape (S, A): the reward plus gamma times `P @ V`.",
        ),
        mistakes={
            "It does not discount the next state: multiply its expected value by gamma.": (
                lambda V, P, R, gamma: R + P @ V
            ),
            "It takes the best next state as if you could choose it: take the expectation under `P[s, a]`.": (
                lambda V, P, R, gamma: R + gamma * np.where(P > 0, V, -np.inf).max(axis=2)
            ),
            "It discounts the immediate reward too: gamma belongs to the next state's value alone.": (
                lambda V, P, R, gamma: gamma * (R + P @ V)
            ),
            "It leaves out the immediate reward: add `R`.": lambda V, P, R, gamma: gamma * (P @ V),
            "It sums over the wrong axis of P: the next state is the last axis, `P[s, a, s_next]`.": (
                lambda V, P, R, gamma: R + gamma * np.einsum("tas,t->sa", P, V)
            ),
            "It already takes the best action: return the value of every action, shape (S, A).": (
                lambda V, P, R, gamma: (R + gamma * P @ V).max(axis=1)
            ),
        },
    ),
    Exercise(
        "greedy_policy",
        reference=lambda Q: epsilon_greedy(Q, 0.0),
        inputs=random_action_values,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "In each row, which entries equal the row's maximum? There may be several.",
            "`Q.max(axis=1, keepdims=True)` keeps the shape (S, 1), so that it compares with Q row by row.",
            "Turn the comparison into numbers and divide each row by its sum.",
        ),
        mistakes={
            "It gives everything to the first of several best actions, as argmax does: let ties share.": _first_best,
            "Where actions tie, the probabilities of a row sum to more than 1: divide by the number of best actions.": (
                lambda Q: (Q == Q.max(axis=1, keepdims=True)).astype(float)
            ),
            "It chooses the worst action: greedy means the largest value.": (
                lambda Q: _share(Q == Q.min(axis=1, keepdims=True))
            ),
            "It looks for the best value of the whole table: every state has its own best, so use `axis=1`.": (
                lambda Q: (Q == Q.max()) / np.maximum(1, (Q == Q.max()).sum(axis=1, keepdims=True))
            ),
            "It returns action numbers: return the probability of every action, shape (S, A).": (
                lambda Q: Q.argmax(axis=1)
            ),
        },
    ),
    Exercise(
        "value_iteration",
        reference=lambda P, R, gamma, tol: value_iteration(_model(P, R, gamma), tol).V,
        inputs=random_planning,
        points=3,
        minutes=15,
        difficulty=3,
        tolerance=1e-6,
        hints=(
            "Start from V = 0. A sweep is one Bellman backup followed by the maximum over actions.",
            "Repeat with the new V in place of the old one, until no state changes by more than tol.",
            "The change of a sweep is `np.abs(V_new - V).max()`; keep V_new before you stop.",
        ),
        mistakes={
            "It does one sweep only: put the new values back into V and repeat until they stop changing.": (
                lambda P, R, gamma, tol: R.max(axis=1)
            ),
            "It averages over the actions: the optimal value takes the best one, `max(axis=1)`.": (
                lambda P, R, gamma, tol: _fixed_point(lambda V: (R + gamma * P @ V).mean(axis=1), len(P))
            ),
            "It stops too early where values fall: measure the change without its sign, `np.abs(V_new - V).max()`.": (
                _iterate_signed
            ),
            "It discounts the immediate reward too: gamma belongs to the next state's value alone.": (
                lambda P, R, gamma, tol: _fixed_point(lambda V: (gamma * (R + P @ V)).max(axis=1), len(P))
            ),
            "It returns action values: return the value of the best action, shape (S,).": (
                lambda P, R, gamma, tol: R + gamma * P @ value_iteration(_model(P, R, gamma), tol).V
            ),
        },
    ),
    Exercise(
        "evaluate_policy",
        reference=lambda policy, P, R, gamma: evaluate_policy(policy, _model(P, R, gamma)),
        inputs=random_policies,
        points=3,
        minutes=15,
        difficulty=3,
        tolerance=1e-7,
        hints=(
            "A fixed policy turns the MDP into a Markov chain: average P and R over its actions, by their probability.",
            'Its transition matrix is `np.einsum("sa,sat->st", policy, P)`, its reward `(policy * R).sum(axis=1)`.',
            "V = r + gamma P V is linear: give `np.eye(S) - gamma * P_pi` and `r_pi` to `np.linalg.solve`.",
        ),
        mistakes={
            "It ignores the policy and averages over all actions alike: weight them by `policy[s, a]`.": (
                lambda policy, P, R, gamma: _solve(P.mean(axis=1), R.mean(axis=1), gamma)
            ),
            "It always takes the policy's most likely action: weight all actions by their probabilities.": (
                lambda policy, P, R, gamma: _solve(*_under(_first_best(policy), P, R), gamma)
            ),
            "Its transition matrix is transposed: row s holds where state s leads to.": (
                lambda policy, P, R, gamma: _solve(_under(policy, P, R)[0].T, _under(policy, P, R)[1], gamma)
            ),
            "It stops at the immediate reward: what follows counts too, so solve for V.": (
                lambda policy, P, R, gamma: _under(policy, P, R)[1]
            ),
            "It gives the value of the best policy: evaluate the policy you were given, without a maximum.": (
                lambda policy, P, R, gamma: value_iteration(_model(P, R, gamma), 1e-10).V
            ),
        },
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
        mistakes={
            "It counts targets in the hole around the shoulder: the tip cannot come nearer than `2 * max - sum`.": (
                lambda targets, lengths, threshold: _within(targets, 0, lengths.sum() + threshold)
            ),
            "It ignores the threshold: a target also counts when it lies within `threshold` of the reachable set.": (
                lambda targets, lengths, threshold: _within(targets, _hole(lengths), lengths.sum())
            ),
            "It takes the hole as the first link minus the others: use the longest link, and no hole below 0.": (
                lambda targets, lengths, threshold: _within(
                    targets, abs(2 * lengths[0] - lengths.sum()) - threshold, lengths.sum() + threshold
                )
            ),
            "It counts the targets: return the share of them, between 0 and 1.": (
                lambda targets, lengths, threshold: len(targets) * _reachable_fraction(targets, lengths, threshold)
            ),
        },
    ),
)
