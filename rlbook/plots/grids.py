"""Grid worlds as SVG: one renderer for the page, the live panel and the printed book.

Plain string building, because a panel redraws up to thirty times a second; no Matplotlib. Numbers are rounded before
they are written, so that the same values always give the same text.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape
from typing import Any

import numpy as np

from rlbook.plots.layout import Cell, GridLayout, grid_layout
from rlbook.plots.svg import Svg, document

__all__ = ["GridLayout", "Svg", "cell_at", "grid_layout", "q_map", "value_map", "world_map"]

# Thirty-two even samples of Matplotlib's viridis: perceptually uniform and safe for colour-blind readers.
_VIRIDIS = (
    "440154 470d60 48186a 482374 472e7c 453882 424186 3e4a89 3a548c 365d8d 32658e 2e6d8e 2b758e 287d8e 25848e 228c8d "
    "1f948c 1e9c89 20a386 25ab82 2eb37c 3aba76 48c16e 58c765 6ccd5a 7fd34e 93d741 a8db34 c0df25 d5e21a eae51a fde725"
).split()
_COLOURS = [f"#{colour}" for colour in _VIRIDIS]
_FIRST_LIGHT = 15  # from this sample on, dark ink has more contrast than white: at least 4.4 to 1 everywhere
_INK, _PAPER = "#111", "#fff"
_GREY, _FLOOR, _GREEN, _ORANGE = "#5f6368", "#dfe3e8", "#009E73", "#E69F00"
_SHOWN = 0.005  # probability above which an action is drawn
_LEFT, _TOP, _BOTTOM, _BAR = 22, 52, 10, 68  # pixels around the grid
_CORNER = (0.16, 0.16, 0.085)  # where the agent stands beside numbers: x and y of its middle, radius, in cells
_MINUS = "\u2212"
_CORNERS = {(-1, 0): ((0, 0), (1, 0)), (0, 1): ((1, 0), (1, 1)), (1, 0): ((1, 1), (0, 1)), (0, -1): ((0, 1), (0, 0))}


def value_map(
    V,
    world: Any,
    *,
    policy=None,
    agent: int | None = None,
    title: str | None = None,
    low: float | None = None,
    high: float | None = None,
    marked: Cell | None = None,
) -> Svg:
    """State values as colours and numbers, with the policy as arrows.

    Parameters
    ----------
    V : (S,) values.
    world : GridWorld, toy-text environment, TabularMDP with a shape, or a GridLayout (fastest when drawn repeatedly).
    policy : (S,) actions, (S, A) probabilities, or (S, A) booleans that share the probability (`optimal_actions(Q)`).
        An arrow's length grows with its probability.
    agent : the state the agent is in.   marked : a cell (row, column) to point out.
    low, high : ends of the colour scale, low <= high; by default those of V. Raises ValueError for others.
    """
    layout = grid_layout(world)
    V = _checked("V", V, (layout.n_states,))
    if title is None:
        title = "State values V(s)" if policy is None else "State values V(s) and policy"
    cell = _cell_size(layout, 460, 640, 84)
    free = layout.free_cells()
    low, high = _scale(V[free], low, high)
    shades = _shades(V, low, high)
    shown, roomy = free.tolist(), cell >= 26
    parts = [_fills(_squares(layout.shape, cell), shades, shown)]
    if roomy:
        size = min(15, round(cell * 0.26))
        spots = _text_tags(layout.shape, cell, ((0.0, -0.22 if policy is not None else 0.0),), size)
        parts.append(_numbers(spots, _texts(V, size, cell - 6, low, high), shades, size, shown))
    middle = 0.69 if roomy and policy is not None else 0.5
    if policy is not None:
        weights = _policy_weights(policy, layout)
        parts.append(_arrows(layout, weights, free, shades, cell, middle, 0.21 if roomy else 0.42))
    spot = _CORNER if roomy and policy is None else (0.5, middle, 0.2 if roomy else 0.135)
    return _finish(layout, cell, parts, agent, title, low, high, spot, marked)


def q_map(Q, world: Any, *, policy=None, agent=None, title=None, low=None, high=None, marked=None) -> Svg:
    """Action values: each cell is cut into four triangles, one for the action that aims that way.

    Q : (S, 4) values; the best of each cell is bold. Otherwise as `value_map`; arrowheads in the
    middle of the cells show the policy.
    """
    layout = grid_layout(world)
    moves = [tuple(move) for move in layout.moves.tolist()]
    if sorted(moves) != sorted(_CORNERS):
        raise ValueError(f"the actions aim at {moves}; a Q map needs the four directions, once each")
    Q = _checked("Q", Q, (layout.n_states, 4))
    title = title if title is not None else "Action values Q(s, a)"
    cell = _cell_size(layout, 600, 720, 82)
    free = layout.free_cells()
    low, high = _scale(Q[free], low, high)
    shades = _shades(Q.ravel(), low, high)
    shown = np.repeat(free, 4).tolist()
    parts = [_fills(_triangles(layout.shape, cell, tuple(moves)), shades, shown)]
    parts.append(f'<path d="{_diagonals(layout, cell)}" stroke="#fff" stroke-width=".8" stroke-opacity=".7"/>')
    if cell >= 40:
        size = min(13, round(cell * 0.145))
        texts = _texts(Q.ravel(), size, cell * 0.37, low, high)
        sideways = 0.5 - (3 + max(map(len, texts)) * size * 0.3) / cell
        offsets = tuple((dx * sideways, dy * 0.37) for dy, dx in moves)
        best = Q >= Q.max(axis=1, keepdims=True) - 1e-9
        bold = (best & ~best.all(axis=1, keepdims=True)).ravel().tolist()
        parts.append(_numbers(_text_tags(layout.shape, cell, offsets, size), texts, shades, size, shown, bold))
    if policy is not None:
        weights = _policy_weights(policy, layout)
        parts.append(_pointers(layout, weights, free, cell))
    spot = _CORNER if cell >= 40 else (0.5, 0.5, 0.135)
    return _finish(layout, cell, parts, agent, title, low, high, spot, marked, tags=0.61)


def world_map(world: Any, *, agent: int | None = None, title: str = "The robot's world") -> Svg:
    """A grid before anything is known of it: start, goal, walls, rewards, and the state that the agent is in."""
    layout = grid_layout(world)
    cell = _cell_size(layout, 460, 640, 84)
    floor = f'<path d="{"".join(_squares(layout.shape, cell))}" fill="{_FLOOR}"/>'
    return _finish(layout, cell, [floor], agent, title, None, None, (0.5, 0.5, 0.2), None)


def cell_at(shape: tuple[int, int], width: float, x: float, y: float) -> Cell | None:
    """The cell (row, column) at pixel (x, y) of a map of `shape` that is `width` pixels wide; None beside the grid."""
    cell = (width - _LEFT - _BAR) / shape[1]
    row, column = int((y - _TOP) // cell), int((x - _LEFT) // cell)
    return (row, column) if 0 <= row < shape[0] and 0 <= column < shape[1] else None


# ---------------------------------------------------------------------- geometry, the same for every frame


def _cell_size(layout: GridLayout, height: int, width: int, largest: int) -> int:
    rows, columns = layout.shape
    return max(10, min(largest, height // rows, width // columns))


@lru_cache(maxsize=32)
def _origins(shape: tuple[int, int], cell: int) -> list[tuple[int, int]]:
    rows, columns = shape
    return [(_LEFT + c * cell, _TOP + r * cell) for r in range(rows) for c in range(columns)]


@lru_cache(maxsize=32)
def _triangles(shape: tuple[int, int], cell: int, moves: tuple) -> list[str]:
    half = cell / 2
    outlines = []
    for x, y in _origins(shape, cell):
        for move in moves:
            (ax, ay), (bx, by) = _CORNERS[move]
            outlines.append(
                f"M{x + half:g} {y + half:g}L{x + ax * cell} {y + ay * cell}L{x + bx * cell} {y + by * cell}z"
            )
    return outlines


@lru_cache(maxsize=32)
def _squares(shape: tuple[int, int], cell: int) -> list[str]:
    return [f"M{x} {y}h{cell}v{cell}h-{cell}z" for x, y in _origins(shape, cell)]


@lru_cache(maxsize=64)
def _text_tags(shape: tuple[int, int], cell: int, offsets: tuple, size: int) -> list[str]:
    """The opening tags of the numbers: in every cell one for each offset (x, y) from its middle, in cells."""
    return [
        f'<text x="{x + (0.5 + dx) * cell:.0f}" y="{y + (0.5 + dy) * cell + size * 0.36:.0f}">'
        for x, y in _origins(shape, cell)
        for dx, dy in offsets
    ]


def _diagonals(layout: GridLayout, cell: int) -> str:
    return "".join(
        f"M{x} {y}l{cell} {cell}M{x + cell} {y}l-{cell} {cell}"
        for (x, y), shown in zip(_origins(layout.shape, cell), layout.free_cells().tolist(), strict=True)
        if shown
    )


# ---------------------------------------------------------------------- colours, numbers, arrows


def _checked(name: str, values, shape: tuple[int, ...]) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.shape != shape:
        raise ValueError(f"{name} has shape {values.shape}; accepted is {shape} for this world")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds {values[~np.isfinite(values)][0]}; accepted are finite numbers")
    return values


def _scale(values: np.ndarray, low: float | None, high: float | None) -> tuple[float, float]:
    low = float(values.min() if low is None else low)
    high = float(values.max() if high is None else high)
    if not low <= high:
        raise ValueError(f"the colour scale runs from low={low:g} to high={high:g}; accepted is low <= high")
    return (low, high) if high - low > 1e-12 else (low - 0.5, low + 0.5)


def _shades(values: np.ndarray, low: float, high: float) -> list[int]:
    scaled = (values - low) * (len(_COLOURS) / (high - low))
    return np.clip(scaled, 0, len(_COLOURS) - 1).astype(int).tolist()


def _fills(outlines: list[str], shades: list[int], shown: list[bool]) -> str:
    """All outlines of one shade as one path."""
    paths: dict[int, list[str]] = {}
    for outline, shade, seen in zip(outlines, shades, shown, strict=True):
        if seen:
            paths.setdefault(shade, []).append(outline)
    return "".join(f'<path d="{"".join(paths[shade])}" fill="{_COLOURS[shade]}"/>' for shade in sorted(paths))


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    if text[0] != "-":
        return text
    return f"{_MINUS}{text[1:]}" if float(text) else text[1:]  # no negative zero


def _texts(values: np.ndarray, size: int, room: float, low: float, high: float) -> list[str]:
    """The numbers of a map, all with two decimals or all with one if that fits into `room` pixels.

    If not, those have one that are short enough: a few large numbers must not round the small ones to zero.
    """

    def fits(value: float, digits: int) -> bool:
        return (len(_number(value, digits)) - 0.5) * size * 0.64 <= room  # the decimal point is half a digit wide

    # The ends of the scale count too, so that the decimals stay while the values grow towards them.
    ends = min(low, float(values.min())), max(high, float(values.max()))
    for digits in (2, 1):
        if all(fits(value, digits) for value in ends):
            return [_number(value, digits) for value in values.tolist()]
    return [_number(value, int(fits(value, 1))) for value in values.tolist()]


def _numbers(tags, texts, shades, size: int, shown, bold=None) -> str:
    """Numbers in the ink that stands out on the shade below."""
    ink: dict[tuple[bool, bool], list[str]] = {}
    heavy = bold if bold is not None else [False] * len(texts)
    for tag, text, shade, seen, thick in zip(tags, texts, shades, shown, heavy, strict=True):
        if seen:
            ink.setdefault((shade >= _FIRST_LIGHT, thick), []).append(f"{tag}{text}</text>")
    weight = {True: ' font-weight="700"', False: ""}
    groups = [
        f'<g fill="{_INK if light else _PAPER}"{weight[thick]}>{"".join(ink[light, thick])}</g>'
        for light, thick in sorted(ink)
    ]
    return f'<g font-size="{size}" text-anchor="middle">{"".join(groups)}</g>'


def _policy_weights(policy, layout: GridLayout) -> np.ndarray:
    """(S, A) probabilities from actions, probabilities, or booleans that share."""
    policy, n_actions = np.asarray(policy), len(layout.moves)
    if policy.shape == (layout.n_states,):
        actions = policy.astype(int)
        if (actions != policy).any() or actions.min() < 0 or actions.max() >= n_actions:
            raise ValueError(
                f"the policy names actions {policy.min()} to {policy.max()}; accepted are 0 to {n_actions - 1}"
            )
        return np.eye(n_actions)[actions]
    weights = _checked("policy", policy, (layout.n_states, n_actions))
    if policy.dtype == bool:
        return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)
    if weights.min() < 0 or weights.max() > 1 + 1e-9:
        raise ValueError(f"the policy holds {weights.min():g} to {weights.max():g}; accepted are probabilities")
    return weights


def _arrows(layout, weights, free, shades, cell: int, middle: float, reach: float) -> str:
    """Arrows in every free cell from `middle` of its height, `reach` cells long at probability 1."""
    paths: dict[bool, list[str]] = {True: [], False: []}
    head, gap = max(2.0, cell * 0.045), cell * 0.03  # the gap keeps tied arrows apart
    alone = ((weights > _SHOWN).sum(axis=1) == 1).tolist()
    for state, x, y, dx, dy, length in _directions(layout, weights, free, cell, middle, reach):
        if alone[state]:  # an arrow without company lies across the middle
            x, y = x - dx * length / 2, y - dy * length / 2
        tip_x, tip_y = x + dx * length, y + dy * length
        wing_x, wing_y = tip_x - (dx + dy) * head, tip_y - (dy + dx) * head
        other_x, other_y = tip_x - (dx - dy) * head, tip_y - (dy - dx) * head
        paths[shades[state] >= _FIRST_LIGHT].append(
            f"M{x + dx * gap:.1f} {y + dy * gap:.1f}L{tip_x:.1f} {tip_y:.1f}"
            f"M{wing_x:.1f} {wing_y:.1f}L{tip_x:.1f} {tip_y:.1f}L{other_x:.1f} {other_y:.1f}"
        )
    style = f'fill="none" stroke-linecap="round" stroke-linejoin="round" stroke-width="{max(1.2, cell * 0.026):.1f}"'
    inks = ((_INK, paths[True]), (_PAPER, paths[False]))
    return "".join(f'<path d="{"".join(path)}" stroke="{ink}" {style}/>' for ink, path in inks if path)


def _pointers(layout, weights, free, cell: int) -> str:
    """Small arrowheads around the middle of every free cell, where the four triangles meet."""
    side, path = cell * 0.05, []
    for _, x, y, dx, dy, length in _directions(layout, weights, free, cell, 0.5, 0.115):
        x, y = x + dx * cell * 0.015, y + dy * cell * 0.015
        path.append(
            f"M{x + dx * length:.1f} {y + dy * length:.1f}L{x + dy * side:.1f} {y + dx * side:.1f}"
            f"L{x - dy * side:.1f} {y - dx * side:.1f}z"
        )
    return f'<path d="{"".join(path)}" fill="{_INK}" stroke="#fff" stroke-width="1.4" paint-order="stroke"/>'


def _directions(layout: GridLayout, weights, free, cell: int, middle: float, reach: float):
    """(state, x and y of its middle, direction x and y, length in pixels) of every action the policy may take."""
    moves, origins = layout.moves.tolist(), _origins(layout.shape, cell)
    states, actions = np.nonzero((weights > _SHOWN) & free[:, None] & layout.moves.any(axis=1))
    lengths = (0.5 + 0.5 * weights[states, actions]) * reach * cell
    for state, action, length in zip(states.tolist(), actions.tolist(), lengths.tolist(), strict=True):
        (x, y), (dy, dx) = origins[state], moves[action]
        yield state, x + cell / 2, y + middle * cell, dx, dy, length


# ---------------------------------------------------------------------- what stands in the cells, and around the grid


def _finish(
    layout: GridLayout, cell: int, parts: list[str], agent, title: str, low, high, spot: tuple, marked, tags=None
) -> Svg:
    rows, columns = layout.shape
    width, height = _LEFT + columns * cell + _BAR, _TOP + rows * cell + _BOTTOM
    marks = _marks(layout.shape, cell, layout.start, layout.goals, layout.obstacles, layout.holes)
    body = [_frame(layout.shape, cell, title), *parts, marks, _rewards(layout, cell, tags), _mark(cell, marked)]
    if agent is not None:
        body.append(_agent(layout, cell, agent, spot))
    words = f"{title}. Grid of {rows} rows and {columns} columns"
    if low is not None:
        body.append(_colour_bar(_LEFT + columns * cell + 14, rows * cell, low, high))
        words += f", values from {low:.3g} to {high:.3g}"
    return document(width, height, f"{words}.", "".join(body))


@lru_cache(maxsize=64)
def _frame(shape: tuple[int, int], cell: int, title: str) -> str:
    rows, columns = shape
    every = 1 if cell >= 18 else 5
    names = [
        *(f'<text x="{_LEFT + (c + 0.5) * cell:g}" y="{_TOP - 6}">{c}</text>' for c in range(0, columns, every)),
        *(f'<text x="{_LEFT - 10}" y="{_TOP + (r + 0.5) * cell + 4:g}">{r}</text>' for r in range(0, rows, every)),
    ]
    return (
        f'<text x="{_LEFT}" y="22" font-size="14" font-weight="700" fill="#202124">{escape(title)}</text>'
        f'<g font-size="10.5" fill="{_GREY}" text-anchor="middle">{"".join(names)}</g>'
    )


@lru_cache(maxsize=32)
def _marks(shape, cell, start, goals, obstacles, holes) -> str:
    rows, columns = shape
    at = lambda cell_at: (_LEFT + cell_at[1] * cell, _TOP + cell_at[0] * cell)  # noqa: E731
    half, parts = cell / 2, []
    for x, y in map(at, obstacles):
        arm = cell * 0.4
        inset = f"M{x + cell * 0.3:g} {y + cell * 0.3:g}l{arm:g} {arm:g}m0 -{arm:g}l-{arm:g} {arm:g}"
        parts.append(
            f'<path d="M{x} {y}h{cell}v{cell}h-{cell}z" fill="#3c4043"/>'
            f'<path d="{inset}" stroke="#9aa0a6" stroke-width="{max(1.5, cell * 0.05):.1f}" stroke-linecap="round"/>'
        )
    for x, y in map(at, holes):
        parts.append(
            f'<path d="M{x} {y}h{cell}v{cell}h-{cell}z" fill="#eef1f4"/>'
            f'<ellipse cx="{x + half:g}" cy="{y + half:g}" rx="{cell * 0.32:g}" ry="{cell * 0.24:g}" fill="#202124"/>'
        )
    for x, y in map(at, goals):
        parts.append(
            f'<path d="M{x} {y}h{cell}v{cell}h-{cell}z" fill="#e6f5f0"/>{_star(x + half, y + cell * 0.44, cell * 0.3)}'
        )
        inner = cell - 4
        parts.append(
            f'<path d="M{x + 2} {y + 2}h{inner}v{inner}h-{inner}z" fill="none" stroke="{_GREEN}" stroke-width="3"/>'
        )
    lines = "".join(f"M{_LEFT} {_TOP + r * cell}h{columns * cell}" for r in range(rows + 1))
    lines += "".join(f"M{_LEFT + c * cell} {_TOP}v{rows * cell}" for c in range(columns + 1))
    parts.append(f'<path d="{lines}" stroke="#fff" stroke-width="1.5"/>')
    if start is not None and cell >= 18:
        (x, y), size = at(start), max(8, min(12, round(cell * 0.16)))
        parts.append(_badge(x + 3, y + cell - size - 6, "S", size))
    return "".join(parts)


def _star(x: float, y: float, radius: float) -> str:
    angles = np.pi * np.arange(10) / 5 - np.pi / 2
    reach = radius * np.where(np.arange(10) % 2, 0.42, 1.0)
    points = " ".join(f"{x + r * np.cos(a):.1f},{y + r * np.sin(a):.1f}" for r, a in zip(reach, angles, strict=True))
    return f'<polygon points="{points}" fill="{_GREEN}"/>'


def _badge(x: float, y: float, text: str, size: int, right: bool = False) -> str:
    """A small white tag with dark text; `x` is its left edge, or its right edge."""
    width = round(len(text) * size * 0.66 + 5, 1)
    x = x - width if right else x
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width}" height="{size + 3}" rx="2.5" fill="#fff" fill-opacity=".92"/>'
        f'<text x="{x + width / 2:.1f}" y="{y + size:g}" font-size="{size}" font-weight="700" text-anchor="middle" '
        f'fill="#202124">{text}</text>'
    )


def _rewards(layout: GridLayout, cell: int, tags: float | None) -> str:
    """The reward for arriving in a cell: under the goal's star, and as a tag in other cells, `tags` of a cell down."""
    if cell < 30:
        return ""
    parts, size = [], max(8, min(12, round(cell * 0.16)))
    for (row, column), reward in layout.rewards.items():
        x, y = _LEFT + column * cell, _TOP + row * cell
        text = f"{'+' if reward > 0 else ''}{_number(reward, 0 if reward == round(reward) else 1)}"
        if (row, column) in layout.goals:
            parts.append(
                f'<text x="{x + cell / 2:g}" y="{y + cell * 0.9:.1f}" font-size="{size + 1}" font-weight="700" '
                f'text-anchor="middle" fill="#00694d">{text}</text>'
            )
        else:
            down, small = (cell - size - 6, size) if tags is None else (round(tags * cell), max(8, size - 1))
            parts.append(_badge(x + cell - 3, y + down, text, small, right=True))
    return "".join(parts)


