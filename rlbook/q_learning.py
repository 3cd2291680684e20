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
from collections.abc import Callable

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from rlbook.envs.tabular import as_vector_env
from rlbook.learning.history import EpisodeLog, History, progress_bar
from rlbook.learning.saving import load_arrays, save_arrays, spawn_seeds
from rlbook.validation import check_arguments

UpdateRule = Callable[..., np.ndarray]


def epsilon_greedy(Q, epsilon) -> np.ndarray:
    """Action values (..., A) to probabilities (..., A): explore with probability epsilon, else act greedily.

    Tied best actions share the greedy probability. epsilon is a number in [0, 1] or an array that broadcasts against
    (..., 1). Sutton & Barto (2018), section 2.2.
    """
    Q, epsilon = np.asarray(Q, dtype=float), np.asarray(epsilon, dtype=float)
    _check_epsilon(epsilon)
    best = Q == Q.max(axis=-1, keepdims=True)
    # pi(a | s) = epsilon / |A| + (1 - epsilon) * [a is best] / number of best actions
    return epsilon / Q.shape[-1] + (1 - epsilon) * best / best.sum(axis=-1, keepdims=True)


def td_error(q, reward, next_value, terminated, gamma) -> np.ndarray:
    """The temporal-difference error delta; all arguments broadcast.

    q : the present estimate Q(s, a); next_value : the estimated value of s'; terminated : 1
    where the task ended, which a time limit does not do. Sutton & Barto (2018), equation 6.5.
    """
    # delta = r + gamma * V(s') - Q(s, a), and V(s') = 0 after a terminal step
    return reward + gamma * np.logical_not(terminated) * next_value - q


def _check_epsilon(epsilon: np.ndarray) -> None:
    if not ((epsilon >= 0) & (epsilon <= 1)).all():
        raise ValueError(f"epsilon is {epsilon}; accepted are probabilities from 0 to 1")


def _check_numbers(what: str, numbers: np.ndarray, count: int) -> None:
    if numbers.min() < 0 or numbers.max() >= count:
        raise ValueError(f"the {what} is {numbers}; accepted are 0 to {count - 1}")


