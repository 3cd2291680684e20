"""What every learner has in common: its config, copies that learn alike, files, looking without touching."""

import copy
import dataclasses
import pickle

import gymnasium as gym
import joblib
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from rlbook.dqn import DQNAgent
from rlbook.envs.grid_world import GridWorld
from rlbook.envs.tabular import TabularVectorEnv
from rlbook.learning.saving import load_arrays, save_arrays
from rlbook.learning.stepping import evaluate
from rlbook.q_learning import DoubleQLearning, QLearning


def tabular(learner, n_agents=1, **hyperparameters):
    return learner(16, 4, epsilon=0.8, n_agents=n_agents, seed=3, **hyperparameters), lambda: GridWorld(slip=0.2)


def network(**hyperparameters):
    settings = {"hidden_dims": (16,), "batch_size": 16, "buffer_size": 300, "tau": 0.05, **hyperparameters}
    return DQNAgent(4, 2, **settings, seed=3), lambda: gym.make("CartPole-v1")


LEARNERS = {
    "QLearning": lambda **changes: tabular(QLearning, **changes),
    "64 agents": lambda **changes: tabular(QLearning, n_agents=64, **changes),
    "DoubleQLearning": lambda **changes: tabular(DoubleQLearning, n_agents=2, **changes),
    "DQN": network,
}
ALL = pytest.mark.parametrize("name", LEARNERS)


def learned(agent, env, total_steps=400):
    """What a run leaves behind: its returns, and the values it acts on."""
    history = agent.learn(env, total_steps * agent.n_agents)
    states = np.linspace(-1, 1, 40).reshape(10, 4)
    return history.returns, agent.action_values(states) if isinstance(agent, DQNAgent) else agent.action_values()


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def in_a_worker(agent):
    (twin,) = joblib.Parallel(n_jobs=2)([joblib.delayed(lambda same: same)(agent)])
    return twin


def through_a_state_dict(agent):
    twin = copy.deepcopy(agent)
    for which in ("online", "target"):
        getattr(twin, which).load_state_dict(copy.deepcopy(getattr(agent, which).state_dict()), assign=True)
    return twin


class TestCopies:
    @ALL
    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda agent: pickle.loads(pickle.dumps(agent)), in_a_worker])
    def test_they_learn_as_the_agent_does(self, name, duplicate):
        agent, env = LEARNERS[name]()
        learned(agent, env())
        twin = duplicate(agent)
        before = learned(copy.deepcopy(agent), env())
        assert_same(learned(agent, env()), before)
        assert_same(learned(twin, env()), before)

    def test_weights_assigned_from_a_state_dict(self):
        agent, env = network()
        learned(agent, env())
        twin = through_a_state_dict(agent)
        assert_same(learned(agent, env()), learned(twin, env()))

    @ALL
    def test_a_copy_is_another(self, name):
        agent, env = LEARNERS[name]()
        twin = copy.deepcopy(agent)
        _, values = learned(agent, env(), total_steps=1) if name != "DQN" else learned(agent, env(), 1)
        learned(twin, env())
        _, again = learned(copy.deepcopy(agent), env(), total_steps=1)
        assert values.shape == again.shape
        assert (twin.action_values() if name != "DQN" else twin.action_values(np.zeros((1, 4)))).any()


