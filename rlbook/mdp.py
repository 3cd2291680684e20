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

from rlbook.toy_text import check_model_tells_all
from rlbook.validation import check_arguments, check_distribution, state_mask

TIE_TOLERANCE = 1e-7


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
    keeps those K alone and a Bellman backup is one gather.

    Parameters
    ----------
    P : (S, A, S) array of transition probabilities; every row ``P[s, a]`` sums to 1.
    R : (S, A) expected rewards, or (S, A, S) rewards of each transition.
    gamma : discount in [0, 1]. The solvers accept 1 only where the policies they meet reach a terminal state.
    terminal : state numbers, or an (S,) boolean mask. Nothing is earned after a terminal state: its value is 0.
    shape : (rows, columns) of the states for pictures, optional.

    Attributes
    ----------
    successors, probabilities, terminated : (S, A, K) next states, their probabilities, and whether the transition ends
        the episode. (Toy-text environments mark transitions, not states, as terminal; so do we.)
    transition_rewards : (S, A, K) reward of each of those transitions.
    reward : (S, A) expected immediate reward.
    terminal : (S,) bool, states where nothing more can happen.
    world : the environment that the model was read from, or None.

    Raises
    ------
    ValueError : for wrong shapes, numbers that are not finite, rows that are no probability distribution, gamma outside
        [0, 1] or an unknown terminal state; the message names the offending value.
    """

    def __init__(self, P, R, gamma: float = 0.99, terminal=(), shape: tuple[int, int] | None = None):
        P, R = np.asarray(P, dtype=float), np.asarray(R, dtype=float)
        if P.ndim != 3 or P.shape[0] != P.shape[2] or P.size == 0:
            raise ValueError(f"P has shape {P.shape}; accepted is (n_states, n_actions, n_states)")
        if R.shape not in (P.shape, P.shape[:2]):
            raise ValueError(f"R has shape {R.shape}; accepted are {P.shape[:2]} and {P.shape}, to match P")
        terminal = state_mask(terminal, len(P))
        ends = np.broadcast_to(terminal[:, None, None], P.shape)
        stays = np.broadcast_to(np.eye(len(P))[:, None, :], P.shape)
        P = np.where(ends, stays, P)
        rewards = np.where(ends, 0.0, R if R.ndim == 3 else R[:, :, None])
        n_successors = max(1, int(np.count_nonzero(P, axis=2).max()))
        # A stable sort on "is zero" brings each row's possible successors to the front, in state order.
        successors = np.argsort(P == 0, axis=2, kind="stable")[:, :, :n_successors]
        gather = lambda values: np.take_along_axis(values, successors, axis=2)  # noqa: E731
        self._set(successors, gather(P), gather(rewards), terminal[successors], gamma, shape)

    @classmethod
    def from_successors(cls, successors, probabilities, rewards, terminated, gamma=0.99, shape=None) -> TabularMDP:
        """Build from (S, A, K) arrays: next states, their probabilities, rewards, and whether each ends the episode."""
        successors, probabilities = np.asarray(successors), np.asarray(probabilities, dtype=float)
        shapes = [np.shape(table) for table in (successors, probabilities, rewards, terminated)]
        if successors.ndim != 3 or len(set(shapes)) > 1:
            raise ValueError(f"the tables have shapes {shapes}; accepted is one (n_states, n_actions, n_successors)")
        mdp = cls.__new__(cls)
        mdp._set(successors, probabilities, rewards, terminated, gamma, shape)
        return mdp

    @classmethod
    def from_gym(cls, env: gym.Env, gamma: float = 0.99) -> TabularMDP:
        """Read the model of a toy-text environment (FrozenLake, CliffWalking, Taxi, GridWorld) from its ``P``.

        ``P[s][a]`` is a list of ``(probability, next_state, reward, terminated)``.
        """
        base = getattr(env, "unwrapped", env)
        P = getattr(base, "P", None)  # once: it may be a property that builds the model
        if P is None:
            raise ValueError(
                f"{type(base).__name__} has no model P; accepted are toy-text environments (FrozenLake-v1)"
            )
        check_model_tells_all(env)
        rows = [[P[s][a] for a in range(len(P[s]))] for s in range(len(P))]
        n_states, n_actions = len(rows), len(rows[0])
        n_successors = max(len(row) for state in rows for row in state)
        table = np.zeros((4, n_states, n_actions, n_successors))
        table[1] = np.arange(n_states)[:, None, None]  # a padded successor is the state itself, with probability 0
        for s, state in enumerate(rows):
            for a, row in enumerate(state):
                table[:, s, a, : len(row)] = np.array(row, dtype=float).T
        probabilities, rewards = table[0], table[2]
        successors, terminated = table[1].astype(np.intp), table[3].astype(bool)
        mdp = cls.from_successors(successors, probabilities, rewards, terminated, gamma, _layout(base))
        mdp.world = base
        return mdp

    def _set(self, successors, probabilities, rewards, terminated, gamma, shape) -> None:
        n_states, n_actions, _ = successors.shape
        rewards = np.broadcast_to(rewards, successors.shape)
        check_distribution(probabilities)
        if not np.isfinite(rewards).all():
            raise ValueError(f"R holds {rewards[~np.isfinite(rewards)][0]}; accepted are finite rewards")
        if successors.min() < 0 or successors.max() >= n_states:
            raise ValueError(f"a successor is outside the states 0 to {n_states - 1}")
        if shape is not None and (len(shape) != 2 or min(shape) < 1 or shape[0] * shape[1] != n_states):
            raise ValueError(f"shape is {shape}; accepted are (rows, columns) that hold {n_states} states")
        self.n_states, self.n_actions, self.shape, self.world = n_states, n_actions, shape, None
        check_arguments(locals(), unit=("gamma",))
        self.gamma = float(gamma)
        # Stored (K, A, S): sums over K and maxima over A then run along contiguous memory, eight times faster.
        terminated = np.broadcast_to(terminated, successors.shape)
        self._successors = np.ascontiguousarray(successors.T, dtype=np.intp)
        self._probabilities = np.ascontiguousarray(probabilities.T)
        self._terminated = np.ascontiguousarray(terminated.T)
        # Nothing follows a terminal transition: what may be bootstrapped from is the rest.
        self._continuation = self._probabilities * ~self._terminated
        self._rewards = np.ascontiguousarray(rewards.T, dtype=float)
        self._reward = np.einsum("kas,kas->as", self._probabilities, self._rewards)
        stays = self._successors == np.arange(n_states)
        leaves = (self._probabilities > 0) & ~(stays & self._terminated)
        self.terminal = ~leaves.any(axis=(0, 1)) & (self._reward == 0).all(axis=0)

    @property
    def successors(self) -> np.ndarray:
        return self._successors.T

    @property
    def probabilities(self) -> np.ndarray:
        return self._probabilities.T

    @property
    def terminated(self) -> np.ndarray:
        return self._terminated.T

    @property
    def transition_rewards(self) -> np.ndarray:
        return self._rewards.T

    @property
    def reward(self) -> np.ndarray:
        return self._reward.T

    def with_gamma(self, gamma: float) -> TabularMDP:
        """The same model with another discount; the arrays are shared."""
        other = copy.copy(self)
        check_arguments(locals(), unit=("gamma",))
        other.gamma = float(gamma)
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
    # Q(s, a) = r(s, a) + gamma * sum_s' p(s' | s, a) V(s')
    expected_next = np.einsum("kas,kas->as", mdp._continuation, V.take(mdp._successors)).T
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

    That is the Bellman equation for v_pi in matrix form (Sutton & Barto 2018, equation 4.4). The system is
    dense: memory S^2, time S^3, so a second for some 2,000 states.

    policy : (S,) actions, or (S, A) probabilities.
    Raises ValueError for a policy of another shape, and for gamma = 1 where the policy may run for ever.
    """
    _require_model(mdp)
    weights = _policy_matrix(policy, mdp)
    if mdp.gamma == 1:
        _policy_to_the_end(mdp, allowed=weights > 0)
    n_states = mdp.n_states
    # P_pi(s, s') = sum_a pi(a | s) p(s' | s, a), without the transitions that end the episode
    flow = mdp._continuation * weights.T
    index = np.arange(n_states) * n_states + mdp._successors
    P_pi = np.bincount(index.ravel(), weights=flow.ravel(), minlength=n_states**2).reshape(n_states, n_states)
    r_pi = (weights * mdp.reward).sum(axis=1)
    return np.linalg.solve(np.eye(n_states) - mdp.gamma * P_pi, r_pi)


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


