"""Reaching without learning, and what it shows of the chapter's design and of ours."""

import numpy as np
import pytest

from rlbook.envs.arm import physics as arm
from rlbook.envs.arm.chapter_reach import (
    ARM,
    BASE_HEIGHT,
    LINK_LENGTHS,
    ChapterReachVectorEnv,
    draw_chapter_targets,
)
from rlbook.envs.arm.controllers import PDController, distance_to_workspace, inverse_kinematics
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.envs.arm.recording import record_episodes
from rlbook.envs.arm.robot import RobotReachVectorEnv


def resting(env):
    return lambda observations: np.zeros((len(observations), env.n_joints), np.float32)


def chapter_targets(count=200_000):
    targets = draw_chapter_targets(np.random.default_rng(0), count)
    return targets, distance_to_workspace(targets, LINK_LENGTHS, (0.0, BASE_HEIGHT))


def test_distance_to_the_workspace_by_hand():
    links = (0.5, 0.2)  # a ring from 0.3 to 0.7 m
    np.testing.assert_allclose(
        distance_to_workspace([[1.0, 0.0], [0.0, 0.5], [0.1, 0.0], [0.6, 0.8]], links), [0.3, 0, 0.2, 0.3]
    )
    np.testing.assert_allclose(distance_to_workspace([0.0, 0.3, 1.1], links, base=(0.0, 0.1)), np.hypot(0.3, 0.3))


def test_the_workspace_is_where_random_arms_are():
    q = np.random.default_rng(0).uniform(-np.pi, np.pi, (5000, 3))
    tips = arm.tip_position(q, PhysicsParams(link_length=0.3))
    assert distance_to_workspace(tips, LINK_LENGTHS).max() < 1e-12


@pytest.mark.parametrize("n", [2, 3, 6])
def test_inverse_kinematics_finds_the_target(n):
    random, physics = np.random.default_rng(0), PhysicsParams()
    q, goal = random.uniform(-np.pi, np.pi, (2, 300, n))
    target = arm.tip_position(goal, physics)
    error = np.linalg.norm(arm.tip_position(inverse_kinematics(q, target, physics), physics) - target, axis=1)
    assert np.median(error) < 1e-4 and (error < 0.05).mean() > 0.95


def test_a_millionth_of_a_radian_changes_no_outcome():
    # With steps of a whole link the mean return of a thousand arms moved by 0.01 to 0.02.
    env = ReachVectorEnv(1000)
    env.reset(seed=0)
    q, target = env.q.astype(float), env.target
    returns = [
        record_episodes(env, PDController(env, 5.0, 1.0), options={"q": q + nudge, "target": target}).returns.mean()
        for nudge in (0.0, 1e-6, -3e-6)
    ]
    assert np.ptp(returns) < 0.003


def test_few_of_the_chapters_targets_can_be_reached():
    _, gap = chapter_targets()
    assert (gap <= 0.05).mean() == pytest.approx(0.039, abs=0.002)
    assert np.median(gap) == pytest.approx(0.51, abs=0.01)


def test_in_the_chapters_reward_reaching_earns_less_than_resting():
    targets, gap = chapter_targets()
    env = ChapterReachVectorEnv(300)
    options = {"target": targets[gap <= 0.05][:300]}
    reaching = record_episodes(env, PDController(env, 40.0, 28.0, ARM), options=options)
    still = record_episodes(env, resting(env), options=options)
    assert reaching.successes.mean() > 0.6 and still.successes.mean() < 0.05
    assert reaching.returns.mean() < still.returns.mean() - 50
    assert reaching.terms["effort"].mean() < 2 * reaching.terms["distance"].mean() < 0


@pytest.mark.parametrize("levels", [None, 3])
def test_in_our_reward_reaching_earns_most(levels):
    env = ReachVectorEnv(300, torque_levels=levels)
    reaching = record_episodes(env, PDController(env, 20.0, 2.0))
    assert reaching.successes.mean() > 0.95
    env = ReachVectorEnv(300)
    random = np.random.default_rng(0)
    for policy in (resting(env), lambda seen: random.uniform(-1, 1, (len(seen), 2))):
        other = record_episodes(env, policy)
        assert other.successes.mean() < 0.2
        assert (reaching.returns > other.returns).mean() > 0.95


def test_discrete_control_begins_every_episode_anew():
    env = ReachVectorEnv(20, torque_levels=3)
    controller = PDController(env, stiffness=5, damping=1)
    first, second = (record_episodes(env, controller, seed=0) for _ in range(2))
    np.testing.assert_array_equal(first.returns, second.returns)


def test_arms_with_more_joints_reach_too():
    env = ReachVectorEnv(200, n_joints=3)
    assert record_episodes(env, PDController(env, 20.0, 2.0)).successes.mean() > 0.8


def test_the_real_robot_is_harder_for_the_same_controller():
    env = RobotReachVectorEnv(200)
    success = record_episodes(env, PDController(env, 20.0, 2.0)).successes.mean()
    assert 0.5 < success < 0.95


def test_a_recording_is_one_episode_an_arm():
    env = ReachVectorEnv(20, max_steps=30)
    recording = record_episodes(env, PDController(env, 20.0, 2.0), seed=3)
    T = recording.lengths.max()
    assert recording.q.shape == (T + 1, 20, 2) and recording.points.shape == (T + 1, 20, 3, 2)
    np.testing.assert_allclose(recording.returns, sum(recording.terms.values()))
    last = recording.distance[recording.lengths, np.arange(20)]
    np.testing.assert_array_equal(last <= recording.threshold, recording.successes)
    assert 0 < recording.successes.sum()
    tips = np.linalg.norm(recording.points[-1, :, -1] - recording.target, axis=1)
    np.testing.assert_allclose(tips, recording.distance[-1], atol=1e-5)
    again = record_episodes(env, PDController(env, 20.0, 2.0), seed=3)
    np.testing.assert_array_equal(again.q, recording.q)
    assert env.step(np.zeros((20, 2)))[0].shape == (20, 10)  # the environment is usable afterwards


@pytest.mark.parametrize(
    ("targets", "links", "message"),
    [(np.zeros((3, 4)), (1.0,), "targets have shape"), (np.zeros(2), (1.0, -1.0), "link_lengths is")],
)
def test_bad_workspaces_are_refused(targets, links, message):
    with pytest.raises(ValueError, match=message):
        distance_to_workspace(targets, links)
