"""Frames: what may cross does, and nothing else is read, whatever its sizes say."""

import json
import socket
import struct
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlbook.grading.wire import MAX_BODY, MAX_HEADER, Channel, Late, WireError, decode, encode

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(),
    lambda entries: st.lists(entries, max_size=4),
    max_leaves=10,
)


def parts(frame):
    header, body = struct.unpack(">II", frame[:8])
    assert len(frame) == 8 + header + body
    return frame[8 : 8 + header], frame[8 + header :]


def frame(header, body=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">II", len(header), len(body)) + header + body


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs


@given(PLAIN)
def test_plain_values_come_back_as_they_were(value):
    assert decode(*parts(encode({"a": value})))["a"] == value


@pytest.mark.parametrize("dtype", ["?", "i1", "i8", "u2", "f2", "f4", "f8", "c16"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3)])
def test_arrays_come_back_as_they_were(dtype, shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    first, second = decode(*parts(encode({"a": [array, 1, [array + array]]})))["a"][::2]
    assert first.dtype == array.dtype and first.shape == shape and (first == array).all()
    assert (second[0] == array + array).all()
    first[...] = 0  # a function may work in place


def test_not_a_number_and_infinity_cross():
    value = decode(*parts(encode({"a": [float("nan"), float("inf"), np.array([np.nan, -np.inf])]})))["a"]
    assert np.isnan(value[0]) and value[1] == float("inf")
    assert np.isnan(value[2][0]) and value[2][1] == -np.inf


@pytest.mark.parametrize(
    "value",
    [object(), {"a": 1}, np.array([None]), np.array(["text"]), np.zeros(2, dtype=">f8"), b"bytes", {1}, len, 1j],
    ids=lambda value: type(value).__name__,
)
def test_nothing_else_crosses(value):
    with pytest.raises(ValueError):
        encode({"a": value})


def test_what_is_too_large_is_not_sent():
    with pytest.raises(ValueError):
        encode({"a": "x" * MAX_HEADER})
    with pytest.raises(ValueError):
        encode({"a": np.zeros(MAX_BODY + 1, dtype=bool)})


@pytest.mark.parametrize(
    "header, body",
    [
        (b"3", b""),
        (b"[]", b""),
        (b"\xff\xfe", b""),
        (b"[" * 60_000, b""),
        (b'{"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", b""),
        (b'{"a": ' + b"9" * 60_000 + b"}", b""),
        ({"a": {"dtype": "|O", "shape": [1]}}, bytes(8)),
        ({"a": {"dtype": "<M8[s]", "shape": [1]}}, bytes(8)),
        ({"a": {"dtype": "<f8"}}, bytes(8)),
        ({"a": {"dtype": "<f8", "shape": 3}}, bytes(24)),
        ({"a": {"dtype": "<f8", "shape": [2**40, 2**40]}}, bytes(8)),
        ({"a": {"dtype": "<f8", "shape": [0, 2**70]}}, b""),
        ({"a": {"dtype": "<f8", "shape": [-1]}}, bytes(8)),
        ({"a": {"dtype": "<f8", "shape": [-1, -1]}}, bytes(8)),
        ({"a": {"dtype": "<f8", "shape": [1.0]}}, bytes(8)),
        ({"a": {"dtype": "<f8", "shape": [True]}}, bytes(8)),
        ({"a": {"dtype": "<f8", "shape": [1] * 17}}, bytes(8)),
        ({"a": {"dtype": ["<f8"], "shape": [1]}}, bytes(8)),
        ({"a": {"dtype": "<f8", "shape": [2]}}, bytes(8)),
        ({"a": {"dtype": "<f8", "shape": [1]}}, bytes(9)),
        ({"a": 1}, bytes(1)),
    ],
    ids=lambda part: repr(part)[:40],
)
def test_what_no_encoder_made_is_refused(pair, header, body):
    channel, other = pair
    threading.Thread(target=other.sendall, args=(frame(header, body),)).start()
    with pytest.raises(WireError):
        channel.receive(time.monotonic() + 5)


@pytest.mark.parametrize("sizes", [(MAX_HEADER + 1, 0), (2, MAX_BODY + 1), (2**32 - 1, 2**32 - 1)])
def test_sizes_are_checked_before_anything_is_read(pair, sizes):
    channel, other = pair
    other.sendall(struct.pack(">II", *sizes))
    with pytest.raises(WireError, match="accepted are"):
        channel.receive(time.monotonic() + 5)


def test_the_deadline_holds_for_the_whole_message(pair):
    channel, other = pair
    message, stop = frame({"a": 1}), threading.Event()

    def drip():
        for i in range(len(message)):
            if stop.wait(0.05):
                return
            other.send(message[i : i + 1])

    dripping = threading.Thread(target=drip)
    dripping.start()
    begin = time.monotonic()
    with pytest.raises(Late):
        channel.receive(begin + 0.2)
    assert time.monotonic() - begin < 0.7
    stop.set()
    dripping.join()


def test_who_does_not_read_is_not_waited_for(pair):
    channel, _ = pair
    with pytest.raises(Late):
        channel.send({"a": np.zeros(3_000_000)}, time.monotonic() + 0.2)


def test_a_closed_connection_is_told(pair):
    channel, other = pair
    other.sendall(frame({"a": 1})[:-2])
    other.close()
    with pytest.raises(WireError, match="closed"):
        channel.receive(time.monotonic() + 5)
    with pytest.raises(WireError, match="closed"):
        for _ in range(10):
            channel.send({"a": 1})
