"""Q-learning and Double Q-learning: the equations by hand, the learners against the exact solution."""

import gymnasium as gym
import numpy as np
import pytest
from corridor import Corridor, plain_rule
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import TransformReward
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rlbook.envs.grid_world import GridWorld
from rlbook.envs.tabular import TabularVectorEnv
from rlbook.learning.exploration import epsilon_greedy
from rlbook.mdp import TabularMDP, evaluate_policy, value_iteration
from rlbook.q_learning import DoubleQLearning, QLearning
from rlbook.returns import td_error

LEARNERS = pytest.mark.parametrize("learner", [QLearning, DoubleQLearning])


def noisy_choice():
    """Start 0: stop for nothing, or go to 1, whose ten gambles lose 0.1 on average (Sutton & Barto, example 6.7).

    A gamble is a pair of outcomes, +1 or -1.2, each with probability 1/2.
    """
    n_actions = 10
    successors = np.full((4, n_actions, 2), 3)
    rewards, terminated = np.zeros(successors.shape), np.ones(successors.shape, dtype=bool)
    successors[0, 0], terminated[0, 0] = 1, False
    rewards[1] = (1.0, -1.2)
    return TabularMDP.from_successors(successors, np.full(successors.shape, 0.5), rewards, terminated, gamma=1.0)


class TestEpsilonGreedy:
    def test_by_hand(self):
        np.testing.assert_allclose(epsilon_greedy([1.0, 3.0, 2.0, 0.0], 0.2), [0.05, 0.85, 0.05, 0.05])
        np.testing.assert_allclose(epsilon_greedy([3.0, 3.0, 2.0, 0.0], 0.2), [0.45, 0.45, 0.05, 0.05])
        np.testing.assert_allclose(epsilon_greedy(np.zeros((2, 4)), 0.0), np.full((2, 4), 0.25))
        np.testing.assert_allclose(epsilon_greedy([[0.0, 1.0]] * 2, [[0.0], [1.0]]), [[0, 1], [0.5, 0.5]])

    @given(
        Q=hnp.arrays(float, hnp.array_shapes(min_dims=1, max_dims=3), elements=st.sampled_from([-1.0, 0.0, 0.5])),
        epsilon=st.floats(0, 1),
    )
    @settings(max_examples=60, deadline=None)
    def test_it_is_a_distribution_that_prefers_the_best(self, Q, epsilon):
        p = epsilon_greedy(Q, epsilon)
        np.testing.assert_allclose(p.sum(axis=-1), 1)
        best = Q == Q.max(axis=-1, keepdims=True)
        assert (p >= epsilon / Q.shape[-1] - 1e-12).all()
        assert (p[~best] <= epsilon / Q.shape[-1] + 1e-12).all()

    @pytest.mark.parametrize("epsilon", [-0.1, 1.1, np.nan])
    def test_bad_epsilon(self, epsilon):
        with pytest.raises(ValueError, match=f"epsilon is {epsilon}; accepted are probabilities"):
            epsilon_greedy([0.0, 1.0], epsilon)

    @LEARNERS
    @pytest.mark.parametrize(
        "row", [[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 1.0, -1.0], [0.1, 0.2, 0.3, 0.4], [2.0, 2.0, 2.0, 0]]
    )
    def test_actions_come_as_often_as_it_says(self, learner, row):
        n, epsilon = 20_000, 0.3
        agent = learner(1, 4, epsilon=epsilon, n_agents=n, seed=5)
        agent.Q[:] = row
        if learner is DoubleQLearning:
            agent.Q2[:] = row
        expected = epsilon_greedy(row, epsilon) * n
        counts = np.bincount(agent.select_action(np.zeros(n, int)), minlength=4)
        chi_square = ((counts - expected) ** 2 / expected).sum()
        assert chi_square < 25  # three degrees of freedom: exceeded once in 60,000 right learners
        # Ties that always go to the first action are far outside.
        first = np.full(4, epsilon / 4) + (1 - epsilon) * (np.arange(4) == np.argmax(row))
        if np.sum(np.array(row) == max(row)) > 1:
            assert ((first * n - expected) ** 2 / expected).sum() > 1000

    def test_without_training_the_first_of_the_best(self):
        agent = QLearning(2, 3, epsilon=1.0)
        agent.Q[:] = [[0, 1, 1], [2, 0, 0]]
        assert [agent.select_action(s, training=False) for s in (0, 1)] == [1, 0]
        assert agent.get_policy().tolist() == [1, 0] and agent.get_value_function().tolist() == [1, 2]

    def test_one_agent_takes_a_batch_of_states(self):
        agent = QLearning(3, 4, epsilon=0.0)
        agent.Q[:] = np.eye(4)[[2, 0, 3]]
        states = np.array([0, 1, 2, 0, 1])
        for training in (True, False):
            assert agent.select_action(states, training=training).tolist() == [2, 0, 3, 2, 0]


