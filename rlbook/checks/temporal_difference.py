"""What the exercises of several chapters share: next values read from two estimates, rightly and wrongly.

Double Q-learning has two tables, Double DQN two networks; which of the two selects the next action and which evaluates
it goes wrong in the same ways. All functions take ``select`` and ``evaluate``, both (B, A), and give (B,).
"""

from __future__ import annotations

import numpy as np


def chosen(q, action):
    """The values (B,) of one action a row, from q (B, A)."""
    return np.take_along_axis(q, action[:, None], axis=1)[:, 0]


def double_value(select, evaluate):
    """The right one: ``select`` chooses, ``evaluate`` says what the choice is worth."""
    return chosen(evaluate, select.argmax(axis=1))


def selector_evaluates(select, evaluate):
    return select.max(axis=1)


def evaluator_selects(select, evaluate):
    return evaluate.max(axis=1)


def places_changed(select, evaluate):
    return double_value(evaluate, select)
