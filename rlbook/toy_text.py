"""Toy-text environments carry their own model, ``P``: whether it tells all that the environment does."""

from __future__ import annotations

from collections.abc import Iterator

import gymnasium as gym
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


def has_model(env) -> bool:
    """Whether the environment inside carries a ``P``, which may be a property that is slow to read."""
    world = getattr(env, "unwrapped", env)
    return "P" in getattr(world, "__dict__", {}) or hasattr(type(world), "P")


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
    for method in ("step", "reset", "P", "mdp"):
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