class TestUpdate:
    def test_td_error_by_hand(self):
        assert td_error(2.0, 1.0, 10.0, False, 0.9) == pytest.approx(1 + 9 - 2)
        assert td_error(2.0, 1.0, 10.0, True, 0.9) == pytest.approx(1 - 2)
        np.testing.assert_allclose(td_error(np.zeros(2), 1.0, np.array([1.0, 2.0]), np.array([0, 1]), 0.5), [1.5, 1])

    def test_q_learning_by_hand(self):
        agent = QLearning(3, 2, learning_rate=0.5, gamma=0.9)
        agent.Q[1] = [4.0, 2.0]
        # delta = -1 + 0.9 * 4 - 0 = 2.6, and half of it is learned
        assert agent.update(0, 1, -1.0, 1, terminated=False) == pytest.approx(2.6)
        np.testing.assert_allclose(agent.Q, [[0, 1.3], [4, 2], [0, 0]])
        # A terminal step does not look ahead: delta = 5 - 1.3
        assert agent.update(0, 1, 5.0, 1, terminated=True) == pytest.approx(3.7)
        assert agent.Q[0, 1] == pytest.approx(3.15)
        np.testing.assert_allclose(agent.td_errors, [2.6, 3.7])

    def test_many_agents_update_their_own_tables(self):
        agent = QLearning(2, 2, learning_rate=0.5, n_agents=3)
        agent.update(np.array([0, 1, 0]), np.array([1, 0, 0]), np.array([2.0, 4.0, 6.0]), np.zeros(3, int), True)
        expected = np.zeros((3, 2, 2))
        expected[0, 0, 1], expected[1, 1, 0], expected[2, 0, 0] = 1, 2, 3
        np.testing.assert_array_equal(agent.Q, expected)

    def test_double_q_learning_by_hand(self):
        seen = set()
        for seed in range(8):
            agent = DoubleQLearning(2, 2, learning_rate=0.5, gamma=0.9, seed=seed)
            agent.Q[1], agent.Q2[1] = [1.0, 3.0], [20.0, 10.0]
            delta = agent.update(0, 0, 1.0, 1, terminated=False)
            # Q chooses action 1, Q2 says 10: 1 + 0.9 * 10; or Q2 chooses action 0, Q says 1: 1 + 0.9 * 1
            picked = 0 if agent.Q[0, 0] else 1
            assert delta == pytest.approx((10.0, 1.9)[picked])
            tables = agent.Q[0, 0], agent.Q2[0, 0]
            assert tables[picked] == pytest.approx(delta / 2) and tables[1 - picked] == 0
            seen.add(picked)
        assert seen == {0, 1}

    def test_the_coin_is_fair(self):
        n = 10_000
        agent = DoubleQLearning(1, 1, n_agents=n)
        zeros = np.zeros(n, int)
        agent.update(zeros, zeros, np.ones(n), zeros, np.ones(n, bool))
        first = np.count_nonzero(agent.Q)
        assert first + np.count_nonzero(agent.Q2) == n
        assert abs(first - n / 2) < 5 * np.sqrt(n) / 2

    def test_double_q_learning_acts_on_the_mean(self):
        agent = DoubleQLearning(1, 2, epsilon=0.0)
        agent.Q[0], agent.Q2[0] = [3.0, 2.0], [0.0, 2.0]  # the first table alone would choose action 0
        assert agent.select_action(0) == agent.select_action(0, training=False) == agent.get_policy()[0] == 1
        assert agent.get_value_function()[0] == 2.0
        np.testing.assert_array_equal(agent.action_values(), [[1.5, 2.0]])

    @LEARNERS
    def test_td_errors_stay_bounded(self, learner, monkeypatch):
        monkeypatch.setattr(learner, "KEPT_ERRORS", 50)
        agent = learner(16, 4)
        agent.learn(GridWorld(), total_steps=200)
        assert agent.td_errors.shape == (50,)
        several = learner(16, 4, n_agents=3)
        several.learn(GridWorld(), total_steps=60)
        assert several.td_errors.shape == (20, 3)


