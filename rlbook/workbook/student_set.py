"""A student's own set of notebooks and exercises: finding it, and `rlbook start`, which copies one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("notebooks", "exercises")
COPIED, THERE, KEPT = "copied", "there already", "yours is kept"
_BESIDE = re.compile(rb"\.\./(benchmarks/results/\w+\.json|docs/\w+\.md)")  # what a notebook reads, or links to


def find_set(start: Path | None = None) -> Path | None:
    """The nearest folder from `start` upwards that holds notebooks and exercises; None where there is none."""
    start = Path.cwd() if start is None else Path(start).resolve()
    holds_both = (f for f in (start, *start.parents) if all((f / name).is_dir() for name in FOLDERS))
    return next(holds_both, None)


def copy_set(workbook: Path, folder: Path) -> Iterator[tuple[Path, str]]:
    """Copy the notebooks, the exercises and what they need beside them into `folder`; (file, what became of it) each.

    A file that is there is never written: what a reader changed stays as it is.

    Raises ValueError where the folder lies inside the workbook or cannot be made.
    """
    if folder.resolve().is_relative_to(workbook.resolve()):
        raise ValueError(f"{folder} lies inside the workbook {workbook}; accepted is a folder outside of it")
    notebooks = [path for name in FOLDERS for path in sorted((workbook / name).glob("*.ipynb"))]
    beside = {workbook / name.decode() for path in notebooks for name in _BESIDE.findall(path.read_bytes())}
    for source in [*notebooks, *sorted(beside)]:
        place = source.relative_to(workbook)
        try:
            yield place, _copy(source, folder / place)
        except OSError as error:
            raise ValueError(f"{folder / place} cannot be written ({error.strerror})") from error


def _copy(source: Path, target: Path) -> str:
    if target.exists():
        return THERE if target.is_file() and target.read_bytes() == source.read_bytes() else KEPT
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "xb") as file:  # not even a file that appeared just now
        shutil.copyfileobj(source.open("rb"), file)
    return COPIED
