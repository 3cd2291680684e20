"""A class: many submissions side by side, each result written as soon as it is there, nothing graded twice."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from joblib import Parallel, delayed

from rlbook.grading.box import Limits, preflight
from rlbook.grading.intake import Submission, submissions
from rlbook.grading.library import ROOT
from rlbook.grading.marks import UNGRADED, UNREADABLE, Result, secret_seeds
from rlbook.grading.supervisor import grade_task, make_task


@dataclass(frozen=True)
class Settings:
    """What a run's marks depend on: the seed of its secret inputs, the limits of a submission, whether it is in a box.

    workbook : a digest of the package, whose exercises are the workbook's own.
    """

    seed: int
    limits: Limits = Limits()  # noqa: RUF009 (frozen, so it may be shared)
    sealed: bool = True
    workbook: str = field(default_factory=lambda: _digest_of(ROOT))


def grade(path: Path, *, seed: int | None = None, limits: Limits | None = None, sealed: bool = True) -> Result:
    """The result of one notebook. Raises BoxError where there is no sandbox, ValueError for a path that is not one."""
    handed_in = submissions(path)
    if len(handed_in) > 1:
        raise ValueError(f"{path} holds {len(handed_in)} submissions; accepted is one (grade_class takes many)")
    if sealed:
        check_sandbox()
    settings = Settings(new_seed() if seed is None else seed, limits or Limits(), sealed)
    with tempfile.TemporaryDirectory() as out:
        ((_, result),) = grade_class(handed_in, Path(out), settings, jobs=1)
    return result


def check_sandbox() -> None:
    """Raises BoxError, which says what to install or to allow, where boxes do not start."""
    preflight(ROOT.parent)  # nothing of a student's runs in this box: it may see the library as it is


def new_seed() -> int:
    return secrets.randbits(32)


def grade_class(
    handed_in: list[Submission],
    out: Path,
    settings: Settings,
    *,
    jobs: int = 2,
    regrade: bool = False,
    execute: Callable[[dict], dict] = grade_task,
) -> Iterator[tuple[Submission, Result]]:
    """Grade what ``out`` does not hold yet, ``jobs`` at a time; yields each submission with its result, as they finish.

    regrade : grade again what is stored, too.   execute : what grades a task, here or on another machine.
    """
    folder = out / "results"
    folder.mkdir(parents=True, exist_ok=True)

    def work(submission: Submission) -> tuple[Submission, Result]:
        place = folder / f"{file_name(submission.student, submission.name)}.json"
        return submission, _stored_or_graded(submission, settings, execute, place, regrade)

    parallel = Parallel(n_jobs=jobs, backend="threading", return_as="generator_unordered", pre_dispatch=2 * jobs)
    yield from parallel(delayed(work)(submission) for submission in handed_in)


def _stored_or_graded(submission: Submission, settings: Settings, execute, place: Path, regrade: bool) -> Result:
    if submission.problem:
        return Result(submission.student, "", UNREADABLE, notes=[submission.problem])
    try:
        notebook = submission.read()
    except Exception as error:  # damaged zip files raise many kinds
        return Result(submission.student, "", UNREADABLE, notes=[f"The file cannot be read ({type(error).__name__})."])
    digest = hashlib.sha256(repr(settings).encode() + notebook).hexdigest()
    if not regrade:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # not there, or damaged
            stored = json.loads(place.read_text(encoding="utf-8"))
            if stored["digest"] == digest:
                return Result.from_dict(stored["result"])
    try:
        fixed = {"limits": settings.limits, "seeds": secret_seeds(settings.seed), "sealed": settings.sealed}
        result = Result.from_dict(execute(make_task(submission.student, submission.name, notebook, **fixed)))
    except Exception as error:  # the machinery's fault, whatever it is: the others go on
        return Result(submission.student, "", UNGRADED, notes=[f"The grader failed: {error!r:.300}"])
    if result.status != UNGRADED:
        write(place, json.dumps({"digest": digest, "result": result.as_dict()}))
    return result


@functools.cache
def _digest_of(package: Path) -> str:
    files = sorted(path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def file_name(*parts: str) -> str:
    """A name for a file, safe on every system, and different for different parts."""
    readable = re.sub(r"[^A-Za-z0-9-]+", "_", "_".join(parts)).strip("_")[:60]
    return f"{readable}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:8]}"


def write(path: Path, text: str) -> None:
    """Write the file whole or not at all; nobody else may read it: it holds marks, or the secret seed."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    os.replace(temporary, path)


@contextlib.contextmanager
def on_dask(address: str) -> Iterator[tuple[int, Callable[[dict], dict]]]:
    """(how many submissions at a time, what grades a task) on the workers of a Dask scheduler.

    A worker that is lost costs nothing but time: the scheduler gives its tasks to another. Raises ValueError where
    there is no scheduler, or no package ``distributed``.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("--dask needs the package distributed: pip install distributed") from None
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler at {address} ({error}); accepted is the address of one, tcp://…") from None
    with client:
        jobs = max(1, sum(client.nthreads().values()))
        yield jobs, lambda task: client.submit(grade_task, task, pure=False, retries=3).result()
