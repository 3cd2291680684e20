"""Painting a grid and looking into it: what pointer, keys and text change, in the world and in what is known of it."""

import re

import gymnasium as gym
import pytest

from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import value_iteration
from rlbook.plots.grids import cell_at, grid_layout, value_map
from rlbook.plots.svg import picture_size
from rlbook.widgets import EpsilonPanel, GammaPanel

BOTH = pytest.mark.parametrize("make", [GammaPanel, EpsilonPanel])


def middle(panel, row, column):
    """The pixel in the middle of a cell of the panel's first picture."""
    width, _ = picture_size(panel._opened().picture(0))
    cells = {cell_at(panel._layout.shape, width, x, y): (x, y) for x in range(0, width, 4) for y in range(0, 700, 4)}
    assert set(cells) >= {(0, 0), (row, column)}
    return cells[row, column]


def drag(panel, *cells):
    for kind, cell in zip(["down", *["move"] * (len(cells) - 1)], cells, strict=True):
        panel.point(kind, *middle(panel, *cell))
    panel.point("up", *middle(panel, 3, 3))


@BOTH
def test_a_drag_builds_walls_and_a_drag_from_a_wall_takes_them_away(make):
    panel = make(tool="Wall")
    drag(panel, (2, 2), (2, 3))
    assert panel.world.obstacles == ((1, 1), (2, 2), (2, 3))
    drag(panel, (1, 1), (2, 2), (0, 0), (0, 3))  # neither on the start nor on the goal
    assert panel.world.obstacles == ((2, 3),) and panel.map_text == "S..G\n....\n...X\n...."
    assert panel.wait(10)
    panel.reset()
    assert panel.world.obstacles == ((1, 1),) and panel.map_text == "S..G\n.X..\n....\n...." and panel.wait(10)


@BOTH
def test_keys_do_the_same(make):
    panel = make(tool="Wall")
    before = panel.figure()
    panel.key("Enter")  # nothing is marked yet
    assert panel.world.obstacles == ((1, 1),)
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", " "):
        panel.key(key)
    assert panel.marked == (2, 0) and panel.world.obstacles == ((1, 1), (2, 0))
    assert "stroke-dasharray" in panel.figure() and "stroke-dasharray" not in before
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowLeft", "Enter"):
        panel.key(key)
    assert panel.marked == (0, 0) and panel.world.obstacles == ((1, 1), (2, 0))  # no wall on the start


@BOTH
def test_rewards_are_painted_and_taken_away(make):
    panel = make(tool="Reward", reward=3.0)
    drag(panel, (2, 2), (2, 3), (1, 1))  # nothing is paid in a wall
    assert panel.world.cell_rewards == {(2, 2): 3.0, (2, 3): 3.0} and panel.map_text.endswith("\n2,2=3 2,3=3")
    panel.reward = -1.5
    drag(panel, (2, 3), (3, 3))
    assert panel.world.cell_rewards == {(2, 2): 3.0, (2, 3): -1.5, (3, 3): -1.5}
    drag(panel, (3, 3), (2, 2))
    assert panel.world.cell_rewards == {(2, 3): -1.5}
    panel.tool = "Wall"
    drag(panel, (2, 3))
    assert panel.world.cell_rewards == {} and (2, 3) in panel.world.obstacles
    assert panel.wait(10)


@BOTH
def test_start_and_goal_are_dragged_but_not_onto_walls_or_each_other(make):
    panel = make(tool="Start")
    drag(panel, (0, 1), (1, 1), (0, 3), (2, 1))
    assert panel.world.start == (2, 1)
    panel.tool = "Goal"
    drag(panel, (2, 1), (1, 1), (3, 0))
    assert panel.world.goal == (3, 0) and panel.map_text == "....\n.X..\n.S..\nG..."
    assert panel.wait(10)


@BOTH
def test_looking_changes_nothing_but_the_mark(make):
    panel = make()
    before = panel.world
    drag(panel, (2, 2))
    panel.key(" ")
    assert panel.world is before and panel.marked == (2, 2) and panel.wait(10)


