"""PPO: proximal policy optimisation (Schulman et al. 2017, algorithm 1), an actor and a critic.

The *actor* is the policy itself, a Gaussian about a network's mean (or a softmax where actions are numbered). Actions
that turned out better than the *critic* expected become likelier, and worse ones less likely:

    A_t   = sum_k (gamma lambda)^k delta_t+k,   delta_t = r_t + gamma V(s_t+1) - V(s_t)       (1)   rlbook.returns
    rho_t = pi(a_t | s_t) / pi_old(a_t | s_t)                                                 (2)
    loss  = -mean of min(rho A, clip(rho, 1 - epsilon, 1 + epsilon) A)                        (3)   eq. 7, rlbook.losses
            + value_coef * mean of (V(s_t) - R_t)^2 - entropy_coef * entropy                  (4)   eq. 9

Each round collects ``n_steps`` of every environment with the policy as it is, estimates advantages A and returns
R = A + V, and takes several passes over these steps. The clipping in (3) takes away the reason to move the policy far
from the one that collected them. Then they are forgotten: PPO learns from its own fresh experience only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv

from rlbook.learning.actor_critic import ACTIVATIONS, ActorCritic
from rlbook.learning.config import Config
from rlbook.learning.history import EpisodeLog
from rlbook.learning.network_learner import NetworkLearner, as_given, check_finite
from rlbook.learning.rollout import RolloutBuffer, Samples
from rlbook.learning.saving import spawn_seeds
from rlbook.learning.stepping import TrueSteps, check_spaces, single_spaces
from rlbook.losses import approximate_kl, clipped_surrogate_loss, explained_variance, kl_exceeds, value_loss
from rlbook.validation import check_arguments


@dataclass(frozen=True)
class PPOConfig(Config):
    """Hyperparameters of PPO, with the chapter's defaults."""

    lr: float = 3e-4  # learning rate of Adam, at first. 1e-4 to 3e-3
    gamma: float = 0.99  # discount. 0.9 to 0.999
    gae_lambda: float = 0.95  # 0: one-step advantages, biased; 1: whole returns, noisy. 0.9 to 1
    clip_epsilon: float = 0.2  # how far a ratio may leave 1 and still gain. 0.1 to 0.3
    value_coef: float = 0.5  # weight of the critic's loss. 0.25 to 2
    entropy_coef: float = 0.01  # weight of the entropy, which keeps exploration up. 0 to 0.02
    max_grad_norm: float | None = 0.5  # gradients are shortened to this length; None: never. 0.5 to 2
    n_epochs: int = 10  # passes over the collected steps. 2 to 20
    batch_size: int = 64  # steps a gradient step learns from. 64 for one environment, thousands for a thousand
    n_steps: int = 2048  # steps of every environment between two updates. 16 for a thousand environments
    hidden_dims: tuple[int, ...] = (256, 256)  # widths of the hidden layers, of actor and critic alike
    activation: str = "tanh"  # between the layers; "relu" is four times cheaper on a CPU. "tanh" or "relu"
    log_std_init: float = 0.0  # of the Gaussian, log of the action's unit. -1 to 0
    normalise_observations: bool = False  # by their running mean and standard deviation
    normalise_returns: bool = False  # the critic learns returns by their running mean and standard deviation
    clip_value: float | None = None  # clip the critic's change as the policy's; None: do not. 0.2
    target_kl: float | None = None  # no further passes once the policy moved 1.5 times as far. 0.01 to 0.03
    kl_steers_lr: bool = False  # instead of stopping, raise or lower the learning rate to move by target_kl
    anneal_steps: int | None = None  # the learning rate falls to zero over so many environment steps

    def check(self):
        values = vars(self)
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation is {self.activation!r}; accepted are {', '.join(map(repr, ACTIVATIONS))}")
        check_arguments(
            values,
            unit=("gamma", "gae_lambda", "entropy_coef"),
            positive=("lr", "clip_epsilon", "value_coef", "max_grad_norm", "clip_value", "target_kl"),
            finite=("log_std_init",),
            count=("n_epochs", "batch_size", "n_steps", "anneal_steps"),
            switch=("normalise_observations", "normalise_returns", "kl_steers_lr"),
            optional=("max_grad_norm", "clip_value", "target_kl", "anneal_steps"),
            single=True,
        )
        if self.kl_steers_lr and self.target_kl is None:
            raise ValueError("kl_steers_lr is True without a target_kl; accepted is a KL to steer by, such as 0.01")


# For a thousand environments: short rounds, few large batches, a small cheap network, steps as long as the KL allows.
MANY_ARMS = {"n_steps": 8, "batch_size": 2048, "n_epochs": 2, "lr": 2e-3, "target_kl": 0.02, "kl_steers_lr": True}
MANY_ARMS |= {"gamma": 0.95, "entropy_coef": 0.0, "max_grad_norm": 1.0, "log_std_init": -0.5}
MANY_ARMS |= {"hidden_dims": (64, 64), "activation": "relu"}


