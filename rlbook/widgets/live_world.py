"""A grid that is changed while a robot is in it."""

from __future__ import annotations

from collections.abc import Callable

import gymnasium as gym

from rlbook.envs.grid_world import GridWorld


class LiveWorld(gym.Wrapper):
    """A GridWorld that can be replaced in the middle of an episode: robot, chance and the clock go on as before.

    watch : called as ``watch(state, action, reward, next_state, terminated)`` at every step.
    n_steps : taken in this episode.   lengths : of all episodes that ended.
    """

    def __init__(self, world: GridWorld, watch: Callable = lambda *transition: None):
        # The clock is kept here, so that a change gives the episode no more time.
        super().__init__(world.replace(max_steps=10**9))
        self.max_steps, self.n_steps, self._watch = world.max_steps, 0, watch
        self.lengths: list[int] = []

    def change(self, world: GridWorld) -> None:
        """From now on this world, of the same shape."""
        old = self.env
        self.env = world.replace(max_steps=10**9)
        self.env.state, self.env.np_random = old.state, old.np_random

    def reset(self, **options):
        self.n_steps = 0
        return self.env.reset(**options)

    def step(self, action):
        before = self.env.state
        if before == self.env.to_state(self.env.goal):  # it was put where the robot stands
            state, reward, terminated, info = before, 0.0, True, {}
        else:
            state, reward, terminated, _, info = self.env.step(action)
        self.n_steps += 1
        truncated = not terminated and self.n_steps >= self.max_steps
        if terminated or truncated:
            self.lengths.append(self.n_steps)
        self._watch(before, action, reward, state, terminated)
        return state, reward, terminated, truncated, info
