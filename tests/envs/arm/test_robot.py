"""The MuJoCo robot: equal to the simulation when matched, and truly different when real."""

import dataclasses
from pathlib import Path

import gymnasium as gym
import mujoco
import numpy as np
import pytest

import rlbook
from rlbook.envs.arm.chapter_reach import ChapterReachVectorEnv
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import MAX_SPEED, VELOCITY_NOISE, ReachVectorEnv
from rlbook.envs.arm.recording import log_trajectory
from rlbook.envs.arm.robot import RobotParams, RobotReachVectorEnv, build_model

SMOOTH = PhysicsParams(friction=0.0)


def with_params(**changes):
    """A robot like the matched one but for some of its parameters."""
    envs = RobotReachVectorEnv(1, preset="matched", physics=PhysicsParams(friction=0.0, gravity=0.0))
    envs._params = dataclasses.replace(envs._params, **changes)
    envs._robots = type(envs._robots)(build_model(envs._params, 2), 1, 1)
    return envs


def driven(envs, steps=6, torque=0.3):
    options = {"q": np.zeros((envs.num_envs, 2))}
    return log_trajectory(envs, np.full((steps, envs.num_envs, 2), torque, np.float32), seed=0, options=options)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_matched_robot_is_the_simulation(n):
    random = np.random.default_rng(0)
    actions = random.uniform(-0.3, 0.3, (20, 4, n)).astype(np.float32)
    options = {"q": np.array([-np.pi / 2] + [0.0] * (n - 1)) + random.uniform(-1, 1, (4, n))}
    robot = log_trajectory(
        RobotReachVectorEnv(4, n_joints=n, preset="matched", physics=SMOOTH), actions, options=options
    )
    simulation = log_trajectory(ReachVectorEnv(4, n_joints=n, physics=SMOOTH), actions, options=options)
    assert np.ptp(robot.q, axis=0).max() > 0.5 and np.abs(robot.qd).max() < MAX_SPEED
    assert np.abs(robot.q - simulation.q).max() < 1e-3
    assert np.abs(robot.qd - simulation.qd).max() < 1e-2


def test_whole_episodes_agree_with_the_simulation():
    envs = [RobotReachVectorEnv(8, preset="matched", physics=SMOOTH), ReachVectorEnv(8, physics=SMOOTH)]
    random = np.random.default_rng(1)
    start = {"q": random.uniform(-3, 3, (8, 2)), "target": random.uniform(-0.6, 0.6, (8, 2))}
    for env in envs:
        env.reset(seed=0, options=start)
    for _ in range(10):
        action = random.uniform(-0.5, 0.5, (8, 2)).astype(np.float32)
        robot, simulation = (env.step(action) for env in envs)
        for ours, theirs in zip(robot[:4], simulation[:4], strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-3)


@pytest.mark.parametrize("n", [2, 3])
def test_the_matched_robot_has_the_drives_speed_limit(n):
    random = np.random.default_rng(0)
    actions = random.choice(np.float32([-1, 1]), (12, 20, n))
    options = {"q": random.uniform(-3, 3, (20, n))}
    robot = log_trajectory(
        RobotReachVectorEnv(20, n_joints=n, preset="matched", physics=SMOOTH), actions, options=options
    )
    simulation = log_trajectory(ReachVectorEnv(20, n_joints=n, physics=SMOOTH), actions, options=options)
    assert (np.abs(simulation.qd) == MAX_SPEED).any()  # without the limit they were 0.5 rad apart by now
    assert np.median(np.abs(robot.q - simulation.q)[-1]) < 1e-3
    assert np.abs(robot.qd).max() <= MAX_SPEED


def test_full_torques_to_and_fro_do_not_blow_it_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where MuJoCo writes its warnings
    physics = PhysicsParams(mass=0.5, damping=0.15, friction=0.05, motor_strength=1.2)
    envs, random = RobotReachVectorEnv(16, n_joints=3, preset="matched", physics=physics), np.random.default_rng(0)
    envs.reset(seed=0)
    for _ in range(300):
        observations, *_ = envs.step(random.choice([-1.0, 1.0], (16, 3)))
    assert np.isfinite(observations).all() and not list(tmp_path.iterdir())