class TestTermination:
    """A task that ends is worth nothing more; a clock that runs out says nothing about the state."""

    @LEARNERS
    @pytest.mark.parametrize("ends", ["terminated", "truncated"])
    def test_bootstrap(self, learner, ends):
        agent = learner(4, 1, learning_rate=1.0, gamma=0.5, epsilon=0.0)
        for table in agent._tables:
            table[3] = 8.0  # what the last state is believed to be worth
        agent.learn(Corridor(ends), n_episodes=40)
        # Terminated: Q(2) = -1. Truncated: Q(2) = -1 + 0.5 * 8.
        expected = -1.0 if ends == "terminated" else 3.0
        np.testing.assert_allclose(agent.action_values()[2], expected)

    @pytest.mark.parametrize(
        ("ends", "wrong"),
        [
            ("terminated", lambda q, r, n, t, a, g: plain_rule(q, r, n, np.zeros_like(t), a, g)),
            ("truncated", lambda q, r, n, t, a, g: plain_rule(q, r, n, np.ones_like(t), a, g)),
        ],
    )
    def test_the_wrong_variants_are_wrong(self, ends, wrong):
        learned = []
        for rule in (None, wrong):
            agent = QLearning(4, 1, learning_rate=1.0, gamma=0.5, update_rule=rule)
            agent._tables[0][3] = 8.0
            agent.learn(Corridor(ends), n_episodes=5)
            learned.append(agent.Q[2, 0])
        assert abs(learned[0] - learned[1]) == pytest.approx(4)  # 0.5 * 8, the bootstrap that is missing or too much


