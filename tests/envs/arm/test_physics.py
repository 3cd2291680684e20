"""The arm's physics against two independent engines, against conservation laws and against automatic derivatives."""

import dataclasses

import mujoco
import numpy as np
import pytest
import torch

from rlbook.envs.arm import physics as arm
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.envs.arm.robot import RobotParams, build_model

LINKS = (1, 2, 3, 6)
FRICTIONLESS = PhysicsParams(friction=0.0, damping=0.0)
ROUGH = PhysicsParams(mass=1.3, friction=0.2, damping=0.4, motor_strength=0.8, gravity=9.6, link_length=0.4)


def random_states(n, count, seed=0):
    random = np.random.default_rng(seed)
    return random.uniform(-np.pi, np.pi, (count, n)), random.normal(0, 3, (count, n)), random.normal(0, 5, (count, n))


def simulate(q, qd, torque, physics, seconds, dt, integrator):
    states = [(q, qd)]
    for _ in range(round(seconds / dt)):
        states.append(arm.step(*states[-1], torque, physics, dt, integrator))
    return tuple(np.stack(parts) for parts in zip(*states, strict=True))


# ------------------------------------------------------------------------------------------------------------- MuJoCo


@pytest.mark.parametrize("n", LINKS)
def test_accelerations_agree_with_mujoco(n):
    # MuJoCo's dry friction is a hard constraint; the arm's smooth friction is handed to it as an applied torque.
    model = build_model(RobotParams.matched(dataclasses.replace(ROUGH, friction=0.0), 0.01), n)
    data = mujoco.MjData(model)
    q, qd, torque = random_states(n, 1000)
    friction = arm.joint_friction(qd, ROUGH.replace(damping=0.0))
    expected = np.empty_like(q)
    for i in range(len(q)):
        data.qpos[:], data.qvel[:], data.ctrl[:], data.qfrc_applied[:] = q[i], qd[i], torque[i], -friction[i]
        mujoco.mj_forward(model, data)
        expected[i] = data.qacc
    error = np.linalg.norm(arm.forward_dynamics(q, qd, torque, ROUGH) - expected, axis=1)
    assert (error / np.linalg.norm(expected, axis=1)).max() < 1e-6


@pytest.mark.parametrize("integrator", ["euler", "rk4"])
@pytest.mark.parametrize("n", LINKS)
def test_a_passive_swing_follows_mujoco(n, integrator):
    dt, physics = 0.002, PhysicsParams(friction=0.0)
    model = build_model(RobotParams.matched(physics, dt), n)
    model.opt.integrator = getattr(mujoco.mjtIntegrator, f"mjINT_{integrator.upper()}")
    data = mujoco.MjData(model)
    q = np.linspace(0.3, -0.5, n)
    data.qpos[:] = q
    swing, _ = simulate(q, 0 * q, 0 * q, physics, 2.0, dt, integrator)
    expected = [q]
    for _ in range(len(swing) - 1):
        mujoco.mj_step(model, data)
        expected.append(data.qpos.copy())
    assert np.ptp(swing, axis=0).max() > 1.0
    assert np.abs(swing - expected).max() < 1e-3


@pytest.mark.parametrize("n", LINKS)
def test_kinematics_agree_with_mujoco(n):
    model = build_model(RobotParams.matched(PhysicsParams(link_length=0.4), 0.01), n)
    data = mujoco.MjData(model)
    q, *_ = random_states(n, 20)
    points = arm.forward_kinematics(q, PhysicsParams(link_length=0.4))
    for i in range(len(q)):
        data.qpos[:] = q[i]
        mujoco.mj_kinematics(model, data)
        np.testing.assert_allclose(points[i, :-1], data.xpos[1:][:, [0, 2]], atol=1e-12)
        axis = data.xmat[-1].reshape(3, 3)[[0, 2], 0]
        np.testing.assert_allclose(points[i, -1], data.xpos[-1][[0, 2]] + 0.4 * axis, atol=1e-12)


# ---------------------------------------------------------------------------------------------------------- Pinocchio