def test_the_payload_hangs_at_the_tip():
    params = RobotParams()
    model = build_model(params, 2)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.xipos[-1], [2 * params.link_length, 0, 0], atol=1e-12)
    # stretched out, the second joint holds m_2 g c_2 l + m_payload g l
    length, gravity = params.link_length, params.gravity
    torque = gravity * length * (params.link_masses[1] * params.mass_centres[1] + params.payload)
    assert data.qfrc_bias[1] == pytest.approx(torque)


def test_a_matched_robot_measures_as_noisily_as_the_simulation():
    physics = PhysicsParams(sensor_noise=0.02)
    for envs in (ReachVectorEnv(2000, physics=physics), RobotReachVectorEnv(2000, preset="matched", physics=physics)):
        envs.reset(seed=0)
        q, qd = envs.measure()
        assert np.std(q - envs.q) == pytest.approx(0.02, rel=0.1)
        assert np.std(qd - envs.qd) == pytest.approx(0.02 * VELOCITY_NOISE, rel=0.1)


def test_the_real_robot_is_not_the_simulation():
    real, simulation = driven(RobotReachVectorEnv(1), 15), driven(ReachVectorEnv(1), 15)
    assert np.abs(real.q - simulation.q).max() > 0.1


def test_real_and_simulated_tasks_have_equal_spaces():
    robot, simulation = (gym.make_vec(name, num_envs=2) for name in ("rlbook/RobotReach-v0", "rlbook/Reach-v0"))
    assert robot.single_observation_space == simulation.single_observation_space
    assert robot.single_action_space == simulation.single_action_space
    assert gym.make("rlbook/RobotReach-v0", torque_levels=3).action_space.n == 9


@pytest.mark.parametrize(
    ("changes", "effect"),
    [
        ({"link_masses": (2.0,)}, "slower"),
        ({"mass_centres": (0.7,)}, "slower"),
        ({"inertia_factor": 2.0}, "slower"),
        ({"payload": 0.5}, "slower"),
        ({"damping": (1.5,)}, "slower"),
        ({"dry_friction": (1.0,)}, "slower"),
        ({"armature": (0.3,)}, "slower"),
        ({"torque_gain": (0.7,)}, "slower"),
        ({"motor_lag": 0.05}, "slower"),
        ({"latency": 2}, "slower"),
    ],
)
def test_each_true_parameter_changes_the_motion(changes, effect):
    # Without gravity a torque on the shoulder turns the whole arm: what resists, or comes late, leaves it behind.
    shoulder = np.zeros((6, 1, 2), np.float32)
    shoulder[:, :, 0] = 0.3
    travelled = [
        log_trajectory(envs, shoulder, options={"q": np.zeros((1, 2))}).q[-1, 0, 0]
        for envs in (with_params(), with_params(**changes))
    ]
    assert travelled[0] > 0.2
    assert travelled[1] < travelled[0] - 0.005


def test_dry_friction_sticks():
    torque = 0.5 / RobotReachVectorEnv(1).max_torque[0]
    stuck = driven(with_params(dry_friction=(1.0,)), 10, torque)
    free = driven(with_params(), 10, torque)
    assert np.abs(stuck.q).max() < 0.01 < 0.1 < np.abs(free.q).max()


def test_motor_lag_has_its_time_constant():
    envs = with_params(motor_lag=0.06)
    envs.reset(options={"q": np.zeros((1, 2))})
    envs.apply(np.array([[1.0, 0.0]]))
    motor = envs._robots._states[0, -2]  # torque of the shoulder motor after one time constant
    assert motor / envs.max_torque[0] == pytest.approx(1 - np.exp(-1), rel=0.02)


def test_encoders_round_and_sensors_are_noisy():
    exact, rounded = with_params(), with_params(encoder_counts=64)
    q, _ = driven(exact).q, None
    counts = driven(rounded).q / (2 * np.pi / 64)
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-4)
    assert np.abs(driven(rounded).q - q).max() <= np.pi / 64 + 1e-6
    noisy = RobotReachVectorEnv(4000)
    noisy.reset(seed=0, options={"q": np.zeros((4000, 2)), "qd": np.zeros((4000, 2))})
    q, qd = noisy.measure()
    assert 0 < q.std() < 0.01 and 0.01 < qd.std() < 0.1


