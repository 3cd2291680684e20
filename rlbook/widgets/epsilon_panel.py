"""EpsilonPanel: watch a table learn, and meddle with it while it does."""

from __future__ import annotations

from collections.abc import Callable

import gymnasium as gym
import numpy as np

from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import optimal_actions, value_iteration
from rlbook.plots.curves import LiveCurve
from rlbook.plots.grids import grid_layout, q_map
from rlbook.q_learning import DoubleQLearning, QLearning
from rlbook.widgets.controls import Choice, LogSlider, Slider
from rlbook.widgets.grid_touch import WallPanel
from rlbook.widgets.learner_panel import LearnerPanel, checked_rule
from rlbook.widgets.shell import CONTROLS_WIDTH

LEARNERS = {"Q-learning": QLearning, "Double Q": DoubleQLearning}


class LiveWorld(gym.Wrapper):
    """A GridWorld that can be replaced in the middle of an episode: robot, chance and the clock go on as before.

    n_steps : taken in this episode.   lengths : of all episodes that ended.
    """

    def __init__(self, world: GridWorld):
        # The clock is kept here, so that a change gives the episode no more time.
        super().__init__(world.replace(max_steps=10**9))
        self.max_steps, self.n_steps = world.max_steps, 0
        self.lengths: list[int] = []

    def replace(self, **changes) -> None:
        old = self.env
        self.env = old.replace(**changes)
        self.env.state, self.env.np_random = old.state, old.np_random

    def reset(self, **options):
        self.n_steps = 0
        return self.env.reset(**options)

    def step(self, action):
        state, reward, terminated, _, info = self.env.step(action)
        self.n_steps += 1
        truncated = not terminated and self.n_steps >= self.max_steps
        if terminated or truncated:
            self.lengths.append(self.n_steps)
        return state, reward, terminated, truncated, info


