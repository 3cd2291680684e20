"""One recipe for all answers: the arms differ, and fine-tuning leaves what it began with alone."""

import numpy as np
import pytest

from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.ppo import PPO
from rlbook.sim_to_real.randomization import DomainRandomizer
from rlbook.sim_to_real.training import ROUND, fine_tune, hold_arms, new_agent, train

SEEN = np.zeros((1, 12), dtype=np.float32)  # two joints, with the last action


def test_arms_have_to_stay_and_have_the_physics_asked_for():
    envs = hold_arms(3, physics=PhysicsParams(mass=1.5))
    assert (envs.unwrapped.hold_steps, envs.unwrapped.goal_threshold) == (8, 0.03)
    assert envs.unwrapped.physics.mass == 1.5
    envs = hold_arms(50, randomizer=DomainRandomizer("moderate"))
    envs.reset(seed=0)
    assert len(np.unique(envs.unwrapped.physics.mass)) == 50


def test_the_same_seed_trains_the_same_agent():
    first, again, other = (train(hold_arms(16), total_steps=256, seed=seed) for seed in (1, 1, 2))
    assert first.steps_taken == 256
    np.testing.assert_array_equal(first.select_action(SEEN, False), again.select_action(SEEN, False))
    assert (first.select_action(SEEN, False) != other.select_action(SEEN, False)).any()


def test_an_agent_fits_the_observations_of_its_arms():
    assert (new_agent(hold_arms(2)).state_dim, new_agent(ReachVectorEnv(2)).state_dim) == (12, 10)


def test_fine_tuning_counts_robot_time_and_leaves_the_first_agent_alone():
    agent = PPO.for_many_arms(12, 2, seed=0)
    before = agent.select_action(SEEN, training=False)
    tuned, seconds = fine_tune(agent, hold_arms(64), total_steps=1)
    assert seconds == pytest.approx(ROUND * 0.06)  # the round was played to its end
    np.testing.assert_array_equal(agent.select_action(SEEN, training=False), before)
    assert (tuned.select_action(SEEN, training=False) != before).any()
    assert agent.steps_taken == 0


def test_fine_tuning_refuses_no_steps():
    with pytest.raises(ValueError, match="total_steps is 0"):
        fine_tune(PPO.for_many_arms(12, 2), hold_arms(2), total_steps=0)
