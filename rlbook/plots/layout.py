"""Where things stand in a grid: read once from a world, then used by every picture of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rlbook.envs.grid_world import MOVES
from rlbook.mdp import TabularMDP

Cell = tuple[int, int]


@dataclass(frozen=True)
class GridLayout:
    """What the pictures need to know of a world.

    shape : (rows, columns); states are counted row by row.
    moves : (A, 2) unit step (row, column) that each action aims at; (0, 0) for an action that aims nowhere.
    start : cell or None. goals, obstacles, holes : cells. rewards : {cell: reward on arriving} to be written down.
    """

    shape: tuple[int, int]
    moves: np.ndarray
    start: Cell | None = None
    goals: tuple[Cell, ...] = ()
    obstacles: tuple[Cell, ...] = ()
    holes: tuple[Cell, ...] = ()
    rewards: dict[Cell, float] = field(default_factory=dict)

    @property
    def n_states(self) -> int:
        return self.shape[0] * self.shape[1]

    def free_cells(self) -> np.ndarray:
        """(S,) bool: cells that carry a value and a policy, so neither walls nor ends."""
        free = np.ones(self.shape, dtype=bool)
        for cell in (*self.goals, *self.obstacles, *self.holes):
            free[cell] = False
        return free.ravel()


def grid_layout(world: Any) -> GridLayout:
    """The layout of a GridWorld, of a toy-text environment (FrozenLake, CliffWalking) or of a TabularMDP with a shape.

    Raises ValueError for a world whose states are not laid out as a grid.
    """
    world = getattr(world, "unwrapped", world)
    if isinstance(world, GridLayout):
        return world
    if isinstance(world, TabularMDP) and world.world is not None:
        return grid_layout(world.world)
    if hasattr(world, "goal") and hasattr(world, "obstacles"):
        rewards = {world.goal: world.goal_reward, **world.cell_rewards}
        shape = tuple(world.shape)
        return GridLayout(shape, MOVES, world.start, (world.goal,), tuple(world.obstacles), (), rewards)
    mdp = world if isinstance(world, TabularMDP) else TabularMDP.from_gym(world)
    if mdp.shape is None:
        raise ValueError(
            f"{mdp!r} has no rows and columns; accepted are worlds on a grid: GridWorld, FrozenLake-v1, "
            "CliffWalking-v1, or a TabularMDP with shape=(rows, columns)"
        )
    goals, holes = _ends(mdp)
    cliff = getattr(world, "_cliff", None)
    if cliff is not None:
        holes += tuple(zip(*(index.tolist() for index in np.nonzero(cliff)), strict=True))
    return GridLayout(tuple(mdp.shape), _moves(mdp), _start(world, mdp.shape), goals, (), holes)


def _start(world: Any, shape: tuple[int, int]) -> Cell | None:
    chances = getattr(world, "initial_state_distrib", None)
    if chances is None or np.count_nonzero(chances) != 1:
        return None
    row, column = divmod(int(np.argmax(chances)), shape[1])
    return row, column


def _ends(mdp: TabularMDP) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    """Cells where an episode ends: goals, where arriving pays best, and holes."""
    elsewhere = mdp.successors != np.arange(mdp.n_states)[:, None, None]
    arriving = mdp.terminated & (mdp.probabilities > 0) & elsewhere
    pays = np.full(mdp.n_states, -np.inf)
    np.maximum.at(pays, mdp.successors[arriving], mdp.transition_rewards[arriving])
    pays[mdp.terminal & (pays == -np.inf)] = -1e300  # an end that nothing leads to is no goal
    ends = [divmod(int(s), mdp.shape[1]) for s in np.flatnonzero(pays > -np.inf)]
    best = pays.max()
    goals = tuple(cell for cell in ends if pays[cell[0] * mdp.shape[1] + cell[1]] == best)
    return goals, tuple(cell for cell in ends if cell not in goals)


def _moves(mdp: TabularMDP) -> np.ndarray:
    """The direction each action aims at: where it leads on average, also when the ground is slippery."""
    rows, columns = np.divmod(np.arange(mdp.n_states), mdp.shape[1])
    steps = np.stack([rows[mdp.successors] - rows[:, None, None], columns[mdp.successors] - columns[:, None, None]])
    near = np.abs(steps).sum(axis=0) <= 1  # being sent back to the start is no direction
    drift = (steps * (mdp.probabilities * near)).sum(axis=(1, 3)).T  # (A, 2)
    along_rows = np.abs(drift[:, :1]) > np.abs(drift[:, 1:])
    aims = np.abs(drift).max(axis=1, keepdims=True) > 1e-9
    return (np.sign(drift) * np.hstack([along_rows, ~along_rows]) * aims).astype(int)
