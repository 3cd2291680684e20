"""The physics of a planar arm in a vertical plane, written once.

The arm has n equal links: uniform rods of mass m and length l, each turned by a motor at its near end. Joint angles
``q`` are measured from the previous link, the first from the horizontal x axis, counter-clockwise when x points right
and z up; ``q = 0`` is the arm stretched out along x.

The equation of motion (Siciliano et al., *Robotics: Modelling, Planning and Control*, 2009, chapter 7)

    M(q) qdd + h(q, qd) = motor_strength * torque

is shortest in the *link angles* ``phi_i = q_0 + ... + q_i``, the angle of link i to the horizontal. With ``load_i`` the
number of links from the middle of link i on, n - i - 1/2, which swing at its end (a rod's own inertia takes 1/6 off):

    H_ij = m l^2 k_ij cos(phi_i - phi_j)        k_ii = load_i - 1/6,   k_ij = load_max(i, j)
    sum_j H_ij phidd_j + sum_j m l^2 k_ij sin(phi_i - phi_j) phid_j^2 + m g l load_i cos(phi_i) = u_i - u_(i+1)

where ``u = motor_strength * torque - joint_friction(qd)``: a motor pushes its own link forward and the one before it
back. Every function works on whole batches, so the same lines step ten thousand arms in NumPy and differentiate in
torch.

Arrays are NumPy or torch, float32 or float64, of shape ``(..., n)`` with any leading batch shape; the answer is of the
same kind. The fields of ``PhysicsParams`` are numbers or arrays that broadcast with the batch shape.
"""

import functools
import itertools
from typing import NamedTuple

import numpy as np
from array_api_compat import array_namespace, device, is_torch_array

from rlbook.envs.arm.params import PhysicsParams

# Below this joint speed (rad/s) Coulomb friction fades smoothly to zero, so that it has a derivative at rest.
STICTION_SPEED = 0.1

_namespaces = {}


def namespace(x):
    """``array_namespace(x)``, which takes as long as five operations on a thousand numbers, remembered by type."""
    if type(x) not in _namespaces:
        _namespaces[type(x)] = array_namespace(x)
    return _namespaces[type(x)]


# ---------------------------------------------------------------------------------------------------- where things are


def forward_kinematics(q, physics: PhysicsParams):
    """Positions (x, z) in metres of the base, every joint after it and the tip: (..., n) -> (..., n + 1, 2)."""
    cos, sin, length, xp = _links(q, physics)
    axes = [_running_sums([0 * part[:1], *_rows(length * part)]) for part in (cos, sin)]
    return _joints_last(xp.stack([_joints_last(xp.concat(axis, axis=0), xp) for axis in axes], axis=0), xp)


def tip_position(q, physics: PhysicsParams):
    """Position (x, z) of the tip in metres: (..., n) -> (..., 2). The last point of ``forward_kinematics``, sooner."""
    cos, sin, length, xp = _links(q, physics)
    return _joints_last(length * xp.concat([_total(cos), _total(sin)], axis=0), xp)


def jacobian(q, physics: PhysicsParams):
    """d tip_position / d q in m/rad: (..., n) -> (..., 2, n).

    Turning joint j swings the lever from joint j to the tip: (-sum_{i>=j} l sin phi_i, sum_{i>=j} l cos phi_i).
    """
    cos, sin, length, xp = _links(q, physics)
    levers = [xp.concat(_suffix_sums(_rows(length * part)), axis=0) for part in (sin, cos)]
    return xp.stack([_joints_last(-levers[0], xp), _joints_last(levers[1], xp)], axis=-2)


# ----------------------------------------------------------------------------------------------------- how things move