class QLearning:
    """Tabular Q-learning for any environment with discrete observations and actions.

    Parameters
    ----------
    n_states, n_actions : size of the table.
    learning_rate : alpha in (0, 1], how far an estimate moves towards a new sample. Typical: 0.05 to 0.5.
    gamma : discount in [0, 1].
    epsilon, epsilon_decay, epsilon_min : chance of a random action; multiplied by the decay after each episode, never
        below the minimum.
    n_agents : independent learners, one row of everything each.
    seed : of all random choices; the same seed gives the same run.
    update_rule : drives the learner instead of the built-in update; your own
        ``update_rule(q (B,), reward (B,), next_q (B, A), terminated (B,), alpha, gamma) -> new q (B,)``.

    Attributes
    ----------
    Q : (n_states, n_actions) table; (n_agents, n_states, n_actions) with several agents. The same leading axis, present
        only with several agents, stands before every state, action and reward below.
    td_errors : the most recent temporal-difference errors, oldest first; at most ``KEPT_ERRORS`` updates.
    """

    KEPT_ERRORS = 10_000
    n_tables = 1

    def __init__(
        self,
        n_states: int,
        n_actions: int,
        learning_rate: float = 0.1,
        gamma: float = 0.99,
        epsilon: float = 0.1,
        epsilon_decay: float = 0.995,
        epsilon_min: float = 0.01,
        *,
        n_agents: int = 1,
        seed: int = 0,
        update_rule: UpdateRule | None = None,
    ):
        check_arguments(
            locals(),
            count=("n_states", "n_actions", "n_agents"),
            fraction=("learning_rate",),
            unit=("gamma", "epsilon", "epsilon_decay", "epsilon_min"),
        )
        self.n_states, self.n_actions, self.n_agents = int(n_states), int(n_actions), int(n_agents)
        self.learning_rate, self.gamma = learning_rate, gamma
        self.epsilon_decay, self.epsilon_min = epsilon_decay, epsilon_min
        self.update_rule = update_rule
        self._epsilon = np.full(self.n_agents, float(epsilon))
        # Rows of all agents' tables lie one below the other, so that one index reaches every agent's row.
        self._tables = np.zeros((self.n_tables, self.n_agents * self.n_states, self.n_actions))
        self._rows = self._tables.reshape(-1, self.n_actions)
        self._first_row = np.arange(self.n_agents) * self.n_states
        self._recent_errors: deque[np.ndarray] = deque(maxlen=self.KEPT_ERRORS)
        self._rng, self._env_seeds = (np.random.default_rng(child) for child in spawn_seeds(seed, 2))

    @property
    def Q(self) -> np.ndarray:
        return self._shaped(self._tables[0])

    @property
    def epsilon(self):
        """The present chance of exploring: a number, or (n_agents,)."""
        return self._per_agent(self._epsilon.copy())

    @epsilon.setter
    def epsilon(self, value) -> None:
        value = np.broadcast_to(np.asarray(value, dtype=float), (self.n_agents,))
        _check_epsilon(value)
        self._epsilon = value.copy()

    @property
    def td_errors(self) -> np.ndarray:
        errors = np.array(self._recent_errors).reshape(-1, self.n_agents)
        return errors[:, 0] if self.n_agents == 1 else errors

    def action_values(self) -> np.ndarray:
        """The values the agent acts on: the table itself here, the mean of both tables in Double Q-learning."""
        return self._shaped(self._tables.mean(axis=0))

    def select_action(self, state, training: bool = True):
        """Epsilon-greedy while training, ties broken at random; without training the first of the best actions."""
        action = self._select(self._rows_of(state), training)
        return int(action[0]) if self.n_agents == 1 and np.ndim(state) == 0 else action

    def update(self, state, action, reward, next_state, terminated):
        """Learn from one transition (of every agent); returns the temporal-difference error."""
        rows, next_rows, action = self._rows_of(state), self._rows_of(next_state), np.asarray(action)
        _check_numbers("action", action, self.n_actions)
        if not np.isfinite(reward).all():
            raise ValueError(f"the reward is {reward}; accepted are finite numbers")
        delta = self._update(rows, action, np.asarray(reward), next_rows, np.asarray(terminated))
        return float(delta[0]) if self.n_agents == 1 and np.ndim(state) == 0 else delta

    def decay_epsilon(self, which=slice(None)) -> None:
        """One episode is over (for the agents in ``which``): explore a little less."""
        self._epsilon[which] = np.maximum(self.epsilon_min, self._epsilon[which] * self.epsilon_decay)

    def get_policy(self) -> np.ndarray:
        """The greedy action of every state, the first one where several tie: (n_states,)."""
        return self.action_values().argmax(axis=-1)

    def get_value_function(self) -> np.ndarray:
        """max_a Q(s, a): (n_states,)."""
        return self.action_values().max(axis=-1)

    def learn(
        self,
        env: gym.Env | VectorEnv,
        n_episodes: int | None = None,
        total_steps: int | None = None,
        progress: bool = False,
    ) -> History:
        """Learn for ``n_episodes`` per agent, or ``total_steps`` steps per agent, whichever is given.

        With several agents every agent has its own copy of ``env``; an agent that has done its episodes stops learning
        while the others finish. Interrupting keeps what was learned and returns the history so far. ``learn`` may be
        called again, on another environment too.
        """
        self._check_spaces(env)
        if (n_episodes is None) == (total_steps is None):
            raise ValueError(f"n_episodes is {n_episodes} and total_steps is {total_steps}; give one of them")
        check_arguments(locals(), count=("n_episodes", "total_steps"), optional=("n_episodes", "total_steps"))
        envs = as_vector_env(env, self.n_agents)
        log = EpisodeLog(self.n_agents)
        interrupted = False
        with progress_bar(n_episodes or total_steps, "episode" if n_episodes else "step", progress) as bar:
            try:
                self._run(envs, log, n_episodes, total_steps, bar)
            except KeyboardInterrupt:
                interrupted = True
        return log.history(n_episodes, interrupted=interrupted)

    def save(self, path) -> None:
        """Write tables, exploration and hyperparameters to a safetensors file."""
        names = ("n_states", "n_actions", "learning_rate", "gamma", "epsilon_decay", "epsilon_min", "n_agents")
        arrays = {"tables": self._tables, "epsilon": self._epsilon}
        save_arrays(path, type(self).__name__, arrays, {name: getattr(self, name) for name in names})

    @classmethod
    def load(cls, path, seed: int = 0) -> QLearning:
        """The agent that ``save`` wrote. Raises FileNotFoundError, or ValueError for another kind of file."""
        arrays, config = load_arrays(path, kind=cls.__name__)
        agent = cls(**config, seed=seed)
        agent._tables[:], agent._epsilon[:] = arrays["tables"], arrays["epsilon"]
        return agent

    def _run(self, envs: VectorEnv, log: EpisodeLog, n_episodes, total_steps, bar) -> None:
        state, _ = envs.reset(seed=int(self._env_seeds.integers(2**31)))  # every call of learn: another seed
        rows, learning = self._first_row + state, None
        progress, target = 0, n_episodes or total_steps
        while progress < target:
            action = self._select(rows, training=True)
            next_state, reward, terminated, truncated, _ = envs.step(action)
            next_rows = self._first_row + next_state
            self._update(rows, action, reward, next_rows, terminated, learning)
            rows = next_rows
            done = terminated | truncated
            before, ended = progress, log.record(reward, done)
            if ended.size:
                self.decay_epsilon(ended if learning is None else ended[learning[ended]])
                state, _ = envs.reset(options={"reset_mask": done})
                rows = self._first_row + state
                if n_episodes:
                    learning = log.n_episodes < n_episodes
                    progress = int(log.n_episodes.min())
            if total_steps:
                progress = log.n_steps
            bar.update(progress - before)

    def _select(self, rows: np.ndarray, training: bool) -> np.ndarray:
        """Sample ``epsilon_greedy`` for every row: a random one of all actions, or of the best ones."""
        values = self._acting_values(rows)
        greedy = values.argmax(axis=1)
        if not training:
            return greedy
        best = values.ravel().take(np.arange(0, values.size, self.n_actions) + greedy)
        draws = self._rng.random(len(rows) + values.size)
        candidates = values == best[:, None]
        candidates |= (draws[: len(rows)] < self._epsilon)[:, None]
        return (candidates * draws[len(rows) :].reshape(values.shape)).argmax(axis=1)

    def _acting_values(self, rows: np.ndarray) -> np.ndarray:
        return self._tables[0].take(rows, axis=0)

    def _rows_of(self, state) -> np.ndarray:
        state = np.asarray(state)
        _check_numbers("state", state, self.n_states)
        return self._first_row + state

    def _update(self, rows, action, reward, next_rows, terminated, learning=None) -> np.ndarray:
        return self._move_estimate(rows * self.n_actions + action, reward, next_rows, next_rows, terminated, learning)

    def _move_estimate(self, index, reward, choosing_rows, judging_rows, terminated, learning) -> np.ndarray:
        """Update the entries ``index``; one row chooses the best next action, one says what it is worth."""
        values = self._tables.ravel()
        q, next_q = values.take(index), self._rows.take(choosing_rows, axis=0)
        if self.update_rule is None:
            next_value = values.take(judging_rows * self.n_actions + next_q.argmax(axis=1))
            delta = td_error(q, reward, next_value, terminated, self.gamma)
            new_q = q + self.learning_rate * delta
        else:
            new_q = self._student_estimate(q, reward, next_q, terminated)
            delta = (new_q - q) / self.learning_rate
        values[index] = new_q if learning is None else np.where(learning, new_q, q)
        self._recent_errors.append(delta)
        return delta

    def _student_estimate(self, q, reward, next_q, terminated) -> np.ndarray:
        """What ``update_rule`` says; it gets copies, so that one that works in place spoils nothing."""
        arguments = (np.array(values) for values in (q, reward, next_q, terminated))
        new_q = np.asarray(self.update_rule(*arguments, self.learning_rate, self.gamma), dtype=float)
        if new_q.shape != q.shape:
            raise ValueError(f"update_rule returned shape {new_q.shape}; accepted is {q.shape}, a new estimate each")
        if not np.isfinite(new_q).all():
            raise ValueError(f"update_rule returned {new_q[~np.isfinite(new_q)][0]}; accepted are finite estimates")
        return new_q

    def _shaped(self, table: np.ndarray) -> np.ndarray:
        return self._per_agent(table.reshape(self.n_agents, self.n_states, self.n_actions))

    def _per_agent(self, values: np.ndarray):
        return values[0] if self.n_agents == 1 else values

    def _check_spaces(self, env) -> None:
        if not isinstance(env, (gym.Env, VectorEnv)):
            raise ValueError(f"the environment is a {type(env).__name__}; accepted are Gymnasium environments")
        spaces = (
            ("observation", getattr(env, "single_observation_space", env.observation_space), self.n_states),
            ("action", getattr(env, "single_action_space", env.action_space), self.n_actions),
        )
        for name, space, count in spaces:
            if not isinstance(space, gym.spaces.Discrete) or space.start != 0:
                raise ValueError(f"the {name} space is {space}; QLearning accepts Discrete spaces that count from 0")
            if space.n != count:
                raise ValueError(f"the {name} space is {space}, but the table was made for {count}")


class DoubleQLearning(QLearning):
    """Double Q-learning (van Hasselt 2010, algorithm 1): two tables ``Q`` and ``Q2``, a coin picks the one to update.

    The picked table chooses the best next action and the other one evaluates it. The agent acts on the mean of both.
    Takes QLearning's arguments, but for ``update_rule``.
    """

    n_tables = 2

    def __init__(self, *args, **kwargs):
        if kwargs.get("update_rule") is not None:
            raise ValueError("update_rule is for QLearning; DoubleQLearning accepts none")
        super().__init__(*args, **kwargs)

    @property
    def Q2(self) -> np.ndarray:
        return self._shaped(self._tables[1])

    def _acting_values(self, rows: np.ndarray) -> np.ndarray:
        return (self._tables[0].take(rows, axis=0) + self._tables[1].take(rows, axis=0)) / 2

    def _update(self, rows, action, reward, next_rows, terminated, learning=None) -> np.ndarray:
        coin = self._rng.random(self.n_agents) < 0.5
        chosen = coin * len(self._tables[0])
        other = len(self._tables[0]) - chosen
        index = (chosen + rows) * self.n_actions + action
        return self._move_estimate(index, reward, chosen + next_rows, other + next_rows, terminated, learning)
