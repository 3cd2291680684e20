"""PPOPanel: a thousand arms learn while one of them follows the target that you drag."""

from __future__ import annotations

import time

import numpy as np

from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.plots.curves import LiveCurve, Series, moving_mean
from rlbook.plots.policies import poses_at_rest
from rlbook.plots.values import LiveHeatmap
from rlbook.ppo import MANY_ARMS, PPO
from rlbook.widgets.controls import LogSlider, Slider, Toggle
from rlbook.widgets.following_arm import FollowingArm, TargetPanel
from rlbook.widgets.kept_runs import KeepingPanel
from rlbook.widgets.shell import CONTROLS_WIDTH

HYPERPARAMETERS = "clip_epsilon", "gae_lambda", "gamma", "lr", "entropy_coef"
RESOLUTION = 31  # cells of the map along each joint
ARM_SIZE = 380  # pixels
MEAN_OVER = 8  # updates
LEARNING_TIME = 0.04  # s between two pictures
STEPS_AN_UPDATE = 1024  # at least, of all arms together


class PPOPanel(KeepingPanel, TargetPanel):
    """Two-joint arms learn to reach by PPO, while every number can be changed and one arm shows what they have learned.

    Parameters
    ----------
    seed : of weights and draws.
    agent : a PPO for the arm to begin with, such as a loaded one; by default a new one with ``MANY_ARMS``. It learns
        here, in rounds (``n_steps``) that follow the number of arms.
    clip_epsilon, gae_lambda, gamma, lr, entropy_coef : where these controls begin, for all but a given agent its own.
    n_arms, learn, target_x, target_z : likewise.

    The arm shown is none of those that learn: it follows the policy's mean towards the target, which the pointer drags
    and the arrow keys move. With ``learn`` off it goes on following what was learned so far. ``agent`` is the learner;
    ``panel.agent.save("arm.safetensors")`` keeps it. The curve is the share of episodes that ended at their target;
    Keep run leaves it in the picture, for comparison with what comes next.
    """

    clip_epsilon = Slider("Clip epsilon", 0.2, 0.01, 1.0, help="How far a ratio may leave 1 and still gain")
    gae_lambda = Slider("GAE lambda", 0.95, 0.0, 1.0, help="0: one-step advantages, 1: whole returns")
    gamma = Slider("Discount gamma", MANY_ARMS["gamma"], 0.0, 1.0, help="What a reward one step later is worth today")
    lr = LogSlider("Learning rate", MANY_ARMS["lr"], 1e-5, 1e-1, help="Of Adam, before the KL steers it")
    entropy_coef = Slider("Entropy coefficient", 0.0, 0.0, 0.1, step=0.001, format=".3f", help="Keeps exploration up")
    n_arms = LogSlider("Arms", 512, 1, 4096, whole=True, help="That learn side by side")
    learn = Toggle("Learn", True, help="Off: the arm follows what was learned so far")
    below_controls = 1

    def __init__(self, agent: PPO | None = None, *, seed: int = 0, **values):
        super().__init__()
        self._given, self._seed = agent, int(seed)
        self._arm = FollowingArm(ARM_SIZE)
        self.speed = 1 / self._arm.dt  # in real time
        self._value_map = LiveHeatmap("Value of a pose, for this target", limits=(-0.5, 1.0))
        self._curve = LiveCurve(
            "Episodes that end at the target",
            "Seconds of learning",
            "Share",
            {"now": "now"},
            width=CONTROLS_WIDTH,
            height=220,
            xmax=20,
            ylim=(0.0, 1.0),
        )
        own = {name: getattr(agent, name) for name in HYPERPARAMETERS} if agent else {}
        self.set(**{**own, **values})
        self.start_here()
        self.restart(self.state)

    @property
    def agent(self) -> PPO:
        """The learner behind the panel."""
        return self._agent

    @property
    def arm_tip(self) -> np.ndarray:
        """Where the tip of the arm on show is, (x, z) in m."""
        return self._arm.tip

    # ------------------------------------------------------------------ the run

    def restart(self, state) -> None:
        """New weights, unless an agent was given, which stays as it is; the arm hanging at rest."""
        self._agent = self._given or PPO.for_many_arms(10, 2, seed=self._seed)
        self._learning, self._learning_arms, self._log = None, 0, None
        self._steps_before = self._agent.steps_taken
        self._arm.rest()
        self._seconds, self._shares = [0.0], [0.0]
        self._run = self._seconds
        self._map: bytes | None = None

    def prepare(self, state) -> None:
        """Bring the learner up to the controls."""
        self._agent.configure(**{name: getattr(state, name) for name in HYPERPARAMETERS})
        if state.n_arms != self._learning_arms:
            self._learning_arms = state.n_arms
            self._agent.n_steps = max(MANY_ARMS["n_steps"], STEPS_AN_UPDATE // state.n_arms)
            self._learning = self._agent.learning(ReachVectorEnv(state.n_arms))

    def advance(self, state, n: int) -> None:
        self.prepare(state)
        if state.learn:
            self._learn_for(LEARNING_TIME)
        for _ in range(n):
            self._arm.follow(lambda seen: self._agent.select_action(seen, training=False), self.target(state))

    def _learn_for(self, seconds: float) -> None:
        """Updates, one at least, for about this long."""
        begun = last = time.perf_counter()
        while last - begun < seconds:
            try:
                self._log = next(self._learning)
            except BaseException:  # what was learned stays; the next step begins new episodes
                self._learning_arms = 0
                raise
            now = time.perf_counter()
            ended = self._agent.buffer.terminated | self._agent.buffer.truncated
            share = float(self._agent.buffer.terminated.sum() / max(1, int(ended.sum())))
            self._seconds.append(self._seconds[-1] + now - last)
            self._shares.append(share if ended.any() else self._shares[-1])
            last = now

    def run_so_far(self) -> Series:
        return np.array(self._seconds), self._smoothed()

    # ------------------------------------------------------------------ the pictures

    def draw(self, state):
        target = self.target(state)
        if not self.playing or self._map is None or self.n_draws % 5 == 0:  # what costs time, less often
            values = self._agent.value(poses_at_rest(target, RESOLUTION))
            self._map = self._value_map.draw(values.reshape(RESOLUTION, RESOLUTION))
        self._curve.keep(self._kept)
        return [self._arm.draw(target), self._map, self._curve.draw(now=self.run_so_far())]

    def _smoothed(self) -> np.ndarray:
        return moving_mean(np.array(self._shares), MEAN_OVER)

    def describe(self, state) -> str:
        if not self._arm.has_moved:
            return "Nothing learned yet. Press Play, and drag the target."
        distance = np.hypot(*(self.arm_tip - self.target(state)))
        words = f"The arm on show is {100 * distance:.0f} cm from its target."
        if self._log is None:
            return words
        steps = self._agent.steps_taken - self._steps_before
        return (
            f"{steps:,} steps in {self._seconds[-1]:.0f} s, now of {state.n_arms:,} arms; "
            f"{self._smoothed()[-1]:.0%} of the episodes end at their target. {words}"
        )
