"""Chapter 2: every exercise accepts right answers and names the wrong ones."""

import numpy as np
import pytest
from exercise_tests import ChapterTests

from rlbook.checks import EXERCISES

CHAPTER = EXERCISES.chapter("02_q_learning")


# Right answers once more, in the plainest Python: a second opinion on the references.


def epsilon_greedy(q, epsilon):
    rows = []
    for row in q.tolist():
        probabilities = [epsilon / len(row)] * len(row)
        winners = [a for a, value in enumerate(row) if value == max(row)]
        for a in winners:
            probabilities[a] += (1 - epsilon) / len(winners)
        rows.append(probabilities)
    return rows


def td_update(q, reward, next_q, terminated, alpha, gamma):
    new = []
    for i in range(len(q)):
        target = reward[i] if terminated[i] else reward[i] + gamma * max(next_q[i])
        new.append((1 - alpha) * q[i] + alpha * target)
    return new


def double_td_update(q, reward, next_q_select, next_q_evaluate, terminated, alpha, gamma):
    new = []
    for i in range(len(q)):
        best = max(range(len(next_q_select[i])), key=lambda a: next_q_select[i][a])
        target = reward[i] if terminated[i] else reward[i] + gamma * next_q_evaluate[i][best]
        new.append((1 - alpha) * q[i] + alpha * target)
    return new


def epsilon_schedule(epsilon, epsilon_decay, epsilon_min, n_episodes):
    schedule = [epsilon]
    while len(schedule) < n_episodes:
        schedule.append(max(epsilon_min, schedule[-1] * epsilon_decay))
    return schedule


def expected_sarsa_target(reward, next_q, terminated, epsilon, gamma):
    targets = []
    for i in range(len(reward)):
        expected = (1 - epsilon) * max(next_q[i]) + epsilon * sum(next_q[i]) / len(next_q[i])
        targets.append(reward[i] + (0 if terminated[i] else gamma * expected))
    return targets


def replay_episode(Q, states, actions, rewards, terminated, truncated, alpha, gamma):
    table = Q.tolist()
    for t, (state, action) in enumerate(zip(states[:-1], actions, strict=True)):
        target = rewards[t] if terminated[t] else rewards[t] + gamma * max(table[states[t + 1]])
        table[state][action] = (1 - alpha) * table[state][action] + alpha * target
    return table


RIGHT = {f.__name__: f for f in (epsilon_greedy, td_update, double_td_update, epsilon_schedule, expected_sarsa_target)}
RIGHT["replay_episode"] = replay_episode


class TestQLearningExercises(ChapterTests):
    chapter = CHAPTER
    right = RIGHT


def test_the_silent_bug_runs_and_is_right_where_the_clock_does_not_run_out(starter):
    exercise = CHAPTER["replay_episode"]
    buggy = starter("replay_episode")
    for case in exercise.cases(0):
        terminated, truncated = case[4], case[5]
        agrees = np.allclose(buggy(*case), exercise.reference(*case))
        assert agrees == (not (truncated & ~terminated).any())


def test_hand_computed_numbers():
    reference = {name: exercise.reference for name, exercise in CHAPTER.items()}
    one = np.array([1.0]), np.array([0.5])
    select, value = np.array([[2.0, 4.0]]), np.array([[3.0, 1.0]])
    goes_on = np.array([False])
    assert reference["td_update"](*one, select, goes_on, 0.5, 0.9) == pytest.approx([2.55])
    assert reference["double_td_update"](*one, select, value, goes_on, 0.5, 0.9) == pytest.approx([1.2])
    assert reference["expected_sarsa_target"](one[1], select, goes_on, 0.2, 0.9) == pytest.approx([0.5 + 0.9 * 3.8])
    assert reference["epsilon_schedule"](1.0, 0.5, 0.2, 5) == pytest.approx([1, 0.5, 0.25, 0.2, 0.2])
    assert reference["epsilon_greedy"](np.array([[1.0, 2.0]]), 0.2) == pytest.approx(np.array([[0.1, 0.9]]))
