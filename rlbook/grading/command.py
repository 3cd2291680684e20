"""The commands `rlbook grade` and `rlbook release`."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ALL_GRADED, SOME_NOT, NO_SANDBOX, STOPPED = 0, 1, 3, 130


def add_commands(commands) -> None:
    """Hook `grade` and `release` into the command line; ``commands`` is what ``add_subparsers`` returned."""
    grader = commands.add_parser(
        "grade",
        help="grade a folder or zip file of submissions",
        description="Grade exercise notebooks in a sealed box. Exit status: 0 all were graded, 1 some were not, "
        "2 an option cannot be, 3 there is no sandbox, 130 stopped with Ctrl-C.",
    )
    grader.add_argument(
        "submissions", type=Path, help="a notebook, a folder of notebooks or of students' folders, a zip file"
    )
    grader.add_argument("--out", type=Path, default=Path("grades"), help="where results go (default: grades)")
    grader.add_argument("--jobs", type=_count, default=2, help="submissions graded side by side (default: 2)")
    grader.add_argument("--dask", metavar="ADDRESS", help="grade on the workers of this Dask scheduler, tcp://…")
    grader.add_argument("--timeout", type=_seconds, default=10.0, help="seconds for one call (default: 10)")
    grader.add_argument("--cell-timeout", type=_seconds, default=120.0, help="seconds for one cell (default: 120)")
    grader.add_argument("--total-timeout", type=_seconds, default=900.0, help="seconds for one notebook (default: 900)")
    grader.add_argument("--memory", type=_count, default=2048, help="MiB for one submission (default: 2048)")
    grader.add_argument("--seed", type=_natural, help="of the secret inputs; the same seed gives the same marks")
    grader.add_argument("--regrade", action="store_true", help="grade unchanged submissions again, too")
    grader.add_argument(
        "--gradebook", metavar="URL", help="also record marks in nbgrader's database, sqlite:///gradebook.db"
    )
    grader.add_argument("--similar", action="store_true", help="also report pairs of submissions that are alike")
    grader.add_argument(
        "--sandbox", choices=("bwrap", "none"), default="bwrap", help="none runs students' code unprotected"
    )
    grader.set_defaults(run=grade)
    releaser = commands.add_parser(
        "release",
        help="write the exercise notebooks, to hand out",
        description="Write the exercise notebooks, and nothing else, into a folder.",
    )
    releaser.add_argument("folder", type=Path, help="where they go")
    releaser.add_argument("--nbgrader", action="store_true", help="write an nbgrader course there instead")
    releaser.set_defaults(run=release)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text}; accepted are seconds above 0")
    return value


def _natural(text: str, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text}; accepted are whole numbers from {least}")
    return int(text)


def _count(text: str) -> int:
    return _natural(text, 1)


def grade(options: argparse.Namespace, extra) -> int:
    """Grade, write the reports, print a table."""
    from rlbook.grading.box import MIB, BoxError, Limits
    from rlbook.grading.intake import submissions
    from rlbook.grading.report import gathered, write_reports
    from rlbook.grading.run import Settings, check_sandbox

    sealed = options.sandbox == "bwrap"
    handed_in = submissions(options.submissions)
    try:
        check_sandbox() if sealed else _warn()
    except BoxError as error:
        print(f"rlbook: {error}. Nothing was graded.", file=sys.stderr)
        return NO_SANDBOX
    times = {"call": options.timeout, "cell": options.cell_timeout, "total": options.total_timeout}
    settings = Settings(_seed(options), Limits(**times, memory=options.memory * MIB), sealed)
    try:
        students = gathered(result for _, result in _with_progress(handed_in, options, settings))
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one more would only disturb the cleaning up, which is short
        print("\nrlbook: stopped; the same command goes on where it was.", file=sys.stderr)
        return STOPPED
    write_reports(options.out, students, settings)
    _print_table(students, options.out)
    if options.similar:
        from rlbook.grading.similar import write_similar

        write_similar(options.out, students)
    if options.gradebook:
        from rlbook.grading.nbgrader import record

        record(options.gradebook, students)
    return ALL_GRADED if all(r.status == "graded" for results in students.values() for r in results) else SOME_NOT


def _warn() -> None:
    print("rlbook: WARNING: without a sandbox, students' code can read and change all that you can.", file=sys.stderr)


def _seed(options: argparse.Namespace) -> int:
    """The seed given, or that of the run in the same folder, or a new one; kept there, and there only."""
    from rlbook.grading.run import new_seed, write

    place = options.out / "run.json"
    if options.seed is not None:
        seed = options.seed
    elif place.is_file():
        seed = json.loads(place.read_text())["seed"]
    else:
        seed = new_seed()
    options.out.mkdir(parents=True, exist_ok=True)
    write(place, json.dumps({"seed": seed}) + "\n")
    return seed


def _with_progress(handed_in: list, options: argparse.Namespace, settings) -> Iterator:
    from tqdm.auto import tqdm

    from rlbook.grading.run import grade_class, on_dask
    from rlbook.grading.supervisor import grade_task

    here = contextlib.nullcontext((options.jobs, grade_task))
    with here if options.dask is None else on_dask(options.dask) as (jobs, execute):
        graded = grade_class(handed_in, options.out, settings, jobs=jobs, regrade=options.regrade, execute=execute)
        yield from tqdm(graded, total=len(handed_in), desc="grading", unit="notebook")


def _print_table(students: dict, out: Path) -> None:
    from rlbook.grading.report import status_of
    from rlbook.grading.session import plain

    width = max(len(student) for student in students)
    for student, results in students.items():
        points = sum(r.points for r in results)
        score = f"{points:g} of {sum(r.out_of for r in results)}" if status_of(results) == "graded" else ""
        notes = "" if status_of(results) == "graded" else " ".join(note for r in results for note in r.notes)
        print(plain(f"{student:<{width}}  {status_of(results):<10}  {score:<10}  {notes}".rstrip().replace("\n", " ")))
    counts = Counter(status_of(results) for results in students.values())
    print(", ".join(f"{n} {status}" for status, n in sorted(counts.items())), f"; see {out}/summary.html", sep="")


def release(options: argparse.Namespace, extra) -> int:
    """Copy the exercises, or write an nbgrader course."""
    from rlbook.workbook.build import find_root

    root = find_root()
    if options.nbgrader:
        from rlbook.grading.nbgrader import write_course

        written = write_course(root, options.folder)
    else:
        options.folder.mkdir(parents=True, exist_ok=True)
        notebooks = sorted((root / "exercises").glob("*.ipynb"))
        written = [Path(shutil.copyfile(path, options.folder / path.name)) for path in notebooks]
    print("\n".join(map(str, written)))
    return 0
