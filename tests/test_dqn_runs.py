"""Training runs of DQN: episodes kept apart, small worlds with known values, seeds, interruption, files."""

import re

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from probes import PROBES, Counting, EndlessOnes
from small_dqn import SMALL, with_memory

from rlbook.dqn import DQNAgent
from rlbook.learning.history import progress_bar
from rlbook.learning.saving import load_arrays, save_arrays

MODES = pytest.mark.parametrize("mode", [AutoresetMode.DISABLED, AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])


def remembered(agent):
    return agent.buffer._columns(agent.buffer.rows())


class TestEpisodesNeverMix:
    """Observations are (episode, step): a transition goes from (e, t) to (e, t + 1)."""

    @staticmethod
    def vector(mode, terminates=True):
        lengths = (1, 2, 5)
        return SyncVectorEnv([lambda n=n: Counting(n, terminates) for n in lengths], autoreset_mode=mode)

    @MODES
    @pytest.mark.parametrize("terminates", [True, False])
    def test_in_memory(self, mode, terminates):
        agent = DQNAgent(2, 2, **SMALL, updates_per_step=1e-9)
        history = agent.learn(self.vector(mode, terminates), 120)
        state, _, reward, next_state, terminated = remembered(agent)
        np.testing.assert_array_equal(next_state[:, 0], state[:, 0])
        np.testing.assert_array_equal(next_state[:, 1], state[:, 1] + 1)
        np.testing.assert_array_equal(reward, next_state[:, 1])
        assert terminated.any() == terminates
        assert set(history.lengths[0]) == {1, 2, 5} and set(history.returns[0]) == {1, 3, 15}

    @MODES
    def test_taking_what_step_returns_would_mix_them(self, mode):
        envs = self.vector(mode)
        state, _ = envs.reset(seed=0)
        mixed = False
        for _ in range(10):
            next_state, _, terminated, truncated, _ = envs.step(np.zeros(3, int))
            mixed |= bool((next_state[:, 0] != state[:, 0]).any())
            state = next_state
            if mode is AutoresetMode.DISABLED and (terminated | truncated).any():
                state, _ = envs.reset(options={"reset_mask": terminated | truncated})
        assert mixed == (mode is not AutoresetMode.DISABLED)

    def test_a_single_environment(self):
        agent = DQNAgent(2, 2, **SMALL)
        agent.learn(Counting(3), 60)
        state, _, _, next_state, _ = remembered(agent)
        np.testing.assert_array_equal(next_state - state, np.tile([0, 1], (60, 1)))


class TestKnownValues:
    """Probe environments: each can only be solved if one more part of the learner works."""

    @pytest.mark.parametrize("name", PROBES)
    @pytest.mark.parametrize("double", [False, True])
    def test_probe(self, name, double):
        world, states, values = PROBES[name]
        agent = DQNAgent(1, world.n_actions, **SMALL, gamma=0.9, epsilon_decay=1.0, double=double, huber=True, seed=1)
        agent.learn(world(), 900)
        np.testing.assert_allclose(agent.action_values(np.array(states)), values, atol=0.06)

    def test_a_time_limit_is_not_the_end(self):
        """A reward of 1 for ever is worth 1 / (1 - gamma) = 5, wherever the clock cuts it."""
        values = {}
        for name, world in (("right", EndlessOnes()), ("wrong", AsTerminated(EndlessOnes()))):
            agent = DQNAgent(1, 1, **SMALL, gamma=0.8)
            agent.learn(world, 1500)
            values[name] = agent.action_values(np.zeros(1)).item()
        assert values["right"] == pytest.approx(5, abs=0.2)
        assert values["wrong"] < 2  # the episode has one step

    def test_values_stay_among_the_possible_returns(self):
        """Who says that no return is above 3 learns 3, where 5 is true."""
        agent = DQNAgent(1, 1, **SMALL, gamma=0.8, return_bounds=(0.0, 3.0))
        agent.learn(EndlessOnes(), 1500)
        assert agent.action_values(np.zeros(1)).item() == pytest.approx(3, abs=0.1)

    @pytest.mark.parametrize("change", [{"tau": 0.05}, {"target_update_freq": 1}, {"max_grad_norm": None}])
    def test_every_switch_still_learns_a_small_world(self, change):
        world, states, values = PROBES["two steps"]
        agent = DQNAgent(1, 1, **{**SMALL, **change}, gamma=0.9)
        agent.learn(world(), 900)
        np.testing.assert_allclose(agent.action_values(np.array(states)), values, atol=0.06)


