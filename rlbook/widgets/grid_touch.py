"""Painting the walls of a grid: with the pointer, or with the arrow keys and Enter."""

from __future__ import annotations

from rlbook.envs.grid_world import GridWorld
from rlbook.plots.grids import cell_at
from rlbook.widgets.controls import Touched
from rlbook.widgets.panel import Panel
from rlbook.widgets.touch import ARROWS

Cell = tuple[int, int]
HOW = "Grid: drag over cells to build walls or take them away; arrow keys move the mark, Enter or space does the same"


class WallPanel(Panel):
    """A panel over a GridWorld whose walls can be painted; its first picture is the grid.

    `walls` are the cells with a wall. `marked` is the cell that the arrow keys move; None until a key was used. A wall
    on the start or on the goal is refused in silence.
    """

    walls = Touched(())
    marked = Touched(None)
    touchable = {0: HOW}  # noqa: RUF012
    _builds = True  # whether the pointer that is down builds walls or takes them away

    def paint(self, world: GridWorld | None) -> None:
        """Begin with the walls of this world; None for a world that cannot be changed."""
        self._painted = world
        if world is None:
            self.touchable = {}
            self.hide("walls", "marked")
        else:
            self.walls = tuple(world.obstacles)

    def point(self, kind: str, x: float, y: float) -> None:
        cell = cell_at(self._painted.shape, self.picture_width(0), x, y)
        if cell is None or kind == "up":
            return
        if kind == "down":
            self._builds, self.marked = cell not in self.walls, None
        self._put(cell, self._builds)

    def key(self, key: str) -> None:
        rows, columns = self._painted.shape
        if key in ARROWS:
            row, column = self.marked or self._painted.start
            down, right = ARROWS[key] if self.marked else (0, 0)  # the first key only shows where the mark is
            self.marked = min(max(row + down, 0), rows - 1), min(max(column + right, 0), columns - 1)
        elif self.marked is not None:
            self._put(self.marked, self.marked not in self.walls)

    def _put(self, cell: Cell, wall: bool) -> None:
        if cell not in (self._painted.start, self._painted.goal):
            others = {other for other in self.walls if other != cell}
            self.walls = tuple(sorted(others | {cell} if wall else others))
