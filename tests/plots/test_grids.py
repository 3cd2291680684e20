"""Grid pictures: what is in them, how it is chosen, and what is refused."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import gymnasium as gym
import numpy as np
import pytest

from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import TabularMDP, optimal_actions, value_iteration
from rlbook.plots import grids
from rlbook.plots.grids import grid_layout, q_map, value_map
from rlbook.plots.svg import picture_size, side_by_side

SVG = "{http://www.w3.org/2000/svg}"
MINUS = "\u2212"


@pytest.fixture
def solved():
    world = GridWorld()
    return world, value_iteration(world.mdp(0.9))


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_value_map_is_valid_svg_with_every_value_and_a_description(solved):
    world, solution = solved
    svg = value_map(solution.V, world, policy=optimal_actions(solution.Q), agent=0, title="Values")
    root = ET.fromstring(svg)
    assert root.get("role") == "img" and root.get("aria-label") == root.find(f"{SVG}title").text
    assert "4 rows and 4 columns" in root.get("aria-label")
    free = grid_layout(world).free_cells()
    for value in solution.V[free]:
        assert f"{value:.2f}".replace("-", MINUS) in texts(svg)
    assert "S" in texts(svg) and "+10" in texts(svg) and "Values" in texts(svg)


def test_one_large_number_does_not_round_the_small_ones_to_zero():
    Q = np.full((16, 4), 0.3)
    Q[5 - 1, 1], Q[0] = -12.34, [9.6, 0.04, -0.3, -9.6]
    seen = texts(q_map(Q, GridWorld(), low=-12, high=10))
    assert {"0.3", "9.6", "0.0", f"{MINUS}0.3", f"{MINUS}9.6", f"{MINUS}12"} <= set(seen)
    assert not {"10", "12", f"{MINUS}0", f"{MINUS}12.3"} & set(seen)


def test_walls_and_ends_carry_no_value(solved):
    world, solution = solved
    V = solution.V.copy()
    V[world.to_state(world.goal)] = 7.77
    V[world.to_state((1, 1))] = 6.66
    svg = value_map(V, world)
    assert "7.77" not in texts(svg) and "6.66" not in texts(svg)


def test_same_input_gives_the_same_text_and_rounding_noise_does_not_show(solved):
    world, solution = solved
    assert value_map(solution.V, world) == value_map(solution.V, world)
    assert q_map(solution.Q, world) == q_map(solution.Q + 1e-13, world)


def test_no_negative_zero():
    world = GridWorld()
    assert f"{MINUS}0.00" not in texts(value_map(np.full(16, -1e-4), world, low=-1, high=1))


@pytest.mark.parametrize("draw", [value_map, q_map])
def test_text_is_escaped(draw, solved):
    world, solution = solved
    svg = draw(solution.V if draw is value_map else solution.Q, world, title="<b> & 'co'")
    ET.fromstring(svg)
    assert "<b> & 'co'" in texts(svg)


def arrow_starts(svg):
    """Number of arrows: each is one stroke and one head, so two M commands in a path without fill."""
    paths = [p.get("d") for p in ET.fromstring(svg).iter(f"{SVG}path") if p.get("stroke-linejoin") == "round"]
    return sum(path.count("M") for path in paths) // 2


def test_all_tied_actions_have_an_arrow(solved):
    world, solution = solved
    best = optimal_actions(solution.Q)
    free = grid_layout(world).free_cells()
    assert best[free].sum() > free.sum()  # there are ties on this grid
    assert arrow_starts(value_map(solution.V, world, policy=best)) == best[free].sum()
    assert arrow_starts(value_map(solution.V, world, policy=solution.policy)) == free.sum()
    assert arrow_starts(value_map(solution.V, world)) == 0


def test_arrow_length_grows_with_probability():
    world, lengths = GridWorld((1, 2), obstacles=()), []
    for probability in (0.25, 0.5, 1.0):
        policy = np.zeros((2, 4))
        policy[0, 1], policy[0, 3] = probability, 1 - probability
        svg = value_map([0.0, 0.0], world, policy=policy)
        stroke = next(p.get("d") for p in ET.fromstring(svg).iter(f"{SVG}path") if p.get("stroke-linejoin") == "round")
        x0, x1 = map(float, re.match(r"M([\d.]+) [\d.]+L([\d.]+) ", stroke).groups())
        lengths.append(x1 - x0)
    assert lengths[0] < lengths[1] < lengths[2]


def test_higher_values_are_brighter_and_numbers_readable_on_them():
    world = GridWorld((1, 40), obstacles=())
    svg = value_map(np.arange(40.0), world)
    fills = [
        p.get("fill") for p in ET.fromstring(svg).iter(f"{SVG}path") if (p.get("fill") or "none")[1:] in grids._VIRIDIS
    ]
    squares = fills[: len(set(grids._shades(np.arange(39.0), 0, 38)))]
    assert [luminance(c) for c in squares] == sorted(luminance(c) for c in squares)
    for shade, colour in enumerate(grids._COLOURS):
        ink = grids._INK if shade >= grids._FIRST_LIGHT else grids._PAPER
        ink = "#" + "".join(2 * digit for digit in ink[1:])
        assert contrast(ink, colour) >= 4.3


def test_q_map_shows_four_numbers_a_cell_and_the_best_in_bold(solved):
    world, solution = solved
    svg = q_map(solution.Q, world)
    bold = [g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("font-weight") == "700"]
    n_bold = sum(len(list(group)) for group in bold)
    free = grid_layout(world).free_cells()
    assert n_bold == optimal_actions(solution.Q)[free].sum()
    assert sum(bool(re.fullmatch(rf"{MINUS}?\d+(\.\d+)?", t)) for t in texts(svg)) >= 4 * free.sum()


def test_the_agent_is_where_it_is_said_to_be():
    world = GridWorld()
    rings = [
        next(ET.fromstring(value_map(np.zeros(16), world, agent=state)).iter(f"{SVG}circle")) for state in (0, 5, 15)
    ]
    xs, ys = ([float(ring.get(k)) for ring in rings] for k in ("cx", "cy"))
    assert xs[0] < xs[1] < xs[2] and ys[0] < ys[1] < ys[2]


def test_the_agent_covers_no_number(solved):
    world, solution = solved
    for svg in (
        q_map(solution.Q, world, policy=optimal_actions(solution.Q), agent=0),
        value_map(solution.V, world, agent=0),
        value_map(solution.V, world, agent=0, policy=optimal_actions(solution.Q)),
    ):
        root = ET.fromstring(svg)
        ring = root.findall(f"{SVG}circle")[0]  # the widest of the three strokes
        middle = np.array([float(ring.get("cx")), float(ring.get("cy"))])
        radius = float(ring.get("r")) + float(ring.get("stroke-width")) / 2
        for group in root.findall(f"{SVG}g[@text-anchor='middle']"):
            size = float(group.get("font-size"))
            for text in group.iter(f"{SVG}text"):
                half = np.array([0.35 * size * len(text.text), 0.4 * size])
                centre = np.array([float(text.get("x")), float(text.get("y")) - 0.36 * size])
                beyond = np.maximum(np.abs(middle - centre) - half, 0)
                assert np.hypot(*beyond) > radius, text.text


def test_layout_of_frozen_lake_and_cliff():
    lake = grid_layout(gym.make("FrozenLake-v1", is_slippery=True))
    assert lake.shape == (4, 4) and lake.start == (0, 0) and lake.goals == ((3, 3),)
    assert lake.holes == ((1, 1), (1, 3), (2, 3), (3, 0))
    assert lake.moves.tolist() == [[0, -1], [1, 0], [0, 1], [-1, 0]]  # left, down, right, up, though it is slippery
    cliff = grid_layout(gym.make("CliffWalking-v1"))
    assert cliff.shape == (4, 12) and cliff.start == (3, 0) and cliff.goals == ((3, 11),)
    assert cliff.holes == tuple((3, c) for c in range(1, 11))
    assert cliff.moves.tolist() == [[-1, 0], [0, 1], [1, 0], [0, -1]]


def test_layout_of_a_plain_model_agrees_with_its_world():
    world = GridWorld(5, slip=0.3)
    assert grid_layout(world.mdp()).moves.tolist() == grid_layout(world).moves.tolist()
    assert grid_layout(world.mdp()).goals == (world.goal,)


def test_cell_rewards_are_written_down():
    svg = value_map(np.zeros(16), GridWorld(cell_rewards={(2, 2): 2.5, (3, 3): -4}))
    assert "+2.5" in texts(svg) and f"{MINUS}4" in texts(svg)


def test_a_reward_covers_no_number():
    world = GridWorld(cell_rewards={(2, 2): -9.5})
    root = ET.fromstring(q_map(np.zeros((16, 4)), world))
    tag = next(r for r in root.findall(f"{SVG}rect") if r.get("fill-opacity") and float(r.get("y")) > 200)
    x, y, width, height = (float(tag.get(k)) for k in ("x", "y", "width", "height"))
    for text in root.findall(f"{SVG}g[@text-anchor='middle']/{SVG}g/{SVG}text"):
        right, low = float(text.get("x")) + 12, float(text.get("y"))
        left, high = right - 24, low - 9
        assert right < x or left > x + width or low < y or high > y + height


def test_large_grids_leave_numbers_out_and_fit_the_page():
    svg = value_map(np.arange(2500.0), GridWorld(50))
    width, height = picture_size(svg)
    assert width < 900 and height < 700 and "1234" not in svg


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: value_map(np.zeros(9), w), r"V has shape \(9,\); accepted is \(16,\)"),
        (lambda w: value_map(np.full(16, np.nan), w), "V holds nan"),
        (lambda w: value_map(np.zeros(16), w, low=2, high=1), r"low=2 to high=1; accepted is low <= high"),
        (lambda w: q_map(np.zeros((16, 4)), w, low=3), r"low=3 to high=0; accepted is low <= high"),
        (lambda w: value_map(np.zeros(16), w, high=np.nan), "accepted is low <= high"),
        (lambda w: value_map(np.zeros(16), w, policy=np.full(16, 7)), "accepted are 0 to 3"),
        (lambda w: value_map(np.zeros(16), w, policy=np.full((16, 4), 2.0)), "accepted are probabilities"),
        (lambda w: value_map(np.zeros(16), w, agent=16), "state 16; accepted are 0 to 15"),
        (lambda w: q_map(np.zeros((16, 3)), w), r"Q has shape \(16, 3\)"),
        (
            lambda w: q_map(np.zeros((2, 2)), TabularMDP(np.full((2, 2, 2), 0.5), np.zeros((2, 2)), shape=(1, 2))),
            "four",
        ),
        (lambda w: grid_layout(gym.make("Taxi-v4")), "rows and columns"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(GridWorld())


def test_pictures_side_by_side():
    one = value_map(np.zeros(16), GridWorld())
    both = side_by_side([one, one])
    ET.fromstring(both)
    assert picture_size(both)[0] == 2 * picture_size(one)[0] + 16 and picture_size(both)[1] == picture_size(one)[1]


def test_grids_need_no_matplotlib():
    code = "import sys, rlbook.plots.grids; sys.exit('matplotlib' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
