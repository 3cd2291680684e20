"""Growth: processor time and memory of every chapter's parts against the size that grows, each in a fresh process."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import common

SLIP, GAMMA = 0.2, 0.99
MEASURABLE_BYTES = 8 * 2**20  # less than this is lost among what an interpreter does on its own


def grid_built(n_states: int) -> Iterator[None]:
    from rlbook.envs.grid_world import GridWorld

    yield
    GridWorld(round(n_states**0.5), slip=SLIP).mdp(GAMMA)
    yield


def grid_swept(n_states: int) -> Iterator[None]:
    from rlbook.envs.grid_world import GridWorld
    from rlbook.mdp import bellman_backup

    mdp = GridWorld(round(n_states**0.5), slip=SLIP).mdp(GAMMA)
    V = np.zeros(mdp.n_states)
    yield
    for _ in range(20):
        V = bellman_backup(V, mdp).max(axis=1)
    yield


def grid_solved(n_states: int) -> Iterator[None]:
    from rlbook.envs.grid_world import GridWorld
    from rlbook.mdp import value_iteration

    yield
    value_iteration(GridWorld(round(n_states**0.5), slip=SLIP).mdp(GAMMA))
    yield


def policy_evaluated(n_states: int) -> Iterator[None]:
    from rlbook.envs.grid_world import GridWorld
    from rlbook.mdp import evaluate_policy

    mdp = GridWorld(round(n_states**0.5), slip=SLIP).mdp(gamma=0.9)
    policy = np.full((mdp.n_states, mdp.n_actions), 1 / mdp.n_actions)
    yield
    evaluate_policy(policy, mdp)
    yield


def dense_solved(n_probabilities: int) -> Iterator[None]:
    from rlbook.mdp import TabularMDP, value_iteration

    n_actions, rng = 2, np.random.default_rng(0)
    n_states = round((n_probabilities / n_actions) ** 0.5)
    P = rng.random((n_states, n_actions, n_states))
    P /= P.sum(axis=2, keepdims=True)
    rewards = rng.normal(size=(n_states, n_actions))
    yield
    value_iteration(TabularMDP(P, rewards, gamma=0.9))
    yield


def table_learned(n_agents: int) -> Iterator[None]:
    from rlbook.envs.grid_world import GridWorld
    from rlbook.q_learning import QLearning

    agents, world = QLearning(16, 4, n_agents=n_agents), GridWorld(slip=SLIP)
    yield
    agents.learn(world, total_steps=200 * n_agents)
    yield


def arms_stepped(n_arms: int) -> Iterator[None]:
    import gymnasium as gym

    import rlbook.envs  # noqa: F401  registers the environments

    envs = gym.make_vec("rlbook/Reach-v0", num_envs=n_arms)
    torque = np.zeros(envs.action_space.shape, dtype=np.float32)
    envs.reset(seed=0)
    yield
    for _ in range(20):
        envs.step(torque)
    yield


def transitions_replayed(n_transitions: int) -> Iterator[None]:
    from rlbook.learning.replay import ReplayBuffer

    yield
    buffer, states = ReplayBuffer(n_transitions, state_dim=4), np.ones((100, 4))
    for _ in range(n_transitions // 100):
        buffer.push(states, np.ones(100), np.ones(100), states, np.zeros(100))
        buffer.sample(100)
    yield


def network_learned(n_steps: int) -> Iterator[None]:
    import gymnasium as gym

    from rlbook.dqn import DQNAgent

    agent = DQNAgent(4, 2, hidden_dims=(32,), batch_size=32, buffer_size=n_steps)
    env = gym.make("CartPole-v1")
    agent.learn(env, 500)
    yield
    agent.learn(env, n_steps)
    yield


def episodes_kept(n_episodes: int) -> Iterator[None]:
    from rlbook.learning.history import EpisodeLog

    log, reward, always = EpisodeLog(100), np.ones(100), np.ones(100, dtype=bool)
    yield
    for _ in range(n_episodes // 100):
        log.record(reward, always, always)
    log.history()
    yield


class Part(NamedTuple):
    """``work`` pauses where its time begins and where it ends; ``power`` is what the time may grow with at most."""

    work: Callable[[int], Iterator[None]]
    grows: str
    sizes: tuple[int, ...]
    power: float
    why: str = ""


GRIDS = tuple(side**2 for side in (50, 100, 200, 400))
PARTS = {
    "grid world built, its model read": Part(grid_built, "states", GRIDS, 1),
    "20 Bellman backups of a grid": Part(grid_swept, "states", GRIDS, 1),
    "grid solved by value iteration": Part(grid_solved, "states", GRIDS, 1.5, "the sweeps grow with the side"),
    "random policy of a grid evaluated": Part(policy_evaluated, "states", GRIDS[1:], 1),
    "dense model solved": Part(dense_solved, "numbers in P", tuple(2 * n**2 for n in (250, 500, 1000, 2000)), 1),
    "Q-learning, 200 steps an agent": Part(table_learned, "agents", (1000, 4000, 16_000, 64_000), 1),
    "20 steps of arms": Part(arms_stepped, "arms", (1000, 4000, 16_000), 1),
    "replay memory filled and sampled": Part(transitions_replayed, "transitions", (10_000, 100_000, 1_000_000), 1),
    "DQN on CartPole": Part(network_learned, "steps", (1000, 2000, 4000), 1),
    "episodes recorded": Part(episodes_kept, "episodes", (10_000, 100_000, 1_000_000), 1),
}


def run() -> dict:
    result = {}
    for name, part in PARTS.items():
        points = [_in_a_fresh_process(part.work.__name__, size) for size in part.sizes]
        seconds, peaks = ([point[key] for point in points] for key in ("seconds", "peak_bytes"))
        result[name] = {
            "grows": part.grows,
            "sizes": list(part.sizes),
            "seconds": seconds,
            "peak_bytes": peaks,
            "time_exponent": exponent(part.sizes, seconds),
            "memory_exponent": exponent(*_measurable(part.sizes, peaks)),
            "power": part.power,
            "why": part.why,
        }
    return result


def table(result: dict) -> str:
    rows = [
        [
            name,
            f"{row['sizes'][0]:,} to {row['sizes'][-1]:,} {row['grows']}",
            f"{row['seconds'][-1]:.2f} s",
            f"{row['peak_bytes'][-1] / 1e6:.0f} MB",
            *("-" if row[key] is None else f"{row[key]:.2f}" for key in ("time_exponent", "memory_exponent")),
            f"{row['power']:g} {row['why']}".strip(),
        ]
        for name, row in result.items()
    ]
    header = ["part", "size", "largest: time", "memory", "time ~ size^", "memory ~ size^", "expected: at most"]
    return common.text_table(header, rows)


def exponent(sizes, amounts) -> float | None:
    """The power of the size that the amounts grow with: the slope of a line through their logarithms."""
    if len(sizes) < 2:
        return None
    return float(np.polyfit(np.log(sizes), np.log(amounts), 1)[0])


def measure(work: Callable[[int], Iterator[None]], size: int) -> dict:
    """Processor seconds of the work proper, and the most memory that it and its preparation needed beyond imports."""
    smallest = next(part.sizes[0] for part in PARTS.values() if part.work.__name__ == work.__name__)
    for _ in work(smallest):  # imports, and whatever else only a first time costs
        pass
    before = _kilobytes("VmRSS")
    stages = work(size)
    next(stages)
    begin = time.process_time()
    next(stages)
    return {"seconds": time.process_time() - begin, "peak_bytes": 1024 * max(0, _kilobytes("VmHWM") - before)}


def _in_a_fresh_process(work: str, size: int) -> dict:
    command = [sys.executable, "-m", "benchmarks.growth", work, str(size)]
    done = subprocess.run(command, cwd=common.RESULTS.parents[1], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _measurable(sizes, peaks) -> tuple[list, list]:
    kept = [(size, peak) for size, peak in zip(sizes, peaks, strict=True) if peak >= MEASURABLE_BYTES]
    return [size for size, _ in kept], [peak for _, peak in kept]


def _kilobytes(field: str) -> int:
    """Memory of this process as Linux counts it: VmRSS now, VmHWM at most so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


if __name__ == "__main__":
    module = importlib.import_module("benchmarks.growth")
    print(json.dumps(measure(getattr(module, sys.argv[1]), int(sys.argv[2]))))
