"""The control step replayed on a GPU is the control step."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

from rlbook.envs.arm import physics as arm  # noqa: E402
from rlbook.envs.arm.cuda_graph import ReplayedStep  # noqa: E402
from rlbook.envs.arm.params import PhysicsParams  # noqa: E402
from rlbook.envs.arm.reach import ReachVectorEnv  # noqa: E402

SETTINGS = {"dt": 0.06, "substeps": 5, "max_speed": 20.0}


def state(count, n_joints=2):
    return (torch.randn((3, n_joints, count), device="cuda") * torch.tensor([2, 5, 5], device="cuda")[:, None, None]).mT


def check(step, count, physics, n_joints=2):
    q, qd, torque = state(count, n_joints)
    got, wanted = step(q, qd, torque, physics), arm.step(q, qd, torque, physics, **SETTINGS)
    for mine, theirs in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_replay_is_the_step_whatever_changes_between_calls():
    step, random = ReplayedStep(**SETTINGS), torch.Generator("cuda").manual_seed(0)
    check(step, 64, PhysicsParams())
    check(step, 64, PhysicsParams())
    check(step, 64, PhysicsParams(mass=1.5))
    for _ in range(3):
        masses = 1 + torch.rand(64, generator=random, device="cuda")
        check(step, 64, PhysicsParams(mass=masses))
    check(step, 32, PhysicsParams())
    check(step, 32, PhysicsParams(), n_joints=3)
    check(copy.deepcopy(step), 32, PhysicsParams(friction=0.5))


def test_answers_are_not_overwritten_by_the_next_call():
    step, physics = ReplayedStep(**SETTINGS), PhysicsParams()
    first = step(*state(8), physics)
    kept = [values.clone() for values in first]
    step(*state(8), physics)
    assert all(torch.equal(a, b) for a, b in zip(first, kept, strict=True))


def test_arms_on_the_gpu_move_as_on_the_processor():
    envs = [ReachVectorEnv(128, device=device) for device in ("cuda", None)]
    for env in envs:
        env.reset(seed=0)
    start = {name: getattr(envs[0], name).cpu().numpy() for name in ("q", "qd", "target")}
    envs[1].reset(options=start)
    random = np.random.default_rng(0)
    for _ in range(20):
        action = random.uniform(-1, 1, (128, 2)).astype(np.float32)
        on_gpu = envs[0].step(torch.as_tensor(action, device="cuda"))
        on_cpu = envs[1].step(action)
        ended = on_cpu[2] | on_cpu[3]
        if ended.any():  # new episodes draw other targets on each device
            break
        np.testing.assert_allclose(on_gpu[0].cpu().numpy(), on_cpu[0], atol=1e-3)
        np.testing.assert_allclose(on_gpu[1].cpu().numpy(), on_cpu[1], atol=1e-4)


def test_new_physics_at_every_reset_reach_the_replayed_step():
    def drawn(count, random):
        return PhysicsParams(mass=random.uniform(0.5, 2.0, count))

    envs = ReachVectorEnv(256, device="cuda", physics_on_reset=drawn, max_steps=5)
    envs.reset(seed=0)
    action = torch.full((256, 2), 0.5, device="cuda")
    for _ in range(12):
        q, qd, torque = (
            envs.q.clone(),
            envs.qd.clone(),
            action * torch.as_tensor(envs.max_torque, device="cuda").float(),
        )
        wanted = arm.step(q, qd, torque, envs.physics, **SETTINGS)
        envs.apply(action)
        torch.testing.assert_close(envs.q, wanted[0])
        envs.step(action)
