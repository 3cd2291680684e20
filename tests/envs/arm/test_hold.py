"""Reach and hold, the last action in the observation, and physics drawn at every reset."""

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.env_checker import check_env as check_env_sb3

import rlbook.envs  # noqa: F401
from rlbook.envs.arm.chapter_reach import ReachingTaskMDP
from rlbook.envs.arm.controllers import PDController
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import ReachEnv, ReachVectorEnv
from rlbook.envs.arm.recording import record_episodes

IDS = ("rlbook/ReachHold-v0", "rlbook/RobotReachHold-v0")
FAR = np.array([[-0.9, 0.0]])


def floating(num_envs=1, **arguments):
    """Arms without gravity that stay where they are put: stretched out, the tip at (1, 0)."""
    envs = ReachVectorEnv(num_envs, physics=PhysicsParams(gravity=0.0), **arguments)
    envs.reset(seed=0, options={"q": np.zeros((num_envs, 2)), "target": np.tile([1.0, 0.0], (num_envs, 1))})
    return envs


def idle(envs):
    return 0 * np.asarray(envs.single_action_space.sample() * np.ones((envs.num_envs, 1)), np.float32)


def move_targets(envs, target):
    envs.target = envs.arrays.of(np.tile(target, (envs.num_envs, 1)))


# ------------------------------------------------------------------------------------------------ Gymnasium's contract


@pytest.mark.parametrize("arguments", [{}, {"torque_levels": 3}])
@pytest.mark.parametrize("name", IDS)
@pytest.mark.filterwarnings("error")
def test_environments_pass_both_checkers(name, arguments):
    env = gym.make(name, render_mode="rgb_array", **arguments).unwrapped
    check_env(env)
    check_env_sb3(env)
    assert env.observation_space.shape == (12,) and env.batch.hold_steps == 8 and env.batch.goal_threshold == 0.03


@pytest.mark.parametrize("arguments", [{}, {"torque_levels": 3}])
@pytest.mark.parametrize("name", IDS)
def test_the_scalar_environment_is_the_batch_of_one(name, arguments):
    env = gym.make(name, **arguments)
    envs = gym.make_vec(name, num_envs=1, autoreset_mode=AutoresetMode.DISABLED, **arguments)
    np.testing.assert_array_equal(env.reset(seed=7)[0], envs.reset(seed=7)[0][0])
    env.action_space.seed(0)
    for _ in range(20):
        action = env.action_space.sample()
        one, many = env.step(action), envs.step(np.asarray(action)[None])
        for single, batch in zip(one[:4], many[:4], strict=True):
            np.testing.assert_array_equal(single, batch[0])
        assert all(value == many[4][key][0] for key, value in one[4].items())


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_as_the_original(name, duplicate):
    env = gym.make(name).unwrapped
    env.reset(seed=0, options={"q": [0.0, 0.1], "target": [0.99, 0.1]})
    env.step(np.array([0.4, 0.1]))
    twin = duplicate(env)
    for action in np.random.default_rng(0).uniform(-1, 1, (5, 2)):
        ours, theirs = env.step(action), twin.step(action)
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert ours[1:] == theirs[1:]


@pytest.mark.parametrize("device", [None, "cpu"])
def test_same_seed_same_episodes(device):
    def run(seed):
        envs = ReachVectorEnv(
            5, device=device, max_steps=6, hold_steps=2, goal_threshold=0.4, observe_last_action=True,
            physics_on_reset=random_masses,
        )  # fmt: skip
        steps = [envs.reset(seed=seed)[0]]
        random = np.random.default_rng(0)
        for _ in range(20):
            steps.append(envs.step(envs.arrays.of(random.uniform(-1, 1, (5, 2))))[0])
        return np.stack([envs.arrays.to_numpy(step) for step in steps])

    np.testing.assert_array_equal(run(3), run(3))
    assert not np.array_equal(run(3), run(4))


# -------------------------------------------------------------------------------------------------------------- holding


