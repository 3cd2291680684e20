"""Runs that are kept: whose curve, under which name, how many."""

import io

import numpy as np
from PIL import Image

from rlbook.plots.curves import LiveCurve
from rlbook.widgets import EpsilonPanel


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def keep(panel, steps=300, **values):
    panel.reset()
    panel.set(**values)
    panel.step(steps)
    panel.keep_run()
    return panel.run_so_far()


def test_a_kept_run_has_the_curve_it_had_and_its_settings_for_a_name():
    panel = EpsilonPanel()
    usual = keep(panel)
    other = keep(panel, gamma=0.5, algorithm="Double Q", epsilon_decay=1.0)
    assert list(panel._kept) == ["1: as at first", "2: epsilon_decay=1.0, gamma=0.5, algorithm='Double Q'"]
    for kept, run in zip(panel._kept.values(), (usual, other), strict=True):
        assert (kept[0] == run[0]).all() and (kept[1] == run[1]).all()
    panel.step(300)
    assert len(panel._kept["1: as at first"][0]) == len(usual[0])  # and does not grow any more
    panel.figure()
    lines = panel._curve.axes.get_lines()
    assert [line.get_ydata().tolist() for line in lines[-2:]] == [usual[1].tolist(), other[1].tolist()]


def test_the_same_run_is_kept_once_and_the_oldest_makes_room():
    panel = EpsilonPanel()
    keep(panel)
    panel.step(300)
    panel.keep_run()
    assert list(panel._kept) == ["2: as at first"]
    for gamma in (0.1, 0.2, 0.3):
        keep(panel, gamma=gamma)
    assert list(panel._kept) == ["3: gamma=0.1", "4: gamma=0.2", "5: gamma=0.3"]


def test_there_is_nothing_to_keep_before_two_episodes():
    panel = EpsilonPanel()
    panel.keep_run()
    assert not panel._kept and panel.figure() == EpsilonPanel().figure()


def test_kept_lines_lie_in_the_background_with_their_labels_inside_the_picture():
    curve = LiveCurve("Title", "x", "y", {"a": "each", "b": "mean"}, width=332, height=236, ylim=(0, 1))
    empty = pixels(curve.draw())
    kept = {f"{k}: a_long_name=False, another_name='Double Q'": ([1, 2, 3], [k, 5, k]) for k in range(3)}
    curve.keep(kept)
    with_kept = pixels(curve.draw())
    assert curve.axes.get_ylim()[1] >= 5  # room was made
    background = curve._picture.background
    curve.keep(kept)
    curve.draw(a=([1, 2], [1, 2]))
    assert curve._picture.background is background  # and is not made at every picture
    box, axes = curve.axes.get_legend().get_window_extent(), curve.axes.get_window_extent()
    assert axes.x0 <= box.x0 and box.x1 <= axes.x1 + 1 and axes.y0 <= box.y0 and box.y1 <= axes.y1 + 1
    assert (with_kept != empty).any()
    curve.keep({})
    assert not curve._kept_lines and len(curve.axes.get_legend().get_texts()) == 0
