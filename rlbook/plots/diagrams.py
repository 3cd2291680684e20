"""Drawings that explain: boxes and arrows, no data."""

from __future__ import annotations

from rlbook.plots.svg import Svg, document

_BOX = 'rx="10" fill="#eef3f8" stroke="#0072B2" stroke-width="2"'
_LABEL = 'font-size="16" text-anchor="middle" fill="#111"'
_NOTE = 'font-size="14" fill="#333"'
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
