"""An arm that follows a policy towards a target which can be dragged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from gymnasium.vector import AutoresetMode

from rlbook.envs.arm.controllers import inverse_kinematics
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.plots.arms import LiveArm
from rlbook.widgets.controls import Slider
from rlbook.widgets.panel import Panel
from rlbook.widgets.touch import ARROWS

RING = (0.2, 0.95)  # of the reach: where targets lie in training
KEY_STEP = 0.05  # m, how far an arrow key moves the target
TRAIL = 25  # control steps of the tip's path that stay visible
HOW = "Arm: drag the target, or move it with the arrow keys"


class FollowingArm:
    """Two joints that begin hanging at rest and act by a policy, without episodes, which would end.

    pixels : of its picture.   options : of ``ReachVectorEnv``.
    """

    def __init__(self, pixels: int, **options):
        self._env = ReachVectorEnv(1, autoreset_mode=AutoresetMode.DISABLED, **options)
        self.dt, self.reach = self._env.dt, self._env.reach
        self._picture = LiveArm(self.reach, threshold=self._env.goal_threshold, title="Drag the target", pixels=pixels)
        self.rest()

    def rest(self) -> None:
        """Hang at rest again."""
        self._q, self._qd, self._tips = np.array([[-np.pi / 2, 0.0]]), np.zeros((1, 2)), []

    def follow(self, policy: Callable, target: np.ndarray) -> None:
        """One control step towards target (2,), in m; ``policy(observations (1, obs_dim)) -> actions (1, ...)``."""
        self._env.apply(policy(self._place(target)))
        self._q, self._qd = self._env.q, self._env.qd
        self._tips = [*self._tips[-TRAIL:], self.tip]

    @property
    def tip(self) -> np.ndarray:
        """Where its tip is, (x, z) in m."""
        return self._env.points()[0, -1]

    @property
    def has_moved(self) -> bool:
        """Whether it took a step since it was at rest."""
        return len(self._tips) > 0

    def draw(self, target: np.ndarray) -> bytes:
        self._place(target)
        path = np.array(self._tips) if self.has_moved else None
        return self._picture.draw(self._env.points()[0], path=path, target=target)

    def touching(self, target: np.ndarray) -> np.ndarray:
        """(2, 2) the poses in rad that touch the target: elbow to one side and to the other."""
        direction = np.arctan2(target[1], target[0])
        guesses = np.array([[direction - np.pi / 4, np.pi / 2], [direction + np.pi / 4, -np.pi / 2]])
        return inverse_kinematics(guesses, target, self._env.physics)

    def position(self, x: float, y: float) -> tuple[float, float]:
        """Where in the plane, in m, a pixel of the picture lies."""
        return self._picture.position(x, y)

    def _place(self, target: np.ndarray) -> np.ndarray:
        return self._env.reset(options={"q": self._q, "qd": self._qd, "target": target[None]})[0]


class TargetPanel(Panel):
    """A panel with an arm that follows, whose first picture it is; `target_x` and `target_z` are in m."""

    _arm: FollowingArm | None = None  # a subclass makes it
    target_x = Slider("Target x (m)", 0.5, -0.95, 0.95, in_repr=False, help="Drag the target, or use the arrow keys")
    target_z = Slider("Target z (m)", 0.5, -0.95, 0.95, in_repr=False, help="Drag the target, or use the arrow keys")
    touchable = {0: HOW}  # noqa: RUF012

    @staticmethod
    def target(state) -> np.ndarray:
        """Where the target is in a snapshot of the values, (2,) in m."""
        return np.array([state.target_x, state.target_z])

    def move_target(self, x: float, z: float) -> None:
        """Put the target to (x, z) in metres, or to the nearest place where targets lie in training."""
        low, high = (part * self._arm.reach for part in RING)
        radius = float(np.hypot(x, z))
        x, z = (x / radius, z / radius) if radius > 0 else (1.0, 0.0)
        radius = min(max(radius, low), high)
        self.set(target_x=round(radius * x, 4), target_z=round(radius * z, 4))

    def point(self, kind: str, x: float, y: float) -> None:
        if kind != "up":
            self.move_target(*self._arm.position(x, y))

    def key(self, key: str) -> None:
        if key in ARROWS:
            down, right = ARROWS[key]
            self.move_target(self.target_x + KEY_STEP * right, self.target_z - KEY_STEP * down)
