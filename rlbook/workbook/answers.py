"""Answers to the questions that a notebook asks: folded, so that a reader thinks first, and computed."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def answer(question: str) -> Iterator[None]:
    """Fold what the block prints and displays (SVG and PNG pictures) under its question, to be opened with a click.

    with answer("1. Which cells get good values first?"):
        print("Those near the goal.")
    """
    from IPython.display import HTML, display
    from IPython.utils.capture import capture_output

    with capture_output() as captured:
        yield
    pictures = "".join(_picture(output.data) for output in captured.outputs)
    text = html.escape(captured.stdout.strip())
    folded = f'<div style="white-space: pre-wrap; margin: 0.5em 1.5em">{text}</div>{pictures}'
    display(HTML(f"<details><summary>{html.escape(question)}</summary>{folded}</details>"))


def _picture(data: dict) -> str:
    """The HTML of a displayed picture. Raises ValueError for a display that is none."""
    if "image/svg+xml" in data:
        return data["image/svg+xml"]
    if "image/png" not in data:
        raise ValueError(f"only SVG and PNG pictures can be folded into an answer, not {', '.join(sorted(data))}")
    png = data["image/png"]
    encoded = base64.b64encode(png).decode("ascii") if isinstance(png, bytes) else png
    return f'<img alt="{html.escape(data.get("text/plain", ""))}" src="data:image/png;base64,{encoded}">'
