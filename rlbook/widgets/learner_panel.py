"""What the panels of learners that explore share: an agent that learns while its numbers are changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from rlbook.learning.learner import Learner
from rlbook.plots.curves import LiveCurve, Series, moving_mean
from rlbook.widgets.controls import Reading, Slider
from rlbook.widgets.kept_runs import KeepingPanel


class LearnerPanel(KeepingPanel):
    """A panel that drives an agent's own ``learning()``.

    A subclass makes agent and environments in ``restart`` and hands them to ``begin``. `hyperparameters` names the
    controls that the agent takes over as they are; `mean_over` is how many episodes the line of the curve averages.

    Setting `epsilon` makes it the chance of a random action from the next step on; the agent then shrinks that chance,
    and `epsilon_now` tells it. The slider itself never moves by itself: a page reports back where it was told to put a
    handle, and such a report, arriving late, could not be told from a hand on the slider.
    """

    epsilon = Slider(
        "Epsilon", 1.0, 0.0, 1.0, renewable=True, help="Chance of a random action from now on; it then shrinks"
    )
    epsilon_now = Reading("Epsilon now", help="Present chance of a random action")
    hyperparameters: ClassVar[tuple[str, ...]] = ()
    mean_over = 50
    _epsilon_set: float | None = None

    def begin(self, agent: Learner, envs: Any) -> None:
        """A new run."""
        self._agent, self._envs = agent, envs
        self._learning, self._log, self._earlier = agent.learning(envs), None, np.empty(0)
        self._run = agent
        self.changed("epsilon")

    def configure(self, **values) -> None:
        """Hand hyperparameters to the agent that differ from those it has."""
        changes = {name: value for name, value in values.items() if getattr(self._agent, name) != value}
        if changes:
            self._agent.configure(**changes)

    def prepare(self, state) -> None:
        self.configure(**{name: getattr(state, name) for name in self.hyperparameters})
        self._pass_epsilon()

    def advance(self, state, n: int) -> None:
        self.prepare(state)
        agent, learning = self._agent, self._learning
        try:
            for _ in range(n):
                self._log = next(learning)
        except BaseException:  # of the reader's own rule: what was learned stays, new episodes begin
            if learning is self._learning:
                self._earlier, self._log = self.episodes(), None
                self._learning = agent.learning(self._envs)
            raise
        self._pass_epsilon()

    def changed(self, name: str) -> None:
        super().changed(name)
        if name == "epsilon":
            with self._signal:
                self._epsilon_set = self.epsilon

    def _pass_epsilon(self) -> None:
        """Give the agent the epsilon just set, once; from then on it is the agent's own."""
        with self._signal:
            asked, self._epsilon_set = self._epsilon_set, None
        if asked is not None:
            self._agent.epsilon = asked
        self.assign("epsilon_now", self._agent.epsilon)

    # ------------------------------------------------------------------ what came of it

    def episodes(self) -> np.ndarray:
        """(n_episodes,) what the curve shows of every episode; by default its return."""
        if self._log is None:
            return self._earlier
        return np.concatenate([self._earlier, self._log.history().returns[0]])

    def run_so_far(self) -> Series:
        values = self.episodes()
        return np.arange(1, len(values) + 1), moving_mean(values, self.mean_over)

    def new_curve(self, title: str, ylabel: str, **options) -> LiveCurve:
        lines = {"each": "each", "mean": f"mean of {self.mean_over}"}
        return LiveCurve(title, "Episode", ylabel, lines, faint=["each"], **options)

    def drawn_curve(self, curve: LiveCurve) -> bytes:
        episodes, mean = self.run_so_far()
        curve.keep(self._kept)
        return curve.draw(each=(episodes, self.episodes()), mean=(episodes, mean))


def checked_rule(name: str, rule: Callable | None) -> Callable | None:
    """``rule`` itself; ValueError for what is neither a function nor None."""
    if rule is not None and not callable(rule):
        raise ValueError(f"{name} is {rule!r}; accepted is a function, or None for the built-in one")
    return rule