def test_the_log_holds_what_a_robot_can_record():
    envs = RobotReachVectorEnv(3)
    actions = np.random.default_rng(0).uniform(-1.5, 1.5, (40, 3, 2)).astype(np.float32)
    log = log_trajectory(envs, actions, seed=5)
    assert log.time.shape == (41,) and log.q.shape == log.qd.shape == (41, 3, 2) and log.torque.shape == (40, 3, 2)
    np.testing.assert_allclose(np.diff(log.time), envs.dt)
    np.testing.assert_allclose(log.torque, actions.clip(-1, 1) * envs.max_torque, rtol=1e-6)
    again = log_trajectory(RobotReachVectorEnv(3), actions, seed=5)
    np.testing.assert_array_equal(again.q, log.q)


def test_a_single_robot_is_logged_as_a_batch_of_one():
    actions = np.full((5, 1, 2), 0.3, np.float32)
    single, batch = (
        log_trajectory(env, actions, seed=2) for env in (gym.make("rlbook/RobotReach-v0"), RobotReachVectorEnv(1))
    )
    assert single.q.shape == (6, 1, 2)
    np.testing.assert_array_equal(single.q, batch.q)
    with pytest.raises(ValueError, match=r"actions have shape \(0, 1, 2\); accepted are"):
        log_trajectory(RobotReachVectorEnv(1), actions[:0])
    with pytest.raises(ValueError, match="accepted are simulated arms and robots"):
        log_trajectory(ChapterReachVectorEnv(1), np.zeros((5, 1, 6)))


def test_a_log_goes_on_through_targets_and_time_limits():
    envs = ReachVectorEnv(1, max_steps=3)
    log = log_trajectory(envs, np.zeros((10, 1, 2)), options={"q": np.zeros((1, 2)), "target": [[1.0, 0.0]]})
    assert (np.diff(log.q[:, 0, 0]) != 0).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_same_seed_same_robot_whatever_the_threads(threads):
    def run(n_threads):
        envs = RobotReachVectorEnv(5, n_threads=n_threads, max_steps=10)
        states = [envs.reset(seed=1)[0]]
        for t in range(25):
            envs.action_space.seed(t)
            states.append(envs.step(envs.action_space.sample())[0])
        envs.close()
        return np.stack(states)

    np.testing.assert_array_equal(run(1), run(threads))


def test_robots_run_long_without_a_bad_number():
    envs = RobotReachVectorEnv(16)
    envs.reset(seed=0)
    for t in range(500):
        envs.action_space.seed(t)
        observations, rewards, *_ = envs.step(np.sign(envs.action_space.sample()))
        assert np.isfinite(observations).all() and np.isfinite(rewards).all()
        assert envs.observation_space.contains(observations)


def test_no_learner_or_exercise_reads_what_the_robot_truly_is():
    package = Path(rlbook.__file__).parent
    readers = [path for path in package.rglob("*.py") if "RobotParams" in path.read_text()]
    assert [path.relative_to(package).as_posix() for path in readers] == ["envs/arm/robot.py"]
    with pytest.raises(AttributeError):
        RobotReachVectorEnv(1).physics  # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "ideal"}, "preset is 'ideal'; accepted are real, matched"),
        ({"physics": SMOOTH}, "accepted with preset='matched'"),
        ({"device": "cpu"}, "device is 'cpu'; accepted is None"),
        ({"n_threads": 0}, "n_threads is 0; accepted are whole numbers from 1"),
        ({"n_threads": "all"}, "n_threads is 'all'; accepted are whole numbers from 1"),
        ({"preset": "matched", "physics": 3}, "physics is 3; accepted is a PhysicsParams"),
        ({"dt": 0.001}, "dt is 0.001 s; accepted are whole multiples of 0.002 s"),
        (
            {"preset": "matched", "physics": PhysicsParams(mass=np.ones(2))},
            "PhysicsParams.mass has shape .2,.; accepted are numbers",
        ),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        RobotReachVectorEnv(2, **arguments)