def value_iteration(mdp: TabularMDP, tol: float = 1e-8, max_sweeps: int = 100_000) -> Solution:
    """Sweep until V is within ``tol`` of the optimum in every state (Sutton & Barto 2018, section 4.4).

    A sweep that changes V by at most d leaves an error of at most d * gamma / (1 - gamma), because the backup is a
    gamma-contraction; that is the stopping rule. With gamma = 1 there is no such bound and the rule is d <= tol.

    Raises ValueError where ``max_sweeps`` do not suffice, and for gamma = 1 where no policy, or not the one found,
    reaches a terminal state from everywhere.
    """
    _require_model(mdp)
    check_arguments(locals(), positive=("tol",), count=("max_sweeps",))
    if mdp.gamma == 1:
        _policy_to_the_end(mdp, allowed=np.ones((mdp.n_states, mdp.n_actions), dtype=bool))
    factor = mdp.gamma / (1 - mdp.gamma) if mdp.gamma < 1 else 1.0
    rounding = 4 * np.finfo(float).eps
    iterates = value_iterates(mdp)
    V = next(iterates)
    for sweep, V_next in enumerate(itertools.islice(iterates, max_sweeps), start=1):
        change = np.abs(V_next - V).max()
        V = V_next
        if change * factor <= tol or change <= rounding * np.abs(V).max():
            return _solution(V, mdp, n_iterations=sweep)
    advice = "try policy_iteration" if mdp.gamma < 1 else "with gamma = 1 values may have no limit: try gamma < 1"
    raise ValueError(f"value iteration still changes V by {change:.3g} after {max_sweeps} sweeps; {advice}")


