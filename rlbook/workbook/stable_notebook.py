"""What makes a notebook the same file every time it is built: stable names, and nothing that changes by itself."""

from __future__ import annotations

import copy
import hashlib
import re
from collections import Counter
from collections.abc import Iterator

import nbformat
from nbformat import NotebookNode

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
_CELL_METADATA = ("jupyter", "lines_to_next_cell", "nbgrader", "tags")  # all a cell keeps; the second is Jupytext's
_WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_MODEL = "IPY_MODEL_"
_TIME = r"\[\d\d:\d\d(:\d\d)?(&lt;|<|, )[^\]\n]*\]"  # of a progress bar: [00:03<00:00, 151it/s] or [00:03, 151it/s]
_PROGRESS = re.compile(rf"\s*\d+%$|\s*\S+(/\S+)?\s{_TIME}")  # in the texts of a bar that is a widget: 70%, 7/10 [...]


def name_cells(notebook: NotebookNode) -> None:
    """Ids from the cells' own content, so that a new cell leaves all other ids as they are."""
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        content = cell.metadata.get("nbgrader", {}).get("grade_id") or f"{cell.cell_type}\n{cell.source}"
        cell.id = _digest(content, seen[content], length=12)
        seen[content] += 1


def _digest(*parts: object, length: int) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:length]


def without_run_traces(notebook: NotebookNode) -> NotebookNode:
    """The notebook without what changes from run to run: times, versions, the random names of widgets."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        cell.metadata = NotebookNode({key: cell.metadata[key] for key in _CELL_METADATA if key in cell.metadata})
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                output.text = re.sub(_TIME, "[time]", output.text)
    widgets = notebook.metadata.get("widgets", {}).get(_WIDGET_STATE, {})
    notebook.metadata = NotebookNode({"kernelspec": KERNEL, "language_info": _LANGUAGE})
    models = _rename_models(notebook, widgets.get("state", {}))
    if models:
        state = {"state": models, "version_major": 2, "version_minor": 0}
        notebook.metadata["widgets"] = {_WIDGET_STATE: state}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return nbformat.from_dict(notebook)


def _rename_models(notebook: NotebookNode, models: dict) -> dict:
    """The models that a view in some output needs, under names made of the cell's id and their place in the view."""
    names: dict[str, str] = {}
    for cell in notebook.cells:
        views = (output.get("data", {}).get(_WIDGET_VIEW) for output in cell.get("outputs", ()))
        members = (member for view in views if view for member in _members(view["model_id"], models))
        for place, member in enumerate(members):
            names.setdefault(member, _digest(cell.id, place, length=32))
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            view = output.get("data", {}).get(_WIDGET_VIEW)
            if view:
                view["model_id"] = names[view["model_id"]]
    kept = sorted((name, old) for old, name in names.items() if old in models)
    return {name: _renamed(_without_progress(models[old]), names) for name, old in kept}


def _without_progress(model: dict) -> dict:
    """A progress bar's model without how far it came and how fast; any other model as it is."""
    model = copy.deepcopy(model)
    state = model["state"]
    if model.get("model_name") == "FloatProgressModel":
        state["value"], state["bar_style"] = state["max"], ""
    elif model.get("model_name") == "HTMLModel":
        state["value"] = _PROGRESS.sub("", state["value"])
    return model


def _members(model_id: str, models: dict) -> Iterator[str]:
    """The model and all models it refers to, depth first, each once."""
    waiting, seen = [model_id], set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        yield current
        waiting.extend(reversed(list(_references(models.get(current, {}).get("state")))))


def _references(value: object) -> Iterator[str]:
    if isinstance(value, str) and value.startswith(_MODEL):
        yield value[len(_MODEL) :]
    elif isinstance(value, dict):
        for key in sorted(value):
            yield from _references(value[key])
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _renamed(value: object, names: dict[str, str]) -> object:
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if isinstance(value, str) and value.startswith(_MODEL):
        return _MODEL + names.get(value[len(_MODEL) :], value[len(_MODEL) :])
    return value