@pytest.mark.parametrize("n", LINKS)
def test_mass_matrix_and_bias_forces_agree_with_pinocchio(n):
    pinocchio = pytest.importorskip("pinocchio")
    model = pinocchio.Model()
    model.gravity.linear = np.array([0, 0, -ROUGH.gravity])
    length, mass, parent = ROUGH.link_length, ROUGH.mass, 0
    for i in range(n):
        placement = pinocchio.SE3(np.eye(3), np.array([length if i else 0.0, 0, 0]))
        # Pinocchio turns about +y, which takes z to x: angles and torques change sign.
        parent = model.addJoint(parent, pinocchio.JointModelRY(), placement, f"joint_{i}")
        rod = pinocchio.Inertia(mass, np.array([length / 2, 0, 0]), np.diag([0, 1, 1]) * mass * length**2 / 12)
        model.appendBodyToJoint(parent, rod, pinocchio.SE3.Identity())
    data = model.createData()
    q, qd, _ = random_states(n, 200)
    M, h = arm.mass_matrix(q, ROUGH), arm.bias_forces(q, qd, ROUGH) - arm.joint_friction(qd, ROUGH)
    for i in range(len(q)):
        upper = np.triu(pinocchio.crba(model, data, -q[i]))
        np.testing.assert_allclose(M[i], upper + np.triu(upper, 1).T, rtol=0, atol=1e-9)
        np.testing.assert_allclose(h[i], -pinocchio.nonLinearEffects(model, data, -q[i], -qd[i]), rtol=0, atol=1e-9)


# -------------------------------------------------------------------------------------------------- laws of mechanics


@pytest.mark.parametrize("n", LINKS)
def test_the_mass_matrix_is_symmetric_and_positive_definite(n):
    M = arm.mass_matrix(random_states(n, 500)[0], ROUGH)
    np.testing.assert_array_equal(M, M.swapaxes(-1, -2))
    assert (np.linalg.eigvalsh(M) > 0).all()


def test_one_link_by_hand():
    # A rod of 2 kg and 0.6 m lying along x: m l^2 / 3 = 0.24 kg m^2, gravity m g l / 2 = 6 N m at g = 10.
    physics = PhysicsParams(mass=2.0, link_length=0.6, gravity=10.0, friction=0.0, damping=0.5)
    q, qd = np.array([0.0]), np.array([2.0])
    np.testing.assert_allclose(arm.mass_matrix(q, physics), [[0.24]])
    np.testing.assert_allclose(arm.bias_forces(q, qd, physics), [6.0 + 0.5 * 2.0])
    np.testing.assert_allclose(arm.forward_dynamics(q, qd, np.array([8.2]), physics), [(8.2 - 7.0) / 0.24])
    np.testing.assert_allclose(arm.energy(np.array([np.pi / 2]), qd, physics), 0.5 * 0.24 * 4 + 2.0 * 10 * 0.3)


def test_two_links_by_hand():
    # Outstretched arm of 1 kg, 1 m links: M = (8/3, 5/6; 5/6, 1/3), gravity (m g / 2 + 3 m g / 2, m g / 2).
    physics = PhysicsParams(mass=1.0, link_length=1.0, gravity=10.0, friction=0.0, damping=0.0)
    still = np.zeros(2)
    np.testing.assert_allclose(arm.mass_matrix(still, physics), [[8 / 3, 5 / 6], [5 / 6, 1 / 3]])
    np.testing.assert_allclose(arm.bias_forces(still, still, physics), [20.0, 5.0])
    # Elbow at a right angle, shoulder turning at 2 rad/s: the second link's centrifugal torque m l^2 / 2 * 2^2 = 2 N m.
    h = arm.bias_forces(np.array([0.0, np.pi / 2]), np.array([2.0, 0.0]), physics)
    np.testing.assert_allclose(h, [15.0, 2.0], atol=1e-12)


@pytest.mark.parametrize(("integrator", "order"), [("euler", 1), ("rk4", 4)])
def test_energy_drift_shrinks_with_the_order_of_the_integrator(integrator, order):
    q, qd = np.array([0.4, -0.7]), np.zeros(2)
    drifts = []
    for dt in (0.004, 0.002):
        swing = simulate(q, qd, 0 * q, FRICTIONLESS, 1.0, dt, integrator)
        drifts.append(np.abs(arm.energy(*swing, FRICTIONLESS) - arm.energy(q, qd, FRICTIONLESS)).max())
    assert drifts[0] > 0
    assert np.log2(drifts[0] / drifts[1]) == pytest.approx(order, abs=0.5)


def test_power_balance_with_friction():
    # What the motors do is stored or rubbed away: dE/dt = qd . (motor_strength * torque - joint_friction(qd)).
    q, qd, torque = (part[0] for part in random_states(3, 1))
    dt = 1e-3
    states = simulate(q, qd, torque, ROUGH, 0.5, dt, "rk4")
    power = (states[1] * (ROUGH.motor_strength * torque - arm.joint_friction(states[1], ROUGH))).sum(-1)
    gained = arm.energy(*states, ROUGH)
    work = np.concatenate([[0], np.cumsum((power[1:] + power[:-1]) * dt / 2)])
    assert np.ptp(gained) > 1.0
    np.testing.assert_allclose(gained - gained[0], work, atol=1e-3 * np.ptp(gained))


