"""What the panels of learners that explore share: an epsilon to set, and the one that has become of it."""

from __future__ import annotations

from rlbook.widgets.controls import Reading, Slider
from rlbook.widgets.panel import Panel


class ExploringPanel(Panel):
    """A panel with an epsilon. Setting it makes it the chance of a random action from the next step on; the learner
    then shrinks that chance, and `epsilon_now` tells it.

    The slider itself never moves by itself: a page reports back where it was told to put a handle, and such a report,
    arriving late, could not be told from a hand on the slider.
    """

    epsilon = Slider(
        "Epsilon", 1.0, 0.0, 1.0, renewable=True, help="Chance of a random action from now on; it then shrinks"
    )
    epsilon_now = Reading("Epsilon now", help="Present chance of a random action")
    _epsilon_set: float | None = None

    def changed(self, name: str) -> None:
        if name == "epsilon":
            with self._signal:
                self._epsilon_set = self.epsilon

    def pass_epsilon(self, agent) -> None:
        """Give the learner the epsilon just set, once; from then on it is the learner's own."""
        with self._signal:
            asked, self._epsilon_set = self._epsilon_set, None
        if asked is not None:
            agent.epsilon = asked
        self.assign("epsilon_now", agent.epsilon)