def _agent(layout: GridLayout, cell: int, state: int, spot: tuple[float, float, float]) -> str:
    """A ring, or a disc where it stands in a corner; `spot` is its middle (x, y) and its radius, in cells."""
    if not 0 <= state < layout.n_states:
        raise ValueError(f"the agent is in state {state}; accepted are 0 to {layout.n_states - 1}")
    x, y = _origins(layout.shape, cell)[int(state)]
    across, down, radius = spot
    fill = _ORANGE if spot == _CORNER else "none"
    ring = f'<circle cx="{x + cell * across:.1f}" cy="{y + cell * down:.1f}" r="{cell * radius:.1f}" fill="{fill}" '
    width = max(2.5, cell * 0.06)
    return (
        f'{ring}stroke="#202124" stroke-width="{width + 3:.1f}"/>{ring}stroke="#fff" stroke-width="{width + 1:.1f}"/>'
        f'{ring}stroke="{_ORANGE}" stroke-width="{width - 0.6:.1f}"/>'
    )


def _mark(cell: int, marked: Cell | None) -> str:
    """A dashed frame just inside a cell."""
    if marked is None:
        return ""
    x, y, inner = _LEFT + marked[1] * cell + 3, _TOP + marked[0] * cell + 3, cell - 6
    frame = f'<path d="M{x} {y}h{inner}v{inner}h-{inner}z" fill="none" stroke-width="3" stroke='
    return f'{frame}"#fff"/>{frame}"#202124" stroke-dasharray="6 4"/>'


def _colour_bar(x: int, height: int, low: float, high: float) -> str:
    labels = "".join(
        f'<text x="{x + 16}" y="{y:g}">{_number(value, 2 if abs(value) < 100 else 0)}</text>'
        for y, value in ((_TOP + 9, high), (_TOP + height / 2 + 4, (low + high) / 2), (_TOP + height, low))
    )
    return f'{_bar_steps(x, height)}<g font-size="10.5" fill="{_GREY}">{labels}</g>'


@lru_cache(maxsize=32)
def _bar_steps(x: int, height: int) -> str:
    step = height / len(_COLOURS)
    return "".join(
        f'<path d="M{x} {_TOP + height - (i + 1) * step:.2f}h11v{step + 0.5:.2f}h-11z" fill="{colour}"/>'
        for i, colour in enumerate(_COLOURS)
    )
