"""Identification finds what a simulated arm is, says how sure it is, and knows when a log tells too little."""

import ast
from pathlib import Path

import numpy as np
import pytest

import rlbook.sim_to_real
from rlbook.envs.arm import physics as arm
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.envs.arm.recording import Trajectory, log_trajectory
from rlbook.envs.arm.robot import RobotReachVectorEnv
from rlbook.sim_to_real.identification import (
    FIELDS,
    delayed,
    design_excitation,
    excitation,
    identify,
    informativeness,
    least_squares,
    regressor,
    sensor_noise,
    step_regressor,
)
from rlbook.sim_to_real.randomization import DomainRandomizer

TRUE = PhysicsParams(mass=1.3, friction=0.2, damping=0.5, gravity=9.5)
COEFFICIENTS = np.array([1.3, 0.2, 0.5, 1.3 * 9.5])


def logged(physics, *, n_steps=80, n_arms=4, n_joints=2, seed=0, **shaking):
    actions = excitation(n_steps, n_arms, n_joints, rng=np.random.default_rng(seed), **shaking)
    return log_trajectory(ReachVectorEnv(n_arms, n_joints=n_joints, physics=physics), actions, seed=seed + 1)


def relative_errors(found, true=TRUE):
    return [abs(getattr(found.physics, field) / getattr(true, field) - 1) for field in FIELDS[:4]]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_regressor_is_the_equation_of_motion(n):
    """Y theta is the torque under which forward_dynamics gives back the accelerations."""
    q, qd, qdd = np.random.default_rng(n).normal(size=(3, 20, n))
    torque = regressor(q, qd, qdd) @ COEFFICIENTS
    np.testing.assert_allclose(arm.forward_dynamics(q, qd, torque, TRUE), qdd, atol=1e-10)


def test_one_link_by_hand():
    """A rod about its end: m l^2 / 3 qdd + m g l / 2 cos q + damping qd, and friction near its full value."""
    Y = regressor(np.array([0.0]), np.array([2.0]), np.array([3.0]), link_length=0.6)
    np.testing.assert_allclose(Y, [[0.36 / 3 * 3, 2 / np.hypot(2, arm.STICTION_SPEED), 2.0, 0.3]])


def test_a_step_is_the_mean_along_the_path():
    """Of a motion that is a cubic in time, the mean of the regressor agrees with ten thousand samples of it."""
    times = np.linspace(0, 0.06, 10_001)
    cubics = np.array([[0.3, 2, -9, 40], [-1, 5, 9, 0]])
    powers = np.stack([times**k for k in range(4)])
    speeds = np.stack([k * times ** max(k - 1, 0) for k in range(4)])
    gains = np.stack([k * (k - 1) * times ** max(k - 2, 0) for k in range(4)])
    q, qd, qdd = ((cubics @ basis).T for basis in (powers, speeds, gains))
    log = Trajectory(times[[0, -1]], q[[0, -1], None], qd[[0, -1], None], np.zeros((1, 1, 2)))
    mean = np.trapezoid(regressor(q, qd, qdd), times, axis=0) / 0.06
    np.testing.assert_allclose(step_regressor(log)[0, 0], mean, rtol=1e-5, atol=1e-6)


def test_delays_shift_commands_behind_zeros():
    torque = np.arange(1.0, 5.0)[:, None, None]
    assert [delayed(torque, d)[:, 0, 0].tolist() for d in (0, 1, 3)] == [[1, 2, 3, 4], [0, 1, 2, 3], [0, 0, 0, 1]]
    assert delayed(torque, 6)[:, 0, 0].tolist() == [0, 0, 0, 0]  # longer than the log


@pytest.mark.parametrize("delay", range(4))
def test_least_squares_comes_near_and_finds_the_delay(delay):
    coefficients, found = least_squares(logged(TRUE.replace(action_delay=delay, sensor_noise=0.001)))
    assert found == delay
    np.testing.assert_allclose(coefficients, COEFFICIENTS, rtol=0.15)


@pytest.mark.parametrize(("n_joints", "delay"), [(2, 0), (2, 3), (3, 1)])
def test_without_noise_physics_are_recovered_exactly(n_joints, delay):
    found = identify(logged(TRUE.replace(action_delay=delay), n_joints=n_joints, n_steps=40, strength=0.3))
    assert max(relative_errors(found)) < 1e-4
    assert found.physics.action_delay == delay and abs(found.delay - delay) < 1e-4


def test_with_noise_physics_are_recovered_and_the_errors_are_told_right():
    """Three noises: all within 2 %, and the errors as large as the standard errors say."""
    scores = []
    for seed in range(3):
        found = identify(logged(TRUE.replace(action_delay=1, sensor_noise=0.005), seed=seed))
        assert max(relative_errors(found)) < 0.02 and found.physics.action_delay == 1
        assert found.residual["q"] == pytest.approx(0.005, rel=0.1)
        assert found.residual["qd"] == pytest.approx(0.025, rel=0.1)
        scores += [(getattr(found.physics, f) - getattr(TRUE, f)) / found.standard_errors[f] for f in FIELDS[:4]]
    # The mean square of 12 scores is near 1; 12 independent ones would lie within 0.26 and 2.4 with 99 %.
    assert 0.26 < np.mean(np.square(scores)) < 2.4