class TestHyperparameters:
    @ALL
    def test_the_config_is_frozen_and_every_field_an_attribute(self, name):
        agent, _ = LEARNERS[name]()
        for field in dataclasses.fields(agent.config):
            assert getattr(agent, field.name) == pytest.approx(getattr(agent.config, field.name)) or name == "64 agents"
        with pytest.raises(dataclasses.FrozenInstanceError):
            agent.config.gamma = 0.5

    @ALL
    def test_setting_one_acts(self, name):
        (changed, env), (made, _) = LEARNERS[name](gamma=0.9), LEARNERS[name](gamma=0.3)
        changed.gamma = 0.3
        assert_same(learned(changed, env()), learned(made, env()))

    @ALL
    def test_epsilon_goes_on_from_where_it_is_configured(self, name):
        agent, _ = LEARNERS[name]()
        agent.configure(epsilon=0.25)
        assert np.all(agent.epsilon == 0.25) and agent.config.epsilon == 0.25

    @ALL
    def test_setting_one_that_cannot_be_is_refused_and_changes_nothing(self, name):
        agent, _ = LEARNERS[name]()
        with pytest.raises(ValueError, match=r"gamma is 1\.5; accepted are numbers from 0 to 1"):
            agent.gamma = 1.5
        assert agent.gamma == 0.99

    @pytest.mark.parametrize("name", ["hidden_dims", "state_dim", "action_dim"])
    def test_what_is_built_cannot_be_set(self, name):
        with pytest.raises(AttributeError, match=f"{name} cannot change in a living DQNAgent; make a new one"):
            setattr(network()[0], name, (3,))

    def test_a_memory_and_a_batch_of_another_size(self, tmp_path):
        agent, env = network()
        learned(agent, env())
        with pytest.raises(ValueError, match="buffer_size is 10 and batch_size is 16"):
            agent.buffer_size = 10
        agent.configure(buffer_size=20, batch_size=8)
        agent.learn(env(), 100)
        assert len(agent.buffer) == 20 and len(agent.buffer.sample(agent.batch_size).reward) == 8
        agent.save(tmp_path / "agent")
        assert_same(learned(DQNAgent.load(tmp_path / "agent"), env()), learned(agent, env()))

    @ALL
    def test_an_unknown_one(self, name):
        with pytest.raises(TypeError, match="has no hyperparameter 'learning_rat'; it has learning_rate, gamma"):
            LEARNERS[name](learning_rat=0.1)
        with pytest.raises(AttributeError, match="has no attribute 'learning_rat'"):
            LEARNERS[name]()[0].learning_rat  # noqa: B018

    @ALL
    def test_setting_an_unknown_one(self, name):
        agent, _ = LEARNERS[name]()
        for unknown in ("lr", "alpha", "exploration_rate", "seed"):
            with pytest.raises(AttributeError, match=f"has no hyperparameter '{unknown}'; it has learning_rate, gamma"):
                setattr(agent, unknown, 0.5)
            assert not hasattr(copy.deepcopy(agent), unknown)
        with pytest.raises(TypeError, match="has no hyperparameter 'gama'; it has learning_rate, gamma"):
            agent.configure(gama=0.9)
        agent._notes, agent.select_action = "mine", lambda state, training=True: 0
        with pytest.raises(AttributeError, match="has no hyperparameter 'lr'"):
            copy.deepcopy(agent).lr = 0.5

    def test_a_subclass_has_attributes_of_its_own(self):
        class Curious(QLearning):
            def __init__(self, *sizes, **arguments):
                super().__init__(*sizes, **arguments)
                self.visits = np.zeros(16)

        agent = Curious(16, 4)
        agent.visits, agent.bonus = np.ones(16), 0.1
        assert agent.bonus == 0.1 and agent.visits.sum() == 16

    @pytest.mark.parametrize(("name", "rule"), [("QLearning", "update_rule"), ("DQN", "target_rule")])
    def test_a_rule_that_is_none(self, name, rule):
        agent, _ = LEARNERS[name]()
        for make in (lambda: LEARNERS[name](**{rule: "x"}), lambda: setattr(agent, rule, "x")):
            with pytest.raises(ValueError, match=f"{rule} is 'x'; accepted is a function, or None"):
                make()
        setattr(agent, rule, lambda values, *rest: torch.tensor(values, requires_grad=True))
        learned(agent, LEARNERS[name]()[1]())

    @ALL
    def test_an_agent_that_never_explores_never_does(self, name):
        agent, env = LEARNERS[name]()
        agent.epsilon = 0.0
        learned(agent, env())
        assert np.max(agent.epsilon) == 0


