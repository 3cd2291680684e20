"""The camera's geometry, and pictures that show what they should."""

import dataclasses

import numpy as np
import pytest

from rlbook.envs.arm import physics as arm
from rlbook.envs.arm.params import PhysicsParams
from rlbook.sim_to_real.camera import (
    BEHIND,
    DISTANCE,
    HALF_WIDTH,
    SIZE,
    TARGET_RADIUS,
    Camera,
    LookRandomizer,
    draw,
    pixel_of,
    point_of,
)

PLAIN = LookRandomizer(colours=False, textures=False, lights=False, distractors=False, camera=False)


def turned():
    """A camera elsewhere, turned about all axes."""
    return Camera(np.array([0.1, -2.8, -0.2]), np.array([0.1, -0.05, 0.2]))


def pictured(n=8, looks=PLAIN, seed=0):
    rng = np.random.default_rng(seed)
    q, target = rng.uniform(-3, 3, (n, 2)), rng.uniform(-0.7, 0.7, (n, 2))
    look = looks.sample(n, rng)
    return draw(arm.forward_kinematics(q, PhysicsParams()), target, look, rng), target, look


def test_the_nominal_camera_by_hand():
    """The middle of the picture is the base; the right edge of the plane is half a pixel beyond the last one."""
    middle = (SIZE - 1) / 2
    points = np.array([[0, 0], [HALF_WIDTH, 0], [0, HALF_WIDTH / 2]])
    np.testing.assert_allclose(pixel_of(points, Camera()), [[middle, middle], [SIZE - 0.5, middle], [middle, 15.5]])


@pytest.mark.parametrize(
    ("turn", "seen"),
    [((0.1, 0, 0), (1, 0)), ((0, 0.1, 0), (0, 1)), ((0, 0, 0.1), (0, 0))],
)
def test_turning_the_camera_moves_the_picture_the_other_way(turn, seen):
    """Yaw to the left moves the base right in the picture, pitch upwards moves it down."""
    moved = pixel_of(np.zeros(2), Camera(turn=np.array(turn))) - (SIZE - 1) / 2
    assert moved == pytest.approx(np.array(seen) * np.tan(0.1) * DISTANCE / HALF_WIDTH * SIZE / 2, abs=1e-9)


def test_roll_turns_the_picture_clockwise_as_the_camera_turns_the_other_way():
    east = pixel_of(np.array([1.0, 0.0]), Camera(turn=np.array([0, 0, 0.3]))) - (SIZE - 1) / 2
    assert np.arctan2(east[1], east[0]) == pytest.approx(0.3)


def test_axes_are_a_right_handed_frame():
    right, ahead, up = turned().axes()
    np.testing.assert_allclose(turned().axes() @ turned().axes().T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.cross(right, ahead), up, atol=1e-12)


def test_pixels_and_points_are_each_others_inverse():
    points = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    np.testing.assert_allclose(point_of(pixel_of(points, turned()), turned()), points, atol=1e-12)
    wall = point_of(pixel_of(points, Camera()), Camera(), BEHIND)
    np.testing.assert_allclose(wall, points * (DISTANCE + BEHIND) / DISTANCE)


def test_the_target_is_painted_where_the_geometry_says():
    """In the plain look the target alone is orange: the mean of its pixels is the pixel of its middle."""
    pictures, target, look = pictured(20)
    assert pictures.shape == (20, SIZE, SIZE, 3) and pictures.dtype == np.uint8
    for picture, pixel in zip(pictures.astype(float), pixel_of(target, look.camera), strict=True):
        orange = (picture[..., 0] - picture[..., 2]).clip(60) - 60
        rows, columns = np.mgrid[:SIZE, :SIZE]
        mean = np.array([(orange * columns).sum(), (orange * rows).sum()]) / orange.sum()
        assert np.abs(mean - pixel).max() < 0.6
        radius = TARGET_RADIUS / HALF_WIDTH * SIZE / 2
        assert np.sum(orange > 0) == pytest.approx(np.pi * radius**2, rel=0.4)


def test_shadows_fall_away_from_the_light():
    rng = np.random.default_rng(0)
    look = PLAIN.sample(1, rng)
    look.light[:] = np.array([-1, -1, 0]) / np.sqrt(2)  # from the left: shadows to the right
    look.noise[:] = 0
    far = np.full((1, 3, 2), 5.0)  # an arm out of sight
    bare, with_target = (draw(far, np.array([[x, 0.0]]), look, rng).astype(int) for x in (5.0, 0.0))
    darker, grey = (with_target - bare).sum(axis=-1)[0] < -30, np.ptp(with_target[0], axis=-1) < 5
    rows, columns = np.nonzero(darker & grey)
    fallen = point_of(np.array([columns.mean(), rows.mean()]), Camera(), BEHIND)
    assert fallen == pytest.approx([BEHIND, 0.0], abs=0.1)