class TestLearning:
    def test_it_finds_the_optimal_values(self):
        world = GridWorld()
        agent = QLearning(16, 4, learning_rate=0.5, epsilon=1.0, epsilon_decay=1.0, n_agents=64)
        agent.learn(world, total_steps=3000 * agent.n_agents)
        exact = value_iteration(world.mdp(0.99))
        seen = np.ones((16, 4), bool)
        seen[[world.to_state(world.goal), world.to_state((1, 1))]] = False  # never acted in
        error = np.abs(agent.Q - exact.Q)[:, seen].max(axis=1)
        assert np.median(error) < 0.01 and (error < 0.5).mean() > 0.9

    @LEARNERS
    def test_the_chapters_demo(self, learner):
        """500 episodes, exploration from 1: every one of 64 agents ends on the shortest way."""
        world = GridWorld()
        agent = learner(16, 4, epsilon=1.0, n_agents=64)
        history = agent.learn(world, n_episodes=500)
        assert np.median(history.lengths[:, :10]) > 8  # at first they wander
        assert np.median(history.lengths[:, -50:]) == 3
        policy = agent.get_policy()
        assert (policy[:, [0, 1, 2]] == 1).all(axis=1).mean() > 0.9
        np.testing.assert_allclose(np.median(agent.get_value_function()[:, 0]), 9.603, atol=0.05)

    def test_on_slippery_ground(self):
        world = GridWorld(slip=0.2)
        mdp = world.mdp(0.99)
        optimum = value_iteration(mdp).V[0]
        agent = QLearning(16, 4, epsilon=0.5, epsilon_decay=1.0, n_agents=64)
        agent.learn(world, total_steps=6000 * agent.n_agents)
        assert np.median(agent.get_value_function()[:, 0]) == pytest.approx(optimum, abs=0.6)
        worth = [evaluate_policy(policy, mdp)[0] for policy in agent.get_policy()]
        assert optimum - 0.6 < np.median(worth) <= max(worth) <= optimum + 1e-9

    def test_double_q_learning_overestimates_less(self):
        mdp = noisy_choice()
        exact = value_iteration(mdp)
        assert exact.V[0] == 0 and exact.V[1] == pytest.approx(-0.1)
        estimates = {}
        for learner in (QLearning, DoubleQLearning):
            agent = learner(4, 10, gamma=1.0, epsilon=0.5, epsilon_decay=1.0, n_agents=64)
            agent.learn(TabularVectorEnv(mdp, 64, AutoresetMode.DISABLED, start=0), total_steps=64 * 1000)
            estimates[learner] = agent.action_values()[:, 0, 0].mean()
        overestimate = {learner: estimate - exact.Q[0, 0] for learner, estimate in estimates.items()}
        assert overestimate[QLearning] > 0.04
        assert overestimate[DoubleQLearning] < overestimate[QLearning] / 2

    @pytest.mark.parametrize("name", ["CliffWalking-v1", "FrozenLake-v1", "no model"])
    def test_any_discrete_environment(self, name):
        env = Corridor() if name == "no model" else gym.make(name, max_episode_steps=50)
        agent = QLearning(env.observation_space.n, env.action_space.n, epsilon=0.5)
        history = agent.learn(env, n_episodes=5)
        assert history.returns.shape == (1, 5) and np.isfinite(history.returns).all()

    def test_a_wrapper_is_honoured(self):
        world = TransformReward(gym.make("rlbook/GridWorld-v0"), lambda reward: 100 * reward)
        agent = QLearning(16, 4, epsilon=1.0, n_agents=3)
        history = agent.learn(world, n_episodes=3)
        plain = QLearning(16, 4, epsilon=1.0, n_agents=3).learn(GridWorld(), n_episodes=3)
        np.testing.assert_allclose(history.returns, 100 * plain.returns)


