"""Reading P: every form that is not toy-text's, and every change to a task that P does not tell, is refused."""

import itertools

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.envs.toy_text import FrozenLakeEnv

from rlbook.envs.grid_world import GridWorld
from rlbook.envs.tabular import TabularVectorEnv, as_vector_env
from rlbook.mdp import TabularMDP, bellman_backup
from rlbook.toy_text import departure_from_model

TAXI = next(name for name in ("Taxi-v4", "Taxi-v3") if name in gym.registry)
END = {0: [(1.0, 1, 0.0, True)], 1: [(1.0, 1, 0.0, True)]}


class Holder:
    """Carries a P, as a course's own environment may; ``spaces`` are its spaces, if any."""

    def __init__(self, P, **spaces):
        self.P = P
        vars(self).update(spaces)


def lake(**arguments):
    return gym.make("FrozenLake-v1", is_slippery=False, **arguments)


class TestReading:
    def test_from_gym_reads_the_model(self):
        env = gym.make("FrozenLake-v1", is_slippery=True)
        mdp = TabularMDP.from_gym(env)
        assert (mdp.n_states, mdp.n_actions, mdp.shape) == (16, 4, (4, 4))
        P = env.unwrapped.P
        V = np.random.default_rng(0).normal(size=16)
        for s, a in itertools.product(range(16), range(4)):
            expected = sum(p * (r + 0.99 * (0 if end else V[s2])) for p, s2, r, end in P[s][a])
            assert bellman_backup(V, mdp)[s, a] == pytest.approx(expected)

    def test_from_gym_asks_for_the_model_once(self):
        class Counting:
            asked = 0

            @property
            def P(self):
                self.asked += 1
                return GridWorld(3).P

        world = Counting()
        TabularMDP.from_gym(world)
        assert world.asked == 1

    @pytest.mark.skipif(TAXI == "Taxi-v3", reason="the passenger changes their mind in Taxi-v4 only")
    def test_a_model_that_does_not_tell_all(self):
        with pytest.raises(ValueError, match="fickle_passenger is True"):
            TabularMDP.from_gym(gym.make(TAXI, fickle_passenger=True))

    def test_an_environment_without_a_model(self):
        with pytest.raises(ValueError, match="CartPoleEnv has no model P"):
            TabularMDP.from_gym(gym.make("CartPole-v1"))


class TestForm:
    @pytest.mark.parametrize(
        ("P", "message"),
        [
            (np.zeros((3, 2, 3)), r"P is an array of shape \(3, 2, 3\)"),
            (np.zeros((3, 2, 3)).tolist(), r"P\[0\]\[0\] holds 0.0"),
            ({0: {0: [(1.0, 0, 0.0)], 1: [(1.0, 0, 0.0)]}}, r"P\[0\]\[0\] holds \(1.0, 0, 0.0\)"),
            ({1: END, 2: END}, r"P has no state 0, only \[1, 2\]"),
            ({0: END, 2: END}, r"P has no state 1, only \[0, 2\]"),
            ({0: {0: END[0]}, 1: END}, r"P\[0\] has no action 1, only \[0\]"),
            ({0: END, 1: {1: END[1], 2: END[1]}}, r"P\[1\] has no action 0, only \[1, 2\]"),
            ({0: {"left": END[0]}}, r"P\[0\] has no action 0, only \['left'\]"),
            ({0: END, 1: {}}, r"P\[1\] is {}"),
            ({0: END, 1: {0: END[0], 1: []}}, r"P\[1\]\[1\] is \[\]"),
            ({}, "P is {}"),
            ("maze", "P is 'maze'"),
            ({0: {0: [(0.9, 0, 0.0, True)]}}, r"the probabilities of P\[0\]\[0\] sum to 0.9"),
            ({0: {0: [(1.5, 0, 0.0, True), (-0.5, 0, 0.0, True)]}}, r"P\[0\]\[0\] holds the probability -0.5"),
            ({0: {0: [(np.nan, 0, 0.0, True)]}}, r"P\[0\]\[0\] holds the probability nan"),
            ({0: {0: [(1.0, 1, 0.0, True)]}}, r"P\[0\]\[0\] leads to state 1"),
            ({0: {0: [(1.0, -1, 0.0, True)]}}, r"P\[0\]\[0\] leads to state -1"),
            ({0: {0: [(1.0, (0, 0), 0.0, True)]}}, r"P\[0\]\[0\] leads to state \(0, 0\)"),
            ({0: {0: [(1.0, 0, np.inf, True)]}}, r"P\[0\]\[0\] pays inf"),
            ({0: {0: [(1.0, 0, None, True)]}}, r"P\[0\]\[0\] pays None"),
            ({0: {0: [(1.0, 0, True, 5.0)]}}, r"P\[0\]\[0\] says terminated is 5.0"),  # the wrong way round
        ],
    )
    def test_other_forms(self, P, message):
        with pytest.raises(ValueError, match=message + r".*accepted (is|are) "):
            TabularMDP.from_gym(Holder(P))

    def test_spaces_must_agree(self):
        P = {0: END, 1: END}
        assert TabularMDP.from_gym(Holder(P, observation_space=gym.spaces.Discrete(2))).n_states == 2
        for spaces, message in (
            ({"observation_space": gym.spaces.Discrete(3)}, "P has no state 2"),
            ({"observation_space": gym.spaces.Discrete(1)}, "P has a state 1, and there are 1"),
            ({"action_space": gym.spaces.Discrete(3)}, r"P\[0\] has no action 2"),
            ({"observation_space": gym.spaces.Discrete(2, start=1)}, "does not count from 0"),
        ):
            with pytest.raises(ValueError, match=message):
                TabularMDP.from_gym(Holder(P, **spaces))

    def test_lists_do_as_well_as_dictionaries(self):
        P = [[[(0.5, 1, 2.0, np.True_), [0.5, np.int64(0), 0, False]]], [[(1, 1, 0, True)]]]
        mdp = TabularMDP.from_gym(Holder(P), gamma=0.5)
        assert mdp.reward.tolist() == [[1.0], [0.0]] and mdp.terminal.tolist() == [False, True]

    def test_a_shape_that_is_no_grid_is_no_layout(self):
        assert TabularMDP.from_gym(Holder({0: END, 1: END}, shape=(3,))).shape is None
        assert TabularMDP.from_gym(Holder({0: END, 1: END}, shape=(1, 2))).shape == (1, 2)


