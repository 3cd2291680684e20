"""The physics of a planar arm in a vertical plane, written once.

The arm has n equal links: uniform rods of mass m and length l, each turned by a motor at its near end. Joint angles
``q`` are measured from the previous link, the first from the horizontal x axis, counter-clockwise when x points right
and z up; ``q = 0`` is the arm stretched out along x. The equation of motion is (Siciliano et al., *Robotics: Modelling,
Planning and Control*, 2009, chapter 7)

    M(q) qdd + h(q, qd) = motor_strength * torque

Its terms are shortest in the *link angles* phi_k = q_0 + ... + q_k, the angle of link k to the horizontal. With load_k
= n - k - 1/2 the number of links from the middle of link k on, which swing at its end,

    M_ij = sum over links k >= i and r >= j of H_kr,     H_kr = m l^2 load_max(k,r) cos(phi_k - phi_r)
                                                         H_kk = m l^2 (load_k - 1/6)
    h_i  = sum over links k >= i of F_k  +  D_i qd_i,    D_i  = damping + friction / sqrt(qd_i^2 + STICTION_SPEED^2)
    F_k  = sum over r of m l^2 load_max(k,r) sin(phi_k - phi_r) phid_r^2  +  m g l load_k cos(phi_k)

Every function works on whole batches, so the same lines step ten thousand arms in NumPy and differentiate in torch,
``torch.func`` included. Arrays are NumPy or torch, float32 or float64, of shape ``(..., n)`` with any leading batch
shape; the answer is of the same kind. The fields of ``PhysicsParams`` are numbers or arrays that broadcast with the
batch shape. Inside, joints come first, (n, ...), so that ``q[i]`` is the q_i of the equation for all arms at once.
"""

from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from array_api_compat import device, is_torch_array

from rlbook.arrays import namespace
from rlbook.envs.arm.params import PhysicsParams

# Below this joint speed (rad/s) Coulomb friction fades smoothly to zero, so that it has a derivative at rest.
STICTION_SPEED = 0.1


# ----------------------------------------------------------------------------------------------------- how things move


def mass_matrix(q, physics: PhysicsParams):
    """M(q) in kg m^2: (..., n) -> (..., n, n), symmetric and positive definite."""
    xp, arm, (q,) = _prepared(physics, q=q)
    M, n, zero = _mass(_between(_link_angles(q)), arm, xp), len(q), 0 * q[0]
    return xp.stack([xp.stack([zero + M[max(i, j)][min(i, j)] for j in range(n)], axis=-1) for i in range(n)], axis=-2)


def bias_forces(q, qd, physics: PhysicsParams):
    """h(q, qd) in N m: the torque that keeps the joints turning at constant speed, (..., n).

    Centrifugal and Coriolis torques, gravity, and joint friction. At rest it is what holds the arm against gravity.
    """
    xp, arm, (q, qd) = _prepared(physics, q=q, qd=qd)
    phi = _link_angles(q)
    torque = _joined(_bias(phi, _between(phi), qd, arm, xp), xp)
    return _joints_last(torque + _drag(qd, arm, xp) * qd, xp)


def joint_friction(qd, physics: PhysicsParams):
    """Torque D qd in N m that joint friction takes from the motors: viscous plus smooth Coulomb friction, (..., n)."""
    xp, arm, (qd,) = _prepared(physics, qd=qd)
    return _joints_last(_drag(qd, arm, xp) * qd, xp)


def forward_dynamics(q, qd, torque, physics: PhysicsParams):
    """Joint accelerations in rad/s^2 under the commanded torques in N m: (..., n) each -> (..., n).

    qdd = M(q)^-1 (motor_strength * torque - h(q, qd))
    """
    xp, arm, (q, qd, torque) = _prepared(physics, q=q, qd=qd, torque=torque)
    return _joints_last(_acceleration(q, qd, arm.motor_strength * torque, arm, xp), xp)