class TestBadInput:
    @LEARNERS
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"n_states": 0}, "n_states is 0"),
            ({"n_actions": 0}, "n_actions is 0"),
            ({"n_agents": 0}, "n_agents is 0"),
            ({"learning_rate": 0.0}, "learning_rate is 0.0"),
            ({"learning_rate": 1.1}, "learning_rate is 1.1"),
            ({"learning_rate": np.nan}, "learning_rate is nan"),
            ({"gamma": 1.01}, "gamma is 1.01"),
            ({"gamma": -0.5}, "gamma is -0.5"),
            ({"epsilon": -0.1}, "epsilon is -0.1"),
            ({"epsilon": np.nan}, "epsilon is nan"),
            ({"epsilon_decay": 1.2}, "epsilon_decay is 1.2"),
            ({"epsilon_min": -1}, "epsilon_min is -1"),
        ],
    )
    def test_hyperparameters(self, learner, arguments, message):
        with pytest.raises(ValueError, match=message):
            learner(**{"n_states": 2, "n_actions": 2, **arguments})

    def test_exploration_set_later(self):
        agent = QLearning(2, 2)
        with pytest.raises(ValueError, match="epsilon is"):
            agent.epsilon = -0.2

    @pytest.mark.parametrize("wrong", [[0.1, 0.2, 0.3], "a", None, [0.1, 1.7], np.nan])
    def test_epsilon_of_two_agents(self, wrong):
        agent = QLearning(16, 4, n_agents=2)
        with pytest.raises(ValueError, match=r"epsilon is .*; accepted are probabilities from 0 to 1, one or 2"):
            agent.epsilon = wrong
        agent.epsilon = [0.1, 0.3]
        assert agent.epsilon.tolist() == [0.1, 0.3]

    def test_one_agent_learns_from_one_transition(self):
        twice = np.zeros(2, int)
        with pytest.raises(ValueError, match=r"the state is \[0 0\]; accepted is one transition of every agent, of 1"):
            QLearning(16, 4).update(twice, twice, 1.0, twice, False)

    @pytest.mark.parametrize("seed", [-1, 1.5, "a", None])
    def test_a_seed_that_is_none(self, seed):
        with pytest.raises(ValueError, match=f"seed is {seed!r}; accepted are whole numbers from 0"):
            QLearning(16, 4, seed=seed)

    def test_whole_numbers_may_be_floats(self):
        assert QLearning(16, 4, seed=3.0).learn(GridWorld(), n_episodes=1e1).returns.shape == (1, 10)
        assert TabularVectorEnv(GridWorld(), 4.0).reset(seed=0)[0].shape == (4,)

    @pytest.mark.parametrize("state", [-1, 16])
    def test_a_state_outside_the_table(self, state):
        agent = QLearning(16, 4)
        with pytest.raises(ValueError, match=f"the state is {state}; accepted are 0 to 15"):
            agent.select_action(state)
        with pytest.raises(ValueError, match=f"the state is {state}"):
            agent.update(0, 0, 0.0, state, False)

    @pytest.mark.parametrize("action", [-1, 4])
    def test_an_action_outside_the_table(self, action):
        with pytest.raises(ValueError, match=f"the action is {action}; accepted are 0 to 3"):
            QLearning(16, 4).update(0, action, 0.0, 1, False)

    @LEARNERS
    def test_a_continuous_environment(self, learner):
        with pytest.raises(
            ValueError, match=r"the observation space is Box.*accepted is Discrete\(4\), counted from 0"
        ):
            learner(4, 2).learn(gym.make("CartPole-v1"), n_episodes=1)
        with pytest.raises(ValueError, match=r"the action space is Discrete\(4\); accepted is Discrete\(2\)"):
            learner(16, 2).learn(GridWorld(), n_episodes=1)
        with pytest.raises(ValueError, match=r"the observation space is Discrete\(16\); accepted is Discrete\(9\)"):
            learner(9, 4).learn(GridWorld(), n_episodes=1)

    @pytest.mark.parametrize(
        ("length", "message"),
        [
            ({}, "n_episodes is None and total_steps is None; give one"),
            ({"n_episodes": 2, "total_steps": 2}, "n_episodes is 2 and total_steps is 2; give one"),
            ({"n_episodes": 0}, "n_episodes is 0; accepted are whole numbers from 1"),
            ({"n_episodes": 1.5}, "n_episodes is 1.5"),
            ({"total_steps": -1}, "total_steps is -1"),
            ({"total_steps": "many"}, "total_steps is 'many'"),
        ],
    )
    def test_how_long(self, length, message):
        with pytest.raises(ValueError, match=message):
            QLearning(16, 4).learn(GridWorld(), **length)

    def test_what_is_no_environment(self):
        with pytest.raises(
            ValueError, match="the environment is 'rlbook/GridWorld-v0', a name; accepted are Gymnasium environments"
        ):
            QLearning(16, 4).learn("rlbook/GridWorld-v0", n_episodes=1)

    def test_numbers_that_are_not_finite(self):
        with pytest.raises(ValueError, match="the reward is nan"):
            QLearning(16, 4).update(0, 1, np.nan, 1, False)
        broken = QLearning(16, 4, update_rule=lambda q, *_: q / 0)
        with np.errstate(invalid="ignore"), pytest.raises(ValueError, match="update_rule returned nan"):
            broken.learn(GridWorld(), n_episodes=1)
        assert not broken.Q.any()

    def test_a_vector_environment_of_another_size(self):
        envs = TabularVectorEnv(GridWorld(), 4, AutoresetMode.DISABLED)
        with pytest.raises(ValueError, match="has 4 copies"):
            QLearning(16, 4, n_agents=3).learn(envs, n_episodes=1)
