"""NumPy or torch: functions that take arrays of either kind ask here which it is."""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace, is_torch_array

_namespaces: dict[type, object] = {}


def namespace(x):
    """``array_namespace(x)``, remembered by type: asking takes as long as several operations on small arrays."""
    if type(x) not in _namespaces:
        _namespaces[type(x)] = array_namespace(x)
    return _namespaces[type(x)]


def in_numpy(values) -> np.ndarray:
    """Values as a NumPy array, tensors on any device and with derivatives included."""
    return np.asarray(values.detach().cpu() if is_torch_array(values) else values)


def are_numbers(values, shape: tuple[int, ...]) -> bool:
    """Whether values are numbers of that shape: in an array, a tensor or lists."""
    if is_torch_array(values):
        return tuple(values.shape) == shape
    try:
        values = np.asarray(values)
    except ValueError:  # a ragged list
        return False
    return values.shape == shape and values.dtype.kind in "biuf"
