"""Every learner's equations: by hand, on NumPy and torch, and that learning breaks where one of them is broken."""

import itertools

import gymnasium as gym
import numpy as np
import pytest
import torch
from probes import PROBES
from small_dqn import SMALL

import rlbook.dqn
import rlbook.learning.stepping
import rlbook.mdp
import rlbook.q_learning
import rlbook.returns
from rlbook.dqn import DQNAgent
from rlbook.envs.grid_world import GridWorld
from rlbook.learning.stepping import evaluate
from rlbook.mdp import policy_iterates, value_iteration
from rlbook.q_learning import DoubleQLearning, QLearning
from rlbook.returns import discounted_return, double_value, greedy_value, td_error, td_target

KINDS = pytest.mark.parametrize("kind", [np.array, lambda values: torch.tensor(values, dtype=torch.float64)])


@KINDS
class TestByHand:
    def test_discounted_return(self, kind):
        np.testing.assert_allclose(discounted_return(kind([1.0, 2.0, 4.0]), 0.5), 1 + 1 + 1)
        np.testing.assert_allclose(discounted_return(kind([[1.0, 2.0], [0.0, -3.0]]), 0.9), [2.8, -2.7])
        np.testing.assert_allclose(discounted_return(kind([1.0, 2.0, 4.0]), 0.0), 1)
        np.testing.assert_allclose(discounted_return(kind([1.0, 2.0, 4.0]), 1.0), 7)

    def test_targets(self, kind):
        reward, next_q = kind([1.0, 2.0, -1.0]), kind([[10.0, 20.0], [30.0, 40.0], [5.0, 6.0]])
        select = kind([[5.0, 1.0], [0.0, 1.0], [2.0, 9.0]])
        np.testing.assert_allclose(greedy_value(next_q), [20, 40, 6])
        np.testing.assert_allclose(double_value(select, next_q), [10, 40, 6])
        np.testing.assert_allclose(td_target(reward, kind([20.0, 40.0, 6.0]), kind([0.0, 0.0, 1.0]), 0.5), [11, 22, -1])
        np.testing.assert_allclose(
            td_error(kind([1.0] * 3), reward, kind([20.0] * 3), kind([0.0, 0.0, 1.0]), 0.5), [10, 11, -2]
        )


def test_flags_of_any_kind_and_the_precision_of_the_rewards():
    for ones in (np.ones(2), torch.ones(2, dtype=torch.float64)):
        flags = ones > 2
        flags[0] = True
        assert list(td_target(ones, ones, flags, 0.9)) == pytest.approx([1, 1.9])
    assert td_target(torch.ones(4), torch.ones(4), torch.zeros(4, dtype=bool), 0.9).dtype == torch.float32
    assert td_error(2.0, 1.0, 10.0, True, 0.9) == pytest.approx(1 - 2)


def grid_values():
    agent = QLearning(16, 4, learning_rate=0.5, epsilon=1.0, epsilon_decay=1.0)
    agent.learn(GridWorld(), total_steps=6000)
    return agent.get_value_function()[:3], [9.603, 9.801, 10]


def double_grid_values():
    agent = DoubleQLearning(16, 4, learning_rate=0.5, epsilon=1.0, epsilon_decay=1.0)
    agent.learn(GridWorld(), total_steps=12_000)
    return agent.get_value_function()[:3], [9.603, 9.801, 10]


def probe_values(**changes):
    world, states, values = PROBES["two steps"]
    agent = DQNAgent(1, world.n_actions, **{**SMALL, "huber": True, **changes}, gamma=0.9)
    agent.learn(world(), 900)
    return agent.action_values(np.array(states)), values


def choosing_values(**changes):
    world, states, values = PROBES["reward by action"]
    agent = DQNAgent(1, world.n_actions, **{**SMALL, **changes}, gamma=0.9, epsilon_decay=1.0)
    agent.learn(ForEver(world()), 1200)
    return agent.action_values(np.array(states)), np.array(values) + 9.0  # and 0.9 + 0.81 + ... = 9 for going on well