class AsTerminated(gym.Wrapper):
    """The mistake: the time limit is reported as an end of the task."""

    def step(self, action):
        state, reward, terminated, truncated, info = self.env.step(action)
        return state, reward, terminated or truncated, False, info


class TestLearning:
    def test_updates_follow_the_steps_of_the_environments(self):
        envs = SyncVectorEnv([lambda: Counting(9)] * 4, autoreset_mode=AutoresetMode.DISABLED)
        agent = DQNAgent(2, 2, **SMALL, updates_per_step=0.5, learning_starts=40)
        history = agent.learn(envs, 140)
        assert agent.n_updates == (140 - 40 + 4) // 2
        assert history.end_steps.max() <= 140 and len(history.metrics["loss"]) == agent.n_updates

    def test_epsilon_falls_with_every_episode(self):
        agent = DQNAgent(2, 2, **SMALL, epsilon=0.8, epsilon_decay=0.5, epsilon_min=0.15)
        agent.learn(Counting(5), 10)
        assert agent.epsilon == pytest.approx(0.2)
        agent.learn(Counting(5), 10)
        assert agent.epsilon == 0.15

    def test_the_learning_rate_falls_along_a_line(self):
        agent = DQNAgent(2, 2, **{**SMALL, "learning_rate": 0.01}, anneal_steps=80)
        assert agent.current_lr == 0.01
        agent.learn(Counting(5), 60)
        assert agent.steps_taken == 60 and agent.current_lr == pytest.approx(0.0025)
        agent.learn(Counting(5), 40)
        before = agent.online.weights.detach().clone()
        agent.learn(Counting(5), 10)
        assert agent.current_lr == 0 and agent.n_updates > 50 and (agent.online.weights == before).all()

    def test_same_seed_same_weights(self):
        def weights(seed):
            agent = DQNAgent(4, 2, **SMALL, seed=seed)
            agent.learn(gym.make("CartPole-v1"), 150)
            return agent.online.weights.detach().numpy()

        np.testing.assert_array_equal(weights(3), weights(3))
        assert not np.array_equal(weights(3), weights(4))

    def test_interrupting_keeps_what_was_learned(self):
        class Stopped(Counting):
            def step(self, action):
                if self.episode == 20:
                    raise KeyboardInterrupt
                return super().step(action)

        agent = DQNAgent(2, 2, **SMALL)
        history = agent.learn(Stopped(4), 10_000)
        assert history.interrupted and history.returns.shape == (1, 19) and agent.n_updates == 76 - 31

    def test_it_can_go_on_in_another_environment(self):
        agent = DQNAgent(2, 2, **SMALL)
        agent.learn(Counting(4), 40)
        agent.learn(SyncVectorEnv([lambda: Counting(3)] * 2), 40)
        assert len(agent.buffer) == 40 + 40  # and the resets of NEXT_STEP are no steps

    def test_statistics_are_bounded(self):
        agent = with_memory()
        agent.losses.extend(range(agent.KEPT_LOSSES))
        agent.train_step()
        assert len(agent.losses) == agent.KEPT_LOSSES

    def test_the_progress_bar_shows_return_and_epsilon(self, monkeypatch):
        shown, bar = [], progress_bar(40, "step", show=False)
        monkeypatch.setattr(bar, "update", lambda n: True)
        monkeypatch.setattr(bar, "set_postfix_str", shown.append)
        monkeypatch.setattr("rlbook.learning.learner.progress_bar", lambda total, unit, show: bar)
        DQNAgent(2, 2, **SMALL, epsilon_decay=0.5).learn(Counting(4), 40, progress=True)
        assert shown[0] == "return nan, epsilon 1.00" and shown[7] == "return 10, epsilon 0.25"

    def test_there_is_one_progress_bar_if_asked_for(self, capsys):
        agent = DQNAgent(2, 2, **SMALL)
        agent.learn(Counting(4), 40)
        assert capsys.readouterr() == ("", "")
        agent.learn(Counting(4), 40, progress=True)
        assert len(re.findall(r"(?<!\d)0/40 ", capsys.readouterr().err)) == 1

    def test_nothing_outside_is_touched(self):
        def outside():
            numpys = np.random.get_state()[1]  # noqa: NPY002
            return torch.get_rng_state(), numpys, torch.get_num_threads(), torch.is_grad_enabled()

        before = outside()
        DQNAgent(4, 2, **SMALL).learn(gym.make("CartPole-v1"), 100)
        for now, then in zip(outside(), before, strict=True):
            np.testing.assert_array_equal(now, then)

    def test_observations_may_be_whole_numbers(self):
        world = gym.spaces.Box(0, 255, (2,), np.uint8)
        agent = DQNAgent(2, 2, **SMALL)
        agent.learn(gym.wrappers.TransformObservation(Counting(5), lambda seen: seen.astype(np.uint8), world), 60)
        state, _, _, next_state, _ = remembered(agent)
        np.testing.assert_array_equal(next_state - state, np.tile([0, 1], (60, 1)))

    def test_acting_greedily_is_not_random(self):
        agent = DQNAgent(2, 5, epsilon=1.0)
        states = np.random.default_rng(0).normal(size=(200, 2))
        np.testing.assert_array_equal(
            agent.select_action(states, training=False), agent.action_values(states).argmax(1)
        )
        assert len(set(agent.select_action(states).tolist())) == 5
        assert isinstance(agent.select_action(states[0]), int)


