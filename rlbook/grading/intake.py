"""What was handed in: a folder of notebooks, a folder for every student, or a course platform's zip file.

Nothing is unpacked: of a zip file only the notebooks are read, each up to a size, when it is their turn. Links and
paths that lead elsewhere are refused, and cost only their own submission.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rlbook.grading.session import MAX_NOTEBOOK

MAX_ENTRIES = 20_000

# Moodle: "Jane Doe_1234_assignsubmission_file_/..." or "..._file_02.ipynb".
_MOODLE = re.compile(r"(?P<student>.+_\d+)_assignsubmission_[a-z]+_(?P<name>.*)")
# Canvas: "doejane_1234_567890_02.ipynb", "doejane_LATE_1234_567890_02.ipynb".
_CANVAS = re.compile(r"(?P<student>[^_]+)(_LATE)?_(?P<number>\d+)_\d+_(?P<name>.+)")


@dataclass(frozen=True)
class Submission:
    """One notebook of one student: ``read()`` gives its bytes. ``problem`` says why there is nothing to read."""

    student: str
    name: str
    read: Callable[[], bytes] = bytes
    problem: str = ""


def submissions(path: Path) -> list[Submission]:
    """All submissions at ``path``, in a stable order. Raises ValueError where there are none."""
    path = Path(path)
    if path.is_dir():
        found = list(_in_folder(path))
    elif path.suffix == ".ipynb" and path.is_file():
        found = [_of_file(path.stem, path)]
    elif path.is_file() and zipfile.is_zipfile(path):
        found = list(_in_zip(path))
    else:
        raise ValueError(f"{path} is no submission; accepted are a notebook, a folder of them and a zip file")
    if not found:
        raise ValueError(f"{path} holds no submission; accepted are notebooks (.ipynb), or a folder for every student")
    return sorted(found, key=lambda submission: (submission.student, submission.name))


def _in_folder(path: Path) -> Iterator[Submission]:
    for entry in sorted(path.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.suffix == ".ipynb":
            yield _of_file(_student_of(entry.name) or entry.stem, entry)
        elif entry.is_dir():
            student = _student_of(entry.name) or entry.name
            if entry.is_symlink():
                yield Submission(student, entry.name, problem="The folder is a link, which is not followed.")
            else:
                yield from _of_student(student, entry)


def _of_student(student: str, folder: Path) -> Iterator[Submission]:
    found = False
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(".ipynb") and not name.startswith("."):
                found = True
                yield _of_file(student, Path(top, name))
    if not found:
        yield Submission(student, folder.name, problem="The folder holds no notebook (.ipynb).")


def _of_file(student: str, path: Path) -> Submission:
    if path.is_symlink() or not path.is_file():
        return Submission(student, path.name, problem="The notebook is a link or no file, which is not followed.")

    def read() -> bytes:
        with path.open("rb") as file:
            return file.read(MAX_NOTEBOOK + 1)

    return Submission(student, path.name, read)


def _in_zip(path: Path) -> Iterator[Submission]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise ValueError(f"{path} has {len(entries)} entries; accepted are {MAX_ENTRIES}")
    with_notebook, seen = set(), {}
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if not parts or entry.is_dir() or any(part.startswith(".") and part != ".." for part in parts):
            continue
        student = _student_of(parts[0]) or (parts[0] if len(parts) > 1 else PurePosixPath(parts[0]).stem)
        problem = _zip_problem(entry, parts)
        if parts[-1].endswith(".ipynb") or problem:
            with_notebook.add(student)
            yield Submission(student, parts[-1], _reader(path, entry), problem)
        seen[student] = parts[-1]
    for student in seen.keys() - with_notebook:
        yield Submission(student, seen[student], problem="There is no notebook (.ipynb) in what was handed in.")


def _zip_problem(entry: zipfile.ZipInfo, parts: tuple[str, ...]) -> str:
    if ".." in parts or entry.filename.startswith(("/", "\\")) or ":" in parts[0]:
        return "Its path in the zip file leads out of it, which is refused."
    if (entry.external_attr >> 16) & 0o170000 == 0o120000:
        return "It is a link, which is not followed."
    if entry.flag_bits & 1:
        return "It is encrypted."
    return ""


def _reader(path: Path, entry: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        # What is read is what is counted: a zip file may unpack to far more than it says.
        with zipfile.ZipFile(path) as archive, archive.open(entry) as file:
            return file.read(MAX_NOTEBOOK + 1)

    return read


def _student_of(name: str) -> str | None:
    """The student in a name that Moodle or Canvas made, with the number that tells namesakes apart."""
    if match := _MOODLE.fullmatch(name):
        return match["student"]
    if match := _CANVAS.fullmatch(name):
        return f"{match['student']}_{match['number']}"
    return None