def mass_matrix(q, physics: PhysicsParams):
    """M(q) in kg m^2: (..., n) -> (..., n, n), symmetric and positive definite.

    With q_i part of every later link angle, M_ij = sum over k >= i, l >= j of H_kl.
    """
    part, xp, (angles,) = _unpacked(physics, q=q)
    n, couplings = len(angles), _couplings(*_directions(_cumulated(angles, xp), part, xp))
    H = [[couplings[abs(i - j) - 1][min(i, j)] if i != j else part.own[i] for j in range(n)] for i in range(n)]
    below = [_suffix_sums([row[j] for row in H]) for j in range(n)]  # below[j][i] = sum over k >= i of H_kj
    M = [_suffix_sums([below[j][i] for j in range(n)]) for i in range(n)]
    rows = [[part.inertia * M[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)]  # symmetric to the last digit
    return xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)


def bias_forces(q, qd, physics: PhysicsParams):
    """h(q, qd) in N m: the torque that keeps the joints turning at constant speed, (..., n).

    Centrifugal and Coriolis torques, gravity, and joint friction. At rest it is what holds the arm against gravity.
    """
    part, xp, (angles, rates) = _unpacked(physics, q=q, qd=qd)
    forces = _link_forces(_cumulated(rates, xp), _directions(_cumulated(angles, xp), part, xp), part)
    h = xp.concat(_suffix_sums(_rows(forces)), axis=0) + _drag(rates, part, xp) * rates
    return _joints_last(part.inertia * h, xp)


def joint_friction(qd, physics: PhysicsParams):
    """Torque in N m that joint friction takes from the motors: viscous plus smooth Coulomb friction, (..., n).

    damping * qd + friction * qd / sqrt(qd^2 + STICTION_SPEED^2)
    """
    part, xp, (rates,) = _unpacked(physics, qd=qd)
    return _joints_last(part.inertia * _drag(rates, part, xp) * rates, xp)


def forward_dynamics(q, qd, torque, physics: PhysicsParams):
    """Joint accelerations in rad/s^2 under the commanded torques in N m: (..., n) each -> (..., n)."""
    part, xp, (angles, rates, torques) = _unpacked(physics, q=q, qd=qd, torque=torque)
    links = _cumulated(angles, xp), _cumulated(rates, xp)
    gain = _link_acceleration(*links, rates, part.drive * torques, part, xp)
    return _joints_last(xp.concat(_differences(_rows(gain)), axis=0), xp)


def energy(q, qd, physics: PhysicsParams):
    """Kinetic plus potential energy in J, zero for the arm at rest along x: (..., n) -> (...,)."""
    part, xp, (angles, rates) = _unpacked(physics, q=q, qd=qd)
    rates, (cos, sin, *loaded) = _cumulated(rates, xp), _directions(_cumulated(angles, xp), part, xp)
    total = _total(0.5 * part.own * rates * rates + part.pull * part.load * sin)
    for gap, coupling in enumerate(_couplings(cos, sin, *loaded), start=1):
        total = total + _total(coupling * rates[gap:] * rates[:-gap])
    return part.inertia * total[0]


def step(q, qd, torque, physics: PhysicsParams, dt: float, integrator="euler", *, substeps=1, max_speed=None):
    """The joints ``dt`` seconds later, the torque held: (q, qd), each (..., n).

    ``"euler"`` is semi-implicit Euler, first order: the new velocity moves the joints. Friction is that of the new
    velocity too, its coefficient D = joint_friction(qd) / qd that of the old one, so a stiff joint cannot blow up
    (MuJoCo's Euler integrator treats damping so):
    qd' = qd + dt (M + dt D)^-1 (motor_strength * torque - h(q, qd)),  q' = q + dt qd'.
    ``"rk4"`` is the classical fourth-order Runge-Kutta method, four times the work.

    ``dt`` is divided into ``substeps``; ``max_speed`` (rad/s) limits every new velocity.
    """
    if integrator not in _INTEGRATORS:
        raise ValueError(f"integrator is {integrator!r}; accepted are {', '.join(_INTEGRATORS)}")
    if not (dt > 0 and substeps >= 1):
        raise ValueError(f"dt is {dt} s in {substeps} substeps; accepted are positive times in 1 or more substeps")
    advance, time = _INTEGRATORS[integrator], dt / substeps
    part, xp, (angles, rates, torques) = _unpacked(physics, time, q=q, qd=qd, torque=torque)
    push, rates, limit = part.drive * torques, time * rates, None if max_speed is None else time * max_speed
    phi, phid = _cumulated(angles, xp), _cumulated(rates, xp)
    for _ in range(substeps):
        phi, phid, rates = advance(phi, phid, rates, push, part, limit, xp)
    q, qd = xp.concat(_differences(_rows(phi)), axis=0), _limited(rates / time, max_speed)
    return _joints_last(q, xp), _joints_last(qd, xp)