class TestFiles:
    def test_it_goes_on_exactly(self, tmp_path):
        settings = {**SMALL, "buffer_size": 90, "tau": None, "updates_per_step": 0.7}  # the ring has turned over
        agent = DQNAgent(4, 2, **settings, seed=2)
        agent.learn(gym.make("CartPole-v1"), 133)
        agent.learning_rate = 0.003
        agent.save(tmp_path / "agent")
        again = DQNAgent.load(tmp_path / "agent")
        assert (again.epsilon, again.n_updates, again.learning_rate) == (agent.epsilon, agent.n_updates, 0.003)
        histories = [one.learn(gym.make("CartPole-v1"), 120) for one in (agent, again)]
        np.testing.assert_array_equal(histories[0].returns, histories[1].returns)
        np.testing.assert_array_equal(histories[0].metrics["loss"], histories[1].metrics["loss"])
        assert torch.equal(agent.online.weights, again.online.weights) and torch.equal(
            agent.target.weights, again.target.weights
        )
        np.testing.assert_array_equal(agent.buffer._rows, again.buffer._rows)

    @pytest.mark.parametrize("forgotten", ["optimizer.exp_avg", "n_updates", "steps_taken", "epsilon", "memory"])
    def test_what_is_saved_matters(self, tmp_path, forgotten):
        """With any of it forgotten the run is another one: the test above can fail."""
        agent = with_memory(anneal_steps=400)
        for _ in range(25):
            agent.train_step()
        agent.save(tmp_path / "agent")
        again = DQNAgent.load(tmp_path / "agent")
        if forgotten == "optimizer.exp_avg":
            again._optimizer.state[again.online.weights]["exp_avg"].zero_()
        elif forgotten == "memory":
            again.buffer.n_pushed = 100
        else:
            setattr(again, forgotten, 0)
        for one in (agent, again):
            one.learn(gym.make("CartPole-v1"), 60)
        assert not torch.equal(agent.target.weights, again.target.weights)

    def test_a_new_agent_can_be_saved(self, tmp_path):
        agent = DQNAgent(4, 2, **SMALL)
        agent.save(tmp_path / "agent")
        assert torch.equal(DQNAgent.load(tmp_path / "agent").online.weights, agent.online.weights)

    def test_numbers_of_numpy_can_be_saved(self, tmp_path):
        """As in ``DQNAgent(4, env.action_space.n)``, whose type is NumPy's."""
        numbers = {"learning_rate": np.float32(0.01), "batch_size": 32.0, "hidden_dims": [np.int64(8)]}
        agent = DQNAgent(np.int64(4), gym.make("CartPole-v1").action_space.n, **{**SMALL, **numbers}, seed=np.int64(3))
        agent.gamma = np.float64(0.5)
        agent.save(tmp_path / "agent")
        again = DQNAgent.load(tmp_path / "agent")
        assert (again.gamma, again.batch_size, again.hidden_dims, again.action_dim) == (0.5, 32, (8,), 2)

    def test_a_memory_that_was_resized_is_saved(self, tmp_path):
        agent = with_memory()
        agent.buffer_size = 32
        agent.learn(gym.make("CartPole-v1"), 50)
        agent.save(tmp_path / "agent")
        np.testing.assert_array_equal(DQNAgent.load(tmp_path / "agent").buffer._rows, agent.buffer._rows)

    def test_foreign_and_truncated_files(self, tmp_path):
        path = tmp_path / "agent"
        with pytest.raises(FileNotFoundError):
            DQNAgent.load(path)
        DQNAgent(4, 2, **SMALL).save(path)
        path.write_bytes(path.read_bytes()[:-10])
        with pytest.raises(ValueError, match="no complete safetensors file"):
            DQNAgent.load(path)
        torch.save({"weights": torch.zeros(3)}, path)  # a pickle
        with pytest.raises(ValueError, match="no complete safetensors file"):
            DQNAgent.load(path)
        save_arrays(path, "QLearning", {"tables": np.zeros(3)}, {})
        with pytest.raises(ValueError, match="holds 'QLearning'; accepted is 'DQNAgent'"):
            DQNAgent.load(path)

    @pytest.mark.parametrize("lost", ["online.weights", "memory", "config", "state", "gamma"])
    def test_a_file_that_lacks_something(self, tmp_path, lost):
        with_memory().save(tmp_path / "agent")
        arrays, state = load_arrays(tmp_path / "agent", "DQNAgent")
        if lost == "gamma":  # as if another version had named it otherwise
            state["config"]["discount"] = state["config"].pop("gamma")
        for where in (arrays, state):
            where.pop(lost, None)
        save_arrays(tmp_path / "agent", "DQNAgent", arrays, state)
        with pytest.raises(ValueError, match=r"agent is no complete DQNAgent of this version: .*Error"):
            DQNAgent.load(tmp_path / "agent")


