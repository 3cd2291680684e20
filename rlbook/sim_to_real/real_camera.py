"""The "real" camera: MuJoCo's own renderer looks at a world that no training picture was made from.

It needs OpenGL, a window's or ``MUJOCO_GL=egl`` or ``osmesa``. Where there is none, ``stored_pictures`` has some.
"""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np

from rlbook.sim_to_real.camera import (
    BEHIND,
    DISTANCE,
    HALF_WIDTH,
    LINK_RADIUS,
    SIZE,
    TARGET_RADIUS,
    Camera,
    draw_scenes,
)
from rlbook.sim_to_real.looks import DEFAULT, DEVELOPMENT, TEST

STORED = Path(__file__).with_name("real_pictures.npz")
# MuJoCo's default shadows of 4,096 texels take twenty times as long, and nobody sees them in 64 pixels.
SHADOW_TEXELS = 512
_PATTERNS = {name: getattr(mujoco.mjtBuiltin, f"mjBUILTIN_{name.upper()}") for name in ("flat", "checker", "gradient")}
_SHAPES = {
    "box": (mujoco.mjtGeom.mjGEOM_BOX, (1, 0.5, 1)),
    "slab": (mujoco.mjtGeom.mjGEOM_BOX, (1, 0.2, 0.3)),
    "rod": (mujoco.mjtGeom.mjGEOM_CAPSULE, (0.2, 1, 0)),
}


def world(name: str) -> dict:
    """The look of that name, complete; ValueError for another."""
    looks = DEVELOPMENT | TEST
    if name not in looks:
        raise ValueError(f"the look is {name!r}; accepted are {', '.join(looks)}")
    return DEFAULT | looks[name]


def true_camera(name: str) -> Camera:
    """Where the camera of that look really stands: what a calibration would find."""
    x, y, z, *turn = world(name)["camera"]
    return Camera(np.array([x, y - DISTANCE, z]), np.deg2rad(turn))


def build_world(name: str, n_joints: int, link_length: float) -> mujoco.MjModel:
    """Arm, target, ground, lights and camera of a look as a MuJoCo model; the target is a mocap body."""
    look, spec = world(name), mujoco.MjSpec()
    spec.visual.quality.shadowsize = SHADOW_TEXELS
    spec.visual.headlight.ambient, spec.visual.headlight.diffuse = [look["ambient"]] * 3, [0.1] * 3
    _add_ground(spec, look)
    for direction, brightness in look["lights"]:
        towards = np.array(direction) / np.linalg.norm(direction)
        spec.worldbody.add_light(pos=-4 * towards, dir=towards, diffuse=np.broadcast_to(brightness, 3), castshadow=True)
    _add_camera(spec, true_camera(name))
    body = spec.worldbody
    for i in range(n_joints):
        body = body.add_body(pos=[link_length if i else 0.0, 0, 0])
        body.add_joint(type=mujoco.mjtJoint.mjJNT_HINGE, axis=[0, -1, 0])
        link = {"fromto": [0, 0, 0, link_length, 0, 0], "size": [LINK_RADIUS, 0, 0]}
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_CAPSULE, **link, rgba=[*look["arm"], 1], mass=1)
    target = spec.worldbody.add_body(name="target", mocap=True)
    target.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[TARGET_RADIUS, 0, 0], rgba=[*look["target"], 1])
    for shape, x, z, size, turn, colour in look["things"]:
        kind, shares = _SHAPES[shape]
        half = np.deg2rad(turn) / 2
        place = {
            "pos": [x, BEHIND / 2, z],
            "quat": [np.cos(half), 0, -np.sin(half), 0],
            "size": size * np.array(shares),
        }
        spec.worldbody.add_geom(type=kind, **place, rgba=[*colour, 1])
    return spec.compile()


def _add_camera(spec, camera: Camera) -> None:
    right, ahead, up = camera.axes()
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, np.stack([right, up, -ahead], axis=1).ravel())
    opening = 2 * np.rad2deg(np.arctan(HALF_WIDTH / DISTANCE))
    spec.worldbody.add_camera(name="real", pos=camera.position, quat=quaternion, fovy=opening)


def _add_ground(spec, look: dict) -> None:
    speckled = look["pattern"] == "speckled"
    texture = spec.add_texture(
        name="ground",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=_PATTERNS["flat" if speckled else look["pattern"]],
        rgb1=look["ground"],
        rgb2=look["second"],
        width=32 if speckled else 256,  # a dot is one texel
        height=32 if speckled else 256,
    )
    if speckled:
        texture.mark, texture.markrgb, texture.random = mujoco.mjtMark.mjMARK_RANDOM, look["second"], 0.05
    material = spec.add_material(name="ground", texrepeat=np.broadcast_to(look["repeat"], 2), shininess=look["shine"])
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "ground"
    facing = [np.sqrt(0.5), np.sqrt(0.5), 0, 0]  # the plane's normal turned from z to -y
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_PLANE, pos=[0, BEHIND, 0], quat=facing, size=[4, 4, 0.1], material="ground"
    )


class RealCamera:
    """Takes pictures of the arm under a look of ``looks``. Close it, or use it in a ``with``.

    Raises RuntimeError where there is no OpenGL, saying what to do.
    """

    def __init__(self, look: str, n_joints: int = 2, link_length: float = 0.5):
        self.model = build_world(look, n_joints, link_length)
        self.data = mujoco.MjData(self.model)
        try:
            self._renderer = mujoco.Renderer(self.model, SIZE, SIZE)
        except Exception as error:  # MuJoCo raises whatever the system's OpenGL does
            advice = "set MUJOCO_GL=egl or MUJOCO_GL=osmesa before starting, or take stored_pictures()"
            raise RuntimeError(f"MuJoCo cannot draw here ({error}); {advice}") from error

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self) -> None:
        """Give the renderer back."""
        self._renderer.close()

    def take(self, q, target) -> np.ndarray:
        """Pictures (B, SIZE, SIZE, 3) uint8 of arms at ``q`` (B, n) rad and targets (B, 2) m, one after the other."""
        pictures = []
        for angles, (x, z) in zip(q, target, strict=True):
            self.data.qpos[:], self.data.mocap_pos[0] = angles, [x, 0, z]
            mujoco.mj_forward(self.model, self.data)
            self._renderer.update_scene(self.data, camera="real")
            pictures.append(self._renderer.render().copy())
        return np.stack(pictures)


def store_pictures(n: int = 100, seed: int = 0) -> None:
    """Write ``n`` pictures of every look of ``TEST``, and their targets, to the file that ``stored_pictures`` reads."""
    arrays, rng = {}, np.random.default_rng(seed)
    for name in TEST:
        q, target = draw_scenes(n, rng)
        with RealCamera(name) as camera:
            arrays |= {f"{name}_pictures": camera.take(q, target), f"{name}_target": target}
    np.savez_compressed(STORED, **arrays)


def stored_pictures() -> dict:
    """{look: (pictures (n, SIZE, SIZE, 3) uint8, targets (n, 2) in m)}: real pictures where there is no OpenGL."""
    with np.load(STORED) as arrays:
        return {name: (arrays[f"{name}_pictures"], arrays[f"{name}_target"]) for name in TEST}
