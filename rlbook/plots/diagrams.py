"""Drawings that explain: boxes and arrows, no data."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from rlbook.plots.svg import Svg, document

_BOX = 'rx="10" fill="#eef3f8" stroke="#0072B2" stroke-width="2"'
_LABEL = 'font-size="16" text-anchor="middle" fill="#111"'
_NOTE = 'font-size="14" fill="#333"'
_NEURON = 'fill="#eef3f8" stroke="#0072B2" stroke-width="2"'
_SMALL = "font-size='10' baseline-shift='sub'"


def agent_environment_loop() -> Svg:
    """The loop of reinforcement learning: action, then reward and next state (Sutton & Barto 2018, figure 3.1)."""
    arrow = (
        '<defs><marker id="loop-tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0L10 5L0 10z" fill="#333"/></marker></defs>'
    )
    boxes = (
        f'<rect x="190" y="20" width="180" height="58" {_BOX}/><text x="280" y="45" {_LABEL}>Agent</text>'
        f'<text x="280" y="66" {_NOTE} text-anchor="middle">policy \u03c0(a | s)</text>'
        f'<rect x="190" y="152" width="180" height="58" {_BOX}/><text x="280" y="177" {_LABEL}>Environment</text>'
        f'<text x="280" y="198" {_NOTE} text-anchor="middle">p(s\u2032 | s, a), r(s, a, s\u2032)</text>'
    )
    style = 'fill="none" stroke="#333" stroke-width="2" marker-end="url(#loop-tip)"'
    paths = f'<path d="M370 49H470V181H374" {style}/><path d="M190 181H90V49H186" {style}/>'
    notes = (
        f'<text x="480" y="119" {_NOTE}>action a<tspan {_SMALL}>t</tspan></text>'
        f'<text x="78" y="109" {_NOTE} text-anchor="end">reward r<tspan {_SMALL}>t+1</tspan></text>'
        f'<text x="78" y="131" {_NOTE} text-anchor="end">state s<tspan {_SMALL}>t+1</tspan></text>'
    )
    return document(
        560, 230, "The agent acts; the environment answers with a reward and a state", arrow + boxes + paths + notes
    )


def network_diagram(widths: Sequence[int], inputs: Sequence[str], outputs: Sequence[str]) -> Svg:
    """A feed-forward network: a column of neurons for every layer, a line for every weight between those shown.

    widths : of input, hidden layers and output, such as (2, 64, 64, 4).   inputs, outputs : a name for each of them.
    Of a wider layer than that six neurons are shown. Raises ValueError where names and widths differ.
    """
    for what, names, width in (("inputs", inputs, widths[0]), ("outputs", outputs, widths[-1])):
        if len(names) != width:
            raise ValueError(f"there are {len(names)} names of {what}; accepted are {width}, one for each")
    columns = [_column(width, 130 + 150 * i) for i, width in enumerate(widths)]
    weights = "".join(
        f"M{x} {y}L{to_x} {to_y}" for before, after in pairwise(columns) for x, y in before for to_x, to_y in after
    )
    parts = [f'<path d="{weights}" stroke="#9aa0a6" stroke-width=".7"/>']
    kinds = ["inputs", *["neurons"] * (len(widths) - 2), "outputs"]
    for column, width, kind in zip(columns, widths, kinds, strict=True):
        middle = column[0][0]
        parts += [f'<circle cx="{x}" cy="{y}" r="11" {_NEURON}/>' for x, y in column]
        parts += [f'<circle cx="{middle}" cy="{y}" r="1.8"/>' for y in (240, 247, 254) if len(column) < width]
        parts.append(f'<text x="{middle}" y="282" {_NOTE} text-anchor="middle">{width} {kind}</text>')
    for name, (x, y) in zip(inputs, columns[0], strict=False):
        parts.append(f'<text x="{x - 20}" y="{y + 5}" {_NOTE} text-anchor="end">{escape(name)}</text>')
    for name, (x, y) in zip(outputs, columns[-1], strict=False):
        parts.append(f'<text x="{x + 20}" y="{y + 5}" {_NOTE}>{escape(name)}</text>')
    words = f"A network, its layers of {', '.join(map(str, widths))} neurons"
    return document(150 * len(widths) + 110, 296, words, "".join(parts))


def _column(width: int, x: int) -> list[tuple[int, int]]:
    """The middles of a layer's neurons that are shown, one below the other around the same height."""
    shown = min(width, 6)
    return [(x, 120 + round(38 * (i - (shown - 1) / 2))) for i in range(shown)]