class ActsFromOne(Counting):
    def __init__(self):
        super().__init__(3)
        self.observation_space = gym.spaces.Box(0, 1, (3,), np.float32)
        self.action_space = gym.spaces.Discrete(2, start=1)


class SeesNames(Counting):
    def __init__(self):
        super().__init__(3)
        self.observation_space = gym.spaces.Dict(x=gym.spaces.Box(0, 1, (3,), np.float32))


class TestEnvironmentsThatDoNotFit:
    def test_spaces_and_lengths(self):
        for env, words in (
            (gym.make("Pendulum-v1"), r"the action space is Box.*accepted is Discrete\(2\)"),
            (
                gym.make("CliffWalking-v1"),
                r"the observation space is Discrete\(48\).*accepted is a Box of shape \(3,\)",
            ),
            (gym.make("CartPole-v1"), r"observation space is Box.*accepted is a Box of shape \(3,\)"),
            (ActsFromOne(), r"the action space is Discrete\(2, start=1\); accepted is Discrete\(2\), counted from 0"),
            (SeesNames(), r"the observation space is Dict.*accepted is a Box of shape \(3,\)"),
        ):
            with pytest.raises(ValueError, match=words):
                DQNAgent(3, 2).learn(env, 10)
        with pytest.raises(ValueError, match=r"accepted is Discrete\(3\)"):
            DQNAgent(4, 3).learn(gym.make("CartPole-v1"), 10)

    @pytest.mark.parametrize("total_steps", [0, -1, 10.5, "10", None])
    def test_how_long(self, total_steps):
        with pytest.raises(ValueError, match=f"total_steps is {total_steps!r}; accepted are whole numbers from 1"):
            DQNAgent(4, 2).learn(gym.make("CartPole-v1"), total_steps)

    def test_a_vector_environment_that_does_not_say_how_it_resets(self):
        envs = SyncVectorEnv([lambda: gym.make("CartPole-v1")])
        envs.metadata = {}
        with pytest.raises(ValueError, match="autoreset_mode is None"):
            DQNAgent(4, 2).learn(envs, 10)
