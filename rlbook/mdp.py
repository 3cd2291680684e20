"""Markov decision processes: the model, the Bellman equations and the exact solvers.

A finite MDP is a set of S states, A actions, transition probabilities p(s' | s, a), expected rewards r(s, a) and a
discount gamma. Two equations carry the whole file (Sutton & Barto 2018, sections 3.5, 3.6 and 4.1 to 4.4):

    Q(s, a) = r(s, a) + gamma * sum_s' p(s' | s, a) V(s')          the Bellman backup
    V(s)    = max_a Q(s, a)                                        the optimality equation

The solvers are generators that yield every iterate, so that a figure or a panel can show them at work;
``value_iteration`` and ``policy_iteration`` run those generators until the answer is good enough.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from rlbook.toy_text import grid_shape, read_model
from rlbook.validation import check_arguments, check_distribution, state_mask

TIE_TOLERANCE = 1e-7
ROUNDING = 4 * np.finfo(float).eps  # a backup of V is that exact, relative to the largest value
MAX_SWEEPS = 400_000  # enough for gamma = 0.9999: every 23,000 sweeps take another factor of ten off the error
LARGEST_SYSTEM = 2000  # states: a second, and 64 MB


class Transition(NamedTuple):
    """One step of experience. ``terminated``: the task ended here; ``truncated``: only the clock ran out."""

    state: Any
    action: Any
    reward: float
    next_state: Any
    terminated: bool
    truncated: bool
    info: dict


class TabularMDP:
    """A finite Markov decision process, stored as lists of successors.

    A dense (S, A, S) array of a 50 x 50 grid would fill 200 MB; from each state only K states can follow, so the model
    keeps those K alone. Where more than a quarter of all states can follow, K = S and every list names all states.

    Parameters
    ----------
    P : (S, A, S) array of transition probabilities; every row ``P[s, a]`` sums to 1.
    R : (S, A) expected rewards, or (S, A, S) rewards of each transition.
    gamma : discount in [0, 1]. The solvers accept 1 only where the policies they meet reach a terminal state.
    terminal : state numbers, or an (S,) boolean mask. Nothing is earned after a terminal state: its value is 0.
    shape : (rows, columns) of the states for pictures, optional.

    Attributes (the arrays are read-only)
    ----------
    successors, probabilities, terminated : (S, A, K) next states, their probabilities, and whether the transition ends
        the episode. (Toy-text environments mark transitions, not states, as terminal; so do we.)
    continuation : (S, A, K) the probability of arriving there and going on: 0 where the transition ends the episode.
    transition_rewards : (S, A, K) reward of each of those transitions.
    reward : (S, A) expected immediate reward.
    names_all_states : whether every list of successors is 0, 1, ... S - 1.
    terminal : (S,) bool, states where nothing more can happen.
    world : the environment that the model was read from, or None.

    Raises
    ------
    ValueError : for wrong shapes, numbers that are not finite, rows that are no probability distribution, gamma outside
        [0, 1] or an unknown terminal state; the message names the offending value.
    """

    def __init__(self, P, R, gamma: float = 0.99, terminal=(), shape: tuple[int, int] | None = None):
        P, R = np.array(P, dtype=float), np.asarray(R, dtype=float)
        if P.ndim != 3 or P.shape[0] != P.shape[2] or P.size == 0:
            raise ValueError(f"P has shape {P.shape}; accepted is (n_states, n_actions, n_states)")
        if R.shape not in (P.shape, P.shape[:2]):
            raise ValueError(f"R has shape {R.shape}; accepted are {P.shape[:2]} and {P.shape}, to match P")
        n_states = len(P)
        terminal = state_mask(terminal, n_states)
        rewards = R.copy() if R.ndim == 3 else R[:, :, None].copy()
        # A terminal state leads to itself and pays nothing.
        ended = np.flatnonzero(terminal)
        P[ended], rewards[ended] = 0.0, 0.0
        P[ended, :, ended] = 1.0
        rewards = np.broadcast_to(rewards, P.shape)
        n_successors = int(np.count_nonzero(P, axis=2).max())
        if n_successors > n_states / 4:
            successors = np.broadcast_to(np.arange(n_states), P.shape)
        else:
            # A stable sort on "is zero" brings each row's possible successors to the front, in state order.
            successors = np.argsort(P == 0, axis=2, kind="stable")[:, :, :n_successors]
            P, rewards = (np.take_along_axis(table, successors, axis=2) for table in (P, rewards))
        self._keep(successors, P, rewards, terminal[successors], gamma, shape)

    @classmethod
    def from_successors(cls, successors, probabilities, rewards, terminated, gamma=0.99, shape=None) -> TabularMDP:
        """Build from (S, A, K) arrays: next states, their probabilities, rewards, and whether each ends the episode."""
        successors, terminated = np.array(successors), np.array(terminated, dtype=bool)
        probabilities, rewards = np.array(probabilities, dtype=float), np.array(rewards, dtype=float)
        shapes = [table.shape for table in (successors, probabilities, rewards, terminated)]
        if successors.ndim != 3 or len(set(shapes)) > 1 or successors.size == 0:
            raise ValueError(f"the tables have shapes {shapes}; accepted is one (n_states, n_actions, n_successors)")
        mdp = cls.__new__(cls)
        mdp._keep(successors, probabilities, rewards, terminated, gamma, shape)
        return mdp

    @classmethod
    def from_gym(cls, env: gym.Env, gamma: float = 0.99) -> TabularMDP:
        """Read the model of a toy-text environment (FrozenLake, CliffWalking, Taxi, GridWorld) from its ``P``.

        ``P[s][a]`` is a list of ``(probability, next_state, reward, terminated)``. Raises ValueError for other forms,
        naming the state and the action, and for an environment whose wrappers or methods may depart from its ``P``.
        """
        successors, probabilities, rewards, terminated = read_model(env)
        shape = grid_shape(env, n_states=len(successors))
        mdp = cls.from_successors(successors, probabilities, rewards, terminated, gamma, shape)
        mdp.world = getattr(env, "unwrapped", env)
        return mdp

    def _keep(self, successors, probabilities, rewards, terminated, gamma, shape) -> None:
        n_states, n_actions, _ = successors.shape
        check_distribution(probabilities)
        if not np.isfinite(rewards).all():
            raise ValueError(f"R holds {rewards[~np.isfinite(rewards)][0]}; accepted are finite rewards")
        if successors.dtype.kind not in "iu" or successors.min() < 0 or successors.max() >= n_states:
            raise ValueError(f"a successor is outside the states 0 to {n_states - 1}")
        if shape is not None and (len(shape) != 2 or min(shape) < 1 or shape[0] * shape[1] != n_states):
            raise ValueError(f"shape is {shape}; accepted are (rows, columns) that hold {n_states} states")
        self.n_states, self.n_actions, self.shape, self.world = n_states, n_actions, shape, None
        self.gamma = gamma
        self.names_all_states = np.array_equal(
            successors, np.broadcast_to(np.arange(n_states), (n_states, n_actions, n_states))
        )
        if not self.names_all_states:
            successors, probabilities, rewards, terminated = map(
                _one_successor_after_another, (successors, probabilities, rewards, terminated)
            )
        self.successors, self.probabilities = successors, probabilities
        self.transition_rewards, self.terminated = rewards, terminated
        # Nothing follows a terminal transition.
        self.continuation = probabilities * ~terminated
        self.reward = np.einsum("sak,sak->sa", probabilities, rewards)
        stays = successors == np.arange(n_states)[:, None, None]
        leaves = (probabilities > 0) & ~(stays & terminated)
        self.terminal = ~leaves.any(axis=(1, 2)) & (self.reward == 0).all(axis=1)
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def gamma(self) -> float:
        return self._gamma

    @gamma.setter
    def gamma(self, gamma: float) -> None:
        check_arguments({"gamma": gamma}, unit=("gamma",))
        self._gamma = float(gamma)

    def with_gamma(self, gamma: float) -> TabularMDP:
        """The same model with another discount; the arrays are shared."""
        other = copy.copy(self)
        other.gamma = gamma
        return other

    def __repr__(self) -> str:
        return f"TabularMDP({self.n_states} states, {self.n_actions} actions, gamma={self.gamma})"


@dataclass(frozen=True)
class Solution:
    """What a solver returns.

    V (S,), Q (S, A), policy (S,) one optimal action a state (``optimal_actions(Q)`` gives all of them), n_iterations
    (sweeps, or policy improvements), residual = max_s |max_a Q(s, a) - V(s)|.
    """

    V: np.ndarray
    Q: np.ndarray
    policy: np.ndarray
    n_iterations: int
    residual: float


def bellman_backup(V, mdp: TabularMDP) -> np.ndarray:
    """One step of look-ahead: state values (S,) to action values (S, A).

    Sutton & Barto (2018), equation 4.6.
    """
    V = _checked_values(V, mdp)
    # Q(s, a) = r(s, a) + gamma * sum_s' p(s' | s, a) V(s'), and nothing follows the end of an episode
    if mdp.names_all_states:
        expected_next = mdp.continuation @ V
    else:
        expected_next = np.einsum("sak,sak->sa", mdp.continuation, V[mdp.successors])
    return mdp.reward + mdp.gamma * expected_next


def optimal_actions(Q, tol: float = TIE_TOLERANCE) -> np.ndarray:
    """All greedy actions, ties included: (..., A) values to (..., A) booleans.

    Two values tie when they differ by no more than ``tol``, relative to the best value where that is larger than 1.
    """
    Q = np.asarray(Q, dtype=float)
    best = Q.max(axis=-1, keepdims=True)
    return Q >= best - tol * np.maximum(1.0, np.abs(best))


def evaluate_policy(policy, mdp: TabularMDP) -> np.ndarray:
    """The exact value (S,) of a policy: the linear system (I - gamma P_pi) V = r_pi.

    That is the Bellman equation for v_pi in matrix form (Sutton & Barto 2018, equation 4.4). Its matrix holds S^2
    numbers and takes S^3 steps to solve; beyond ``LARGEST_SYSTEM`` states ``policy_value_iterates`` are swept instead,
    until rounding hides any change.

    policy : (S,) actions, or (S, A) probabilities.
    Raises ValueError for a policy of another shape, and for gamma = 1 where the policy may run for ever.
    """
    _require_model(mdp)
    weights = _policy_matrix(policy, mdp)
    if mdp.gamma == 1:
        _policy_to_the_end(mdp, allowed=weights > 0)
    n_states = mdp.n_states
    if n_states > LARGEST_SYSTEM:
        V, *_ = _sweep(policy_value_iterates(weights, mdp), mdp.gamma, tol=0.0, max_sweeps=MAX_SWEEPS)
        return V
    # P_pi(s, s') = sum_a pi(a | s) p(s' | s, a), without the transitions that end the episode
    P_pi = np.zeros((n_states, n_states))
    states = np.arange(n_states)[:, None, None]
    np.add.at(P_pi, (states, mdp.successors), weights[:, :, None] * mdp.continuation)
    r_pi = (weights * mdp.reward).sum(axis=1)
    return np.linalg.solve(np.eye(n_states) - mdp.gamma * P_pi, r_pi)


def policy_value_iterates(policy, mdp: TabularMDP) -> Iterator[np.ndarray]:
    """Yield V_0 = 0, V_1, V_2, ...: each sweep applies V(s) <- sum_a pi(a | s) Q(s, a) to every state at once.

    Sutton & Barto (2018), equation 4.5. policy : (S,) actions, or (S, A) probabilities.
    """
    _require_model(mdp)
    weights, V = _policy_matrix(policy, mdp), np.zeros(mdp.n_states)
    while True:
        yield V
        V = (weights * bellman_backup(V, mdp)).sum(axis=1)


def value_iterates(mdp: TabularMDP) -> Iterator[np.ndarray]:
    """Yield V_0 = 0, V_1, V_2, ...: each sweep applies V(s) <- max_a Q(s, a) to every state at once."""
    V = np.zeros(mdp.n_states)
    while True:
        yield V
        V = bellman_backup(V, mdp).max(axis=1)


def policy_iterates(mdp: TabularMDP) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (policy (S,), its exact value (S,)), each policy greedy on the value before it; ends when none improves.

    Raises ValueError for gamma = 1 where a policy on the way, or one worth more than the last, may run for ever.
    """
    _require_model(mdp)
    everything = np.ones((mdp.n_states, mdp.n_actions), dtype=bool)
    policy = np.zeros(mdp.n_states, dtype=int) if mdp.gamma < 1 else _policy_to_the_end(mdp, everything)
    while True:
        V = evaluate_policy(policy, mdp)
        yield policy, V
        Q = bellman_backup(V, mdp)
        # An action already tied for best is kept: policies then never cycle among equals.
        good_enough = optimal_actions(Q, tol=1e-10)[np.arange(mdp.n_states), policy]
        if good_enough.all():
            if mdp.gamma == 1:
                _refuse_better_endless(V, optimal_actions(Q), mdp)
            return
        policy = np.where(good_enough, policy, Q.argmax(axis=1))


