"""Hyperparameters as a frozen dataclass that checks itself."""

from __future__ import annotations

import dataclasses

import numpy as np

from rlbook.validation import check_arguments


@dataclasses.dataclass(frozen=True)
class Config:
    """Base of the learners' hyperparameters. A subclass declares fields, all with defaults, and ``check``.

    Values become plain Python: NumPy's numbers, lists for tuples, and 64.0 for 64 where the field is an ``int``.
    """

    def check(self) -> None:
        """Raise ValueError, naming the field, its value and what is accepted, for values that cannot be."""

    def __post_init__(self):
        for name, value in vars(self).items():
            object.__setattr__(self, name, _plain(value))
        for field in dataclasses.fields(self):
            if field.type == "tuple[int, ...]":
                _check_widths(field.name, getattr(self, field.name))
        self.check()
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type == "int":
                object.__setattr__(self, field.name, int(value))
            elif field.type == "tuple[int, ...]":
                object.__setattr__(self, field.name, tuple(map(int, value)))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of all hyperparameters."""
        return tuple(cls.__dataclass_fields__)


def _check_widths(name: str, widths) -> None:
    if not isinstance(widths, tuple):
        raise ValueError(f"{name} is {widths!r}; accepted is one width for each layer, in a tuple")
    check_arguments({name: widths}, count=(name,))


def _plain(value):
    if isinstance(value, list | tuple):
        return tuple(_plain(entry) for entry in value)
    return value.item() if isinstance(value, np.generic) else value