@pytest.mark.parametrize("n", LINKS)
def test_friction_only_ever_brakes(n):
    _, qd, _ = random_states(n, 200)
    assert (qd * arm.joint_friction(qd, ROUGH) > 0).all()


# ------------------------------------------------------------------------------------------------------- derivatives


@pytest.mark.parametrize("n", LINKS)
def test_the_jacobian_is_the_derivative_of_the_tip(n):
    q = torch.as_tensor(random_states(n, 1)[0][0])
    expected = torch.autograd.functional.jacobian(lambda angles: arm.tip_position(angles, ROUGH), q)
    torch.testing.assert_close(arm.jacobian(q, ROUGH), expected)
    np.testing.assert_allclose(arm.tip_position(q, ROUGH), arm.forward_kinematics(q, ROUGH)[-1])


@pytest.mark.parametrize("integrator", ["euler", "rk4"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_of_a_rollout(n, integrator):
    names = ("mass", "friction", "damping", "motor_strength", "gravity", "link_length")

    def rollout(q, qd, torque, *values):
        physics = PhysicsParams(**dict(zip(names, values, strict=True)))
        for _ in range(4):
            q, qd = arm.step(q, qd, torque, physics, 0.02, integrator)
        return q, qd

    states = [torch.tensor(part[:2], requires_grad=True) for part in random_states(n, 2)]
    values = [torch.tensor([getattr(ROUGH, name)] * 2, dtype=torch.float64, requires_grad=True) for name in names]
    assert torch.autograd.gradcheck(rollout, (*states, *values))


@pytest.mark.parametrize("integrator", ["euler", "rk4"])
@pytest.mark.parametrize("n", LINKS)
def test_function_transforms_of_the_step(n, integrator):
    q, qd, torque = (torch.as_tensor(part) for part in random_states(n, 4))

    def advance(q, qd, torque, mass=1.3):
        physics = ROUGH.replace(mass=mass)
        return arm.step(q, qd, torque, physics, 0.02, integrator, substeps=2, max_speed=50.0)[1]

    def accelerate(q, qd, torque, mass=1.3):
        return arm.forward_dynamics(q, qd, torque, ROUGH.replace(mass=mass))

    for function in (advance, accelerate):
        torch.testing.assert_close(torch.func.vmap(function)(q, qd, torque), function(q, qd, torque))
        batched = torch.func.vmap(torch.func.jacrev(function))(q, qd, torque)
        single = torch.autograd.functional.jacobian(lambda angles: function(angles, qd[0], torque[0]), q[0])  # noqa: B023
        torch.testing.assert_close(batched[0], single)
        masses = torch.linspace(0.5, 2.0, 4, dtype=torch.float64)
        torch.testing.assert_close(torch.func.vmap(function)(q, qd, torque, masses), function(q, qd, torque, masses))
        slope = torch.func.grad(lambda mass: function(q[0], qd[0], torque[0], mass).sum())(masses[0])  # noqa: B023
        change = [function(q[0], qd[0], torque[0], float(masses[0]) + step).sum() for step in (1e-6, -1e-6)]
        torch.testing.assert_close(slope, (change[0] - change[1]) / 2e-6, rtol=1e-5, atol=1e-6)


# -------------------------------------------------------------------------------------------- every parameter matters

DIRECTIONS = {  # field: (changes, what the change does, measured on an arm pushed up from its hanging rest)
    "mass": (2.0, "slower"),
    "friction": (1.0, "slower"),
    "damping": (2.0, "slower"),
    "motor_strength": (1.5, "faster"),
    "gravity": (20.0, "slower"),
    "link_length": (0.8, "slower"),
}


@pytest.mark.parametrize("name", DIRECTIONS)
def test_each_parameter_changes_the_motion_in_its_direction(name):
    value, effect = DIRECTIONS[name]
    q, qd, torque = np.array([-np.pi / 2, 0.0]), np.zeros(2), np.array([15.0, 3.0])
    nominal, _ = simulate(q, qd, torque, PhysicsParams(), 0.3, 0.01, "euler")
    changed, _ = simulate(q, qd, torque, PhysicsParams(**{name: value}), 0.3, 0.01, "euler")
    difference = changed[-1, 0] - nominal[-1, 0]
    assert nominal[-1, 0] > q[0] + 0.1
    assert difference < -0.01 if effect == "slower" else difference > 0.01


def test_the_chapters_joints_ignore_mass_and_gravity():
    # The chapter's qdd = torque / 10 has no place for a mass; ours divides by it.
    q, qd, torque = np.zeros(2), np.zeros(2), np.array([5.0, 5.0])
    light, heavy = (arm.forward_dynamics(q, qd, torque, PhysicsParams(mass=m, gravity=0.0)) for m in (1.0, 50.0))
    np.testing.assert_allclose(light, 50 * heavy)


# -------------------------------------------------------------------------------------------- arrays of every kind


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (5,), (3, 5)])
def test_functions_keep_shape_dtype_and_kind(kind, dtype, shape):
    n = 3
    make = (
        (lambda x: np.asarray(x, dtype=dtype))
        if kind == "numpy"
        else (lambda x: torch.as_tensor(x, dtype=getattr(torch, dtype)))
    )
    q, qd, torque = (make(part.reshape(*shape, n)) for part in random_states(n, int(np.prod(shape))))
    physics = ROUGH if not shape else ROUGH.replace(mass=np.linspace(1, 2, shape[-1]))
    results = {
        (*shape, n + 1, 2): arm.forward_kinematics(q, physics),
        (*shape, 2): arm.tip_position(q, physics),
        (*shape, 2, n): arm.jacobian(q, physics),
        (*shape, n, n): arm.mass_matrix(q, physics),
        (*shape, n): arm.forward_dynamics(q, qd, torque, physics),
        shape: arm.energy(q, qd, physics),
    }
    for expected, result in results.items():
        assert tuple(result.shape) == expected
        assert result.dtype == q.dtype
    for result in (arm.bias_forces(q, qd, physics), *arm.step(q, qd, torque, physics, 0.01)):
        assert tuple(result.shape) == (*shape, n)
        assert type(result) is type(q) and result.dtype == q.dtype


