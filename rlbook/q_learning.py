"""Q-learning and Double Q-learning: learning action values from experience alone, in a table.

The agent acts, sees a reward r and the next state s', and moves its estimate a little towards what it saw:

    delta    = r + gamma * max_a' Q(s', a') - Q(s, a)      the temporal-difference error (no max after a terminal step)
    Q(s, a) <- Q(s, a) + alpha * delta                     Watkins (1989); Sutton & Barto (2018), equation 6.8

Double Q-learning (van Hasselt 2010) keeps two tables; one chooses the best next action, the other says what it is
worth, so that a lucky overestimate in one table does not confirm itself.

``n_agents`` independent learners, each with its own table and its own world, learn as one NumPy batch: a learning curve
with a median and a band costs little more than a single run. One agent is the same code with a batch of one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from rlbook.arrays import are_numbers
from rlbook.envs.tabular import vector_copies
from rlbook.learning.config import Config
from rlbook.learning.exploration import decayed, explore
from rlbook.learning.history import EpisodeLog, History
from rlbook.learning.learner import Learner
from rlbook.learning.saving import check_shape, spawn_seeds
from rlbook.learning.stepping import TrueSteps, check_spaces
from rlbook.returns import double_value, greedy_value, td_error
from rlbook.validation import check_arguments


@dataclass(frozen=True)
class QLearningConfig(Config):
    """Hyperparameters of Q-learning and Double Q-learning."""

    learning_rate: float = 0.1  # alpha in (0, 1], how far an estimate moves towards a new sample; 0.05 to 0.5
    gamma: float = 0.99  # discount in [0, 1]
    epsilon: float = 0.1  # chance of a random action at the beginning; 0.1 to 1
    epsilon_decay: float = 0.995  # its factor after each episode; 0.99 to 1
    epsilon_min: float = 0.01  # never below this, unless it begins there

    def check(self):
        chances = "gamma", "epsilon", "epsilon_decay", "epsilon_min"
        check_arguments(vars(self), fraction=("learning_rate",), unit=chances, single=True)


class QLearning(Learner):
    """Tabular Q-learning for any environment with discrete observations and actions.

    Parameters
    ----------
    n_states, n_actions : size of the table.
    learning_rate, gamma, epsilon, epsilon_decay, epsilon_min : see ``QLearningConfig``.
    n_agents : independent learners, one row of everything each.
    seed : of all random choices; the same seed gives the same run.
    device : "cpu"; tables are NumPy arrays.
    update_rule : drives the learner instead of the built-in update; your own
        ``update_rule(q (B,), reward (B,), next_q (B, A), terminated (B,) bool, alpha, gamma) -> new q (B,)``.

    Attributes
    ----------
    Q : (n_states, n_actions) table; (n_agents, n_states, n_actions) with several agents. The same leading axis, present
        only with several agents, stands before every state, action and reward below.
    epsilon : the present chance of exploring, () or (n_agents,).
    td_errors : the most recent temporal-difference errors, oldest first; at most ``KEPT_ERRORS`` updates.

    Raises ValueError for an argument outside these meanings, naming it.
    """

    KEPT_ERRORS = 10_000
    config_class = QLearningConfig
    own_rules: ClassVar = ("update_rule",)
    n_tables = 1

    def __init__(
        self,
        n_states: int,
        n_actions: int,
        *,
        n_agents: int = 1,
        seed: int = 0,
        device: str = "cpu",
        update_rule: Callable[..., np.ndarray] | None = None,
        **hyperparameters,
    ):
        sizes = {"n_states": n_states, "n_actions": n_actions, "n_agents": n_agents}
        check_arguments({**sizes, "seed": seed}, count=tuple(sizes), natural=("seed",), single=True)
        if str(device) != "cpu":
            raise ValueError(f"device is {device!r}; accepted is 'cpu', tables are NumPy arrays")
        sizes = {name: int(size) for name, size in sizes.items()}
        super().__init__(sizes, hyperparameters)
        self.update_rule = update_rule
        # The rows of all agents' tables lie one below the other, so that one index reaches every agent's row.
        self._tables = np.zeros((self.n_tables, self.n_agents * self.n_states, self.n_actions))
        self._first_row = np.arange(self.n_agents) * self.n_states
        self._epsilon = np.full(self.n_agents, self.config.epsilon)
        self._recent_errors: deque[np.ndarray] = deque(maxlen=self.KEPT_ERRORS)
        self._rng, self._env_seeds = (np.random.default_rng(child) for child in spawn_seeds(int(seed), 2))

    @property
    def Q(self) -> np.ndarray:
        return self._shaped(self._tables[0])

    @property
    def epsilon(self):
        return self._per_agent(self._epsilon.copy())

    @epsilon.setter
    def epsilon(self, value) -> None:
        one, each = (are_numbers(value, shape) for shape in ((), (self.n_agents,)))
        chances = np.full(self.n_agents, value, dtype=float) if one or each else np.full(1, np.nan)
        if not ((chances >= 0) & (chances <= 1)).all():
            raise ValueError(f"epsilon is {value}; accepted are probabilities from 0 to 1, one or {self.n_agents}")
        self._epsilon = chances

    @property
    def td_errors(self) -> np.ndarray:
        errors = np.array(self._recent_errors).reshape(-1, self.n_agents)
        return errors[:, 0] if self.n_agents == 1 else errors

    def action_values(self) -> np.ndarray:
        """The values the agent acts on: the table itself here, the mean of both tables in Double Q-learning."""
        return self._shaped(self._tables.mean(axis=0))

    def get_policy(self) -> np.ndarray:
        """The greedy action of every state, the first one where several tie: (n_states,)."""
        return self.action_values().argmax(axis=-1)

    def get_value_function(self) -> np.ndarray:
        """max_a Q(s, a): (n_states,)."""
        return greedy_value(self.action_values())

    def select_action(self, state, training: bool = True):
        """Epsilon-greedy while training, ties broken at random; without training the first of the best actions."""
        action = self._act(self._first_row + self._checked("state", state, self.n_states), training)
        return int(action[0]) if self._is_single(state) else action

    def update(self, state, action, reward, next_state, terminated):
        """Learn from one transition (of every agent); returns the temporal-difference error."""
        rows, next_rows = (self._first_row + self._checked("state", s, self.n_states) for s in (state, next_state))
        actions, rewards = self._checked("action", action, self.n_actions), np.array(reward, dtype=float)
        if len(rows) != self.n_agents:  # where two of them are alike, only one would count
            raise ValueError(f"the state is {state}; accepted is one transition of every agent, of {self.n_agents}")
        if not np.isfinite(rewards).all():
            raise ValueError(f"the reward is {reward}; accepted are finite numbers")
        rewards, ends = (
            np.broadcast_to(each, (self.n_agents,)) for each in (rewards, np.array(terminated, dtype=bool))
        )
        delta = self._update(rows, actions, rewards, next_rows, ends)
        return float(delta[0]) if self._is_single(state) else delta

    def decay_epsilon(self, which=slice(None)) -> None:
        """One episode is over (for the agents in ``which``): explore a little less."""
        self._epsilon[which] = decayed(self._epsilon[which], self.epsilon_decay, self.epsilon_min)

    def learn(
        self,
        envs: gym.Env | VectorEnv,
        total_steps: int | None = None,
        progress: bool = False,
        *,
        n_episodes: int | None = None,
    ) -> History:
        """Learn for ``total_steps`` environment steps, all agents' counted, or for ``n_episodes`` of each agent.

        With several agents every agent has its own copy of ``envs``; an agent that has done its episodes stops learning
        while the others finish. The rest as in every learner's ``learn``.
        """
        if (n_episodes is None) == (total_steps is None):
            raise ValueError(f"n_episodes is {n_episodes} and total_steps is {total_steps}; give one of them")
        if n_episodes is None:
            return super().learn(envs, total_steps, progress)
        check_arguments({"n_episodes": n_episodes}, count=("n_episodes",), single=True)
        n_episodes = int(n_episodes)
        learning = self.learning(envs, n_episodes)
        done = lambda log: int(log.n_episodes.min())  # noqa: E731
        return self._drive(learning, done, n_episodes, "episode", progress, keep=n_episodes)

    def learning(self, envs: gym.Env | VectorEnv, n_episodes: float = np.inf) -> Iterator[EpisodeLog]:
        """Learn step by step, for as long as it is asked to: yields the log after every step of the environments.

        An agent learns from its first ``n_episodes`` only.
        """
        check_spaces(envs, n_states=self.n_states, n_actions=self.n_actions)
        log, busy = EpisodeLog(self.n_agents), np.ones(self.n_agents, dtype=bool)
        with vector_copies(envs, self.n_agents) as copies:
            steps = TrueSteps(copies, seed=int(self._env_seeds.integers(2**31)))
            while True:
                rows = self._first_row + steps.state
                action = self._act(rows)
                next_state, reward, terminated, truncated, real = steps.step(action)
                self._update(rows, action, reward, self._first_row + next_state, terminated, learns=real & busy)
                ended = log.record(reward, terminated | truncated, real)
                if ended.size:
                    self.decay_epsilon(ended[busy[ended]])
                    busy = log.n_episodes < n_episodes
                yield log

    def _act(self, rows: np.ndarray, training: bool = True) -> np.ndarray:
        q = self._acting_values(rows)
        return explore(q, self._epsilon[:, None], self._rng) if training else q.argmax(axis=-1)

    def _acting_values(self, rows: np.ndarray) -> np.ndarray:
        return self._tables[0].take(rows, axis=0)

    def _update(self, rows, action, reward, next_rows, terminated, learns=True) -> np.ndarray:
        """Learn from a transition of every agent that ``learns``; all arguments (n_agents,). Returns the errors."""
        next_q = self._tables[0].take(next_rows, axis=0)
        return self._move(self._tables[0], rows, action, reward, next_q, greedy_value(next_q), terminated, learns)

    def _move(self, table, rows, action, reward, next_q, next_value, terminated, learns) -> np.ndarray:
        """Move the entries Q(s, a) of ``table`` (rows, n_actions); next_q has (n_agents, n_actions)."""
        q = table[rows, action]
        if self.update_rule is None:
            delta = td_error(q, reward, next_value, terminated, self.config.gamma)
            # Q(s, a) <- Q(s, a) + alpha * delta
            new_q = q + self.config.learning_rate * delta
        else:
            alpha, gamma = self.config.learning_rate, self.config.gamma
            new_q = self._ruled("update_rule", (q, reward, next_q, terminated), alpha, gamma)
            delta = (new_q - q) / alpha
        table[rows, action] = np.where(learns, new_q, q)
        self._recent_errors.append(delta)
        return delta

    def _state(self):
        arrays = {"tables": self._tables, "epsilon": self._epsilon, "td_errors": np.array(self._recent_errors)}
        return arrays, {"random": [rng.bit_generator.state for rng in (self._rng, self._env_seeds)]}

    def _restore(self, arrays, state):
        self._tables[:] = check_shape("tables", arrays["tables"], self._tables.shape)
        self.epsilon = check_shape("epsilon", arrays["epsilon"], self._epsilon.shape)
        errors = arrays["td_errors"]
        self._recent_errors.extend(check_shape("td_errors", errors, (len(errors), self.n_agents)))
        self._rng.bit_generator.state, self._env_seeds.bit_generator.state = state["random"]

    def _shaped(self, table: np.ndarray) -> np.ndarray:
        return self._per_agent(table.reshape(self.n_agents, self.n_states, self.n_actions))

    def _per_agent(self, values: np.ndarray):
        return values[0] if self.n_agents == 1 else values

    def _is_single(self, state) -> bool:
        return self.n_agents == 1 and np.ndim(state) == 0

    def _checked(self, what: str, numbers, count: int) -> np.ndarray:
        """Whole numbers from 0 to ``count`` - 1, one for each agent, (n_agents,); a single agent takes any number."""
        checked = np.atleast_1d(numbers)
        if checked.ndim != 1 or self.n_agents not in (1, len(checked)) or checked.dtype.kind not in "iu":
            raise ValueError(f"the {what} is {numbers}; accepted are {self.n_agents} whole numbers")
        if checked.min() < 0 or checked.max() >= count:
            raise ValueError(f"the {what} is {numbers}; accepted are 0 to {count - 1}")
        return checked.astype(np.intp, copy=False)


class DoubleQLearning(QLearning):
    """Double Q-learning (van Hasselt 2010, algorithm 1): two tables ``Q`` and ``Q2``, a coin picks the one to update.

    The picked table chooses the best next action and the other one evaluates it. The agent acts on the mean of both.
    Takes QLearning's arguments, but for ``update_rule``.
    """

    n_tables = 2

    def __init__(self, n_states: int, n_actions: int, **arguments):
        if arguments.get("update_rule") is not None:
            raise ValueError("update_rule is for QLearning; DoubleQLearning accepts none")
        super().__init__(n_states, n_actions, **arguments)

    @property
    def Q2(self) -> np.ndarray:
        return self._shaped(self._tables[1])

    def _acting_values(self, rows: np.ndarray) -> np.ndarray:
        return (self._tables[0].take(rows, axis=0) + self._tables[1].take(rows, axis=0)) / 2

    def _update(self, rows, action, reward, next_rows, terminated, learns=True) -> np.ndarray:
        table, table_size = self._tables.reshape(-1, self.n_actions), len(self._tables[0])  # one below the other
        selecting = (self._rng.random(self.n_agents) < 0.5) * table_size  # where the table begins that is updated
        next_q = table.take(next_rows + selecting, axis=0)
        next_value = double_value(next_q, table.take(next_rows + table_size - selecting, axis=0))
        return self._move(table, rows + selecting, action, reward, next_q, next_value, terminated, learns)
