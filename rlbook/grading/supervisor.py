"""One process for one submission: whatever a submission does to its grader, the next one has a grader of its own.

``grade_task`` starts the process and reads its result; run as a program, this file is that process. Tasks and results
are plain dictionaries, so they may cross to other machines.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import fcntl
import functools
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from rlbook.checks import EXERCISES
from rlbook.grading.box import MIB, ONE_THREAD, Box, Limits
from rlbook.grading.library import ROOT, write_library
from rlbook.grading.marks import UNGRADED, Result, mark_notebook

MEMORY = 4096 * MIB  # address space of the process that judges; most of it is only mapped
PREFIX = "rlbook-grading-"  # of a temporary folder
GRACE = 60.0  # seconds beyond the submission's own, for starting and judging
_MAKING = threading.Lock()


def make_task(student: str, name: str, notebook: bytes, *, limits: Limits, seeds: list[int], sealed: bool) -> dict:
    """Everything that is needed to grade one notebook."""
    text = base64.b64encode(notebook).decode()
    fixed = {"limits": vars(limits), "seeds": seeds, "sealed": sealed}
    return {"student": student, "name": name, "notebook": text, **fixed}


def grade_task(task: dict) -> dict:
    """The result of one task, as ``Result.as_dict`` gives it. Whatever a submission does, this returns one."""
    packages = os.pathsep.join(filter(None, [str(ROOT.parent), os.environ.get("PYTHONPATH", "")]))
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [sys.executable, "-m", "rlbook.grading.supervisor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": packages},
            cwd="/",  # `python -m` imports from here first: not a folder that holds submissions
        )
        timer = threading.Timer(task["limits"]["total"] + GRACE, process.kill)
        timer.start()
        try:
            # Its stdin stays open: when this process ends, that one reads the end of it and ends too.
            process.stdin.write(json.dumps({**task, "libraries": str(libraries())}).encode() + b"\n")
            process.stdin.flush()
            return json.loads(process.stdout.read())
        except (ValueError, BrokenPipeError):
            complaints.seek(0)
            said = complaints.read(MIB).decode(errors="replace").strip().splitlines() or ["it ended without a word"]
            return Result(task["student"], "", UNGRADED, notes=[f"The grader failed: {said[-1]}"]).as_dict()
        finally:
            timer.cancel()
            process.kill()
            process.wait()
            process.stdout.close()


def libraries() -> Path:
    """This process's folder for what the boxes see of the library, a folder a chapter; removed in the end.

    A process that was killed leaves its folder behind, and the next one removes it: nobody holds its lock any more.
    """
    with _MAKING:
        return _libraries()


@functools.cache
def _libraries() -> Path:
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), _locked(left):  # in use, or another user's
            shutil.rmtree(left)
    fresh, lock = Path(tempfile.mkdtemp()), contextlib.ExitStack()
    lock.enter_context(_locked(fresh))
    folder = fresh.rename(fresh.with_name(PREFIX + fresh.name))  # others look for this name, and find it locked
    atexit.register(lock.close)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def library_of(folder: Path, chapter: str) -> Path:
    """The library as a chapter's submissions see it, written when it is first needed."""
    place = folder / chapter
    if not place.is_dir():
        fresh = Path(tempfile.mkdtemp(dir=folder))
        write_library(fresh, EXERCISES.chapters[chapter])
        try:
            fresh.rename(place)
        except OSError:  # another process was quicker
            shutil.rmtree(fresh)
    return place


def main() -> None:
    """Grade the task on stdin; its result, and what it cost, goes to stdout."""
    begin = time.monotonic()
    # Its own limit only: that of the box, which inherits, may be higher.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    task = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    answer, sys.stdout = sys.stdout, sys.stderr
    limits, folder = Limits(**task["limits"]), Path(task["libraries"])
    result = mark_notebook(
        task["student"],
        task["name"],
        base64.b64decode(task["notebook"]),
        open_box=lambda chapter: Box(library_of(folder, chapter), limits, task["sealed"]),
        limits=limits,
        seeds=task["seeds"],
    )
    result.seconds = round(time.monotonic() - begin, 3)
    result.grader_memory = _most_memory()
    json.dump(result.as_dict(), answer)
    answer.flush()
    os._exit(0)  # at its own end Python waits a second for stdin, which the thread above holds


def _most_memory() -> int:
    """The most bytes that this process ever held; 0 where the system does not tell.

    ``getrusage`` tells no less than its parent held when it started this one, so it is not asked.
    """
    with contextlib.suppress(OSError), open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    return 0


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
