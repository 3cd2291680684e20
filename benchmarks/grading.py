"""Grading 16 submissions: `rlbook grade` with two jobs, and `nbgrader autograde`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common import text_table
from rlbook.grading.intake import submissions
from rlbook.grading.nbgrader import write_course
from rlbook.grading.run import Settings, grade_class
from rlbook.workbook.build import find_root

N_SUBMISSIONS, JOBS = 16, 2
CHAPTER = "02_q_learning"


def run() -> dict:
    """Each once, on the same notebooks: full solutions, as students hand them in. Needs nbgrader and a sandbox."""
    root = find_root(Path(__file__))
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder) / "course"
        write_course(root, course)
        handed_in = course / "submitted"
        for i in range(N_SUBMISSIONS):
            place = handed_in / f"student{i:02}" / CHAPTER
            place.mkdir(parents=True)
            source = course / "source" / CHAPTER / f"{CHAPTER}.ipynb"
            (place / source.name).write_bytes(source.read_bytes())
        _nbgrader(course, "generate_assignment", CHAPTER)
        others = os.getloadavg()[0]  # processes that computed here before: on a busy machine both take longer
        begin = time.perf_counter()
        graded = list(grade_class(submissions(handed_in), Path(folder) / "out", Settings(1), jobs=JOBS))
        middle = time.perf_counter()
        _nbgrader(course, "autograde", CHAPTER, "--create")
        end = time.perf_counter()
    results = [result for _, result in graded]
    return {
        "chapter": CHAPTER,
        "submissions": N_SUBMISSIONS,
        "jobs": JOBS,
        "load_before": others,
        "rlbook_s": middle - begin,
        "nbgrader_s": end - middle,
        "times_faster": (end - middle) / (middle - begin),
        "full_marks": sum(result.points == result.out_of for result in results),
        "largest_grader_bytes": max(result.grader_memory for result in results),
    }


def _nbgrader(course: Path, *arguments: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader looks for alembic there
    command = [sys.executable, "-m", "nbgrader", *arguments]
    subprocess.run(command, cwd=course, check=True, capture_output=True, env={**os.environ, "PATH": path})


def table(result: dict) -> str:
    rows = [
        ["rlbook grade", f"{result['rlbook_s']:.1f} s", f"{result['submissions'] / result['rlbook_s']:.2f}"],
        ["nbgrader autograde", f"{result['nbgrader_s']:.1f} s", f"{result['submissions'] / result['nbgrader_s']:.2f}"],
    ]
    head = f"{result['submissions']} submissions of {result['chapter']}, {result['jobs']} jobs"
    return text_table([head, "time", "a second"], rows) + f"\n{result['times_faster']:.1f} times faster"
