"""A grid that can be painted, looked into and shared: with the pointer, with keys, and as text."""

from __future__ import annotations

from html import escape

from rlbook.envs.grid_world import GridWorld
from rlbook.plots.grids import GridLayout, cell_at
from rlbook.widgets.controls import Palette, Slider, TextField, Touched, Words
from rlbook.widgets.panel import Panel
from rlbook.widgets.touch import ARROWS

Cell = tuple[int, int]
LOOK, WALL, REWARD, START, GOAL = "Look", "Wall", "Reward", "Start", "Goal"
TOOLS = {
    LOOK: "Click a cell to see where its value comes from",
    WALL: "Drag over cells to build walls, or from a wall to take walls away",
    REWARD: "Drag over cells to pay that for arriving there, or from a cell that pays it to take it away",
    START: "Click or drag to where episodes start",
    GOAL: "Click or drag to where episodes end",
}
MOST_CELLS = 400
HOW = "Grid: click or drag to use the tool; the arrow keys move the mark, Enter or space uses the tool there"


class MapPanel(Panel):
    """A panel over a grid, its first picture. A GridWorld can be painted, any grid can be looked into.

    `world` is the GridWorld as it is now: set it, paint it with `tool` (and `reward`), or paste a `map_text`, which
    `GridWorld.from_text` reads; slip and the usual rewards are not in that text and stay. Painting what cannot be (a
    wall on the start) is refused in silence. `marked` is the cell that was touched last; `equation` is about it.
    """

    tool = Palette("Tool", tuple(TOOLS), tips=tuple(TOOLS.values()), in_repr=False)
    reward = Slider("Reward to paint", -5.0, -10.0, 10.0, step=0.1, in_repr=False, help="What the reward tool paints")
    equation = Words(lines=3)
    map_text = TextField("Map", help="Copy it, or paste another one: S start, G goal, X wall; 2,1=-5 pays -5 in (2, 1)")
    world = Touched(None, GridWorld)
    marked = Touched(None)
    touchable = {0: HOW}  # noqa: RUF012
    above_pictures = "tool", "reward"
    below_pictures = "equation", "map_text"
    _layout: GridLayout  # a subclass makes it
    _adds = True  # whether the stroke under way adds something or takes it away
    _unread = ""  # what is wrong with the text

    def paint(self, world: GridWorld | None) -> None:
        """Begin with this world; None for one that cannot be changed."""
        if world is None:
            self.hide("tool", "reward", "map_text", "world")
        else:
            self.world = world

    def changed(self, name: str) -> None:
        super().changed(name)
        if name == "world":
            self.map_text = self.world.to_text()
            if self.marked is not None and not _is_inside(self.marked, self.world.shape):
                self.marked = None
        elif name == "map_text":
            self._read(self.map_text)

    def _read(self, text: str) -> None:
        """Make the world what the text says, if it can be read."""
        self._unread = ""
        try:
            told = GridWorld.from_text(text)
            if told.observation_space.n > MOST_CELLS:
                raise ValueError(f"it has {told.observation_space.n} cells; accepted are at most {MOST_CELLS}")
        except ValueError as error:
            self._unread = f"This map cannot be read: {error}."
            return
        if told.to_text() != self.world.to_text():
            places = {"start": told.start, "goal": told.goal, "obstacles": told.obstacles}
            self.world = self.world.replace(size=told.shape, **places, cell_rewards=dict(told.cell_rewards))

    # ------------------------------------------------------------------ pointer and keys

    def point(self, kind: str, x: float, y: float) -> None:
        cell = cell_at(self._layout.shape, self.picture_width(0), x, y)
        if cell is None or kind == "up" or (kind == "move" and cell == self.marked):
            return
        self.marked = cell
        self._use(cell, begins=kind == "down")

    def key(self, key: str) -> None:
        if key in ARROWS:
            (row, column), shape = self.marked or self._layout.start or (0, 0), self._layout.shape
            down, right = ARROWS[key] if self.marked else (0, 0)  # the first key only shows where the mark is
            to = row + down, column + right
            self.marked = to if _is_inside(to, shape) else (row, column)
        elif self.marked is not None:
            self._use(self.marked, begins=True)

    def _use(self, cell: Cell, begins: bool) -> None:
        """Use the tool there. The first cell of a stroke decides whether the stroke adds or takes away."""
        if self.world is None or self.tool == LOOK:
            return
        if begins and self.tool == WALL:
            self._adds = cell not in self.world.obstacles
        elif begins:
            self._adds = self.world.cell_rewards.get(cell) != self.reward
        changes = self._changes(cell)
        if changes:
            self.world = self.world.replace(**changes)

    def _changes(self, cell: Cell) -> dict:
        """The arguments of the world that the tool changes there."""
        world, walls, rewards = self.world, set(self.world.obstacles), dict(self.world.cell_rewards)
        ends = world.start, world.goal
        if self.tool == WALL and cell not in ends:
            rewards.pop(cell, None)
            return {"obstacles": tuple(walls | {cell} if self._adds else walls - {cell}), "cell_rewards": rewards}
        if self.tool == REWARD and cell not in walls:
            rewards.pop(cell, None)
            return {"cell_rewards": {**rewards, cell: self.reward} if self._adds else rewards}
        if self.tool in (START, GOAL) and cell not in walls and cell not in ends:
            return {self.tool.lower(): cell}
        return {}

    def tell(self, equation: str) -> None:
        """Show this HTML as the equation of the marked cell, unless there is a map that cannot be read."""
        self.assign("equation", escape(self._unread) or equation)


def _is_inside(cell: Cell, shape: tuple[int, int]) -> bool:
    return 0 <= cell[0] < shape[0] and 0 <= cell[1] < shape[1]
