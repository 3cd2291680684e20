"""DQNPanel: watch a network learn to reach, and take its stabilisers away while it does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from gymnasium.vector import AutoresetMode

from rlbook.dqn import DQNAgent
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.plots.arms import torus_angles
from rlbook.plots.curves import LiveCurve, moving_mean
from rlbook.plots.values import LiveHeatmap
from rlbook.widgets.controls import LogSlider, Slider, Toggle, with_minus
from rlbook.widgets.epsilon_control import ExploringPanel
from rlbook.widgets.shell import CONTROLS_WIDTH

MEAN_OVER = 50  # episodes
MEMORY = 50_000  # transitions
TARGET_UPDATE_FREQ = 300  # training steps
MAX_GRAD_NORM = 10.0
LEARNING_STARTS = 500  # transitions to collect in an empty memory first
EPSILON_MIN = 0.05
RESOLUTION = 41  # cells of the maps along each joint
TARGET_DISTANCE = 0.7  # of the reach, of the target in the maps


class DQNPanel(ExploringPanel):
    """Two-joint arms learn to reach by DQN while every number and every stabiliser can be changed.

    Parameters
    ----------
    target_rule : your own targets, ``target_rule(reward (B,), next_q_online (B, A), next_q_target (B, A), terminated
        (B,), gamma) -> (B,)``; they then drive the learner in place of the built-in ones.
    n_arms : arms that learn side by side, with one network.
    seed : the same seed and the same values give the same run.
    epsilon, learning_rate, gamma, replay, ... : where the controls begin.

    The maps show an arm at rest with its target at ``target_angle``: the value of every pose, and how the first motor
    would turn. Setting `epsilon` makes it the chance of a random action from the next step on; that chance then shrinks
    by `epsilon_decay` after every episode, and `epsilon_now` tells it. A step is one control step of all arms.
    """

    epsilon_decay = Slider("Epsilon decay", 0.98, 0.9, 1.0, step=0.001, format=".3f", help="Factor after each episode")
    learning_rate = LogSlider("Learning rate", 1e-3, 1e-5, 1e-1, help="Of Adam")
    gamma = Slider("Discount gamma", 0.95, 0.0, 1.0, help="What a reward one step later is worth today")
    replay = Toggle("Replay", True, help="Learn from a large memory, not from the newest transitions only")
    target_network = Toggle("Target network", True, help="Targets from an older copy of the network")
    double = Toggle("Double DQN", True, help="One network chooses the next action, the other says what it is worth")
    clipping = Toggle("Gradient clipping", True, help="No gradient longer than 10")
    target_angle = Slider(
        "Target in the maps", 45, -180, 180, step=5, in_repr=False, help="Direction of the target, in degrees"
    )
    speed = LogSlider("Steps per second", 100, 1, 1000, whole=True, in_repr=False)
    below_controls = 1

    def __init__(
        self, target_rule: Callable[..., np.ndarray] | None = None, *, n_arms: int = 16, seed: int = 0, **values
    ):
        super().__init__()
        if target_rule is not None and not callable(target_rule):
            raise ValueError(
                f"target_rule is {target_rule!r}; accepted is a function, or None for the built-in targets"
            )
        self._target_rule, self._seed = target_rule, int(seed)
        self._envs = ReachVectorEnv(n_arms, torque_levels=3)
        self._posed = ReachVectorEnv(RESOLUTION**2, torque_levels=3, autoreset_mode=AutoresetMode.DISABLED)
        if target_rule is not None:
            self.hide("double")
        self.set(**values)
        self.start_here()
        self.restart(self.state)

    # ------------------------------------------------------------------ the run

    def restart(self, state) -> None:
        """New weights, an empty memory, the first episode."""
        envs = self._envs
        self._agent = DQNAgent(
            envs.single_observation_space.shape[0],
            int(envs.single_action_space.n),
            seed=self._seed,
            hidden_dims=(64, 64),
            huber=True,
            updates_per_step=0.25,
            learning_starts=LEARNING_STARTS,
            buffer_size=MEMORY,
            target_rule=self._target_rule,
        )
        self._replays, self._log = True, None
        self.changed("epsilon")
        self._learning = self._agent.learning(envs)
        self._curve, self._value_map, self._torque_map = self._new_pictures()
        self._returns: list[float] = []
        self._maps: list[bytes] = []

    def prepare(self, state) -> None:
        """Bring the learner up to the controls."""
        agent = self._agent
        agent.learning_rate, agent.gamma, agent.double = state.learning_rate, state.gamma, state.double
        agent.epsilon_decay = state.epsilon_decay
        self.pass_epsilon(agent)
        agent.epsilon_min = min(EPSILON_MIN, agent.epsilon)  # it may be dragged lower, and then stays there
        agent.target_update_freq = TARGET_UPDATE_FREQ if state.target_network else 1
        agent.max_grad_norm = MAX_GRAD_NORM if state.clipping else None
        if state.replay != self._replays:
            self._replays = state.replay
            size = MEMORY if state.replay else agent.batch_size
            # a small memory never holds more than it is large
            agent.configure(buffer_size=size, learning_starts=min(LEARNING_STARTS, size))

    def advance(self, state, n: int) -> None:
        self.prepare(state)
        try:
            for _ in range(n):
                self._log = next(self._learning)
        except Exception:  # of the reader's own rule: what was learned stays, the arms begin new episodes
            self._learning = self._agent.learning(self._envs)
            raise
        self.pass_epsilon(self._agent)

    # ------------------------------------------------------------------ the pictures

    def _new_pictures(self):
        curve = LiveCurve(
            "Return per episode",
            "Episode",
            "Return",
            {"each": "each episode", "mean": f"mean of {MEAN_OVER}"},
            faint=["each"],
            width=CONTROLS_WIDTH,
            height=236,
            xmax=200,
            ylim=(-12.0, 2.0),
        )
        values = LiveHeatmap("Value of a pose, max Q", limits=(-1.0, 1.0))
        torques = LiveHeatmap("Greedy torque of joint 1", discrete=(-1, 0, 1))
        return curve, values, torques

    def draw(self, state):
        log = self._log
        n_episodes = 0 if log is None else int(log.n_episodes[0])
        if not self.playing or not self._maps or self.n_draws % 5 == 0:  # what costs time, less often
            self._maps = self._drawn_maps(state)
        if n_episodes != len(self._returns):
            self._returns = log.history().returns[0].tolist()
        returns, episodes = np.array(self._returns), np.arange(1, n_episodes + 1)
        curve = self._curve.draw(each=(episodes, returns), mean=(episodes, moving_mean(returns, MEAN_OVER)))
        return [*self._maps, curve]

    def _drawn_maps(self, state) -> list[bytes]:
        angle, env = np.radians(state.target_angle), self._posed
        target = TARGET_DISTANCE * env.reach * np.array([np.cos(angle), np.sin(angle)])
        poses = {"q": torus_angles(RESOLUTION).reshape(-1, 2), "qd": np.zeros(2), "target": target}
        q = self._agent.action_values(env.reset(options=poses)[0])
        shape = RESOLUTION, RESOLUTION
        torque = env.torque_combinations[q.argmax(axis=1), 0].reshape(shape)
        return [self._value_map.draw(q.max(axis=1).reshape(shape)), self._torque_map.draw(torque + 1)]

    def describe(self, state) -> str:
        if self._log is None:
            return "Nothing learned yet. Press Play."
        episodes = "episode" if len(self._returns) == 1 else "episodes"
        counts = f"{self._log.total_steps:,} steps, {self._agent.n_updates:,} training steps"
        words = f"{counts}, {len(self._returns):,} {episodes}."
        if self._returns:
            recent = self._returns[-MEAN_OVER:]
            words += f" Return of the last {len(recent)}: {with_minus(np.mean(recent), '.2f')} on average."
        return words
