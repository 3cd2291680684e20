"""Which cell of the notebook shows which panels. When a cell runs again, what it showed before leaves the page.

The page drops the views of a cell that runs again, but the kernel would keep their widgets for good, and the history of
outputs (`Out[3]`, `_3`) the panels with all that they have learned.
"""

from __future__ import annotations

from typing import Any

_shown: dict[str, tuple[str, list[Any]]] = {}  # the panels of each cell, and the run of the cell that showed them


def shown(panel: Any) -> None:
    """The cell that runs at the moment shows this panel."""
    from IPython import get_ipython

    parent = getattr(get_ipython(), "parent_header", None)  # the page's request to run the cell
    if not parent:  # no notebook
        return
    cell, run = parent["metadata"].get("cellId") or parent["content"].get("code", ""), parent["header"]["msg_id"]
    earlier_run, panels = _shown.get(cell, ("", []))
    if run != earlier_run:
        earlier, panels = panels, []
    else:
        earlier = []
    _shown[cell] = run, [*panels, panel]
    still_shown = {id(one) for _, others in _shown.values() for one in others}
    for one in earlier:
        if id(one) not in still_shown:
            one.leave_page()
            _forget_output(get_ipython(), one)


def _forget_output(shell: Any, panel: Any) -> None:
    """Take the panel out of `Out`. A name that the reader gave it stays."""
    outputs = shell.user_ns["_oh"]
    for count in [count for count, output in outputs.items() if output is panel]:
        del outputs[count]
        for names in (shell.user_ns, shell.user_ns_hidden):
            names.pop(f"_{count}", None)
