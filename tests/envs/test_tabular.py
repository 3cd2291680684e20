"""Many copies as one batch: the same steps as one copy, the same chances as the model, Gymnasium's autoreset."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit, TransformReward

from rlbook.envs.grid_world import GridWorld
from rlbook.envs.tabular import TabularVectorEnv, as_vector_env, vector_copies
from rlbook.mdp import TabularMDP

DISABLED = AutoresetMode.DISABLED


class TestSteps:
    @pytest.mark.parametrize(
        "make", [lambda: GridWorld(max_steps=20), lambda: gym.make("CliffWalking-v1", max_episode_steps=40)]
    )
    def test_batch_equals_gymnasiums_own_on_a_deterministic_world(self, make):
        """Step for step, NEXT_STEP autoreset included, against Gymnasium's SyncVectorEnv."""
        ours, theirs = TabularVectorEnv(make(), 5), SyncVectorEnv([make] * 5)
        ours.reset(seed=0), theirs.reset(seed=0)
        rng = np.random.default_rng(0)
        finished = 0
        for _ in range(300):
            actions = rng.integers(4, size=5)
            ours_now, theirs_now = ours.step(actions), theirs.step(actions)
            for mine, other in zip(ours_now[:4], theirs_now[:4], strict=True):
                np.testing.assert_array_equal(mine, other)
            finished += (ours_now[2] | ours_now[3]).sum()
        assert finished > 5

    @pytest.mark.parametrize("make", [lambda: GridWorld(slip=0.3), lambda: gym.make("FrozenLake-v1")])
    def test_outcomes_come_as_often_as_the_model_says(self, make):
        env, n = make(), 20_000
        mdp = TabularMDP.from_gym(env)
        envs = TabularVectorEnv(env, n, DISABLED)
        start = int(envs.reset(seed=2)[0][0])
        for action in range(mdp.n_actions):
            envs.reset()
            states, *_ = envs.step(np.full(n, action))
            expected = np.zeros(mdp.n_states)
            np.add.at(expected, mdp.successors[start, action], mdp.probabilities[start, action])
            observed = np.bincount(states, minlength=mdp.n_states) / n
            assert (np.abs(observed - expected) <= 5 * np.sqrt(expected * (1 - expected) / n)).all()

    def test_start_states_come_as_often_as_the_environment_says(self):
        env = gym.make("Taxi-v4" if "Taxi-v4" in gym.registry else "Taxi-v3")
        states, _ = TabularVectorEnv(env, 60_000).reset(seed=0)
        expected = env.unwrapped.initial_state_distrib
        observed = np.bincount(states, minlength=len(expected)) / len(states)
        assert (observed[expected == 0] == 0).all()
        assert np.abs(observed - expected).max() < 6 * np.sqrt(expected.max() / len(states))

    def test_determinism_per_seed(self):
        def trace(seed):
            envs = TabularVectorEnv(GridWorld(slip=0.5), 8)
            envs.reset(seed=seed)
            return np.array([envs.step(np.full(8, k % 4))[0] for k in range(50)])

        np.testing.assert_array_equal(trace(1), trace(1))
        assert (trace(1) != trace(2)).any()

    def test_truncation_and_termination(self):
        envs = TabularVectorEnv(GridWorld(max_steps=3), 2, DISABLED)
        envs.reset(seed=0)
        for _ in range(3):
            states, rewards, terminated, truncated, _ = envs.step(np.array([1, 0]))
        assert states.tolist() == [3, 0] and rewards.tolist() == [10.0, -0.1]
        assert terminated.tolist() == [True, False] and truncated.tolist() == [False, True]


