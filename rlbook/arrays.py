"""NumPy or torch: functions that take arrays of either kind ask here which it is."""

from __future__ import annotations

from array_api_compat import array_namespace

_namespaces: dict[type, object] = {}


def namespace(x):
    """``array_namespace(x)``, remembered by type: asking takes as long as several operations on small arrays."""
    if type(x) not in _namespaces:
        _namespaces[type(x)] = array_namespace(x)
    return _namespaces[type(x)]
