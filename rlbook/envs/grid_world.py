"""GridWorld: the smallest robot, on the smallest map. Everything about it can be computed by hand."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from types import MappingProxyType

import gymnasium as gym
import numpy as np

from rlbook.mdp import TabularMDP
from rlbook.validation import check_arguments

ACTIONS = ("up", "right", "down", "left")
MOVES = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])
FIXED = (
    *("size", "shape", "start", "goal", "obstacles", "slip", "step_reward", "goal_reward", "obstacle_reward"),
    *("max_steps", "cell_rewards", "render_mode", "initial_state_distrib", "P"),
)
SYMBOLS = {"S": "start", "G": "goal", "X": "obstacle", ".": "floor"}

Cell = tuple[int, int]


class GridWorld(gym.Env):
    """A robot on a grid looks for the goal.

    ## Action space
    | number | move |
    |---|---|
    | 0 | up |
    | 1 | right |
    | 2 | down |
    | 3 | left |

    ## Observation space
    One integer, the robot's cell, counted row by row from the top left: ``row * columns + column``.

    ## Dynamics
    The robot moves to the neighbouring cell; at a wall or an obstacle it stays where it is. With probability ``slip``
    it goes to one of the two sides instead, each with probability ``slip / 2``.

    ## Rewards
    | step | reward |
    |---|---|
    | arriving at the goal | ``goal_reward`` |
    | bumping into an obstacle | ``obstacle_reward`` |
    | any other | ``step_reward`` |

    ``cell_rewards={(row, column): reward}`` replaces the reward of every step that ends in that cell.

    ## Start, termination, truncation
    The robot starts at ``start``. The episode terminates at the goal (stepping on from there raises
    ``gymnasium.error.ResetNeeded``: the goal pays once) and is truncated after ``max_steps`` steps. Being out of time
    ends nothing in the world: a robot that is moved on all the same does move, and every further step is truncated too.

    ## Arguments
    ``size`` is a number or (rows, columns); by default the start is the top left cell, the goal the top right one (the
    bottom one of a single column), and the only obstacle is at row 1, column 1. Wrong arguments raise ``ValueError``.
    """

    metadata = {"render_modes": ["ansi", "rgb_array"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        size: int | tuple[int, int] = 4,
        start: Cell | None = None,
        goal: Cell | None = None,
        obstacles: tuple[Cell, ...] | None = None,
        slip: float = 0.0,
        step_reward: float = -0.1,
        goal_reward: float = 10.0,
        obstacle_reward: float = -5.0,
        max_steps: int = 100,
        cell_rewards: dict[Cell, float] | None = None,
        render_mode: str | None = None,
    ):
        arguments = {
            "start": start,
            "goal": goal,
            "obstacles": obstacles,
            "slip": slip,
            "step_reward": step_reward,
            "goal_reward": goal_reward,
            "obstacle_reward": obstacle_reward,
            "max_steps": max_steps,
            "cell_rewards": cell_rewards,
            "render_mode": render_mode,
        }
        rewards = ("step_reward", "goal_reward", "obstacle_reward")
        check_arguments(arguments, unit=("slip",), finite=rewards, count=("max_steps",))
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode is {render_mode!r}; accepted are None, 'ansi' and 'rgb_array'")
        self.shape = _checked_shape(size)
        self.start = self._checked_cell("start", (0, 0) if start is None else start)
        self.goal = self._checked_cell("goal", self._default_goal() if goal is None else goal)
        self.obstacles = self._checked_obstacles(obstacles)
        if self.start == self.goal:
            raise ValueError(f"start and goal are both {self.start}; accepted are two different cells")
        self.slip, self.step_reward, self.goal_reward = float(slip), float(step_reward), float(goal_reward)
        self.obstacle_reward, self.max_steps, self.render_mode = float(obstacle_reward), int(max_steps), render_mode
        self._cell_rewards = self._checked_rewards({} if cell_rewards is None else cell_rewards)
        # What was left to its default is so in ``replace`` too: a larger grid has its goal in its own corner.
        given = {name: getattr(self, name) for name, value in arguments.items() if value is not None}
        self._arguments = {**given, "size": self.shape, "cell_rewards": self._cell_rewards}
        self.observation_space = gym.spaces.Discrete(self.shape[0] * self.shape[1])
        self.action_space = gym.spaces.Discrete(len(ACTIONS))
        self._model = self._transitions()
        self.state: int | None = None
        self._steps = 0

    @classmethod
    def from_text(cls, rows: list[str], **arguments) -> GridWorld:
        """Read a map such as ``["S..G", ".X..", "...."]``: S start, G goal, X obstacle, . floor.

        The rows may also be one text, as ``to_text`` writes it. ``2,1=-5`` among them is the reward of cell (2, 1).
        """
        lines = [row.strip() for row in (rows.split() if isinstance(rows, str) else rows)]
        rows = [line for line in lines if "=" not in line]
        told = dict(_read_reward(line) for line in lines if "=" in line)
        if not rows or len({len(row) for row in rows}) != 1 or not rows[0]:
            raise ValueError(f"the map has rows of lengths {[len(row) for row in rows]}; accepted are equal lengths")
        cells: dict[str, list[Cell]] = {symbol: [] for symbol in SYMBOLS}
        for r, row in enumerate(rows):
            for c, symbol in enumerate(row):
                if symbol not in SYMBOLS:
                    raise ValueError(f"the map has {symbol!r} at row {r}, column {c}; accepted are S, G, X and .")
                cells[symbol].append((r, c))
        for symbol in "SG":
            if len(cells[symbol]) != 1:
                raise ValueError(
                    f"the map has {len(cells[symbol])} cells {symbol} ({SYMBOLS[symbol]}); accepted is one"
                )
        size = (len(rows), len(rows[0]))
        if told:
            arguments["cell_rewards"] = {**told, **arguments.get("cell_rewards", {})}
        return cls(size, cells["S"][0], cells["G"][0], tuple(cells["X"]), **arguments)

    def to_text(self) -> str:
        """The map as ``from_text`` reads it: start, goal, obstacles and the rewards of single cells."""
        rows = ["".join(row) for row in self._symbols()]
        paid = [f"{row},{column}={reward!r}".removesuffix(".0") for (row, column), reward in self._cell_rewards.items()]
        return "\n".join([*rows, *([" ".join(paid)] if paid else [])])

    def replace(self, **changes) -> GridWorld:
        """A new GridWorld with some arguments changed."""
        return type(self)(**{**self._arguments, **changes})

    def to_state(self, cell: Cell) -> int:
        """(row, column) to the state number."""
        row, column = self._checked_cell("the cell", cell)
        return row * self.shape[1] + column

    def to_cell(self, state: int) -> Cell:
        """State number to (row, column)."""
        if not self.observation_space.contains(state):
            raise ValueError(f"the state is {state!r}; accepted are 0 to {self.observation_space.n - 1}")
        row, column = divmod(int(state), self.shape[1])
        return row, column

    def __setattr__(self, name: str, value) -> None:
        """Everything that the tables follow from is fixed once they are built; a change would act by halves."""
        if name in FIXED and "_model" in vars(self):
            raise AttributeError(f"{name} is fixed when the world is made; world.replace({name}=...) makes another one")
        super().__setattr__(name, value)

    @property
    def cell_rewards(self) -> Mapping[Cell, float]:
        return MappingProxyType(self._cell_rewards)

    @property
    def initial_state_distrib(self) -> np.ndarray:
        """(S,) the probability that an episode starts in each state, as toy-text environments have it."""
        chances = np.zeros(self.observation_space.n)
        chances[self.to_state(self.start)] = 1.0
        chances.flags.writeable = False
        return chances

    def mdp(self, gamma: float = 0.99) -> TabularMDP:
        """The grid as a model for planning; the same transitions that ``step`` draws from.

        Raises ValueError for a subclass that steps in a way of its own; its own ``mdp`` may begin with this one.
        """
        if type(self).mdp is GridWorld.mdp and getattr(self.step, "__func__", None) is not GridWorld.step:
            raise ValueError(
                f"{type(self).__name__} has a step of its own, which GridWorld's model does not tell; accepted are "
                "subclasses with an mdp of their own too"
            )
        mdp = TabularMDP.from_successors(*self._model, gamma=gamma, shape=self.shape)
        mdp.world = self
        return mdp

    @property
    def P(self) -> Mapping[int, Mapping[int, tuple[tuple[float, int, float, bool], ...]]]:
        """The model in toy-text form, to be read: ``P[state][action]`` holds (probability, next state, reward,
        terminated) of every outcome."""
        successors, probabilities, rewards, terminated = (table.tolist() for table in self._model)

        def outcomes(s: int, a: int) -> tuple:
            return tuple(zip(probabilities[s][a], successors[s][a], rewards[s][a], terminated[s][a], strict=True))

        actions = range(len(ACTIONS))
        states = range(len(successors))
        return MappingProxyType({s: MappingProxyType({a: outcomes(s, a) for a in actions}) for s in states})

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        self.state, self._steps = self.to_state(self.start), 0
        return self.state, {}

    def step(self, action: int):
        goal = self.to_state(self.goal)
        if self.state is None or self.state == goal:
            raise gym.error.ResetNeeded("the episode is over or has not begun; call reset() first")
        if not self.action_space.contains(action):
            raise ValueError(f"the action is {action!r}; accepted are 0 up, 1 right, 2 down, 3 left")
        successors, probabilities, rewards, terminated = self._model
        drawn = self.np_random.choice(successors.shape[2], p=probabilities[self.state, action]) if self.slip else 0
        transition = (self.state, action, drawn)
        self.state, ended = int(successors[transition]), bool(terminated[transition])
        self._steps += 1
        return self.state, float(rewards[transition]), ended, not ended and self._steps >= self.max_steps, {}

    def render(self):
        if self.render_mode == "ansi":
            return self._as_text()
        if self.render_mode == "rgb_array":
            return self._as_image()
        return None

    def _transitions(self):
        """(S, A, K) tables of next state, probability, reward and termination; K is 3 on slippery ground, else 1."""
        rows, columns = self.shape
        cells = np.stack(np.divmod(np.arange(rows * columns), columns), axis=-1)  # (S, 2)
        blocked = np.zeros(self.shape, dtype=bool)
        for cell in self.obstacles:
            blocked[cell] = True
        target = np.clip(cells[:, None] + MOVES, 0, (rows - 1, columns - 1))  # (S, 4, 2)
        bumped = blocked[target[..., 0], target[..., 1]]
        target = np.where(bumped[..., None], cells[:, None], target)
        next_state = target[..., 0] * columns + target[..., 1]

        reward_of = np.full(rows * columns, self.step_reward)
        goal = self.to_state(self.goal)
        reward_of[goal] = self.goal_reward
        for cell, reward in self.cell_rewards.items():
            reward_of[self.to_state(cell)] = reward
        reward = np.where(bumped, self.obstacle_reward, reward_of[next_state])
        next_state[goal], reward[goal] = goal, 0.0  # after the end nothing moves and nothing pays

        # Straight on, or slipping to the right or the left of where the action points.
        outcomes, chances = ([0, 1, 3], [1 - self.slip, self.slip / 2, self.slip / 2]) if self.slip else ([0], [1.0])
        actual = (np.arange(len(ACTIONS))[:, None] + outcomes) % len(ACTIONS)  # (A, K)
        successors, rewards = next_state[:, actual], reward[:, actual]
        return successors, np.broadcast_to(chances, successors.shape), rewards, successors == goal

    def _symbols(self) -> np.ndarray:
        grid = np.full(self.shape, ".")
        grid[self.start], grid[self.goal] = "S", "G"
        for cell in self.obstacles:
            grid[cell] = "X"
        return grid

    def _as_text(self) -> str:
        grid = self._symbols()
        if self.state is not None:
            grid[self.to_cell(self.state)] = "R"
        return "\n".join("".join(row) for row in grid)

    def _as_image(self, pixels: int = 32) -> np.ndarray:
        colours = {".": (245, 245, 245), "S": (200, 215, 235), "G": (0, 158, 115), "X": (70, 70, 70)}
        image = np.zeros((*self.shape, pixels, pixels, 3), dtype=np.uint8)
        image[:] = colours["."]
        image[self.start], image[self.goal] = colours["S"], colours["G"]
        for cell in self.obstacles:
            image[cell] = colours["X"]
        image[:, :, 0, :], image[:, :, :, 0] = 190, 190  # grid lines
        if self.state is not None:
            offset = np.arange(pixels) - pixels / 2
            disc = offset[:, None] ** 2 + offset**2 < (0.3 * pixels) ** 2
            image[self.to_cell(self.state)][disc] = (213, 94, 0)
        rows, columns = self.shape
        return image.transpose(0, 2, 1, 3, 4).reshape(rows * pixels, columns * pixels, 3)

    def _checked_cell(self, what: str, cell) -> Cell:
        try:
            row, column = (operator.index(i) for i in cell)
        except (TypeError, ValueError):
            raise ValueError(f"{what} is {cell!r}; accepted is a cell (row, column)") from None
        if not (0 <= row < self.shape[0] and 0 <= column < self.shape[1]):
            raise ValueError(
                f"{what} is {cell!r}, outside the grid of {self.shape[0]} rows and {self.shape[1]} columns"
            )
        return row, column

    def _checked_rewards(self, cell_rewards) -> dict[Cell, float]:
        if not isinstance(cell_rewards, dict):
            raise ValueError(f"cell_rewards is {cell_rewards!r}; accepted is a dictionary {{(row, column): reward}}")
        for cell, reward in cell_rewards.items():
            check_arguments({f"the reward of {cell}": reward}, finite=(f"the reward of {cell}",))
        return {self._checked_cell("a cell reward", cell): float(reward) for cell, reward in cell_rewards.items()}

    def _default_goal(self) -> Cell:
        rows, columns = self.shape
        return (0, columns - 1) if columns > 1 else (rows - 1, 0)

    def _checked_obstacles(self, obstacles) -> tuple[Cell, ...]:
        if obstacles is None:
            # The chapter's obstacle, where the grid is large enough to hold it.
            obstacles = [(1, 1)] if min(self.shape) > 1 and (1, 1) not in (self.start, self.goal) else []
        cells = tuple(sorted({self._checked_cell("an obstacle", cell) for cell in obstacles}))
        for name, cell in (("start", self.start), ("goal", self.goal)):
            if cell in cells:
                raise ValueError(f"an obstacle stands on the {name} {cell}; accepted are obstacles on other cells")
        return cells


def _read_reward(text: str) -> tuple[Cell, float]:
    """``"2,1=-5"`` to a cell and its reward."""
    try:
        cell, reward = text.split("=")
        row, column = cell.split(",")
        return (int(row), int(column)), float(reward)
    except ValueError:
        raise ValueError(f"the map has {text!r}; a reward is written as 2,1=-5: row, column and what it pays") from None


def _checked_shape(size) -> tuple[int, int]:
    try:
        rows, columns = (operator.index(n) for n in ((size, size) if np.ndim(size) == 0 else size))
    except (TypeError, ValueError):
        raise ValueError(f"size is {size!r}; accepted are a number or (rows, columns)") from None
    if rows < 1 or columns < 1 or rows * columns < 2:
        raise ValueError(f"size is {size!r}; accepted are grids of at least two cells")
    return rows, columns
