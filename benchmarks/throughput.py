"""Environment steps a second of PPO with thousands of arms, on the processor and, where there is one, on the GPU.

Three figures, as Isaac Lab gives them: the environment alone under random actions, with the policy's forward pass, and
with training. Tensors stay on the device from reset to gradient step.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks import common
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.ppo import MANY_ARMS, PPO

ARMS = {"cpu": (1024, 4096), "cuda": (4096, 16_384, 65_536)}
STEPS = 104  # control steps of every arm in one measurement: an episode, in whole rounds of learning
ROUNDS = 5


def seconds(work: Callable[[], object], device: str) -> float:
    """Wall-clock seconds of one call, the device's queue emptied before and after."""
    if device == "cuda":
        torch.cuda.synchronize()
    begin = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def alone(device: str, arms: int) -> Callable[[], None]:
    envs = ReachVectorEnv(arms, device=device)
    envs.reset(seed=0)
    actions = 2 * torch.rand((STEPS, arms, envs.n_joints), device=device) - 1

    def work():
        for action in actions:
            envs.step(action)

    return work


def acting(device: str, arms: int) -> Callable[[], None]:
    envs, agent = ReachVectorEnv(arms, device=device), PPO.for_many_arms(10, 2, device=device)
    state = envs.reset(seed=0)[0]

    def work():
        nonlocal state
        for _ in range(STEPS):
            state = envs.step(agent.select_action(state))[0]

    return work


def training(device: str, arms: int) -> Callable[[], None]:
    """As many gradient steps a round as with a thousand arms, each on more of them."""
    batch_size = MANY_ARMS["batch_size"] * arms // 1024
    agent = PPO.for_many_arms(10, 2, device=device, batch_size=batch_size)
    envs = ReachVectorEnv(arms, device=device)
    return lambda: agent.learn(envs, STEPS * arms)


FIGURES = {"environment alone": alone, "with the policy": acting, "with training": training}


def run(rounds: int = ROUNDS) -> dict:
    torch.set_num_threads(1)
    devices = ["cpu"] + ["cuda"] * torch.cuda.is_available()
    rows = []
    for device in devices:
        for arms in ARMS[device]:
            row = {"device": torch.cuda.get_device_name() if device == "cuda" else "cpu", "arms": arms}
            for name, make in FIGURES.items():
                work = make(device, arms)
                work()
                row[name] = STEPS * arms / float(np.median([seconds(work, device) for _ in range(rounds)]))
            rows.append(row)
    return {"steps": STEPS, "rows": rows}


def table(result: dict) -> str:
    rows = [
        [f"{row['device']}, {row['arms']:,} arms", *(f"{row[name]:,.0f}" for name in FIGURES)] for row in result["rows"]
    ]
    return common.text_table(["control steps a second", *FIGURES], rows)