def _semi_implicit_euler(phi, phid, rates, push, part, limit, xp):
    gain = _link_acceleration(phi, phid, rates, push, part, xp, implicit=True)
    rates = _limited(_sped_up(rates, gain), limit)
    phid = _cumulated(rates, xp)
    return phi + phid, phid, rates


def _runge_kutta(phi, phid, rates, push, part, limit, xp):
    turn, gain, (angles, speeds, joint_speeds) = 0, 0, (phi, phid, rates)
    for weight, share in ((1 / 6, 1 / 2), (1 / 3, 1 / 2), (1 / 3, 1), (1 / 6, 0)):
        change = _link_acceleration(angles, speeds, joint_speeds, push, part, xp)
        turn, gain = turn + weight * speeds, gain + weight * change
        angles, joint_speeds = phi + share * speeds, _sped_up(rates, share * change)
        speeds = _cumulated(joint_speeds, xp)
    rates = _limited(_sped_up(rates, gain), limit)
    return phi + turn, _cumulated(rates, xp), rates


_INTEGRATORS = {"euler": _semi_implicit_euler, "rk4": _runge_kutta}


# --------------------------------------------------------------------------------- the parts underneath, joints first
# Arrays are (n, ...) here and torques are over m l^2. Time is counted in steps of ``time`` seconds: rates are turns a
# step, torques what a step adds to them. A call on a thousand numbers costs as much as the call itself, so a call does
# all links at once, or all pairs of links equally far apart; sums grow in place where no derivative needs the parts.


def _link_acceleration(phi, phid, rates, push, part, xp, *, implicit=False):
    """phidd, with it qdd, of (M + D) qdd = motor_strength * torque - h, with D = 0 if not ``implicit``: (n, ...).

    ``phi`` and ``phid`` are the links' angles and rates, ``rates`` the joints', ``push`` the torque of the motors.
    """
    directions = _directions(phi, part, xp)
    couplings, drag = _couplings(*directions), _drag(rates, part, xp)
    torque = push - drag * rates
    right = torque - _link_forces(phid, directions, part)
    inner = right[:-1]
    inner -= torque[1:]
    diagonal = part.own + (drag if implicit else 0)
    if implicit:  # friction couples neighbours: it acts on qdd_i = phidd_i - phidd_(i-1)
        inner, outer = diagonal[:-1], drag[1:]
        inner += outer
        for coupling in couplings[:1]:
            coupling -= outer
    if len(right) == 2:
        return _solve_two(diagonal, *couplings, right)
    return xp.concat(_solve(diagonal, couplings, right), axis=0)


def _sped_up(rates, gain):
    """The joints' rates when those of the links change by ``gain``."""
    rates = rates + gain
    outer = rates[1:]
    outer -= gain[:-1]
    return rates


def _link_forces(phid, directions, part):
    """Velocity and gravity torques on the links, (n, ...)."""
    cos, sin, load_cos, load_sin = directions
    forces, squares = part.pull * load_cos, phid * phid
    for gap in range(1, len(cos)):
        swing = load_sin[gap:] * cos[:-gap]
        swing -= load_cos[gap:] * sin[:-gap]  # k_ij sin(phi_i - phi_j) for i - j = gap
        outer, inner = forces[gap:], forces[:-gap]
        outer += swing * squares[:-gap]
        inner -= swing * squares[gap:]
    return forces