def step(q, qd, torque, physics: PhysicsParams, dt: float, integrator="euler", *, substeps=1, max_speed=None):
    """The joints ``dt`` seconds later, the torque held: (q, qd), each (..., n).

    ``"euler"`` is semi-implicit Euler, first order: the new velocity moves the joints. Friction is that of the new
    velocity too, its coefficient D that of the old one, so a stiff joint cannot blow up (MuJoCo's Euler integrator
    treats damping so):
    qd' = qd + dt (M + dt D)^-1 (motor_strength * torque - h(q, qd)),  q' = q + dt qd'.
    ``"rk4"`` is the classical fourth-order Runge-Kutta method, four times the work.

    ``dt`` is divided into ``substeps``; ``max_speed`` (rad/s) limits every new velocity.
    """
    if integrator not in _INTEGRATORS:
        raise ValueError(f"integrator is {integrator!r}; accepted are {', '.join(_INTEGRATORS)}")
    if not (dt > 0 and substeps >= 1):
        raise ValueError(f"dt is {dt} s in {substeps} substeps; accepted are positive times in 1 or more substeps")
    xp, arm, (q, qd, torque) = _prepared(physics, q=q, qd=qd, torque=torque)
    motor, time, advance = arm.motor_strength * torque, _number(dt / substeps, q.dtype), _INTEGRATORS[integrator]
    limit = None if max_speed is None else _number(float(max_speed), q.dtype)
    for _ in range(substeps):
        q, qd = advance(q, qd, motor, arm, time, limit, xp)
    return _joints_last(q, xp), _joints_last(qd, xp)


def _semi_implicit_euler(q, qd, motor, arm, dt, limit, xp):
    qd = _limited(qd + dt * _acceleration(q, qd, motor, arm, xp, implicit_dt=dt), limit)
    return q + dt * qd, qd


def _runge_kutta(q, qd, motor, arm, dt, limit, xp):
    slopes = [(qd, _acceleration(q, qd, motor, arm, xp))]
    for share in (1 / 2, 1 / 2, 1):
        speed, gain = slopes[-1]
        speed_there = qd + share * dt * gain
        slopes.append((speed_there, _acceleration(q + share * dt * speed, speed_there, motor, arm, xp)))
    for weight, (speed, gain) in zip((1 / 6, 1 / 3, 1 / 3, 1 / 6), slopes, strict=True):
        q, qd = q + weight * dt * speed, qd + weight * dt * gain
    return q, _limited(qd, limit)


_INTEGRATORS = {"euler": _semi_implicit_euler, "rk4": _runge_kutta}


def _acceleration(q, qd, motor, arm, xp, implicit_dt=None):
    """qdd of (M + implicit_dt D) qdd = motor - h, with motor = motor_strength * torque: (n, ...)."""
    n, phi = len(q), _link_angles(q)
    between = _between(phi)
    M, forces, D = _mass(between, arm, xp), _bias(phi, between, qd, arm, xp), _drag(qd, arm, xp)
    if implicit_dt is not None:
        implicit = implicit_dt * D
        for i in range(n):
            M[i][i] = M[i][i] + implicit[i]
    driven = motor - D * qd
    return _joined(_solve(M, [driven[i] - forces[i] for i in range(n)]), xp)


def _mass(between, arm, xp) -> list:
    """M, its entries M[i][j] valid for j <= i."""
    n = len(between)
    M = [[None] * n for _ in range(n)]
    for k in range(n):
        M[k][k] = arm.inertia[k][k]
        for r in range(k):
            M[k][r] = M[r][k] = arm.inertia[k][r] * xp.cos(between[k][r])  # H_kr
    for k in range(n):
        for j in reversed(range(n - 1)):
            M[k][j] = M[k][j] + M[k][j + 1]  # sum over r >= j of H_kr
    for i in reversed(range(n - 1)):
        for j in range(i + 1):
            M[i][j] = M[i][j] + M[i + 1][j]  # sum over k >= i of those
    return M


def _bias(phi, between, qd, arm, xp) -> list:
    """h without friction: the torque on every joint of the forces F_k on the links."""
    n, squares = len(phi), [phid * phid for phid in accumulate(qd)]
    F = [arm.weight[k] * xp.cos(phi[k]) for k in range(n)]
    for k in range(n):
        for r in range(k):  # what link r does to link k, and with the sine's other sign link k to link r
            swing = arm.inertia[k][r] * xp.sin(between[k][r])
            F[k] = F[k] + swing * squares[r]
            F[r] = F[r] - swing * squares[k]
    return _sums_outward(F)


def _drag(qd, arm, xp):
    """D, joint friction over joint speed in N m s/rad: (n, ...)."""
    return arm.damping + arm.friction / xp.sqrt(qd * qd + arm.slow)


