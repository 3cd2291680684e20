"""Painting walls: what pointer and keys change, in the world and in what is known of it."""

import gymnasium as gym
import pytest

from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import value_iteration
from rlbook.plots.grids import cell_at, grid_layout, value_map
from rlbook.plots.svg import picture_size
from rlbook.widgets import EpsilonPanel, GammaPanel


def middle(panel, row, column):
    """The pixel in the middle of a cell of the panel's first picture."""
    width, _ = picture_size(panel._opened().picture(0))
    cells = {cell_at(panel._world.shape, width, x, y): (x, y) for x in range(0, width, 4) for y in range(0, 700, 4)}
    assert set(cells) >= {(0, 0), (row, column)}
    return cells[row, column]


@pytest.mark.parametrize("make", [GammaPanel, EpsilonPanel])
def test_a_drag_builds_walls_and_a_drag_from_a_wall_takes_them_away(make):
    panel = make()
    panel.point("down", *middle(panel, 2, 2))
    panel.point("move", *middle(panel, 2, 3))
    panel.point("up", *middle(panel, 3, 3))
    assert panel.walls == ((1, 1), (2, 2), (2, 3))
    panel.point("down", *middle(panel, 1, 1))
    panel.point("move", *middle(panel, 2, 2))
    panel.point("move", *middle(panel, 0, 0))
    assert panel.walls == ((2, 3),)
    assert panel.wait(10)
    panel.reset()
    assert panel.walls == ((1, 1),) and panel.wait(10)


@pytest.mark.parametrize("make", [GammaPanel, EpsilonPanel])
def test_keys_do_the_same(make):
    panel = make()
    before = panel.figure()
    panel.key("Enter")  # nothing is marked yet
    assert panel.walls == ((1, 1),)
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", " "):
        panel.key(key)
    assert panel.marked == (2, 0) and panel.walls == ((1, 1), (2, 0))
    assert "stroke-dasharray" in panel.figure() and "stroke-dasharray" not in before
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowLeft", "Enter"):
        panel.key(key)
    assert panel.marked == (0, 0) and panel.walls == ((1, 1), (2, 0))  # no wall on the start


def test_the_values_are_those_of_the_world_with_the_walls():
    panel = GammaPanel(slip=0.1)
    panel.walls = ((0, 1), (1, 1))
    panel.figure()
    V = value_iteration(GridWorld(obstacles=((0, 1), (1, 1)), slip=0.1).mdp(0.99)).V
    assert f">{V[0]:.2f}<" in panel.figure().replace("\u2212", "-")


def test_the_learner_goes_on_in_the_changed_world():
    panel = EpsilonPanel()
    panel.cell = (2, 2)
    panel.cell_reward = 3.0
    panel.step(500)
    table, steps = panel._agent.action_values().copy(), panel._env.n_steps
    panel.walls = ((0, 1), (1, 1), (2, 2))
    panel.figure()
    assert panel._env.unwrapped.obstacles == panel.walls and panel._env.n_steps == steps
    assert (panel._agent.action_values() == table).all()
    assert (2, 2) not in panel._controls["cell"].options and panel.cell not in panel.walls
    panel.step(6000)
    assert sum(panel._env.lengths[-20:]) / 20 >= 9  # the way around the walls
    panel.walls = ()
    panel.figure()
    assert panel._env.unwrapped.cell_rewards == {(2, 2): 3.0}  # paid again when the wall is gone


def test_a_model_that_cannot_be_rebuilt_is_not_painted():
    panel = GammaPanel(gym.make("FrozenLake-v1"))
    assert panel.touchable == {} and panel.figure()
    with pytest.raises(ValueError, match="walls cannot be changed here"):
        panel.walls = ((0, 1),)


@pytest.mark.parametrize("shape", [(4, 4), (2, 9), (12, 30)])
def test_the_cell_under_a_pixel(shape):
    world = GridWorld(shape, goal=(1, 1), start=(0, 0), obstacles=())
    layout = grid_layout(world)
    width, _ = picture_size(value_map([0.0] * layout.n_states, layout))
    cell = (width - 90) / shape[1]
    assert cell_at(shape, width, 22 + 0.01, 52 + 0.01) == (0, 0)
    assert cell_at(shape, width, 22 + shape[1] * cell - 0.01, 52 + shape[0] * cell - 0.01) == (
        shape[0] - 1,
        shape[1] - 1,
    )
    assert cell_at(shape, width, 21, 60) is None and cell_at(shape, width, 60, 51) is None
    assert cell_at(shape, width, 22 + shape[1] * cell + 0.01, 60) is None
