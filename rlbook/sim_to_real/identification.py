"""System identification: the physics of a robot from a log of what it measured.

Torques and motion alone tell ratios: an arm twice as heavy, twice as stiff and twice as strong moves the same. So all
parameters found here are *over the motors' gain*, with ``motor_strength`` as it is in ``known``. Link length comes from
a ruler.

1. The equation of motion is linear in what is unknown (Siciliano et al. 2009, eq. 7.40), so least squares finds it:
   Y(q, qd, qdd) (mass, friction, damping, mass gravity)' = torque.
2. The simulator itself then predicts the log, window by window, and Gauss-Newton steps along its derivatives make the
   two agree: maximum likelihood for white noise, every window's true first state unknown as well.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from rlbook.envs.arm import physics as arm
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import MAX_SPEED, SUBSTEPS, VELOCITY_NOISE, ReachVectorEnv
from rlbook.envs.arm.recording import Trajectory, log_trajectory
from rlbook.sim_to_real.randomization import INTEGER_FIELDS, Range
from rlbook.validation import check_arguments

FIELDS = ("mass", "friction", "damping", "gravity", "action_delay")
WINDOW = 10  # control steps that the simulator predicts in one go
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)


@dataclasses.dataclass(frozen=True)
class Identified:
    """What a log says about the arm that it came from.

    physics : ``PhysicsParams`` of numbers; its delay is the nearest whole number.
    delay : the delay in steps with its fraction: motors that lag look like a little more delay.
    standard_errors : {field of ``FIELDS``: one standard deviation}; covariance (5, 5) of the same, in that order. They
        tell how well the log determines the parameters *of this model*, not how well the model fits.
    residual : {"q": rad, "qd": rad/s}, root mean squares of what is left.
    """

    physics: PhysicsParams
    delay: float
    standard_errors: dict
    covariance: np.ndarray
    residual: dict

    def ranges(self, k: float = 3.0, least: float = 0.0) -> dict:
        """Ranges to train on, {field: ``Range``}: k standard errors on both sides, at least the share ``least``.

        The whole numbers of a delay are those nearest to the ends.
        """
        check_arguments({"k": k, "least": least}, finite=("k", "least"))
        ranges = {}
        for field, error in self.standard_errors.items():
            value = self.delay if field in INTEGER_FIELDS else getattr(self.physics, field)
            width = max(k * error, least * value)
            low, high = max(value - width, 0.0), value + width
            ranges[field] = (
                Range(float(round(low)), float(round(high))) if field in INTEGER_FIELDS else Range(low, high)
            )
        return ranges


# ------------------------------------------------------------------------------------------------------ least squares


def regressor(q, qd, qdd, link_length: float = 0.5) -> np.ndarray:
    """Y of Y (mass, friction, damping, mass gravity)' = torque: (..., n) each -> (..., n, 4).

    The columns are the torques of an arm with one of the four at 1 and the others at 0, so the physics are those of
    ``arm.mass_matrix`` and ``arm.bias_forces``.
    """
    bare = PhysicsParams(mass=1.0, friction=0.0, damping=0.0, gravity=0.0, link_length=link_length)
    inertia = (arm.mass_matrix(q, bare) @ qdd[..., None])[..., 0] + arm.bias_forces(q, qd, bare)
    friction = arm.joint_friction(qd, bare.replace(friction=1.0))
    damping = arm.joint_friction(qd, bare.replace(damping=1.0))
    weight = arm.bias_forces(q, 0 * qd, bare.replace(gravity=1.0))
    return np.stack([inertia, friction, damping, weight], axis=-1)


def step_regressor(log: Trajectory, link_length: float = 0.5) -> np.ndarray:
    """The mean of ``regressor`` over every control step of a log: (T, B, n, 4).

    Accelerations are not measured. Between two measurements the joints follow the cubic that fits angles and velocities
    at both (Hermite's); four Gauss points a step integrate along it. So velocities are subtracted, never divided by a
    small time, and the impulse of a step is exact for the path.
    """
    time = log.time[1] - log.time[0]
    (q0, q1), (v0, v1) = ((values[:-1], values[1:]) for values in (log.q, time * log.qd))
    total = 0.0
    for s, weight in zip((_NODES + 1) / 2, _WEIGHTS / 2, strict=True):
        # the cubic a + b s + c s^2 + d s^3 with values q0, q1 and slopes v0, v1
        c, d = 3 * (q1 - q0) - 2 * v0 - v1, 2 * (q0 - q1) + v0 + v1
        q, qd, qdd = q0 + s * (v0 + s * (c + s * d)), v0 + s * (2 * c + 3 * s * d), 2 * c + 6 * s * d
        total = total + weight * regressor(q, qd / time, qdd / time**2, link_length)
    return total


def delayed(torque: np.ndarray, delay: int) -> np.ndarray:
    """The torques (T, ...) that act when commands take ``delay`` steps; zero before the first."""
    return np.concatenate([np.zeros_like(torque[:delay]), torque[: max(0, len(torque) - delay)]])


def _free(log: Trajectory) -> np.ndarray:
    """Control steps (T, B) without a joint at the drives' speed limit, where more than the motors acts."""
    below = (np.abs(log.qd) < MAX_SPEED).all(axis=-1)
    return below[:-1] & below[1:]


def least_squares(log: Trajectory, known: PhysicsParams | None = None, max_delay: int = 3):
    """(coefficients, delay): mass, friction, damping and mass times gravity, (4,), and the delay that leaves least.

    Steps at the drives' speed limit are left out.
    """
    known = known or PhysicsParams()
    rows = step_regressor(log, known.link_length)
    free, fits = _free(log), []
    for delay in range(max_delay + 1):
        torque = known.motor_strength * delayed(log.torque, delay)
        Y, u = rows[free].reshape(-1, 4), torque[free].reshape(-1)
        coefficients = np.linalg.lstsq(Y, u, rcond=None)[0]
        fits.append((((u - Y @ coefficients) ** 2).sum(), delay, coefficients))
    _, delay, coefficients = min(fits, key=lambda fit: fit[0])
    return coefficients, delay


# -------------------------------------------------------------------------------------------------------- excitation


def excitation(
    n_steps: int, n_arms: int, n_joints: int = 2, *, strength: float = 0.5, hold: int = 3, rng: np.random.Generator
) -> np.ndarray:
    """Actions (T, B, n) that move arms about: uniform in +-``strength``, each held for ``hold`` control steps."""
    counts = {"n_steps": n_steps, "n_arms": n_arms, "n_joints": n_joints, "hold": hold}
    check_arguments(counts | {"strength": strength}, count=counts, fraction=("strength",))
    levels = rng.uniform(-strength, strength, (-(-n_steps // hold), n_arms, n_joints))
    return np.repeat(levels, hold, axis=0)[:n_steps].astype(np.float32)


def informativeness(log: Trajectory, physics: PhysicsParams | None = None) -> float:
    """How much a log tells of the four coefficients: log det of Y'Y, each column times its coefficient.

    The D-optimal design of Swevers et al. (1997): the volume of the confidence ellipsoid falls as exp(-1/2) of it.
    """
    physics = physics or PhysicsParams()
    coefficients = [physics.mass, physics.friction, physics.damping, physics.mass * physics.gravity]
    rows = (step_regressor(log, physics.link_length) * coefficients)[_free(log)].reshape(-1, 4)
    return float(np.linalg.slogdet(rows.T @ rows)[1])


def design_excitation(n_steps: int, n_arms: int, n_joints: int = 2, *, candidates: int = 24, seed: int = 0):
    """The most informative of ``candidates`` excitations, tried on nominal simulated arms: actions (T, B, n).

    They differ in strength, 0.1 to 1, and in how long a torque is held, 1 to 12 control steps.
    """
    check_arguments({"candidates": candidates}, count=("candidates",))
    rng = np.random.default_rng(seed)
    envs, tried = ReachVectorEnv(n_arms, n_joints=n_joints), []
    for _ in range(candidates):
        strength, hold = rng.uniform(0.1, 1.0), int(rng.integers(1, 13))
        actions = excitation(n_steps, n_arms, n_joints, strength=strength, hold=hold, rng=rng)
        tried.append((informativeness(log_trajectory(envs, actions, seed=seed)), actions))
    return max(tried, key=lambda pair: pair[0])[1]


# ------------------------------------------------------------------------------------- through the simulator itself


def identify(
    log: Trajectory, known: PhysicsParams | None = None, *, max_delay: int = 3, iterations: int = 12
) -> Identified:
    """Mass, friction, damping, gravity and delay of the arm that a log came from.

    known : what need not be found: link length, motor strength and sensor noise; nominal by default.
    max_delay : longest delay that is tried, in control steps.

    Raises ValueError for a log with too few steps to tell the parameters.
    """
    check_arguments({"max_delay": max_delay, "iterations": iterations}, natural=("max_delay",), count=("iterations",))
    if len(log.torque) < WINDOW:
        raise ValueError(f"the log has {len(log.torque)} control steps; accepted are {WINDOW} and more")
    known = known or PhysicsParams()
    coefficients, delay = least_squares(log, known, max_delay)
    mass, friction, damping, weight = coefficients.clip(1e-3)
    guess = np.array([np.log(mass), np.log(friction), np.log(damping), np.log(weight / mass), delay])
    windows = _Windows(log, known, max_delay)
    for _ in range(iterations):
        change, covariance = windows.improvement(guess)
        guess = guess + change
        guess[4] = np.clip(guess[4], 0.0, max_delay)
        if (np.abs(change) < 0.01 * np.sqrt(np.diag(covariance)) + 1e-6).all():
            break
    return windows.report(guess, covariance)


def sensor_noise(log: Trajectory) -> float:
    """``PhysicsParams.sensor_noise`` in rad of an arm that hung still: the larger of what its two sensors say."""
    angles, velocities = (float(values.std(axis=0).mean()) for values in (log.q, log.qd))
    return max(angles, velocities / VELOCITY_NOISE)


class _Windows:
    """The log in windows of ``WINDOW`` steps, each predicted by the simulator from a first state of its own.

    Parameters are the logarithms of mass, friction, damping and gravity, and the delay in steps. ``state`` (W, 2n)
    holds the windows' first angles and velocities, measured (W, WINDOW + 1, 2n) what all their states should be.
    """

    def __init__(self, log: Trajectory, known: PhysicsParams, max_delay: int):
        import torch  # here and below: least squares and the checks of chapter 5 do without

        count, self.n, self.known = len(log.torque) // WINDOW, log.q.shape[-1], known
        self.dt, self.max_delay = float(log.time[1] - log.time[0]), max_delay
        seen = np.concatenate([log.q, log.qd], axis=-1)
        starts = WINDOW * np.arange(count)
        self.measured = np.concatenate([seen[s : s + WINDOW + 1].swapaxes(0, 1) for s in starts])
        commands = np.concatenate([np.zeros((max_delay + 1, *log.torque.shape[1:])), log.torque])
        length = WINDOW + max_delay + 1
        self.torque = torch.tensor(np.concatenate([commands[s : s + length].swapaxes(0, 1) for s in starts]))
        self.state = self.measured[:, 0].copy()
        self.noise = np.repeat([1.0, VELOCITY_NOISE], self.n)  # of angles and velocities; their ratio counts
        self.residual = None

    def predicted(self, parameters, state):
        """States (..., WINDOW + 1, 2n) of windows from their first (..., 2n), parameters (..., 5); torch."""
        import torch

        mass, friction, damping, gravity, delay = parameters.unbind(-1)
        physics = self.known.replace(
            mass=mass.exp(), friction=friction.exp(), damping=damping.exp(), gravity=gravity.exp()
        )
        whole = delay.detach().floor().clip(0, self.max_delay)
        late, row = (delay - whole)[..., None], int(whole.flatten()[0])
        q, qd = state[..., : self.n], state[..., self.n :]
        states = [state]
        for t in range(WINDOW):
            newest = self.max_delay + 1 + t - row
            torque = (1 - late) * self.torque[:, newest] + late * self.torque[:, newest - 1]
            q, qd = arm.step(q, qd, torque, physics, self.dt, substeps=SUBSTEPS, max_speed=MAX_SPEED)
            states.append(torch.cat([q, qd], dim=-1))
        return torch.stack(states, dim=-2)

    def linearized(self, parameters):
        """Residuals (W, R), and their derivatives by the parameters (W, R, 5) and by the first states (W, R, 2n).

        Every direction is a copy of all windows, and one forward pass carries all derivatives along.
        """
        import torch
        from torch.autograd import forward_ad

        directions = np.eye(5 + 2 * self.n)
        copies = torch.tensor(directions)[:, None].expand(-1, len(self.state), -1)
        base = torch.tensor(np.concatenate([np.tile(parameters, (len(self.state), 1)), self.state], axis=1))
        with forward_ad.dual_level():
            point = forward_ad.make_dual(base.expand_as(copies).contiguous(), copies.contiguous())
            states, slopes = forward_ad.unpack_dual(self.predicted(point[..., :5], point[..., 5:]))
        count = len(self.state)
        residual = ((self.measured - states[0].numpy()) / self.noise).reshape(count, -1)
        slopes = (slopes.numpy() / self.noise).reshape(len(directions), count, -1).transpose(1, 2, 0)
        return residual, slopes[..., :5], slopes[..., 5:]

    def improvement(self, parameters):
        """One Gauss-Newton step: what to add to the parameters (5,), and their covariance (5, 5).

        The first states, of which every window has its own, are projected out, and take their step here. Noise within a
        window may be anything: the covariance is the "sandwich" of White (1980) over windows.
        """
        residual, by_parameter, by_state = self.linearized(parameters)
        Q, R = np.linalg.qr(by_state)
        own = np.swapaxes(Q, 1, 2)
        seen, left = by_parameter - Q @ (own @ by_parameter), residual - (Q @ (own @ residual[..., None]))[..., 0]
        pull = np.einsum("wri,wr->wi", seen, left)
        # The tiny diagonal keeps the matrix invertible where the log says nothing at all: errors are then immense.
        inverse = np.linalg.inv(np.einsum("wri,wrj->ij", seen, seen) + 1e-6 * np.eye(5))
        change = (inverse @ pull.sum(axis=0)).clip(-0.5, 0.5)
        rest = residual - by_parameter @ change
        self.state = self.state + np.linalg.solve(R, own @ rest[..., None])[..., 0]
        self._weigh(left)
        return change, inverse @ (pull.T @ pull + 1e-6 * np.eye(5)) @ inverse

    def _weigh(self, left) -> None:
        """Noise of angles and of velocities from what is left over, of which a first state takes its share."""
        left = (left.reshape(len(left), -1, 2 * self.n) * self.noise).reshape(-1, 2, self.n)
        self.residual = np.sqrt((left**2).mean(axis=(0, 2)) * (WINDOW + 1) / WINDOW)
        self.noise = np.repeat(self.residual.clip(1e-12), self.n)

    def report(self, parameters, covariance) -> Identified:
        mass, friction, damping, gravity = np.exp(parameters[:4])
        unit = np.array([mass, friction, damping, gravity, 1.0])
        covariance = covariance * np.outer(unit, unit)
        q, qd = (float(value) for value in self.residual)
        physics = self.known.replace(
            mass=mass,
            friction=friction,
            damping=damping,
            gravity=gravity,
            action_delay=round(float(parameters[4])),
        )
        errors = dict(zip(FIELDS, np.sqrt(np.diag(covariance)).tolist(), strict=True))
        return Identified(physics, float(parameters[4]), errors, covariance, {"q": q, "qd": qd})
