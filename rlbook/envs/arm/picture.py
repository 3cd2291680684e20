"""A picture of an arm drawn with NumPy alone: it needs no display, no OpenGL and no plotting library."""

import itertools

import numpy as np

BACKGROUND, LINK, JOINT, TARGET = (
    np.array(c, dtype=float) for c in ((255,) * 3, (0, 114, 178), (40,) * 3, (213, 94, 0))
)


def draw_arm(points, target, threshold: float, half_width: float, size: int = 256) -> np.ndarray:
    """The arm through ``points`` (n + 1, 2) and the target disc: (size, size, 3) uint8.

    All lengths are in metres; the picture shows x and z from ``-half_width`` to ``half_width``, z upwards.
    """
    pixel = 2 * half_width / size
    ticks = (np.arange(size) + 0.5) * pixel - half_width
    x, z = np.meshgrid(ticks, ticks[::-1])
    image = np.broadcast_to(BACKGROUND, (size, size, 3)).copy()
    _paint(image, np.hypot(x - target[0], z - target[1]) - threshold, TARGET, pixel)
    width = 0.025 * half_width
    for start, end in itertools.pairwise(points):
        _paint(image, _segment_distance(x, z, start, end) - width, LINK, pixel)
    for joint in points:
        _paint(image, np.hypot(x - joint[0], z - joint[1]) - width, JOINT, pixel)
    return image.round().astype(np.uint8)


def _paint(image: np.ndarray, distance: np.ndarray, colour: np.ndarray, pixel: float) -> None:
    """Colour where the distance to the shape is negative; the edge blends over one pixel."""
    cover = np.clip(0.5 - distance / pixel, 0, 1)[..., None]
    image += cover * (colour - image)


def _segment_distance(x, z, start, end):
    dx, dz = end - start
    along = np.clip(((x - start[0]) * dx + (z - start[1]) * dz) / max(dx * dx + dz * dz, 1e-12), 0, 1)
    return np.hypot(x - start[0] - along * dx, z - start[1] - along * dz)