class PPO(NetworkLearner):
    """Proximal policy optimisation for any Gymnasium environment with vectors as observations.

    Actions are vectors, or numbers where ``discrete``. A vector is sent to the environment clipped to its bounds; what
    is learned from is the policy's own draw, for clipping is the environment's affair, not a part of pi(a | s).

    state_dim, action_dim : length of an observation; of an action, or number of actions where ``discrete``.
    lr, gamma, ... : see ``PPOConfig``; ``PPO.for_many_arms`` has those for a thousand environments.
    discrete : actions are the numbers 0 to action_dim - 1.
    seed, device : of all random choices; where networks and rollouts live. An environment on that device stays there.

    ``policy`` is the ``ActorCritic``, ``buffer`` holds the steps since the last update, ``steps_taken`` counts all.
    ``stats`` names what was measured in every update so far: lists of the same length.

    Raises ValueError for a hyperparameter outside its meaning, naming it.
    """

    config_class = PPOConfig
    fixed = ("hidden_dims", "activation", "log_std_init")
    networks, counts, generators = ("policy",), ("steps_taken", "stats", "_lr_factor"), ("_env_seeds",)

    def __init__(
        self, state_dim: int, action_dim: int, *, discrete=False, seed: int = 0, device="cpu", **hyperparameters
    ):
        check_arguments({"discrete": discrete}, switch=("discrete",))
        sizes = {"state_dim": state_dim, "action_dim": action_dim, "discrete": discrete}
        super().__init__(sizes, seed, device, hyperparameters)
        weights, acting, envs = spawn_seeds(int(seed), 3)
        network = {"activation": self.activation, "discrete": discrete, "seed": weights}
        self.policy = ActorCritic(self.state_dim, self.action_dim, self.hidden_dims, self.log_std_init, **network)
        self._optimizer = torch.optim.Adam(self.policy.to(self.device).parameters(), eps=1e-5, fused=True)
        self._generator, self._env_seeds = torch.Generator(self.device).manual_seed(acting), np.random.default_rng(envs)
        self._bounds = torch.tensor([[-math.inf], [math.inf]], device=self.device)
        self._lr_factor, self.buffer = 1.0, self._new_buffer(n_envs=1)
        self.stats: dict[str, list[float]] = {}

    @classmethod
    def for_many_arms(cls, state_dim: int, action_dim: int, **changes) -> PPO:
        """A learner for a thousand environments that step together: ``MANY_ARMS``, but for changes."""
        return cls(state_dim, action_dim, **{**MANY_ARMS, **changes})

    @torch.no_grad()
    def select_action(self, state, training: bool = True):
        """An action for one observation (state_dim,) or many (B, state_dim), NumPy or torch.

        While training: the policy's own draw, as ``store_transition`` wants it; it may lie outside the environment's
        bounds. Otherwise the likeliest action, within the bounds of the environment last learned in.
        """
        states = self._states(state)
        action = self.policy.get_action(torch.atleast_2d(states), not training, self._generator)
        action = action if training else self._within_bounds(action)
        return as_given(action[0] if states.ndim == 1 else action, state)

    @torch.no_grad()
    def value(self, state):
        """What the critic expects from one observation (state_dim,), or from many (..., state_dim)."""
        return as_given(self.policy.value(self._states(state)), state)

    def learning(self, envs: gym.Env | VectorEnv) -> Iterator[EpisodeLog]:
        """Learn round by round, for as long as it is asked to: yields the log after every update."""
        if self.discrete:
            check_spaces(envs, state_dim=self.state_dim, n_actions=self.action_dim)
        else:
            check_spaces(envs, state_dim=self.state_dim, action_dim=self.action_dim)
            space = single_spaces(envs)[1]
            self._bounds = self._tensor(np.stack([space.low, space.high]))
        steps = TrueSteps(envs, seed=int(self._env_seeds.integers(2**31)), device=self.device)
        log, self.buffer = EpisodeLog(1, steps.num_envs), self._new_buffer(steps.num_envs)
        while True:
            self._collect(steps)
            self.buffer.record(log)
            if self.buffer.real.any():  # with NEXT_STEP, a round of one step can hold nothing but resets
                self.update()
            else:
                self.buffer.clear()
            yield log

    def _collect(self, steps: TrueSteps) -> None:
        """Fill the buffer with steps of the policy as it is."""
        for _ in range(self.n_steps):
            state, action = steps.state, self.select_action(steps.state)
            next_state, reward, terminated, truncated, real = steps.step(self._within_bounds(action))
            self.store_transition(state, action, reward, next_state, terminated, truncated, real)

    def store_transition(self, state, action, reward, next_state, terminated, truncated, real=True) -> None:
        """Keep one step, or one of each of B environments, for the next ``update``.

        action : as ``select_action`` gave it.   next_state : what truly followed, an episode's last observation too.
        real : False where an environment only began a new episode.   Raises ValueError once ``n_steps`` are kept.
        """
        n_envs = 1 if np.ndim(reward) == 0 else len(reward)
        if n_envs != self.buffer.n_envs or self.n_steps != self.buffer.n_steps:
            self.buffer = self._new_buffer(n_envs)
        self.buffer.push(state, action, reward, next_state, terminated, truncated, real)

    def update(self) -> dict[str, float]:
        """Learn from the steps kept, and forget them. Returns what was measured in the last pass, by name.

        Raises ValueError where no step is kept.
        """
        if not self.buffer.real[: len(self.buffer)].any():
            raise ValueError("no step is kept; store_transition comes before update")
        stats = self._look_back()
        for n_passes in range(self.n_epochs):
            batches = self.buffer.get_batches(self.batch_size, self._generator)
            measured = [self._train_step(batch) for batch in batches]
            stats |= {name: torch.stack([one[name] for one in measured]).mean().item() for name in measured[0]}
            first_batch = n_passes == 0 and len(measured) == 1  # measured before anything has moved
            if not first_batch and self._moved_enough(stats["approximate_kl"]):
                break
        states = self.buffer.samples().state
        if self.normalise_observations:
            self.policy.observations.update(states)
        self.steps_taken += len(states)
        self.buffer.clear()
        check_finite(stats["policy_loss"] + stats["value_loss"], self.steps_taken)
        for name, value in stats.items():
            self.stats.setdefault(name, []).append(value)
        return stats

    @torch.no_grad()
    def _look_back(self) -> dict[str, float]:
        """What policy and critic, as they were when acting, say of the steps kept: log pi, V and with it A and R."""
        buffer, T = self.buffer, len(self.buffer)
        states, actions = buffer.states[:T].flatten(0, 1), buffer.actions[:T].flatten(0, 1)
        log_prob, _, value = self.policy.evaluate_actions(states, actions)
        buffer.log_probs[:T] = log_prob.unflatten(0, (T, -1))
        next_value = self.policy.value(buffer.next_states[:T])
        buffer.compute_returns_and_advantages(value.view_as(next_value), next_value, self.gamma, self.gae_lambda)
        samples = buffer.samples()
        if self.normalise_returns:
            self.policy.returns.update(samples.value_target[:, None])
            # the critic's unit has moved: what clip_value holds it to is what it says now
            buffer.values[:T] = self.policy.value(buffer.states[:T])
        return {"explained_variance": explained_variance(samples.value, samples.value_target).item()}

    def _train_step(self, batch: Samples) -> dict[str, torch.Tensor]:
        """One gradient step down (3) and (4); what was measured on the way."""
        log_prob, entropy, value = self.policy.evaluate_actions(batch.state, batch.action)
        log_ratio = log_prob - batch.log_prob
        ratio = log_ratio.exp()  # rho = pi(a | s) / pi_old(a | s)
        policy_loss = clipped_surrogate_loss(ratio, batch.advantage, self.clip_epsilon).mean()
        # returns in standard deviations, so that their unit sets no step size
        in_std = [each / self.policy.returns.std for each in (value, batch.value, batch.value_target)]
        critic_loss = value_loss(*in_std, self.clip_value).mean()
        entropy = entropy.mean()
        loss = policy_loss + self.value_coef * critic_loss - self.entropy_coef * entropy
        self._descend(loss)
        measured = {"policy_loss": policy_loss, "value_loss": critic_loss, "entropy": entropy}
        measured["approximate_kl"] = approximate_kl(log_ratio)
        measured["clip_fraction"] = ((ratio - 1).abs() > self.clip_epsilon).float().mean()
        if not self.discrete:
            measured["std"] = self.policy.log_std.exp().mean()
        return {name: number.detach() for name, number in measured.items()}

    @property
    def current_lr(self) -> float:
        """The learning rate now: ``lr``, steered by the measured KL and annealed where that is asked for."""
        return self.annealed(self.lr * self._lr_factor)

    def _moved_enough(self, kl: float) -> bool:
        """Whether the policy has moved so far that the passes end; or else that steers the learning rate."""
        if self.target_kl is None:
            return False
        if not self.kl_steers_lr:
            return kl_exceeds(kl, self.target_kl)
        if kl > 2 * self.target_kl:
            self._lr_factor = max(self._lr_factor / 1.5, 0.01)
        elif kl < self.target_kl / 2:
            self._lr_factor = min(self._lr_factor * 1.5, 10.0)
        return False

    def _within_bounds(self, action):
        return action if self.discrete else action.clip(*self._bounds)

    def _new_buffer(self, n_envs: int) -> RolloutBuffer:
        action_shape = () if self.discrete else (self.action_dim,)
        return RolloutBuffer(self.n_steps, n_envs, self.state_dim, action_shape, self.device)

    def _metrics(self) -> dict[str, np.ndarray]:
        return {name: np.array(values) for name, values in self.stats.items()}

    def _state(self) -> tuple[dict[str, np.ndarray], dict]:
        arrays, state = super()._state()
        tensors = {"random": self._generator.get_state(), "bounds": self._bounds}
        return arrays | {name: tensor.cpu().numpy() for name, tensor in tensors.items()}, state

    def _restore(self, arrays: dict[str, np.ndarray], state: dict) -> None:
        super()._restore(arrays, state)
        self._bounds = self._tensor(arrays["bounds"])
        if len(arrays["random"]) == len(
            self._generator.get_state()
        ):  # else it is another device's, which draws differently
            self._generator.set_state(torch.as_tensor(arrays["random"]))
