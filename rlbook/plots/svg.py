"""A picture as SVG text, and putting pictures of either kind (SVG or PNG) beside each other."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Sequence
from html import escape

_SIZE = re.compile(r'<svg[^>]*?\swidth="([\d.]+)"[^>]*?\sheight="([\d.]+)"')
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GAP = 16  # pixels between two pictures
PAGE = 900  # pixels, the width of a notebook's page


class Svg(str):
    """SVG text that a notebook shows as a picture; everywhere else it is a plain string."""

    alt: str

    def __new__(cls, text: str, alt: str = "picture") -> Svg:
        svg = super().__new__(cls, text)
        svg.alt = alt
        return svg

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"image/svg+xml": str(self), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"<Svg: {self.alt}>"


def document(width: int, height: int, alt: str, body: str) -> Svg:
    """A whole picture: white ground (so that it also reads on a dark page), a spoken description, then `body`.

    A picture wider than a page is shown smaller.
    """
    words = escape(alt)
    scale = min(1, PAGE / width)
    size = f'width="{round(width * scale)}" height="{round(height * scale)}"'
    return Svg(
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{words}" style="max-width:100%;height:auto" font-family="DejaVu Sans,Verdana,'
        f'Helvetica,Arial,sans-serif"><title>{words}</title>'
        f'<rect width="{width}" height="{height}" rx="4" fill="#fff"/>{body}</svg>',
        alt,
    )


def picture_size(picture: str | bytes) -> tuple[int, int]:
    """Width and height in pixels of an SVG text or of PNG bytes."""
    if isinstance(picture, bytes):
        if not picture.startswith(_PNG_SIGNATURE):
            raise ValueError(f"a picture in bytes must be a PNG, got bytes that begin with {picture[:8]!r}")
        return struct.unpack(">II", picture[16:24])
    found = _SIZE.search(picture)
    if found is None:
        raise ValueError(f"an SVG picture must state width and height in pixels, got {picture[:60]!r}")
    return round(float(found[1])), round(float(found[2]))


def side_by_side(pictures: Sequence[str | bytes], alt: str = "pictures side by side") -> Svg:
    """One SVG that holds the given pictures in a row; PNG bytes are embedded."""
    x, parts, sizes = 0, [], [picture_size(picture) for picture in pictures]
    for picture, (width, height) in zip(pictures, sizes, strict=True):
        if isinstance(picture, bytes):
            data = base64.b64encode(picture).decode("ascii")
            href = f"data:image/png;base64,{data}"
            parts.append(f'<image x="{x}" y="0" width="{width}" height="{height}" href="{href}"/>')
        else:
            parts.append(picture.replace("<svg ", f'<svg x="{x}" ', 1))
        x += width + GAP
    return document(x - GAP, max(height for _, height in sizes), alt, "".join(parts))


def in_one(pictures: Sequence[str | bytes], alt: str) -> str | bytes:
    """A single picture of all: PNG where all are PNG, SVG otherwise."""
    if len(pictures) == 1:
        return pictures[0]
    if all(isinstance(picture, bytes) for picture in pictures):
        from rlbook.plots.style import join_png

        return join_png(pictures)
    return side_by_side(pictures, alt)
