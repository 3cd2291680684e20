"""The reaching task at its edges: torch tensors, pictures, bad input."""

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
import torch

import rlbook.envs  # noqa: F401
from rlbook.envs.arm.chapter_reach import ReachingTaskMDP
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import ReachEnv, ReachVectorEnv
from rlbook.envs.arm.robot import RobotReachEnv

IDS = ("rlbook/Reach-v0", "rlbook/ReachDiscrete-v0", "rlbook/RobotReach-v0")
ARMS = ("rlbook/Reach-v0", "rlbook/RobotReach-v0")
MIXED = PhysicsParams(mass=np.linspace(0.5, 2, 6), damping=np.linspace(0.1, 0.6, 6), action_delay=np.arange(6) % 3)


# --------------------------------------------------------------------------------------------------------- torch mode


@pytest.mark.parametrize("levels", [None, 3])
def test_torch_mode_returns_tensors_and_agrees_with_numpy(levels):
    start = {"q": np.random.default_rng(0).uniform(-3, 3, (6, 2)), "target": np.full((6, 2), 0.6)}
    batches = [ReachVectorEnv(6, device=device, torque_levels=levels, physics=MIXED) for device in (None, "cpu")]
    for envs in batches:
        envs.reset(seed=0, options=start)
    for t in range(20):
        batches[0].action_space.seed(t)
        action = batches[0].action_space.sample()
        arrays, tensors = batches[0].step(action), batches[1].step(torch.as_tensor(action))
        for array, tensor in zip(arrays[:4], tensors[:4], strict=True):
            assert isinstance(tensor, torch.Tensor)
            np.testing.assert_allclose(tensor.numpy(), array, atol=1e-4)
    assert all(isinstance(value, torch.Tensor) for key, value in tensors[4].items() if key.startswith("reward"))


def test_torch_mode_resets_itself():
    envs = ReachVectorEnv(6, device="cpu", max_steps=4, goal_threshold=1e-6, physics=MIXED.replace(sensor_noise=0.02))
    envs.reset(seed=0)
    for _ in range(9):
        observations, *_, truncated, info = envs.step(torch.zeros(6, 2))
        if truncated.any():
            assert isinstance(info["final_obs"], torch.Tensor) and not torch.equal(info["final_obs"], observations)
    assert envs.steps.tolist() == [1] * 6


# ------------------------------------------------------------------------------------------------ changes on the way


def test_one_arms_new_delay_leaves_the_commands_of_others_alone():
    envs, seen = ReachVectorEnv(2, max_steps=1000), []
    move = envs._move
    envs._move = lambda torque: (seen.append(torque[:, 0] / envs.max_torque[0]), move(torque))
    envs.reset(seed=0, options={"target": np.full((2, 2), 5.0)})
    for t in range(1, 11):
        later = 2 if 4 <= t < 7 else 0
        envs.physics = PhysicsParams(action_delay=np.array([1, later]))
        envs.step(np.full((2, 2), t / 20))
    np.testing.assert_allclose(np.array(seen)[:, 0], np.arange(10) / 20, atol=1e-6)  # always the command before
    # the second arm: its own command, then that of two steps ago, then its own again
    np.testing.assert_allclose(np.array(seen)[:, 1] * 20, [1, 2, 3, 2, 3, 4, 7, 8, 9, 10], atol=1e-5)


def test_the_physics_of_a_single_arm_can_be_changed():
    env = gym.make("rlbook/Reach-v0").unwrapped
    env.physics = PhysicsParams(mass=3.0)
    assert env.batch.physics.mass == env.physics.mass == 3.0
    robot = gym.make("rlbook/RobotReach-v0").unwrapped
    with pytest.raises(AttributeError):
        robot.physics = PhysicsParams()
    assert not hasattr(robot, "physics")


def test_physics_is_copied_at_the_door():
    mass = np.ones(2, dtype=np.float32)
    envs = ReachVectorEnv(2, physics=PhysicsParams(mass=mass))
    mass[:] = -1
    assert (envs.physics.mass == 1).all()


@pytest.mark.parametrize("make", [ReachEnv, RobotReachEnv, ReachingTaskMDP, ReachingTaskMDP.as_in_chapter])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_as_the_original(make, duplicate):
    env = make()
    env.reset(seed=0)
    env.action_space.seed(0)
    env.step(env.action_space.sample())
    twin = duplicate(env)
    for _ in range(5):
        action = env.action_space.sample()
        np.testing.assert_array_equal(env.step(action)[0], twin.step(action)[0])
    np.testing.assert_array_equal(env.reset()[0], twin.reset()[0])


def test_a_copy_of_tensors_goes_on_as_the_original():
    envs = ReachVectorEnv(3, device="cpu", physics=PhysicsParams(sensor_noise=0.01))
    envs.reset(seed=0)
    twin = copy.deepcopy(envs)
    assert torch.equal(envs.step(torch.zeros(3, 2))[0], twin.step(torch.zeros(3, 2))[0])


def test_next_step_resets_tell_the_distance_of_the_new_episode():
    envs = ReachVectorEnv(2, max_steps=3, autoreset_mode=gym.vector.AutoresetMode.NEXT_STEP)
    envs.reset(seed=0)
    for _ in range(4):
        observations, *_, info = envs.step(np.zeros((2, 2)))
    np.testing.assert_allclose(info["distance"], np.linalg.norm(observations[:, -2:], axis=1), rtol=1e-5)


def test_next_step_waits_for_the_first_reset_too():
    with pytest.raises(gym.error.ResetNeeded):
        ReachVectorEnv(2, autoreset_mode=gym.vector.AutoresetMode.NEXT_STEP).step(np.zeros((2, 2)))