def test_one_step_to_hold_is_the_task_as_it_was():
    touching, holding = (ReachVectorEnv(64, max_steps=15, **more) for more in ({}, {"hold_steps": 1}))
    touching.reset(seed=0), holding.reset(seed=0)
    arrived = 0
    for action in np.random.default_rng(0).uniform(-1, 1, (40, 64, 2)):
        ours, theirs = touching.step(action), holding.step(action)
        for a, b in zip(ours[:4], theirs[:4], strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(ours[2], ours[4]["distance"] <= 0.05)
        arrived += ours[2].sum()
    assert arrived > 5


@pytest.mark.parametrize("device", [None, "cpu"])
def test_success_is_staying_for_that_many_steps(device):
    envs = floating(2, hold_steps=3, device=device)
    held, success, terminated = [], [], []
    for t in range(5):
        move_targets(envs, FAR[0] if t == 1 else [1.0, 0.0])  # away for one step: it counts from the beginning
        _, _, done, _, info = envs.step(np.zeros((2, 2)))
        held.append(int(info["held"][0])), success.append(float(info["reward_success"][0]))
        terminated.append(bool(done[0]))
        assert bool(info["is_success"][0]) == bool(done[0])
    assert held == [1, 0, 1, 2, 3] and terminated == [False] * 4 + [True]
    np.testing.assert_allclose(success, [1 / 3, -1 / 3, 1 / 3, 1 / 3, 1 / 3], rtol=1e-6)
    assert int(envs.held[0]) == 0  # the episode that began


def test_holding_counts_from_the_first_step_not_from_the_reset():
    envs = floating(hold_steps=2)
    _, info = envs.reset(options={"q": np.zeros((1, 2)), "target": [[1.0, 0.0]]})
    assert info["held"][0] == 0 and not info["is_success"][0]


def test_a_reset_forgets_what_was_held_and_the_last_action():
    for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED, AutoresetMode.SAME_STEP):
        envs = floating(2, hold_steps=5, max_steps=2, observe_last_action=True, autoreset_mode=mode)
        for _ in range(2):
            observations, *_, truncated, info = envs.step(np.full((2, 2), 1e-3))
        assert truncated.all() and (info["held"] == 2).all()
        if mode is AutoresetMode.NEXT_STEP:
            observations, reward, *_, info = envs.step(np.full((2, 2), 1e-3))
            assert not info["held"].any() and not reward.any()
        elif mode is AutoresetMode.DISABLED:
            observations, _ = envs.reset(options={"reset_mask": truncated})
        else:
            np.testing.assert_allclose(info["final_obs"][:, -2:], 1e-3)
            assert (info["final_info"]["held"] == 2).all()
        assert not observations[:, -2:].any() and not envs.held.any()


def test_arriving_and_staying_earns_more_than_touching_or_resting():
    # The same controller; one lets go of every target it has touched, and comes back.
    arguments = {"hold_steps": 8, "goal_threshold": 0.03, "observe_last_action": True}
    env = ReachVectorEnv(200, **arguments)
    control = PDController(env, 8.0, 1.5)

    def touch_and_go(observations):
        return np.where((env.held >= 4)[:, None], 1.0, control(observations))

    staying = record_episodes(env, control)
    leaving = record_episodes(env, touch_and_go)
    resting = record_episodes(env, lambda seen: np.zeros((len(seen), 2)))
    assert staying.successes.mean() > 0.8 and leaving.successes.mean() < 0.05 and resting.successes.mean() < 0.05
    assert staying.returns[staying.successes].mean() > 0.2 > resting.returns.mean() + 5
    better = staying.returns[staying.successes] - leaving.returns[staying.successes]
    assert (better > 0).mean() > 0.99
    # Undiscounted, what is held and lost is worth nothing, what is held to the end is worth 1.
    np.testing.assert_allclose(staying.terms["success"][staying.successes], 1.0, rtol=1e-5)
    assert (leaving.terms["success"][~leaving.successes] < 1).all()


def test_a_reward_of_state_and_action_cannot_count_steps():
    with pytest.raises(ValueError, match="hold_steps is 8; accepted is 1"):
        ReachingTaskMDP(hold_steps=8)
    env = ReachingTaskMDP(observe_last_action=True)
    state, _ = env.reset(seed=0)
    for action in np.random.default_rng(0).uniform(-1, 1, (10, 2)):
        next_state, reward, *_ = env.step(action)
        assert env.compute_reward(state, action, next_state) == pytest.approx(reward, rel=1e-5)
        state = next_state


