"""The package rlbook as a submission may see it: environments and pictures are there, the right answers are not.

What the checks of a chapter import from the library are its right answers. Each file that holds one, or takes one from
there, is replaced by stand-ins that can be imported and refuse to answer (so that no box loads PyTorch for a learner
that could not learn there); environments and plots lose the functions themselves only.
So nothing here knows a chapter: a new one is masked by what its checks import.
"""

from __future__ import annotations

import ast
import compileall
from pathlib import Path

import rlbook

ROOT = Path(rlbook.__file__).parent
NEEDED_INSIDE = ("checks/calling.py", "grading/__init__.py", "grading/wire.py", "grading/child.py")
KEPT_ROOMS = ("envs", "plots", "validation.py")
CLOSED_ROOMS = ("checks", "grading", "widgets", "workbook", "cli.py")

_STAND_IN = '''"""Not here while answers are graded."""


class NotWhileGrading(AttributeError):
    """Something of the workbook that holds answers was used."""


class Absent(type):
    """The class of names that can be imported and inherited from, and do nothing else."""

    def __call__(cls, *args, **kwargs):
        raise NotWhileGrading(f"{cls.__module__}.{cls.__name__} answers in the notebook only")

    def __getattr__(cls, name):
        raise NotWhileGrading(f"{cls.__module__}.{cls.__name__}.{name} answers in the notebook only")


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return Absent(name, (), {"__module__": __name__})
'''
_SILENT_CHECKS = '''"""Checks, hints and panels are for the notebook; here every answer is judged by the grader."""


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return lambda *args, **kwargs: None
'''
# Appended to rlbook/plots/__init__.py. Loading Matplotlib takes a third of all the time that most submissions take, and
# few of them draw while they are graded.
_DRAWN_WHEN_CALLED = """

_at_once = __getattr__


def __getattr__(name):
    if name not in _HOME or not name.islower():
        return _at_once(name)
    return lambda *args, **kwargs: _at_once(name)(*args, **kwargs)
"""


def write_library(folder: Path, checks_module: str) -> None:
    """Write the package into ``folder``/rlbook, without the right answers of the chapter whose checks these are."""
    answers = right_answers(checks_module)
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT)
        copy = folder / "rlbook" / place
        copy.parent.mkdir(parents=True, exist_ok=True)
        source = path.read_text(encoding="utf-8")
        copy.write_text(_visible(place, source, answers), encoding="utf-8")
    compileall.compile_dir(folder, quiet=2)


def _visible(place: Path, source: str, answers: dict[str, set[str]]) -> str:
    """The text of one file as the box has it."""
    if place.as_posix() in NEEDED_INSIDE or place.as_posix() == "__init__.py":
        return source
    if place.as_posix() == "checks/__init__.py":
        return _SILENT_CHECKS
    if place.as_posix() == "plots/__init__.py":
        return source + _DRAWN_WHEN_CALLED
    if place.parts[0] in CLOSED_ROOMS:
        return _STAND_IN
    held = answers.get(_module(place), set())
    if place.parts[0] in KEPT_ROOMS:
        return without_bodies(source, held) if held else source
    return _STAND_IN if held or answers.keys() & taken_from_the_library(source) else source


def without_bodies(source: str, names: set[str]) -> str:
    """The source with the bodies of these functions, and of these classes' methods, replaced by a refusal."""
    tree = ast.parse(source)
    for node in tree.body:
        if getattr(node, "name", None) in names:
            for function in ast.walk(node):
                if isinstance(function, ast.FunctionDef):
                    function.body = ast.parse(f"raise RuntimeError('{node.name} answers in the notebook only')").body
    return ast.unparse(tree)


def right_answers(checks_module: str) -> dict[str, set[str]]:
    """{module: names} that a chapter's checks, and what they import of the other checks, take from the library."""
    taken: dict[str, set[str]] = {}
    waiting, seen = [checks_module], set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        for origin, names in taken_from_the_library(_file(module).read_text(encoding="utf-8")).items():
            if origin.startswith("rlbook.checks"):
                waiting.append(origin)
            else:
                taken.setdefault(origin, set()).update(names)
    return taken


def taken_from_the_library(source: str) -> dict[str, set[str]]:
    """{module of rlbook: names} that a file imports; the name is "" where it is the module itself."""
    taken: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rlbook"):
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                origin, name = (submodule, "") if _file(submodule).is_file() else (node.module, alias.name)
                taken.setdefault(origin, set()).add(name)
    return taken


def _module(place: Path) -> str:
    parts = ("rlbook", *place.with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _file(module: str) -> Path:
    """The file of a module of rlbook; for a package, that of its __init__."""
    path = ROOT.parent / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
