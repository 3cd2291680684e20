"""Thousands of arms: control steps a second of the reaching task, beside MuJoCo and Gymnasium's Reacher-v5."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import gymnasium as gym
import mujoco
import numpy as np
from mujoco.rollout import Rollout

from benchmarks import common
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import SUBSTEPS, ReachVectorEnv
from rlbook.envs.arm.robot import RobotParams, build_model

BATCHES = (1, 64, 1024, 8192)
LINKS = (2, 3)
THREADS = (1, 2)
REACHERS = 16
GOAL_OVER_REACHER, GOAL_OVER_MUJOCO = 100, 4
WORK = 200_000  # environment steps in one round, roughly: long enough to be in full swing, as training is


def run(rounds: int = 15) -> dict:
    result = {"control_step_s": ReachVectorEnv(1).dt, "rows": []}
    for n in LINKS:
        for B in BATCHES:
            result["rows"] += _measure(n, B, rounds)
    return result


def _measure(n: int, B: int, rounds: int) -> list[dict]:
    """One row a thread count: environment steps a second of every contestant, and the ratios within the rounds."""
    rows = []
    for threads in [count for count in THREADS if B >= 64 * count or count == 1]:
        with ThreadPoolExecutor(threads) as pool:
            steps, contestants = {}, {}
            for name, make in (("ours", _ours), ("mujoco", _mujoco), ("reacher", _reacher)):
                contestants[name], steps[name] = make(n, B, threads, pool)
            seconds = common.time_in_turn(contestants, rounds)
        per_step = {name: np.asarray(seconds[name]) / steps[name] for name in contestants}
        rows.append(
            {
                "links": n,
                "arms": B,
                "threads": threads,
                "steps_per_s": {name: 1 / float(np.median(per_step[name])) for name in contestants},
                "over_reacher": common.ratio(per_step["reacher"], per_step["ours"]),
                "over_mujoco": common.ratio(per_step["mujoco"], per_step["ours"]),
                "over_mujoco_physics_steps": common.ratio(per_step["mujoco"] / SUBSTEPS, per_step["ours"]),
            }
        )
    return rows


def _ours(n: int, B: int, threads: int, pool):
    """The whole environment step: physics, reward, observation and resets; two threads step half of the arms each."""
    share = B // threads
    batches = [ReachVectorEnv(share, n_joints=n) for _ in range(threads)]
    actions = np.random.default_rng(0).uniform(-1, 1, (32, share, n)).astype(np.float32)
    count = max(3, min(200, WORK // B))

    def advance(envs):
        for t in range(count):
            envs.step(actions[t % 32])

    for i, envs in enumerate(batches):
        envs.reset(seed=i)
    return (lambda: list(pool.map(advance, batches))), count * share * threads


def _mujoco(n: int, B: int, threads: int, pool):
    """MuJoCo's threaded rollout of the same arm over the same time, physics alone; counted in control steps."""
    physics = PhysicsParams(friction=0.0)
    model = build_model(RobotParams.matched(physics, ReachVectorEnv(1).dt / SUBSTEPS), n)
    size = mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS)
    random = np.random.default_rng(0)
    states = np.zeros((B, size))
    states[:, 1 : 1 + n] = random.uniform(-np.pi, np.pi, (B, n))
    count = max(1, min(40, WORK // 8 // B))
    control = random.uniform(-5, 5, (B, count * SUBSTEPS, n))
    data = [mujoco.MjData(model) for _ in range(threads)]
    rollout = Rollout(nthread=threads if threads > 1 else 0)
    return (lambda: rollout.rollout(model, data, states, control)), count * B


def _reacher(n: int, B: int, threads: int, pool):
    """Gymnasium's own way: a SyncVectorEnv of Reacher-v5, whatever the number of arms and threads."""
    envs = gym.make_vec("Reacher-v5", num_envs=REACHERS, vectorization_mode="sync")
    envs.reset(seed=0)
    envs.action_space.seed(0)
    actions = envs.action_space.sample()

    def advance():
        for _ in range(100):
            envs.step(actions)

    return advance, 100 * REACHERS


def table(result: dict) -> str:
    rows = [
        [
            f"{row['links']} links, {row['arms']:,} arms, {row['threads']} thread{'s' * (row['threads'] > 1)}",
            *(f"{row['steps_per_s'][name]:,.0f}" for name in ("ours", "mujoco", "reacher")),
            f"{row['over_reacher']:.1f}x",
            f"{row['over_mujoco']:.1f}x",
            f"{row['over_mujoco_physics_steps']:.1f}x",
        ]
        for row in result["rows"]
    ]
    header = [
        "control steps a second",
        "rlbook",
        "MuJoCo",
        "Reacher-v5",
        "/ Reacher",
        "/ MuJoCo",
        "/ its physics steps",
    ]
    note = (
        "rlbook: the whole step of the environment. MuJoCo: its threaded rollout of the same arm, physics alone, over\n"
        f"the same {SUBSTEPS} physics steps; the last column sets our whole control steps against its single physics\n"
        "steps. Reacher-v5: Gymnasium's SyncVectorEnv, one thread. Two Python threads share the interpreter, MuJoCo's\n"
        f"do not. Goals from 1,024 arms on: {GOAL_OVER_REACHER}x Reacher-v5 and {GOAL_OVER_MUJOCO}x MuJoCo."
    )
    return common.text_table(header, rows) + "\n" + note