# ------------------------------------------------------------------------------------------------------ the last action


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("name", IDS)
def test_the_last_action_is_seen_as_it_was_taken(name, device):
    if device and "Robot" in name:
        pytest.skip("robots compute in NumPy")
    envs = gym.make_vec(name, num_envs=3, device=device)
    observations, _ = envs.reset(seed=0)
    assert not observations[:, -2:].any()
    action = np.array([[0.5, -0.25], [3.0, 0.0], [0.0, -7.0]])
    observations, *_ = envs.step(action)
    np.testing.assert_allclose(np.asarray(observations[:, -2:]), action.clip(-1, 1))
    discrete = gym.make_vec(name, num_envs=9, torque_levels=3, device=device)
    discrete.reset(seed=0)
    observations, *_ = discrete.step(np.arange(9))
    np.testing.assert_array_equal(np.asarray(observations[:, -2:]), discrete.unwrapped.torque_combinations)


def test_the_last_action_is_the_command_also_while_it_is_on_its_way():
    envs = floating(observe_last_action=True)
    envs.physics = PhysicsParams(gravity=0.0, action_delay=2)
    move_targets(envs, FAR[0])
    observations, *_ = envs.step(np.array([[0.7, -0.3]]))
    np.testing.assert_allclose(observations[0, -2:], [0.7, -0.3], rtol=1e-6)
    assert not envs.q.any()


def test_without_the_option_nothing_is_added():
    assert ReachVectorEnv(1).single_observation_space.shape == (10,)
    with pytest.raises(ValueError, match="observe_last_action is 'yes'; accepted are True and False"):
        ReachVectorEnv(1, observe_last_action="yes")
    with pytest.raises(ValueError, match="hold_steps is 0; accepted are whole numbers from 1"):
        ReachVectorEnv(1, hold_steps=0)


# ---------------------------------------------------------------------------------------------- physics at every reset


def random_masses(count, random):
    return PhysicsParams(mass=random.uniform(0.5, 2.0, count), action_delay=random.integers(0, 4, count))


@pytest.mark.parametrize("device", [None, "cpu"])
def test_only_arms_that_start_anew_get_new_physics(device):
    counts = []

    def draw(count, random):
        counts.append(count)
        return random_masses(count, random)

    envs = ReachVectorEnv(
        4, physics_on_reset=draw, autoreset_mode=AutoresetMode.DISABLED, max_steps=50, device=device
    )  # fmt: skip
    envs.reset(seed=0)
    before = envs.physics
    old = envs.arrays.to_numpy(before.mass).copy()
    assert len(set(old.tolist())) == 4
    envs.reset(options={"reset_mask": envs.arrays.of([False, True, True, False], "bool")})
    new = envs.arrays.to_numpy(envs.physics.mass)
    assert counts == [4, 2]
    assert (new != old).tolist() == [False, True, True, False]
    np.testing.assert_array_equal(envs.arrays.to_numpy(before.mass), old)  # physics read before stays as it was read
    assert isinstance(envs.physics.gravity, float)  # what nobody changes stays one number


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_delays_drawn_at_resets_are_exact_and_no_command_crosses_an_episode(mode):
    delays = []

    def draw(count, random):
        delays.append(random.integers(0, 4, count))
        return PhysicsParams(action_delay=delays[-1])

    B, length = 6, 7
    envs = ReachVectorEnv(B, physics_on_reset=draw, max_steps=length, goal_threshold=1e-9, autoreset_mode=mode)
    arrived, move = [], envs._move
    envs._move = lambda torque: (arrived.append(torque[:, 0] / envs.max_torque[0]), move(torque))
    envs.reset(seed=0)
    t = 0
    for _ in range(8):
        current, sent = np.asarray(envs.physics.action_delay).astype(int).copy(), []
        np.testing.assert_array_equal(current, delays[-1])
        arrived.clear()
        for _ in range(length):
            t += 1
            sent.append(t / 100)
            *_, truncated, _ = envs.step(np.full((B, 2), t / 100))
        assert truncated.all()
        for i in range(B):
            expected = ([0.0] * current[i] + sent)[:length]
            np.testing.assert_allclose(np.array(arrived)[:, i], expected, atol=1e-6)
        if mode is AutoresetMode.DISABLED:
            envs.reset(options={"reset_mask": truncated})
        elif mode is AutoresetMode.NEXT_STEP:
            envs.step(np.full((B, 2), 0.9))  # the step of the reset: its command must not arrive
    assert set(np.concatenate(delays)) == {0, 1, 2, 3}


