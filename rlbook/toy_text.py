"""Toy-text environments carry their own model, ``P``: reading it, and whether it tells all that they do."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping
from numbers import Real

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import (
    Autoreset,
    HumanRendering,
    OrderEnforcing,
    PassiveEnvChecker,
    RecordEpisodeStatistics,
    RecordVideo,
    RenderCollection,
    TimeLimit,
)

FORM = "accepted is P[state][action] = [(probability, next_state, reward, terminated), ...], all numbered from 0"
QUIET_WRAPPERS = (OrderEnforcing, PassiveEnvChecker, TimeLimit)
# These look on, or reset: transitions and rewards stay what they are.
FAITHFUL_WRAPPERS = (*QUIET_WRAPPERS, Autoreset, HumanRendering, RecordEpisodeStatistics, RecordVideo, RenderCollection)


def layers(env: gym.Env) -> Iterator[gym.Env]:
    """The wrappers around an environment, outermost first, and at last the environment itself."""
    while isinstance(env, gym.Wrapper):
        yield env
        env = env.env
    yield env


def is_library_world(env: gym.Env) -> bool:
    """Whether the environment inside is one of Gymnasium's or rlbook's, or a subclass of one."""
    kinds = type(getattr(env, "unwrapped", env)).__mro__
    return any(kind.__module__.startswith(("gymnasium.envs.", "rlbook.envs.")) for kind in kinds)


def departure_from_model(env) -> str | None:
    """What may make an environment do other than its ``P`` says, in words; None where nothing does.

    Wrappers, subclasses and methods replaced by hand may change rewards and transitions, and ``P`` does not tell. Of an
    environment that is wholly the reader's own, ``P`` is believed. A ``P`` edited in place is honoured: toy-text
    environments step by it.
    """
    for layer in layers(env):
        name = type(layer).__name__
        if isinstance(layer, gym.Wrapper) and type(layer) not in FAITHFUL_WRAPPERS:
            return f"the wrapper {name} may change its rewards and transitions"
        replaced = sorted({"step", "reset"} & getattr(layer, "__dict__", {}).keys())
        if replaced:
            return f"{replaced[0]} of {name} was replaced by another function"
    if not is_library_world(env):
        return None
    for method in ("step", "reset", "P", "mdp", "initial_state_distrib"):
        if not _is_the_librarys(getattr(type(layer), method, None)):
            return f"{name} has a {method} of its own"
    return "fickle_passenger is True" if getattr(layer, "fickle_passenger", False) else None


def check_model_tells_all(env) -> None:
    """Raise ValueError where something around or in the environment may depart from its ``P``."""
    departure = departure_from_model(env)
    if departure:
        raise ValueError(
            f"{departure}, which P does not tell; accepted are toy-text environments as they are, and their time limits"
        )


def _is_the_librarys(method) -> bool:
    """Whether a method or property, where there is one, was written in Gymnasium or rlbook."""
    function = method.fget if isinstance(method, property) else method
    module = getattr(function, "__globals__", {}).get("__name__", "")
    return method is None or module.partition(".")[0] in ("gymnasium", "rlbook")


def has_model(env) -> bool:
    """Whether the environment inside carries a ``P``, which may be a property that is slow to read."""
    world = getattr(env, "unwrapped", env)
    return "P" in getattr(world, "__dict__", {}) or hasattr(type(world), "P")


def read_model(env) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(S, A, K) tables of the next states, probabilities, rewards and terminations that ``P`` lists.

    Raises ValueError for an environment without ``P``, for one that may depart from it (``departure_from_model``), and
    for a ``P`` that is not of the toy-text form; the message names the state and the action.
    """
    world = getattr(env, "unwrapped", env)
    if not has_model(env):
        raise ValueError(f"{type(world).__name__} has no model P; accepted are toy-text environments (FrozenLake-v1)")
    check_model_tells_all(env)
    P = world.P
    if isinstance(P, np.ndarray):
        raise ValueError(f"P is an array of shape {P.shape}; {FORM}; for an array (S, A, S), TabularMDP(P, R)")
    states = _numbered(P, "P", "state", _size(world, "observation_space"))
    n_actions = _size(world, "action_space") or max(len(_numbered(P[s], f"P[{s}]", "action")) for s in states)
    rows = [[P[s][a] for a in _numbered(P[s], f"P[{s}]", "action", n_actions)] for s in states]
    n_outcomes = max(len(_checked_row(row, s, a, len(rows))) for s, of in enumerate(rows) for a, row in enumerate(of))
    table = np.zeros((4, len(rows), n_actions, n_outcomes))
    table[1] = np.arange(len(rows))[:, None, None]  # a padded successor is the state itself, with probability 0
    for s, row_of_action in enumerate(rows):
        for a, row in enumerate(row_of_action):
            table[:, s, a, : len(row)] = np.array(row, dtype=float).T
    return table[1].astype(np.intp), table[0], table[2], table[3].astype(bool)


