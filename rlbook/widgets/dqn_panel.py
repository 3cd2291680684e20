"""DQNPanel: watch a network learn to reach, and take its stabilisers away while it does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from gymnasium.vector import AutoresetMode

from rlbook.dqn import DQNAgent
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.plots.arms import torus_angles
from rlbook.plots.values import LiveHeatmap
from rlbook.widgets.controls import LogSlider, Slider, Toggle, with_minus
from rlbook.widgets.following_arm import FollowingArm, TargetPanel
from rlbook.widgets.learner_panel import LearnerPanel, checked_rule

SETTINGS = {
    "hidden_dims": (64, 64),
    "huber": True,
    "updates_per_step": 0.25,
    "learning_starts": 500,
    "buffer_size": 50_000,
    "epsilon_min": 0.05,
    "target_update_freq": 300,
}
RESOLUTION = 41  # cells of the maps along each joint
PICTURE = {"width": 278, "height": 250}  # pixels: two beside the controls on a small screen


class DQNPanel(LearnerPanel, TargetPanel):
    """Two-joint arms learn to reach by DQN while every number and every stabiliser can be changed.

    Parameters
    ----------
    target_rule : your own targets, ``target_rule(reward (B,), next_q_online (B, A), next_q_target (B, A), terminated
        (B,), gamma) -> (B,)``; they then drive the learner in place of the built-in ones.
    n_arms : arms that learn side by side, with one network.
    seed : the same seed and the same values give the same run.
    epsilon, learning_rate, gamma, replay, ... : where the controls begin.

    The arm on show learns nothing: it follows the present greedy policy towards the target, which can be dragged
    (`target_x`, `target_z`). The maps show, for an arm at rest and that target, the value of every pose, and how the
    first motor would turn; the stars are the poses that touch the target. Setting `epsilon` makes it the chance of a
    random action from the next step on; that chance then shrinks by `epsilon_decay` after every episode, and
    `epsilon_now` tells it. A step is one control step of all arms.
    """

    epsilon_decay = Slider("Epsilon decay", 0.98, 0.9, 1.0, step=0.001, format=".3f", help="Factor after each episode")
    learning_rate = LogSlider("Learning rate", 1e-3, 1e-5, 1e-1, help="Of Adam")
    gamma = Slider("Discount gamma", 0.95, 0.0, 1.0, help="What a reward one step later is worth today")
    replay = Toggle("Replay", True, help="Learn from a large memory, not from the newest transitions only")
    target_network = Toggle("Target network", True, help="Targets from an older copy of the network")
    double = Toggle("Double DQN", True, help="One network chooses the next action, the other says what it is worth")
    clipping = Toggle("Gradient clipping", True, help="No gradient longer than 10")
    speed = LogSlider("Steps per second", 100, 1, 1000, whole=True, in_repr=False)
    hyperparameters = "epsilon_decay", "learning_rate", "gamma"

    def __init__(
        self, target_rule: Callable[..., np.ndarray] | None = None, *, n_arms: int = 16, seed: int = 0, **values
    ):
        super().__init__()
        self._target_rule, self._seed, self._n_arms = checked_rule("target_rule", target_rule), int(seed), n_arms
        self._posed = ReachVectorEnv(RESOLUTION**2, torque_levels=3, autoreset_mode=AutoresetMode.DISABLED)
        self._arm = FollowingArm(PICTURE["width"], torque_levels=3)
        if target_rule is not None:
            self.hide("double")
        self.set(**values)
        self.start_here()
        self.restart(self.state)

    # ------------------------------------------------------------------ the run

    def restart(self, state) -> None:
        """New weights, an empty memory, the first episode."""
        envs = ReachVectorEnv(self._n_arms, torque_levels=3)
        state_dim, action_dim = envs.single_observation_space.shape[0], int(envs.single_action_space.n)
        rule = {"target_rule": self._target_rule, "seed": self._seed}
        self.begin(DQNAgent(state_dim, action_dim, **SETTINGS, **rule), envs)
        self._arm.rest()
        names = "backwards", "off", "forwards"
        self._curve = self.new_curve("Return per episode", "Return", **PICTURE, xmax=200, ylim=(-12.0, 2.0))
        self._value_map = LiveHeatmap("Value of a pose, max Q", limits=(-1.0, 1.0), **PICTURE)
        self._torque_map = LiveHeatmap("Greedy torque, joint 1", discrete=names, **PICTURE)
        self._less_often: list[bytes] = []

    def prepare(self, state) -> None:
        """Bring the learner up to the controls."""
        size = SETTINGS["buffer_size"] if state.replay else self._agent.batch_size
        self.configure(
            double=state.double,
            target_update_freq=SETTINGS["target_update_freq"] if state.target_network else 1,
            max_grad_norm=10.0 if state.clipping else None,
            buffer_size=size,
            learning_starts=min(SETTINGS["learning_starts"], size),  # a small memory never holds more
        )
        super().prepare(state)

    def advance(self, state, n: int) -> None:
        super().advance(state, n)
        self._arm.follow(lambda seen: self._agent.select_action(seen, training=False), self.target(state))

    # ------------------------------------------------------------------ the pictures

    def draw(self, state):
        if not self.playing or not self._less_often or self.n_draws % 5 == 0:  # what costs time
            self._less_often = [*self._drawn_maps(self.target(state)), self.drawn_curve(self._curve)]
        return [self._arm.draw(self.target(state)), *self._less_often]

    def _drawn_maps(self, target: np.ndarray) -> list[bytes]:
        poses = {"q": torus_angles(RESOLUTION).reshape(-1, 2), "qd": np.zeros(2), "target": target}
        q = self._agent.action_values(self._posed.reset(options=poses)[0])
        shape = RESOLUTION, RESOLUTION
        torque = self._posed.torque_combinations[q.argmax(axis=1), 0].reshape(shape)
        stars = self._arm.touching(target)
        return [self._value_map.draw(q.max(axis=1).reshape(shape), stars), self._torque_map.draw(torque + 1, stars)]

    def describe(self, state) -> str:
        if self._log is None:
            return "Nothing learned yet. Press Play."
        returns = self.episodes()
        episodes = "episode" if len(returns) == 1 else "episodes"
        counts = f"{self._log.total_steps:,} steps, {self._agent.n_updates:,} training steps"
        words = f"{counts}, {len(returns):,} {episodes}."
        if len(returns):
            recent = returns[-self.mean_over :]
            words += f" Return of the last {len(recent)}: {with_minus(np.mean(recent), '.2f')} on average."
        return words
