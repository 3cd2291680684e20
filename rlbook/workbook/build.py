"""From sources to notebooks: what `rlbook build` and `rlbook build --check` do.

Notebooks are written as Python files with percent cells (Jupytext), in two folders:

    notebooks/NN_name.py   the lessons
    solutions/NN_name.py   the exercises together with their answers

`build` turns each source into an executed .ipynb beside it, and each solution also into `exercises/NN_name.ipynb`: the
same cells without answers and without outputs. Built twice, every file is the same, byte for byte.

In a solution, a cell holds one answer. Its nbgrader metadata (schema 3) stands on its first line,

    # %% nbgrader={"grade": false, "grade_id": "half", "locked": false, "schema_version": 3, "solution": true, ...}

and markers say what the exercise leaves out, to show `# YOUR CODE HERE` and `raise NotImplementedError` instead::

    def half(x):
        ### BEGIN SOLUTION
        return x / 2
        ### END SOLUTION

Where the exercise should start from other code (one that runs but is wrong, say), that code follows the answer, each
line behind a `# `::

        ### BEGIN SOLUTION
        return x / 2
        ### STARTER
        # return x * 2
        ### END SOLUTION

A cell tagged `solution-only` (`# %% [markdown] tags=["solution-only"]`) is left out of the exercise.

Where a text cell asks to `**Predict**`, the outputs of the code cells up to the next text are stored but hidden: the
reader sees them by running the cell. A cell that asks, with ``predict(...)``, is shown.

The code of a cell tagged `hide-input` is folded away, so that its picture is seen first; a click opens it.
"""

from __future__ import annotations

import copy
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from rlbook.checks.record import NO_RECORD
from rlbook.workbook.stable_notebook import KERNEL, name_cells, without_run_traces

SOURCES = ("notebooks", "solutions")
EXERCISES = "exercises"
BEGIN, STARTER, END = "### BEGIN SOLUTION", "### STARTER", "### END SOLUTION"
STUB = ("# YOUR CODE HERE", "raise NotImplementedError")
PREDICTION, QUESTION = "**Predict", "predict("
PICTURE_FIRST = "hide-input"
CELL_TIMEOUT = 900  # seconds

_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
_PERCENT_CELL = re.compile(r"^# %%", re.MULTILINE)
_MACHINE_PATH = re.compile(
    r"(?<![\w.:/])(/(?:home|Users|root|tmp)/|[A-Za-z]:\\Users|(/[\w.+-]+){2,}\.py\b)|site-packages"
)


class BuildError(ValueError):
    """A file that cannot be built; the message names the file, what is wrong with it and what is accepted."""


# ---------------------------------------------------------------------------------------------------- which files


def find_root(start: Path | None = None) -> Path:
    """The workbook's folder: the nearest folder from `start` upwards that holds `pyproject.toml` and `notebooks`."""
    start = Path.cwd() if start is None else Path(start).resolve()
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file() and (folder / SOURCES[0]).is_dir():
            return folder
    raise BuildError(f"{start} is not inside a workbook: no folder above it holds pyproject.toml and {SOURCES[0]}/")


def sources(root: Path, names: Iterable[str] = ()) -> list[Path]:
    """The sources called `names` (`01_mdp`, `solutions/01_mdp.py` or `solutions`); all of them if none is named.

    Raises BuildError for a name that fits no source.
    """
    available = [path for folder in SOURCES for path in sorted((root / folder).glob("*.py"))]
    chosen: list[Path] = []
    for name in names:
        found = [path for path in available if _is_called(path, name)]
        if not found:
            known = ", ".join(sorted({path.stem for path in available})) or "none yet"
            raise BuildError(f"no notebook is called {name!r}; there are: {known}")
        chosen.extend(path for path in found if path not in chosen)
    return chosen if names else available


def _is_called(path: Path, name: str) -> bool:
    wanted, folder = Path(name), path.parent.name
    if wanted == Path(folder):
        return True
    return wanted.stem == path.stem and wanted.suffix in ("", ".py", ".ipynb") and str(wanted.parent) in (".", folder)


# --------------------------------------------------------------------------------------------------------- reading


def read_source(path: Path) -> NotebookNode:
    """The notebook a percent source stands for: cells with stable ids, no outputs. Raises BuildError."""
    text = _read_text(path)
    if not _PERCENT_CELL.search(text):
        raise BuildError(f"{path}: not a notebook source; accepted is Python with percent cells (lines '# %%')")
    try:
        notebook = jupytext.reads(text, fmt="py:percent")
    except Exception as error:  # Jupytext's readers raise many kinds
        raise BuildError(f"{path}: Jupytext cannot read it ({_first_line(error)})") from error
    name_cells(notebook)
    hide_predicted_outputs(notebook)
    hide_tagged_code(notebook)
    return without_run_traces(notebook)


