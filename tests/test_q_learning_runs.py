"""Training runs of the tabular learners: independent agents, a student's own rule, histories, files."""

import numpy as np
import pytest
from corridor import Corridor, plain_rule
from gymnasium.vector import AutoresetMode

from rlbook.envs.grid_world import GridWorld
from rlbook.envs.tabular import TabularVectorEnv
from rlbook.q_learning import DoubleQLearning, QLearning

LEARNERS = pytest.mark.parametrize("learner", [QLearning, DoubleQLearning])


class TestManyAgents:
    @LEARNERS
    @pytest.mark.parametrize("n_agents", [1, 5])
    def test_determinism_per_seed(self, learner, n_agents):
        def run(seed):
            agent = learner(16, 4, epsilon=0.8, n_agents=n_agents, seed=seed)
            histories = [agent.learn(GridWorld(slip=0.3), n_episodes=6) for _ in range(2)]
            return agent.action_values(), np.hstack([history.returns for history in histories])

        for first, again, other in zip(run(3), run(3), run(4), strict=True):
            np.testing.assert_array_equal(first, again)
            assert (first != other).any()

    def test_learning_again_meets_other_dice(self):
        agent = QLearning(16, 4, learning_rate=1e-9, epsilon=0.0, epsilon_min=0.0, seed=1)
        agent.Q[:] = [0, 1, 0, 0]  # always to the right
        world = GridWorld(slip=0.5)
        lengths = [agent.learn(world, n_episodes=8).lengths[0].tolist() for _ in range(3)]
        assert lengths[0] != lengths[1] != lengths[2]

    @LEARNERS
    def test_an_agent_that_is_done_does_not_change(self, learner):
        """Each table of the batch is what it was when that agent's own last episode ended."""
        at_the_end, world = {}, GridWorld()

        class Watched(learner):
            def decay_epsilon(self, which=slice(None)):
                super().decay_epsilon(which)
                for i in which:
                    self.count = getattr(self, "count", np.zeros(self.n_agents, int))
                    self.count[i] += 1
                    at_the_end[i] = self.action_values()[i].copy()

        agent = Watched(16, 4, epsilon=1.0, n_agents=64)
        history = agent.learn(world, n_episodes=3)
        finished = history.end_steps[:, -1]
        assert finished.min() < finished.max() / 2  # some were done long before others
        assert (agent.count == 3).all()
        np.testing.assert_array_equal(agent.action_values(), [at_the_end[i] for i in range(64)])
        np.testing.assert_allclose(agent.epsilon, 0.995**3)

    @LEARNERS
    def test_a_slow_agent_does_not_alter_the_others(self, learner):
        """The last agent is hindered: everything about the other 63 stays the same."""
        tables, returns = [], []
        for hindered in (False, True):
            agent = learner(16, 4, epsilon=0.5, n_agents=64, seed=2)
            if hindered:
                agent._tables[:, -16:, 0] = 50.0  # it believes in going up, into the wall
            history = agent.learn(GridWorld(), n_episodes=4)
            tables.append(agent.action_values())
            returns.append(history.returns)
        np.testing.assert_array_equal(tables[0][:-1], tables[1][:-1])
        np.testing.assert_array_equal(returns[0][:-1], returns[1][:-1])
        assert (returns[0][-1] != returns[1][-1]).any()

    def test_agents_differ(self):
        agent = QLearning(16, 4, epsilon=1.0, n_agents=8)
        agent.learn(GridWorld(), n_episodes=2)
        assert len({table.tobytes() for table in agent.Q}) == 8


class TestUpdateRule:
    @pytest.mark.parametrize("n_agents", [1, 7])
    def test_the_right_rule_is_the_built_in_update_bit_for_bit(self, n_agents):
        runs = []
        for rule in (None, plain_rule):
            agent = QLearning(16, 4, epsilon=0.9, n_agents=n_agents, update_rule=rule)
            history = agent.learn(GridWorld(slip=0.1), n_episodes=20)
            runs.append((agent.Q.copy(), history.returns))
        for built_in, students in zip(*runs, strict=True):
            np.testing.assert_array_equal(built_in, students)

    def test_its_arguments(self):
        def rule(q, reward, next_q, terminated, alpha, gamma):
            assert q.shape == reward.shape == terminated.shape == (5,) and next_q.shape == (5, 4)
            assert terminated.dtype == bool and (alpha, gamma) == (0.25, 0.5)
            return q

        QLearning(16, 4, learning_rate=0.25, gamma=0.5, n_agents=5, update_rule=rule).learn(GridWorld(), total_steps=10)

    def test_a_rule_that_works_in_place_spoils_nothing(self):
        def in_place(q, reward, next_q, terminated, alpha, gamma):
            reward += gamma * (1 - terminated) * next_q.max(axis=-1)
            q += alpha * (reward - q)
            return q

        runs = []
        for rule in (plain_rule, in_place):
            agent = QLearning(16, 4, epsilon=0.9, n_agents=3, update_rule=rule)
            runs.append((agent.learn(GridWorld(), n_episodes=10).returns, agent.Q, agent.td_errors))
        for right, same in zip(*runs, strict=True):
            np.testing.assert_allclose(right, same, atol=1e-9)

    @pytest.mark.parametrize("answer", [lambda q: None, lambda q: q[:, None], lambda q: 1.0])
    def test_a_rule_that_returns_something_else(self, answer):
        agent = QLearning(16, 4, n_agents=5, update_rule=lambda q, *rest: answer(q))
        with pytest.raises(ValueError, match=r"update_rule returned shape .*accepted is \(5,\)"):
            agent.learn(GridWorld(), n_episodes=1)

    @pytest.mark.parametrize("answer", [lambda q: q + 0j, lambda q: q * np.nan, lambda q: ["0.5"] * len(q)])
    def test_a_rule_that_returns_no_finite_numbers(self, answer):
        agent = QLearning(16, 4, n_agents=5, update_rule=lambda q, *rest: answer(q))
        with pytest.raises(ValueError, match=r"update_rule returned .*accepted are finite numbers"):
            agent.learn(GridWorld(), n_episodes=1)

    def test_its_error_is_not_hidden(self):
        def broken(*arguments):
            raise NotImplementedError("not yet")

        with pytest.raises(NotImplementedError, match="not yet"):
            QLearning(16, 4, update_rule=broken).learn(GridWorld(), n_episodes=1)

    def test_double_q_learning_has_none(self):
        with pytest.raises(ValueError, match="update_rule is for QLearning"):
            DoubleQLearning(16, 4, update_rule=plain_rule)


