"""Reaching without learning: the reachable set, a PD controller, and episodes recorded from any policy."""

from __future__ import annotations

import numpy as np

from rlbook.envs.arm import physics as arm
from rlbook.envs.arm.batch import ArmVectorEnv
from rlbook.envs.arm.params import PhysicsParams


def distance_to_workspace(targets, link_lengths, base=(0.0, 0.0)) -> np.ndarray:
    """Metres by which targets lie outside the reach of a planar arm, zero inside: (..., 2 or 3) -> (...,).

    The reachable set is a ring around ``base`` (x, z), of ``workspace_radii``. Targets with three coordinates are
    (x, y, z); the arm moves in the plane y = 0. Raises ValueError for other shapes and for links without length.
    """
    targets, lengths = np.asarray(targets, dtype=float), np.asarray(link_lengths, dtype=float)
    if targets.shape[-1:] not in ((2,), (3,)):
        raise ValueError(f"targets have shape {targets.shape}; accepted are (..., 2) and (..., 3)")
    if lengths.ndim != 1 or not len(lengths) or not (lengths > 0).all():
        raise ValueError(f"link_lengths is {link_lengths}; accepted are one or more positive lengths in m")
    radius = np.hypot(targets[..., 0] - base[0], targets[..., -1] - base[1])
    inner, outer = arm.workspace_radii(lengths)
    in_plane = np.maximum(np.maximum(radius - outer, inner - radius), 0.0)
    return in_plane if targets.shape[-1] == 2 else np.hypot(targets[..., 1], in_plane)


def inverse_kinematics(q, target, physics: PhysicsParams, *, iterations: int = 40, damping: float = 0.05):
    """Joint angles near ``q`` that bring the tip to ``target``, or as near as it gets: (..., n).

    Damped least squares, dq = J' (J J' + (damping l)^2 I)^-1 (target - tip), each step at most a fifth of a link long
    (Siciliano et al., 2009, eq. 3.59). With steps of a whole link, folded arms leap: a millionth of a radian in where
    they start decides how they unfold. q (..., n) in rad, target (..., 2) in m.
    """
    for _ in range(iterations):
        gap = target - arm.tip_position(q, physics)
        length = physics.link_length
        longest = 0.2 * length
        gap = gap * (longest / np.maximum(np.hypot(gap[..., 0], gap[..., 1]), longest))[..., None]
        J = arm.jacobian(q, physics)
        x, z = J[..., 0, :], J[..., 1, :]
        a, b, c = (x * x).sum(-1) + (damping * length) ** 2, (x * z).sum(-1), (z * z).sum(-1) + (damping * length) ** 2
        along_x = (c * gap[..., 0] - b * gap[..., 1]) / (a * c - b * b)
        along_z = (a * gap[..., 1] - b * gap[..., 0]) / (a * c - b * b)
        q = q + x * along_x[..., None] + z * along_z[..., None]
    return q


def pd_torque(q, qd, q_goal, physics: PhysicsParams, stiffness: float, damping: float):
    """PD control with gravity compensation, torques in N m: (..., n).

    torque = stiffness (q_goal - q) - damping qd + h(q, 0)      (Siciliano et al., 2009, eq. 8.51)

    ``stiffness`` in N m/rad, ``damping`` in N m s/rad; q, qd, q_goal (..., n).
    """
    return stiffness * (q_goal - q) - damping * qd + arm.bias_forces(q, 0 * qd, physics)


class PDController:
    """A policy ``controller(observations) -> actions`` for a reaching vector environment: ``inverse_kinematics`` says
    where to, ``pd_torque`` how.

    ``physics`` is what the controller believes of the arm, nominal by default. With discrete actions it takes the
    nearest torque and carries what is missing over to the next step of the episode.
    """

    def __init__(self, env: ArmVectorEnv, stiffness: float, damping: float, physics: PhysicsParams | None = None):
        self.env, self.stiffness, self.damping = env.unwrapped, stiffness, damping
        self.physics = physics or PhysicsParams()
        self._owed = 0.0

    def __call__(self, observations) -> np.ndarray:
        env = self.env
        q, qd, target = env.read_observation(observations)
        q_goal = inverse_kinematics(q, target, self.physics)
        torque = pd_torque(q, qd, q_goal, self.physics, self.stiffness, self.damping)
        action = np.zeros((len(observations), env.n_joints), dtype=np.float32)
        driven = torque.shape[-1]
        action[:, :driven] = torque / env.max_torque[:driven] * env.action_high
        action = action.clip(-env.action_high, env.action_high)
        if not env.torque_levels:
            return action
        begun = env.arrays.to_numpy(env.steps)[:, None] > 0
        wanted = action + begun * self._owed
        choice = ((wanted[:, None] - env.torque_combinations) ** 2).sum(axis=-1).argmin(axis=-1)
        self._owed = (wanted - env.torque_combinations[choice]).clip(-env.action_high, env.action_high)
        return choice