@pytest.mark.parametrize("n", LINKS)
def test_torch_equals_numpy_and_a_batch_equals_its_arms(n):
    q, qd, torque = random_states(n, 6)
    masses = np.linspace(0.5, 2, 6)
    batch = arm.forward_dynamics(q, qd, torque, ROUGH.replace(mass=masses))
    single = [arm.forward_dynamics(q[i], qd[i], torque[i], ROUGH.replace(mass=masses[i])) for i in range(6)]
    np.testing.assert_allclose(batch, single, rtol=1e-12)
    tensors = (torch.as_tensor(part) for part in (q, qd, torque))
    np.testing.assert_allclose(
        arm.forward_dynamics(*tensors, ROUGH.replace(mass=torch.as_tensor(masses))), batch, rtol=1e-12
    )


def test_kinematics_broadcast_with_the_lengths():
    q, lengths = np.array([0.3, 0.4]), np.array([0.5, 1.0])
    physics = PhysicsParams(link_length=lengths)
    tips = np.stack([arm.tip_position(q, PhysicsParams(link_length=length)) for length in lengths])
    np.testing.assert_allclose(arm.tip_position(q, physics), tips)
    assert arm.forward_kinematics(q, physics).shape == (2, 3, 2) and arm.jacobian(q, physics).shape == (2, 2, 2)
    assert arm.tip_position(np.zeros((3, 2)), PhysicsParams(link_length=lengths[:, None])).shape == (2, 3, 2)


def test_equal_physics_is_equal():
    assert PhysicsParams(mass=np.ones(3)) == PhysicsParams(mass=np.ones(3)) != PhysicsParams(mass=np.full(3, 2.0))
    assert PhysicsParams() == PhysicsParams(mass=1) and PhysicsParams() != "nominal"


def test_physics_with_derivatives_is_physics_too():
    mass = torch.ones(3, requires_grad=True)
    assert PhysicsParams(mass=mass) == PhysicsParams(mass=np.ones(3)) != PhysicsParams(mass=2 * mass)
    with pytest.raises(ValueError, match="mass is -1; accepted are positive masses"):
        PhysicsParams(mass=-mass)
    lengths = torch.tensor([0.4, 0.6], requires_grad=True)
    envs = ReachVectorEnv(2, physics=PhysicsParams(link_length=lengths), device="cpu")
    assert envs.link_length == pytest.approx(0.5)


def test_physics_holds_floating_point_numbers():
    assert PhysicsParams(mass=np.array([1, 2])).mass.dtype == PhysicsParams(mass=np.array(["1", "2"])).mass.dtype
    assert PhysicsParams(mass=np.ones(2, np.float32)).mass.dtype == np.float32
    assert PhysicsParams(mass=[1.0, 2.0]).mass.dtype == float