class ForEver(gym.Wrapper):
    """The probe goes on after its only step; the clock alone ends an episode."""

    def step(self, action):
        state, reward, *_ = self.env.step(action)
        return state, reward, False, True, {}


def planned_values():
    return value_iteration(GridWorld().mdp(0.99)).V[:3], [9.603, 9.801, 10]


def improved_values():
    *_, (_, V) = itertools.islice(policy_iterates(GridWorld().mdp(0.99)), 50)
    return V[:3], [9.603, 9.801, 10]


def measured_return():
    outcome = evaluate(lambda states: np.ones(len(states), int), GridWorld(), 1, gamma=0.99)
    return outcome.discounted_returns[0], 9.603


# what is broken: (module where it is used, name, a wrong variant, what is learned then)
BROKEN = {
    "discounted_return": (
        rlbook.learning.stepping,
        lambda f: lambda rewards, gamma: f(rewards[..., ::-1], gamma),
        measured_return,
    ),
    "td_target, sign": (rlbook.dqn, lambda f: lambda r, v, t, g: -f(r, v, t, g), probe_values),
    "td_target, discount": (rlbook.dqn, lambda f: lambda r, v, t, g: f(r, v, t, 0.5 * g), probe_values),
    "td_target, mask": (rlbook.dqn, lambda f: lambda r, v, t, g: f(r, v, ~t, g), probe_values),
    "td_target": (rlbook.returns, lambda f: lambda r, v, t, g: f(r, v, t, 0.5 * g), grid_values),
    "td_error": (rlbook.q_learning, lambda f: lambda q, r, v, t, g: f(q, r, 0 * v, t, g), grid_values),
    "greedy_value": (rlbook.q_learning, lambda f: lambda q: -f(-q), grid_values),
    "greedy_value, DQN": (rlbook.dqn, lambda f: lambda q: -f(-q), choosing_values),
    "double_value": (rlbook.q_learning, lambda f: lambda q, other: -f(-q, -other), double_grid_values),
    "double_value, DQN": (rlbook.dqn, lambda f: lambda q, other: -f(-q, -other), lambda: choosing_values(double=True)),
    "huber_loss": (rlbook.dqn, lambda f: lambda error: 0 * error, probe_values),
    "huber_loss, sign": (rlbook.dqn, lambda f: lambda error: -f(error), probe_values),
    "squared_loss": (rlbook.dqn, lambda f: lambda error: 0 * error, lambda: probe_values(huber=False)),
    "polyak_update": (rlbook.dqn, lambda f: lambda target, online, tau: target, lambda: probe_values(tau=0.05)),
    "bellman_backup": (rlbook.mdp, lambda f: lambda V, mdp: f(0 * V, mdp), planned_values),
    "value_iterates": (rlbook.mdp, lambda f: lambda mdp: (0.5 * V for V in f(mdp)), planned_values),
    "evaluate_policy": (rlbook.mdp, lambda f: lambda policy, mdp: 0 * f(policy, mdp), improved_values),
    "optimal_actions": (rlbook.mdp, lambda f: lambda Q, **how: ~f(Q, **how), improved_values),
}


class TestBreakingAnEquationBreaksLearning:
    @pytest.mark.parametrize("learned", sorted({row[-1] for row in BROKEN.values()}, key=lambda f: f.__qualname__))
    def test_whole_they_are_right(self, learned):
        values, wanted = learned()
        np.testing.assert_allclose(values, wanted, atol=0.1)

    @pytest.mark.parametrize("what", BROKEN)
    def test_broken_they_are_wrong(self, what, monkeypatch):
        module, breaking, learned = BROKEN[what]
        name = what.split(",")[0]
        monkeypatch.setattr(module, name, breaking(getattr(module, name)))
        try:
            values, wanted = learned()
        except ValueError:
            return  # nothing finite came of it
        assert np.abs(np.subtract(values, wanted)).max() > 0.15
