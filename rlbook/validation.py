"""One wording for bad arguments: what the value is, and what is accepted."""

from __future__ import annotations

from math import isfinite
from numbers import Real

import numpy as np

_KINDS = {
    "unit": ("numbers from 0 to 1", lambda value: 0 <= value <= 1),
    "fraction": ("numbers above 0, up to 1", lambda value: 0 < value <= 1),
    "positive": ("numbers above 0", lambda value: 0 < value < float("inf")),
    "finite": ("finite numbers", isfinite),
    "count": ("whole numbers from 1", lambda value: 1 <= value < float("inf") and value == int(value)),
    "natural": ("whole numbers from 0", lambda value: 0 <= value < float("inf") and value == int(value)),
    "switch": ("True and False", lambda value: isinstance(value, bool)),
}


def check_arguments(values: dict, *, optional=(), single: bool = False, **kinds) -> None:
    """Raise ValueError for the first value that is none of its kind, naming it; names in ``optional`` may be None.

    values : arguments by name.   kinds : the names of each kind, ``unit``, ``fraction``, ``positive``, ``finite``,
    ``count``, ``natural`` or ``switch``. A tuple or list is accepted where each of its entries is, unless ``single``.
    """
    for kind, names in kinds.items():
        what, holds = _KINDS[kind]
        for name in names:
            value = values[name]
            if value is None and name in optional:
                continue
            entries = value if isinstance(value, (tuple, list)) and not single else (value,)
            if not all(isinstance(entry, Real) and holds(entry) for entry in entries):
                raise ValueError(f"{name} is {value!r}; accepted are {what}")


def check_distribution(probabilities: np.ndarray, what: str = "P's row") -> None:
    """Raise ValueError unless the numbers along the last axis are probabilities that sum to 1."""
    if not np.isfinite(probabilities).all():
        raise ValueError(
            f"{what} holds {probabilities[~np.isfinite(probabilities)][0]}; accepted are numbers in [0, 1]"
        )
    if probabilities.min() < 0:
        raise ValueError(f"{what} holds {probabilities.min()}; accepted are probabilities, 0 or more")
    off = np.abs(probabilities.sum(axis=-1) - 1)
    if off.max() > 1e-6:
        worst = tuple(int(i) for i in np.unravel_index(off.argmax(), off.shape))
        raise ValueError(f"{what} {worst} sums to {probabilities[worst].sum():.6g}; accepted is 1")


def state_mask(states, n_states: int) -> np.ndarray:
    """Terminal states, given as numbers or as an (n_states,) mask, to a mask; else ValueError."""
    states = np.asarray(states)
    if states.dtype == bool:
        if states.shape != (n_states,):
            raise ValueError(f"the terminal mask has shape {states.shape}; accepted is ({n_states},)")
        return states
    if states.shape == (n_states,) and np.isin(states, (0, 1)).all() and len(np.unique(states)) < n_states:
        raise ValueError(
            f"terminal is {states.tolist()}, a mask in numbers; accepted are different state numbers, or a boolean mask"
        )
    unknown = states[~np.isin(states, np.arange(n_states))]
    if unknown.size:
        raise ValueError(f"terminal names state {unknown[0]}; accepted are 0 to {n_states - 1}, or a boolean mask")
    return np.isin(np.arange(n_states), states)


def bounds(name: str, low, high, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers or arrays to two (size,) arrays, low < high in every component; else ValueError."""
    low = np.broadcast_to(np.asarray(low, dtype=float), (size,)).copy()
    high = np.broadcast_to(np.asarray(high, dtype=float), (size,)).copy()
    if not (low < high).all():
        i = int(np.flatnonzero(~(low < high))[0])
        raise ValueError(f"{name} component {i} has bounds {low[i]} to {high[i]}; accepted is low < high")
    return low, high
