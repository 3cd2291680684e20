"""Saving learners as numbers and text, and seeds for their parts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file


def spawn_seeds(seed: int, n: int) -> list[int]:
    """``n`` independent seeds from one, for parts of a program that must not share a stream of random numbers."""
    return [int(child.generate_state(1)[0]) for child in np.random.SeedSequence(seed).spawn(n)]


def save_arrays(path, kind: str, arrays: dict[str, np.ndarray], config: dict) -> None:
    """Write named arrays and a JSON-able configuration to one safetensors file; ``kind`` says what it holds."""
    if not Path(path).parent.is_dir():
        raise FileNotFoundError(f"no folder {Path(path).parent} to save {Path(path).name} in")
    contents = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    save_file(contents, path, metadata={"kind": kind, "config": json.dumps(config)})


def check_whole(arrays: dict[str, np.ndarray], names: list[str]) -> None:
    """Raise ValueError unless just these arrays are there, without a NaN."""
    if sorted(arrays) != names:
        raise ValueError(f"it holds {', '.join(sorted(arrays))}; accepted are {', '.join(names)}")
    for name, array in arrays.items():
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise ValueError(f"{name} holds NaN")


def check_shape(name: str, array: np.ndarray, wanted: tuple[int, ...]) -> np.ndarray:
    """The array; ValueError where it has another shape."""
    if array.shape != wanted:
        raise ValueError(f"{name} has shape {array.shape}; accepted is {wanted}")
    return array


def load_arrays(path, kind: str) -> tuple[dict[str, np.ndarray], dict]:
    """Read what ``save_arrays`` wrote. Nothing is unpickled: a file can hold numbers only.

    Raises FileNotFoundError, or ValueError where the file is damaged, foreign or of another kind.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is no complete safetensors file: {error}") from None
    if metadata.get("kind") != kind:
        raise ValueError(f"{path} holds {metadata.get('kind', 'something foreign')!r}; accepted is {kind!r}")
    try:
        return arrays, json.loads(metadata["config"])
    except (KeyError, json.JSONDecodeError):
        raise ValueError(f"{path} has no readable configuration; accepted are files that rlbook saved") from None