def value_iteration(mdp: TabularMDP, tol: float = 1e-8, max_sweeps: int = MAX_SWEEPS) -> Solution:
    """Sweep until V is within ``tol`` of the optimum in every state (Sutton & Barto 2018, section 4.4).

    With gamma = 1 no sweep tells how far the optimum is: the rule is that the last one changed V by ``tol`` at most.

    Raises ValueError where ``max_sweeps`` do not suffice, where ``tol`` is finer than rounding errors allow, and for
    gamma = 1 where no policy, or not the one found, reaches a terminal state from everywhere.
    """
    _require_model(mdp)
    check_arguments({"tol": tol, "max_sweeps": max_sweeps}, positive=("tol",), count=("max_sweeps",))
    if mdp.gamma == 1:
        _policy_to_the_end(mdp, allowed=np.ones((mdp.n_states, mdp.n_actions), dtype=bool))
    V, n_sweeps, error = _sweep(value_iterates(mdp), mdp.gamma, tol, max_sweeps)
    if error > tol:
        raise ValueError(
            f"tol is {tol:g}, but at gamma = {mdp.gamma:g} rounding can hide errors of {error:.2g} in values up to "
            f"{np.abs(V).max():.3g}; accepted is a tol above that"
        )
    Q = bellman_backup(V, mdp)
    policy = Q.argmax(axis=1) if mdp.gamma < 1 else _policy_to_the_end(mdp, allowed=optimal_actions(Q))
    return Solution(V, Q, policy, n_sweeps, residual=float(np.abs(Q.max(axis=1) - V).max()))


