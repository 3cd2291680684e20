"""DQN: Q-learning with a network in place of the table (Mnih et al. 2015, algorithm 1).

The network's estimate of Q(s, a) moves towards what one step of experience says it should be:

    y    = r + gamma * max_a' Q_target(s', a')          (1)   no bootstrap after a terminal step
    loss = mean of (y - Q(s, a))^2 over a batch         (2)   or Huber's loss of the same error

Three stabilisers keep that from diverging. *Replay*: batches are drawn from a large memory, so that neighbouring
samples are not alike. *Target network*: y comes from an older copy of the network, so that the goal stands still for a
while. *Gradient clipping*: no batch may move the weights far. Double DQN (van Hasselt et al. 2016) lets the network
choose the next action and the target network evaluate it, against overestimation.

Every stabiliser has one argument that takes it away, to see what it was good for: ``buffer_size=batch_size`` leaves
nothing but the newest transitions, ``target_update_freq=1`` has no older copy, ``max_grad_norm=None`` does not clip.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator

import gymnasium as gym
import numpy as np
import torch
from array_api_compat import array_namespace
from gymnasium.vector import VectorEnv
from torch import nn

from rlbook.envs.tabular import as_vector_env
from rlbook.learning.history import EpisodeLog, History, progress_bar
from rlbook.learning.networks import flat_parameters
from rlbook.learning.replay import Batch, ReplayBuffer
from rlbook.learning.saving import load_arrays, save_arrays, spawn_seeds
from rlbook.learning.stepping import TrueSteps, check_spaces
from rlbook.validation import check_arguments


def td_target(reward, next_q, terminated, gamma):
    """What one step says Q(s, a) should be: (B,), NumPy or torch.

    reward : (B,).   next_q : (B, A) values of s', from the target network.   terminated : (B,)
    1 where the task ended, which a time limit does not do. Mnih et al. (2015), algorithm 1.
    """
    xp = array_namespace(next_q)
    going_on = 1 - 1.0 * terminated  # torch subtracts numbers only, not flags
    # y = r + gamma * max_a' Q_target(s', a'), and nothing follows a terminal step
    return reward + gamma * going_on * xp.max(next_q, axis=-1)


def double_dqn_target(reward, next_q_online, next_q_target, terminated, gamma):
    """The target of Double DQN, (B,), NumPy or torch. van Hasselt et al. (2016), equation 4.

    next_q_online : (B, A) chooses the next action, next_q_target : (B, A) says what it is worth.
    """
    xp = array_namespace(next_q_online)
    action = xp.argmax(next_q_online, axis=-1)
    next_value = xp.take_along_axis(next_q_target, action[..., None], axis=-1)[..., 0]
    going_on = 1 - 1.0 * terminated
    # y = r + gamma * Q_target(s', argmax_a' Q_online(s', a'))
    return reward + gamma * going_on * next_value


def huber_loss(error):
    """Huber's loss of every error, NumPy or torch: error^2 / 2 up to 1, |error| - 1/2 beyond. Huber (1964)."""
    size = abs(error)
    capped = size.clip(max=1)
    # c * (|e| - c / 2) with c = min(|e|, 1): both branches in one
    return capped * (size - capped / 2)


def polyak_update(target, online, tau):
    """The target network's next weights: a part ``tau`` of the way to the online ones. Lillicrap et al. (2016)."""
    # theta_target <- (1 - tau) * theta_target + tau * theta
    return (1 - tau) * target + tau * online


def epsilon_greedy_actions(q, epsilon, draw, random_action):
    """One action for each of B environments that flip a coin of their own: (B,) int.

    q : (B, A).   epsilon : chance of a random action, a number or (B,).   draw : (B,) uniform in [0, 1).
    random_action : (B,) what to do where ``draw`` falls below epsilon.
    """
    return np.where(draw < epsilon, random_action, q.argmax(-1))


class QNetwork(nn.Module):
    """All action values of a state at once: (B, state_dim) -> (B, action_dim), ReLU between the layers."""

    def __init__(self, state_dim: int, action_dim: int, hidden_dims=(256, 256), seed: int = 0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        widths = itertools.pairwise((state_dim, *hidden_dims, action_dim))
        self.linears = nn.ModuleList(nn.utils.skip_init(nn.Linear, n_in, n_out) for n_in, n_out in widths)
        for linear in self.linears:
            bound = linear.in_features**-0.5  # as PyTorch does, but from a generator of its own
            for parameter in linear.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)

    def forward(self, state):
        return self.forward_keeping(state)[0]

    def forward_keeping(self, state) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """The action values, and the input of every linear layer, which ``backpropagate`` needs."""
        inputs = [state]
        for linear in self.linears[:-1]:
            inputs.append(linear(inputs[-1]).relu_())
        return self.linears[-1](inputs[-1]), inputs

    def backpropagate(self, gradient: torch.Tensor, inputs: list[torch.Tensor]) -> None:
        """Fill every weight's ``grad`` from the loss's gradient in the action values, (B, action_dim).

        The chain rule by hand: for networks this small, autograd's bookkeeping would cost as much as the arithmetic.
        """
        for linear, x in zip(reversed(self.linears), reversed(inputs), strict=True):
            torch.mm(gradient.T, x, out=linear.weight.grad)
            torch.sum(gradient, 0, out=linear.bias.grad)
            if x is not inputs[0]:
                gradient = (gradient @ linear.weight).mul_(x.sign())  # through the ReLU where it was open


