"""A class in which most are hostile: nobody earns what is not theirs, nobody loses, nothing gets out or stays."""

import contextlib
import os
import socket
from pathlib import Path

import numpy as np
import pytest
from attacks import CHAPTER, DISTURBANCES, FORGERIES
from sandbox import needs_sandbox
from submissions import answers, blanks, notebook, wrong

from rlbook.checks import EXERCISES
from rlbook.grading.box import MIB, Box, Limits
from rlbook.grading.intake import submissions
from rlbook.grading.marks import GRADED, UNREADABLE
from rlbook.grading.run import Settings, grade_class
from rlbook.grading.supervisor import libraries, library_of

pytestmark = needs_sandbox

ALL = sum(exercise.points for exercise in EXERCISES.chapter(CHAPTER).values())
LIMITS = Limits(call=2, cell=4, total=120, memory=600 * MIB, disk=16 * MIB, threads=32)
TRUSTED_MEMORY = 200e6  # bytes that a grading process may hold, whatever it is sent


@pytest.fixture(scope="module")
def listeners(tmp_path_factory):
    """Sockets of every kind that a submission may try to reach."""
    path = str(tmp_path_factory.mktemp("sockets") / "socket")
    tcp, udp, unix, abstract = (
        socket.socket(),
        socket.socket(type=socket.SOCK_DGRAM),
        *map(socket.socket, [socket.AF_UNIX] * 2),
    )
    for sock, address in ((tcp, ("127.0.0.1", 0)), (udp, ("127.0.0.1", 0)), (unix, path), (abstract, "\0rlbook-test")):
        sock.bind(address)
        sock.setblocking(False)
        if sock is not udp:
            sock.listen()
    yield {"port": tcp.getsockname()[1], "path": path, "sockets": (tcp, udp, unix, abstract)}
    for sock in (tcp, udp, unix, abstract):
        sock.close()


@pytest.fixture(scope="module")
def graded(tmp_path_factory, listeners):
    """{student: result} of the whole class, graded as `rlbook grade` does it."""
    folder, out = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("out")
    right = answers(CHAPTER).values()
    prelude = "import numpy as np\nfrom rlbook.checks import check, hint\nhint('td_update')"
    for i in range(4):
        write(folder, f"neighbour-{i}", notebook(prelude, *right))
    write(folder, "blank", notebook(prelude, *blanks(CHAPTER).values()))
    write(folder, "wrong", notebook(prelude, *wrong(CHAPTER).values()))
    write(folder, "hard-coded", notebook(prelude, hard_coded()))
    for name, attack in DISTURBANCES.items():
        write(folder, f"d {name}", notebook(prelude, *attack.cells, *right, *attack.after))
    for name, attack in FORGERIES.items():
        settings = f"PORT, SOCKET_PATH = {listeners['port']}, {listeners['path']!r}"
        write(folder, f"f {name}", notebook(prelude, settings, *attack.cells, *wrong(CHAPTER).values(), *attack.after))
    for name, (data, _) in TAMPERED.items():
        write(folder, f"t {name}", data)
    results = grade_class(submissions(folder), out, Settings(7, LIMITS), jobs=4)  # many only wait for a limit
    return {result.student: result for _, result in results}


def write(folder, student, data):
    place = folder / student.replace("/", "-")
    place.mkdir()
    (place / f"{CHAPTER}.ipynb").write_bytes(data)


def hard_coded():
    """Right answers for the inputs that `check` uses, and zeros for all others."""
    lines = ["seen = {}", "def key(given): return repr([np.asarray(g).tolist() for g in given])"]
    for name, exercise in EXERCISES.chapter(CHAPTER).items():
        for case in exercise.cases(0):
            lines.append(f"seen[{name!r}, {key(case)!r}] = {np.asarray(exercise.reference(*case)).tolist()!r}")
        lines.append(f"def {name}(*given): return np.array(seen.get(({name!r}, key(given)), 0.0))")
    return "\n".join(lines)


def key(given):
    return repr([np.asarray(g).tolist() for g in given])