def _couplings(cos, sin, load_cos, load_sin):
    """k_ij cos(phi_i - phi_j), a list over i - j = 1, 2, ...: (n - 1, ...), (n - 2, ...), ..."""
    couplings = []
    for gap in range(1, len(cos)):
        couplings.append(load_cos[gap:] * cos[:-gap])
        couplings[-1] += load_sin[gap:] * sin[:-gap]
    return couplings


def _directions(phi, part, xp):
    """Cosines and sines of the links' angles, alone and times their load, (n, ...) each."""
    cos, sin = xp.cos(phi), xp.sin(phi)
    return cos, sin, part.load * cos, part.load * sin


def _drag(rates, part, xp):
    """Friction torque over joint speed, (n, ...)."""
    squares = rates * rates
    squares += part.slow
    drag = part.friction / xp.sqrt(squares)
    drag += part.damping
    return drag


def _limited(rates, limit):
    return rates if limit is None else rates.clip(-limit, limit)


def _solve_two(diagonal, coupling, right):
    """x of K x = right for two links, by Cramer's rule: the same as ``_solve``, sooner."""
    determinant = diagonal[:1] * diagonal[1:]
    determinant -= coupling * coupling
    x = _swapped(diagonal) * right
    x -= coupling * _swapped(right)
    return x / determinant


def _solve(diagonal, couplings, right):
    """Rows x_i of K x = right, K symmetric and positive definite: K = L D L', unrolled. The arguments are used up."""
    n, x, pivots, *below = len(right), *(_own_rows(part) for part in (right, diagonal, *couplings))
    L = [[below[i - j - 1][j] for j in range(i)] + [pivots[i]] for i in range(n)]
    for j in range(n):
        for i in range(j + 1, n):
            column = L[i][j]
            L[i][j] = column / L[j][j]
            for k in range(j + 1, i + 1):  # at row i, L[k][j] is already divided, and so is L[i][j] when k == i
                L[i][k] -= column * L[k][j]
            x[i] -= L[i][j] * x[j]
    x = [value / L[i][i] for i, value in enumerate(x)]
    for i in reversed(range(n)):
        for j in range(i + 1, n):
            x[i] -= L[j][i] * x[j]
    return x


class _Parts(NamedTuple):
    """What the equations need of the physics, with ``time`` in seconds a step."""

    inertia: object  # m l^2, kg m^2
    pull: object  # time^2 g / l
    drive: object  # time^2 motor_strength / (m l^2)
    damping: object  # time damping / (m l^2)
    friction: object  # time^2 friction / (m l^2)
    slow: float  # (time STICTION_SPEED)^2
    load: object  # (n, ...): load_i, the k_ij of two links the outer of which is i
    own: object  # (n, ...): k_ii


def _unpacked(physics: PhysicsParams, time: float = 1.0, **arrays):
    """``_Parts``, the namespace, and arrays (..., n) as (n, ...) of one shape that the physics broadcasts to.

    Functions return arrays that lie in memory joint by joint, so that this costs nothing and every joint is contiguous.
    ValueError where the number of joints differs.
    """
    name, first = next(iter(arrays.items()))
    for other, value in arrays.items():
        if value.shape[-1:] != first.shape[-1:] or first.shape[-1:] in ((), (0,)):
            shapes = f"{other} has shape {tuple(value.shape)} and {name} {tuple(first.shape)}"
            raise ValueError(f"{shapes}; accepted are (..., n) with the same number of joints n >= 1")
    xp, values = namespace(first), [_floating(value) for value in arrays.values()]
    mass, length, drive, gravity, damping, friction = (
        _like(getattr(physics, field), values[0], xp)
        for field in ("mass", "link_length", "motor_strength", "gravity", "damping", "friction")
    )
    inertia = mass * length * length
    scale = time / inertia
    scaled = inertia, gravity * (time * time / length), drive * time * scale, damping * scale, friction * time * scale
    shapes = [tuple(x.shape) for x in scaled if not isinstance(x, float)]
    values = _broadcast(shapes, values, xp)
    scaled, like = (*scaled, (time * STICTION_SPEED) ** 2), values[0]
    if is_torch_array(like):
        return _Parts(*scaled, *_loads.__wrapped__(xp, like.shape, like.dtype, device(like))), xp, values
    scaled = [np.asarray(value, dtype=like.dtype) for value in scaled]  # NumPy multiplies sooner by arrays than numbers
    return _Parts(*scaled, *_loads(xp, like.shape, like.dtype, None)), xp, values


