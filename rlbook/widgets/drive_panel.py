"""DrivePanel: a robot on a grid, with you at the wheel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rlbook.envs.grid_world import ACTIONS, MOVES, GridWorld
from rlbook.plots.grids import cell_at, grid_layout, world_map
from rlbook.widgets.controls import Slider, Touched, Words, with_minus
from rlbook.widgets.grid_touch import Cell
from rlbook.widgets.live_world import LiveWorld
from rlbook.widgets.panel import Panel
from rlbook.widgets.touch import ARROWS

SHOWN = 8  # steps in the list


class Step(NamedTuple):
    """One step: where the driver aimed, where the robot came to, what that paid, and whether it slipped; `ending` says
    how the episode ended here."""

    action: str
    cell: Cell
    reward: float
    slipped: bool
    ending: str

    def __str__(self) -> str:
        how = "slipped to" if self.slipped else "to"
        return f"{self.action}: {how} {self.cell}, reward {with_minus(self.reward, 'g')}"


class DrivePanel(Panel):
    """Drive a robot with the arrow keys and see what every step pays. No values, no policy: the driver is the policy.

    Parameters
    ----------
    world : a GridWorld; by default the chapter's.
    seed : of the slips; the same seed and the same keys give the same episode.
    slip : where the slider begins; by default the world's own. It may be moved in the middle of an episode.

    `path` holds the steps of this episode. An arrow key, or a click to that side of the robot, aims at the next cell;
    once the episode is over, Enter or space begins another one. `drive("right")` does the same from Python.
    """

    slip = Slider("Slip probability", 0.0, 0.0, 1.0, step=0.05, help="Chance of going to one side instead")
    steps = Words(lines=SHOWN + 1)
    path = Touched((), tuple)
    touchable = {0: "Grid: drive with the arrow keys or click where to go; Enter begins again"}  # noqa: RUF012

    def __init__(self, world: GridWorld | None = None, *, seed: int = 0, slip: float | None = None):
        super().__init__()
        self._world, self._seed = GridWorld() if world is None else world, int(seed)
        self._env, self._layout = LiveWorld(self._world), grid_layout(self._world)
        self._firm = self._world.replace(slip=0.0).mdp()
        self.slip = self._world.slip if slip is None else slip
        self.start_here()
        self.restart(self.state)

    def restart(self, state) -> None:
        self._env.reset(seed=self._seed)

    def changed(self, name: str) -> None:
        if name == "slip":
            self._env.change(self._world.replace(slip=self.slip))

    def drive(self, action: str) -> None:
        """Aim one step "up", "right", "down" or "left". Once the episode is over nothing moves any more."""
        if action not in ACTIONS:
            raise ValueError(f"the action is {action!r}; accepted are {', '.join(ACTIONS)}")
        if self.path and self.path[-1].ending:
            return
        before, number = self._env.unwrapped.state, ACTIONS.index(action)
        state, reward, terminated, truncated, _ = self._env.step(number)
        ending = "the goal" if terminated else "time is up" if truncated else ""
        slipped = state != self._firm.successors[before, number, 0]
        self.path = (*self.path, Step(action, self._world.to_cell(state), reward, slipped, ending))

    def begin_again(self) -> None:
        """Another episode; the slips go on where they were."""
        self._env.reset()
        self.path = ()

    def key(self, key: str) -> None:
        if key not in ARROWS:
            self.begin_again()
        else:
            self.drive(_towards(ARROWS[key]))

    def point(self, kind: str, x: float, y: float) -> None:
        cell = cell_at(self._layout.shape, self.picture_width(0), x, y) if kind == "down" else None
        if cell is not None and cell != self._robot(self.path):
            self.drive(_towards(np.subtract(cell, self._robot(self.path))))

    def _robot(self, path) -> Cell:
        return path[-1].cell if path else self._world.start

    def draw(self, state):
        lines = [f"{k}. {step}" for k, step in enumerate(state.path, 1)][-SHOWN:]
        self.assign("steps", "<br>".join(lines) or "Click the grid, then use the arrow keys.")
        return world_map(self._layout, agent=self._world.to_state(self._robot(state.path)))

    def describe(self, state) -> str:
        paid = sum(step.reward for step in state.path)
        words = f"Steps: {len(state.path)}. Return so far, the sum of the rewards: {with_minus(paid, '.1f')}."
        ending = state.path[-1].ending if state.path else ""
        return f"{words} The episode is over: {ending}. Enter begins another one." if ending else words


def _towards(way) -> str:
    """The action that comes closest to a way (rows, columns)."""
    return ACTIONS[int(np.argmax(MOVES @ np.asarray(way)))]
