"""The reaching task: Gymnasium's contract on every registered id, resets, rewards, randomized physics, bad input."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.env_checker import check_env as check_env_sb3

import rlbook.envs  # noqa: F401
from rlbook.envs.arm import physics as arm
from rlbook.envs.arm.chapter_reach import ReachingTaskMDP
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import MAX_SPEED, SUBSTEPS, ReachVectorEnv, reward_terms

IDS = ("rlbook/Reach-v0", "rlbook/ReachDiscrete-v0", "rlbook/RobotReach-v0")
ARMS = ("rlbook/Reach-v0", "rlbook/RobotReach-v0")
RANGES = {  # wider than any the workbook randomizes over
    "mass": (0.4, 2.5),
    "friction": (0.0, 0.5),
    "damping": (0.1, 1.0),
    "motor_strength": (0.5, 1.5),
    "gravity": (0.0, 15.0),
    "link_length": (0.45, 0.55),
    "sensor_noise": (0.0, 0.05),
}


def random_physics(count, seed=0):
    random = np.random.default_rng(seed)
    fields = {name: random.uniform(*limits, count) for name, limits in RANGES.items()}
    return PhysicsParams(**fields, action_delay=random.integers(0, 4, count))


def random_actions(env, seed):
    env.action_space.seed(seed)
    return env.action_space.sample()


# ------------------------------------------------------------------------------------------------ Gymnasium's contract


@pytest.mark.parametrize("name", IDS)
@pytest.mark.filterwarnings("error")
def test_environments_pass_both_checkers(name):
    env = gym.make(name, render_mode="rgb_array").unwrapped
    check_env(env)
    check_env_sb3(env)


def test_the_chapters_task_passes_gymnasiums_checker():
    check_env(ReachingTaskMDP.as_in_chapter(), skip_render_check=True)


@pytest.mark.parametrize("name", IDS)
def test_make_vec_gives_the_native_batch(name):
    envs = gym.make_vec(name, num_envs=3)
    assert envs.unwrapped.num_envs == 3 and not isinstance(envs.unwrapped, gym.vector.SyncVectorEnv)
    observations, _ = envs.reset(seed=0)
    assert observations.shape == (3, 10) and observations.dtype == np.float32
    observations, rewards, terminated, truncated, info = envs.step(envs.action_space.sample())
    assert envs.observation_space.contains(observations)
    assert rewards.shape == terminated.shape == truncated.shape == info["distance"].shape == (3,)
    envs.close()


def test_wrappers_and_sync_vectorization_work():
    envs = gym.make_vec("rlbook/Reach-v0", num_envs=2, vectorization_mode="sync", max_steps=5)
    envs.reset(seed=0)
    assert envs.step(envs.action_space.sample())[0].shape == (2, 10)
    envs = gym.wrappers.vector.RecordEpisodeStatistics(gym.make_vec("rlbook/Reach-v0", num_envs=4, max_steps=5))
    envs.reset(seed=0)
    for _ in range(5):
        *_, info = envs.step(0 * envs.action_space.sample())
    assert (info["episode"]["l"][info["_episode"]] == 5).all() and info["_episode"].any()


@pytest.mark.parametrize("name", IDS)
def test_the_scalar_environment_is_the_batch_of_one(name):
    env, envs = gym.make(name), gym.make_vec(name, num_envs=1, autoreset_mode=AutoresetMode.DISABLED)
    observation, _ = env.reset(seed=7)
    observations, _ = envs.reset(seed=7)
    np.testing.assert_array_equal(observation, observations[0])
    for t in range(30):
        action = random_actions(env, t)
        one, many = env.step(action), envs.step(np.asarray(action)[None])
        for single, batch in zip(one[:4], many[:4], strict=True):
            np.testing.assert_array_equal(single, batch[0])
        for key, value in one[4].items():
            assert value == many[4][key][0]


@pytest.mark.parametrize("name", ARMS)
def test_a_batch_moves_as_its_arms_one_by_one(name):
    random = np.random.default_rng(0)
    start = {"q": random.uniform(-3, 3, (4, 2)), "qd": random.normal(0, 1, (4, 2)), "target": np.full((4, 2), 0.9)}
    envs, env = gym.make_vec(name, num_envs=4).unwrapped, gym.make(name).unwrapped
    envs.reset(seed=0, options=start)
    actions = random.uniform(-1, 1, (20, 4, 2)).astype(np.float32)
    for action in actions:
        envs.step(action)
    for i in range(4):
        env.reset(seed=i, options={key: value[i] for key, value in start.items()})
        for action in actions:
            env.step(action[i])
        np.testing.assert_allclose(env.batch.q[0], envs.q[i], atol=1e-4)


@pytest.mark.parametrize("arguments", [{}, {"device": "cpu"}, {"physics": random_physics(5)}, {"torque_levels": 3}])
def test_same_seed_same_trajectory_other_seed_another(arguments):
    def run(seed):
        envs = ReachVectorEnv(5, max_steps=10, **arguments)
        trajectory = [envs.reset(seed=seed)[0]]
        for t in range(25):
            trajectory.append(envs.step(random_actions(envs, t))[0])
        return np.stack([np.asarray(step) for step in trajectory])

    np.testing.assert_array_equal(run(3), run(3))
    assert not np.array_equal(run(3), run(4))


# ------------------------------------------------------------------------------------------------------------- resets


def finish_one(mode, **arguments):
    """Three arms of which the second starts on its target, after one step; and the state before it."""
    envs = ReachVectorEnv(3, autoreset_mode=mode, max_steps=4, **arguments)
    targets = np.full((3, 2), -0.9)
    targets[1] = 1.0, 0.0
    envs.reset(seed=0, options={"q": np.zeros((3, 2)), "target": targets})
    return envs, envs.step(0 * random_actions(envs, 0))


def test_same_step_reset_keeps_the_true_last_observation():
    envs, (observations, rewards, terminated, truncated, info) = finish_one(AutoresetMode.SAME_STEP)
    assert terminated.tolist() == [False, True, False] and not truncated.any()
    assert info["_final_obs"].tolist() == [False, True, False]
    assert np.abs(info["final_obs"][1][:2] - 1).max() < 0.02  # still stretched out: cos q near 1
    assert np.linalg.norm(info["final_obs"][1][-2:]) <= envs.goal_threshold
    assert info["final_info"]["is_success"][1] and info["is_success"][1] and rewards[1] > 0.9
    np.testing.assert_array_equal(observations[1, 4:6], 0)  # the new episode starts at rest
    np.testing.assert_array_equal(observations[[0, 2]], info["final_obs"][[0, 2]])
    assert envs.steps.tolist() == [1, 0, 1]


def test_next_step_reset_spends_a_step_and_pays_nothing():
    envs, (observations, _, terminated, _, _) = finish_one(AutoresetMode.NEXT_STEP)
    assert terminated[1] and np.linalg.norm(observations[1, -2:]) <= envs.goal_threshold
    observations, rewards, terminated, truncated, info = envs.step(random_actions(envs, 1))
    assert rewards[1] == 0 and not terminated[1] and not truncated[1] and info["reward_distance"][1] == 0
    assert not info["is_success"][1]  # its success was told, and counted, a step ago
    np.testing.assert_array_equal(observations[1, 4:6], 0)
    assert envs.steps.tolist() == [2, 0, 2]


def test_disabled_reset_waits_for_the_caller():
    envs, (before, _, terminated, _, _) = finish_one(AutoresetMode.DISABLED)
    with pytest.raises(gym.error.ResetNeeded, match="1 of 3 arms"):
        envs.step(random_actions(envs, 1))
    after, _ = envs.reset(options={"reset_mask": terminated})
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])
    assert not np.array_equal(after[1], before[1])
    assert envs.steps.tolist() == [1, 0, 1]
    envs.step(random_actions(envs, 1))


def test_the_time_limit_truncates_and_does_not_terminate():
    envs = ReachVectorEnv(2, max_steps=3)
    envs.reset(seed=0, options={"q": np.zeros((2, 2)), "target": np.full((2, 2), -0.9)})
    flags = [envs.step(np.zeros((2, 2)))[2:4] for _ in range(4)]
    assert not any(terminated.any() for terminated, _ in flags)
    assert [truncated.tolist() for _, truncated in flags] == [[False] * 2, [False] * 2, [True] * 2, [False] * 2]
    envs = ReachVectorEnv(1, max_steps=1)  # arriving with the last step is a success, not a time-out
    envs.reset(seed=0, options={"q": np.zeros((1, 2)), "target": [[1.0, 0.0]]})
    *_, terminated, truncated, _ = envs.step(np.zeros((1, 2)))
    assert terminated[0] and not truncated[0]


def test_observations_handed_out_are_not_changed_later():
    envs = ReachVectorEnv(4, max_steps=2)
    kept, _ = envs.reset(seed=0)
    copy = kept.copy()
    results = [envs.step(random_actions(envs, t)) for t in range(3)]
    finals = [(info["final_obs"], info["final_obs"].copy()) for *_, info in results if "final_obs" in info]
    for t in range(3):
        envs.step(random_actions(envs, t))
    np.testing.assert_array_equal(kept, copy)
    assert finals and all(np.array_equal(*pair) for pair in finals)


# ------------------------------------------------------------------------------------------------- states and rewards


def test_observation_says_where_arm_and_target_are():
    envs = ReachVectorEnv(1)
    q, qd, target = np.array([[np.pi / 2, -np.pi / 2]]), np.array([[1.0, -2.0]]), np.array([[0.3, 0.7]])
    observations, _ = envs.reset(options={"q": q, "qd": qd, "target": target})
    # Upper arm up, forearm level: the tip is at (0.5, 0.5).
    expected = [0, 0, 1, -1, 0.1, -0.2, 0.3, 0.7, -0.2, 0.2]
    np.testing.assert_allclose(observations[0], expected, atol=1e-6)
    for seen, true in zip(envs.read_observation(observations), (q, qd, target), strict=True):
        np.testing.assert_allclose(seen, true, atol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_targets_and_starts_cover_what_can_be_reached(n):
    envs = ReachVectorEnv(4000, n_joints=n)
    envs.reset(seed=0)
    radius = np.hypot(*envs.target.T) / envs.reach
    assert radius.min() >= (0.2 if n > 1 else 1) - 1e-6 and radius.max() <= (0.95 if n > 1 else 1) + 1e-6
    assert np.abs(envs.target.mean(0)).max() < 0.05 * envs.reach
    assert envs.q.min() < -3 and envs.q.max() > 3 and not envs.qd.any()


@pytest.mark.parametrize("name", IDS)
def test_the_reward_is_the_sum_of_its_terms(name):
    envs = gym.make_vec(name, num_envs=50)
    envs.reset(seed=0)
    for t in range(50):
        *_, info = result = envs.step(random_actions(envs, t))
        terms = [value for key, value in info.items() if key.startswith("reward_")]
        assert len(terms) == 3
        np.testing.assert_allclose(result[1], sum(terms), rtol=1e-6)
        np.testing.assert_allclose(info["reward_distance"], -0.1 * info["distance"], rtol=1e-6)
        np.testing.assert_array_equal(info["reward_success"], info["is_success"])


def test_reward_by_hand():
    # 0.4 m away, full torque on one of two joints: effort is half of a joint's 0.001, whatever their number.
    terms = reward_terms(np.array([0.4]), np.array([[1.0, 0.0]]), np.array([False]))
    values = {name: float(term[0]) for name, term in terms.items()}
    assert values == pytest.approx({"distance": -0.04, "effort": -0.0005, "success": 0.0})
    for n in (1, 2, 6):
        assert reward_terms(np.zeros(1), np.ones((1, n)), np.ones(1, bool))["effort"] == pytest.approx(-0.001)
    for name in ("rlbook/Reach-v0", "rlbook/ReachHold-v0", "rlbook/RobotReach-v0"):
        envs = gym.make_vec(name, num_envs=1)
        envs.reset(seed=0, options={"q": [0.0, 0.0], "target": [-0.9, 0.0]})
        assert envs.step(np.array([[1.0, -0.5]]))[4]["reward_effort"][0] == pytest.approx(-0.001 * 1.25 / 2)


def test_targets_are_uniform_over_the_area_of_the_ring():
    envs = ReachVectorEnv(20_000)
    envs.reset(seed=0)
    radius, angle = np.hypot(*envs.target.T) / envs.reach, np.arctan2(*envs.target.T[::-1])
    area = (radius**2 - 0.2**2) / (0.95**2 - 0.2**2)  # the share of the ring that is nearer
    for share in (area, angle / (2 * np.pi) + 0.5):
        counts, _ = np.histogram(share, bins=20, range=(0, 1))
        assert ((counts - 1000) ** 2 / 1000).sum() < 43.8  # chi^2 of 19 degrees of freedom, 1 in 1,000


@pytest.mark.parametrize("make", [ReachingTaskMDP, ReachingTaskMDP.as_in_chapter])
def test_compute_reward_needs_only_its_arguments(make):
    env = make()
    state, _ = env.reset(seed=0)
    for t in range(20):
        action = random_actions(env, t)
        next_state, reward, *_ = env.step(action)
        env.reset(seed=100) if t == 19 else None
        assert env.compute_reward(state, action, next_state) == pytest.approx(reward, rel=1e-5)
        state = next_state


def test_the_chapters_helpers_are_there():
    env = ReachingTaskMDP(gamma=0.95)
    assert (env.state_dim, env.action_dim, env.gamma, env.dt) == (10, 2, 0.95, 0.06)
    np.testing.assert_allclose(env.denormalize_action(env.normalize_action([0.3, -1.0])), [0.3, -1.0])
    chapter = ReachingTaskMDP.as_in_chapter()
    assert (chapter.state_dim, chapter.action_dim, chapter.dt, chapter.batch.max_steps) == (15, 6, 0.01, 200)
    assert np.isfinite(chapter.normalize_state(chapter.reset(seed=0)[0])).all()


# ----------------------------------------------------------------------------------------------------- the physics


def test_torques_are_in_units_of_max_torque():
    envs = ReachVectorEnv(2, max_torque=(7.0, 3.0))
    envs.reset(options={"q": np.zeros((2, 2)), "target": np.full((2, 2), -0.9)})
    q, qd = envs.q, envs.qd
    envs.step(np.array([[1.0, -0.5], [0.0, 4.0]]))
    torque = np.array([[7.0, -1.5], [0.0, 3.0]], dtype=np.float32)
    expected, _ = arm.step(q, qd, torque, PhysicsParams(), envs.dt, substeps=SUBSTEPS, max_speed=MAX_SPEED)
    np.testing.assert_allclose(envs.q, expected, rtol=1e-6)


def test_gravity_can_be_beaten_by_the_default_motors():
    for n in (1, 2, 3):
        np.testing.assert_allclose(ReachVectorEnv(1, n_joints=n).max_torque, 2 * arm.holding_torque(n))


def test_discrete_actions_are_all_combinations_of_torques():
    envs = gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=9).unwrapped
    assert {tuple(row) for row in envs.torque_combinations} == {(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)}
    same = {"q": np.zeros((9, 2)), "target": np.full((9, 2), -0.9)}
    envs.reset(seed=0, options=same)
    continuous = ReachVectorEnv(9)
    continuous.reset(seed=0, options=same)
    np.testing.assert_array_equal(
        envs.step(np.arange(9))[0], continuous.step(continuous.arrays.of(envs.torque_combinations))[0]
    )


@pytest.mark.parametrize("name", [*RANGES, "action_delay"])
def test_every_parameter_reaches_the_observations(name):
    changed = {"mass": 2.0, "friction": 0.5, "damping": 1.0, "motor_strength": 0.7, "gravity": 5.0}
    changed |= {"link_length": 0.4, "sensor_noise": 0.05, "action_delay": 2}

    def run(physics):
        envs = ReachVectorEnv(1)
        envs.physics = physics
        envs.reset(seed=0, options={"q": np.zeros((1, 2)), "target": np.full((1, 2), -0.9)})
        return np.stack([envs.step(np.array([[0.8, 0.3]]))[0] for _ in range(10)])

    assert np.abs(run(PhysicsParams(**{name: changed[name]})) - run(PhysicsParams())).max() > 0.01


def test_a_delay_of_two_steps_is_two_steps():
    delays = np.array([0, 1, 2, 3])
    envs = ReachVectorEnv(4, physics=PhysicsParams(action_delay=delays, gravity=0.0))
    options = {"q": np.zeros((4, 2)), "target": np.full((4, 2), -0.9)}
    envs.reset(options=options)
    actions = np.random.default_rng(0).uniform(-1, 1, (12, 1, 2)).astype(np.float32).repeat(4, axis=1)
    q = []
    for action in actions:
        envs.step(action)
        q.append(envs.q.copy())
    q = np.stack(q)
    for i, delay in enumerate(delays):
        assert not q[:delay, i].any()  # no command has arrived: without gravity nothing moves
        np.testing.assert_array_equal(q[delay:, i], q[: 12 - delay, 0])
    envs.reset(options=options)  # commands of the last episode are forgotten
    envs.step(actions[0])
    assert not envs.q[1:].any()


def test_sensor_noise_is_on_what_is_measured_only():
    envs = ReachVectorEnv(5000, physics=PhysicsParams(sensor_noise=0.03))
    same = {"q": np.full((5000, 2), 0.4), "target": np.full((5000, 2), 0.5)}
    observations, _ = envs.reset(seed=0, options=same)
    q, qd, target = envs.read_observation(observations)
    assert np.std(q[:, 0]) == pytest.approx(0.03, rel=0.05)
    assert np.std(qd[:, 1]) == pytest.approx(0.15, rel=0.05)
    np.testing.assert_array_equal(envs.q, np.full((5000, 2), np.float32(0.4)))
    np.testing.assert_array_equal(target, envs.target)


def test_a_batch_of_physics_is_one_physics_an_arm():
    physics = random_physics(6).replace(sensor_noise=0.0)
    envs = ReachVectorEnv(6, physics=physics)
    start = {"q": np.zeros((6, 2)), "target": np.full((6, 2), -0.9)}
    envs.reset(options=start)
    for t in range(10):
        envs.step(np.full((6, 2), np.sin(t)))
    for i in range(6):
        fields = {key: value[i] if np.ndim(value) else value for key, value in physics.as_dict().items()}
        env = ReachVectorEnv(1, physics=PhysicsParams(**fields))
        env.reset(options={key: value[i] for key, value in start.items()})
        for t in range(10):
            env.step(np.full((1, 2), np.sin(t)))
        np.testing.assert_allclose(env.q[0], envs.q[i], atol=1e-4)


@pytest.mark.parametrize(("n", "wobble"), [(1, 0.01), (2, 0.5)])
def test_falling_arms_come_to_rest_under_any_physics(n, wobble):
    physics, random = random_physics(500), np.random.default_rng(1)
    q, qd = random.uniform(-np.pi, np.pi, (500, n)), np.zeros((500, n))
    highest = physics.mass * physics.gravity * physics.link_length * n**2 / 2  # energy of the arm standing upright
    dt, limits = ReachVectorEnv(1).dt, {"substeps": SUBSTEPS, "max_speed": MAX_SPEED}
    energies = [arm.energy(q, qd, physics)]
    for _ in range(300):
        q, qd = arm.step(q, qd, 0 * q, physics, dt, **limits)
        energies.append(arm.energy(q, qd, physics))
    # A first-order integrator's energy wobbles, the more so the more links whip; it must not grow.
    assert (np.max(energies, axis=0) <= energies[0] + wobble * highest + 1e-6).all()
    assert (energies[-1] <= energies[0] + 1e-6).all()
    assert np.abs(qd).max() < 2.0


def test_ten_thousand_steps_over_the_full_ranges_stay_finite():
    envs = ReachVectorEnv(16, physics=random_physics(16))
    envs.reset(seed=0)
    random = np.random.default_rng(0)
    successes = 0
    for t in range(10_000):
        if t % 500 == 0:
            envs.physics = random_physics(16, seed=t)
        scale = 10.0 ** random.integers(-1, 7)
        observations, rewards, terminated, *_ = envs.step(random.normal(0, scale, (16, 2)))
        successes += terminated.sum()
        assert np.isfinite(observations).all() and np.isfinite(rewards).all()
    assert envs.observation_space.contains(observations)
    assert successes > 100


@pytest.mark.parametrize("n", [1, 3, 6])
def test_other_arms_stay_finite(n):
    envs = ReachVectorEnv(64, n_joints=n, physics=random_physics(64))
    envs.reset(seed=0)
    for t in range(300):
        observations, rewards, *_ = envs.step(random_actions(envs, t))
        assert np.isfinite(observations).all() and np.isfinite(rewards).all()
    assert envs.observation_space.contains(observations)


@pytest.mark.parametrize("name", ARMS)
@pytest.mark.parametrize("action", [1e6, -1e6])
def test_extreme_actions_are_clipped(name, action):
    extreme, full = (gym.make_vec(name, num_envs=3) for _ in range(2))
    extreme.reset(seed=0), full.reset(seed=0)
    for _ in range(50):
        observed = extreme.step(np.full((3, 2), action))[0]
        assert np.isfinite(observed).all()
        np.testing.assert_array_equal(observed, full.step(np.full((3, 2), np.sign(action)))[0])
