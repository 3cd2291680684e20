"""A Bellman backup, and an update of a table, with their numbers: as HTML below a grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rlbook.mdp import TabularMDP, bellman_backup
from rlbook.plots.layout import Cell, GridLayout
from rlbook.returns import double_value, greedy_value, td_error
from rlbook.widgets.controls import with_minus

_ARROWS = {(-1, 0): "↑", (0, 1): "→", (1, 0): "↓", (0, -1): "←"}


class Update(NamedTuple):
    """One update of a table, as it was about to happen.

    state, action, reward, next_state, terminated : the transition.
    alpha, gamma : of the learner at that time, and whether a rule of the reader's made the update.
    q : (n_tables,) Q(s, a) in every table.   next_q : (n_tables, A) the values of the next state.
    """

    state: int
    action: int
    reward: float
    next_state: int
    terminated: bool
    alpha: float
    gamma: float
    own_rule: bool
    q: np.ndarray
    next_q: np.ndarray


def backup_in_numbers(V: np.ndarray, mdp: TabularMDP, layout: GridLayout, cell: Cell | None, sweep: int) -> str:
    """What one more backup makes of the values V (S,) of this sweep in one cell."""
    if cell is None:
        return "Click a cell: one more backup of its value, with the numbers, comes here."
    if (nothing := _without_value(layout, cell)) is not None:
        return nothing
    state = cell[0] * layout.shape[1] + cell[1]
    Q = bellman_backup(V, mdp)[state]
    best = Q >= Q.max() - 1e-9
    lines = [f"{_v(sweep + 1)}{cell} = max<sub>a</sub> Q(s, a) = <b>{_two(Q.max())}</b>, from the {_v(sweep)} on show:"]
    for action, q in enumerate(Q):
        line = f"Q(s, {_arrow(layout, action)}) = {_outcomes(V, mdp, state, action)} = {_two(q)}"
        lines.append(f"<b>{line}</b>" if best[action] else line)
    return "<br>".join(lines)


def _outcomes(V: np.ndarray, mdp: TabularMDP, state: int, action: int) -> str:
    """The sum of p (r + gamma V(s')) over all that can follow."""
    terms = []
    tables = mdp.probabilities, mdp.transition_rewards, mdp.successors, mdp.terminated
    for probability, reward, successor, ends in zip(*(table[state, action] for table in tables), strict=True):
        if probability > 0:
            value = "0" if ends else _two(V[successor])
            term = f"{_short(reward)} + {_short(mdp.gamma)}·{_bracketed(value)}"
            terms.append(term if probability == 1 else f"{_short(probability)}·({term})")
    return " + ".join(terms)


def update_in_numbers(update: Update | None, q_now: np.ndarray, layout: GridLayout, cell: Cell | None) -> str:
    """The last update of one cell. q_now : (n_tables,) what Q(s, a) of that update has become."""
    if cell is None:
        return "Click a cell: the last update of one of its values, with the numbers, comes here."
    if (nothing := _without_value(layout, cell)) is not None:
        return nothing
    if update is None:
        return f"In {cell} nothing was tried yet."
    table = int(np.argmax(q_now != update.q))  # of two tables the one that has changed
    q, next_q = update.q[table], update.next_q[[table]]
    double = len(update.q) > 1
    next_value = (double_value(next_q, update.next_q[[1 - table]]) if double else greedy_value(next_q))[0]
    delta = td_error(q, update.reward, next_value, update.terminated, update.gamma)
    name = f"Q<sub>{table + 1}</sub>" if double else "Q"
    best = f"Q<sub>{2 - table}</sub>(s&prime;, argmax {name}(s&prime;, ·))" if double else "max Q(s&prime;, ·)"
    follows = "0" if update.terminated else _two(next_value)
    error = f"{_short(update.reward)} + {_short(update.gamma)}·{_bracketed(follows)} &minus; {_bracketed(_two(q))}"
    place = f"s = {cell}, a = {_arrow(layout, update.action)}, s&prime; = {divmod(update.next_state, layout.shape[1])}"
    ended = ", the end" if update.terminated else ""
    first = (
        f"Last update: {place}{ended}<br>&delta; = r + &gamma; {best} &minus; {name}(s, a) = {error} = {_two(delta)}"
    )
    if update.own_rule:
        change = f"your update made <b>{_two(q_now[0])}</b> of {_two(q)}"
    else:
        change = f"{name}(s, a) + &alpha;&delta; = {_two(q)} + {_short(update.alpha)}·{_bracketed(_two(delta))}"
        change = f"{name}(s, a) ← {change} = <b>{_two(q_now[table])}</b>"
    return f"{first}<br>{change}"


def _without_value(layout: GridLayout, cell: Cell) -> str | None:
    if cell in layout.obstacles:
        return f"{cell} is a wall: the robot is never there."
    if cell in layout.goals or cell in layout.holes:
        return f"In {cell} the episode ends: nothing follows, so its value is 0."
    return None


def _arrow(layout: GridLayout, action: int) -> str:
    return _ARROWS.get(tuple(layout.moves[action].tolist()), str(action))


def _v(sweep: int) -> str:
    return f"V<sub>{sweep}</sub>"


def _two(number: float) -> str:
    return with_minus(number + 0.0, ".2f")


def _short(number: float) -> str:
    return with_minus(number, ".3g")


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith("\N{MINUS SIGN}") else number
