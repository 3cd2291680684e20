"""Tabular Q-learning: environment steps a second of one batch of agents, against plain loops over single steps.

Three plain loops run the same algorithm on the same grid, one step at a time: ``gymnasium_loop`` keeps a NumPy table
and steps the environment through Gymnasium, as most code does; ``lean_loop`` looks the model up in Python lists
instead; ``list_loop`` uses no NumPy at all, the least a loop in Python can do.
"""

from __future__ import annotations

import random

import numpy as np

from benchmarks import common
from rlbook.envs.grid_world import GridWorld
from rlbook.q_learning import QLearning

AGENTS = (1, 64, 256)
BATCH_STEPS = 2_000  # steps of each agent of a batch
LOOP_STEPS = 10_000  # steps of a plain loop
N_EPISODES = 500
EPSILON, EPSILON_DECAY, EPSILON_MIN, ALPHA, GAMMA = 1.0, 0.995, 0.01, 0.1, 0.99
GOALS = {64: 8.0, 256: 25.0}  # times gymnasium_loop
LEARNING_GOAL_S = 1.0


def choose(row: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """Epsilon-greedy on one row of the table, ties broken at random."""
    if rng.random() < epsilon:
        return int(rng.integers(len(row)))
    ties = np.flatnonzero(row == row.max())
    return int(ties[rng.integers(len(ties))])


def gymnasium_loop(world: GridWorld, n_steps: int, seed: int = 0) -> np.ndarray:
    """Plain Q-learning, one NumPy row and one ``env.step`` at a time; returns the table."""
    rng, epsilon = np.random.default_rng(seed), EPSILON
    Q = np.zeros((world.observation_space.n, world.action_space.n))
    state, _ = world.reset(seed=seed)
    for _ in range(n_steps):
        action = choose(Q[state], epsilon, rng)
        next_state, reward, terminated, truncated, _ = world.step(action)
        target = reward if terminated else reward + GAMMA * Q[next_state].max()
        Q[state, action] += ALPHA * (target - Q[state, action])
        state = next_state
        if terminated or truncated:
            epsilon = max(EPSILON_MIN, epsilon * EPSILON_DECAY)
            state, _ = world.reset()
    return Q


def listed(world: GridWorld) -> list:
    """[state][action] -> (next state, reward, terminated) of a grid without slip."""
    P = world.P
    return [[P[s][a][0][1:] for a in P[s]] for s in P]


def lean_loop(world: GridWorld, n_steps: int, seed: int = 0) -> np.ndarray:
    """The same with the deterministic model in Python lists in place of ``env.step``; returns the table."""
    rng, epsilon, model = np.random.default_rng(seed), EPSILON, listed(world)
    Q = np.zeros((len(model), len(model[0])))
    start, length = world.to_state(world.start), 0
    state = start
    for _ in range(n_steps):
        action = choose(Q[state], epsilon, rng)
        next_state, reward, terminated = model[state][action]
        target = reward if terminated else reward + GAMMA * Q[next_state].max()
        Q[state, action] += ALPHA * (target - Q[state, action])
        state, length = next_state, length + 1
        if terminated or length == world.max_steps:
            epsilon = max(EPSILON_MIN, epsilon * EPSILON_DECAY)
            state, length = start, 0
    return Q


def list_loop(world: GridWorld, n_steps: int, seed: int = 0) -> list:
    """The same in lists and Python numbers alone; returns the table."""
    rng, epsilon, model = random.Random(seed), EPSILON, listed(world)
    n_actions = len(model[0])
    Q = [[0.0] * n_actions for _ in model]
    start, length = world.to_state(world.start), 0
    state = start
    for _ in range(n_steps):
        row = Q[state]
        best = max(row)
        explore = rng.random() < epsilon
        action = rng.choice([a for a in range(n_actions) if explore or row[a] == best])
        next_state, reward, terminated = model[state][action]
        target = reward if terminated else reward + GAMMA * max(Q[next_state])
        row[action] += ALPHA * (target - row[action])
        state, length = next_state, length + 1
        if terminated or length == world.max_steps:
            epsilon = max(EPSILON_MIN, epsilon * EPSILON_DECAY)
            state, length = start, 0
    return Q


def batch(world: GridWorld, n_agents: int, **length) -> QLearning:
    size = world.observation_space.n, world.action_space.n
    settings = {"epsilon": EPSILON, "epsilon_decay": EPSILON_DECAY, "epsilon_min": EPSILON_MIN}
    agent = QLearning(*size, learning_rate=ALPHA, gamma=GAMMA, **settings, n_agents=n_agents)
    agent.learn(world, **length)
    return agent


def run(rounds: int = 7) -> dict:
    world = GridWorld()
    contestants = {
        "gymnasium_loop": lambda: gymnasium_loop(world, LOOP_STEPS),
        "lean_loop": lambda: lean_loop(world, LOOP_STEPS),
        "list_loop": lambda: list_loop(world, LOOP_STEPS),
        **{f"batch_{n}": lambda n=n: batch(world, n, total_steps=n * BATCH_STEPS) for n in AGENTS},
        "learning": lambda: batch(world, 64, n_episodes=N_EPISODES),
    }
    seconds = common.time_in_turn(contestants, rounds)
    learning = seconds.pop("learning")
    steps = {name: LOOP_STEPS for name in seconds} | {f"batch_{n}": n * BATCH_STEPS for n in AGENTS}
    per_step = {name: np.array(times) / steps[name] for name, times in seconds.items()}
    return {
        "speed": {
            name: {
                "steps_per_s": float(1 / np.median(times)),
                "times_gymnasium_loop": common.ratio(per_step["gymnasium_loop"], times),
                "times_lean_loop": common.ratio(per_step["lean_loop"], times),
                "times_list_loop": common.ratio(per_step["list_loop"], times),
            }
            for name, times in per_step.items()
        },
        "goals": {str(n): goal for n, goal in GOALS.items()},
        "learning": {"n_agents": 64, "n_episodes": N_EPISODES, "goal_s": LEARNING_GOAL_S, **common.summary(learning)},
        "rounds": rounds,
    }


def table(result: dict) -> str:
    rows = []
    for name, speed in result["speed"].items():
        goal = result["goals"].get(name.removeprefix("batch_"))
        rows.append(
            [
                f"{name.removeprefix('batch_')} agents in one batch" if name.startswith("batch_") else name,
                f"{speed['steps_per_s']:,.0f}",
                f"{speed['times_gymnasium_loop']:.1f}",
                f"{speed['times_lean_loop']:.1f}",
                f"{speed['times_list_loop']:.1f}",
                f"{goal:.0f}" if goal else "",
            ]
        )
    header = ["", "steps/s", "times gymnasium_loop", "times lean_loop", "times list_loop", "goal (gymnasium_loop)"]
    learning = result["learning"]
    return (
        f"{common.text_table(header, rows)}\n\n{learning['n_agents']} agents x {learning['n_episodes']} episodes: "
        f"median {learning['median_s']:.2f} s (goal: under {learning['goal_s']:.0f} s)"
    )