def tampered():
    right, blank = list(answers(CHAPTER).values()), list(blanks(CHAPTER).values())
    numpy = "import numpy as np"
    whole = notebook(numpy, *right)
    return {
        # name: (the file, points)
        "deleted cells": (notebook(numpy, *right[:3]), points(3)),
        "duplicated cells": (notebook(numpy, *right, *right), ALL),
        "a wrong copy after it": (notebook(numpy, *right, wrong(CHAPTER)["td_update"]), ALL - 2),
        "reordered cells": (notebook(numpy, *reversed(right)), ALL),
        "retagged cells": (
            notebook(numpy, *right, _1=["check"], _2=["demo"], _3=["training", "solution-only"]),
            ALL,
        ),
        "one cell for all": (notebook("\n\n".join([numpy, *right])), ALL),
        "another kernel": (
            whole.replace(b'"metadata": {}, "nbformat"', b'"metadata": {"kernelspec": {"name": "julia"}}, "nbformat"'),
            ALL,
        ),
        "no metadata": (whole.replace(b'"metadata": {}, ', b""), ALL),
        "a mark at the beginning": ("\ufeff".encode() + whole, ALL),
        "answers in markdown": (whole.replace(b'"code"', b'"markdown"'), 0),
        "broken JSON": (whole[:-20], None),
        "an empty file": (b"", None),
        "no notebook": (b'"text"', None),
        "cells of another kind": (b'{"cells": [3, null, {"cell_type": "code"}]}', None),
        "cells that are none": (b'{"cells": {"a": 1}}', None),
        "deep JSON": (b"[" * 200_000, None),
        "nothing but brackets": (b'{"cells": [], "metadata": [' + b"[]," * 5_000_000 + b"[]]}", None),
        "binary": (os.urandom(10_000), None),
        "nothing but blanks": (notebook(numpy, *blank), 0),
    }


def points(n):
    return sum(exercise.points for exercise in list(EXERCISES.chapter(CHAPTER).values())[:n])


TAMPERED = tampered()


def test_there_are_enough_attacks():
    assert len(FORGERIES) + len(DISTURBANCES) + len(TAMPERED) >= 100


@pytest.mark.parametrize("student", [f"neighbour-{i}" for i in range(4)])
def test_honest_neighbours_get_all_their_points(graded, student):
    assert (graded[student].status, graded[student].points) == (GRADED, ALL)
    assert {mark.message.split(" in all ")[0] for mark in graded[student].marks} == {"It agrees with the reference"}


@pytest.mark.parametrize("student", ["wrong", "blank", "hard-coded"])
def test_wrong_and_blank_answers_get_none(graded, student):
    assert (graded[student].status, graded[student].points) == (GRADED, 0)
    assert len(graded[student].marks) == len(EXERCISES.chapter(CHAPTER))
    assert bool(graded[student].forms) == (student != "blank")  # those who left all as it was copied nobody


@pytest.mark.parametrize("name", DISTURBANCES)
def test_who_disturbs_keeps_the_marks_of_right_answers_and_those_only(graded, name):
    result = graded[f"d {name.replace('/', '-')}"]
    lost = {mark.exercise for mark in result.marks if not mark.points}
    assert (result.status, lost) == (GRADED, set(DISTURBANCES[name].loses)), result.notes or result.marks


@pytest.mark.parametrize("name", FORGERIES)
def test_nothing_can_be_forged_or_found(graded, name):
    result = graded[f"f {name}"]
    assert (result.status, result.points) == (GRADED, 0), result.marks
    found = [line for cell in result.cells for line in cell["printed"].splitlines() if line.startswith("FOUND")]
    assert found in ([], ["FOUND []"])


@pytest.mark.parametrize("name", TAMPERED)
def test_tampered_files_get_what_they_earned(graded, name):
    result, earned = graded[f"t {name}"], TAMPERED[name][1]
    assert result.status == (UNREADABLE if earned is None else GRADED), result
    assert result.points == (earned or 0)
    assert earned is not None or result.notes[0].startswith("The file ")


def test_nobody_was_reached(graded, listeners):
    for sock in listeners["sockets"]:
        with pytest.raises(BlockingIOError):
            sock.recv(1) if sock.type == socket.SOCK_DGRAM else sock.accept()


def test_nothing_is_left_running(graded):
    with Box(library_of(libraries(), CHAPTER), LIMITS):
        assert processes_of_this_class()
    assert processes_of_this_class() == []


def processes_of_this_class():
    """Whatever a process calls itself: all that see this class's folder, as boxes do, and graders started from here."""
    children = " ".join((task / "children").read_text() for task in Path("/proc/self/task").iterdir()).split()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            boxed = libraries().name in (process / "mountinfo").read_text()
            if boxed or (process.name in children and b"rlbook.grading" in (process / "cmdline").read_bytes()):
                found.append(process.name)
    return found


def test_no_grading_process_ever_held_much_memory(graded):
    most = max(result.grader_memory for result in graded.values())
    assert 0 < most < TRUSTED_MEMORY
