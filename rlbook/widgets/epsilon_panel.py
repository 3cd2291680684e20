"""EpsilonPanel: watch a table learn, and meddle with it while it does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import optimal_actions, value_iteration
from rlbook.plots.curves import LiveCurve
from rlbook.plots.grids import grid_layout, q_map
from rlbook.q_learning import DoubleQLearning, QLearning
from rlbook.widgets.controls import Choice, LogSlider, Slider
from rlbook.widgets.equations import Update, update_in_numbers
from rlbook.widgets.grid_touch import MapPanel
from rlbook.widgets.learner_panel import LearnerPanel, checked_rule
from rlbook.widgets.live_world import LiveWorld
from rlbook.widgets.shell import CONTROLS_WIDTH

LEARNERS = {"Q-learning": QLearning, "Double Q": DoubleQLearning}


class EpsilonPanel(LearnerPanel, MapPanel):
    """A robot on a grid learns by Q-learning or Double Q-learning while every number of it can be dragged.

    Parameters
    ----------
    world : a GridWorld; by default the chapter's.
    update : your own update rule, `update(q (B,), reward (B,), next_q (B, A), terminated (B,), alpha, gamma) -> new q
        (B,)`; it then drives the learner in place of the built-in one.
    seed : the same seed and the same values give the same run.
    epsilon, epsilon_decay, learning_rate, gamma, algorithm, speed : where the controls begin.

    Setting `epsilon` makes it the chance of a random action from the next step on; that chance then shrinks by
    `epsilon_decay` after every episode, and `epsilon_now` tells it. Step takes one action. A click on a cell shows the
    last update of its values. The world can be painted, see `MapPanel`, while robot and table go on; a change of
    algorithm, or of the size of the world, begins with an empty table.
    """

    epsilon_decay = Slider("Epsilon decay", 0.995, 0.9, 1.0, step=0.001, format=".3f", help="Factor after each episode")
    learning_rate = Slider("Learning rate", 0.1, 0.01, 1.0, help="How far a value moves towards a new sample")
    gamma = Slider("Discount gamma", 0.99, 0.0, 1.0, help="What a reward one step later is worth today")
    algorithm = Choice("Algorithm", tuple(LEARNERS))
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
        self._update, self._seed = checked_rule("update", update), int(seed)
        self.paint(world)
        if self._update is not None:
            self.hide("algorithm")
        self.set(**values)
        self.start_here()
        self.restart(self.state)

    # ------------------------------------------------------------------ the run

    def restart(self, state) -> None:
        """An empty table, the first episode."""
        options = {"update_rule": self._update} if self._update is not None else {}
        world = state.world
        agent = LEARNERS[state.algorithm](
            world.observation_space.n, world.action_space.n, seed=self._seed, epsilon_min=0.0, **options
        )
        self._tables = [agent.Q, agent.Q2] if agent.n_tables == 2 else [agent.Q]
        self._updates: dict[int, Update] = {}  # the last one of every state
        self._learner_is = state.algorithm, world.shape
        self._curve, self._episodes_drawn = self._new_curve(world), -1
        self.begin(agent, LiveWorld(world, self._note))
        self._env.reset()
        self._rebuild(world)

    def prepare(self, state) -> None:
        """Bring learner and world up to the values of the panel."""
        if (state.algorithm, state.world.shape) != self._learner_is:
            self.restart(state)
        super().prepare(state)
        if state.world is not self._built:
            self._env.change(state.world)
            self._rebuild(state.world)

    @property
    def _env(self) -> LiveWorld:
        return self._envs

    def _rebuild(self, world: GridWorld) -> None:
        """What follows from the world as it is now."""
        self._built, self._layout = world, grid_layout(world)
        shortest = _shortest_path(world)
        if shortest != self._curve.optimum:
            self._curve.optimum, self._episodes_drawn = shortest, -1
        paid = world.mdp().transition_rewards
        self._lowest, self._highest = min(0.0, float(paid.min())), max(0.0, float(paid.max()))

    def _note(self, state: int, action: int, reward: float, next_state: int, terminated: bool) -> None:
        """Remember what the update that now follows will be made of."""
        agent, tables = self._agent, self._tables
        q = np.array([table[state, action] for table in tables])
        next_q = np.array([table[next_state] for table in tables])
        transition = state, int(action), reward, next_state, terminated
        numbers = agent.learning_rate, agent.gamma, self._update is not None
        self._updates[state] = Update(*transition, *numbers, q, next_q)

    def settings(self) -> str:
        words = super().settings()
        return words if self.world.to_text() == self._initial["world"].to_text() else f"{words}, map changed"

    # ------------------------------------------------------------------ the pictures

    def _new_curve(self, world: GridWorld) -> LiveCurve:
        optimum = {"optimum": 0.0, "optimum_label": "shortest"}
        size = {"width": CONTROLS_WIDTH, "height": 236, "ylim": (0.0, float(world.max_steps))}
        return self.new_curve("Steps per episode", "Steps", kept_at="upper right", **optimum, **size)

    def episodes(self) -> np.ndarray:
        return np.array(self._env.lengths, dtype=float)

    def keep_run(self) -> None:
        super().keep_run()
        self._episodes_drawn = -1

    def draw(self, state):
        Q = self._agent.action_values()
        self.tell(self._last_update(state.marked))
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

    def _last_update(self, cell) -> str:
        update = None if cell is None else self._updates.get(self._built.to_state(cell))
        now = np.array([table[update.state, update.action] for table in self._tables]) if update else np.empty(0)
        return update_in_numbers(update, now, self._layout, cell)

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


def _shortest_path(world: GridWorld) -> float | None:
    """Steps from start to goal on firm ground: minus the value of the start where every step costs 1."""
    costs = {"step_reward": -1.0, "goal_reward": -1.0, "obstacle_reward": -1.0, "cell_rewards": None}
    plain = world.replace(slip=0.0, **costs)
    try:
        return -float(value_iteration(plain.mdp(1.0)).V[world.to_state(world.start)])
    except ValueError:  # some cell is walled off, so there is no value without discount: no line then
        return None
