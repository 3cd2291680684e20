"""Copies of an environment: as it is now, each with random numbers of its own, and the original left alone."""

import gc
import random

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.toy_text import FrozenLakeEnv
from gymnasium.utils import EzPickle
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import RecordEpisodeStatistics, TransformReward

from rlbook.envs.copies import copy_of
from rlbook.envs.grid_world import GridWorld
from rlbook.envs.tabular import TabularVectorEnv, as_vector_env, vector_copies


class Count(gym.Env):
    """Pays ``bonus`` a step, and something random drawn from three generators of its own."""

    observation_space, action_space = gym.spaces.Discrete(9), gym.spaces.Discrete(2)

    def __init__(self):
        self.bonus, self.closed, self.calm = 1.0, False, True
        self.own = {"new": np.random.default_rng(0), "old": np.random.RandomState(0), "plain": random.Random(0)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        drawn = [self.own["new"].random(), self.own["old"].random_sample(), self.own["plain"].random()]
        return 1, self.bonus if self.calm else drawn, False, False, {"drawn": drawn}

    def close(self):
        self.closed = True


class Remade(Count, EzPickle):
    """Pickle makes this one anew from its arguments."""

    def __init__(self):
        Count.__init__(self)
        EzPickle.__init__(self)


class Stubborn(Count):
    def __deepcopy__(self, memo):
        return self


class Locked(Count):
    def __init__(self):
        super().__init__()
        self.lines = (line for line in "abc")


def rewards_of(envs, action=0):
    envs.reset(seed=0)
    return envs.step(np.full(envs.num_envs, action))[1].tolist()


class TestAsItIs:
    @pytest.mark.parametrize("kind", [Count, Remade])
    def test_changes_since_it_was_made_are_copied(self, kind):
        env = kind()
        env.bonus = 5.0
        assert rewards_of(as_vector_env(env, 3)) == [5.0] * 3
        wrapped = TransformReward(env, lambda reward: reward + 1)
        assert rewards_of(as_vector_env(wrapped, 2)) == [6.0] * 2

    def test_a_registered_environment_too(self):
        cart = gym.make("CartPole-v1")
        cart.unwrapped.force_mag = 0.0
        envs = as_vector_env(cart, 2)
        envs.reset(seed=0)
        pushed = [envs.step(np.full(2, action))[0][:, 1] for action in (0, 1)]
        assert np.abs(pushed[1] - pushed[0]).max() < 0.01  # pushing moves a cart by 0.2 m/s otherwise

    def test_the_copies_are_independent(self):
        env = Count()
        twins = [copy_of(env, number) for number in range(2)]
        twins[0].bonus = 7.0
        assert [each.step(0)[1] for each in (*twins, env)] == [7.0, 1.0, 1.0]

    def test_one_copy_is_the_environment_itself(self):
        env = RecordEpisodeStatistics(GridWorld(max_steps=2))
        envs = as_vector_env(env, 1)
        envs.reset(seed=0)
        envs.step(np.array([0])), envs.step(np.array([0]))
        assert list(env.length_queue) == [2]

    @pytest.mark.parametrize("kind", [Stubborn, Locked])
    def test_what_cannot_be_copied(self, kind):
        with pytest.raises(ValueError, match=f"{kind.__name__} cannot be copied: .*; accepted are"):
            as_vector_env(kind(), 2)

    def test_a_step_replaced_by_hand_that_uses_the_original(self):
        env = gym.make("FrozenLake-v1", is_slippery=False)
        before = env.unwrapped.step
        env.unwrapped.step = lambda action: (before(action)[0], -3.0, False, False, {})
        assert rewards_of(as_vector_env(env, 1)) == [-3.0]
        with pytest.raises(ValueError, match="FrozenLakeEnv cannot be copied: its copy would go on using the original"):
            as_vector_env(env, 2)


class TestRandomNumbers:
    def test_copies_differ_and_come_again(self):
        def drawn(env):
            twins = [copy_of(env, number) for number in range(3)]
            return np.array([twin.step(0)[4]["drawn"] for twin in twins])

        env = Count()
        first, again = drawn(env), drawn(env)
        np.testing.assert_array_equal(first, again)
        assert all(len(set(column)) == 3 for column in first.T)
        assert env.step(0)[4]["drawn"] == Count().step(0)[4]["drawn"]  # copying draws nothing from the original

    def test_gymnasiums_own_generator_too(self):
        env = gym.make("Pendulum-v1")
        env.reset(seed=0)
        envs = as_vector_env(env, 3)
        assert len({tuple(state) for state in envs.reset()[0].tolist()}) == 3


class TestClosing:
    def test_the_readers_environment_stays_open(self):
        env = Count()
        for num_envs in (1, 2):
            with vector_copies(env, num_envs) as envs:
                assert rewards_of(envs) == [1.0] * num_envs
            assert envs.closed and not env.closed
        envs = as_vector_env(env, 1)
        del envs
        gc.collect()  # Gymnasium 1.1 closes vector environments that nobody holds any more
        assert not env.closed

    def test_copies_are_closed(self):
        class Leaving(Count):
            left = []  # noqa: RUF012  all copies write here

            def close(self):
                self.left.append(id(self))

        env = Leaving()
        with vector_copies(env, 2):
            assert Leaving.left == []
        assert len(set(Leaving.left)) == 2 and id(env) not in Leaving.left

    def test_copies_are_closed_after_an_error(self):
        with pytest.raises(KeyboardInterrupt), vector_copies(Count(), 2) as envs:
            raise KeyboardInterrupt
        assert envs.closed

    def test_the_readers_vector_environment_stays_open(self):
        mine = SyncVectorEnv([Count] * 2, autoreset_mode=AutoresetMode.DISABLED)
        with vector_copies(mine, 2) as envs:
            assert envs is mine
        assert not mine.closed


class TestFaithful:
    """Only where P tells all that an environment does is it stepped as one batch."""

    def test_who_looks_on_sees_every_step(self):
        for env in (RecordEpisodeStatistics(gym.make("FrozenLake-v1")), FrozenLakeEnv(render_mode="human")):
            assert not isinstance(as_vector_env(env, 1), TabularVectorEnv)

    def test_an_edited_model_is_honoured(self):
        env = gym.make("FrozenLake-v1", is_slippery=False)
        env.unwrapped.P[0][2] = [(1.0, 0, -7.0, False)]
        envs = as_vector_env(env, 2)
        assert isinstance(envs, TabularVectorEnv) and rewards_of(envs, action=2) == [-7.0] * 2