def test_poor_excitation_has_larger_errors():
    noisy = TRUE.replace(sensor_noise=0.005)
    hanging = np.tile([-np.pi / 2, 0.0], (4, 1))
    actions = excitation(80, 4, strength=0.05, hold=40, rng=np.random.default_rng(0))
    poor = log_trajectory(ReachVectorEnv(4, physics=noisy), actions, seed=1, options={"q": hanging})
    good = logged(noisy, strength=0.8, hold=5)
    assert informativeness(good) > informativeness(poor) + 3
    well, badly = identify(good), identify(poor)
    for field in FIELDS:
        assert badly.standard_errors[field] > 3 * well.standard_errors[field]


def test_a_log_that_says_nothing_has_immense_errors():
    """An arm that hangs still has no mass to be seen."""
    hanging = {"q": np.tile([-np.pi / 2, 0.0], (2, 1))}
    envs = ReachVectorEnv(2, physics=TRUE.replace(sensor_noise=0.003))
    log = log_trajectory(envs, np.zeros((40, 2, 2)), seed=0, options=hanging)
    found = identify(log)
    assert found.standard_errors["action_delay"] > 100 and found.standard_errors["gravity"] > 100
    assert sensor_noise(log) == pytest.approx(0.003, rel=0.15)


def test_only_ratios_to_the_gain_are_seen():
    weak = identify(logged(PhysicsParams(motor_strength=0.8), n_steps=30))
    assert [weak.physics.mass, weak.physics.damping] == pytest.approx([1 / 0.8, 0.3 / 0.8], rel=1e-4)
    told = identify(logged(PhysicsParams(motor_strength=0.8), n_steps=30), PhysicsParams(motor_strength=0.8))
    assert [told.physics.mass, told.physics.damping] == pytest.approx([1, 0.3], rel=1e-4)


def test_design_picks_what_tells_most():
    chosen = design_excitation(30, 4, candidates=8, seed=3)
    assert chosen.shape == (30, 4, 2) and np.abs(chosen).max() <= 1
    np.testing.assert_array_equal(chosen, design_excitation(30, 4, candidates=8, seed=3))
    weak = excitation(30, 4, strength=0.05, hold=3, rng=np.random.default_rng(0))
    envs = ReachVectorEnv(4)
    assert informativeness(log_trajectory(envs, chosen, seed=9)) > informativeness(log_trajectory(envs, weak, seed=9))


def test_ranges_to_train_on():
    found = identify(logged(TRUE.replace(action_delay=1, sensor_noise=0.005)))
    ranges = found.ranges(k=3)
    assert set(ranges) == set(FIELDS)
    mass, error = found.physics.mass, found.standard_errors["mass"]
    assert (ranges["mass"].low, ranges["mass"].high) == pytest.approx((mass - 3 * error, mass + 3 * error))
    assert (ranges["action_delay"].low, ranges["action_delay"].high) == (1, 1)
    wide = DomainRandomizer(found.ranges(k=3, least=0.6), found.physics)
    assert wide.bounds("damping") == pytest.approx((0.4 * found.physics.damping, 1.6 * found.physics.damping))
    assert wide.bounds("action_delay") == (0, 2)


def test_what_the_model_lacks_is_left_over():
    """Rotor inertia, motor lag, a payload: on the robot, a simulation of ours leaves more than its sensors' noise."""
    envs = RobotReachVectorEnv(4)
    hanging = {"q": np.tile([-np.pi / 2, 0.0], (4, 1))}
    noise = sensor_noise(log_trajectory(envs, np.zeros((40, 4, 2)), seed=0, options=hanging))
    found = identify(log_trajectory(envs, excitation(80, 4, rng=np.random.default_rng(0)), seed=0))
    assert 0.5 < found.delay < 2.5 and 1 < found.physics.mass < 2
    assert found.residual["q"] > 2 * noise


def test_training_code_never_reads_the_robots_parameters():
    for path in Path(rlbook.sim_to_real.__file__).parent.glob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        names = {getattr(node, kind, None) for node in nodes for kind in ("id", "attr", "name")}
        assert not names & {"RobotParams", "build_model", "_params"}, path


def test_bad_input_is_refused_in_a_sentence():
    short, log = logged(TRUE, n_steps=5), logged(TRUE)
    for bad, said in (
        (lambda: identify(short), "5 control steps; accepted are 10"),
        (lambda: identify(log, max_delay=-1), "max_delay is -1; accepted"),
        (lambda: excitation(10, 2, strength=2.0, rng=np.random.default_rng(0)), "strength is 2.0; accepted"),
        (lambda: design_excitation(10, 2, candidates=0), "candidates is 0; accepted"),
    ):
        with pytest.raises(ValueError, match=said):
            bad()
