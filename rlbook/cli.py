"""The command line: `rlbook lab` opens the workbook, `start` and `progress` are for those who work through it.

`rlbook build` makes its notebooks from their sources; `grade` and `release` are the instructor's.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rlbook.grading.command import add_commands as add_grading


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (0 well, 1 a problem that was told, 2 a command that does not exist)."""
    parser = _parser()
    options, extra = parser.parse_known_args(arguments)
    if extra and options.run is not lab:
        parser.error(f"unrecognized arguments: {' '.join(extra)}")
    try:
        return options.run(options, extra)
    except ValueError as error:
        print(f"rlbook: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rlbook", description="The workbook on reinforcement learning for robotics.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    opener = commands.add_parser(
        "lab",
        help="open the workbook in JupyterLab",
        description="Open the workbook in JupyterLab. Further options go to JupyterLab (--no-browser --port 8890).",
    )
    opener.set_defaults(run=lab)
    starter = commands.add_parser(
        "start",
        help="copy the notebooks and exercises into a folder of your own",
        description="Copy the notebooks and exercises into a folder of your own, never over what is there.",
    )
    starter.add_argument("folder", type=Path, metavar="FOLDER", help="where they go, outside the workbook")
    starter.set_defaults(run=start)
    shower = commands.add_parser(
        "progress",
        help="show what you have solved, and what comes next",
        description="Show what you have solved and predicted, and what comes next. Nothing leaves this machine.",
    )
    shower.set_defaults(run=progress)
    builder = commands.add_parser(
        "build",
        help="execute notebooks and generate exercises from their sources",
        description="Execute notebooks/ and solutions/ from their .py sources and generate exercises/ from solutions/.",
    )
    builder.add_argument("--check", action="store_true", help="change nothing; fail where a file has drifted")
    builder.add_argument("names", nargs="*", metavar="NAME", help="such as 01_mdp or solutions/01_mdp; all by default")
    builder.set_defaults(run=build)
    add_grading(commands)
    return parser


def lab(options: argparse.Namespace, extra: Sequence[str]) -> int:
    """Start JupyterLab on the first notebook, with the workbook, or the reader's own set, as its folder."""
    from jupyterlab.labapp import LabApp

    from rlbook.workbook.build import find_root
    from rlbook.workbook.student_set import find_set

    root = find_set() or find_root()
    trust_notebooks(root)
    LabApp.launch_instance(lab_arguments(root, extra))
    return 0


def trust_notebooks(root: Path) -> None:
    """Sign the workbook's own notebooks: JupyterLab shows stored SVG and panels only of notebooks it trusts."""
    from nbformat.sign import NotebookNotary

    from rlbook.workbook.build import BuildError, read_notebook, sources

    notary = NotebookNotary()
    for source in sources(root):
        try:
            notary.sign(read_notebook(source.with_suffix(".ipynb")))
        except BuildError:
            pass  # missing or damaged: JupyterLab opens without it, and says so where it is opened


def lab_arguments(root: Path, extra: Sequence[str]) -> list[str]:
    """JupyterLab's arguments: the first notebook where there is one, the workbook's folder, then the reader's own."""
    arguments = [str(path) for path in sorted((root / "notebooks").glob("*.ipynb"))[:1]]
    arguments.append(f"--ServerApp.root_dir={root}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # not on Windows
        print("You are root, as in a container: rlbook allows JupyterLab to run so (--allow-root).")
        arguments.append("--allow-root")
    return [*arguments, *extra]


def start(options: argparse.Namespace, extra: Sequence[str]) -> int:
    """Copy a student's set, and say what became of every file and how to open it."""
    from rlbook.workbook.build import find_root
    from rlbook.workbook.student_set import COPIED, copy_set

    workbook = find_root(Path(__file__).parent)
    trust_notebooks(workbook)  # a copy is trusted as what it was copied from
    for place, became in copy_set(workbook, options.folder):
        if became != COPIED:
            print(f"{place}: {became}")
    print(f"Your notebooks and exercises are in {options.folder}. To open them:")
    print(f'    cd "{options.folder}"')
    print(f"    {sys.executable} -m rlbook.cli lab")
    return 0


def progress(options: argparse.Namespace, extra: Sequence[str]) -> int:
    """Print how far the reader of this workbook, set or folder is, and what comes next."""
    from rlbook.checks import EXERCISES
    from rlbook.checks.progress import chapter_progress, predictions_in_numbers, questions_in, what_next
    from rlbook.checks.record import read_record, record_file
    from rlbook.workbook.student_set import find_set

    root = find_set()
    path = record_file(root or Path.cwd())
    record, problem = read_record(path)
    if problem:
        print(f"{problem} All counts as untouched; the next check begins a new one. Your notebooks are as they were.")
    chapters = [chapter_progress(name, EXERCISES.chapter(name), record) for name in EXERCISES.chapters]
    for chapter in chapters:
        questions = questions_in((root or Path()) / "notebooks" / f"{chapter.chapter}.ipynb")
        predicted = predictions_in_numbers(questions, record)
        print(f"{chapter.chapter:<16}{chapter.in_numbers}" + (f" \N{MIDDLE DOT} {predicted}" if predicted else ""))
    print(f"Together: {sum(c.points for c in chapters)} of {sum(c.out_of for c in chapters)} points.")
    print(f"Next: {what_next(chapters)}")
    return 0


def build(options: argparse.Namespace, extra: Sequence[str]) -> int:
    """Build, saying which files changed; or with --check, say which have drifted."""
    from rlbook.workbook.build import build, drift, find_root

    root = find_root()
    if options.check:
        problems = drift(root, options.names)
        print("\n".join(problems) or "Notebooks, solutions and exercises agree with their sources.")
        if problems:
            print("`rlbook build` writes them anew.", file=sys.stderr)
        return 1 if problems else 0
    begin = time.monotonic()
    for path, changed in build(root, options.names):
        seconds = time.monotonic() - begin
        print(f"{path.relative_to(root)}: {'written' if changed else 'unchanged'} ({seconds:.1f} s)", flush=True)
        begin = time.monotonic()
    return 0


if __name__ == "__main__":
    sys.exit(main())
