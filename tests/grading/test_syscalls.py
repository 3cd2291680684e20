"""The filter of system calls, run here step by step as the kernel runs it, and its numbers against the kernel's own."""

import errno
import re
import struct
from pathlib import Path

import pytest

from rlbook.grading.syscalls import ARCHITECTURES, CLONE, CLONE3, FCNTL, NEWEST, REFUSED, seccomp_filter

ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSE, UNKNOWN = 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def answer(machine, number, *arguments, architecture=None):
    """What the filter says to one call: a machine for the four instructions that it consists of."""
    arguments = [*arguments, *[0] * 6][:6]
    architecture = ARCHITECTURES[machine] if architecture is None else architecture
    data = struct.pack("=IIQ6Q", number, architecture, 0, *arguments)
    program = list(struct.iter_unpack("=HBBI", seccomp_filter(machine)))
    loaded = place = 0
    while True:
        code, if_true, if_false, value = program[place]
        place += 1
        if code == 0x20:
            loaded = struct.unpack_from("=I", data, value)[0]
        elif code == 0x06:
            return value
        else:
            holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}[code]
            place += if_true if holds else if_false


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_calls_that_an_answer_needs_are_allowed(machine):
    needed = {"x86_64": (0, 1, 9, 202, 231, 257), "aarch64": (63, 64, 222, 98, 94, 56)}[
        machine
    ]  # read, write, mmap ...
    assert {answer(machine, number) for number in needed} == {ALLOW}


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize("name", REFUSED)
def test_every_call_of_the_table_is_refused(machine, name):
    number = REFUSED[name][list(ARCHITECTURES).index(machine)]
    assert number is None or answer(machine, number) == REFUSE


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_threads_start_and_processes_do_not(machine):
    column = list(ARCHITECTURES).index(machine)
    thread = 0x3D0F00  # the flags of pthread_create
    assert answer(machine, CLONE[column], thread) == ALLOW
    assert answer(machine, CLONE[column], 17) == REFUSE  # fork: SIGCHLD alone
    assert answer(machine, CLONE[column], 0x10000000) == REFUSE  # a new user namespace
    assert answer(machine, CLONE3[column]) == UNKNOWN


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_files_are_not_locked(machine):
    column = list(ARCHITECTURES).index(machine)
    assert {answer(machine, FCNTL[column], 3, command) for command in (5, 6, 7, 36, 37, 38, 1024)} == {REFUSE}
    assert {answer(machine, FCNTL[column], 3, command) for command in (1, 2, 3, 4, 1030)} == {ALLOW}


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_newer_and_32_bit_calls_do_not_exist(machine):
    assert answer(machine, NEWEST) == ALLOW
    assert {answer(machine, number) for number in (NEWEST + 1, 1000, 0x40000000, 0x40000029)} == {UNKNOWN}
    assert answer(machine, 0, architecture=0x40000003) == KILL  # i386


def test_an_unknown_processor_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="the processor is riscv64; the sandbox knows x86_64 and aarch64"):
        seccomp_filter("riscv64")


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_numbers_are_those_of_the_kernels_headers(machine):
    header = HEADERS[machine]
    if not header.is_file():
        pytest.skip(f"no kernel headers here ({header})")
    known = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    column = list(ARCHITECTURES).index(machine)
    for name, numbers in {**REFUSED, "clone": CLONE, "clone3": CLONE3, "fcntl": FCNTL}.items():
        assert known.get(name) == (None if numbers[column] is None else str(numbers[column])), name