def test_whole_numbers_are_numbers_too():
    q, qd, torque, physics = [0, 1], [2, -1], [3, 0], PhysicsParams(mass=np.array([0.5, 1.5]))
    for make in (np.asarray, torch.as_tensor):
        whole, real = ([make(np.asarray(x, dtype)) for x in (q, qd, torque)] for dtype in (np.int64, np.float64))
        for ours, expected in zip(arm.step(*whole, physics, 0.01), arm.step(*real, physics, 0.01), strict=True):
            np.testing.assert_allclose(ours, expected, rtol=1e-5)
        np.testing.assert_allclose(
            arm.forward_kinematics(whole[0], physics), arm.forward_kinematics(real[0], physics), rtol=1e-5
        )


def test_torch_steps_without_and_then_with_derivatives():
    q, qd, torque = (torch.as_tensor(part) for part in random_states(3, 4))
    with torch.inference_mode():
        expected, _ = arm.step(q, qd, torque, ROUGH, 0.01)
    q = q.clone().requires_grad_()
    after, _ = arm.step(q, qd, torque, ROUGH, 0.01)
    after.sum().backward()
    torch.testing.assert_close(after.detach(), expected)
    assert q.grad.abs().min() > 0


def test_accelerations_solve_the_equation_of_motion():
    q, qd, torque = random_states(4, 50)
    qdd = arm.forward_dynamics(q, qd, torque, ROUGH)
    left = np.einsum("bij,bj->bi", arm.mass_matrix(q, ROUGH), qdd) + arm.bias_forces(q, qd, ROUGH)
    np.testing.assert_allclose(left, ROUGH.motor_strength * torque, atol=1e-9)


def test_substeps_are_steps():
    q, qd, torque = random_states(2, 3)
    many = q, qd
    for _ in range(5):
        many = arm.step(*many, torque, ROUGH, 0.01)
    np.testing.assert_allclose(arm.step(q, qd, torque, ROUGH, 0.05, substeps=5), many)
    for integrator in ("euler", "rk4"):
        _, fast = arm.step(q, qd, 100 * torque, ROUGH, 0.05, integrator, substeps=5, max_speed=4.0)
        assert np.abs(fast).max() == 4.0


@pytest.mark.parametrize("max_speed", [20.0, 3.7])
def test_limited_joints_turn_no_faster_than_the_limit(max_speed):
    q, qd, torque = (part.astype(np.float32) for part in random_states(3, 500))
    after, fast = arm.step(q, 0 * qd, 1000 * torque, ROUGH, 0.06, substeps=5, max_speed=max_speed)
    limit = np.float32(max_speed)  # not a digit more: observations must stay within their bounds
    assert limit * (1 - 1e-6) < np.abs(fast).max() <= limit
    assert np.abs(after - q).max() <= 0.06 * max_speed * (1 + 1e-4)


# -------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mass", 0.0),
        ("mass", np.array([1.0, -1.0])),
        ("friction", -0.1),
        ("damping", -1),
        ("motor_strength", -0.5),
        ("gravity", np.inf),
        ("link_length", 0),
        ("sensor_noise", np.nan),
        ("action_delay", 1.5),
        ("action_delay", 1000),
        ("mass", "heavy"),
        ("mass", None),
    ],
)
def test_impossible_physics_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"PhysicsParams\.{name} is .*; accepted are"):
        PhysicsParams(**{name: value})


def test_mismatched_joints_and_unknown_integrators_are_refused():
    with pytest.raises(ValueError, match=r"torque has shape \(3,\) and q \(2,\)"):
        arm.forward_dynamics(np.zeros(2), np.zeros(2), np.zeros(3), ROUGH)
    with pytest.raises(ValueError, match="integrator is 'leapfrog'; accepted are euler, rk4"):
        arm.step(np.zeros(2), np.zeros(2), np.zeros(2), ROUGH, 0.01, "leapfrog")


def test_arms_without_joints_and_steps_without_time_are_refused():
    empty, one = np.zeros((3, 0)), np.zeros((3, 1))
    for q in (empty, np.array(0.0)):
        with pytest.raises(ValueError, match="same number of joints n >= 1"):
            arm.forward_dynamics(q, q, q, ROUGH)
    for dt, substeps in ((0.0, 1), (-0.1, 1), (np.nan, 1), (0.1, 0)):
        with pytest.raises(ValueError, match=f"dt is {dt} s in {substeps} substeps; accepted are"):
            arm.step(one, one, one, ROUGH, dt, substeps=substeps)
