"""System identification beside MuJoCo's own toolbox, ``mujoco.sysid``, on the same logs.

Both get the same log of eight arms in the same windows and look for mass, friction, damping, gravity and delay. Ours
predicts with our simulator and estimates every window's first state; the toolbox predicts with MuJoCo from the first
state that was measured, and tries one whole delay after the other. Two logs are of an arm whose physics are known, with
perfect sensors and with noisy ones; the third is the robot's, where the two answers can only be laid side by side.
"""

from __future__ import annotations

import contextlib
import io
import time

import gymnasium as gym
import mujoco
import numpy as np
from mujoco import sysid

from benchmarks import common
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import SUBSTEPS
from rlbook.envs.arm.recording import Trajectory, log_trajectory
from rlbook.envs.arm.robot import RobotReachVectorEnv
from rlbook.sim_to_real.identification import FIELDS, WINDOW, excitation, identify

SEEDS = (100, 101, 102)
N_ARMS, LOG_STEPS, DELAYS = 8, 120, (0, 1, 2)
GUESS = PhysicsParams()
KNOWN = PhysicsParams(mass=1.3, friction=0.0, damping=0.35, gravity=9.4, action_delay=1)
SENSOR_NOISE = 0.002
BOUNDS = {"mass": (0.2, 4.0), "friction": (0.0, 2.0), "damping": (0.0, 3.0), "gravity": (5.0, 15.0)}

ARM = """
<mujoco>
  <option timestep="{dt}"><flag contact="disable"/></option>
  <worldbody>
    <body name="link_0">
      <inertial pos="{centre} 0 0" mass="1" diaginertia="1 1 1"/>
      <joint name="joint_0" axis="0 -1 0"/>
      <body name="link_1" pos="{length} 0 0">
        <inertial pos="{centre} 0 0" mass="1" diaginertia="1 1 1"/>
        <joint name="joint_1" axis="0 -1 0"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor name="motor_0" joint="joint_0"/><motor name="motor_1" joint="joint_1"/></actuator>
  <sensor>
    <jointpos name="q_0" joint="joint_0"/><jointpos name="q_1" joint="joint_1"/>
    <jointvel name="qd_0" joint="joint_0"/><jointvel name="qd_1" joint="joint_1"/>
  </sensor>
</mujoco>
"""


def arm_spec(control_dt: float) -> mujoco.MjSpec:
    """Our simulator's arm, two links with their mass along them, in steps as short as ours."""
    length = GUESS.link_length
    return mujoco.MjSpec.from_string(ARM.format(dt=control_dt / SUBSTEPS, length=length, centre=length / 2))


def with_physics(values: sysid.ParameterDict, spec: mujoco.MjSpec) -> mujoco.MjModel:
    """The model with the parameters of the moment: uniform rods, motors that give what is asked."""
    mass, friction, damping, gravity = (float(values[name].value[0]) for name in BOUNDS)
    inertia = mass * GUESS.link_length**2 / 12
    for i in range(2):
        body, joint = spec.body(f"link_{i}"), spec.joint(f"joint_{i}")
        body.mass, body.inertia = mass, [1e-3 * inertia, inertia, inertia]
        joint.frictionloss = friction
    spec.option.gravity = [0, 0, -gravity]
    model = spec.compile()
    model.dof_damping[:] = damping  # in the specification a number in MuJoCo 3 and a polynomial in MuJoCo 4
    return model


