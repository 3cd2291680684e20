"""The exercises of chapter 5: from simulation to the robot."""

from __future__ import annotations

from statistics import NormalDist

import gymnasium as gym
import numpy as np

import rlbook.envs  # noqa: F401  registers the arms and the robot
from rlbook.checks.exercise import Exercise
from rlbook.checks.mistakes import known_mistakes
from rlbook.checks.policy import PolicyExercise
from rlbook.envs.arm.reach import VELOCITY_NOISE
from rlbook.sim_to_real.camera import DISTANCE, Camera, pixel_of, point_of
from rlbook.sim_to_real.identification import delayed, regressor
from rlbook.sim_to_real.randomization import CurriculumRandomizer, DomainRandomizer
from rlbook.sim_to_real.transfer import wilson_interval

# ---------------------------------------------------------------- inputs


def _draw(rng, *shape):
    return rng.normal(size=shape).round(2)


def random_choices(rng):
    """u (B,) far from where whole numbers change, with both ends of ranges that begin at 0, above it and below."""
    for low, high in ((0, 1), (0, 3), (2, 2), (-2, 3), (1, 4)):
        yield np.concatenate([[0.9995], rng.random(12).round(3) * 0.99 + 0.0005, [0.0005]]), low, high


def random_factors(rng):
    yield np.array([0.0]), 0.5, 2.0
    for low, high in ((0.5, 3.0), (0.1, 10.0), (2.0, 5.0)):
        yield rng.random(5).round(2), low, high


def random_commands(rng):
    """Commands (T, n), all different and none zero, with every delay from none to three."""
    yield np.array([[1.0], [2.0], [3.0]]), 1
    for delay in range(4):
        yield _draw(rng, 5 + delay, 2) + 5.0, delay


def random_progress(rng):
    """Before, within, at the end of and after the schedule."""
    for n_steps in (0, 30, 60, 100, 250):
        yield n_steps, 100, 0.1, 1.0
    yield int(rng.integers(1, 700)), 1000, 0.25, 0.75
    yield int(rng.integers(300, 700)), 1000, 0.0, 0.5
    yield 1200, 1000, 0.25, 0.75


def random_states(rng):
    """B arms of one, two and three joints."""
    yield np.zeros((1, 2)), np.zeros((1, 2)), np.ones((1, 2)), np.array([[1.0, -1.0, 2.0, -2.0]]), 0.125
    for B, n, sensor_noise in ((1, 1, 0.02), (3, 2, 0.01), (4, 3, 0.05)):
        yield _draw(rng, B, n), _draw(rng, B, n), _draw(rng, B, 2), _draw(rng, B, 2 * n), sensor_noise


def random_swings(rng):
    """Logs of a rod that is driven about, with a little noise on its torques; the first one in whole numbers."""
    q, qd, qdd = np.array([[0.0, 1, 2, 3, -1, -2], [1.0, -1, 2, 0, -2, 1], [3.0, 1, -2, -3, 2, 0]])
    yield q, qd, qdd, np.array([8.0, 3.0, -2.0, -6.0, 3.0, -2.0]), 1.0
    for T, length, noise in ((6, 1.0, 0.0), (12, 0.5, 0.02), (30, 0.8, 0.05)):
        mass, damping, gravity = rng.uniform((0.5, 0.1, 8.0), (2.0, 0.6, 11.0))
        q, qd, qdd = _draw(rng, T), _draw(rng, T), 3 * _draw(rng, T)
        torque = mass * length**2 / 3 * qdd + damping * qd + mass * gravity * length / 2 * np.cos(q)
        yield q, qd, qdd, torque + noise * rng.normal(size=T), length


def random_regressions(rng):
    yield np.array([[1.0], [1.0], [1.0]]), np.array([1.0, 2.0, 3.0])
    for T, k in ((6, 2), (10, 3), (20, 4)):
        mixed = _draw(rng, T, k) @ (np.eye(k) + 0.5 * _draw(rng, k, k))
        yield mixed, mixed @ _draw(rng, k) + 0.3 * _draw(rng, T)


