"""Pictures of the reality gap: the numbers that they draw."""

import numpy as np
import pytest

from rlbook.envs.arm.params import PhysicsParams
from rlbook.plots.style import figure_png
from rlbook.plots.transfer import (
    confidence_ellipses,
    drawn_physics,
    success_along,
    success_by_method,
    success_by_run,
    success_map,
)
from rlbook.sim_to_real.transfer import wilson_interval


def test_methods_stand_in_order_with_their_intervals():
    figure = success_by_method({"nominal": (10, 100, 0.9), "robot": (95, 100, None)})
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["nominal", "robot"]
    bars = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2]
    np.testing.assert_allclose(bars, [wilson_interval(10, 100), wilson_interval(95, 100)])
    assert sorted(line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1) == [0.1, 0.9, 0.95]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first on top


def test_runs_may_be_none():
    assert not success_by_run({}).axes[0].lines
    axes = success_by_run({"1 none": (1, 10, 1.0), "2 wide": (5, 10, 0.5)}).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1 none", "2 wide"]


def test_success_along_a_parameter_has_its_band_and_the_range_of_training():
    values, rates = [0.5, 1.0, 1.5], np.array([0.2, 1.0, 0.4])
    axes = success_along("mass", values, {"nominal": rates}, 50, trained={"nominal": (0.9, 1.1)}).axes[0]
    curve, trained = axes.lines
    assert curve.get_ydata().tolist() == rates.tolist() and list(trained.get_xdata()) == [0.9, 1.1]
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((wilson_interval(10, 50)[0], wilson_interval(50, 50)[1]))
    assert axes.get_xlabel() == "Mass of each link (kg)"


def test_the_map_has_its_first_field_across():
    success = np.array([[0.0, 0.1], [0.2, 0.3], [0.4, 0.5]])
    figure = success_map({"mass": [1, 2, 3], "friction": [0.1, 0.2]}, success, marks={"found": (2, 0.1)})
    axes = figure.axes[0]
    assert axes.collections[0].get_array().tolist() == success.T.tolist()
    assert "Mass" in axes.get_xlabel() and axes.lines[0].get_xydata().tolist() == [[2, 0.1]]


def test_every_delay_has_its_bar_and_single_values_are_no_trouble():
    delays = np.array([0.0, 1, 1, 2])
    drawn = PhysicsParams(mass=np.ones(4), action_delay=delays)
    figure = drawn_physics({"drawn": drawn}, {"action_delay": "Delay", "mass": "Mass"})
    delay, mass = figure.axes
    assert [patch.get_height() for patch in delay.patches] == [0.25, 0.5, 0.25]
    assert sum(patch.get_height() for patch in mass.patches) == pytest.approx(1)
    assert len(figure_png(figure)) > 1000


def test_an_ellipse_holds_ninety_five_of_a_hundred():
    covariance = np.array([[4.0, 1.5], [1.5, 1.0]])
    axes = confidence_ellipses({"log": (np.array([1.0, 2.0]), covariance)}, ("a", "b"), true=(1, 2)).axes[0]
    (ellipse,) = axes.patches
    draws = np.random.default_rng(0).multivariate_normal([1, 2], covariance, 20_000)
    turned = np.radians(ellipse.angle)
    along = (draws - ellipse.center) @ np.array([[np.cos(turned), -np.sin(turned)], [np.sin(turned), np.cos(turned)]])
    inside = (along / [ellipse.width / 2, ellipse.height / 2]) ** 2
    assert (inside.sum(axis=1) < 1).mean() == pytest.approx(0.95, abs=0.01)
