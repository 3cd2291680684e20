"""A camera that looks at the arm, and pictures of any look, drawn with NumPy: many at once, without OpenGL.

The arm moves in the plane y = 0, the ground stands 0.4 m behind it, and the camera 3 m in front. A ``Look`` says how
everything appears: colours, texture, light, camera, distractors. ``LookRandomizer`` draws looks; ``draw`` paints arms
and targets under them, pixel by pixel, with the distance to each shape.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from rlbook.validation import check_arguments

SIZE = 64  # pixels a side
DISTANCE = 3.0  # m from the nominal camera to the plane of the arm
HALF_WIDTH = 1.3  # m of that plane that the camera sees to each side
PIXEL = 2 * HALF_WIDTH / SIZE  # m of that plane in a pixel
BEHIND = 0.4  # m from the plane of the arm to the ground behind it
LINK_RADIUS, TARGET_RADIUS = 0.05, 0.09  # m
DISTRACTORS = 3  # most distractors in a picture


# ----------------------------------------------------------------------------------------------------------- geometry


@dataclasses.dataclass(frozen=True)
class Camera:
    """Where cameras are and where they look: position (..., 3) in m and turn (..., 3) in rad: yaw, pitch, roll.

    The nominal one stands at (0, -3, 0) m, sees along y, has x to the right and z up.
    """

    position: np.ndarray = dataclasses.field(default_factory=lambda: np.array([0.0, -DISTANCE, 0.0]))
    turn: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(3))

    def axes(self) -> np.ndarray:
        """Unit vectors of the camera, (..., 3, 3): rows are right, ahead and up."""
        (cy, cp, cr), (sy, sp, sr) = (np.moveaxis(f(np.asarray(self.turn)), -1, 0) for f in (np.cos, np.sin))
        zero = np.zeros_like(cy)
        ahead = np.stack([-sy * cp, cy * cp, sp], axis=-1)
        level, tilted = np.stack([cy, sy, zero], axis=-1), np.stack([sy * sp, -cy * sp, cp], axis=-1)
        right, up = (
            c[..., None] * a + s[..., None] * b for c, s, a, b in ((cr, sr, level, tilted), (cr, -sr, tilted, level))
        )
        return np.stack([right, ahead, up], axis=-2)


def pixel_of(points, camera: Camera) -> np.ndarray:
    """Where points (x, z) of the plane of the arm appear: (..., 2) in m -> (..., 2) pixels, right and down.

    Pixel (0, 0) is the middle of the upper left one.
    """
    away = np.stack([points[..., 0], 0 * points[..., 0], points[..., 1]], axis=-1) - camera.position
    right, ahead, up = np.moveaxis((camera.axes() @ away[..., None])[..., 0], -1, 0)
    scale = SIZE / 2 * DISTANCE / HALF_WIDTH / ahead
    return np.stack([scale * right, -scale * up], axis=-1) + (SIZE - 1) / 2


def point_of(pixels, camera: Camera, depth: float = 0.0) -> np.ndarray:
    """What pixels (..., 2) show of the plane y = ``depth``: (x, z) in m, (..., 2). The inverse of ``pixel_of``."""
    u, v = np.moveaxis((np.asarray(pixels) - (SIZE - 1) / 2) * (HALF_WIDTH / DISTANCE / (SIZE / 2)), -1, 0)
    axes, (x, y, z) = camera.axes(), np.moveaxis(camera.position, -1, 0)
    ray_x, ray_y, ray_z = (u * axes[..., 0, k] + axes[..., 1, k] - v * axes[..., 2, k] for k in range(3))
    reach = (depth - y) / ray_y
    return np.stack([x + reach * ray_x, z + reach * ray_z], axis=-1)


# -------------------------------------------------------------------------------------------------------------- looks


@dataclasses.dataclass(frozen=True)
class Look:
    """How B pictures appear. Colours are red, green, blue from 0 to 1.

    arm, target (B, 3) colours; ground (B, 2, 3) two colours, mixed by a texture of three waves: waves (B, 3, 3) of
    angular frequency along x and z in rad/m and phase in rad, and sharpness (B,), 0 for a plain ground. light (B, 3)
    unit vector towards the light, ambient (B,) brightness in its shade, slope (B, 2) change of brightness a metre
    along x and z, shadow (B,) how much darker. distractors (B, K, 8): x, z, two half lengths, angle, colour; K boxes.
    noise (B,) standard deviation of every pixel. ``camera`` has fields (B, 3).
    """

    arm: np.ndarray
    target: np.ndarray
    ground: np.ndarray
    waves: np.ndarray
    sharpness: np.ndarray
    light: np.ndarray
    ambient: np.ndarray
    slope: np.ndarray
    shadow: np.ndarray
    distractors: np.ndarray
    noise: np.ndarray
    camera: Camera


@dataclasses.dataclass(frozen=True)
class LookRandomizer:
    """Draws looks. What is switched off stays as in the one look of a plain simulation: white ground, blue arm, ...

    Every second distractor has nearly the target's colour: only its shape tells it from the target. Camera errors are
    Gaussian, with standard deviations of 2 cm and 0.6 degrees.
    """

    colours: bool = True
    textures: bool = True
    lights: bool = True
    distractors: bool = True
    camera: bool = True

    def __post_init__(self):
        check_arguments(vars(self), switch=vars(self))

    def sample(self, n: int, rng: np.random.Generator) -> Look:
        """Looks for ``n`` pictures."""
        switches = (
            (self.colours, _random_colours),
            (self.textures, _random_textures),
            (self.lights, _random_lights),
            (self.distractors, _random_distractors),
            (self.camera, _random_cameras),
        )
        look = _plain(n)
        for switched_on, drawn in switches:
            if switched_on:
                look |= drawn(n, rng)
        if self.colours:
            while (alike := _hidden(look)).any():
                look["target"][alike] = _any_colours((alike.sum(),), rng)
        if self.colours and self.distractors:
            like = rng.random((n, DISTRACTORS)) < 0.5
            near = look["target"][:, None] + rng.normal(0, 0.15, (n, DISTRACTORS, 3))
            look["distractors"][like, 5:] = near[like].clip(0, 1)
        return Look(**look)


def _hidden(look: dict):
    """Targets (n,) of nearly the colour of the arm or of one on the ground."""
    others = np.concatenate([look["ground"], look["arm"][:, None]], axis=1)
    return np.linalg.norm(others - look["target"][:, None], axis=-1).min(axis=1) < 0.5


def _plain(n: int) -> dict:
    def repeated(*values):
        return np.broadcast_to(np.array(values, dtype=float), (n, *np.shape(values))).copy()

    return {
        "arm": repeated(0.1, 0.35, 0.75),
        "target": repeated(0.9, 0.35, 0.1),
        "ground": repeated((0.9, 0.9, 0.9), (0.9, 0.9, 0.9)),
        "waves": repeated(*np.zeros((3, 3))),
        "sharpness": np.zeros(n),
        "light": repeated(-0.35, -0.8, 0.5) / np.linalg.norm([0.35, 0.8, 0.5]),
        "ambient": np.full(n, 0.4),
        "slope": np.zeros((n, 2)),
        "shadow": np.full(n, 0.3),
        "distractors": np.zeros((n, 0, 8)),
        "noise": np.full(n, 0.01),
        "camera": Camera(repeated(0, -DISTANCE, 0), np.zeros((n, 3))),
    }


def _any_colours(shape: tuple, rng) -> np.ndarray:
    """Colours (*shape, 3) anywhere in the cube, its faces and corners too; every third one grey, black or white."""
    values = rng.random((*shape, 3))
    grey = rng.random(shape) < 1 / 3
    values[grey] = values[grey, :1]
    return (1.4 * values - 0.2).clip(0, 1)


def _random_colours(n: int, rng) -> dict:
    return {
        "arm": _any_colours((n,), rng),
        "ground": np.repeat(_any_colours((n, 1), rng), 2, axis=1),
        "target": _any_colours((n,), rng),
    }


def _random_textures(n: int, rng) -> dict:
    """Two ground colours, in waves of 10 cm to 2 m: clouds, dots, stripes or a chessboard, soft or hard."""
    angle, number = rng.uniform(0, 2 * np.pi, (n, 3)), np.exp(rng.uniform(np.log(3), np.log(60), (n, 3)))
    phase, kind = rng.uniform(0, 2 * np.pi, (n, 3)), rng.random(n)
    chessboard, stripes = kind < 0.4, kind > 0.8
    angle[chessboard, 1], number[chessboard, 1] = angle[chessboard, 0] + np.pi / 2, number[chessboard, 0]
    number[chessboard, 2:] = phase[chessboard, 2:] = 0
    number[stripes, 1:] = phase[stripes, 1:] = 0
    waves = np.stack([number * np.cos(angle), number * np.sin(angle), phase], axis=-1)
    return {"ground": _any_colours((n, 2), rng), "waves": waves, "sharpness": np.exp(rng.uniform(-1, 4, n))}


def _random_lights(n: int, rng) -> dict:
    towards = np.stack([rng.normal(0, 0.7, n), -rng.uniform(0.3, 1, n), rng.normal(0.3, 0.7, n)], axis=-1)
    return {
        "light": towards / np.linalg.norm(towards, axis=-1, keepdims=True),
        "ambient": rng.uniform(0.1, 0.7, n),
        "slope": rng.normal(0, 0.2, (n, 2)),
        "shadow": rng.uniform(0, 0.8, n),
        "noise": rng.uniform(0, 0.03, n),
    }


def _random_distractors(n: int, rng) -> dict:
    centre = rng.uniform(-1.2, 1.2, (n, DISTRACTORS, 2))
    half = np.exp(rng.uniform(np.log(0.03), np.log(0.25), (n, DISTRACTORS, 2)))
    half *= rng.random((n, DISTRACTORS, 1)) < 0.8  # without size there is none
    square = rng.random((n, DISTRACTORS)) < 0.5
    half[square, 1] = half[square, 0]
    angle, colour = rng.uniform(0, np.pi, (n, DISTRACTORS, 1)), _any_colours((n, DISTRACTORS), rng)
    return {"distractors": np.concatenate([centre, half, angle, colour], axis=-1)}


def _random_cameras(n: int, rng) -> dict:
    position = rng.normal([0, -DISTANCE, 0], 0.02, (n, 3))
    return {"camera": Camera(position, rng.normal(0, np.deg2rad(0.6), (n, 3)))}


# ------------------------------------------------------------------------------------------------------------ drawing


def draw_scenes(n: int, rng: np.random.Generator, n_joints: int = 2, link_length: float = 0.5):
    """Arms anywhere, targets anywhere in their reach: joint angles (n, n_joints) in rad, targets (n, 2) in m."""
    q = rng.uniform(-np.pi, np.pi, (n, n_joints))
    radius = n_joints * link_length * np.sqrt(rng.random(n))
    turn = rng.uniform(-np.pi, np.pi, n)
    return q, np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=-1)


def draw(points, target, look: Look, rng: np.random.Generator) -> np.ndarray:
    """Pictures (B, SIZE, SIZE, 3) uint8 of arms through ``points`` (B, n + 1, 2) and targets (B, 2), in m.

    ``rng`` is for the noise of the pixels.
    """
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    camera = Camera(*(part[:, None, None].astype(np.float32) for part in (look.camera.position, look.camera.turn)))
    x, z, *wall = np.concatenate(
        [np.moveaxis(point_of(np.stack([columns, rows], axis=-1), camera, depth), -1, 0) for depth in (0.0, BEHIND)]
    )
    canvas = _Canvas(look, _ground(*wall, look))
    shapes = [(start, end, LINK_RADIUS, look.arm) for start, end in zip(*_ends(points), strict=True)]
    shapes.append((target, target, TARGET_RADIUS, look.target))
    fall = BEHIND * look.light[:, [0, 2]] / look.light[:, 1:2]  # where a shadow falls, seen from its shape
    for start, end, radius, _ in shapes:
        u, v = _vector_to(*wall, start + fall, end + fall, radius)
        canvas.darken((1.5 - np.sqrt(u * u + v * v)).clip(0, 1))  # its edge blends over four pixels
    boxes = np.moveaxis(look.distractors, 1, 0)
    for box in boxes:  # they stand half way to the ground
        canvas.darken(_inside_box(*wall, box, shift=fall / 2))
    for box in boxes:
        canvas.box(_inside_box(x, z, box), box[:, 5:])
    for start, end, radius, colour in shapes:
        canvas.paint(_vector_to(x, z, start, end, radius), radius, colour)
    return canvas.finished(x, z, rng)


def _ends(points):
    """First and last points of every link: lists of (B, 2)."""
    joints = np.moveaxis(np.asarray(points), 1, 0)
    return joints[:-1], joints[1:]


def _ground(x, z, look: Look):
    """Colours (3, B, SIZE, SIZE) of the ground at the points (x, z) of it."""
    kx, kz, phase = (np.moveaxis(look.waves, -1, 0)[..., None, None]).astype(np.float32)
    height = sum(np.sin(kx[:, i] * x + kz[:, i] * z + phase[:, i]) for i in range(look.waves.shape[1]))
    share = 0.5 + 0.5 * np.tanh(_number(look.sharpness) * height)
    first, second = _colour(look.ground[:, 0]), _colour(look.ground[:, 1])
    return first + share * (second - first)


def _vector_to(x, z, start, end, radius):
    """From the segment start-end (B, 2) to every point, in radii: (x, z), (B, SIZE, SIZE) each."""
    (sx, sz), (ex, ez) = (
        np.moveaxis(np.asarray(p, dtype=np.float32), -1, 0)[..., None, None] for p in (start, end - start)
    )
    along = ((x - sx) * ex + (z - sz) * ez) / np.maximum(ex * ex + ez * ez, 1e-9)
    along = along.clip(0, 1)
    return (x - sx - along * ex) / radius, (z - sz - along * ez) / radius


def _inside_box(x, z, box, shift=0.0):
    """Share (B, SIZE, SIZE) of every pixel in flat rectangles: ``box`` (B, 8) as in ``Look``, moved by ``shift`` m."""
    (cx, cz), (half_x, half_z, angle) = (_number(part) for part in (box[:, :2] + shift).T), map(_number, box[:, 2:5].T)
    cos, sin = np.cos(angle), np.sin(angle)
    u = np.abs(cos * (x - cx) + sin * (z - cz)) - half_x
    v = np.abs(cos * (z - cz) - sin * (x - cx)) - half_z
    return (0.5 - np.maximum(u, v) / PIXEL).clip(0, 1) * (half_x > 0)


class _Canvas:
    """Pictures in the making: colours (3, B, SIZE, SIZE), painted from back to front."""

    def __init__(self, look: Look, ground):
        self.look = look
        self.image = ground * self._lit(0.0, 1.0, 0.0)

    def _lit(self, nx, ny, nz):
        """Brightness of a surface with the normal (nx, -ny, nz): Lambert's law above the ambient light."""
        lx, ly, lz = (_number(part) for part in self.look.light.T)
        ambient = _number(self.look.ambient)
        return ambient + (1 - ambient) * (lx * nx - ly * ny + lz * nz).clip(0)

    def darken(self, inside):
        """A shadow: ``inside`` (B, SIZE, SIZE) is 1 in it and 0 outside."""
        self.image *= 1 - _number(self.look.shadow) * inside

    def paint(self, vector, radius, colour):
        """A ball, or a round bar: what is 1 radius or nearer."""
        x, z = vector
        squared = x * x + z * z
        cover = (0.5 - (np.sqrt(squared) - 1) * (radius / PIXEL)).clip(0, 1)
        lit = self._lit(x, np.sqrt((1 - squared).clip(0)), z)
        self.image += cover * (_colour(colour) * lit - self.image)

    def box(self, cover, colour):
        """A flat thing that takes the share ``cover`` of every pixel."""
        self.image += cover * (_colour(colour) * self._lit(0.0, 1.0, 0.0) - self.image)

    def finished(self, x, z, rng):
        """Uneven light, noise, and whole numbers: (B, SIZE, SIZE, 3) uint8."""
        slope_x, slope_z = (_number(part) for part in self.look.slope.T)
        image = self.image * (1 + slope_x * x + slope_z * z)
        image += _number(self.look.noise) * rng.standard_normal(image.shape, dtype=np.float32)
        return np.moveaxis((255 * image).clip(0, 255).round().astype(np.uint8), 0, -1)


def _number(values):
    return np.asarray(values, dtype=np.float32)[:, None, None]


def _colour(values):
    """(B, 3) -> (3, B, 1, 1)"""
    return np.asarray(values, dtype=np.float32).T[..., None, None]
