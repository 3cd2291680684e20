"""GammaPanel: value iteration under your hands."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import TabularMDP, bellman_backup, optimal_actions, value_iterates
from rlbook.plots.grids import grid_layout, value_map
from rlbook.widgets.controls import Slider, Words
from rlbook.widgets.equations import backup_in_numbers
from rlbook.widgets.grid_touch import MapPanel

HALF_A_DIGIT = 0.005  # values are shown with two decimals
MOST_SWEEPS = 1000


class GammaPanel(MapPanel):
    """Values and greedy policy while discount, slip and step reward are dragged, sweep by sweep if you like.

    Parameters
    ----------
    world : GridWorld, a toy-text environment such as FrozenLake-v1, or a TabularMDP made from one or with a shape. Slip
        and step reward can be changed only in a GridWorld, which can be rebuilt; others do not show these sliders.
    gamma, slip, step_reward : where the sliders begin; by default the world's own.
    sweep : how many sweeps of value iteration are shown; by default all, until the values have settled.

    A click on a cell shows what one more backup makes of its value. A GridWorld can be painted, see `MapPanel`.

    Play runs through the sweeps from the first. A panel that shows the last sweep stays with the last one when another
    value changes.
    """

    gamma = Slider("Discount gamma", 0.99, 0.0, 1.0, help="What a reward one step later is worth today")
    slip = Slider("Slip probability", 0.0, 0.0, 1.0, step=0.05, help="Chance of going to one side instead")
    step_reward = Slider("Reward of a step", -0.1, -2.0, 1.0, step=0.05, help="Paid for every ordinary step")
    sweep = Slider("Sweep", 0, 0, MOST_SWEEPS, step=1, help="Value iteration after this many sweeps")
    equation = Words(lines=5)
    speed = 4
    dependent_limits = True

    def __init__(self, world: Any = None, **values):
        super().__init__()
        world = GridWorld() if world is None else world
        model = _model_of(world)
        self._model = model
        self._layout, self._solved_for = grid_layout(model), None
        sweep = values.pop("sweep", None)
        values = {"gamma": model.gamma, **values}
        grid = model.world if isinstance(model.world, GridWorld) else None
        self.paint(grid)
        if grid is not None:
            step_reward = grid.step_reward
            self.limit("step_reward", low=min(-2.0, step_reward), high=max(1.0, step_reward))
            self.set(**{"slip": grid.slip, "step_reward": step_reward, **values})
        else:
            self.hide("slip", "step_reward")
            self.set(**values)
        self.prepare(self.state)
        self.sweep = self._last if sweep is None else sweep
        self.start_here()

    def prepare(self, state) -> None:
        """Solve the model anew if it has changed, and give the scrubber as many sweeps as that took."""
        model = (state.gamma, state.slip, state.step_reward, state.world)
        if model == self._solved_for:
            return
        at_end = self._solved_for is not None and state.sweep == self._last
        if state.world is not None:
            mdp = state.world.replace(slip=state.slip, step_reward=state.step_reward).mdp(state.gamma)
            self._layout = grid_layout(mdp)
        else:
            mdp = self._model.with_gamma(state.gamma)
        self._mdp, self._iterates, self._solved_for = mdp, _until_settled(mdp), model
        self._last = len(self._iterates) - 1
        self.limit("sweep", high=self._last)
        if at_end:
            self.move_on("sweep", min(state.sweep, self._last), self._last)

    def draw(self, state):
        V, settled = self._iterates[state.sweep], self._iterates[-1][self._layout.free_cells()]
        Q = bellman_backup(V, self._mdp)
        self._residual = float(np.abs(Q.max(axis=1) - V).max())
        self.tell(backup_in_numbers(V, self._mdp, self._layout, state.marked, state.sweep))
        return value_map(
            V,
            self._layout,
            policy=optimal_actions(Q),
            title=self._title(state),
            low=min(0.0, float(settled.min())),
            high=max(0.0, float(settled.max())),
            marked=state.marked,
        )

    def _gave_up(self, state) -> bool:
        """Whether the last sweep on show is the last only because `MOST_SWEEPS` were enough."""
        return state.sweep == self._last and not _is_settled(self._residual, state.gamma)

    def _title(self, state) -> str:
        if self._gave_up(state):
            return f"NOT settled after {state.sweep} sweeps: no final values"
        return f"Values and greedy policy after sweep {state.sweep}"

    def describe(self, state) -> str:
        words = f"Sweep {state.sweep} of {self._last}. Bellman residual {self._residual:.2g}"
        if state.sweep < self._last:
            return f"{words}: not settled yet."
        if not self._gave_up(state):
            return f"{words}: settled."
        why = "so close to 1, gamma needs more sweeps" if state.gamma < 1 else "without discount they may never settle"
        return f"{words}: the values still change; {why}."

    def play(self) -> None:
        if self.sweep == self._last and not self.playing:
            self.sweep = 0
        super().play()

    def advance(self, state, n: int):
        self.move_on("sweep", state.sweep, min(state.sweep + n, self._last))
        return self.sweep < self._last


def _model_of(world: Any) -> TabularMDP:
    if isinstance(world, TabularMDP):
        return world
    inner = getattr(world, "unwrapped", world)
    return inner.mdp() if isinstance(inner, GridWorld) else TabularMDP.from_gym(world)


def _until_settled(mdp: TabularMDP) -> list[np.ndarray]:
    """V_0, V_1, ... until the values on show no longer change, or `MOST_SWEEPS` sweeps are done."""
    kept: list[np.ndarray] = []
    for V in value_iterates(mdp):
        if kept and (len(kept) > MOST_SWEEPS or _is_settled(np.abs(V - kept[-1]).max(), mdp.gamma)):
            return kept
        kept.append(V)
    return kept


def _is_settled(residual: float, gamma: float) -> bool:
    """The contraction's bound: values are within residual / (1 - gamma) of the fixed point. (Without discount there is
    none, and only a standstill will do.)"""
    return residual <= HALF_A_DIGIT * max(1 - gamma, 1e-9)