class TestReset:
    def test_next_step_autoreset(self):
        envs = TabularVectorEnv(GridWorld(), 2)
        assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
        envs.reset(seed=0)
        for _ in range(3):
            states, _, terminated, _, _ = envs.step(np.array([1, 0]))
        assert states.tolist() == [3, 0] and terminated.tolist() == [True, False]  # the goal itself is seen
        states, rewards, terminated, *_ = envs.step(np.array([1, 2]))
        # The first copy starts anew: its action and its reward do not count. The other moves on.
        assert states.tolist() == [0, 4] and rewards.tolist() == [0.0, -0.1] and not terminated.any()
        states, *_ = envs.step(np.array([1, 2]))
        assert states.tolist() == [1, 8]

    def test_a_mask_resets_only_the_copies_it_names(self):
        envs = TabularVectorEnv(GridWorld(), 3, DISABLED)
        envs.reset(seed=0)
        envs.step(np.array([1, 1, 2]))
        states, _ = envs.reset(options={"reset_mask": np.array([True, False, False])})
        assert states.tolist() == [0, 1, 4]

    def test_a_mask_leaves_finished_copies_waiting(self):
        envs = TabularVectorEnv(GridWorld(), 2)
        envs.reset(seed=0)
        for _ in range(3):
            envs.step(np.array([1, 0]))
        envs.reset(options={"reset_mask": np.array([False, True])})
        assert envs.step(np.array([1, 1]))[0].tolist() == [0, 1]

    def test_a_masked_copy_has_its_whole_time(self):
        envs = TabularVectorEnv(GridWorld(max_steps=3), 2, DISABLED)
        envs.reset(seed=0)
        envs.step(np.zeros(2, int))
        envs.reset(options={"reset_mask": np.array([True, False])})
        cut = [envs.step(np.zeros(2, int))[3].tolist() for _ in range(3)]
        assert cut[:2] == [[False, False], [False, True]] and cut[2][0]

    def test_what_step_returns_is_the_callers(self):
        envs = TabularVectorEnv(GridWorld(), 2)
        states, _ = envs.reset(seed=0)
        states[:] = 15
        assert envs.step(np.array([1, 1]))[0].tolist() == [1, 1]


class TestTimeLimit:
    @pytest.mark.parametrize(
        ("make", "limit"),
        [
            (lambda: GridWorld(max_steps=7), 7),
            (lambda: TimeLimit(GridWorld(), 5), 5),
            (lambda: gym.make("rlbook/GridWorld-v0", max_episode_steps=200), 100),
            (lambda: gym.make("rlbook/GridWorld-v0", max_episode_steps=9), 9),
            (lambda: gym.make("FrozenLake-v1", is_slippery=False), 100),
            (lambda: gym.make("FrozenLake-v1", is_slippery=False, max_episode_steps=12), 12),
        ],
    )
    def test_the_shortest_limit_counts(self, make, limit):
        envs = TabularVectorEnv(make(), 1, DISABLED)
        envs.reset(seed=0)
        wait = np.array([0])  # up from the upper row, left from the left column: the robot stays
        cut = [bool(envs.step(wait)[3][0]) for _ in range(limit)]
        assert cut == [False] * (limit - 1) + [True]