def _solve(M, x) -> list:
    """x of M x = right by Gaussian elimination; M is symmetric, its lower triangle enough. ``x`` begins as right.

    Unrolled over the few joints: on a thousand 2 x 2 matrices ``np.linalg.solve`` takes ten times as long and more.
    """
    n = len(x)
    for j in range(n):
        for i in range(j + 1, n):
            factor = M[i][j] / M[j][j]
            for k in range(j + 1, i + 1):
                M[i][k] = M[i][k] - factor * M[k][j]
            x[i] = x[i] - factor * x[j]
    for i in reversed(range(n)):
        for j in range(i + 1, n):
            x[i] = x[i] - M[j][i] * x[j]
        x[i] = x[i] / M[i][i]
    return x


def energy(q, qd, physics: PhysicsParams):
    """Kinetic plus potential energy in J, zero for the arm at rest along x: (..., n) -> (...,).

    sum over i, j of qd_i M_ij qd_j / 2  +  sum over k of m g l load_k sin(phi_k)
    """
    xp, arm, (q, qd) = _prepared(physics, q=q, qd=qd)
    phi, n = _link_angles(q), len(q)
    M = _mass(_between(phi), arm, xp)
    kinetic = sum(M[max(i, j)][min(i, j)] * qd[i] * qd[j] for i in range(n) for j in range(n)) / 2
    return kinetic + sum(arm.weight[k] * xp.sin(phi[k]) for k in range(n))


def holding_torque(n_joints: int, physics: PhysicsParams | None = None) -> np.ndarray:
    """Torques in N m that hold the arm stretched out horizontally, the heaviest pose, against gravity: (..., n)."""
    still = np.zeros(n_joints)
    return bias_forces(still, still, physics or PhysicsParams())


# ---------------------------------------------------------------------------------------------------- where things are


def forward_kinematics(q, physics: PhysicsParams):
    """Positions (x, z) in metres of the base, every joint after it and the tip: (..., n) -> (..., n + 1, 2)."""
    xp, length, cos, sin = _link_directions(q, physics)
    axes = [_joined(list(accumulate(parts, initial=0 * parts[0])), xp) for parts in (cos, sin)]
    return xp.stack([_joints_last(length * axis, xp) for axis in axes], axis=-1)


def tip_position(q, physics: PhysicsParams):
    """Position (x, z) of the tip in metres: (..., n) -> (..., 2)."""
    xp, length, cos, sin = _link_directions(q, physics)
    return _joints_last(length * _joined([list(accumulate(cos))[-1], list(accumulate(sin))[-1]], xp), xp)


def jacobian(q, physics: PhysicsParams):
    """d tip_position / d q in m/rad: (..., n) -> (..., 2, n).

    Turning joint j swings the lever from joint j to the tip: (-sum_{k>=j} l sin phi_k, sum_{k>=j} l cos phi_k).
    """
    xp, length, cos, sin = _link_directions(q, physics)
    x, z = (_joints_last(length * _joined(_sums_outward(parts), xp), xp) for parts in (cos, sin))
    return xp.stack([-z, x], axis=-2)


def workspace_radii(link_lengths) -> tuple[float, float]:
    """Inner and outer radius (m) of the ring that a planar arm's tip can reach.

    As far as all links together, and no nearer than what the longest leaves when all others fold back against it.
    """
    total, longest = float(np.sum(link_lengths)), float(np.max(link_lengths))
    return max(0.0, 2 * longest - total), total


def _link_directions(q, physics: PhysicsParams):
    """The namespace, the link length (m), and cos(phi_k) and sin(phi_k), lists of (...)."""
    xp, (length,), (q,) = _joints_first(physics, ("link_length",), q=q)
    phi = _link_angles(q)
    return xp, length, [xp.cos(angle) for angle in phi], [xp.sin(angle) for angle in phi]


# ------------------------------------------------------------------------------------------------ the parts underneath


class _Arm(NamedTuple):
    """What the equations need of the physics."""

    inertia: list  # [k][r] for r <= k: the factor of H_kr, kg m^2
    weight: list  # [k]: m g l load_k, N m
    motor_strength: object
    damping: object  # N m s/rad
    friction: object  # N m
    slow: object  # STICTION_SPEED^2


