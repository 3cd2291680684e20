"""Tiny environments whose values are known by heart: if a learner fails one of them, that names the broken part."""

import gymnasium as gym
import numpy as np


class Probe(gym.Env):
    """One observation of one number, ``n_actions`` actions; a subclass says what a step does."""

    n_actions = 1

    def __init__(self):
        self.observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
        self.action_space = gym.spaces.Discrete(self.n_actions)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x = self.start()
        return self.seen(), {}

    def start(self):
        return 0.0

    def seen(self):
        return np.array([self.x], dtype=np.float32)

    def coin(self):
        return float(self.np_random.choice([-1.0, 1.0]))


class ConstantReward(Probe):
    def step(self, action):
        return self.seen(), 1.0, True, False, {}


class SeenReward(Probe):
    start = Probe.coin

    def step(self, action):
        return self.seen(), self.x, True, False, {}


class TwoSteps(Probe):
    def step(self, action):
        last, self.x = self.x == 1, 1.0
        return self.seen(), float(last), last, False, {}


class ActionReward(Probe):
    n_actions = 2

    def step(self, action):
        return self.seen(), 1.0 if action == 1 else -1.0, True, False, {}


class SeenActionReward(ActionReward):
    start = Probe.coin

    def step(self, action):
        return self.seen(), self.x if action == 1 else -self.x, True, False, {}


class EndlessOnes(Probe):
    """A reward of 1 every step; the clock alone ends the episode, at once."""

    def step(self, action):
        return self.seen(), 1.0, False, True, {}


class Counting(gym.Env):
    """Observes (episode, step) and pays the number of the step; after ``length`` steps it ends, or its time is up."""

    def __init__(self, length, terminates=True):
        self.length, self.terminates, self.episode = length, terminates, 0
        self.observation_space = gym.spaces.Box(0, np.inf, (2,), np.float32)
        self.action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episode, self.t = self.episode + 1, 0
        return self.seen(), {}

    def step(self, action):
        self.t += 1
        over = self.t == self.length
        return self.seen(), float(self.t), over and self.terminates, over and not self.terminates, {}

    def seen(self):
        return np.array([self.episode, self.t], dtype=np.float32)


# name: (environment, its observations, Q of every action there with gamma = 0.9)
PROBES = {
    "constant reward": (ConstantReward, [[0.0]], [[1.0]]),
    "reward seen": (SeenReward, [[-1.0], [1.0]], [[-1.0], [1.0]]),
    "two steps": (TwoSteps, [[0.0], [1.0]], [[0.9], [1.0]]),
    "reward by action": (ActionReward, [[0.0]], [[-1.0, 1.0]]),
    "reward by both": (SeenActionReward, [[-1.0], [1.0]], [[1.0, -1.0], [-1.0, 1.0]]),
}