def policy_iteration(mdp: TabularMDP) -> Solution:
    """Evaluate exactly, improve greedily, until no state improves (Sutton & Barto 2018, section 4.3).

    Few iterations, each a dense solve (``evaluate_policy``); beyond a thousand states ``value_iteration`` is quicker.
    Raises ValueError for gamma = 1 where an optimal policy may run for ever.
    """
    *_, (n_iterations, (policy, V)) = enumerate(policy_iterates(mdp), start=1)
    Q = bellman_backup(V, mdp)
    return Solution(V, Q, policy, n_iterations, residual=float(np.abs(Q.max(axis=1) - V).max()))


def _solution(V, mdp, n_iterations) -> Solution:
    Q = bellman_backup(V, mdp)
    policy = Q.argmax(axis=1) if mdp.gamma < 1 else _policy_to_the_end(mdp, allowed=optimal_actions(Q))
    return Solution(V, Q, policy, n_iterations, residual=float(np.abs(Q.max(axis=1) - V).max()))


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


def _layout(env) -> tuple[int, int] | None:
    """The grid behind a toy-text environment, if it has one: CliffWalking and GridWorld say shape, FrozenLake nrow."""
    shape = getattr(env, "shape", (env.nrow, env.ncol) if hasattr(env, "nrow") else None)
    return tuple(int(n) for n in shape) if shape is not None else None
