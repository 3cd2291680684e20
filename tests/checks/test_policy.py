"""Policies as answers: judged by what they reach, and refused in a sentence for what they return."""

import sys
import types

import gymnasium as gym
import numpy as np
import pytest

import rlbook.envs  # noqa: F401 (registers the environments)
from rlbook import checks
from rlbook.checks.exercise import CORRECT, NOT_ATTEMPTED, NOT_YET, Registry
from rlbook.checks.policy import PolicyExercise

# The grid's start is in the top left corner, its goal in the top right one: going right (action 1) gets there.
EXERCISE = PolicyExercise(
    "policy",
    environment=lambda n: gym.make_vec("rlbook/GridWorld-v0", num_envs=n),
    threshold=0.8,
    points=3,
    minutes=20,
    difficulty=3,
    hints=("Go right.",),
    n_episodes=50,
)


def right(obs):
    return np.ones(len(obs), dtype=int)


def mostly(part):
    """Goes right in this part of the copies, and stands at the wall in all others."""
    return lambda obs: np.where(np.arange(len(obs)) < part * len(obs), 1, 3)


def test_a_policy_that_gets_there_is_correct_on_every_seed():
    for seed in (0, 1, 2):
        result = EXERCISE.judge(right, seed)
        assert (result.status, result.points) == (CORRECT, 3)
        assert result.message.startswith("≈ 100.0 % of 50 unseen episodes succeed (at least ")


def test_threshold_and_margin_are_told_and_hold():
    # p = 0.8 and n = 50: two standard deviations of a difference are 2 sqrt(2 * 0.16 / 50) = 0.16.
    assert EXERCISE.margin == pytest.approx(0.16)
    visible, secret = EXERCISE.judge(mostly(0.7), 0), EXERCISE.judge(mostly(0.7), 1)
    assert (visible.status, secret.status) == (NOT_YET, CORRECT)
    assert visible.message.startswith("≈ 70.0 % of 50 unseen episodes succeed (at least 80.0 % are needed; the grader")
    assert visible.message.endswith("grants 16.0 % for chance).")
    assert secret.message.endswith("(at least 64.0 % are needed: 80% less a margin for chance).")
    assert EXERCISE.judge(mostly(0.6), 1).status == NOT_YET
    assert EXERCISE.judge(mostly(0.8), 0).status == CORRECT


@pytest.mark.parametrize(
    "policy, words",
    [
        (lambda obs: None, "It returns None"),
        (lambda obs: "right", "no array of numbers"),
        (lambda obs: 1 / 0, "It raised ZeroDivisionError"),
        (lambda obs: np.full(len(obs), 3), "≈ 0.0 % of 50 unseen episodes succeed"),
    ],
)
def test_what_is_no_success_is_told(policy, words):
    result = EXERCISE.judge(policy, 1)
    assert (result.status, result.points) == (NOT_YET, 0) and words in result.message


def test_check_and_evaluate_take_a_policy_as_any_other_answer(monkeypatch):
    def policy(obs):
        return right(obs)

    chapter = types.ModuleType("chapter")
    chapter.EXERCISES = (EXERCISE,)
    monkeypatch.setitem(sys.modules, "chapter", chapter)
    monkeypatch.setattr(checks, "EXERCISES", Registry({"03": "chapter"}))
    assert checks.check(policy) == checks.evaluate(EXERCISE, policy) == EXERCISE.judge(policy)
    assert checks.check(policy).points == 3


def test_a_blank_policy_is_not_attempted():
    def policy(obs):
        raise NotImplementedError

    assert EXERCISE.judge(policy).status == NOT_ATTEMPTED