@BOTH
def test_a_pasted_map_is_read_whatever_its_size(make, slide, shown):
    panel = make(GridWorld(slip=0.1, goal_reward=7.0))
    panel.marked = (3, 3)
    slide(panel, "map_text", "..G..\nSX...\n\n1,3=-0.5")
    assert panel.wait(10)
    world = panel.world
    assert (world.shape, world.start, world.goal, world.obstacles) == ((2, 5), (1, 0), (0, 2), ((1, 1),))
    assert (world.slip, world.goal_reward, dict(world.cell_rewards)) == (0.1, 7.0, {(1, 3): -0.5})
    assert panel.marked is None and panel._shell._pictures[0].size == picture_size(shown(panel)[0])
    drag_to = middle(panel, 1, 4)
    panel.point("down", *drag_to)
    assert panel.marked == (1, 4)
    panel.step(20)
    assert panel.wait(10) and panel.figure() == panel.figure()


@pytest.mark.parametrize(
    "text, words",
    [
        ("S.G\n..", "This map cannot be read: the map has rows of lengths [3, 2]; accepted are equal lengths."),
        ("S.G\n.<b", "This map cannot be read: the map has &#x27;&lt;&#x27; at row 1, column 1; accepted are"),
        ("", "This map cannot be read: the map has rows of lengths []"),
        ("S.G\n0,9=1", "outside the grid of 1 rows and 3 columns."),
        ("S.G\n0,1=much", "the map has &#x27;0,1=much&#x27;; a reward is written as 2,1=-5"),
        ("S" + 400 * "." + "G", "it has 402 cells; accepted are at most 400."),
    ],
)
def test_what_is_no_map_is_told_in_a_sentence_and_changes_nothing(text, words, slide):
    panel = GammaPanel()
    before = panel.world, panel.figure()
    slide(panel, "map_text", text)
    assert panel.wait(10) and words in panel.equation and (panel.world, panel.figure()) == before
    slide(panel, "map_text", before[0].to_text() + "\n")
    assert panel.wait(10) and panel.equation.startswith("Click a cell") and panel.map_text.endswith("\n")


def test_the_values_are_those_of_the_painted_world():
    panel = GammaPanel(slip=0.1, tool="Wall")
    drag(panel, (0, 1))
    panel.figure()
    V = value_iteration(GridWorld(obstacles=((0, 1), (1, 1)), slip=0.1).mdp(0.99)).V
    assert f">{V[0]:.2f}<" in panel.figure().replace("\u2212", "-") and panel.wait(10)


def test_the_learner_goes_on_in_the_changed_world():
    panel = EpsilonPanel()
    panel.step(500)
    table, steps = panel._agent.action_values().copy(), panel._env.n_steps
    panel.world = panel.world.replace(obstacles=((0, 1), (1, 1)), cell_rewards={(3, 3): 0.0})
    panel.figure()
    assert panel._env.unwrapped.obstacles == panel.world.obstacles and panel._env.n_steps == steps
    assert panel._curve.optimum == 7  # two down, two right, two up, one right
    assert (panel._agent.action_values() == table).all()
    panel.step(6000)
    assert sum(panel._env.lengths[-20:]) / 20 >= 7  # the way around the walls
    panel.world = panel.world.replace(obstacles=((0, 1), (1, 0)))
    panel.figure()
    assert panel._curve.optimum is None  # walled off


def test_a_goal_that_comes_to_the_robot_ends_the_episode_and_pays_nothing():
    panel = EpsilonPanel(epsilon=0.0)
    panel.step(2)
    robot = panel._env.unwrapped.to_cell(panel._env.unwrapped.state)
    assert robot != panel.world.start
    panel.world = panel.world.replace(goal=robot)
    panel.step(1)
    assert panel._env.lengths == [3] and panel._updates[panel.world.to_state(robot)].reward == 0
    assert panel._agent.action_values()[panel.world.to_state(robot)].max() <= 0


def test_a_model_that_cannot_be_rebuilt_is_not_painted_but_looked_into():
    panel = GammaPanel(gym.make("FrozenLake-v1"))
    panel.key("ArrowDown")
    panel.key("Enter")
    assert panel.figure() and "Q(s, ↓) = 0.333·(" in panel.equation
    with pytest.raises(ValueError, match="world cannot be changed here"):
        panel.world = GridWorld()
    with pytest.raises(ValueError, match="tool cannot be changed here"):
        panel.tool = "Wall"


# ---------------------------------------------------------------------- numbers in equations