def random_successes(rng):
    yield 5, 10, 2.0
    yield 0, 10, 2.0
    yield 20, 20, 2.0
    for n in (30, 1000):
        yield int(rng.integers(1, n // 2)), n, 1.96


def random_cameras(rng):
    """Targets (B, 2); cameras that are shifted, turned, too far away, and all at once."""
    yield np.array([[0.6, 0.0]]), np.array([0.02, 0.01]), 0.0, DISTANCE
    yield np.array([[1.0, 0.0]]), np.array([0.02, 0.01]), 0.0, DISTANCE
    yield np.array([[0.6, 0.2]]), np.zeros(2), 0.1, DISTANCE
    yield np.array([[0.6, 0.2]]), np.zeros(2), 0.0, 3.3
    for B in (2, 4):
        yield _draw(rng, B, 2), 0.05 * _draw(rng, 2), 0.125, 2.75


def random_renewals(rng):
    """Arms of which none, some and all begin anew, after their first episode and later, and two that drifted away."""
    yield np.array([0.5, 3.0]), np.array([True, True]), np.array([0.5, 1.5]), 1.25
    yield np.array([0.5, 3.0]), np.array([True, False]), np.array([2.0, 1.0]), 1.25
    some = np.array([True, False, True, False])
    for ended in (np.zeros(4, dtype=bool), some, ~some, np.ones(4, dtype=bool)):
        yield np.full(4, 2.0), ended, rng.uniform(0.5, 1.5, 4).round(2), 2.0
        yield rng.uniform(0.5, 3.0, 4).round(2), ended, rng.uniform(0.5, 1.5, 4).round(2), 1.25


# ---------------------------------------------------------------- references: the library, in the exercise's arguments


def _random_delays(u, low, high):
    return low + np.floor(u * (high - low + 1))


def _log_uniform(u, low, high):
    return np.exp(np.log(low) + u * (np.log(high) - np.log(low)))


def _delayed_commands(commands, delay):
    return delayed(commands, delay)


def _curriculum_scale(n_steps, schedule_steps, initial_scale, final_scale):
    curriculum = CurriculumRandomizer(DomainRandomizer(), initial_scale, final_scale, schedule_steps)
    curriculum.update(n_steps)
    return curriculum.current_scale


def _measured_state(q, qd, target, noise, sensor_noise, *, angle_noise=1.0, velocity_noise=VELOCITY_NOISE):
    n = q.shape[1]
    seen = [q + angle_noise * sensor_noise * noise[:, :n], qd + velocity_noise * sensor_noise * noise[:, n:]]
    return np.concatenate([*seen, target], axis=1)


def _columns(q, qd, qdd, link_length):
    """Of mass, damping and mass times gravity: (T, 3)."""
    return regressor(q[:, None], qd[:, None], qdd[:, None], link_length)[:, 0][:, [0, 2, 3]]


def _identify_rod(q, qd, qdd, torque, link_length):
    mass, damping, weight = np.linalg.lstsq(_columns(q, qd, qdd, link_length), torque, rcond=None)[0]
    return np.array([mass, damping, weight / mass])


def one_by_one(q, qd, qdd, torque, link_length):
    """Every column fitted as if it were alone."""
    mass, damping, weight = (column @ torque / (column @ column) for column in _columns(q, qd, qdd, link_length).T)
    return np.array([mass, damping, weight / mass])


def rest_of(Y, torque):
    """What the fit leaves over."""
    return torque - Y @ np.linalg.lstsq(Y, torque, rcond=None)[0]


def left_over(Y, torque):
    """Standard deviation of what the fit leaves, T - k degrees of freedom."""
    rest = rest_of(Y, torque)
    return np.sqrt(rest @ rest / (len(Y) - Y.shape[1]))


def _standard_errors(Y, torque):
    return left_over(Y, torque) * np.sqrt(np.diag(np.linalg.inv(Y.T @ Y)))


def _success_interval(successes, n, z, *, middle=None, half=None, below=None):
    """Middle and half width, if given, are those before both are divided by ``below``."""
    low, high = wilson_interval(successes, n, confidence=2 * NormalDist().cdf(z) - 1)
    whole = 1 + z**2 / n
    middle = (high + low) / 2 * whole if middle is None else middle
    half = (high - low) / 2 * whole if half is None else half
    return np.array([middle - half, middle + half]) / (whole if below is None else below)


def turned(v, angle):
    """A vector (2,), counter-clockwise by an angle in rad."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([cos * v[0] - sin * v[1], sin * v[0] + cos * v[1]])


def _camera_floor(target, offset, roll, distance, *, size=lambda miss: np.linalg.norm(miss, axis=-1)):
    camera = Camera(np.array([offset[0], -distance, offset[1]]), np.array([0.0, 0.0, roll]))
    return size(point_of(pixel_of(target, camera), Camera()) - target)


def _new_masses(masses, ended, factors, default):
    return np.where(ended, default * factors, masses)


def drifting_masses(masses, ended, factors, default):
    """The code that the student gets, word for word."""
    return np.where(ended, masses * factors, masses)


mistakes_of = known_mistakes("sim_to_real", globals())

EXERCISES = (
    Exercise(
        "random_delays",
        reference=_random_delays,
        inputs=random_choices,
        points=1,
        minutes=10,
        difficulty=2,
        hints=(
            "From low to high, both included: how many whole numbers are that?",
            "Cut the interval from 0 to 1 into so many equal pieces: which piece is u in, counted from 0?",
            "`low + np.floor(u * (high - low + 1))`",
        ),
        mistakes=mistakes_of("random_delays"),
    ),
    Exercise(
        "log_uniform",
        reference=_log_uniform,
        inputs=random_factors,
        points=1,
        minutes=10,
        difficulty=2,
        hints=(
            "Not the factor is uniform, but its logarithm.",
            "The logarithm goes from log(low) at u = 0 to log(high) at u = 1, in a straight line.",
            "`np.exp(np.log(low) + u * (np.log(high) - np.log(low)))`",
        ),
        mistakes=mistakes_of("log_uniform"),
    ),
    Exercise(
        "delayed_commands",
        reference=_delayed_commands,
        inputs=random_commands,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "Row t of the answer is row t - delay of the commands. Which rows have none?",
            "Begin with an array of zeros of the same shape, and fill the rows from `delay` on.",
            "`answer[delay:] = commands[: len(commands) - delay]`; with a delay of 0 that is every row.",
        ),
        mistakes=mistakes_of("delayed_commands"),
    ),
    Exercise(
        "curriculum_scale",
        reference=_curriculum_scale,
        inputs=random_progress,
        points=1,
        minutes=5,
        difficulty=1,
        hints=(
            "First the progress: the part of the schedule that is over. It never exceeds 1.",
            "At progress 0 the scale is `initial_scale`, at 1 `final_scale`, and straight in between.",
            "`initial_scale + (final_scale - initial_scale) * min(1.0, n_steps / schedule_steps)`",
        ),
        mistakes=mistakes_of("curriculum_scale"),
    ),
    Exercise(
        "measured_state",
        reference=_measured_state,
        inputs=random_states,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "The first n columns of `noise` belong to the angles, the others to the velocities.",
            "Which of the three does no sensor measure? It stays as it is.",
            "`[q + sensor_noise * noise[:, :n], qd + 5 * sensor_noise * noise[:, n:], target]`, put side by side.",
        ),
        mistakes=mistakes_of("measured_state"),
    ),
    Exercise(
        "identify_rod",
        reference=_identify_rod,
        inputs=random_swings,
        points=3,
        minutes=25,
        difficulty=4,
        hints=(
            "Three unknowns stand in the equation, each as a factor: m, d, and the product m g. Write down what each "
            "is multiplied by.",
            "These are the columns of a matrix (T, 3); `np.linalg.lstsq` finds the three from it and the torque.",
            "`Y = np.stack([length**2 / 3 * qdd, qd, length / 2 * np.cos(q)], axis=1)`, with the link's length. The "
            "third factor is m g: divide it by the first.",
        ),
        mistakes=mistakes_of("identify_rod"),
    ),
    Exercise(
        "standard_errors",
        reference=_standard_errors,
        inputs=random_regressions,
        points=2,
        minutes=15,
        difficulty=3,
        hints=(
            "First fit, then look at what is left over: torque - Y theta.",
            "Its variance s^2 is the sum of squares over T - k: k parameters were chosen to make it small.",
            "`np.sqrt(s2 * np.diag(np.linalg.inv(Y.T @ Y)))`: the diagonal of the inverse, not the inverse of the "
            "diagonal.",
        ),
        mistakes=mistakes_of("standard_errors"),
    ),
    Exercise(
        "success_interval",
        reference=_success_interval,
        inputs=random_successes,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "Compute middle and half width on their own; both are divided by the same number.",
            "The middle is not p: it is drawn towards one half, the more so the fewer episodes there are.",
            "`middle = p + z**2 / (2 * n)`, `half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))`, both over "
            "`1 + z**2 / n`.",
        ),
        mistakes=mistakes_of("success_interval"),
    ),
    Exercise(
        "camera_floor",
        reference=_camera_floor,
        inputs=random_cameras,
        points=2,
        minutes=20,
        difficulty=4,
        hints=(
            "Go through the camera: the target as it lies from where the camera stands, then turned, then scaled.",
            "A camera that is turned by an angle sees everything turned by minus that angle; one that is further away "
            "sees everything smaller.",
            "With (x, z) = target - offset: `seen_x = (cos * x + sin * z) * 3 / distance`, "
            "`seen_z = (cos * z - sin * x) * 3 / distance`. The error is the length of seen - target.",
        ),
        mistakes=mistakes_of("camera_floor"),
    ),
    Exercise(
        "new_masses",
        reference=_new_masses,
        inputs=random_renewals,
        points=2,
        minutes=10,
        difficulty=3,
        starter=drifting_masses,
        hints=(
            "Play one arm by hand: its factor is 0.5 in three episodes after each other. What does it weigh?",
            "A factor of the default stays within its range for ever. A factor of what?",
            "Where an episode ended the new mass is `default * factors`.",
        ),
        mistakes=mistakes_of("new_masses"),
    ),
    PolicyExercise(
        "own_transfer",
        environment=lambda n: gym.make_vec("rlbook/RobotReachHold-v0", num_envs=n),
        threshold=0.5,
        points=3,
        minutes=30,
        difficulty=4,
        hints=(
            "What does a policy that learned without any delay do on a robot whose commands arrive late?",
            "Draw the delay, 0 or 1 step; then vary mass and motors by a fifth, friction and damping by factors.",
            "`random.integers(0, 2, n)` are delays, `random.uniform(0.8, 1.2, n)` masses in kg.",
        ),
    ),
)
