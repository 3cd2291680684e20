"""What a check calls Correct runs in everything that follows it: the closing cells of its chapter, and their panels."""

import functools

import numpy as np
import pytest
import test_dqn_exercises
import test_mdp_exercises
import test_own_policies
import test_ppo_exercises
import test_q_learning_exercises
import test_sim_to_real_exercises
import torch
from conftest import cells

from rlbook.checks import EXERCISES, evaluate
from rlbook.widgets import Panel

RIGHT = {
    "01_mdp": test_mdp_exercises.RIGHT,
    "02_q_learning": test_q_learning_exercises.RIGHT,
    "03_dqn": test_dqn_exercises.RIGHT | {"own_dqn": test_own_policies.pushed_to_the_target},
    "04_ppo": test_ppo_exercises.RIGHT | {"own_ppo": test_own_policies.pulled_to_the_target},
    "05_sim_to_real": test_sim_to_real_exercises.RIGHT | {"own_transfer": test_own_policies.held_at_the_target},
}
# Training that is long enough to see that it runs.
SHORTER = {"n_episodes=200": "n_episodes=20", "total_steps=40_000": "total_steps=1_600", "num_envs=200": "num_envs=20"}
SHORTER |= {"n_episodes=200)": "n_episodes=20)", "range(1000)": "range(100)"}
SHORTER |= {"total_steps=250_000": "total_steps=16_384", "total_steps=700_000": "total_steps=16_384"}
SHORTER |= {
    "num_envs=500": "num_envs=20",
    "fresh, 500)": "fresh, 20)",
    "interval(successes, 500,": "interval(successes, 20,",
}
# So little training promises nothing.
SHORTER |= dict.fromkeys(["more_than=0.5", "more_than=0.8", "more_than=0.4"], "more_than=-1")
SHORTER |= dict.fromkeys(["less_than=0.3", "less_than=0.4"], "less_than=2")


def in_single_precision(fn):
    """The same answer, of which torch makes a float32 tensor."""

    def answer(*case):
        return torch.tensor(np.asarray(fn(*case), dtype=np.float32))

    return answer


def without_a_name(fn):
    """A partial function whose parameters have names of its own."""
    return functools.partial(lambda given, *case: given(*case), fn)


def by_rows(q, reward, next_q, terminated, alpha, gamma):
    """Row by row, which scalars and 0-d arrays would not survive."""
    new = q.astype(float)
    for i in range(len(q)):
        new[i] += alpha * (reward[i] + gamma * (not terminated[i]) * next_q[i].max() - q[i])
    return new


def inverted(q, reward, next_q, terminated, alpha, gamma):
    """``~`` of numbers would not be what it is of flags."""
    return q + alpha * (reward + gamma * ~terminated * next_q.max(axis=1) - q)


def masked_in_place(reward, next_q_online, next_q_target, terminated, gamma):
    value = next_q_target[np.arange(len(reward)), next_q_online.argmax(axis=1)]
    value[terminated] = 0
    return reward + gamma * value


def chosen_by_flags(reward, next_q_online, next_q_target, terminated, gamma):
    value = next_q_target[np.arange(len(reward)), next_q_online.argmax(axis=1)]
    return np.where(terminated, reward, reward + gamma * ~terminated * value)


def not_written(*_):
    raise NotImplementedError


def run_closing_cells(chapter: str, answers: dict) -> list:
    """Run the chapter with these answers in the place of the student's; returns what it displays."""
    shown = []
    # The policies are given.
    namespace = {"train_own_dqn": lambda: None, "own_update": not_written, "own_physics": not_written}
    for cell in cells(chapter, True):
        graded = cell.metadata.get("nbgrader")
        if cell.cell_type != "code" or graded:
            continue
        source = cell.source
        for long, short in SHORTER.items():
            source = source.replace(long, short)
        exec(compile(source, f"{chapter}, a cell", "exec"), namespace)
        namespace |= answers | {"display": shown.append}
    for panel in shown:
        if isinstance(panel, Panel):
            if panel.playable:
                panel.step(20)
            panel.figure()
            panel.close()
    return shown


@pytest.mark.parametrize(
    "made", [lambda fn: fn, in_single_precision, without_a_name], ids=["lists", "float32", "partial"]
)
@pytest.mark.parametrize("chapter", list(RIGHT))
def test_independent_answers_run_through_the_closing_cells(chapter, made, capsys):
    answers = {name: made(fn) for name, fn in RIGHT[chapter].items()}
    for name, fn in answers.items():
        assert EXERCISES[name].judge(fn).correct, name
    assert len(run_closing_cells(chapter, answers)) >= 1
    out = capsys.readouterr().out
    assert "first, then run this cell again" not in out
    assert "False" not in out.replace(
        "At least half of the 200 targets reached: False", ""
    )  # trained for a moment only


@pytest.mark.parametrize("fn", [by_rows, inverted])
def test_flags_and_rows_reach_the_students_update_rule(fn):
    assert evaluate(EXERCISES["td_update"], fn).correct
    fn.__name__ = "td_update"
    run_closing_cells("02_q_learning", RIGHT["02_q_learning"] | {"td_update": fn})


@pytest.mark.parametrize("fn", [masked_in_place, chosen_by_flags])
def test_flags_reach_the_students_target_rule(fn):
    assert evaluate(EXERCISES["double_dqn_target"], fn).correct
    fn.__name__ = "double_dqn_target"
    run_closing_cells("03_dqn", RIGHT["03_dqn"] | {"double_dqn_target": fn})
