"""For courses that run nbgrader: a course made from the solutions, and marks recorded in its grade book."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat

from rlbook.grading.marks import Result
from rlbook.workbook.build import read_source

_CONFIG = '''"""An nbgrader course made from the workbook's solutions."""

c = get_config()
c.CourseDirectory.course_id = "rlbook"
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\\nraise NotImplementedError"}
c.Execute.timeout = 900  # the last cells of an exercise train with the student's functions
'''


def write_course(root: Path, course: Path) -> list[Path]:
    """Write an nbgrader course: its configuration, and one assignment a chapter in ``source/``. Returns the files."""
    written = [course / "nbgrader_config.py"]
    course.mkdir(parents=True, exist_ok=True)
    written[0].write_text(_CONFIG, encoding="utf-8")
    for source in sorted((root / "solutions").glob("*.py")):
        notebook = read_source(source)
        notebook.cells = [cell for cell in notebook.cells if "solution-only" not in cell.metadata.get("tags", ())]
        path = course / "source" / source.stem / f"{source.stem}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        written.append(path)
    return written


def record(url: str, students: dict[str, list[Result]]) -> int:
    """Record the marks of all that were graded in nbgrader's grade book; returns how many notebooks that were.

    An assignment is a chapter, a grade cell the check of an exercise, as in the course that ``write_course`` makes;
    what is missing in the grade book is added. Raises ValueError where nbgrader is not installed.
    """
    try:
        from nbgrader.api import Gradebook
    except ImportError:
        raise ValueError("--gradebook needs the package nbgrader: pip install 'rlbook[nbgrader]'") from None
    # nbgrader starts its program alembic by name: it is beside this Python, which need not be on the path.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    graded = [result for results in students.values() for result in results if result.marks]
    with Gradebook(url) as book:
        for chapter, marks in {result.chapter: result.marks for result in graded}.items():
            book.update_or_create_assignment(chapter)
            book.update_or_create_notebook(chapter, chapter)
            for mark in marks:
                kind = {"max_score": mark.out_of, "cell_type": "code"}
                book.update_or_create_grade_cell(_cell(mark.exercise), chapter, chapter, **kind)
        for result in graded:
            book.update_or_create_student(result.student)
            book.update_or_create_submission(result.chapter, result.student)
            for mark in result.marks:
                grade = book.find_grade(_cell(mark.exercise), result.chapter, result.chapter, result.student)
                grade.auto_score, grade.needs_manual_grade = float(mark.points), False
        book.db.commit()
    return len(graded)


def _cell(exercise: str) -> str:
    return f"check-{exercise}"