def policy_iteration(mdp: TabularMDP) -> Solution:
    """Evaluate exactly, improve greedily, until no state improves (Sutton & Barto 2018, section 4.3).

    Few iterations, each a dense solve (``evaluate_policy``); beyond a thousand states ``value_iteration`` is quicker.
    Raises ValueError for gamma = 1 where an optimal policy may run for ever.
    """
    *_, (n_iterations, (policy, V)) = enumerate(policy_iterates(mdp), start=1)
    Q = bellman_backup(V, mdp)
    return Solution(V, Q, policy, n_iterations, residual=float(np.abs(Q.max(axis=1) - V).max()))


def error_bound(change: float, rounding: float, gamma: float) -> float:
    """How far V is from the limit of its sweeps, when the last one changed it by ``change`` at most.

    A sweep is a gamma-contraction: |V' - V*| <= gamma |V - V*| + rounding, and |V - V*| <= change + |V' - V*|. With
    gamma = 1 there is no such bound, and the change itself is all that is known. (Puterman 1994, theorem 6.3.1)
    """
    return (gamma * change + rounding) / (1 - gamma) if gamma < 1 else change


def _sweep(iterates: Iterator[np.ndarray], gamma: float, tol: float, max_sweeps: int) -> tuple[np.ndarray, int, float]:
    """(V, number of sweeps, its error): the first iterate within ``tol``, or that where rounding hides any change."""
    V = next(iterates)
    for n_sweeps, V_next in enumerate(itertools.islice(iterates, max_sweeps), start=1):
        change = np.abs(V_next - V).max()
        V = V_next
        rounding = ROUNDING * np.abs(V).max()
        error = error_bound(change, rounding, gamma)
        if error <= tol or change <= rounding:
            return V, n_sweeps, float(error)
    advice = "try policy_iteration" if gamma < 1 else "with gamma = 1 values may have no limit: try gamma < 1"
    raise ValueError(f"sweeping still changes V by {change:.3g} after {max_sweeps} sweeps; {advice}")