class EpsilonPanel(LearnerPanel, WallPanel):
    """A robot on a grid learns by Q-learning or Double Q-learning while every number of it can be dragged.

    Parameters
    ----------
    world : a GridWorld; by default the chapter's.
    update : your own update rule, `update(q (B,), reward (B,), next_q (B, A), terminated (B,), alpha, gamma) -> new q
        (B,)`; it then drives the learner in place of the built-in one.
    seed : the same seed and the same values give the same run.
    epsilon, epsilon_decay, learning_rate, gamma, algorithm, speed : where the controls begin.

    Setting `epsilon` makes it the chance of a random action from the next step on; that chance then shrinks by
    `epsilon_decay` after every episode, and `epsilon_now` tells it. `cell` picks a cell and `cell_reward` changes what
    arriving there pays. `walls` are painted by dragging over the cells, or with arrow keys and Enter. Step takes one
    action. A change of algorithm begins with an empty table, in the world as it is.
    """

    epsilon_decay = Slider("Epsilon decay", 0.995, 0.9, 1.0, step=0.001, format=".3f", help="Factor after each episode")
    learning_rate = Slider("Learning rate", 0.1, 0.01, 1.0, help="How far a value moves towards a new sample")
    gamma = Slider("Discount gamma", 0.99, 0.0, 1.0, help="What a reward one step later is worth today")
    algorithm = Choice("Algorithm", tuple(LEARNERS))
    cell = Choice("Cell (row, column)", ((0, 0),), in_repr=False, help="The cell whose reward the next slider changes")
    cell_reward = Slider("Reward of the cell", 0.0, -10.0, 10.0, step=0.1, in_repr=False, help="Paid on arriving there")
    speed = LogSlider("Steps per second", 100, 1, 10_000, whole=True, in_repr=False)
    below_controls = 1
    hyperparameters = "epsilon_decay", "learning_rate", "gamma"
    mean_over = 20

    def __init__(
        self,
        world: GridWorld | None = None,
        update: Callable[..., np.ndarray] | None = None,
        *,
        seed: int = 0,
        **values,
    ):
        super().__init__()
        world = GridWorld() if world is None else getattr(world, "unwrapped", world)
        if not isinstance(world, GridWorld):
            raise ValueError(f"the world is a {type(world).__name__}; EpsilonPanel accepts a GridWorld")
        self._world, self._update, self._seed = world, checked_rule("update", update), int(seed)
        self._rewards = dict(world.cell_rewards)
        self._prepare_controls()
        self.set(**values)
        self.start_here()
        self.restart(self.state)

    def _prepare_controls(self) -> None:
        self.paint(self._world)
        self._offer_cells(self._world.obstacles)
        paid = [self._paid(cell) for cell in self._controls["cell"].options]
        self.limit("cell_reward", low=min(-10.0, *paid), high=max(10.0, *paid))
        ends = self._world.start, self._world.goal
        self.cell = next(cell for cell in self._controls["cell"].options if cell not in ends)
        if self._update is not None:
            self.hide("algorithm")

    def _offer_cells(self, walls) -> None:
        rows, columns = self._world.shape
        cells = [(row, column) for row in range(rows) for column in range(columns)]
        self.limit("cell", options=tuple(cell for cell in cells if cell not in walls))

    # ------------------------------------------------------------------ the run

    def restart(self, state) -> None:
        """The world's own rewards, an empty table, the first episode."""
        self._rewards = dict(self._world.cell_rewards)
        self.cell_reward = self._paid(state.cell)
        self._begin(state)

    def _begin(self, state) -> None:
        """An empty table, the first episode."""
        options = {"update_rule": self._update} if self._update is not None else {}
        agent = LEARNERS[state.algorithm](
            self._world.observation_space.n, self._world.action_space.n, seed=self._seed, epsilon_min=0.0, **options
        )
        self._learner_is, self._built = state.algorithm, None
        self.begin(agent, LiveWorld(self._world))
        self._env.reset()
        self._rebuild(state.walls)

    def prepare(self, state) -> None:
        """Bring learner and world up to the values on the sliders."""
        if state.algorithm != self._learner_is:
            self._begin(state)
        super().prepare(state)
        if (state.walls, self._rewards) != self._built:
            self._rebuild(state.walls)

    @property
    def _env(self) -> LiveWorld:
        return self._envs

    def _rebuild(self, walls) -> None:
        """The world with the present walls and rewards."""
        if self._built is None or walls != self._built[0]:
            self._offer_cells(walls)
            self._curve, self._episodes_drawn = self._new_curve(walls), -1
        self._built = walls, dict(self._rewards)
        rewards = {cell: reward for cell, reward in self._rewards.items() if cell not in walls}
        self._env.replace(obstacles=walls, cell_rewards=rewards)
        self._layout = grid_layout(self._env)
        paid = self._env.unwrapped.mdp().transition_rewards
        self._lowest, self._highest = min(0.0, float(paid.min())), max(0.0, float(paid.max()))

    def _paid(self, cell) -> float:
        world = self._world
        usual = world.goal_reward if cell == world.goal else world.step_reward
        return self._rewards.get(cell, usual)

    def changed(self, name: str) -> None:
        super().changed(name)
        if name == "cell":
            self.cell_reward = self._paid(self.cell)
        elif name == "cell_reward" and self.cell_reward != self._paid(self.cell):
            self._rewards = {**self._rewards, self.cell: self.cell_reward}

    # ------------------------------------------------------------------ the pictures

    def _new_curve(self, walls) -> LiveCurve:
        optimum = {"optimum": _shortest_path(self._world, walls), "optimum_label": "shortest"}
        size = {"width": CONTROLS_WIDTH, "height": 236, "ylim": (0.0, float(self._world.max_steps))}
        return self.new_curve("Steps per episode", "Steps", kept_at="upper right", **optimum, **size)

    def episodes(self) -> np.ndarray:
        return np.array(self._env.lengths, dtype=float)

    def keep_run(self) -> None:
        super().keep_run()
        self._episodes_drawn = -1

    def draw(self, state):
        Q = self._agent.action_values()
        table = q_map(
            Q,
            self._layout,
            policy=optimal_actions(Q),
            agent=self._env.unwrapped.state,
            marked=state.marked,
            title="Action values Q(s, a) and greedy policy",
            low=min(self._lowest, float(Q.min())),
            high=max(self._highest, float(Q.max())),
        )
        return table, self._drawn_curve()

    def _drawn_curve(self) -> bytes:
        """Drawn anew after new episodes only, and while playing with every third picture: it is what costs time."""
        n_episodes = len(self._env.lengths)
        behind = n_episodes != self._episodes_drawn
        if behind and (not self.playing or self.n_draws % 3 == 0 or self._episodes_drawn < 0):
            self._curve_png, self._episodes_drawn = self.drawn_curve(self._curve), n_episodes
        return self._curve_png

    def describe(self, state) -> str:
        lengths, steps_here = self._env.lengths, self._env.n_steps
        n_steps = sum(lengths) + steps_here
        words = f"Episode {len(lengths) + 1:,}, step {steps_here}; {n_steps:,} steps in all."
        if lengths:
            recent = lengths[-self.mean_over :]
            words += f" Last {len(recent)} episodes: {np.mean(recent):.1f} steps on average."
        return words


def _shortest_path(world: GridWorld, walls) -> float | None:
    """Steps from start to goal on firm ground: minus the value of the start where every step costs 1."""
    costs = {"step_reward": -1.0, "goal_reward": -1.0, "obstacle_reward": -1.0, "cell_rewards": None}
    plain = world.replace(slip=0.0, obstacles=walls, **costs)
    try:
        return -float(value_iteration(plain.mdp(1.0)).V[world.to_state(world.start)])
    except ValueError:  # some cell is walled off, so there is no value without discount: no line then
        return None
