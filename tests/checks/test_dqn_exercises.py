"""Chapter 3: every exercise accepts right answers and names the wrong ones."""

import numpy as np
import pytest
from exercise_tests import ChapterTests

from rlbook.checks import EXERCISES

CHAPTER = EXERCISES.chapter("03_dqn")


# Right answers once more, in the plainest Python: a second opinion on the references.


def push_transitions(memory, n_pushed, new):
    rows = memory.tolist()
    for row in new.tolist():
        rows[n_pushed % len(rows)] = row
        n_pushed += 1
    return rows


def sample_rows(memory, n_pushed, draws):
    size = n_pushed if n_pushed < len(memory) else len(memory)
    return [memory[int(draw * size)].tolist() for draw in draws]


def td_target(reward, next_q, terminated, truncated, gamma):
    return [reward[i] if terminated[i] else reward[i] + gamma * max(next_q[i]) for i in range(len(reward))]


def double_dqn_target(reward, next_q_online, next_q_target, terminated, gamma):
    targets = []
    for i in range(len(reward)):
        best = max(range(len(next_q_online[i])), key=lambda a: next_q_online[i][a])
        targets.append(reward[i] + (0 if terminated[i] else gamma * next_q_target[i][best]))
    return targets


def polyak_update(target, online, tau):
    return [old + tau * (new - old) for old, new in zip(target, online, strict=True)]


def huber_loss(error):
    return [e * e / 2 if abs(e) <= 1 else abs(e) - 1 / 2 for e in error.tolist()]


def epsilon_greedy_actions(q, epsilon, draw, random_action):
    rows = zip(q.tolist(), epsilon, draw, random_action, strict=True)
    return [other if u < chance else values.index(max(values)) for values, chance, u, other in rows]


def dqn_loss(q, action, reward, next_q, terminated, gamma):
    targets = td_target(reward, next_q, terminated, terminated, gamma)
    return sum((targets[i] - q[i][action[i]]) ** 2 for i in range(len(q))) / len(q)


RIGHT = {f.__name__: f for f in (push_transitions, sample_rows, td_target, double_dqn_target, polyak_update)}
RIGHT |= {f.__name__: f for f in (huber_loss, epsilon_greedy_actions, dqn_loss)}


class TestDQNExercises(ChapterTests):
    chapter = CHAPTER
    right = RIGHT


def test_the_silent_bug_is_right_for_a_batch_of_one_only(starter):
    exercise, buggy = CHAPTER["dqn_loss"], starter("dqn_loss")
    for case in exercise.cases(0):
        assert np.isclose(buggy(*case), exercise.reference(*case)) == (len(case[0]) == 1)


def test_hand_computed_numbers():
    reference = {name: getattr(exercise, "reference", None) for name, exercise in CHAPTER.items()}
    memory, new = np.array([[1.0], [2.0], [3.0]]), np.array([[8.0], [9.0]])
    assert reference["push_transitions"](memory, 5, new).ravel().tolist() == [9, 2, 8]
    assert reference["sample_rows"](memory, 2, np.array([0.0, 0.49, 0.5, 0.99])).ravel().tolist() == [1, 1, 2, 2]
    loss = reference["dqn_loss"](
        np.array([[1.0, 3.0], [2.0, 0.0]]),
        np.array([0, 1]),
        np.array([1.0, -1.0]),
        np.ones((2, 2)),
        np.array([0, 1]),
        0.5,
    )
    assert loss == pytest.approx(((1.5 - 1) ** 2 + (-1 - 0) ** 2) / 2)
