"""EpsilonPanel: watch a table learn, and meddle with it while it does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import optimal_actions, value_iteration
from rlbook.plots.curves import LiveCurve, moving_mean
from rlbook.plots.grids import grid_layout, q_map
from rlbook.q_learning import DoubleQLearning, QLearning
from rlbook.widgets.controls import Choice, LogSlider, Slider
from rlbook.widgets.epsilon_control import ExploringPanel
from rlbook.widgets.shell import CONTROLS_WIDTH

LEARNERS = {"Q-learning": QLearning, "Double Q": DoubleQLearning}
MEAN_OVER = 20  # episodes


class EpsilonPanel(ExploringPanel):
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
    arriving there pays. Step takes one action. A change of algorithm begins with an empty table, in the world as it is.
    """

    epsilon_decay = Slider("Epsilon decay", 0.995, 0.9, 1.0, step=0.001, format=".3f", help="Factor after each episode")
    learning_rate = Slider("Learning rate", 0.1, 0.01, 1.0, help="How far a value moves towards a new sample")
    gamma = Slider("Discount gamma", 0.99, 0.0, 1.0, help="What a reward one step later is worth today")
    algorithm = Choice("Algorithm", tuple(LEARNERS))
    cell = Choice("Cell (row, column)", ((0, 0),), in_repr=False, help="The cell whose reward the next slider changes")
    cell_reward = Slider("Reward of the cell", 0.0, -10.0, 10.0, step=0.1, in_repr=False, help="Paid on arriving there")
    speed = LogSlider("Steps per second", 100, 1, 10_000, whole=True, in_repr=False)
    below_controls = 1

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
        if update is not None and not callable(update):
            raise ValueError(f"update is {update!r}; accepted is a function, or None for the built-in rule")
        self._world, self._update, self._seed = world, update, int(seed)
        self._rewards = dict(world.cell_rewards)
        self._prepare_controls()
        self.set(**values)
        self.start_here()
        self.restart(self.state)

    def _prepare_controls(self) -> None:
        rows, columns = self._world.shape
        cells = [(r, c) for r in range(rows) for c in range(columns) if (r, c) not in self._world.obstacles]
        paid = [self._paid(cell) for cell in cells]
        self.limit("cell_reward", low=min(-10.0, *paid), high=max(10.0, *paid))
        self.limit("cell", options=tuple(cells))
        self.cell = next(cell for cell in cells if cell not in (self._world.start, self._world.goal))
        if self._update is not None:
            self.hide("algorithm")

    # ------------------------------------------------------------------ the run

    def restart(self, state) -> None:
        """The world's own rewards, an empty table, the first episode."""
        self._rewards = dict(self._world.cell_rewards)
        self.cell_reward = self._paid(state.cell)
        self._begin(state)

    def _begin(self, state) -> None:
        """An empty table, the first episode."""
        options = {"update_rule": self._update} if self._update is not None else {}
        self._agent = LEARNERS[state.algorithm](
            self._world.observation_space.n, self._world.action_space.n, seed=self._seed, epsilon_min=0.0, **options
        )
        self._learner_is, self._env = state.algorithm, None
        self.changed("epsilon")
        self._lengths: list[int] = []
        self._steps_here = self._n_steps = 0
        self._rebuild()
        self._env.reset(seed=self._seed)
        self._curve, self._curve_png, self._episodes_drawn = self._new_curve(), b"", -1

    def prepare(self, state) -> None:
        """Bring learner and world up to the values on the sliders."""
        if state.algorithm != self._learner_is:
            self._begin(state)
        self._agent.learning_rate, self._agent.gamma, self._agent.epsilon_decay = (
            state.learning_rate,
            state.gamma,
            state.epsilon_decay,
        )
        self.pass_epsilon(self._agent)
        if self._rewards != self._built_rewards:
            self._rebuild()

    def advance(self, state, n: int) -> None:
        self.prepare(state)
        for _ in range(n):
            self._one_step()
        self.pass_epsilon(self._agent)

    def _one_step(self) -> None:
        position = self._env.state
        action = self._agent.select_action(position)
        arrived, reward, terminated, _, _ = self._env.step(action)
        self._agent.update(position, action, reward, arrived, terminated)
        self._steps_here += 1
        self._n_steps += 1
        if terminated or self._steps_here >= self._world.max_steps:
            self._lengths.append(self._steps_here)
            self._steps_here = 0
            self._agent.decay_epsilon()
            self._env.reset()

    def _rebuild(self) -> None:
        """The world with the present rewards; the robot stays where it is and chance goes on as before."""
        old, self._built_rewards = self._env, dict(self._rewards)
        # The panel counts the steps itself, so that a change of rewards does not give the episode more time.
        self._env = self._world.replace(cell_rewards=self._built_rewards, max_steps=10**9)
        if old is not None:
            self._env.state, self._env.np_random = old.state, old.np_random
        self._layout = grid_layout(self._env)
        rewards = self._env.mdp().transition_rewards
        self._lowest, self._highest = min(0.0, float(rewards.min())), max(0.0, float(rewards.max()))

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

    def _new_curve(self) -> LiveCurve:
        return LiveCurve(
            "Steps per episode",
            "Episode",
            "Steps",
            {"each": "each episode", "mean": f"mean of {MEAN_OVER}"},
            faint=["each"],
            optimum=_shortest_path(self._world),
            optimum_label="shortest path",
            width=CONTROLS_WIDTH,
            height=236,
            ylim=(0.0, float(self._world.max_steps)),
        )

    def draw(self, state):
        Q = self._agent.action_values()
        table = q_map(
            Q,
            self._layout,
            policy=optimal_actions(Q),
            agent=self._env.state,
            title="Action values Q(s, a) and greedy policy",
            low=min(self._lowest, float(Q.min())),
            high=max(self._highest, float(Q.max())),
        )
        return table, self._drawn_curve()

    def _drawn_curve(self) -> bytes:
        """Drawn anew after new episodes only, and while playing with every third picture: it is what costs time."""
        behind = len(self._lengths) != self._episodes_drawn
        if behind and (not self.playing or self.n_draws % 3 == 0 or not self._curve_png):
            lengths = np.array(self._lengths, dtype=float)
            episodes = np.arange(1, len(lengths) + 1)
            self._curve_png = self._curve.draw(
                each=(episodes, lengths), mean=(episodes, moving_mean(lengths, MEAN_OVER))
            )
            self._episodes_drawn = len(lengths)
        return self._curve_png

    def describe(self, state) -> str:
        words = f"Episode {len(self._lengths) + 1:,}, step {self._steps_here}; {self._n_steps:,} steps in all."
        if self._lengths:
            recent = self._lengths[-MEAN_OVER:]
            words += f" Last {len(recent)} episodes: {np.mean(recent):.1f} steps on average."
        return words


def _shortest_path(world: GridWorld) -> float | None:
    """Steps from start to goal on firm ground: minus the value of the start where every step costs 1."""
    plain = world.replace(slip=0.0, step_reward=-1.0, goal_reward=-1.0, obstacle_reward=-1.0, cell_rewards=None)
    try:
        return -float(value_iteration(plain.mdp(1.0)).V[world.to_state(world.start)])
    except ValueError:  # some cell is walled off, so there is no value without discount: no line then
        return None
