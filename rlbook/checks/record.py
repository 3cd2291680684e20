"""What a reader has done, in one small file that anyone can read: `.rlbook/progress.json` beside the notebooks.

Nothing of it leaves the machine, nothing needs it, and deleting it loses the record only. It is kept in a reader's own
notebooks; what tests, builds and graders run, and what is run in `solutions/`, is remembered until the kernel ends.
"""

from __future__ import annotations

import copy
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

FILE = Path(".rlbook") / "progress.json"
ABOUT = "What you did in the workbook. It never leaves this machine, and you may delete it."
NO_RECORD = "RLBOOK_NO_RECORD"  # set in the environment where notebooks run and no reader sits before them
_OTHERS = (NO_RECORD, "NBGRADER_EXECUTION", "PYTEST_VERSION")
_FOLDERS = ("notebooks", "exercises")  # of one workbook: they share a record, which lies beside them

_remembered = {"exercises": {}, "predictions": {}}


def record_file(folder: Path) -> Path:
    """Where the record of notebooks in this folder lies: the folders of one workbook share one."""
    return (folder.parent if folder.name in _FOLDERS else folder) / FILE


def keeps_record() -> bool:
    """Whether a reader's own notebook runs this."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    in_notebook = getattr(shell, "kernel", None) is not None
    return in_notebook and Path.cwd().name != "solutions" and not any(name in os.environ for name in _OTHERS)


def read_record(path: Path) -> tuple[dict, str]:
    """({"exercises": {name: {"checks", "done"}}, "predictions": {question: {"said", "came"}}}, what is wrong with it).

    A file that is not there is an empty record; so is a damaged one, with a sentence that says so.
    """
    empty = {"exercises": {}, "predictions": {}}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        record = {part: found[part] for part in empty}
        checked = [(entry["checks"], entry["done"]) for entry in record["exercises"].values()]
        said = [text for entry in record["predictions"].values() for text in (entry["said"], entry["came"])]
    except FileNotFoundError:
        return empty, ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return empty, f"The record of your progress, {path}, cannot be read ({type(error).__name__})."
    if not all(type(n) is int and type(done) is bool for n, done in checked):
        return empty, f"The record of your progress, {path}, cannot be read (its exercises are no counts)."
    if not all(text is None or isinstance(text, str) for text in said):
        return empty, f"The record of your progress, {path}, cannot be read (its predictions are no texts)."
    return record, ""


def present_record() -> dict:
    """The record as it stands for this notebook: the file's where one is kept, else what is remembered."""
    if not keeps_record():
        return copy.deepcopy(_remembered)
    return read_record(record_file(Path.cwd()))[0]


def note_check(name: str, correct: bool) -> None:
    """One check of an exercise; an exercise once solved stays solved."""

    def change(record: dict) -> None:
        entry = record["exercises"].setdefault(name, {"checks": 0, "done": False})
        entry["checks"] += 1
        entry["done"] = entry["done"] or correct

    _keep(change)


def note_prediction(question: str, said: str | None, came: str | None) -> None:
    """What was said to a question, and what came out: None while that is open."""
    _keep(lambda record: record["predictions"].update({question: {"said": said, "came": came}}))


def forget() -> None:
    """Forget what is remembered without a file."""
    for part in _remembered.values():
        part.clear()


def _keep(change: Callable[[dict], None]) -> None:
    """Change what is remembered and, where a record is kept, the file; where it cannot be written there is none."""
    change(_remembered)
    if not keeps_record():
        return
    path = record_file(Path.cwd())
    record, problem = read_record(path)
    try:
        if problem:
            aside = path.with_name("progress.damaged.json")
            os.replace(path, aside)
            print(f"{problem} It lies in {aside.name} now, and a new record begins. Your notebooks are as they were.")
        change(record)
        _write(path, {"about": ABOUT, **record})
    except OSError:
        pass  # a folder that cannot be written, or a full disk: the answer counts all the same


def _write(path: Path, record: dict) -> None:
    """The file whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".progress-", suffix=".tmp")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