def _prepared(physics: PhysicsParams, **arrays):
    """The namespace, the ``_Arm``, and arrays (..., n) as (n, ...)."""
    names = ("mass", "link_length", "gravity", "motor_strength", "damping", "friction")
    xp, fields, vectors = _joints_first(physics, names, **arrays)
    numbers = all(isinstance(field, float) for field in fields)
    return xp, (_remembered_arm if numbers else _arm)(len(vectors[0]), vectors[0].dtype, *fields), vectors


def _arm(n: int, dtype, mass, length, gravity, motor_strength, damping, friction) -> _Arm:
    moment, weight, load = mass * length * length, mass * gravity * length, [n - k - 0.5 for k in range(n)]
    inertia = [[_number(moment * (load[k] - (k == r) / 6), dtype) for r in range(k + 1)] for k in range(n)]
    weights = [_number(weight * load[k], dtype) for k in range(n)]
    rest = (motor_strength, damping, friction, STICTION_SPEED**2)
    return _Arm(inertia, weights, *(_number(value, dtype) for value in rest))


_remembered_arm = lru_cache(_arm)  # made anew at every step it would take a twentieth of the time of a step


def _joints_first(physics: PhysicsParams, names, **arrays):
    """The namespace, fields of the physics, and arrays (..., n) as floating-point ones (n, ...) of one shape.

    ValueError where the number of joints differs.
    """
    name, first = next(iter(arrays.items()))
    for other, value in arrays.items():
        if value.shape[-1:] != first.shape[-1:] or first.shape[-1:] in ((), (0,)):
            shapes = f"{other} has shape {tuple(value.shape)} and {name} {tuple(first.shape)}"
            raise ValueError(f"{shapes}; accepted are (..., n) with the same number of joints n >= 1")
    xp, values = namespace(first), [_floating(value) for value in arrays.values()]
    fields = [_like(getattr(physics, name), values[0]) for name in names]
    shapes = [(*field.shape, 1) for field in fields if not isinstance(field, float)]
    if shapes or any(value.shape != first.shape for value in values):
        shape = np.broadcast_shapes(*shapes, *(tuple(value.shape) for value in values))
        values = [value if value.shape == shape else xp.broadcast_to(value, shape) for value in values]
    ndim = values[0].ndim
    turned = (ndim - 1, *range(ndim - 1))
    return xp, fields, [value.T if ndim == 2 else xp.permute_dims(value, turned) for value in values]


def _like(field, x):
    """An array among the fields in the dtype and on the device of ``x``."""
    if isinstance(field, float):
        return field
    if is_torch_array(x) and not is_torch_array(field):
        field = namespace(x).asarray(field, device=device(x))
    return field if field.dtype == x.dtype else namespace(x).astype(field, x.dtype)


def _number(value, dtype):
    """A number in the dtype of its arrays: NumPy multiplies sooner by an array without axes than by a Python number."""
    return np.asarray(value, dtype=dtype) if isinstance(value, float) and isinstance(dtype, np.dtype) else value


def _link_angles(q) -> list:
    """phi_k = q_0 + ... + q_k, a list of (...)."""
    return list(accumulate(q))


def _between(phi: list) -> list:
    """phi_k - phi_r, [k][r] for r < k: the turn from one link to another, which M and h both need."""
    return [[phi[k] - phi[r] for r in range(k)] for k in range(len(phi))]


def _sums_outward(parts: list) -> list:
    """For every joint the sum over the links from it to the tip."""
    return list(accumulate(parts[::-1]))[::-1]


def _limited(rates, limit):
    """Rates within +-limit, None for no limit; NumPy's two functions take two thirds of the time of its ``clip``."""
    if limit is None:
        return rates
    return rates.clip(-limit, limit) if is_torch_array(rates) else np.minimum(np.maximum(rates, -limit), limit)


def _joined(rows: list, xp):
    """A list of n arrays (...) as one (n, ...); ``np.array`` takes a quarter of the time of ``np.stack``."""
    return np.array(rows) if isinstance(rows[0], np.ndarray | np.generic) else xp.stack(rows)


def _joints_last(x, xp):
    """(n, ...) as (..., n), in memory still joint by joint, so that the next call finds every joint contiguous."""
    return x.T if x.ndim == 2 else xp.permute_dims(x, (*range(1, x.ndim), 0))


def _floating(x):
    """``x``, whole numbers as floating-point ones."""
    return x if (x.dtype.is_floating_point if is_torch_array(x) else x.dtype.kind == "f") else x + 0.0