class TestFiles:
    @ALL
    def test_the_loaded_one_goes_on_exactly(self, name, tmp_path):
        agent, env = LEARNERS[name]()
        learned(agent, env())
        agent.save(tmp_path / "agent")
        assert_same(learned(type(agent).load(tmp_path / "agent"), env()), learned(agent, env()))

    @pytest.mark.parametrize(("name", "rule"), [("QLearning", "update_rule"), ("DQN", "target_rule")])
    def test_a_rule_of_ones_own(self, name, rule, tmp_path):
        def keeps(values, *rest):
            return np.full_like(values, 5.0)

        agent, env = LEARNERS[name](**{rule: keeps})
        learned(agent, env())
        agent.save(tmp_path / "agent")
        with pytest.raises(ValueError, match=rf"was saved with a {rule} of its own.*load\(path, {rule}=\.\.\.\)"):
            type(agent).load(tmp_path / "agent")
        again = type(agent).load(tmp_path / "agent", **{rule: keeps})
        assert_same(learned(again, env()), learned(agent, env()))


def times(factor):
    return lambda array: array * factor


ALTERED = {
    "QLearning": [
        ("tables", lambda tables: tables[:, :1], r"tables has shape \(1, 1, 4\); accepted is \(1, 16, 4\)"),
        ("tables", times(np.nan), "tables holds NaN"),
        ("epsilon", lambda epsilon: epsilon * 0 + 1.7, "epsilon is .*1.7"),
        ("epsilon", lambda epsilon: epsilon.repeat(2), "epsilon has shape"),
        ("td_errors", lambda errors: errors.repeat(2, axis=1), r"td_errors has shape \(400, 2\)"),
        ("tables", None, "it holds epsilon, td_errors; accepted are epsilon, tables, td_errors"),
    ],
    "DQN": [
        ("optimizer.0.exp_avg", lambda moments: moments[:5], r"optimizer.0.exp_avg has shape \(5,\)"),
        ("optimizer.0.step", lambda step: np.zeros(9, np.float32), r"optimizer.0.step has shape \(9,\)"),
        ("optimizer.0.exp_avg", None, "it holds .*; accepted are .*optimizer.0.exp_avg,"),
        ("online.weights", times(np.nan), "online.weights holds NaN"),
        ("memory", lambda rows: rows[:1], r"memory has shape \(1, 11\); accepted is \(300, 11\)"),
        ("memory", lambda rows: rows[:, :1], r"memory has shape \(300, 1\)"),
    ],
}


@pytest.mark.parametrize(("name", "array", "change", "words"), [(n, *rest) for n in ALTERED for rest in ALTERED[n]])
def test_an_altered_file_is_refused(name, array, change, words, tmp_path):
    agent, env = LEARNERS[name]()
    learned(agent, env())
    agent.save(tmp_path / "agent")
    arrays, parts = load_arrays(tmp_path / "agent", kind=type(agent).__name__)
    values = arrays.pop(array)
    save_arrays(tmp_path / "altered", type(agent).__name__, arrays | ({array: change(values)} if change else {}), parts)
    with pytest.raises(ValueError, match=f"altered is no complete {type(agent).__name__} of this version: .*{words}"):
        type(agent).load(tmp_path / "altered")


class TestLookingChangesNothing:
    @ALL
    def test_greedy_actions_and_evaluation(self, name):
        (quiet, env), (watched, _) = LEARNERS[name](), LEARNERS[name]()
        learned(quiet, env())
        learned(watched, env())
        states = np.zeros((5, 4)) if name == "DQN" else np.zeros(watched.n_agents, int)
        watched.select_action(states, training=False)
        envs = gym.make_vec("CartPole-v1", num_envs=3)
        if name != "DQN":
            envs = TabularVectorEnv(GridWorld(), watched.n_agents, AutoresetMode.NEXT_STEP)
        evaluate(lambda seen: watched.select_action(seen, training=False), envs, watched.n_agents)
        assert_same(learned(quiet, env()), learned(watched, env()))


class TestTotalSteps:
    @ALL
    def test_all_copies_are_counted(self, name):
        agent, env = LEARNERS[name]()
        history = agent.learn(env(), total_steps=320)
        assert np.nanmax(history.end_steps, initial=0) * agent.n_agents <= 320
