"""Pictures of arms: what they draw, and where."""

import io

import numpy as np
import pytest
from PIL import Image

from rlbook import plots
from rlbook.envs.arm import physics as arm
from rlbook.envs.arm.params import PhysicsParams
from rlbook.plots.arms import LiveArm, torus_angles
from rlbook.plots.style import figure_png

POSES = np.array([[0.0, 0.0], [np.pi / 2, 0.0]])


def patches(figure, kind):
    return [patch for patch in figure.axes[0].patches if type(patch).__name__ == kind]


def test_arm_pose_draws_the_joints_and_the_target():
    figure = plots.arm_pose(POSES, target=(0.3, 0.6), threshold=0.07, labels=["now", "then"])
    now, then = figure.axes[0].lines
    np.testing.assert_allclose(now.get_xydata(), [[0, 0], [0.5, 0], [1, 0]], atol=1e-12)
    np.testing.assert_allclose(then.get_xydata(), [[0, 0], [0, 0.5], [0, 1]], atol=1e-12)
    (target,) = patches(figure, "Circle")
    assert tuple(target.center) == (0.3, 0.6) and target.radius == 0.07
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["now", "then"]
    assert plots.arm_pose([0.0], PhysicsParams(link_length=2.0)).axes[0].lines[0].get_xydata()[1].tolist() == [2, 0]


def test_arm_trail_shows_start_path_and_end():
    q = np.linspace(0, 1, 31)[:, None] * [1.0, 0.5]
    points = arm.forward_kinematics(q, PhysicsParams())
    figure = plots.arm_trail(points, (0.1, 5.0, 0.2), dt=0.1)
    lines = [line.get_xydata() for line in figure.axes[0].lines]
    assert any(line.shape == points[0].shape and np.allclose(line, points[0]) for line in lines)
    assert any(line.shape == points[0].shape and np.allclose(line, points[-1]) for line in lines)
    assert any(line.shape == (31, 2) and np.allclose(line, points[:, -1]) for line in lines)
    assert tuple(patches(figure, "Circle")[0].center) == (0.1, 0.2)  # x and z of a target in space
    assert "3.00 s" in figure.axes[0].get_title(loc="left")


def test_targets_out_of_reach_are_in_the_picture():
    points = arm.forward_kinematics(np.zeros((3, 2)), PhysicsParams())
    for figure in (plots.arm_pose(POSES, target=(2.0, -1.5)), plots.arm_trail(points, (2.0, -1.5))):
        (left, right), (low, high) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
        assert left < 2.0 < right and low < -1.5 < high


def test_a_motion_of_one_frame_is_drawn_in_full_colour():
    points = arm.forward_kinematics(np.zeros((1, 2)), PhysicsParams())
    moved = plots.arm_trail(np.repeat(points, 3, axis=0))
    assert plots.arm_trail(points).axes[0].lines[0].get_color() == moved.axes[0].lines[2].get_color()


def test_every_pose_has_its_own_shade():
    figure = plots.arm_pose(np.zeros((4, 2)), labels=["a", "b", "c", "d"])
    assert len({line.get_color() for line in figure.axes[0].lines}) == 4
    with pytest.raises(ValueError, match="there are 1 labels; accepted is one a pose, 2"):
        plots.arm_pose(POSES, labels=["now"])


@pytest.mark.parametrize(
    ("lengths", "targets", "message"),
    [([], None, "link_lengths"), ([-0.5], None, "link_lengths"), ([0.5], np.zeros((0, 2)), "no targets")],
)
def test_impossible_workspaces_are_refused(lengths, targets, message):
    with pytest.raises(ValueError, match=message):
        plots.workspace(lengths, targets)


def test_workspace_counts_the_targets_within_reach():
    targets = np.array([[0.0, 0.6], [0.0, 0.1], [0.72, 0.0], [2.0, 0.0]])
    figure = plots.workspace((0.5, 0.2), targets)
    assert "50.0 %" in figure.axes[0].get_title(loc="left")  # in the ring and just outside; in the hole and far away
    out, within = figure.axes[0].collections
    np.testing.assert_allclose(within.get_offsets(), targets[[0, 2]])
    np.testing.assert_allclose(out.get_offsets(), targets[[1, 3]])
    (ring,) = patches(figure, "Annulus")
    assert ring.get_radii() == pytest.approx((0.7, 0.7)) and ring.width == pytest.approx(0.4)
    beside = plots.workspace((0.5, 0.2), np.array([[0.0, 0.3, 0.6], [0.0, 0.0, 0.6]]))
    assert "50.0 %" in beside.axes[0].get_title(loc="left")


def test_the_legend_of_the_workspace_covers_no_point():
    figure = plots.workspace((0.5, 0.2), np.random.default_rng(0).uniform(-1, 1, (500, 2)))
    figure_png(figure)
    (legend,) = figure.legends
    assert not legend.get_window_extent().overlaps(figure.axes[0].get_tightbbox())
    assert 0 <= legend.get_window_extent().x0 and legend.get_window_extent().x1 <= figure.bbox.width


def test_state_heatmap_is_a_torus_in_degrees():
    figure = plots.state_heatmap(lambda q: q[:, 0] + 10 * q[:, 1], label="Value", resolution=21, mark=(np.pi / 2, 0))
    axes = figure.axes[0]
    (image,) = axes.images
    grid = torus_angles(21)
    np.testing.assert_allclose(image.get_array(), grid[..., 0] + 10 * grid[..., 1])
    assert image.get_extent() == [-180, 180, -180, 180] and image.origin == "lower"
    assert axes.get_xticks().tolist() == axes.get_yticks().tolist() == [-180, -90, 0, 90, 180]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[90, 0]])
    assert np.allclose(grid[10, 10], 0) and grid[0, 0, 0] == pytest.approx(-np.pi + np.pi / 21)


def test_state_heatmap_of_choices_has_one_colour_a_choice():
    figure = plots.state_heatmap(np.array([[0, 1], [2, 1]]), discrete=["left", "none", "right"])
    assert figure.axes[0].images[0].cmap.N == 3
    assert [tick.get_text() for tick in figure.axes[1].get_yticklabels()] == ["left", "none", "right"]


@pytest.mark.parametrize("make", [plots.arm_pose, plots.workspace])
def test_pictures_are_not_empty(make):
    picture = np.asarray(Image.open(io.BytesIO(figure_png(make([0.5, 0.4])))).convert("L"))
    assert (picture < 100).sum() > 200


def test_a_live_arm_draws_only_the_present():
    live = LiveArm(1.0, target=(0.5, 0.5))
    points = arm.forward_kinematics(POSES, PhysicsParams())
    first, second = live.draw(points[0]), live.draw(points[1], path=points[:, -1], ghost=points[0])
    assert first != second and live.draw(points[0]) == first
    assert Image.open(io.BytesIO(first)).size == (380, 380)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.arm_pose(np.zeros((2, 2, 2))), "q has shape"),
        (lambda: plots.arm_trail(np.zeros((3, 2))), "points have shape"),
        (lambda: plots.state_heatmap(np.zeros(5)), "values have shape"),
    ],
)
def test_wrong_shapes_are_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
