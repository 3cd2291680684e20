"""Agents small enough for a test, and one that already remembers something."""

import numpy as np

from rlbook.dqn import DQNAgent

SMALL = {"hidden_dims": (32,), "buffer_size": 1000, "batch_size": 32, "learning_rate": 0.01, "target_update_freq": 10}


def with_memory(n=200, **changes):
    agent = DQNAgent(4, 2, **{**SMALL, **changes})
    rng = np.random.default_rng(0)
    agent.store_transition(
        rng.normal(size=(n, 4)),
        rng.integers(2, size=n),
        rng.normal(size=n),
        rng.normal(size=(n, 4)),
        rng.random(n) < 0.2,
    )
    return agent
