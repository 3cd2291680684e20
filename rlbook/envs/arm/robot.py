"""The "real robot": the same reaching task on a MuJoCo arm that differs from the simulation as robots do.

Learning code sees only what a robot shows: measured angles and velocities, and the torques it was sent. What the robot
truly is stands in ``RobotParams``, which no learner, notebook or exercise reads.
"""

from __future__ import annotations

import dataclasses

import mujoco
import numpy as np
from mujoco.rollout import Rollout

from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import MAX_SPEED, SUBSTEPS, VELOCITY_NOISE, ReachEnv, ReachTask, checked_physics
from rlbook.validation import check_arguments

PRESETS = ("real", "matched")


@dataclasses.dataclass(frozen=True)
class RobotParams:
    """What the robot truly is. Per-joint values are repeated for arms with more joints.

    ==================  ==========  =============================================================================
    field               unit        meaning
    ==================  ==========  =============================================================================
    link_length         m           of each link
    link_masses         kg          of each link
    mass_centres        1           where along its link each mass is centred, 0 at the joint
    inertia_factor      1           moment of inertia about the mass centre over a uniform rod's
    payload             kg          held at the tip
    damping             N m s/rad   viscous friction of the joints
    dry_friction        N m         Coulomb friction of the joints, hard: a joint can stick
    armature            kg m^2      inertia of the motors' rotors behind the gears
    torque_gain         1           delivered torque over commanded torque, a joint
    motor_lag           s           time constant of the first-order lag of the torque; 0 for none
    latency             steps       control steps between a command and its effect
    encoder_counts      1           steps of the angle encoders in a turn; 0 for a perfect encoder
    angle_noise         rad         standard deviation of a measured angle, before the encoder rounds it
    velocity_noise      rad/s       standard deviation of a measured velocity
    gravity             m/s^2       downwards
    timestep            s           of the physics
    ==================  ==========  =============================================================================
    """

    link_length: float = 0.5
    link_masses: tuple[float, ...] = (1.15, 0.9)
    mass_centres: tuple[float, ...] = (0.46, 0.54)
    inertia_factor: float = 1.2
    payload: float = 0.12
    damping: tuple[float, ...] = (0.45, 0.35)
    dry_friction: tuple[float, ...] = (0.25, 0.12)
    armature: tuple[float, ...] = (0.03, 0.01)
    torque_gain: tuple[float, ...] = (0.9, 0.94)
    motor_lag: float = 0.015
    latency: int = 1
    encoder_counts: int = 2048
    angle_noise: float = 0.001
    velocity_noise: float = 0.03
    gravity: float = 9.81
    timestep: float = 0.002

    @classmethod
    def matched(cls, physics: PhysicsParams, timestep: float) -> RobotParams:
        """The robot that the simulation believes in: uniform rods and perfect motors and sensors.

        Coulomb friction is MuJoCo's hard kind where the simulation's is smooth; with ``friction=0`` the two are equal.
        """
        return cls(
            link_length=physics.link_length,
            link_masses=(physics.mass,),
            mass_centres=(0.5,),
            inertia_factor=1.0,
            payload=0.0,
            damping=(physics.damping,),
            dry_friction=(physics.friction,),
            armature=(0.0,),
            torque_gain=(physics.motor_strength,),
            motor_lag=0.0,
            latency=int(physics.action_delay),
            encoder_counts=0,
            angle_noise=physics.sensor_noise,
            velocity_noise=VELOCITY_NOISE * physics.sensor_noise,
            gravity=physics.gravity,
            timestep=timestep,
        )


def build_model(params: RobotParams, n_joints: int) -> mujoco.MjModel:
    """The arm as a MuJoCo model: hinges ``joint_i`` about -y, motors ``motor_i`` whose control is the torque in N m."""
    spec = mujoco.MjSpec()
    spec.option.timestep, spec.option.gravity = params.timestep, [0, 0, -params.gravity]
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
    body, length = spec.worldbody, params.link_length
    for i in range(n_joints):
        mass, centre = _of_joint(params.link_masses, i), _of_joint(params.mass_centres, i)
        inertia = params.inertia_factor * mass * length**2 / 12
        body = body.add_body(
            name=f"link_{i}",
            pos=[length if i else 0.0, 0, 0],
            mass=mass,
            ipos=[centre * length, 0, 0],
            inertia=[1e-3 * inertia, inertia, inertia],
            explicitinertial=True,
        )
        joint = body.add_joint(name=f"joint_{i}", type=mujoco.mjtJoint.mjJNT_HINGE, axis=[0, -1, 0])
        joint.frictionloss, joint.armature = _of_joint(params.dry_friction, i), _of_joint(params.armature, i)
        _add_motor(spec, i, _of_joint(params.torque_gain, i), params.motor_lag)
    if params.payload > 0:
        body.add_body(
            name="payload",
            pos=[length, 0, 0],
            mass=params.payload,
            ipos=[0, 0, 0],  # left out, it would be taken from pos, a link further on
            inertia=[1e-6 * params.payload] * 3,
            explicitinertial=True,
        )
    model = spec.compile()
    # Set here because the field in the specification is a number in MuJoCo 3 and a polynomial in MuJoCo 4.
    model.dof_damping[:] = [_of_joint(params.damping, i) for i in range(n_joints)]
    return model


def _add_motor(spec: mujoco.MjSpec, i: int, gain: float, lag: float) -> None:
    motor = spec.add_actuator(name=f"motor_{i}", target=f"joint_{i}", trntype=mujoco.mjtTrn.mjTRN_JOINT)
    motor.gainprm[0] = gain
    if lag > 0:
        motor.dyntype, motor.dynprm[0] = mujoco.mjtDyn.mjDYN_FILTEREXACT, lag