@functools.lru_cache(maxsize=4)
def _loads(xp, shape: tuple, dtype, where):
    """``load`` and ``own`` of ``_Parts``, in full: NumPy is slow to repeat a number along an axis."""
    count = xp.reshape(xp.arange(shape[0], 0, -1, dtype=dtype, device=where), (-1,) + (1,) * (len(shape) - 1))
    load = (count - 0.5) * xp.ones(shape, dtype=dtype, device=where)
    return load, load - 1 / 6


def _broadcast(shapes: list, arrays: list, xp):
    wanted = tuple(arrays[0].shape)
    if shapes or any(x.shape != wanted for x in arrays):
        wanted = np.broadcast_shapes(*((*shape, 1) for shape in shapes), *(tuple(x.shape) for x in arrays))
        arrays = [x if x.shape == wanted else xp.broadcast_to(x, wanted) for x in arrays]
    return [_joints_first(x, xp) for x in arrays]


def _floating(x):
    """``x``, whole numbers as floating-point ones."""
    return x if (x.dtype.is_floating_point if is_torch_array(x) else x.dtype.kind == "f") else x + 0.0


def _links(q, physics: PhysicsParams):
    """Cosines and sines of the links' angles (n, ...), the link length and the namespace."""
    xp, q = namespace(q), _floating(q)
    length = _like(physics.link_length, q, xp)
    (q,) = _broadcast([] if isinstance(length, float) else [tuple(length.shape)], [q], xp)
    phi = _cumulated(q, xp)
    return xp.cos(phi), xp.sin(phi), length, xp


def _joints_first(x, xp):
    return x.T if x.ndim == 2 else xp.moveaxis(x, -1, 0)


def _joints_last(x, xp):
    return x.T if x.ndim == 2 else xp.moveaxis(x, 0, -1)


def _rows(x):
    """The rows of (n, ...), (1, ...) each."""
    return [x[i : i + 1] for i in range(len(x))]


def _own_rows(x):
    """The rows of an array made here, to be changed. Torch allows that in views of an array that has no derivative."""
    return [row.clone() for row in _rows(x)] if is_torch_array(x) else _rows(x)


def _swapped(x):
    """The rows of (2, ...) in the other order."""
    return x.flip(0) if is_torch_array(x) else x[::-1]


def _total(x):
    """Sum over the rows of (n, ...): (1, ...)."""
    return _running_sums(_rows(x))[-1]


def _cumulated(x, xp):
    """Links' angles of joints' angles, or the same of rates: x_0, x_0 + x_1, ..."""
    return xp.concat(_running_sums(_rows(x)), axis=0)


def _running_sums(parts) -> list:
    return list(itertools.accumulate(parts))


def _differences(sums):
    return [sums[0], *(sums[i] - sums[i - 1] for i in range(1, len(sums)))]


def _suffix_sums(parts):
    return _running_sums(parts[::-1])[::-1]


def _like(value, x, xp):
    """A field in the dtype and on the device of ``x``; plain numbers need neither."""
    if isinstance(value, float):
        return value
    if is_torch_array(x) and not is_torch_array(value):
        value = xp.asarray(value, device=device(x))
    return value if value.dtype == x.dtype else xp.astype(value, x.dtype)


def holding_torque(n_joints: int, physics: PhysicsParams | None = None) -> np.ndarray:
    """Torques in N m that hold the arm stretched out horizontally, the heaviest pose, against gravity: (..., n)."""
    still = np.zeros(n_joints)
    return bias_forces(still, still, physics or PhysicsParams())
