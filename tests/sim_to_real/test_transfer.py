"""Transfer is counted right, and the safety layer holds arms within limits."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from rlbook.envs.arm.controllers import PDController
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.envs.arm.recording import record_episodes
from rlbook.envs.arm.robot import RobotReachVectorEnv
from rlbook.sim_to_real.transfer import SafetyLayer, run_episodes, sweep_success, transfer_report, wilson_interval


def controller(envs, stiffness=30.0):
    return PDController(envs, stiffness=stiffness, damping=5.0)


def still(observations):
    return np.zeros((len(observations), 2), dtype=np.float32)


class Learner:
    """A learner that notices whether it is asked to explore."""

    def select_action(self, state, training=True):
        assert training is False
        return still(state)


@pytest.mark.parametrize(
    ("successes", "n", "interval"),
    [(8, 10, (0.4902, 0.9433)), (0, 20, (0.0, 0.1611)), (20, 20, (0.8389, 1.0)), (95, 100, (0.8882, 0.9785))],
)
def test_the_wilson_interval_by_hand(successes, n, interval):
    assert wilson_interval(successes, n) == pytest.approx(interval, abs=1e-4)


def test_the_wilson_interval_holds_the_truth_as_often_as_it_says():
    """Of 4,000 experiments of 50 tosses with rate 0.9, about 95 %; the plain interval misses far more."""
    successes = np.random.default_rng(0).binomial(50, 0.9, 4000)
    low, high = wilson_interval(successes, 50)
    assert ((low <= 0.9) & (0.9 <= high)).mean() == pytest.approx(0.95, abs=0.025)
    p = successes / 50
    assert (np.abs(p - 0.9) <= 1.96 * np.sqrt(p * (1 - p) / 50)).mean() < 0.92


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
def test_episodes_agree_with_a_recording(mode):
    envs = ReachVectorEnv(40, max_steps=40, autoreset_mode=mode)
    ours = run_episodes(controller(envs), envs, seed=3)
    recording = record_episodes(envs, controller(envs), seed=3)
    np.testing.assert_array_equal(ours.success, recording.successes)
    np.testing.assert_array_equal(ours.length, recording.lengths)
    np.testing.assert_allclose(ours.distance, recording.distance[-1], atol=1e-6)
    assert 0.3 < ours.success.mean() < 1


def test_effort_and_violations_by_hand():
    """Two steps: the first asks for twice the torque, which is taken as 1, the second for half of it."""
    envs = ReachVectorEnv(3, max_steps=2, goal_threshold=1e-6)
    asked = iter([np.full((3, 2), 2.0), np.full((3, 2), -0.5)])
    episodes = run_episodes(lambda observations: next(asked), envs, seed=0)
    np.testing.assert_allclose(episodes.effort, (1 + 0.25) / 2)
    np.testing.assert_allclose(episodes.torque_violations, 0.5)
    np.testing.assert_array_equal(episodes.length, 2)


def test_speed_violations_count_the_last_step_too():
    """An arm that the last step makes too fast: its observation is not that of the next episode."""
    envs = ReachVectorEnv(5, max_steps=1, goal_threshold=1e-6)
    fast = run_episodes(lambda observations: np.ones((5, 2), dtype=np.float32), envs, seed=0, speed_limit=0.1)
    np.testing.assert_array_equal(fast.speed_violations, 1.0)
    slow = run_episodes(lambda observations: np.ones((5, 2), dtype=np.float32), envs, seed=0, speed_limit=19.0)
    np.testing.assert_array_equal(slow.speed_violations, 0.0)


def test_a_report_agrees_with_hand_counts():
    robot = RobotReachVectorEnv(20, max_steps=30)
    report = transfer_report({"pd": controller(robot), "still": [Learner(), still]}, robot, episodes=60, seeds=(4, 5))
    runs = [run_episodes(controller(robot), robot, seed) for seed in (4, 5, 100_004, 100_005)]
    success = np.concatenate([run.success for run in runs])
    pd = report["pd"]
    assert pd.episodes == len(success) == 80 and pd.success == success.mean()
    assert pd.interval == pytest.approx(wilson_interval(success.sum(), 80))
    assert pd.distance == pytest.approx(np.median(np.concatenate([run.distance for run in runs])))
    assert report["still"].episodes == 160 and report["still"].effort == 0
    assert report["still"].by_agent.shape == (2,) and report["still"].by_agent[0] == report["still"].by_agent[1]


def test_the_same_seed_reports_the_same():
    robot = RobotReachVectorEnv(10, max_steps=20)
    first, again = (transfer_report({"pd": controller(robot)}, robot, 20, seeds=(1,))["pd"] for _ in range(2))
    assert vars(first).keys() == vars(again).keys()
    assert all(np.array_equal(value, vars(again)[name]) for name, value in vars(first).items())


def test_a_sweep_has_one_axis_a_field_in_their_order():
    """Arms that are at the target if strong enough for their mass, whatever they do."""

    def make(n, physics):
        envs = ReachVectorEnv(n, physics=physics, max_steps=2)
        envs._distance = lambda: np.where(physics.motor_strength > physics.mass, 0.0, 1.0).astype(np.float32)
        return envs

    rates = sweep_success(still, make, {"motor_strength": [0.5, 1.5], "mass": [0.4, 1.0, 1.2]}, episodes=7)
    np.testing.assert_array_equal(rates, [[1, 0, 0], [1, 1, 1]])


def test_a_sweep_plays_the_arms_it_is_asked_for():
    def make(n, physics):
        return ReachVectorEnv(n, physics=physics, max_steps=60)

    rates = sweep_success(controller(ReachVectorEnv(1)), make, {"motor_strength": [0.1, 1.0]}, episodes=60)
    assert rates[0] < 0.3 < rates[1]


def test_the_safety_layer_limits_torque():
    envs = ReachVectorEnv(2)
    taken, move = [], envs._move
    envs._move = lambda torque: (taken.append(torque), move(torque))
    safe = SafetyLayer(envs, torque_limit=0.4, speed_limit=19.0)
    safe.reset(seed=0)
    safe.step(np.array([[1.0, -1.0], [0.2, 0.1]], dtype=np.float32))
    np.testing.assert_allclose(taken[0] / envs.max_torque, [[0.4, -0.4], [0.2, 0.1]], rtol=1e-5)


def test_the_safety_layer_stops_an_arm_that_goes_too_fast_until_its_episode_ends():
    envs = ReachVectorEnv(4, max_steps=12, goal_threshold=1e-6)
    safe = SafetyLayer(envs, speed_limit=3.0)
    safe.reset(seed=0, options={"q": np.tile([-np.pi / 2, 0.0], (4, 1))})
    push = np.zeros((4, 2), dtype=np.float32)
    push[:2] = 1.0
    speeds, stops = [], []
    for _ in range(11):
        observations, *_ = safe.step(push)
        speeds.append(np.abs(envs.read_observation(observations)[1]).max(axis=1))
        stops.append(safe.stopped.copy())
    assert (np.max(speeds, axis=0)[:2] > 3).all() and safe.n_stops == 2
    assert stops[-1].tolist() == [True, True, False, False]
    assert (speeds[-1][:2] < 0.5 * np.max(speeds, axis=0)[:2]).all()  # braked, though the policy pushes on
    safe.step(push)
    assert not safe.stopped.any()  # new episodes, at rest


def test_bad_input_is_refused_in_a_sentence():
    envs = ReachVectorEnv(2)
    for bad, said in (
        (lambda: run_episodes("policy", envs, 0), "'policy'; accepted"),
        (lambda: transfer_report({}, envs), "agents are {}"),
        (lambda: transfer_report({"still": still}, envs, 0), "episodes is 0; accepted"),
        (lambda: sweep_success(still, None, {"weight": [1]}), "'weight'; accepted"),
        (lambda: SafetyLayer(envs, torque_limit=2), "torque_limit is 2; accepted"),
    ):
        with pytest.raises(ValueError, match=said):
            bad()