def grid_shape(env, n_states: int) -> tuple[int, int] | None:
    """(rows, columns) of the grid behind a toy-text environment, if it has one: its ``shape``, or FrozenLake's size."""
    world = getattr(env, "unwrapped", env)
    shape = getattr(world, "shape", (getattr(world, "nrow", 0), getattr(world, "ncol", 0)))
    whole = isinstance(shape, tuple) and len(shape) == 2 and all(isinstance(n, (int, np.integer)) for n in shape)
    return (int(shape[0]), int(shape[1])) if whole and shape[0] * shape[1] == n_states else None


def _size(world, name: str) -> int | None:
    """How many states or actions a space holds, where there is one that counts them; ValueError unless from 0."""
    space = getattr(world, name, None)
    if not isinstance(space, gym.spaces.Discrete):
        return None
    if space.start != 0:
        raise ValueError(f"the {name.replace('_', ' ')} is {space}, which does not count from 0; {FORM}")
    return int(space.n)


def _numbered(table, name: str, entry: str, count: int | None = None) -> range:
    """The numbers 0, 1, ... that a dictionary or list holds entries for; ValueError unless it holds just those."""
    if not isinstance(table, (Mapping, list, tuple)) or not table:
        raise ValueError(f"{name} is {_short(table)}; {FORM}")
    held = table if isinstance(table, Mapping) else range(len(table))
    numbers = range(count or len(table))
    missing, unknown = [n for n in numbers if n not in held], [key for key in held if key not in numbers]
    if missing:
        raise ValueError(f"{name} has no {entry} {missing[0]}, only {_short(list(held))}; {FORM}")
    if unknown:
        raise ValueError(f"{name} has a {entry} {unknown[0]!r}, and there are {len(numbers)}; {FORM}")
    return numbers


def _checked_row(row, state: int, action: int, n_states: int):
    """The outcomes of an action, as they are; ValueError where they are none, or no probability distribution."""
    name = f"P[{state}][{action}]"
    if not isinstance(row, (list, tuple)) or not row:
        raise ValueError(f"{name} is {_short(row)}; {FORM}")
    for outcome in row:
        if not isinstance(outcome, (list, tuple)) or len(outcome) != 4:
            raise ValueError(f"{name} holds {_short(outcome)}; {FORM}")
        probability, next_state, reward, terminated = outcome
        if not _is_number(probability) or probability < 0:
            raise ValueError(f"{name} holds the probability {probability!r}; accepted are numbers from 0 to 1")
        if not _is_index(next_state) or not 0 <= next_state < n_states:
            raise ValueError(f"{name} leads to state {next_state!r}; accepted are 0 to {n_states - 1}")
        if not _is_number(reward):
            raise ValueError(f"{name} pays {reward!r}; accepted are finite rewards")
        if not isinstance(terminated, (bool, np.bool_)):
            raise ValueError(f"{name} says terminated is {terminated!r}; accepted are True and False")
    total = sum(outcome[0] for outcome in row)
    if abs(total - 1) > 1e-6:
        raise ValueError(f"the probabilities of {name} sum to {total:.6g}; accepted is 1")
    return row


def _is_number(value) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _is_index(value) -> bool:
    try:
        return operator.index(value) is not None and not isinstance(value, (bool, np.bool_))
    except TypeError:
        return False


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:56]} ..."
