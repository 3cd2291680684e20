"""The functions in the exercise notebooks, answered and not, read from their one source."""

import functools
from pathlib import Path

import numpy as np
import pytest

from rlbook.checks import EXERCISES, Exercise
from rlbook.workbook.build import exercise_of, read_source

pytest.register_assert_rewrite("exercise_tests")

SOLUTIONS = Path(__file__).parents[2] / "solutions"


@functools.cache
def cells(chapter: str, answered: bool):
    solution = read_source(SOLUTIONS / f"{chapter}.py")
    return (solution if answered else exercise_of(solution)).cells


@functools.cache
def functions(chapter: str, answered: bool) -> dict:
    """What the answer cells of a notebook define, run one after the other."""
    namespace = {"np": np}
    for cell in cells(chapter, answered):
        if cell.metadata.get("nbgrader", {}).get("solution"):
            exec(compile(cell.source, "a cell", "exec"), namespace)
    return namespace


@pytest.fixture
def answer():
    """answer(name) is the function as the solution notebook writes it."""
    return lambda name: functions(EXERCISES[name].chapter, answered=True)[name]


@pytest.fixture
def starter():
    """starter(name) is the function as the exercise notebook hands it out."""
    return lambda name: functions(EXERCISES[name].chapter, answered=False)[name]


@pytest.fixture
def notebook():
    """notebook(chapter) lists the cells of the exercise notebook."""
    return lambda chapter: cells(chapter, answered=False)


def pytest_generate_tests(metafunc):
    """The tests of a chapter run once for every exercise that is a function; of policies see test_own_policies.py."""
    chapter = getattr(metafunc.cls, "chapter", {})
    if chapter and "name" in metafunc.fixturenames:
        metafunc.parametrize("name", [name for name, exercise in chapter.items() if isinstance(exercise, Exercise)])
