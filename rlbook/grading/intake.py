"""What was handed in: a folder of notebooks, a folder for every student, or a course platform's zip file.

Nothing is unpacked: of a zip file only the notebooks are read, each up to a size, when it is their turn. Links and
paths that lead elsewhere are refused, and cost only their own submission.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from rlbook.checks import EXERCISES
from rlbook.grading.session import MAX_NOTEBOOK

MAX_ENTRIES = 20_000
MAX_DEPTH = 20  # folders in folders
_LINK = "is a link, or no file, which is not followed."

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


_Entry = tuple[tuple[str, ...], Submission]  # where it lies, and what it is; an empty folder's path ends in ""


def submissions(path: Path) -> list[Submission]:
    """All submissions at ``path``, in a stable order. Raises ValueError where there are none."""
    path = Path(path)
    if path.is_dir():
        entries = _in_folder(path)
    elif path.suffix == ".ipynb" and path.is_file():
        entries = [((path.name,), _of_file(path))]
    elif path.is_file() and zipfile.is_zipfile(path):
        entries = _in_zip(path)
    else:
        raise ValueError(f"{path} is no submission; accepted are a notebook, a folder of them and a zip file")
    found = list(_by_student(list(entries)))
    if not found:
        raise ValueError(f"{path} holds no submission; accepted are notebooks (.ipynb), or a folder for every student")
    return sorted(found, key=lambda submission: (submission.student, submission.name))


def _by_student(entries: list[_Entry], group: str = "") -> Iterator[Submission]:
    """All that is handed in, by whom: what stands first in a path is a student, or a group with students in it."""
    level: dict[str, list[_Entry]] = {}
    for path, found in entries:
        if path:  # a student may stand in several names: Moodle keeps texts apart from files
            level.setdefault(_student_of(path[0]) or path[0], []).append((path[1:], found))
    students = {_student_of(path[0]) for path, _ in entries if path}
    for name, held in level.items():
        alone = len(level) == 1
        if name in students or _is_a_students(name, held, alone):
            yield from _of_student(group + name.removesuffix(".ipynb"), [found for _, found in held])
        else:
            yield from _by_student(held, group if alone or name in EXERCISES.chapters else f"{group}{name}/")


def _is_a_students(name: str, held: list[_Entry], alone: bool) -> bool:
    """A notebook is, a folder that holds one itself, and one of many that holds one folder of them, or none at all."""
    notebooks = [(path, found.name) for path, found in held if found.name.endswith(".ipynb")]
    if not all(path for path, _ in held):  # a file, perhaps in a zip file twice
        return bool(notebooks)
    if name in EXERCISES.chapters:  # as nbgrader's folders, STUDENT/CHAPTER/CHAPTER.ipynb
        return False
    if not notebooks:
        return True
    homes = [tuple(part for part in path[:-1] if part not in EXERCISES.chapters) for path, _ in notebooks]
    n_chapters = len({chapter for chapter in EXERCISES.chapters for _, file in notebooks if chapter in file})
    if alone:  # a class in one folder, as one makes a zip file of, or its only student
        return () in homes and len(notebooks) <= max(n_chapters, 1)
    return () in homes or len(set(homes)) == 1


def _of_student(student: str, held: list[Submission]) -> Iterator[Submission]:
    notebooks = [found for found in held if found.name.endswith(".ipynb")]
    problem = held[0].problem or "There is no notebook (.ipynb) in what was handed in."
    for found in notebooks or [replace(held[0], problem=problem)]:
        yield replace(found, student=student)


def _in_folder(path: Path) -> Iterator[_Entry]:
    for top, folders, files in os.walk(path):
        place = Path(top).relative_to(path).parts
        folders[:] = [name for name in folders if not name.startswith(".") and len(place) < MAX_DEPTH]
        inside = [Path(top, name) for name in (*folders, *files) if not name.startswith(".")]
        for entry in inside:
            if not entry.is_dir():
                yield (*place, entry.name), _of_file(entry)
            elif entry.is_symlink():
                yield (*place, entry.name, ""), Submission("", entry.name, problem=f"The folder {_LINK}")
        if not inside:
            yield (*place, ""), Submission("", Path(top).name)


def _of_file(path: Path) -> Submission:
    if path.is_symlink() or not path.is_file():
        return Submission("", path.name, problem=f"The notebook {_LINK}")

    def read() -> bytes:
        with path.open("rb") as file:
            return file.read(MAX_NOTEBOOK + 1)

    return Submission("", path.name, read)


def _in_zip(path: Path) -> Iterator[_Entry]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise ValueError(f"{path} has {len(entries)} entries; accepted are {MAX_ENTRIES}")
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if parts and not entry.is_dir() and not any(part.startswith(".") and part != ".." for part in parts):
            yield parts[:MAX_DEPTH], Submission("", parts[-1], _reader(path, entry), _zip_problem(entry, parts))


def _zip_problem(entry: zipfile.ZipInfo, parts: tuple[str, ...]) -> str:
    if ".." in parts or entry.filename.startswith(("/", "\\")) or ":" in parts[0]:
        return "Its path in the zip file leads out of it, which is refused."
    if (entry.external_attr >> 16) & 0o170000 == 0o120000:
        return f"It {_LINK}"
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
