"""MotionPanel: a recorded motion of an arm, to play and to scrub through."""

from __future__ import annotations

import numpy as np

from rlbook.envs.arm.recording import Recording
from rlbook.plots.arms import LiveArm
from rlbook.plots.curves import LiveCurve
from rlbook.widgets.controls import Slider, with_minus
from rlbook.widgets.panel import Panel
from rlbook.widgets.shell import CONTROLS_WIDTH


class MotionPanel(Panel):
    """The arm of a recorded episode at any moment, the path of its tip, and its distance to the target over time.

    Parameters
    ----------
    recording : what ``record_episodes`` returns: one episode in each of several arms.
    arm, time_step : where the sliders begin. Choosing another arm starts its episode from the beginning.

    Play runs through the episode in real time, from the beginning if it has ended.
    """

    arm = Slider("Episode", 0, 0, 0, step=1, help="Which of the recorded episodes")
    time_step = Slider("Step", 0, 0, 1, step=1, help="Control steps since the start")
    below_controls = 1
    dependent_limits = True

    def __init__(self, recording: Recording, arm: int = 0, time_step: int | None = None):
        super().__init__()
        self._recording, self._drawn_arm = recording, None
        self.speed = 1 / recording.dt
        self.limit("arm", high=len(recording.lengths) - 1)
        if len(recording.lengths) == 1:
            self.hide("arm")
        else:
            self.arm = arm
        self.prepare(self.state)
        self.time_step = self._last if time_step is None else time_step
        self.start_here()

    def prepare(self, state) -> None:
        """The background of the episode on show, and a scrubber as long as the episode."""
        if state.arm == self._drawn_arm:
            return
        recording, i = self._recording, state.arm
        self._last = int(recording.lengths[i])
        self.limit("time_step", high=self._last)
        points = recording.points[:, i]
        reach = np.linalg.norm(np.diff(points[0], axis=0), axis=1).sum()
        self._motion = LiveArm(reach, recording.target[i], recording.threshold, title="Arm, tip path and target")
        self._curve = LiveCurve(
            "Distance from tip to target",
            "Time (s)",
            "Distance (m)",
            {"distance": "distance"},
            optimum=recording.threshold,
            optimum_label="success within",
            width=CONTROLS_WIDTH,
            height=256,
            xmax=max(recording.dt * self._last, recording.dt),
            ylim=(0.0, 1.05 * float(recording.distance[: self._last + 1, i].max())),
        )
        self._drawn_arm = i

    def changed(self, name: str) -> None:
        if name == "arm":
            self.time_step = 0

    def draw(self, state):
        recording, i, t = self._recording, state.arm, state.time_step
        points = recording.points[: t + 1, i]
        motion = self._motion.draw(points[-1], path=points[:, -1], ghost=points[0])
        time = recording.dt * np.arange(t + 1)
        return [motion, self._curve.draw(distance=(time, recording.distance[: t + 1, i]))]

    def describe(self, state) -> str:
        recording, i = self._recording, state.arm
        ending = "reaches the target" if recording.successes[i] else "runs out of time"
        return (
            f"Step {state.time_step} of {self._last}, {recording.dt * state.time_step:.2f} s: "
            f"{recording.distance[state.time_step, i]:.3f} m from the target. This episode {ending}; "
            f"its return is {with_minus(recording.returns[i], '.2f')}."
        )

    def play(self) -> None:
        if self.time_step == self._last and not self.playing:
            self.time_step = 0
        super().play()

    def advance(self, state, n: int):
        self.move_on("time_step", state.time_step, min(state.time_step + n, self._last))
        return self.time_step < self._last