def lines(panel):
    """The equation as plain text."""
    panel.figure()
    text = panel.equation.replace("<br>", "\n").replace("&minus;", "\u2212")
    return re.sub(r"</?(b|sub)>", "", text).replace("\u2212", "-").split("\n")


def test_a_backup_by_hand():
    panel = GammaPanel(gamma=0.5, sweep=1)
    panel.marked = (0, 2)
    # After one sweep the cell left of the goal is worth 10, every other one -0.1.
    assert lines(panel) == [
        "V2(0, 2) = maxa Q(s, a) = 10.00, from the V1 on show:",
        "Q(s, ↑) = -0.1 + 0.5·10.00 = 4.90",
        "Q(s, →) = 10 + 0.5·0 = 10.00",
        "Q(s, ↓) = -0.1 + 0.5·(-0.10) = -0.15",
        "Q(s, ←) = -0.1 + 0.5·(-0.10) = -0.15",
    ]
    panel.slip = 0.2
    # right to the goal, or above it the border, or below it (1, 2)
    assert lines(panel)[2] == "Q(s, →) = 0.8·(10 + 0.5·0) + 0.1·(-0.1 + 0.5·(-0.10)) + 0.1·(-0.1 + 0.5·7.98) = 8.37"
    for cell, words in (((1, 1), "is a wall"), ((0, 3), "the episode ends")):
        panel.marked = cell
        assert words in lines(panel)[0]


def test_an_update_by_hand():
    panel = EpsilonPanel(learning_rate=0.5, gamma=0.5)
    world, agent = panel.world, panel._agent
    agent.Q[world.to_state((0, 2))] = [1.0, 2.0, 4.0, 0.0]
    agent.Q[world.to_state((0, 1)), 1] = 3.0
    panel.marked = (0, 1)
    assert lines(panel) == ["In (0, 1) nothing was tried yet."]
    experience = [((0, 1), 1, -0.1, (0, 2), False), ((0, 2), 1, 10.0, (0, 3), True)]
    for cell, action, reward, next_cell, terminated in experience:
        transition = world.to_state(cell), action, reward, world.to_state(next_cell), terminated
        panel._note(*transition)
        agent.update(*transition)
    # delta = -0.1 + 0.5 * 4 - 3 = -1.1; 3 - 0.5 * 1.1 = 2.45
    assert lines(panel) == [
        "Last update: s = (0, 1), a = →, s&prime; = (0, 2)",
        "&delta; = r + &gamma; max Q(s&prime;, ·) - Q(s, a) = -0.1 + 0.5·4.00 - 3.00 = -1.10",
        "Q(s, a) ← Q(s, a) + &alpha;&delta; = 3.00 + 0.5·(-1.10) = 2.45",
    ]
    panel.learning_rate = 0.1  # what happened before stays as it was
    assert lines(panel)[2].endswith("3.00 + 0.5·(-1.10) = 2.45")
    panel.marked = (0, 2)
    assert lines(panel)[0].endswith("s&prime; = (0, 3), the end")  # nothing follows: 10 - 2 = 8
    assert lines(panel)[1].endswith("10 + 0.5·0 - 2.00 = 8.00") and lines(panel)[2].endswith("2.00 + 0.5·8.00 = 6.00")


@pytest.mark.parametrize("slip", [0.0, 0.3])
@pytest.mark.parametrize("algorithm", ["Q-learning", "Double Q"])
def test_what_the_equation_says_is_what_the_table_holds(algorithm, slip):
    panel = EpsilonPanel(GridWorld(slip=slip), algorithm=algorithm)
    panel.step(700)
    for state, update in panel._updates.items():
        panel.marked = panel.world.to_cell(state)
        _, delta, change = lines(panel)
        before, after = (float(number) for number in re.search(r"= (\S+) \+ 0\.1·.* = (\S+)$", change).groups())
        now = [table[state, update.action] for table in panel._tables]
        assert min(abs(after - one) for one in now) <= 0.0051
        assert abs(before + 0.1 * float(delta.split("= ")[-1]) - after) < 0.011


def test_a_readers_rule_is_told_by_what_it_made():
    panel = EpsilonPanel(update=lambda q, *rest: q + 1.0)
    panel.step(1)
    panel.marked = (0, 0)
    assert lines(panel)[2] == "your update made 1.00 of 0.00"


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