def _one_successor_after_another(table: np.ndarray) -> np.ndarray:
    """(S, A, K), kept in memory as (K, A, S): sums over K and maxima over A are then three to five times faster."""
    return np.ascontiguousarray(table.T).T


def _policy_to_the_end(mdp: TabularMDP, allowed: np.ndarray) -> np.ndarray:
    """A policy (S,) of allowed actions (S, A) that terminates with probability 1, grown backwards from the end.

    Without discounting only such policies have a finite value for sure. Raises ValueError where there is none.
    """
    possible = (mdp.probabilities > 0) & allowed[:, :, None]
    ends = mdp.terminal.copy()
    policy = np.zeros(mdp.n_states, dtype=int)
    while not ends.all():
        closer = (possible & (mdp.terminated | ends[mdp.successors])).any(axis=2)
        found = closer.any(axis=1) & ~ends
        if not found.any():
            state = int(np.flatnonzero(~ends)[0])
            raise ValueError(
                f"gamma is 1, but from state {state} the policy never reaches a terminal state; "
                "use gamma < 1, or name the terminal states"
            )
        policy[found] = closer[found].argmax(axis=1)
        ends |= found
    return policy


def _refuse_better_endless(V: np.ndarray, tied: np.ndarray, mdp: TabularMDP) -> None:
    """Without discounting, going round for ever among tied actions (S, A) earns 0; is that more than the V found?"""
    endless, before = ~mdp.terminal, None
    while not np.array_equal(endless, before):  # keep the states from which some tied action surely stays among them
        leaves = (mdp.probabilities > 0) & (mdp.terminated | ~endless[mdp.successors])
        endless, before = endless & (tied & ~leaves.any(axis=2)).any(axis=1), endless
    better = endless & (V < -TIE_TOLERANCE)
    if better.any():
        state = int(np.flatnonzero(better)[0])
        raise ValueError(f"gamma is 1, but from state {state} never ending beats the best end; use gamma < 1")