class TestChoice:
    def test_models_become_one_batch(self):
        assert isinstance(as_vector_env(GridWorld(), 4), TabularVectorEnv)
        assert isinstance(as_vector_env(gym.make("FrozenLake-v1"), 4), TabularVectorEnv)

    def test_a_wrapper_is_honoured(self):
        plain = gym.make("rlbook/GridWorld-v0")
        for num_envs in (1, 3):
            envs = as_vector_env(TransformReward(plain, lambda reward: reward * 100), num_envs)
            envs.reset(seed=0)
            _, rewards, *_ = envs.step(np.ones(num_envs, dtype=int))
            assert rewards.tolist() == pytest.approx([-10.0] * num_envs)

    def test_a_subclass_is_honoured(self):
        class Windy(GridWorld):
            def step(self, action):
                state, reward, *rest = super().step(action)
                return state, reward - 1, *rest

        class Elsewhere(GridWorld):
            def reset(self, **arguments):
                super().reset(**arguments)
                self.state = 5
                return 5, {}

        class Named(GridWorld):
            pass

        assert as_vector_env(Windy(), 1).reset(seed=0)[0].tolist() == [0]
        envs = as_vector_env(Windy(), 1)
        envs.reset(seed=0)
        assert envs.step(np.ones(1, int))[1].tolist() == pytest.approx([-1.1])
        assert as_vector_env(Elsewhere(), 1).reset(seed=0)[0].tolist() == [5]
        assert isinstance(as_vector_env(Named(), 3), TabularVectorEnv)
        envs = as_vector_env(Windy(), 3)
        envs.reset(seed=0)
        assert envs.step(np.ones(3, int))[1].tolist() == pytest.approx([-1.1] * 3)

    @pytest.mark.skipif("Taxi-v4" not in gym.registry, reason="the passenger changes their mind in Taxi-v4 only")
    def test_what_the_model_does_not_tell_is_honoured(self):
        assert not isinstance(as_vector_env(gym.make("Taxi-v4", fickle_passenger=True), 2), TabularVectorEnv)

    def test_a_model_of_ones_own(self):
        P = np.zeros((3, 1, 3))
        P[[0, 1, 2], 0, [1, 2, 2]] = 1
        envs = TabularVectorEnv(TabularMDP(P, [[1.0], [2.0], [0.0]], terminal=[2]), 2, DISABLED, start=0)
        assert envs.reset(seed=0)[0].tolist() == [0, 0]
        assert envs.step(np.zeros(2, int))[1].tolist() == [1.0, 1.0]
        states, rewards, terminated, *_ = envs.step(np.zeros(2, int))
        assert states.tolist() == [2, 2] and rewards.tolist() == [2.0, 2.0] and terminated.all()

    def test_a_vector_environment_must_fit(self):
        envs = TabularVectorEnv(GridWorld(), 4, DISABLED)
        assert as_vector_env(envs, 4) is envs
        for wrong, n in ((envs, 5), (TabularVectorEnv(GridWorld(), 4), 4)):
            with pytest.raises(ValueError, match=f"accepted are {n} copies and AutoresetMode.DISABLED"):
                as_vector_env(wrong, n)

    @pytest.mark.parametrize("actions", [[4, 0], [0, -1], [0.0, 1.0], [0], 0, [[0], [1]], ["up", "up"]])
    @pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, DISABLED])
    def test_wrong_actions(self, mode, actions):
        envs = TabularVectorEnv(GridWorld(), 2, mode)
        envs.reset(seed=0)
        with pytest.raises(ValueError, match=r"the actions are (.|\s)*; accepted are"):
            envs.step(actions)
        envs.step([1, 2])

    @pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, DISABLED])
    def test_a_step_before_the_first_reset(self, mode):
        with pytest.raises(gym.error.ResetNeeded, match=r"call reset\(\) first"):
            TabularVectorEnv(GridWorld(), 2, mode).step([0, 0])

    def test_wrong_arguments(self):
        with pytest.raises(ValueError, match="num_envs is 0"):
            TabularVectorEnv(GridWorld(), 0)
        with pytest.raises(ValueError, match="accepted are NEXT_STEP and DISABLED"):
            TabularVectorEnv(GridWorld(), 1, AutoresetMode.SAME_STEP)
        with pytest.raises(ValueError, match="has no model P"):
            TabularVectorEnv(gym.make("CartPole-v1"), 2)
        mdp = GridWorld().mdp()
        with pytest.raises(ValueError, match="start is None; accepted are the states 0 to 15"):
            TabularVectorEnv(mdp, 2)
        with pytest.raises(ValueError, match="start is 2"):
            TabularVectorEnv(GridWorld(), 2, start=2)


class Windy(GridWorld):
    def step(self, action):
        state, reward, *rest = super().step(action)
        return state, reward - 1, *rest


class StartsElsewhere(GridWorld):
    @property
    def initial_state_distrib(self):
        return np.eye(16)[2]


class TestSubclassesOfGridWorld:
    def test_the_model_of_one_that_steps_in_its_own_way(self):
        for read in (lambda: Windy().mdp(), lambda: TabularMDP.from_gym(Windy())):
            with pytest.raises(ValueError, match=r"Windy has a step of its own, which .* not tell; accepted are"):
                read()

    def test_one_that_tells_its_own_model(self):
        class Honest(Windy):
            def mdp(self, gamma=0.99):
                return super().mdp(gamma)

        assert Honest().mdp().n_states == 16

    def test_all_copies_start_where_one_does(self):
        with vector_copies(StartsElsewhere(), 3) as copies:
            assert copies.reset(seed=0)[0].tolist() == [StartsElsewhere().reset(seed=0)[0]] * 3


def test_arguments_of_make_vec():
    envs = gym.make_vec("rlbook/GridWorld-v0", 2, max_episode_steps=3, autoreset_mode=DISABLED)
    envs.reset(seed=0)
    assert [envs.step(np.array([0, 0]))[3].tolist() for _ in range(3)] == [[False] * 2, [False] * 2, [True] * 2]
    assert envs.metadata["autoreset_mode"] is DISABLED
