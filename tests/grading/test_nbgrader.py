"""With the real nbgrader: it accepts the course that is made for it, and its grade book takes our marks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

from nbgrader.api import Gradebook
from submissions import answers

from rlbook import cli
from rlbook.checks import EXERCISES
from rlbook.grading.marks import Mark, Result
from rlbook.grading.nbgrader import record
from rlbook.workbook.build import read_notebook

CHAPTER = "01_mdp"
POINTS = {name: exercise.points for name, exercise in EXERCISES.chapter(CHAPTER).items()}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    assert cli.main(["release", str(folder), "--nbgrader"]) == 0
    nbgrader(folder, "generate_assignment", CHAPTER)
    return folder


def nbgrader(course, *arguments):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader looks for alembic there
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def result(student, right):
    marks = [Mark(n, "Correct" if right else "Not yet", p if right else 0, p, "") for n, p in POINTS.items()]
    return Result(student, CHAPTER, marks=marks)


def test_its_release_holds_the_exercises_without_answers(course):
    released = read_notebook(course / "release" / CHAPTER / f"{CHAPTER}.ipynb")
    sources = "\n".join(cell.source for cell in released.cells)
    assert "BEGIN SOLUTION" not in sources and sources.count("raise NotImplementedError") == len(POINTS)
    ids = {cell.metadata["nbgrader"]["grade_id"] for cell in released.cells if cell.metadata.get("nbgrader")}
    assert {f"check-{name}" for name in POINTS} <= ids


def test_its_validation_and_its_grader_give_the_points_of_right_answers(course):
    source = course / "source" / CHAPTER / f"{CHAPTER}.ipynb"
    assert "Success" in nbgrader(course, "validate", str(source))
    for student in ("right", "blank"):
        place = course / "submitted" / student / CHAPTER
        place.mkdir(parents=True)
        handed_in = source if student == "right" else course / "release" / CHAPTER / f"{CHAPTER}.ipynb"
        (place / f"{CHAPTER}.ipynb").write_bytes(handed_in.read_bytes())
    nbgrader(course, "autograde", CHAPTER, "--create")
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        scores = {s.student_id: s.score for s in book.assignment_submissions(CHAPTER)}
    assert scores == {"right": sum(POINTS.values()), "blank": 0}


@pytest.mark.parametrize("existing", [False, True], ids=["a new grade book", "the grade book of a course"])
def test_marks_are_recorded_in_its_grade_book(course, tmp_path, existing):
    url = f"sqlite:///{course / 'gradebook.db' if existing else tmp_path / 'new.db'}"
    students = {"jane": [result("jane", True)], "joe": [result("joe", False)], "ann": [Result("ann", "", "unreadable")]}
    assert record(url, students) == 2
    students["joe"] = [result("joe", True)]
    assert record(url, students) == 2  # graded again: the new marks count, nobody is there twice
    with Gradebook(url) as book:
        found = {s.student_id: s.score for s in book.assignment_submissions(CHAPTER) if s.student_id in students}
        assert found == {"jane": sum(POINTS.values()), "joe": sum(POINTS.values())}
        assert book.find_submission(CHAPTER, "jane").max_score == sum(POINTS.values())
        one = next(iter(POINTS))
        assert book.find_grade(f"check-{one}", CHAPTER, CHAPTER, "jane").score == POINTS[one]


def test_a_release_is_the_exercises_and_nothing_else(tmp_path):
    assert cli.main(["release", str(tmp_path / "hand-out")]) == 0
    files = sorted(path.name for path in (tmp_path / "hand-out").rglob("*"))
    assert files == sorted(f"{path.stem}.ipynb" for path in (Path(__file__).parents[2] / "solutions").glob("*.py"))
    assert not any("BEGIN SOLUTION" in path.read_text() for path in (tmp_path / "hand-out").iterdir())
    assert all(name in answers(CHAPTER) for name in POINTS)