class Costly(FrozenLakeEnv):
    def step(self, action):
        state, reward, *rest = super().step(action)
        return state, reward - 1.0, *rest


class Elsewhere(GridWorld):
    def reset(self, **arguments):
        super().reset(**arguments)
        self.state = 5
        return 5, {}


class OtherModel(GridWorld):
    @property
    def P(self):
        return GridWorld(4, slip=0.5).P


class OtherPlan(GridWorld):
    def mdp(self, gamma=0.99):
        return GridWorld(4, slip=0.5).mdp(gamma)


class Silent(wrappers.TimeLimit):
    def step(self, action):
        return *super().step(action)[:1], 0.0, False, False, {}


def patched(at_the_world):
    env = lake()
    layer = env.unwrapped if at_the_world else env
    step = layer.step
    layer.step = lambda action: (*step(action)[:1], -9.0, False, False, {})
    return env


class TestDepartures:
    CHANGED = (
        (
            lambda: wrappers.TransformReward(lake(), lambda reward: reward - 1.0),
            "the wrapper TransformReward may change",
        ),
        (
            lambda: wrappers.TimeLimit(wrappers.TransformReward(lake(), abs), 9),
            "the wrapper TransformReward may change",
        ),
        (lambda: Silent(lake(), 9), "the wrapper Silent may change"),
        (lambda: Costly(is_slippery=False), "Costly has a step of its own"),
        (Elsewhere, "Elsewhere has a reset of its own"),
        (OtherModel, "OtherModel has a P of its own"),
        (OtherPlan, "OtherPlan has a mdp of its own"),
        (lambda: patched(at_the_world=True), "step of FrozenLakeEnv was replaced"),
        (lambda: patched(at_the_world=False), "step of TimeLimit was replaced"),
    )

    @pytest.mark.parametrize(("make", "message"), CHANGED)
    def test_a_changed_task_is_not_planned_for_and_no_batch(self, make, message):
        env = make()
        for read in (TabularMDP.from_gym, lambda env: TabularVectorEnv(env, 2)):
            with pytest.raises(ValueError, match=f"{message}.*; accepted are toy-text environments as they are"):
                read(env)
        assert not isinstance(as_vector_env(env, 1), TabularVectorEnv)

    def test_a_method_replaced_in_its_class(self, monkeypatch):
        step = FrozenLakeEnv.step
        monkeypatch.setattr(
            FrozenLakeEnv, "step", lambda self, action: (*step(self, action)[:1], 7.0, False, False, {})
        )
        with pytest.raises(ValueError, match="FrozenLakeEnv has a step of its own"):
            TabularMDP.from_gym(lake())

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda env: env,
            lambda env: wrappers.TimeLimit(env, 7),
            wrappers.RecordEpisodeStatistics,
            wrappers.Autoreset,
            lambda env: wrappers.PassiveEnvChecker(wrappers.OrderEnforcing(env)),
        ],
    )
    def test_what_changes_nothing_is_no_harm(self, wrap):
        env = wrap(lake(render_mode="ansi"))
        assert departure_from_model(env) is None
        np.testing.assert_array_equal(TabularMDP.from_gym(env).reward, TabularMDP.from_gym(lake()).reward)

    def test_an_edited_model_is_what_the_environment_steps_by(self):
        env = lake()
        env.unwrapped.P[0][2] = [(1.0, 0, -7.0, False)]
        env.reset(seed=0)
        assert env.step(2)[1] == TabularMDP.from_gym(env).reward[0, 2] == -7.0

    def test_of_a_readers_own_environment_its_model_is_believed(self):
        class Own(gym.Env):
            P, initial_state_distrib = {0: END, 1: END}, np.array([1.0, 0.0])

            def step(self, action):
                return 1, 5.0, True, False, {}

        assert TabularMDP.from_gym(Own()).reward.tolist() == [[0, 0], [0, 0]]
        with pytest.raises(ValueError, match="the wrapper TransformReward may change"):
            TabularMDP.from_gym(wrappers.TransformReward(Own(), abs))
