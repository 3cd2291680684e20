"""DQN: Q-learning with a network in place of the table (Mnih et al. 2015, algorithm 1).

The network's estimate of Q(s, a) moves towards what one step of experience says it should be:

    y    = r + gamma * max_a' Q_target(s', a')          (1)   no bootstrap after a terminal step
    loss = mean of (y - Q(s, a))^2 over a batch         (2)   or Huber's loss of the same error   rlbook.losses

Three stabilisers keep that from diverging. *Replay*: batches are drawn from a large memory, so that neighbouring
samples are not alike. *Target network*: y comes from an older copy of the network, so that the goal stands still for a
while. *Gradient clipping*: no batch may move the weights far. Double DQN (van Hasselt et al. 2016) lets the network
choose the next action and the target network evaluate it, against overestimation; where rewards tell what returns are
possible at all, ``return_bounds`` keeps every target among them (Andrychowicz et al. 2017, appendix A).

Every stabiliser has one argument that takes it away, to see what it was good for: ``buffer_size=batch_size`` leaves
nothing but the newest transitions, ``target_update_freq=1`` has no older copy, ``max_grad_norm=None`` does not clip.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv

from rlbook.learning.config import Config
from rlbook.learning.exploration import decayed, explore
from rlbook.learning.history import EpisodeLog
from rlbook.learning.network_learner import NetworkLearner, check_finite
from rlbook.learning.networks import FlatNetwork
from rlbook.learning.replay import Batch, ReplayBuffer
from rlbook.learning.saving import spawn_seeds
from rlbook.learning.stepping import TrueSteps, check_spaces
from rlbook.losses import huber_loss, polyak_update, squared_loss
from rlbook.returns import double_value, greedy_value, td_target
from rlbook.validation import check_arguments


class QNetwork(FlatNetwork):
    """All action values of a state at once: (..., state_dim) -> (..., action_dim), ReLU between the layers."""

    def __init__(self, state_dim: int, action_dim: int, hidden_dims=(256, 256), seed: int = 0):
        super().__init__((state_dim, *hidden_dims, action_dim), seed)


@dataclass(frozen=True)
class DQNConfig(Config):
    """Hyperparameters of DQN, with what they mean and where they usually lie."""

    learning_rate: float = 1e-3  # of Adam; 1e-4 to 3e-3
    gamma: float = 0.99  # discount in [0, 1]
    epsilon: float = 1.0  # chance of a random action at the beginning
    epsilon_decay: float = 0.995  # its factor after each episode; 0.95 to 1
    epsilon_min: float = 0.01  # never below this, unless it begins there; 0.01 to 0.1
    buffer_size: int = 100_000  # transitions remembered; batch_size turns replay off: only the newest ones are left
    batch_size: int = 64  # transitions a training step learns from; 32 to 256
    target_update_freq: int = 100  # training steps between two copies to the target network; 1 turns it off
    hidden_dims: tuple[int, ...] = (256, 256)  # widths of the hidden layers
    tau: float | None = None  # the target network follows by this part of the way after every training step, no copies
    double: bool = False  # Double DQN's target
    huber: bool = False  # Huber's loss in place of the squared error
    return_bounds: tuple[float, float] | None = None  # lowest and highest possible return: no target lies beyond
    max_grad_norm: float | None = 10.0  # the gradient is shortened to this length; None turns clipping off
    learning_starts: int = 0  # transitions to collect before the first training step
    updates_per_step: float = 1.0  # training steps for every environment step; 0.5 is one for every two
    anneal_steps: int | None = None  # the learning rate falls to zero over so many environment steps

    def check(self):
        values = vars(self)
        check_arguments(
            values,
            single=True,
            unit=("gamma", "epsilon", "epsilon_decay", "epsilon_min", "tau"),
            positive=("learning_rate", "updates_per_step", "max_grad_norm"),
            count=("buffer_size", "batch_size", "target_update_freq", "anneal_steps"),
            natural=("learning_starts",),
            switch=("double", "huber"),
            optional=("tau", "max_grad_norm", "anneal_steps"),
        )
        bounds = self.return_bounds
        if bounds is not None:
            check_arguments(values, finite=("return_bounds",))
            if not (isinstance(bounds, tuple) and len(bounds) == 2 and bounds[0] < bounds[1]):
                raise ValueError(f"return_bounds is {bounds!r}; accepted are the lowest and the highest, in this order")
        for name in ("batch_size", "learning_starts"):
            if values[name] > self.buffer_size:
                raise ValueError(
                    f"buffer_size is {self.buffer_size} and {name} is {values[name]}; accepted are buffers that hold it"
                )


class DQNAgent(NetworkLearner):
    """Deep Q-learning for any Gymnasium environment with a vector observation and discrete actions.

    Parameters
    ----------
    state_dim, action_dim : length of an observation, number of actions.
    learning_rate, gamma, epsilon, ... : see ``DQNConfig``.
    seed, device : of all random choices; where the networks live.
    target_rule : computes the targets in place of the built-in equations; your own ``target_rule(reward (B,),
        next_q_online (B, A), next_q_target (B, A), terminated (B,) bool, gamma) -> (B,)``, NumPy arrays all.

    ``online`` and ``target`` are the networks, ``buffer`` the memory, ``epsilon`` the present chance of exploring,
    ``steps_taken`` counts the steps of all environments, ``n_updates`` the training steps; ``losses`` are the latest
    ones, at most ``KEPT_LOSSES``.

    Raises ValueError for an argument outside these meanings, naming it.
    """

    KEPT_LOSSES = 10_000
    config_class = DQNConfig
    fixed: ClassVar = ("hidden_dims",)
    networks: ClassVar = ("online", "target")
    counts: ClassVar = ("epsilon", "steps_taken", "n_updates", "_updates_due")
    generators: ClassVar = ("_rng", "_env_seeds", "buffer.rng")
    own_rules: ClassVar = ("target_rule",)

    def __init__(
        self,
        state_dim: int,
        action_dim: int,
        *,
        seed: int = 0,
        device: str = "cpu",
        target_rule: Callable[..., np.ndarray] | None = None,
        **hyperparameters,
    ):
        super().__init__({"state_dim": state_dim, "action_dim": action_dim}, seed, device, hyperparameters)
        self.target_rule, self.epsilon = target_rule, self.config.epsilon
        weights, replay, acting, envs = spawn_seeds(int(seed), 4)
        widths = self.state_dim, self.action_dim, self.hidden_dims
        self.online, self.target = (QNetwork(*widths, seed=weights).to(self.device) for _ in range(2))
        self._optimizer = torch.optim.Adam(self.online.parameters(), fused=True)
        self.buffer = ReplayBuffer(self.buffer_size, state_dim=self.state_dim, seed=replay)
        self._rng, self._env_seeds = np.random.default_rng(acting), np.random.default_rng(envs)
        self.n_updates, self._updates_due = 0, 0.0
        self.losses: deque[float] = deque(maxlen=self.KEPT_LOSSES)

    @property
    def epsilon(self) -> float:
        return self._epsilon

    @epsilon.setter
    def epsilon(self, value: float) -> None:
        check_arguments({"epsilon": value}, unit=("epsilon",), single=True)
        self._epsilon = float(value)

    @property
    def current_lr(self) -> float:
        """The learning rate now: ``learning_rate``, annealed where that is asked for."""
        return self.annealed(self.learning_rate)

    def configure(self, **changes) -> None:
        super().configure(**changes)
        if "buffer_size" in changes:
            self.buffer.resize(self.buffer_size)

    @torch.inference_mode()
    def action_values(self, state) -> np.ndarray:
        """Q(s, .) of one observation (state_dim,) or of many (..., state_dim): (..., action_dim)."""
        return self.online(self._states(state)).cpu().numpy()

    def select_action(self, state, training: bool = True):
        """Epsilon-greedy while training, greedy otherwise: an int for one observation, (n,) for (n, state_dim)."""
        q = self.action_values(state)
        rows = q.reshape(-1, self.action_dim)
        action = explore(rows, self.epsilon, self._rng) if training else rows.argmax(axis=-1)
        return int(action[0]) if q.ndim == 1 else action

    def store_transition(self, state, action, reward, next_state, terminated) -> None:
        """Remember one transition, or one of each environment. ValueError for other actions, and rewards not finite."""
        if not math.isfinite(np.sum(reward)):
            raise ValueError(f"the reward is {reward}; accepted are finite numbers")
        actions = np.asarray(action)
        if actions.dtype.kind not in "iu" or not ((actions >= 0) & (actions < self.action_dim)).all():
            raise ValueError(f"the action is {action}; accepted are the whole numbers 0 to {self.action_dim - 1}")
        self.buffer.push(state, action, reward, next_state, terminated)
        self.steps_taken += np.size(reward)

    def decay_epsilon(self) -> None:
        """One episode is over: explore a little less."""
        self.epsilon = decayed(self.epsilon, self.epsilon_decay, self.epsilon_min)

    def train_step(self) -> float | None:
        """Learn from one batch of remembered transitions; returns the loss, None while there are too few of them."""
        config = self.config
        if not self._remembers_enough():
            return None
        batch = self._sample()
        q = self.online(batch.state).gather(1, batch.action[:, None]).squeeze(1)
        error = self._targets(batch) - q
        loss = (huber_loss(error) if config.huber else squared_loss(error)).mean()
        self._descend(loss)
        self.n_updates += 1
        self._update_target()
        self.losses.append(loss.item())
        check_finite(self.losses[-1], self.steps_taken)
        return self.losses[-1]

    def learning(self, envs: gym.Env | VectorEnv) -> Iterator[EpisodeLog]:
        """Learn step by step, for as long as it is asked to: yields the log after every step of the environments."""
        check_spaces(envs, state_dim=self.state_dim, n_actions=self.action_dim)
        steps = TrueSteps(envs, seed=int(self._env_seeds.integers(2**31)))
        log = EpisodeLog(1, steps.num_envs)
        while True:
            state = steps.state
            action = self.select_action(state)
            next_state, reward, terminated, truncated, real = steps.step(action)
            self.store_transition(state[real], action[real], reward[real], next_state[real], terminated[real])
            for _ in log.record(reward, terminated | truncated, real):
                self.decay_epsilon()
            self._train_when_due(int(real.sum()))
            yield log

    @torch.no_grad()
    def _targets(self, batch: Batch) -> torch.Tensor:
        """What the experience says Q(s, a) should be, (B,)."""
        next_q = self.target(batch.next_state)
        if self.target_rule is not None:
            experience = batch.reward, self.online(batch.next_state), next_q, batch.terminated
            arrays = tuple(values.cpu().numpy() for values in experience)
            target = self._tensor(self._ruled("target_rule", arrays, self.gamma))
        else:
            next_value = double_value(self.online(batch.next_state), next_q) if self.double else greedy_value(next_q)
            target = td_target(batch.reward, next_value, batch.terminated, self.gamma)
        return target if self.return_bounds is None else target.clip(*self.return_bounds)

    @torch.no_grad()
    def _update_target(self) -> None:
        if self.tau is not None:
            self.target.weights.copy_(polyak_update(self.target.weights, self.online.weights, self.tau))
        elif self.n_updates % self.target_update_freq == 0:
            self.target.weights.copy_(self.online.weights)

    def _sample(self) -> Batch:
        return Batch(*(torch.from_numpy(field).to(self.device) for field in self.buffer.sample(self.batch_size)))

    def _remembers_enough(self) -> bool:
        return len(self.buffer) >= max(self.batch_size, self.learning_starts)

    def _train_when_due(self, n_steps: int) -> None:
        if not self._remembers_enough():
            return
        self._updates_due += n_steps * self.updates_per_step
        while self._updates_due >= 1:
            self._updates_due -= 1
            self.train_step()

    def _progress(self, log: EpisodeLog) -> str:
        return f"{super()._progress(log)}, epsilon {self.epsilon:.2f}"

    def _metrics(self) -> dict[str, np.ndarray]:
        return {"loss": np.array(self.losses)}

    def _state(self) -> tuple[dict[str, np.ndarray], dict]:
        arrays, state = super()._state()
        arrays |= {"memory": self.buffer.rows(), "losses": np.array(self.losses)}
        return arrays, {**state, "n_pushed": self.buffer.n_pushed}

    def _restore(self, arrays: dict[str, np.ndarray], state: dict) -> None:
        super()._restore(arrays, state)
        self.buffer.restore(arrays["memory"], state["n_pushed"])
        self.losses.extend(arrays["losses"].tolist())
