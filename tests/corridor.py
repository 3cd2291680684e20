"""The smallest world without a model, and the plain Q-learning update as a student's rule."""

import gymnasium as gym

from rlbook.returns import td_error


class Corridor(gym.Env):
    """Walk right three times: -1 a step, and either the task ends there or only the clock runs out."""

    observation_space, action_space = gym.spaces.Discrete(4), gym.spaces.Discrete(1)

    def __init__(self, ends="terminated", interrupt_after=None):
        self.ends, self.interrupt_after, self.steps = ends, interrupt_after, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = 0
        return 0, {}

    def step(self, action):
        self.steps += 1
        if self.steps == self.interrupt_after:
            raise KeyboardInterrupt
        self.state += 1
        last = self.state == 3
        return self.state, -1.0, last and self.ends == "terminated", last and self.ends == "truncated", {}


def plain_rule(q, reward, next_q, terminated, alpha, gamma):
    return q + alpha * td_error(q, reward, next_q.max(axis=-1), terminated, gamma)