def _of_joint(values: tuple[float, ...], i: int) -> float:
    return values[i % len(values)]


class RobotReachVectorEnv(ReachTask):
    """Real robots that reach: ``gym.make_vec("rlbook/RobotReach-v0", num_envs=8)``.

    Spaces and rewards are ``ReachTask``'s, the same as in simulation; what is behind them is not. All robots of the
    batch are of one make and step in MuJoCo's own threads.

    Parameters
    ----------
    num_envs, n_joints : how many robots, of how many links.
    preset : "real", or "matched" for an arm equal to the simulation with ``physics`` (a check of the one by the other).
    physics : ``PhysicsParams`` of numbers that the matched arm has; the real robot keeps its own to itself.
    n_threads : threads that step the robots.
    The rest as in ``ReachVectorEnv``; robots compute in NumPy, so ``device`` is refused.
    """

    def __init__(
        self,
        num_envs: int = 1,
        *,
        n_joints: int = 2,
        max_torque=None,
        preset: str = "real",
        physics: PhysicsParams | None = None,
        n_threads: int = 1,
        **shared,
    ):
        self._robots = None  # closing must work after a refused argument, too
        if preset not in PRESETS:
            raise ValueError(f"preset is {preset!r}; accepted are {', '.join(PRESETS)}")
        if physics is not None and preset == "real":
            raise ValueError("physics is given for the real robot, which has its own; accepted with preset='matched'")
        if shared.get("device") is not None:
            raise ValueError(f"device is {shared['device']!r}; accepted is None, MuJoCo computes in NumPy")
        check_arguments({"n_threads": n_threads}, count=("n_threads",))
        drawing = checked_physics(physics)
        for name, value in drawing.as_dict().items():
            if not isinstance(value, float):
                raise ValueError(
                    f"PhysicsParams.{name} has shape {tuple(value.shape)}; accepted are numbers, one robot"
                )
        super().__init__(num_envs, n_joints, drawing.link_length, max_torque, **shared)
        matched = preset == "matched"
        self._params = RobotParams.matched(drawing, self.dt / SUBSTEPS) if matched else RobotParams()
        steps = self.dt / self._params.timestep
        if abs(steps - round(steps)) > 1e-6:
            raise ValueError(f"dt is {self.dt} s; accepted are whole multiples of {self._params.timestep} s")
        model = build_model(self._params, self.n_joints)
        self._robots = _RobotBatch(model, self.num_envs, int(n_threads))

    def _restart(self, rows, options):
        super()._restart(rows, options)
        self._robots.place(rows, self.q[rows], self.qd[rows])

    def _move(self, torque):
        n_steps = round(self.dt / self._params.timestep)
        q, qd = self._robots.advance(torque, n_steps)
        self.q, self.qd = self.arrays.of(q), self.arrays.of(qd)

    def _delays(self):
        return self._params.latency

    def measure(self, rows=slice(None)):
        params, arrays = self._params, self.arrays
        q, qd = self.q[rows], self.qd[rows]
        if params.angle_noise:
            q = q + params.angle_noise * arrays.normal(self.np_random, q.shape)
        if params.encoder_counts:
            count = np.float32(2 * np.pi / params.encoder_counts)
            q = np.round(q / count) * count
        if params.velocity_noise:
            qd = qd + params.velocity_noise * arrays.normal(self.np_random, qd.shape)
        return q, qd.clip(-MAX_SPEED, MAX_SPEED)

    def close_extras(self, **kwargs):
        if self._robots is not None:
            self._robots.close()
            self._robots = None


class _RobotBatch:
    """The full MuJoCo states of a batch of equal arms, advanced by MuJoCo's threaded rollout.

    The drives' speed limit is that of the simulation: a joint that is faster after a physics step is held to
    ``MAX_SPEED``, and turns by that much.
    """

    def __init__(self, model: mujoco.MjModel, count: int, n_threads: int):
        self._model, self._count, self._threads = model, count, n_threads
        self._spec = mujoco.mjtState.mjSTATE_FULLPHYSICS
        self._states = np.zeros((count, mujoco.mj_stateSize(model, self._spec)))
        before = mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_TIME)
        self._q = slice(before, before + model.nq)
        self._qd = slice(before + model.nq, before + model.nq + model.nv)
        self._start_threads()

    def _start_threads(self) -> None:
        self._data = [mujoco.MjData(self._model) for _ in range(self._threads)]
        self._rollout = Rollout(nthread=self._threads if self._threads > 1 else 0)

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name not in ("_data", "_rollout")}

    def __setstate__(self, state):
        vars(self).update(state)
        self._start_threads()

    def place(self, rows, q, qd) -> None:
        """Set arms down at ``q``, ``qd`` with their motors at rest."""
        self._states[rows] = 0.0
        self._states[rows, self._q], self._states[rows, self._qd] = q, qd

    def advance(self, torque, n_steps: int):
        """Hold ``torque`` (count, n) for ``n_steps`` physics steps: (q, qd), (count, n) each."""
        control, time = np.asarray(torque, dtype=float)[:, None], self._model.opt.timestep
        for _ in range(n_steps):
            states, _ = self._rollout.rollout(self._model, self._data, self._states, control)
            self._states = states[:, -1].copy()
            q, qd = self._states[:, self._q], self._states[:, self._qd]
            limited = qd.clip(-MAX_SPEED, MAX_SPEED)
            q -= time * (qd - limited)
            qd[:] = limited
        return q, qd

    def close(self) -> None:
        self._rollout.close()


class RobotReachEnv(ReachEnv):
    """One real robot: ``gym.make("rlbook/RobotReach-v0")``. Arguments as in ``RobotReachVectorEnv``."""

    batch_class = RobotReachVectorEnv