@pytest.mark.parametrize(("dt", "fps"), [(0.03, 33), (3.0, 1)])
def test_frames_per_second_follow_the_control_step(dt, fps):
    assert ReachEnv(dt=dt).metadata["render_fps"] == ReachVectorEnv(1, dt=dt).metadata["render_fps"] == fps


# ------------------------------------------------------------------------------------------------------------ pictures


@pytest.mark.parametrize("name", IDS)
def test_rgb_array_needs_no_display(name, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    env = gym.make(name, render_mode="rgb_array")
    env.reset(seed=0)
    env.action_space.seed(0)
    before = env.render()
    assert before.shape == (256, 256, 3) and before.dtype == np.uint8
    for _ in range(10):
        env.step(env.action_space.sample())
    after = env.render()
    assert (before != after).any()
    envs = gym.make_vec(name, num_envs=3, render_mode="rgb_array")
    envs.reset(seed=0)
    assert [picture.shape for picture in envs.render()] == [(256, 256, 3)] * 3


def test_the_picture_shows_the_target_where_it_is():
    env = ReachEnv(render_mode="rgb_array")
    env.reset(options={"q": [np.pi, 0.0], "target": [0.55, 0.55]})  # a quarter of the width right of and above the base
    orange = (env.render().astype(int) - [213, 94, 0] == 0).all(-1)
    rows, columns = np.nonzero(orange)
    assert columns.mean() == pytest.approx(191.5, abs=1) and rows.mean() == pytest.approx(63.5, abs=1)


# ----------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_envs": 0}, "num_envs is 0; accepted are whole numbers from 1"),
        ({"n_joints": 1.5}, "n_joints is 1.5; accepted"),
        ({"num_envs": "two"}, "num_envs is 'two'; accepted"),
        ({"max_steps": -1}, "max_steps is -1; accepted"),
        ({"max_steps": np.inf}, "max_steps is inf; accepted"),
        ({"max_steps": None}, "max_steps is None; accepted"),
        ({"goal_threshold": "near"}, "goal_threshold is 'near'; accepted"),
        ({"goal_threshold": 0.0}, "goal_threshold is 0.0; accepted"),
        ({"dt": 0.0}, "dt is 0.0; accepted"),
        ({"torque_levels": 1}, "torque_levels is 1; accepted are whole numbers from 2"),
        ({"max_torque": -1.0}, "max_torque is -1.0; accepted"),
        ({"max_torque": (1.0, 2.0, 3.0)}, r"max_torque is \(1.0, 2.0, 3.0\); accepted are one .* or 2 of them"),
        ({"max_torque": "strong"}, "max_torque is strong; accepted"),
        ({"device": "gpu"}, "device is 'gpu'; accepted are None and torch devices"),
        ({"physics": {"mass": 2.0}}, "physics is {'mass': 2.0}; accepted is a PhysicsParams"),
        ({"render_mode": "human"}, "render_mode is 'human'; accepted"),
        ({"physics": PhysicsParams(mass=np.ones(3))}, r"PhysicsParams.mass has shape \(3,\); accepted"),
        ({"autoreset_mode": "sometimes"}, "sometimes"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        ReachVectorEnv(**({"num_envs": 2} | arguments))


def test_a_single_arm_computes_in_numpy():
    with pytest.raises(ValueError, match="device is 'cpu'; accepted is None"):
        ReachEnv(device="cpu")


@pytest.mark.parametrize("name", ARMS)
def test_bad_actions_are_refused(name):
    envs = gym.make_vec(name, num_envs=2)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="NaN"):
        envs.step(np.array([[0.0, np.nan], [0.0, 0.0]]))
    with pytest.raises(ValueError, match=r"shape \(2,\); accepted is \(2, 2\)"):
        envs.step(np.zeros(2))
    assert np.isfinite(envs.step(np.zeros((2, 2)))[0]).all()


@pytest.mark.parametrize("actions", [[0, 9], [-1, 0], [0.5, 1.0], [0], [np.nan, 0], None, "left"])
def test_bad_discrete_actions_are_refused(actions):
    envs = gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=2)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="accepted are"):
        envs.step(np.array(actions))


@pytest.mark.parametrize(
    ("n_joints", "max_torque", "message"),
    [(2, 100.0, "n_joints is 2"), ("six", 100.0, "n_joints is 'six'"), (6, -1.0, "max_torque is -1.0")],
)
def test_bad_arguments_of_the_chapters_task_are_refused(n_joints, max_torque, message):
    with pytest.raises(ValueError, match=f"{message}; accepted are"):
        ReachingTaskMDP.as_in_chapter(n_joints, max_torque)


@pytest.mark.parametrize(
    "options",
    [{"q": np.zeros((3, 2))}, {"q": [[0, np.nan], [0, 0]]}, {"q": "up"}, {"speed": 1}, {"reset_mask": [True, False]}],
)
def test_bad_reset_options_are_refused(options):
    with pytest.raises(ValueError, match="accepted are"):
        ReachVectorEnv(2).reset(options=options)


@pytest.mark.parametrize("name", ARMS)
def test_a_start_faster_than_the_drives_is_refused(name):
    envs = gym.make_vec(name, num_envs=2)
    envs.reset(options={"qd": [[20.0, -20.0], [0.0, 0.0]]})
    with pytest.raises(ValueError, match=r"qd is 20\.1 rad/s; accepted is up to 20, the speed limit"):
        envs.reset(options={"qd": [[20.1, 0.0], [0.0, 0.0]]})


def test_stepping_before_reset_is_refused():
    with pytest.raises(gym.error.ResetNeeded):
        ReachVectorEnv(2).step(np.zeros((2, 2)))
    env = ReachEnv(max_steps=1)
    env.reset(seed=0)
    env.step(np.zeros(2))
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.zeros(2))
