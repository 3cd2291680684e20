"""One look for what is told beside an exercise: a quiet box of lines, readable on white and on black."""

from __future__ import annotations

_BOX = (
    "border: 1px solid rgba(122, 127, 135, 0.5); border-radius: 4px; padding: 8px 14px; margin: 4px 0; "
    "max-width: 60em; line-height: 1.5"
)


def card(*lines: str) -> str:
    """The HTML of a box with these lines, HTML themselves."""
    return f'<div style="{_BOX}">' + "".join(f"<div>{line}</div>" for line in lines) + "</div>"
