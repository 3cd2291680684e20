"""Frames between grader and box: plain values and arrays, every size checked before anything is read.

A frame is two lengths (four bytes each, big-endian), a header in JSON and one binary body. The header holds numbers,
strings, truth values, None and lists; an array stands in it as its dtype and shape, its numbers in the body. Nothing
that arrives is ever run: no pickle, no messages with parts of their own.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from typing import Any

import numpy as np

MAX_HEADER = 64 * 1024
MAX_BODY = 32 * 1024**2
MAX_DIMENSIONS = 16

_LENGTHS = struct.Struct(">II")
_DTYPES = {dtype.str: dtype for dtype in map(np.dtype, ["?", *("i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split())])}


class WireError(Exception):
    """The frame is not one, or does not come: the other side cannot be talked to any more."""


class Late(WireError):
    """Nothing complete arrived before the deadline."""


class Channel:
    """One end of a socket pair. Messages are dictionaries of values."""

    def __init__(self, sock: socket.socket):
        self.socket = sock

    def send(self, message: dict, deadline: float | None = None) -> None:
        """Raises ValueError for what cannot cross, Late or WireError where the other side does not take it."""
        frame = encode(message)
        try:
            self.socket.settimeout(_seconds_left(deadline))
            self.socket.sendall(frame)
        except TimeoutError:
            raise Late("it does not read what it is sent") from None
        except OSError as error:
            raise WireError(f"the connection is closed ({error.strerror})") from None

    def receive(self, deadline: float | None = None) -> dict:
        """The next message, whole, before ``deadline`` (of ``time.monotonic()``). Raises Late or WireError."""
        header_size, body_size = _LENGTHS.unpack(self._read(_LENGTHS.size, deadline))
        if header_size > MAX_HEADER or body_size > MAX_BODY:
            raise WireError(f"it sends {header_size} and {body_size} bytes; accepted are {MAX_HEADER} and {MAX_BODY}")
        header = self._read(header_size, deadline)
        return decode(header, self._read(body_size, deadline))

    def _read(self, size: int, deadline: float | None) -> bytearray:
        data = bytearray(size)
        view, got = memoryview(data), 0
        while got < size:
            try:
                self.socket.settimeout(_seconds_left(deadline))
                count = self.socket.recv_into(view[got:])
            except TimeoutError:
                raise Late("no answer in time") from None
            except OSError as error:
                raise WireError(f"the connection is closed ({error.strerror})") from None
            if count == 0:
                raise WireError("the connection is closed")
            got += count
        return data


def _seconds_left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def encode(message: dict) -> bytes:
    """The frame of a message. Raises ValueError for a value of another kind, and for one that is too large."""
    bodies: list[bytes] = []
    header = json.dumps({key: _packed(value, bodies) for key, value in message.items()}).encode()
    size = sum(map(len, bodies))
    if len(header) > MAX_HEADER or size > MAX_BODY:
        raise ValueError(f"{len(header)} and {size} bytes are too many; accepted are {MAX_HEADER} and {MAX_BODY}")
    return b"".join([_LENGTHS.pack(len(header), size), header, *bodies])


def _packed(value: Any, bodies: list[bytes]) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.str not in _DTYPES:
            raise ValueError(f"arrays of {array.dtype} do not cross; accepted are numbers and truth values")
        bodies.append(array.tobytes())
        return {"dtype": array.dtype.str, "shape": array.shape}
    if isinstance(value, (list, tuple)):
        return [_packed(entry, bodies) for entry in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise ValueError(f"a {type(value).__name__} does not cross; accepted are plain values, lists and arrays")


def decode(header: bytes, body: bytes) -> dict:
    """The message of a frame. Raises WireError for anything that ``encode`` could not have made."""
    try:
        message = json.loads(bytes(header))
        if not isinstance(message, dict):
            raise ValueError("the header is no object")
        reader = _Body(body)
        values = {key: _unpacked(value, reader) for key, value in message.items()}
    # Deep JSON ends in RecursionError, huge whole numbers in ValueError.
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise WireError(f"it sends what is no message ({type(error).__name__})") from None
    if reader.used != len(body):
        raise WireError("it sends more bytes than its arrays have")
    return values


class _Body:
    """The bytes of all arrays, one after the other."""

    def __init__(self, data: bytes):
        self.data, self.used = data, 0

    def next(self, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        count = math.prod(shape)
        if count * dtype.itemsize > len(self.data) - self.used:
            raise ValueError("the array is larger than its bytes")
        array = np.frombuffer(self.data, dtype, count, self.used).reshape(shape).copy()
        self.used += array.nbytes
        return array


def _unpacked(value: Any, body: _Body) -> Any:
    if isinstance(value, list):
        return [_unpacked(entry, body) for entry in value]
    if not isinstance(value, dict):
        return value
    shape = tuple(value["shape"])
    if len(shape) > MAX_DIMENSIONS or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError("the shape is none")
    return body.next(_DTYPES[value["dtype"]], shape)
