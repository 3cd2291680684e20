"""Histories hold what was seen and done, and tell which arm it is."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.sim_to_real.adaptation import (
    AdaptedPolicy,
    HistoryObservation,
    PhysicsObservation,
    learn_adaptation,
    scaled_physics,
)
from rlbook.sim_to_real.randomization import DomainRandomizer, RandomizedVectorEnv, Range

RANGES = {"mass": Range(0.5, 1.5), "action_delay": Range(0, 2), "friction": Range(0.1, 0.1)}


class Shaker:
    """An agent that shakes its arm at random, and remembers what it was told."""

    def __init__(self):
        self.rng, self.told = np.random.default_rng(0), None

    def select_action(self, state, training=True):
        assert training is False
        self.told = state
        return self.rng.uniform(-0.5, 0.5, (len(state), 2)).astype(np.float32)


def arms(n=4, ranges=RANGES, **task):
    return RandomizedVectorEnv(ReachVectorEnv(n, goal_threshold=1e-6, **task), DomainRandomizer(ranges))


def test_physics_are_told_from_minus_one_to_one():
    """A parameter that does not vary is left out."""
    physics = PhysicsParams(mass=np.array([0.5, 1.0, 1.25]), action_delay=np.array([0.0, 1.0, 2.0]))
    told = scaled_physics(physics, DomainRandomizer(RANGES), 3)
    np.testing.assert_allclose(told, [[-1, -1], [0, 0], [0.5, 1]])


def test_the_physics_stand_behind_the_observation():
    envs = PhysicsObservation(arms(max_steps=2), DomainRandomizer(RANGES))
    observations, _ = envs.reset(seed=0)
    assert observations.shape == (4, 12) and envs.observation_space.contains(observations)
    played = scaled_physics(envs.unwrapped.physics, envs.randomizer, 4)
    np.testing.assert_allclose(observations[:, 10:], played, rtol=1e-6)
    for _ in range(2):
        observations, *_, info = envs.step(np.zeros((4, 2), dtype=np.float32))
    np.testing.assert_allclose(info["final_obs"][:, 10:], played, rtol=1e-6)  # of the episode that ended
    now = scaled_physics(envs.unwrapped.physics, envs.randomizer, 4)
    np.testing.assert_allclose(observations[:, 10:], now, rtol=1e-6)
    assert (np.abs(now - played).max(axis=1) > 1e-3).any()


def test_a_history_is_what_was_seen_and_then_done():
    envs = HistoryObservation(ReachVectorEnv(3, goal_threshold=1e-6), length=2, seen=6)
    observations, _ = envs.reset(seed=0)
    assert observations.shape == (3, 10 + 2 * 8) and envs.single_observation_space.shape == (26,)
    np.testing.assert_array_equal(observations[:, 10:], 0)
    rng, past = np.random.default_rng(0), []
    for step in range(4):
        action = rng.uniform(-1, 1, (3, 2)).astype(np.float32)
        past.append(np.concatenate([observations[:, :6], action], axis=1))
        observations, *_ = envs.step(action)
        expected = np.concatenate([past[-2] if step else np.zeros((3, 8)), past[-1]], axis=1)
        np.testing.assert_allclose(observations[:, 10:], expected, rtol=1e-6)
    assert envs.observation_space.contains(observations)


def test_a_history_ends_with_its_episode():
    """The last observation still has it, the first of the next episode has none; other arms keep theirs."""
    envs = HistoryObservation(ReachVectorEnv(2, max_steps=3, goal_threshold=1e-6), length=2)
    envs.reset(seed=0)
    envs.step(np.full((2, 2), 0.1, dtype=np.float32))
    envs.unwrapped.steps[0] = 2  # the first arm's time is over one step sooner
    action = np.full((2, 2), 0.3, dtype=np.float32)
    observations, _, _, truncated, info = envs.step(action)
    assert truncated.tolist() == [True, False]
    np.testing.assert_allclose(info["final_obs"][0, -2:], action[0])
    np.testing.assert_array_equal(observations[0, 10:], 0)
    np.testing.assert_allclose(observations[1, -2:], action[1])
    envs.step(action)
    assert envs.history[0, :12].tolist() == [0] * 12 and envs.history[0, 12:].any()


def test_other_kinds_of_reset_are_refused():
    with pytest.raises(ValueError, match=r"NEXT_STEP; accepted is .*SAME_STEP"):
        HistoryObservation(ReachVectorEnv(2, autoreset_mode=AutoresetMode.NEXT_STEP))
    with pytest.raises(ValueError, match="length is 0; accepted"):
        HistoryObservation(ReachVectorEnv(2), length=0)


def test_the_estimate_correlates_with_the_true_physics_on_held_out_draws():
    ranges = {"motor_strength": Range(0.5, 1.5), "action_delay": Range(0, 2)}
    randomizer = DomainRandomizer(ranges)

    envs, fresh = (HistoryObservation(arms(200, ranges), length=6, seen=6) for _ in range(2))
    policy, errors = learn_adaptation(Shaker(), envs, randomizer, 200 * 16 * 60, batch_size=200, seed=0)
    assert np.mean(errors[-5:]) < 0.7 * np.mean(errors[:3])
    observations, _ = fresh.reset(seed=12345)
    for _ in range(12):
        observations, *_ = fresh.step(policy(observations))
    estimate, true = policy.module.estimate(fresh.history), scaled_physics(fresh.unwrapped.physics, randomizer, 200)
    correlations = [np.corrcoef(estimate[:, k], true[:, k])[0, 1] for k in range(2)]
    assert min(correlations) > 0.6


def test_an_adapted_policy_tells_its_agent_the_estimate():
    randomizer, agent = DomainRandomizer(RANGES), Shaker()
    envs = HistoryObservation(arms(), length=3, seen=6)
    policy, errors = learn_adaptation(agent, envs, randomizer, 64, rollout=4, seed=1)
    assert isinstance(policy, AdaptedPolicy) and len(errors) == 4
    observations, _ = envs.reset(seed=3)
    policy(observations)
    np.testing.assert_allclose(agent.told[:, :10], observations[:, :10])
    np.testing.assert_allclose(agent.told[:, 10:], policy.module.estimate(observations[:, 10:]), rtol=1e-6)


def test_the_same_seed_learns_the_same():
    def learned(seed):
        envs = HistoryObservation(arms(), length=3, seen=6)
        return learn_adaptation(Shaker(), envs, DomainRandomizer(RANGES), 128, rollout=4, seed=seed)[1]

    np.testing.assert_array_equal(learned(1), learned(1))
    assert (learned(1) != learned(2)).any()
