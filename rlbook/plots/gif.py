"""Arms in motion as a GIF file, to keep and to send: drawn with Pillow, a fraction of a millisecond a frame."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from rlbook.envs.arm.recording import Recording
from rlbook.plots.style import BLACK, BLUE, GREEN, GRID, RED

_PAUSE = 8  # frames that the last pose of an episode stays


def save_gif(path: str | Path, motion: Recording, arms: Iterable[int] = range(4), size: int = 320) -> Path:
    """Write the episodes of some arms of a recording, one after the other, as a GIF that repeats; returns its path.

    arms : their numbers; those that the recording has not are left out.   size : of the picture in pixels.

    Raises ValueError where there is no arm to show, and OSError where the file cannot be written.
    """
    shown = [arm for arm in arms if arm in range(motion.points.shape[1])]
    if not shown:
        raise ValueError(f"there is no arm to show: the recording has the arms 0 to {motion.points.shape[1] - 1}")
    reach = 1.1 * np.abs(motion.points[:, shown]).max()
    reach = max(reach, 1.1 * np.abs(motion.target[shown]).max())
    frames = [
        _frame(motion.points[: t + 1, arm], motion.target[arm][[0, -1]], motion.threshold, reach, size)
        for arm in shown
        for t in [*range(motion.lengths[arm] + 1), *_PAUSE * [motion.lengths[arm]]]
    ]
    path = Path(path)
    milliseconds = max(20, 10 * round(100 * motion.dt))  # a GIF counts hundredths; browsers slow down below 20 ms
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=milliseconds, loop=0, optimize=False)
    return path


def _frame(points, target, threshold: float, reach: float, size: int) -> Image.Image:
    """The arm in its last pose, the path of its tip so far, and the target: points (t + 1, L + 1, 2) in m."""
    picture = Image.new("RGB", (size, size), "white")
    draw = ImageDraw.Draw(picture)
    scale = size / (2 * reach)

    def pixels(places) -> list[tuple[float, float]]:
        return [(size / 2 + scale * x, size / 2 - scale * z) for x, z in np.atleast_2d(places)]

    def disc(place, radius: float, colour: str) -> None:
        ((x, y),) = pixels(place)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    draw.line([(0, size / 2), (size, size / 2)], fill=GRID)
    disc(target, scale * threshold, GREEN)
    if len(points) > 1:
        draw.line(pixels(points[:, -1]), fill=RED, width=2)
    draw.line(pixels(points[-1]), fill=BLUE, width=max(4, size // 50), joint="curve")
    for joint in points[-1]:
        disc(joint, size / 80, BLACK)
    return picture.quantize(16)
