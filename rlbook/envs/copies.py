"""Copies of an environment as it is now."""

from __future__ import annotations

import copy
import inspect
import random
from types import FunctionType

import gymnasium as gym
import numpy as np
from gymnasium.utils import EzPickle

from rlbook.toy_text import layers

ALTERNATIVE = (
    "accepted are environments that copy.deepcopy can copy, and vector environments with AutoresetMode.DISABLED, "
    "such as SyncVectorEnv([make] * n, autoreset_mode=AutoresetMode.DISABLED)"
)


def copy_of(env: gym.Env, number: int) -> gym.Env:
    """Copy ``number`` of an environment as it is now, changes since it was made included; ValueError where that fails.

    Every generator of random numbers inside is seeded anew, from its state and ``number``: copies differ, and are the
    same at every run.
    """
    name, copies = type(env.unwrapped).__name__, {}
    try:
        for layer in reversed(list(layers(env))):
            if getattr(type(layer), "__getstate__", None) is EzPickle.__getstate__:
                # Pickled and copied, these environments are made anew from their arguments: changes would be lost.
                copies[id(layer)] = twin = object.__new__(type(layer))
                vars(twin).update(copy.deepcopy(vars(layer), copies))
        twin = copy.deepcopy(env, copies)
    except Exception as error:  # whatever an environment is made of may refuse, each in its own way
        raise ValueError(f"{name} cannot be copied: {error}; {ALTERNATIVE}") from error
    if twin.unwrapped is env.unwrapped or any(_holds_on_to(layer, copies) for layer in layers(env)):
        raise ValueError(f"{name} cannot be copied: its copy would go on using the original; {ALTERNATIVE}")
    for part in list(copies.values()):
        _seed_anew(part, number)
    return twin


def _holds_on_to(layer: gym.Env, copies: dict) -> bool:
    """Whether a function kept in an environment, which no copy copies, uses what was: a ``step`` replaced by hand."""
    functions = (value for value in vars(layer).values() if isinstance(value, FunctionType))
    outside = (inspect.getclosurevars(function) for function in functions)
    used = [value for names in outside for value in (*names.nonlocals.values(), *names.globals.values())]
    return any(id(getattr(value, "__self__", value)) in copies for value in used)


def _seed_anew(part, number: int) -> None:
    """Give a copied random generator a state that follows from its old one and a number; other parts stay."""
    if isinstance(part, np.random.Generator):
        seed = [number, *part.integers(2**32, size=4).tolist()]
        part.bit_generator.state = type(part.bit_generator)(seed).state
    elif isinstance(part, np.random.RandomState):
        part.seed([number, *part.randint(2**31, size=4).tolist()])
    elif isinstance(part, random.Random):
        part.seed(f"{number} {part.getrandbits(128)}")