def windows(log: Trajectory, delay: int, spec: mujoco.MjSpec) -> sysid.ModelSequences:
    """Every arm's log in windows, the torques as they act after ``delay`` steps."""
    model, dt = spec.compile(), spec.option.timestep
    states, controls, measured = [], [], []
    for start in range(max(DELAYS), len(log.torque) - WINDOW, WINDOW):
        times = log.time[start : start + WINDOW + 1] - log.time[start]
        for arm in range(log.q.shape[1]):
            q, qd = log.q[start : start + WINDOW + 1, arm], log.qd[start : start + WINDOW + 1, arm]
            torque = log.torque[start - delay : start - delay + WINDOW, arm].repeat(SUBSTEPS, axis=0)
            states.append(sysid.create_initial_state(model, q[0], qd[0]))
            controls.append(sysid.TimeSeries(np.arange(len(torque)) * dt, torque))
            # MuJoCo computes what sensors show before it moves on, so they show a state one short step later.
            measured.append(sysid.TimeSeries.from_names(times[:-1] + dt, np.hstack([q, qd])[:-1], model))
    names = [f"window {i}" for i in range(len(states))]
    return sysid.ModelSequences("arm", spec, names, states, controls, measured)


def by_mujoco(log: Trajectory) -> dict:
    """The toolbox's best physics over the whole delays."""
    best = None
    for delay in DELAYS:
        values = sysid.ParameterDict()
        for name, (low, high) in BOUNDS.items():
            values.add(sysid.Parameter(name, nominal=getattr(GUESS, name), min_value=low, max_value=high))
        sequences = windows(log, delay, arm_spec(log.time[1] - log.time[0]))
        residual = sysid.build_residual_fn(models_sequences=[sequences], build_model=with_physics, n_threads=1)
        with contextlib.redirect_stdout(io.StringIO()):  # it tells every step
            found, outcome = sysid.optimize(values, residual, "scipy_parallel_fd", verbose=False, max_iters=50)
        loss = float(np.mean(np.concatenate([each.ravel() for each in residual(outcome.x, found)[0]]) ** 2))
        if best is None or loss < best["loss"]:
            best = {name: float(found[name].value[0]) for name in BOUNDS} | {"action_delay": delay, "loss": loss}
    return best


def by_rlbook(log: Trajectory) -> dict:
    found = identify(log)
    return {name: float(getattr(found.physics, name)) for name in FIELDS} | {"residual": found.residual}


def timed(method, log: Trajectory) -> dict:
    begin = time.process_time()
    return {**method(log), "cpu_s": time.process_time() - begin}


def logged(arms, seed: int) -> Trajectory:
    shaking = excitation(LOG_STEPS, N_ARMS, strength=0.3, rng=np.random.default_rng(seed))
    return log_trajectory(arms, shaking, seed=seed)


def known_arms(sensor_noise: float) -> RobotReachVectorEnv:
    return RobotReachVectorEnv(N_ARMS, preset="matched", physics=KNOWN.replace(sensor_noise=sensor_noise))


def run(seeds=SEEDS) -> dict:
    arms = {
        "perfect sensors": lambda: known_arms(0.0),
        "noisy sensors": lambda: known_arms(SENSOR_NOISE),
        "the robot": lambda: gym.make_vec("rlbook/RobotReachHold-v0", num_envs=N_ARMS),
    }
    rows = {name: {"rlbook": [], "mujoco.sysid": []} for name in arms}
    for name, make in arms.items():
        for seed in seeds:
            log = logged(make(), seed)
            rows[name]["rlbook"].append(timed(by_rlbook, log))
            rows[name]["mujoco.sysid"].append(timed(by_mujoco, log))
    return {"seeds": list(seeds), "known": {name: getattr(KNOWN, name) for name in FIELDS}, "rows": rows}


def table(result: dict) -> str:
    lines = [["the truth", *(f"{value:.3f}" for value in result["known"].values()), ""]]
    for name, methods in result["rows"].items():
        for method, found in methods.items():
            columns = [[each[field] for each in found] for field in (*FIELDS, "cpu_s")]
            spread = [f"{np.mean(values):.3f} ± {np.std(values):.3f}" for values in columns]
            lines.append([f"{name}, {method}", *spread])
    return common.text_table([f"mean of {len(result['seeds'])} logs", *FIELDS, "CPU-seconds"], lines)
