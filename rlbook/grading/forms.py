"""The form of an answer: what is left of a function when its own names, its comments and its layout are taken away."""

from __future__ import annotations

import ast
import re

from rlbook.grading.session import Cell, syntax_of

MAX_FORM = 20_000  # characters of a cell that is compared; no answer is as long
LAST = 4  # definitions of a function that are compared


def form_of(cells: list[Cell], name: str) -> str:
    """The forms of the last definitions of a function in a notebook, together; few, so that they take no time."""
    places = [cell.source for cell in cells if name in cell.defines and len(cell.source) <= MAX_FORM]
    return "".join(normal_form(source, name) for source in places[-LAST:])


def normal_form(source: str, name: str) -> str:
    """The function ``name`` of a cell as tokens: no comments and docstrings, own names numbered as they come.

    "" where there is no such function, or none that Python can read.
    """
    tree = syntax_of(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name] if tree else []
    if not functions:
        return ""
    body = functions[-1].body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        functions[-1].body = body[1:] or [ast.Pass()]
    try:
        text = ast.unparse(_Renamed().visit(functions[-1]))
    except (ValueError, RecursionError, MemoryError):
        return ""
    return " ".join(re.findall(r"\w+|[^\w\s]", text))


class _Renamed(ast.NodeTransformer):
    """Names become n0, n1, ... in their order; attributes such as np.max's keep what they say."""

    def __init__(self):
        self.numbers: dict[str, str] = {}

    def _number(self, name: str) -> str:
        return self.numbers.setdefault(name, f"n{len(self.numbers)}")

    def visit_Name(self, node):
        return ast.Name(self._number(node.id), node.ctx)

    def visit_arg(self, node):
        return ast.arg(self._number(node.arg))