def hide_predicted_outputs(notebook: NotebookNode) -> None:
    """Mark the outputs of all code cells between a prediction and the next text as hidden until they are run.

    The cell that asks for it shows its question.
    """
    predicted = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            predicted = PREDICTION in cell.source
        elif predicted and QUESTION not in cell.source:
            cell.metadata["jupyter"] = {"outputs_hidden": True}


def hide_tagged_code(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if PICTURE_FIRST in cell.metadata.get("tags", ()):
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True


def read_notebook(path: Path) -> NotebookNode:
    """A notebook as stored in an .ipynb file. Raises BuildError unless it is a valid notebook of nbformat 4."""
    accepted = "accepted is a Jupyter notebook, nbformat 4 (JSON)"
    try:
        notebook = nbformat.reads(_read_text(path), as_version=nbformat.NO_CONVERT)
        if notebook.get("nbformat") != 4:
            raise BuildError(f"{path}: nbformat {notebook.get('nbformat')!r}; {accepted}")
        nbformat.validate(notebook)
    except BuildError:
        raise
    except Exception as error:  # JSON and nbformat raise many kinds
        raise BuildError(f"{path}: not a notebook ({_first_line(error)}); {accepted}") from error
    return notebook


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"{path}: cannot be read as text ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


# ------------------------------------------------------------------------------------------------------- executing


def execute(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """The notebook with the outputs of a run from top to bottom, in `folder`, on one thread.

    Raises BuildError naming the first cell that raises, runs longer than CELL_TIMEOUT or kills its kernel.
    """
    executed = copy.deepcopy(notebook)
    client = NotebookClient(
        executed,
        kernel_name=KERNEL["name"],
        timeout=CELL_TIMEOUT,
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # its advice on transports is not for readers
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute(env={**os.environ, **_ONE_THREAD, NO_RECORD: "1"})
    except CellExecutionError as error:
        failed = client.code_cells_executed
        raise BuildError(f"code cell {failed} raised {error.ename}: {error.evalue}\n{error.traceback}") from error
    except (CellTimeoutError, DeadKernelError) as error:
        raise BuildError(f"code cell {client.code_cells_executed + 1}: {_first_line(error)}") from error
    return without_run_traces(executed)


# ------------------------------------------------------------------------------------------------------- exercises


def exercise_of(solution: NotebookNode) -> NotebookNode:
    """The exercise a solution's source stands for: answers replaced, `solution-only` cells left out, no outputs.

    Raises BuildError for markers that do not pair up, and for answers and tests without their nbgrader metadata.
    """
    exercise = copy.deepcopy(solution)
    exercise.cells = [cell for cell in exercise.cells if "solution-only" not in cell.metadata.get("tags", ())]
    grade_ids: set[str] = set()
    for number, cell in enumerate(exercise.cells, start=1):
        cell.metadata.pop("lines_to_next_cell", None)  # Jupytext's, for a file that has a source beside it
        cell.metadata.pop("jupyter", None)  # no outputs, nothing to hide
        grader = cell.metadata.get("nbgrader", {})
        if (BEGIN in cell.source) != bool(grader.get("solution")):
            raise BuildError(f'cell {number}: {BEGIN!r} and nbgrader metadata with "solution": true go together')
        grade_id = grader.get("grade_id")
        if grader and (grade_id is None or grade_id in grade_ids or grader.get("schema_version") != 3):
            raise BuildError(f"cell {number}: nbgrader metadata needs a grade_id of its own and schema_version 3")
        grade_ids.add(grade_id)
        try:
            cell.source = without_answer(cell.source)
        except BuildError as error:
            raise BuildError(f"cell {number}: {error}") from error
    return exercise


def without_answer(source: str) -> str:
    """The text of a cell with every answer replaced by its starter, or else by the lines that ask for one."""
    kept: list[str] = []
    starter: list[str] | None = None  # inside an answer: the lines to put in its place
    indent, in_starter = "", False
    for line in source.splitlines():
        mark = line.strip()
        if mark == BEGIN and starter is None:
            starter, indent, in_starter = [], line[: line.index("#")], False
        elif mark == STARTER and starter is not None and not in_starter:
            in_starter = True
        elif mark == END and starter is not None:
            kept.extend(indent + text if text else "" for text in starter or STUB)
            starter = None
        elif mark in (BEGIN, STARTER, END):
            raise BuildError(f"{mark!r} out of place; accepted is {BEGIN!r}, perhaps {STARTER!r}, then {END!r}")
        elif starter is None:
            kept.append(line)
        elif in_starter:
            starter.append(_starter_line(line, indent))
    if starter is not None:
        raise BuildError(f"{BEGIN!r} without {END!r}")
    return "\n".join(kept)


def _starter_line(line: str, indent: str) -> str:
    text = line.removeprefix(indent)
    if text.rstrip() == "#" or not text.strip():
        return ""
    if not text.startswith("# "):
        raise BuildError(f"a starter's lines begin with '# ' under their marker, this one does not: {line!r}")
    return text[2:]


# -------------------------------------------------------------------------------------------------------- building


def build(root: Path, names: Iterable[str] = ()) -> Iterator[tuple[Path, bool]]:
    """Execute and write the named notebooks (all without names), and the exercises of solutions.

    Yields every file written or confirmed with True where it changed. Raises BuildError; what was there stays then.
    """
    for source in sources(root, names):
        notebook = read_source(source)
        try:
            exercise = exercise_of(notebook) if source.parent.name == "solutions" else None
            executed = execute(notebook, source.parent)
        except BuildError as error:
            raise BuildError(f"{source.relative_to(root)}: {error}") from error
        yield _write(executed, source.with_suffix(".ipynb"))
        if exercise is not None:
            yield _write(exercise, root / EXERCISES / f"{source.stem}.ipynb")


def _serialised(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def _write(notebook: NotebookNode, path: Path) -> tuple[Path, bool]:
    """Write the file whole or not at all; a file that would not change is not touched."""
    text = _serialised(notebook)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return path, False
    path.parent.mkdir(exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".tmp")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path, True


# -------------------------------------------------------------------------------------------------------- checking


def drift(root: Path, names: Iterable[str] = ()) -> list[str]:
    """One line for every file that is not what `build` would leave behind, apart from the outputs' own content.

    Executes nothing. Without names, files that belong to no source are found too.
    """
    names = tuple(names)
    problems: list[str] = []
    for source in sources(root, names):
        problems.extend(_complaints(source, root))
    return problems if names else problems + _orphans(root)


def _complaints(source: Path, root: Path) -> Iterator[str]:
    where = source.relative_to(root)
    try:
        notebook = read_source(source)
    except BuildError as error:
        yield _relative(error, root)
        return
    yield from _differences(notebook, source.with_suffix(".ipynb"), root, executed=True)
    if where.parts[0] == "solutions":
        try:
            exercise = exercise_of(notebook)
        except BuildError as error:
            yield f"{where}: {error}"
            return
        yield from _differences(exercise, root / EXERCISES / f"{source.stem}.ipynb", root, executed=False)


def _relative(error: BuildError, root: Path) -> str:
    return str(error).replace(f"{root}{os.sep}", "")


def _differences(expected: NotebookNode, path: Path, root: Path, executed: bool) -> Iterator[str]:
    """At most one line on what is wrong with the stored notebook at `path`."""
    where = path.relative_to(root)
    if not path.is_file():
        yield f"{where}: not there yet"
        return
    try:
        stored = read_notebook(path)
    except BuildError as error:
        yield _relative(error, root)
        return
    problem = _cells_differ(expected, stored) or (_badly_run(stored) if executed else None)
    if problem is None and not executed and _serialised(expected) != path.read_text(encoding="utf-8"):
        problem = "holds outputs or metadata that an exercise has not"
    if problem is None and _serialised(without_run_traces(stored)) != path.read_text(encoding="utf-8"):
        problem = "holds metadata that changes from run to run"
    if problem is not None:
        yield f"{where}: {problem}"


def _cells_differ(expected: NotebookNode, stored: NotebookNode) -> str | None:
    for number, (wanted, found) in enumerate(zip(expected.cells, stored.cells, strict=False), start=1):
        for part in ("cell_type", "source", "metadata", "id"):
            if wanted.get(part) != found.get(part):
                return f"cell {number} differs from its source ({part})"
    if len(expected.cells) != len(stored.cells):
        return f"{len(stored.cells)} cells, {len(expected.cells)} in its source"
    return None


def _badly_run(stored: NotebookNode) -> str | None:
    """What is wrong with the outputs of a notebook that should have been run once from top to bottom."""
    runs = [cell for cell in stored.cells if cell.cell_type == "code" and cell.source.strip()]
    for number, cell in enumerate(runs, start=1):
        if cell.execution_count != number:
            return f"code cell {number} was not executed in order (execution count {cell.execution_count})"
        for output in cell.outputs:
            if output.output_type == "error":
                return f"code cell {number} stores an error ({output.ename}: {output.evalue})"
            machine = _MACHINE_PATH.search(_output_text(output))
            if machine:
                return f"code cell {number} stores a path of the machine it ran on ({machine[0]} ...)"
    return None


def _output_text(output: NotebookNode) -> str:
    data = output.get("data", {})
    return "\n".join([output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")])


def _orphans(root: Path) -> list[str]:
    orphans = []
    for folder in (*SOURCES, EXERCISES):
        origin = "solutions" if folder == EXERCISES else folder
        for path in sorted((root / folder).glob("*.ipynb")):
            if not (root / origin / f"{path.stem}.py").is_file():
                orphans.append(
                    f"{folder}/{path.name}: has no source {origin}/{path.stem}.py; write it or remove this file"
                )
    return orphans
