"""The package rlbook as a submission may see it: environments and pictures are there, the right answers are not.

What the checks of a chapter import from the library are its right answers. Each file that holds one, or takes one from
there, is replaced by stand-ins that can be imported and refuse to answer (so that no box loads PyTorch for a learner
that could not learn there); environments and plots lose the functions themselves only.
So nothing here knows a chapter: a new one is masked by what its checks import.
"""

from __future__ import annotations

import ast
import compileall
from collections.abc import Container
from pathlib import Path

import rlbook

ROOT = Path(rlbook.__file__).parent
# {module: its file}; a package goes by its folder's name.
MODULES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
NEEDED_INSIDE = ("rlbook", "rlbook.checks.calling", *(f"rlbook.grading{part}" for part in ("", ".wire", ".child")))
KEPT_ROOMS = ("envs", "plots", "validation")
CLOSED_ROOMS = ("checks", "grading", "widgets", "workbook", "cli")
# A controller that was never trained is no answer where one is to be trained; PDController goes by this function.
READY_MADE = {"rlbook.envs.arm.controllers": {"inverse_kinematics"}}

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
    if name not in __all__ or not name.islower():
        return _at_once(name)
    return lambda *args, **kwargs: _at_once(name)(*args, **kwargs)
"""


def write_library(folder: Path, checks_module: str) -> None:
    """Write the package into ``folder``/rlbook, without the right answers of the chapter whose checks these are."""
    answers = right_answers(checks_module)
    for module, path in MODULES.items():
        copy = folder / path.relative_to(ROOT.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(_visible(module, path.read_text(encoding="utf-8"), answers), encoding="utf-8")
    compileall.compile_dir(folder, quiet=2)


def _visible(module: str, source: str, answers: dict[str, set[str]]) -> str:
    """The text of one file as the box has it."""
    if module in NEEDED_INSIDE:
        return source
    if module == "rlbook.checks":
        return _SILENT_CHECKS
    if module == "rlbook.plots":
        return source + _DRAWN_WHEN_CALLED
    room = module.split(".")[1]
    if room in CLOSED_ROOMS:
        return _STAND_IN
    if room in KEPT_ROOMS:
        return without_bodies(source, answers[module]) if answers.get(module) else source
    held = module in answers or answers.keys() & taken_from_the_library(source, package_of(module)).keys()
    return _STAND_IN if held else source


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
    """{module: names} that a chapter's checks, and what they import of the other checks, take from the library.

    What is there ready-made is among them.
    """
    taken = {module: set(names) for module, names in READY_MADE.items()}
    waiting, seen = [checks_module], set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        source = MODULES[module].read_text(encoding="utf-8")
        for origin, names in taken_from_the_library(source, package_of(module)).items():
            if origin.startswith("rlbook.checks"):
                waiting.append(origin)
            else:
                taken.setdefault(origin, set()).update(names)
    return taken


def taken_from_the_library(source: str, package: str, modules: Container[str] = MODULES) -> dict[str, set[str]]:
    """{module of rlbook: names} that a source takes by `from ... import`; no names where it is the module itself.

    package : of the file that holds the source, for relative imports.   modules : all there are.
    """
    taken: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ImportFrom):
            continue
        start = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
        origin = ".".join([*start, *filter(None, [node.module])])
        for alias in node.names:
            if f"{origin}.{alias.name}" in modules:
                taken.setdefault(f"{origin}.{alias.name}", set())
            elif origin in modules:
                taken.setdefault(origin, set()).add(alias.name)
    return taken


def package_of(module: str) -> str:
    """The package that a module's relative imports start from."""
    return module if ROOT.parent.joinpath(*module.split(".")).is_dir() else module.rpartition(".")[0]
