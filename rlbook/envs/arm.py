"""The physics of a planar arm in a vertical plane, written once.

The arm has n equal links: uniform rods of mass m and length l, each turned by a motor at its near end. Joint angles
``q`` are measured from the previous link, the first from the horizontal x axis, counter-clockwise when x points right
and z up; ``q = 0`` is the arm stretched out along x.

The equation of motion (Siciliano et al., *Robotics: Modelling, Planning and Control*, 2009, section 7.2)

    M(q) qdd + h(q, qd) = motor_strength * torque

is shortest in the *link angles* ``phi_i = q_0 + ... + q_i``, the angle of link i to the horizontal. With ``k_ij`` the
masses that swing at the end of both links (half a link for a rod's own centre, a third for its own inertia):

    H_ij = m l^2 k_ij cos(phi_i - phi_j)        k_ii = n - 1 - i + 1/3,   k_ij = n - 1 - max(i, j) + 1/2
    sum_j H_ij phidd_j + sum_j m l^2 k_ij sin(phi_i - phi_j) phid_j^2 + m g l (n - i - 1/2) cos(phi_i) = u_i - u_(i+1)

where ``u = motor_strength * torque - joint_friction(qd)``: a motor pushes its own link forward and the one before it
back. Every function works component by component on whole batches, so the same lines step ten thousand arms in NumPy
and differentiate in torch.

Arrays are NumPy or torch, float32 or float64, of shape ``(..., n)`` with any leading batch shape; the answer is of the
same kind. The fields of ``PhysicsParams`` are numbers or arrays that broadcast with the batch shape.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from array_api_compat import array_namespace, device, is_torch_array

# Below this joint speed (rad/s) Coulomb friction fades smoothly to zero, so that it has a derivative at rest.
STICTION_SPEED = 0.1
MAX_ACTION_DELAY = 20

# field: (what is accepted, lowest value, whether the lowest value itself is accepted)
_ACCEPTED = {
    "mass": ("positive masses in kg", 0.0, False),
    "friction": ("zero and positive torques in N m", 0.0, True),
    "damping": ("zero and positive values in N m s/rad", 0.0, True),
    "motor_strength": ("zero and positive factors", 0.0, True),
    "gravity": ("zero and positive accelerations in m/s^2", 0.0, True),
    "link_length": ("positive lengths in m", 0.0, False),
    "sensor_noise": ("zero and positive standard deviations in rad", 0.0, True),
    "action_delay": (f"whole numbers of steps from 0 to {MAX_ACTION_DELAY}", 0.0, True),
}


@dataclasses.dataclass(frozen=True)
class PhysicsParams:
    """What can differ between one arm and the next. Each field is a number, or an array with one value an environment.

    ==============  ==========  =======  ===========================================================================
    field           unit        nominal  meaning
    ==============  ==========  =======  ===========================================================================
    mass            kg          1.0      of each link
    friction        N m         0.1      Coulomb friction of each joint, smooth below ``STICTION_SPEED``
    damping         N m s/rad   0.3      viscous friction of each joint
    motor_strength  1           1.0      delivered torque over commanded torque
    gravity         m/s^2       9.81     downwards, along -z
    link_length     m           0.5      of each link
    sensor_noise    rad         0.0      standard deviation of a measured joint angle (added by the environments)
    action_delay    steps       0        environment steps from command to effect (done by the environments)
    ==============  ==========  =======  ===========================================================================

    Raises ValueError naming the field whose value makes no such arm.
    """

    mass: object = 1.0
    friction: object = 0.1
    damping: object = 0.3
    motor_strength: object = 1.0
    gravity: object = 9.81
    link_length: object = 0.5
    sensor_noise: object = 0.0
    action_delay: object = 0

    def __post_init__(self):
        for name in _ACCEPTED:
            object.__setattr__(self, name, _checked(name, getattr(self, name)))

    def replace(self, **changes) -> "PhysicsParams":
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def as_dict(self) -> dict:
        """{field: value} in the order of the table."""
        return {name: getattr(self, name) for name in _ACCEPTED}


def _checked(name: str, value):
    """A legal value of a field: a Python number (which leaves float32 arrays float32) or an array."""
    accepted, low, closed = _ACCEPTED[name]
    try:
        numbers = np.asarray(value.detach().cpu() if is_torch_array(value) else value, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"PhysicsParams.{name} is {value!r}; accepted are {accepted}") from None
    good = np.isfinite(numbers) & ((numbers >= low) if closed else (numbers > low))
    if name == "action_delay":
        good &= (numbers <= MAX_ACTION_DELAY) & (numbers % 1 == 0)
    if not good.all():
        raise ValueError(f"PhysicsParams.{name} is {numbers[~good].flat[0]:g}; accepted are {accepted}")
    if numbers.ndim or is_torch_array(value):
        return value if hasattr(value, "dtype") else numbers
    return numbers.item()


# ---------------------------------------------------------------------------------------------------- where things are


def forward_kinematics(q, physics: PhysicsParams):
    """Positions (x, z) in metres of the base, every joint after it and the tip: (..., n) -> (..., n + 1, 2)."""
    xp = array_namespace(q)
    cos, sin = _link_directions(q, xp)
    length = _like(physics.link_length, q, xp)
    xs = [0 * cos[0] * length]
    zs = list(xs)
    for c, s in zip(cos, sin, strict=True):
        xs.append(xs[-1] + length * c)
        zs.append(zs[-1] + length * s)
    return xp.stack([xp.stack(xs, axis=-1), xp.stack(zs, axis=-1)], axis=-1)


def tip_position(q, physics: PhysicsParams):
    """Position (x, z) of the tip in metres: (..., n) -> (..., 2). The last point of ``forward_kinematics``, sooner."""
    xp = array_namespace(q)
    cos, sin = _link_directions(q, xp)
    length = _like(physics.link_length, q, xp)
    return _joints_last(xp.stack([length * sum(cos[1:], cos[0]), length * sum(sin[1:], sin[0])], axis=0), xp)


def jacobian(q, physics: PhysicsParams):
    """d tip_position / d q in m/rad: (..., n) -> (..., 2, n).

    Turning joint j swings the lever from joint j to the tip: (-sum_{i>=j} l sin phi_i, sum_{i>=j} l cos phi_i).
    """
    xp = array_namespace(q)
    cos, sin = _link_directions(q, xp)
    length = _like(physics.link_length, q, xp)
    rows = [[-length * part for part in _suffix_sums(sin)], [length * part for part in _suffix_sums(cos)]]
    return xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)


# ----------------------------------------------------------------------------------------------------- how things move


def mass_matrix(q, physics: PhysicsParams):
    """M(q) in kg m^2: (..., n) -> (..., n, n), symmetric and positive definite.

    With q_i part of every later link angle, M_ij = sum over k >= i, l >= j of H_kl.
    """
    xp = array_namespace(q)
    n = q.shape[-1]
    cos, sin = _link_directions(q, xp)
    scale = _parts(physics, q, xp).inertia + 0 * cos[0]
    H = [[_swung(n, i, j) * (_cos_between(cos, sin, i, j) if i != j else 1) for j in range(n)] for i in range(n)]
    below = [_suffix_sums([row[j] for row in H]) for j in range(n)]  # below[j][i] = sum over k >= i of H_kj
    M = [_suffix_sums([below[j][i] for j in range(n)]) for i in range(n)]
    rows = [[scale * M[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)]  # symmetric to the last digit
    return xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)


def bias_forces(q, qd, physics: PhysicsParams):
    """h(q, qd) in N m: the torque that keeps the joints turning at constant speed, (..., n).

    Centrifugal and Coriolis torques, gravity, and joint friction. At rest it is what holds the arm against gravity.
    """
    xp = _same_shape(q, qd=qd)
    part = _parts(physics, q, xp)
    angles, rates = _joints_first(xp, part.shape, q, qd)
    h = xp.stack(_suffix_sums(_link_forces(_running_sums(angles), rates, part, xp)[0]), axis=0)
    return _joints_last(part.inertia * (h + _drag(rates, part, xp) * rates), xp)


def joint_friction(qd, physics: PhysicsParams):
    """Torque in N m that joint friction takes from the motors: viscous plus smooth Coulomb friction, (..., n).

    damping * qd + friction * qd / sqrt(qd^2 + STICTION_SPEED^2)
    """
    xp = array_namespace(qd)
    part = _parts(physics, qd, xp)
    (rates,) = _joints_first(xp, part.shape, qd)
    return _joints_last(part.inertia * _drag(rates, part, xp) * rates, xp)


def forward_dynamics(q, qd, torque, physics: PhysicsParams):
    """Joint accelerations in rad/s^2 under the commanded torques in N m: (..., n) each -> (..., n)."""
    xp = _same_shape(q, qd=qd, torque=torque)
    part = _parts(physics, q, xp)
    angles, rates, torques = _joints_first(xp, part.shape, q, qd, torque)
    gain = _speed_gain(_running_sums(angles), rates, _link_push(torques, part), part, False, xp)
    return _joints_last(gain, xp)


def energy(q, qd, physics: PhysicsParams):
    """Kinetic plus potential energy in J, zero for the arm at rest along x: (..., n) -> (...,)."""
    xp = _same_shape(q, qd=qd)
    n, part = q.shape[-1], _parts(physics, q, xp)
    angles, rates = _joints_first(xp, part.shape, q, qd)
    cos, sin = _directions(_running_sums(angles), xp)
    rates = _running_sums(rates)
    total = 0
    for i in range(n):
        total = total + 0.5 * _swung(n, i, i) * rates[i] * rates[i]
        for j in range(i):
            total = total + _swung(n, i, j) * _cos_between(cos, sin, i, j) * rates[i] * rates[j]
        total = total + part.pull * (n - i - 0.5) * sin[i]
    return part.inertia * total


def step(q, qd, torque, physics: PhysicsParams, dt: float, integrator="euler", *, substeps=1, max_speed=None):
    """The joints ``dt`` seconds later, the torque held: (q, qd), each (..., n).

    ``"euler"`` is semi-implicit Euler, first order: the new velocity moves the joints. Friction is that of the new
    velocity too, its coefficient D = joint_friction(qd) / qd that of the old one, so a stiff joint cannot blow up
    (MuJoCo's Euler integrator treats damping so):
    qd' = qd + dt (M + dt D)^-1 (motor_strength * torque - h(q, qd)),  q' = q + dt qd'.
    ``"rk4"`` is the classical fourth-order Runge-Kutta method, four times the work.

    ``dt`` is divided into ``substeps``; ``max_speed`` (rad/s) limits every joint's velocity after each of them.
    """
    xp = _same_shape(q, qd=qd, torque=torque)
    if integrator not in _INTEGRATORS:
        raise ValueError(f"integrator is {integrator!r}; accepted are {', '.join(_INTEGRATORS)}")
    advance, dt = _INTEGRATORS[integrator], dt / substeps
    part = _parts(physics, q, xp, dt)
    angles, rates, torques = _joints_first(xp, part.shape, q, qd, torque)
    phi, push = _running_sums(angles), _link_push(torques, part)
    for _ in range(substeps):
        phi, rates = advance(phi, rates, push, part, dt, xp)
        if max_speed is not None:
            rates = rates.clip(-max_speed, max_speed)
    return _joints_last(xp.stack(_differences(phi), axis=0), xp), _joints_last(rates, xp)


def _semi_implicit_euler(phi, rates, push, part, dt, xp):
    rates = rates + _speed_gain(phi, rates, push, part, True, xp)
    return [angle + dt * rate for angle, rate in zip(phi, _running_sums(rates), strict=True)], rates


def _runge_kutta(phi, rates, push, part, dt, xp):
    angles, speeds, slopes = phi, rates, []
    for share in (1 / 2, 1 / 2, 1, None):
        turns = [dt * rate for rate in _running_sums(speeds)]
        slopes.append((turns, _speed_gain(angles, speeds, push, part, False, xp)))
        if share is not None:
            angles = [angle + share * turn for angle, turn in zip(phi, turns, strict=True)]
            speeds = rates + share * slopes[-1][1]
    for (turns, gain), weight in zip(slopes, (1 / 6, 1 / 3, 1 / 3, 1 / 6), strict=True):
        phi = [angle + weight * turn for angle, turn in zip(phi, turns, strict=True)]
        rates = rates + weight * gain
    return phi, rates


_INTEGRATORS = {"euler": _semi_implicit_euler, "rk4": _runge_kutta}


# -------------------------------------------------------------------------- one number a batch: the parts underneath
# A call on a thousand numbers costs as much as the call itself. So ``_Parts`` folds what stays the same in a step, and
# results are added up in place, in arrays made here that no derivative needs as they were.


def _speed_gain(phi, rates, push, part, implicit, xp):
    """time * qdd (n, ...) of (M + time D) qdd = motor_strength * torque - h, D = 0 if not ``implicit``.

    ``phi`` are the link angles, a list; ``rates`` (n, ...) the joints' rates; ``push`` comes from ``_link_push``.
    """
    n = len(phi)
    forces, cos, sin = _link_forces(phi, rates, part, xp)
    drag = _drag(rates, part, xp)
    lost = drag * rates
    right = [push[i] - force for i, force in enumerate(forces)]
    K = [[_swung(n, i, j) * _cos_between(cos, sin, i, j) for j in range(i)] + [_swung(n, i, i)] for i in range(n)]
    for i in range(n):  # friction couples neighbours: it acts on qdd_i = phidd_i - phidd_(i-1)
        right[i] -= lost[i]
        if i:
            right[i - 1] += lost[i]
        if implicit:
            K[i][i] = K[i][i] + drag[i]
            if i:
                K[i][i - 1] -= drag[i]
                K[i - 1][i - 1] += drag[i]
    return xp.stack(_differences(_solve(K, right)), axis=0)


def _link_push(torques, part):
    """What the motors do to every link, over m l^2 and times ``part.time``: u_i - u_(i+1)."""
    push = part.drive * torques
    return [push[i] - push[i + 1] for i in range(len(push) - 1)] + [push[-1]]


def _link_forces(phi, rates, part, xp):
    """Velocity and gravity torques on the links, over m l^2 and times ``part.time``, and the cosines and sines."""
    n = len(phi)
    cos, sin = _directions(phi, xp)
    squares = [rate * rate for rate in _running_sums(rates)]
    forces = [(n - i - 0.5) * part.pull * cos[i] for i in range(n)]
    for i in range(n):
        for j in range(i):
            swing = sin[i] * cos[j]
            swing -= cos[i] * sin[j]
            swing = (part.time * _swung(n, i, j)) * swing  # k_ij sin(phi_i - phi_j)
            forces[i] += swing * squares[j]
            forces[j] -= swing * squares[i]
    return forces, cos, sin


def _drag(rates, part, xp):
    """Friction torque over joint speed, over m l^2 and times ``part.time``."""
    squares = rates * rates
    squares += STICTION_SPEED**2
    drag = part.friction / xp.sqrt(squares)
    drag += part.damping
    return drag


def _solve(K, right):
    """x of K x = right for a symmetric positive definite K given by its lower triangle: K = L D L', unrolled."""
    n = len(K)
    L = [list(row) for row in K]
    for j in range(n):
        for i in range(j + 1, n):
            column = L[i][j]
            L[i][j] = column / L[j][j]
            for k in range(j + 1, i + 1):  # at row i, L[k][j] is already divided, and so is L[i][j] when k == i
                L[i][k] -= column * L[k][j]
    x = list(right)
    for i in range(n):
        for j in range(i):
            x[i] -= L[i][j] * x[j]
    x = [value / L[i][i] for i, value in enumerate(x)]
    for i in reversed(range(n)):
        for j in range(i + 1, n):
            x[i] -= L[j][i] * x[j]
    return x


def _swung(n: int, i: int, j: int) -> float:
    """k_ij of the module's first page: link masses that swing with both link i and link j."""
    return n - 1 - max(i, j) + (1 / 3 if i == j else 1 / 2)


def _cos_between(cos, sin, i: int, j: int):
    product = cos[i] * cos[j]
    product += sin[i] * sin[j]
    return product


def _parts(physics: PhysicsParams, like, xp, time: float = 1.0) -> "_Parts":
    """What the equations need of the physics, in the dtype and on the device of ``like``."""
    length = _like(physics.link_length, like, xp)
    inertia = _like(physics.mass, like, xp) * length * length
    scale = time / inertia
    drive, pull = _like(physics.motor_strength, like, xp) * scale, _like(physics.gravity, like, xp) * (time / length)
    damping, friction = _like(physics.damping, like, xp) * scale, _like(physics.friction, like, xp) * scale
    shape = np.broadcast_shapes(*(tuple(getattr(x, "shape", ())) for x in (inertia, drive, pull, damping, friction)))
    return _Parts(time, inertia, pull, drive, damping, friction, shape)


class _Parts(NamedTuple):
    """All but ``inertia`` times ``time``, so that torques become changes of speed; in a second, accelerations."""

    time: float  # s
    inertia: object  # m l^2
    pull: object  # g / l
    drive: object  # motor_strength / (m l^2)
    damping: object  # over m l^2, as is friction
    friction: object
    shape: tuple  # batch shape of all of these


def _link_directions(q, xp):
    return _directions(_running_sums([q[..., i] for i in range(q.shape[-1])]), xp)


def _directions(phi, xp):
    """Cosines and sines of the link angles, one list each."""
    return [xp.cos(angle) for angle in phi], [xp.sin(angle) for angle in phi]


def _running_sums(parts):
    sums = [parts[0]]
    for part in parts[1:]:
        sums.append(sums[-1] + part)
    return sums


def _differences(sums):
    """The parts again that ``_running_sums`` added up."""
    return [sums[0], *(sums[i] - sums[i - 1] for i in range(1, len(sums)))]


def _suffix_sums(parts):
    return _running_sums(parts[::-1])[::-1]


def _joints_first(xp, shape: tuple, *arrays):
    """Arrays (..., n) as (n, ...) of one shape, which ``shape``, that of the physics, broadcasts to.

    Functions return arrays that lie in memory joint by joint, so that this costs nothing and every joint is contiguous.
    """
    wanted = arrays[0].shape[:-1]
    if shape and wanted != shape:
        wanted = np.broadcast_shapes(shape, *(tuple(x.shape[:-1]) for x in arrays))
        arrays = [xp.broadcast_to(x, (*wanted, x.shape[-1])) for x in arrays]
    elif any(x.shape != arrays[0].shape for x in arrays):
        arrays = xp.broadcast_arrays(*arrays)
    return [x.T if x.ndim == 2 else xp.moveaxis(x, -1, 0) for x in arrays]


def _joints_last(x, xp):
    return x.T if x.ndim == 2 else xp.moveaxis(x, 0, -1)


def _like(value, x, xp):
    """A field in the dtype and on the device of ``x``; plain numbers need neither."""
    if isinstance(value, float):
        return value
    if is_torch_array(x) and not is_torch_array(value):
        value = xp.asarray(value, device=device(x))
    return value if value.dtype == x.dtype else xp.astype(value, x.dtype)


def _same_shape(q, **others):
    """The arrays' common namespace; ValueError where the number of joints differs."""
    for name, value in others.items():
        if value.shape[-1:] != q.shape[-1:] or not q.shape[-1:]:
            shapes = f"{name} has shape {tuple(value.shape)} and q {tuple(q.shape)}"
            raise ValueError(f"{shapes}; accepted are (..., n) with the same number of joints n >= 1")
    return array_namespace(q, *others.values())


def holding_torque(n_joints: int, physics: PhysicsParams | None = None) -> np.ndarray:
    """Torques in N m that hold the arm stretched out horizontally, the heaviest pose, against gravity: (..., n)."""
    still = np.zeros(n_joints)
    physics = physics or PhysicsParams()
    return bias_forces(still, still, physics)