class TestLearn:
    @LEARNERS
    @pytest.mark.parametrize("n_agents", [1, 6])
    def test_episodes(self, learner, n_agents):
        agent = learner(16, 4, epsilon=1.0, n_agents=n_agents)
        history = agent.learn(GridWorld(), n_episodes=12)
        assert history.returns.shape == history.lengths.shape == history.end_steps.shape == (n_agents, 12)
        assert np.isfinite(history.returns).all() and not history.interrupted
        np.testing.assert_array_equal(history.lengths.cumsum(axis=1), history.end_steps)
        np.testing.assert_allclose(agent.epsilon, 0.995**12)

    def test_returns_are_the_rewards_of_the_way(self):
        history = QLearning(4, 1).learn(Corridor(), n_episodes=3)
        assert history.returns.tolist() == [[-3.0] * 3] and history.lengths.tolist() == [[3.0] * 3]

    @pytest.mark.parametrize("n_agents", [1, 6])
    def test_steps(self, n_agents):
        agent = QLearning(16, 4, epsilon=1.0, n_agents=n_agents)
        history = agent.learn(GridWorld(), total_steps=300 * n_agents)
        assert len(agent.td_errors) == 300
        assert np.nanmax(history.end_steps) <= 300 and np.nansum(history.lengths) <= 300 * n_agents
        assert (np.isfinite(history.returns).sum(axis=1) >= 3).all()

    def test_interrupting_keeps_what_was_learned(self):
        agent = QLearning(4, 1)
        history = agent.learn(Corridor(interrupt_after=8), n_episodes=50)
        assert history.interrupted and history.returns.tolist() == [[-3.0, -3.0]]
        assert (agent.Q[:3] < 0).all() and len(agent.td_errors) == 7
        assert not agent.learn(Corridor(), n_episodes=2).interrupted  # and it can go on

    def test_learning_again_goes_on(self):
        agent = QLearning(16, 4, epsilon=1.0)
        agent.learn(GridWorld(), n_episodes=5)
        before = agent.Q.copy()
        agent.learn(GridWorld(slip=0.2), n_episodes=5)
        assert (agent.Q != before).any() and agent.epsilon == pytest.approx(0.995**10)

    def test_exploration_stops_at_its_minimum(self):
        agent = QLearning(16, 4, epsilon=0.2, epsilon_decay=0.5, epsilon_min=0.04)
        values = []
        for _ in range(4):
            agent.decay_epsilon()
            values.append(float(agent.epsilon))
        assert values == pytest.approx([0.1, 0.05, 0.04, 0.04])

    def test_a_vector_environment(self):
        envs = TabularVectorEnv(GridWorld(), 4, AutoresetMode.DISABLED)
        history = QLearning(16, 4, n_agents=4).learn(envs, n_episodes=3)
        assert history.returns.shape == (4, 3)

    def test_progress(self, capsys):
        QLearning(16, 4).learn(GridWorld(), n_episodes=3, progress=True)
        assert "episode" in capsys.readouterr().err
        QLearning(16, 4).learn(GridWorld(), n_episodes=3)
        assert capsys.readouterr().err == ""


class TestFiles:
    @LEARNERS
    @pytest.mark.parametrize("n_agents", [1, 3])
    def test_round_trip(self, learner, n_agents, tmp_path):
        agent = learner(16, 4, learning_rate=0.3, gamma=0.8, epsilon=0.7, epsilon_min=0.05, n_agents=n_agents)
        agent.learn(GridWorld(), n_episodes=5)
        agent.save(tmp_path / "agent")
        loaded = learner.load(tmp_path / "agent")
        np.testing.assert_array_equal(loaded.action_values(), agent.action_values())
        np.testing.assert_array_equal(loaded._tables, agent._tables)
        np.testing.assert_array_equal(loaded.epsilon, agent.epsilon)
        assert (loaded.learning_rate, loaded.gamma, loaded.epsilon_min) == (0.3, 0.8, 0.05)
        assert loaded.learn(GridWorld(), n_episodes=2).returns.shape == (n_agents, 2)

    def test_another_kind_of_agent(self, tmp_path):
        DoubleQLearning(2, 2).save(tmp_path / "agent")
        with pytest.raises(ValueError, match="holds 'DoubleQLearning'; accepted is 'QLearning'"):
            QLearning.load(tmp_path / "agent")

    def test_a_truncated_file(self, tmp_path):
        QLearning(2, 2).save(tmp_path / "agent")
        (tmp_path / "agent").write_bytes((tmp_path / "agent").read_bytes()[:-8])
        with pytest.raises(ValueError, match="no complete safetensors file"):
            QLearning.load(tmp_path / "agent")
