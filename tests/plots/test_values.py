"""Maps of values and estimates against returns."""

import io

import numpy as np
import pytest
from PIL import Image

from rlbook.plots import LiveHeatmap, estimates_against_returns


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def test_a_heatmap_draws_only_the_map_anew():
    heatmap = LiveHeatmap("Value", limits=(0, 1))
    dark, bright = pixels(heatmap.draw(np.zeros((5, 5)))), pixels(heatmap.draw(np.ones((5, 5))))
    changed = (dark != bright).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert dark.shape == (310, 358, 3)
    assert changed[rows[0] + 3 : rows[-1] - 3, columns[0] + 3 : columns[-1] - 3].all()
    assert len(rows) == pytest.approx(228, abs=3) and len(columns) == pytest.approx(228, abs=3)


def test_joint_one_runs_to_the_right_and_joint_two_upwards():
    heatmap = LiveHeatmap("Value", limits=(0, 1))
    values = np.zeros((4, 4))
    base = pixels(heatmap.draw(values))
    values[0, 3] = 1  # joint 2 at its lowest, joint 1 at its highest
    changed = (pixels(heatmap.draw(values)) != base).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert rows.mean() > 200 and columns.mean() > 230


def test_names_of_choices_and_limits():
    torques = LiveHeatmap("Torque", discrete=(-1, 0, 1))
    colours = [tuple(pixels(torques.draw(np.full((2, 2), i)))[150, 180]) for i in range(3)]
    assert len(set(colours)) == 3
    value = LiveHeatmap("Value", limits=(-1, 1))
    assert (pixels(value.draw(np.full((2, 2), 9.0))) == pixels(value.draw(np.full((2, 2), 1.0)))).all()


def test_estimates_against_returns():
    pair = np.array([1.0, 2.0]), np.array([0.5, 2.5])
    figure = estimates_against_returns({"DQN": pair, "Double DQN": pair})
    first = figure.axes[0]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["DQN", "Double DQN"]
    np.testing.assert_array_equal(first.lines[1].get_xydata(), [[0.5, 1.0], [2.5, 2.0]])  # return across, estimate up
    np.testing.assert_array_equal(first.lines[0].get_xydata(), [[0.5, 0.5], [2.5, 2.5]])
    with pytest.raises(ValueError, match="accepted are 1 to 3"):
        estimates_against_returns({})
