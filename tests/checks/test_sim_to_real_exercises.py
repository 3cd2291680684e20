"""Chapter 5: every exercise accepts right answers and names the wrong ones."""

import math

import numpy as np
import pytest
from exercise_tests import ChapterTests

from rlbook.checks import EXERCISES

CHAPTER = EXERCISES.chapter("05_sim_to_real")


# Right answers once more, in the plainest Python: a second opinion on the references.


def random_delays(u, low, high):
    numbers = range(low, high + 1)
    return [numbers[int(float(value) * len(numbers))] for value in u]


def log_uniform(u, low, high):
    return [low * (high / low) ** float(value) for value in u]


def delayed_commands(commands, delay):
    return [[0.0] * commands.shape[1] if t < delay else commands[t - delay].tolist() for t in range(len(commands))]


def curriculum_scale(n_steps, schedule_steps, initial_scale, final_scale):
    if n_steps >= schedule_steps:
        return final_scale
    return (initial_scale * (schedule_steps - n_steps) + final_scale * n_steps) / schedule_steps


def measured_state(q, qd, target, noise, sensor_noise):
    rows = []
    for b in range(len(q)):
        n = q.shape[1]
        angles = [q[b, i] + sensor_noise * noise[b, i] for i in range(n)]
        velocities = [qd[b, i] + 5 * sensor_noise * noise[b, n + i] for i in range(n)]
        rows.append(angles + velocities + target[b].tolist())
    return rows


def identify_rod(q, qd, qdd, torque, link_length):
    """By the normal equations, with other unknowns: inertia, damping and the torque of the weight."""
    Y = np.array([qdd, qd, np.cos(q)], dtype=float).T
    inertia, damping, pull = np.linalg.solve(Y.T @ Y, Y.T @ torque)
    mass = 3 * inertia / link_length**2
    return [mass, damping, 2 * pull / (mass * link_length)]


def standard_errors(Y, torque):
    Y = np.asarray(Y, dtype=float)
    projected = Y @ np.linalg.pinv(Y)
    rest = torque - projected @ torque
    variance = sum(float(r) ** 2 for r in rest) / (len(Y) - np.linalg.matrix_rank(Y))
    return [math.sqrt(variance * entry) for entry in (np.linalg.pinv(Y) @ np.linalg.pinv(Y).T).diagonal()]


def success_interval(successes, n, z):
    """The two rates p at which |successes - n p| = z sqrt(n p (1 - p))."""
    a, b, c = n + z**2, -(2 * successes + z**2), successes**2 / n
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    return [(-b - root) / (2 * a), (-b + root) / (2 * a)]


def camera_floor(target, offset, roll, distance):
    errors = []
    for x, z in target:
        seen = complex(x - offset[0], z - offset[1]) * complex(math.cos(roll), -math.sin(roll)) * 3 / distance
        errors.append(abs(seen - complex(x, z)))
    return errors


def new_masses(masses, ended, factors, default):
    return [default * f if over else m for m, over, f in zip(masses, ended, factors, strict=True)]


ANSWERS = (random_delays, log_uniform, delayed_commands, curriculum_scale, measured_state)
ANSWERS += (identify_rod, standard_errors, success_interval, camera_floor, new_masses)
RIGHT = {f.__name__: f for f in ANSWERS}


class TestSimToRealExercises(ChapterTests):
    chapter = CHAPTER
    right = RIGHT


def test_hand_computed_numbers():
    reference = {name: getattr(exercise, "reference", None) for name, exercise in CHAPTER.items()}
    assert reference["random_delays"](np.array([0.1, 0.3, 0.99]), 0, 3).tolist() == [0, 1, 3]
    assert reference["log_uniform"](np.array([0.5]), 0.5, 2.0) == pytest.approx(1)
    assert reference["delayed_commands"](np.array([[1.0], [2.0], [3.0], [4.0]]), 1).T.tolist() == [[0, 1, 2, 3]]
    assert reference["curriculum_scale"](50, 100, 0.1, 1.0) == pytest.approx(0.55)
    one = np.array([[0.5]]), np.array([[2.0]]), np.array([[7.0, 8.0]]), np.array([[1.0, -1.0]])
    np.testing.assert_allclose(reference["measured_state"](*one, 0.1), [[0.6, 1.5, 7, 8]])
    assert reference["standard_errors"](np.ones((3, 1)), np.array([1.0, 2, 3])) == pytest.approx(math.sqrt(1 / 3))
    np.testing.assert_allclose(reference["success_interval"](5, 10, 2.0), 0.5 + np.array([-1, 1]) * 0.267261, rtol=1e-5)
    shifted = reference["camera_floor"](np.array([[0.3, 0.4]]), np.array([0.02, 0.0]), 0.0, 3.0)
    np.testing.assert_allclose(shifted, [0.02], rtol=1e-9)
    renewed = reference["new_masses"](np.array([3.0, 3.0]), np.array([True, False]), np.array([0.5, 0.5]), 2.0)
    assert renewed.tolist() == [1, 3]