def test_a_things_shadow_falls_half_as_far():
    """Things stand half way to the ground: lit from the left at 45 degrees, a shadow is BEHIND / 2 to the right."""
    rng = np.random.default_rng(0)
    look = PLAIN.sample(1, rng)
    look.light[:] = np.array([-1, -1, 0]) / np.sqrt(2)
    look.noise[:] = 0
    bare = draw(np.full((1, 3, 2), 5.0), np.array([[5.0, 0.0]]), look, rng).astype(int)
    box = np.array([[[-0.5, 0.3, 0.05, 0.15, 0.0, 1.0, 0.0, 0.0]]])
    seen = draw(np.full((1, 3, 2), 5.0), np.array([[5.0, 0.0]]), dataclasses.replace(look, distractors=box), rng)
    darker, grey = (seen - bare).sum(axis=-1)[0] < -30, np.ptp(seen[0].astype(int), axis=-1) < 5
    rows, columns = np.nonzero(darker & grey)
    fallen = point_of(np.array([columns.mean(), rows.mean()]), Camera(), BEHIND)
    assert fallen == pytest.approx([-0.5 + BEHIND / 2, 0.3], abs=0.05)
    upright = point_of(np.array([[columns.max(), rows.min()], [columns.min(), rows.max()]]), Camera(), BEHIND)
    assert upright[0] - upright[1] == pytest.approx([0.1, 0.3], abs=0.07)


def test_textures_are_chessboards_stripes_and_clouds():
    """Two waves at right angles, as long as each other, make a chessboard; one alone makes stripes."""
    look = LookRandomizer().sample(4000, np.random.default_rng(0))
    first, second, third = np.moveaxis(look.waves[..., :2], 1, 0)
    length, silent = np.linalg.norm(first, axis=1), np.linalg.norm(third, axis=1) == 0
    square = np.isclose(np.linalg.norm(second, axis=1), length) & np.isclose((first * second).sum(axis=1), 0, atol=1e-9)
    assert np.mean(square & silent) == pytest.approx(0.4, abs=0.03)
    assert np.mean(silent & (np.linalg.norm(second, axis=1) == 0)) == pytest.approx(0.2, abs=0.03)
    assert length.min() == pytest.approx(3, rel=0.05) and length.max() == pytest.approx(60, rel=0.05)
    stark = np.linalg.norm(look.ground[:, 0] - look.ground[:, 1], axis=1)
    assert stark.max() == pytest.approx(np.sqrt(3)) and stark.min() < 0.1  # black on white, and hardly anything


def test_every_second_distractor_is_nearly_of_the_targets_colour():
    look = LookRandomizer().sample(2000, np.random.default_rng(0))
    apart = np.linalg.norm(look.distractors[..., 5:] - look.target[:, None], axis=-1)
    assert np.mean(apart < 0.5) == pytest.approx(0.5 + 0.5 * 0.15, abs=0.07)
    assert look.distractors[..., 5:].min() >= 0 and look.distractors[..., 5:].max() <= 1


@pytest.mark.parametrize("switch", ["colours", "textures", "lights", "distractors", "camera"])
def test_each_switch_changes_the_picture_and_its_own_part_alone(switch):
    changed = {
        "colours": {"arm", "target", "ground"},
        "textures": {"ground", "waves", "sharpness"},
        "lights": {"light", "ambient", "slope", "shadow", "noise"},
        "distractors": {"distractors"},
        "camera": {"camera"},
    }[switch]
    plain = pictured()[2]
    only = LookRandomizer(
        **{name: name == switch for name in ("colours", "textures", "lights", "distractors", "camera")}
    )
    pictures, _, look = pictured(looks=only)
    for name, value in vars(look).items():
        before = getattr(plain, name)
        same = np.array_equal(value.turn, before.turn) if name == "camera" else np.array_equal(value, before)
        assert same == (name not in changed), name
    assert (pictures != pictured()[0]).any()


def test_targets_are_told_from_the_arm_and_the_ground():
    look = LookRandomizer().sample(500, np.random.default_rng(0))
    for other in (look.arm, look.ground[:, 0], look.ground[:, 1]):
        assert np.linalg.norm(look.target - other, axis=-1).min() >= 0.5


def test_the_same_seed_paints_the_same():
    full = LookRandomizer()
    np.testing.assert_array_equal(pictured(looks=full, seed=3)[0], pictured(looks=full, seed=3)[0])
    assert (pictured(looks=full, seed=3)[0] != pictured(looks=full, seed=4)[0]).any()


def test_switches_are_switches():
    with pytest.raises(ValueError, match="lights is 1; accepted are True and False"):
        LookRandomizer(lights=1)