def _checked(config: dict) -> dict:
    """The hyperparameters as plain Python values, which a file can hold; ValueError for the first that cannot be."""
    counts = "state_dim", "action_dim", "buffer_size", "batch_size", "target_update_freq", "hidden_dims"
    check_arguments(
        config,
        unit=("gamma", "epsilon", "epsilon_decay", "epsilon_min", "tau"),
        positive=("learning_rate", "updates_per_step", "max_grad_norm"),
        count=counts,
        natural=("learning_starts", "seed"),
        switch=("double", "huber"),
        optional=("tau", "max_grad_norm"),
    )
    for name, value in config.items():
        if isinstance(value, (tuple, list)) != (name == "hidden_dims"):
            what = "one width for each layer, in a tuple" if name == "hidden_dims" else "one number"
            raise ValueError(f"{name} is {value!r}; accepted is {what}")
    if config["buffer_size"] < config["batch_size"]:
        raise ValueError(
            f"buffer_size is {config['buffer_size']}; accepted are {config['batch_size']}, the batch_size, and more"
        )
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in config.items()}
    whole = {name: int(plain[name]) for name in (*counts[:-1], "learning_starts", "seed")}
    return plain | whole | {"hidden_dims": tuple(int(width) for width in config["hidden_dims"])}


class DQNAgent:
    """Deep Q-learning for any Gymnasium environment with a vector observation and discrete actions.

    Parameters
    ----------
    state_dim, action_dim : length of an observation, number of actions.
    learning_rate : of Adam. Typical: 1e-4 to 3e-3.
    gamma : discount in [0, 1].
    epsilon, epsilon_decay, epsilon_min : chance of a random action; multiplied by the decay after every episode, never
        below the minimum.
    buffer_size : transitions remembered. ``buffer_size=batch_size`` turns replay off: only the newest ones are left.
    batch_size : transitions a training step learns from.
    target_update_freq : training steps between two copies to the target network; 1 turns the target network off.
    hidden_dims : widths of the hidden layers.
    tau : if given, the target network follows by this part after every training step, in place of the copies.
    double : Double DQN's target.
    huber : Huber's loss in place of the squared error.
    max_grad_norm : the gradient is shortened to this length; None turns clipping off.
    learning_starts : transitions to collect before the first training step.
    updates_per_step : training steps for every environment step; 0.5 is one for every two.
    seed, device : of all random choices; where the networks live.
    target_rule : computes the targets in place of the built-in equations; your own ``target_rule(reward (B,),
        next_q_online (B, A), next_q_target (B, A), terminated (B,), gamma) -> (B,)``, NumPy arrays all.

    ``online`` and ``target`` are the networks, ``buffer`` the memory, ``n_updates`` the training steps taken and
    ``losses`` the most recent losses, at most ``KEPT_LOSSES``.

    Raises ValueError for a hyperparameter outside these meanings, naming it.
    """

    KEPT_LOSSES = 10_000

    def __init__(
        self,
        state_dim: int,
        action_dim: int,
        *,
        learning_rate: float = 1e-3,
        gamma: float = 0.99,
        epsilon: float = 1.0,
        epsilon_decay: float = 0.995,
        epsilon_min: float = 0.01,
        buffer_size: int = 100_000,
        batch_size: int = 64,
        target_update_freq: int = 100,
        hidden_dims=(256, 256),
        tau: float | None = None,
        double: bool = False,
        huber: bool = False,
        max_grad_norm: float | None = 10.0,
        learning_starts: int = 0,
        updates_per_step: float = 1.0,
        seed: int = 0,
        device: str = "cpu",
        target_rule: Callable | None = None,
    ):
        self._config = _checked({k: v for k, v in locals().items() if k not in ("self", "device", "target_rule")})
        if target_rule is not None and not callable(target_rule):
            raise ValueError(f"target_rule is {target_rule!r}; accepted is a function, or None")
        self.__dict__.update(self._config)  # every hyperparameter is an attribute of its name
        self.target_rule, self.device, self.n_updates = target_rule, torch.device(device), 0
        weights, replay, acting, envs = spawn_seeds(self.seed, 4)
        widths = self.state_dim, self.action_dim, self.hidden_dims
        self.online, self.target = (QNetwork(*widths, seed=weights).to(self.device) for _ in range(2))
        self._weights, self._target_weights = flat_parameters(self.online), flat_parameters(self.target)
        # One vector of weights makes the optimiser, the clipping and the copy one operation each.
        self._optimizer = torch.optim.Adam([self._weights], lr=self.learning_rate, fused=True)
        self.buffer = ReplayBuffer(self.buffer_size, state_dim=self.state_dim, seed=replay)
        self._sampled = np.empty((self.batch_size, 2 * self.state_dim + 3), dtype=np.float32)
        self._rng, self._env_seeds = np.random.default_rng(acting), np.random.default_rng(envs)
        self._updates_due = 0.0
        self.losses: deque[float] = deque(maxlen=self.KEPT_LOSSES)

    @torch.inference_mode()
    def action_values(self, state) -> np.ndarray:
        """Q(s, .) of one observation (state_dim,) or of many (..., state_dim): (..., action_dim)."""
        return self.online(torch.as_tensor(np.asarray(state, dtype=np.float32), device=self.device)).cpu().numpy()

    def select_action(self, state, training: bool = True):
        """Epsilon-greedy while training, greedy otherwise: an int for one observation, (n,) for (n, state_dim)."""
        q = self.action_values(np.atleast_2d(state))
        epsilon = self.epsilon if training else 0.0
        draw, random_action = self._rng.random(len(q)), self._rng.integers(self.action_dim, size=len(q))
        action = epsilon_greedy_actions(q, epsilon, draw, random_action)
        return int(action[0]) if np.ndim(state) == 1 else action

    def store_transition(self, state, action, reward, next_state, terminated) -> None:
        """Remember one transition, or one of each environment."""
        self.buffer.push(state, action, reward, next_state, terminated)

    def decay_epsilon(self) -> None:
        """One episode is over: explore a little less."""
        self.epsilon = max(self.epsilon_min, self.epsilon * self.epsilon_decay)

    @torch.no_grad()
    def train_step(self) -> float | None:
        """Learn from one batch of remembered transitions; returns the loss, None while there are too few of them."""
        if len(self.buffer) < max(self.batch_size, self.learning_starts):
            return None
        batch = self._sample()
        action = batch.action[:, None]
        q, inputs = self.online.forward_keeping(batch.state)
        error = self._targets(batch)[:, None] - q.gather(1, action)
        # d loss / d Q(s, a), and nothing for the actions not taken
        slope = (error.clip(-1, 1) if self.huber else 2 * error) / -len(error)
        self.online.backpropagate(torch.zeros_like(q).scatter_(1, action, slope), inputs)
        self._descend()
        self.n_updates += 1
        self._update_target()
        self.losses.append((huber_loss(error) if self.huber else error * error).mean().item())
        return self.losses[-1]

    def learn(self, envs: gym.Env | VectorEnv, total_steps: int, progress: bool = False) -> History:
        """Learn for ``total_steps`` environment steps, those of all copies counted.

        Interrupting keeps what was learned and returns the history so far; its ``metrics["loss"]`` are ``losses``.
        ``learn`` may be called again, on another environment too. Raises ValueError for an environment whose
        observations are no vectors (state_dim,), or whose actions are not the numbers 0 to action_dim - 1.
        """
        check_arguments({"total_steps": total_steps}, count=("total_steps",))
        log, interrupted = EpisodeLog(1), False
        with progress_bar(total_steps, "step", progress) as bar:
            try:
                for log in self.learning(envs):
                    shown = bar.update(min(log.n_steps, total_steps) - bar.n)
                    if shown:  # a few times a second
                        bar.set_postfix_str(f"return {log.recent_return:.3g}, epsilon {self.epsilon:.2f}")
                    if log.n_steps >= total_steps:
                        break
            except KeyboardInterrupt:
                interrupted = True
        return log.history(metrics={"loss": np.array(self.losses)}, interrupted=interrupted)

    def learning(self, envs: gym.Env | VectorEnv) -> Iterator[EpisodeLog]:
        """Learn step by step, for as long as it is asked to: yields the log after every step of the environments."""
        check_spaces(envs, self.state_dim, self.action_dim)
        envs = envs if isinstance(envs, VectorEnv) else as_vector_env(envs, 1)
        steps = TrueSteps(envs, seed=int(self._env_seeds.integers(2**31)))
        log = EpisodeLog(1, envs.num_envs)
        while True:
            state, action = steps.state, self.select_action(steps.state)
            next_state, reward, terminated, truncated, real = steps.step(action)
            transition = state, action, reward, next_state, terminated
            self.store_transition(*(transition if real.all() else (field[real] for field in transition)))
            for _ in log.record(reward, terminated | truncated, real):
                self.decay_epsilon()
            self._train_when_due(real.sum())
            yield log

    def save(self, path) -> None:
        """Write everything that learning goes on from, the memory included, to a safetensors file.

        The environments are not in it: the next ``learn`` begins new episodes, as it always does.
        """
        adam = self._optimizer.state_dict()["state"].get(0, {})
        arrays = {f"adam.{name}": value.cpu().numpy() for name, value in adam.items()}
        arrays |= {"weights": self._weights.cpu().numpy(), "target_weights": self._target_weights.cpu().numpy()}
        arrays |= {"buffer": self.buffer._rows[: len(self.buffer)], "losses": np.array(self.losses)}
        config = _checked({name: getattr(self, name) for name in self._config} | {"buffer_size": self.buffer.capacity})
        progress = {"n_updates": self.n_updates, "updates_due": self._updates_due, "n_pushed": self.buffer.n_pushed}
        random = [generator.bit_generator.state for generator in self._generators()]
        save_arrays(path, type(self).__name__, arrays, {"config": config, "progress": progress, "random": random})

    @classmethod
    def load(cls, path, device: str = "cpu") -> DQNAgent:
        """The agent that ``save`` wrote; it goes on learning exactly as the saved one would.

        Raises FileNotFoundError, or ValueError for a damaged or foreign file. Nothing is unpickled.
        """
        arrays, state = load_arrays(path, kind=cls.__name__)
        device = torch.device(device)
        try:
            agent = cls(**state["config"], device=device)
            agent._restore(arrays, state)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is no complete {cls.__name__} of this version: {error!r}") from None
        return agent

    def _restore(self, arrays: dict[str, np.ndarray], state: dict) -> None:
        tensors = {name: torch.as_tensor(array, device=self.device) for name, array in arrays.items()}
        self._weights.copy_(tensors["weights"])
        self._target_weights.copy_(tensors["target_weights"])
        adam = {name.removeprefix("adam."): value for name, value in tensors.items() if name.startswith("adam.")}
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": {0: adam} if adam else {}})
        progress = state["progress"]
        self.n_updates, self._updates_due = progress["n_updates"], progress["updates_due"]
        self.buffer.n_pushed = progress["n_pushed"]
        self.buffer._rows[: len(self.buffer)] = arrays["buffer"]
        self.losses.extend(arrays["losses"].tolist())
        for generator, saved in zip(self._generators(), state["random"], strict=True):
            generator.bit_generator.state = saved

    def _sample(self) -> Batch:
        fields = self.buffer.sample(self.batch_size, out=self._sampled)
        return Batch(*(torch.from_numpy(field).to(self.device) for field in fields))

    def _targets(self, batch: Batch) -> torch.Tensor:
        next_q = self.target(batch.next_state)
        if not self.double and self.target_rule is None:
            return td_target(batch.reward, next_q, batch.terminated, self.gamma)
        values = batch.reward, self.online(batch.next_state), next_q, batch.terminated
        if self.target_rule is None:
            return double_dqn_target(*values, self.gamma)
        target = np.asarray(self.target_rule(*(value.cpu().numpy().copy() for value in values), self.gamma))
        if target.shape != batch.reward.shape:
            raise ValueError(f"target_rule returned shape {target.shape}; accepted is {tuple(batch.reward.shape)}")
        return torch.as_tensor(target, dtype=torch.float32, device=self.device)

    def _descend(self) -> None:
        """One step of Adam along the gradient, shortened to ``max_grad_norm``."""
        if self.max_grad_norm is not None:
            norm = self._weights.grad.norm().item()
            if norm > self.max_grad_norm:
                self._weights.grad *= self.max_grad_norm / norm
        self._optimizer.param_groups[0]["lr"] = self.learning_rate
        self._optimizer.step()

    def _update_target(self) -> None:
        if self.tau is not None:
            self._target_weights.copy_(polyak_update(self._target_weights, self._weights, self.tau))
        elif self.n_updates % self.target_update_freq == 0:
            self._target_weights.copy_(self._weights)

    def _train_when_due(self, n_steps: int) -> None:
        if len(self.buffer) < max(self.batch_size, self.learning_starts):
            return
        self._updates_due += n_steps * self.updates_per_step
        while self._updates_due >= 1:
            self._updates_due -= 1
            self.train_step()

    def _generators(self) -> tuple[np.random.Generator, ...]:
        return self._rng, self._env_seeds, self.buffer.rng