def _require_model(mdp) -> None:
    if not isinstance(mdp, TabularMDP):
        hint = "world.mdp() of a GridWorld, or TabularMDP.from_gym(env)"
        raise ValueError(f"the model is a {type(mdp).__name__}; accepted is a TabularMDP: {hint}")


def _checked_values(V, mdp: TabularMDP) -> np.ndarray:
    _require_model(mdp)
    V = np.asarray(V, dtype=float)
    if V.shape != (mdp.n_states,):
        raise ValueError(f"V has shape {V.shape}; accepted is ({mdp.n_states},), one value a state")
    return V


def _policy_matrix(policy, mdp: TabularMDP) -> np.ndarray:
    policy = np.asarray(policy)
    if policy.shape == (mdp.n_states,) and np.issubdtype(policy.dtype, np.integer):
        unknown = policy[(policy < 0) | (policy >= mdp.n_actions)]
        if unknown.size:
            raise ValueError(f"the policy names action {unknown[0]}; accepted are 0 to {mdp.n_actions - 1}")
        return np.eye(mdp.n_actions)[policy]
    if policy.shape != (mdp.n_states, mdp.n_actions):
        accepted = f"({mdp.n_states},) integer actions and ({mdp.n_states}, {mdp.n_actions}) probabilities"
        raise ValueError(f"the policy has shape {policy.shape} and type {policy.dtype}; accepted are {accepted}")
    check_distribution(policy.astype(float), what="the policy's row")
    return policy.astype(float)