def test_new_physics_counts_from_the_first_observation_on():
    envs = ReachVectorEnv(2000, physics_on_reset=lambda count, random: PhysicsParams(sensor_noise=np.full(count, 0.05)))
    observations, _ = envs.reset(seed=0, options={"q": np.full((2000, 2), 0.5), "target": np.full((2000, 2), 0.6)})
    assert np.std(envs.read_observation(observations)[0][:, 0]) == pytest.approx(0.05, rel=0.1)
    lengths = ReachVectorEnv(3, physics_on_reset=lambda count, random: PhysicsParams(link_length=0.4))
    lengths.reset(seed=0, options={"q": np.zeros((3, 2)), "target": np.tile([0.8, 0.0], (3, 1))})
    assert (lengths.step(np.zeros((3, 2)))[4]["distance"] < 0.1).all()


def test_a_single_arm_draws_its_physics_too():
    env = ReachEnv(physics_on_reset=random_masses)
    env.reset(seed=0)
    first = env.physics.mass
    env.reset()
    assert env.physics.mass != first
    env.physics_on_reset = None
    env.physics = PhysicsParams()
    env.reset()
    assert env.physics == PhysicsParams()


def test_physics_that_cannot_be_given_is_refused():
    with pytest.raises(ValueError, match="physics is 3; accepted is a PhysicsParams"):
        ReachVectorEnv(2, physics_on_reset=lambda count, random: 3).reset()
    wrong = ReachVectorEnv(2, physics_on_reset=lambda count, random: PhysicsParams(mass=np.ones(5)))
    with pytest.raises(ValueError, match=r"mass has shape \(5,\); accepted are numbers and shape \(2,\)"):
        wrong.reset()
    with pytest.raises(ValueError, match="physics_on_reset is 'wide'; accepted are None and functions"):
        ReachVectorEnv(2, physics_on_reset="wide")
    robot = gym.make("rlbook/RobotReachHold-v0").unwrapped
    with pytest.raises(AttributeError):
        robot.physics_on_reset = random_masses


# --------------------------------------------------------------------------------------------------- noise and tensors


@pytest.mark.parametrize("name", ["rlbook/Reach-v0", "rlbook/RobotReach-v0"])
def test_a_masked_reset_does_not_look_again_at_the_others(name):
    noisy = {} if "Robot" in name else {"physics": PhysicsParams(sensor_noise=0.05)}
    envs = gym.make_vec(name, num_envs=4, autoreset_mode=AutoresetMode.DISABLED, **noisy)
    envs.reset(seed=0)
    before, *_ = envs.step(np.zeros((4, 2)))
    mask = np.array([False, True, False, False])
    after, _ = envs.reset(options={"reset_mask": mask})
    np.testing.assert_array_equal(after[~mask], before[~mask])
    assert not np.array_equal(after[mask], before[mask])


def test_other_arms_noise_does_not_depend_on_who_is_reset():
    def next_observations(mask):
        envs = ReachVectorEnv(3, physics=PhysicsParams(sensor_noise=0.05), autoreset_mode=AutoresetMode.DISABLED)
        first, _ = envs.reset(seed=0)
        return first, envs.reset(options={"reset_mask": mask})[0]

    first, again = next_observations(np.zeros(3, dtype=bool))
    np.testing.assert_array_equal(first, again)


def test_steps_in_torch_keep_no_graph():
    envs = ReachVectorEnv(3, device="cpu", observe_last_action=True)
    envs.physics = PhysicsParams(mass=torch.ones(3, requires_grad=True))
    envs.reset(seed=0)
    actions = torch.zeros(3, 2, requires_grad=True)
    for _ in range(3):
        observations, reward, *_ = envs.step(actions)
    for tensor in (observations, reward, envs.q, envs.qd, envs.last_action, envs.physics.mass):
        assert not tensor.requires_grad and tensor.grad_fn is None
