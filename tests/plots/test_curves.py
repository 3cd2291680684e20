"""Curves: the numbers they draw, and the live curve's picture."""

import io
import threading

import numpy as np
import pytest
from PIL import Image

from rlbook.plots.curves import LiveCurve, convergence, learning_curve, moving_mean
from rlbook.plots.style import figure_png, join_png


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_moving_mean_by_hand():
    assert moving_mean([2.0, 4.0, 6.0, 10.0], 2).tolist() == [2, 3, 5, 8]
    with_gap = moving_mean([1.0, np.nan, 3.0, 5.0], 2)
    assert np.isnan(with_gap[1]) and with_gap[[0, 2, 3]].tolist() == [1, 3, 4]
    assert moving_mean([1.0, 2.0], 10).tolist() == [1, 1.5]


def test_learning_curve_draws_median_band_and_optimum():
    values = np.array([[1.0, 2.0], [3.0, 6.0], [5.0, 10.0], [7.0, 14.0], [9.0, 18.0]])
    axes = learning_curve(values, optimum=3.0).axes[0]
    assert axes.lines[0].get_ydata().tolist() == [5, 10]
    assert axes.lines[0].get_xdata().tolist() == [1, 2]
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == 3 and band[:, 1].max() == 14
    assert axes.lines[1].get_ydata()[0] == 3
    assert "5 agents" in axes.figure.legends[0].get_title().get_text()


@pytest.mark.parametrize("optimum", [0.2, 5.0, 9.5])
def test_the_legend_of_a_learning_curve_lies_on_no_line(optimum):
    curves = {f"learner {k}": np.linspace(k, 10 - 3 * k, 50) + np.zeros((3, 1)) for k in range(4)}
    figure = learning_curve(curves, optimum=optimum)
    figure_png(figure)
    (legend,) = figure.legends
    assert not legend.get_window_extent().overlaps(figure.axes[0].get_tightbbox())
    assert legend.get_window_extent().x0 >= 0 and legend.get_window_extent().x1 <= figure.bbox.width


def test_learning_curve_states_its_window_and_leaves_out_episodes_few_played():
    values = np.ones((4, 6))
    values[1:, 4:] = np.nan
    axes = learning_curve({"A": values}, window=3).axes[0]
    assert axes.lines[0].get_xdata().tolist() == [1, 2, 3, 4]
    assert "mean over 3 episodes" in axes.figure.legends[0].get_title().get_text()


@pytest.mark.parametrize("window", [0, 1.5])
def test_learning_curve_refuses_a_bad_window(window):
    with pytest.raises(ValueError, match="window"):
        learning_curve(np.ones((2, 3)), window=window)


def test_convergence_is_logarithmic_with_the_contraction_beside_it():
    axes = convergence([8.0, 4.0, 0.0], gamma=0.5).axes[0]
    assert axes.get_yscale() == "log"
    assert axes.lines[0].get_ydata()[:2].tolist() == [8, 4] and np.isnan(axes.lines[0].get_ydata()[2])
    assert axes.lines[1].get_ydata().tolist() == [8, 4, 2]
    with pytest.raises(ValueError, match="residuals"):
        convergence([0.0, 0.0])


def test_live_curve_draws_only_its_line_anew():
    curve = LiveCurve("Title", "x", "y", xmax=10, ylim=(0, 10))
    empty = pixels(curve.draw())
    first = pixels(curve.draw(value=([1, 2, 3], [1, 5, 2])))
    background = curve._picture.background
    second = pixels(curve.draw(value=([1, 2, 3], [9, 5, 2])))
    assert curve._picture.background is background  # the axes were not drawn again
    assert (first != empty).any() and (second != first).any()
    assert (pixels(curve.draw(value=([], []))) == empty).all()


def test_the_legend_of_a_live_curve_stays_inside_the_picture_and_off_the_lines():
    curve = LiveCurve("Title", "x", "y", {"a": "each episode", "b": "mean of 20"}, optimum=1, width=332, height=236)
    curve.draw()
    (legend,), axes = curve.figure.legends, curve.axes.get_window_extent()
    box = legend.get_window_extent()
    assert 0 <= box.x0 and box.x1 <= 332 and axes.y1 <= box.y0 and box.y1 <= 236


def test_live_curve_makes_room_and_resets():
    curve = LiveCurve("Title", "x", "y", xmax=10, ylim=(0, 1))
    curve.draw(value=(np.arange(50), np.linspace(-3, 4, 50)))
    low, high = curve.axes.get_ylim()
    assert curve.axes.get_xlim()[1] >= 49 and low <= -3 and high >= 4
    curve.reset()
    curve.draw()
    assert curve.axes.get_xlim()[1] == 10 and curve.axes.get_ylim() == (0, 1)


def test_live_curve_keeps_the_last_of_very_many_points():
    curve = LiveCurve("Title", "x", "y")
    curve.draw(value=(np.arange(10_000), np.arange(10_000)))
    x, _ = curve._lines["value"].get_data()
    assert len(x) <= 600 and x[0] == 0 and x[-1] == 9999


def test_live_curve_refuses_an_unknown_line():
    with pytest.raises(ValueError, match="no line 'other'; accepted are 'value'"):
        LiveCurve("Title", "x", "y").draw(other=([1], [1]))


def test_curves_drawn_in_threads_equal_those_drawn_alone():
    def frame(k):
        curve = LiveCurve("Title", "x", "y", ylim=(0, 10))
        return curve.draw(value=(np.arange(20), np.arange(20) * k / 4))

    alone, together = [frame(k) for k in range(4)], [None] * 4

    def work(k):
        together[k] = frame(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_png_is_the_same_every_time_and_joins_in_a_row():
    figure = learning_curve(np.ones((2, 5)))
    png = figure_png(figure)
    assert png == figure_png(figure)
    assert Image.open(io.BytesIO(join_png([png, png]))).width == 2 * Image.open(io.BytesIO(png)).width + 16
