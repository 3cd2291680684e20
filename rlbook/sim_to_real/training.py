"""Training for reaching and staying, ``rlbook/ReachHold-v0``: the same recipe for every answer to the reality gap.

Answers differ in the arms that are trained on, and in nothing else::

    agent = train(hold_arms(randomizer=DomainRandomizer("moderate")), total_steps=1_000_000, seed=0)

After that a robot may still teach it: ``fine_tune``.
"""

from __future__ import annotations

import copy
import math

import gymnasium as gym
import torch
from gymnasium.vector import VectorEnv

import rlbook.envs  # noqa: F401  registers the arms
from rlbook.envs.arm.params import PhysicsParams
from rlbook.ppo import PPO
from rlbook.sim_to_real.randomization import RandomizedVectorEnv
from rlbook.validation import check_arguments

N_ARMS = 1024
# For a few robots: long rounds, small steps, and an end to each round once the policy has moved.
ON_ROBOTS = {"batch_size": 256, "n_epochs": 5, "lr": 5e-4, "target_kl": 0.02, "kl_steers_lr": False}
ROUND = 2048  # robot steps between two updates, all robots counted
LEAST_STD = 0.15  # of torques, at the start on the robot: long training in simulation leaves next to no exploration


def hold_arms(n: int = N_ARMS, *, randomizer=None, physics: PhysicsParams | None = None) -> VectorEnv:
    """``n`` simulated arms that have to reach and stay: all with ``physics``, or each with what a randomizer draws."""
    envs = gym.make_vec("rlbook/ReachHold-v0", num_envs=n, physics=physics)
    return envs if randomizer is None else RandomizedVectorEnv(envs, randomizer)


def new_agent(envs: VectorEnv, seed: int = 0) -> PPO:
    """An untrained PPO for these arms: the settings for many, but twice the gradient steps, since staying is finer."""
    sizes = envs.single_observation_space.shape[0], envs.single_action_space.shape[0]
    return PPO.for_many_arms(*sizes, batch_size=1024, seed=seed)


def train(envs: VectorEnv, total_steps: int, seed: int = 0, progress: bool = False) -> PPO:
    """A new PPO after ``total_steps`` environment steps, all arms counted."""
    agent = new_agent(envs, seed)
    agent.learn(envs, total_steps, progress)
    return agent


def fine_tune(agent: PPO, robots: VectorEnv, total_steps: int, **changes) -> tuple[PPO, float]:
    """A copy of ``agent`` that goes on learning on robots, and the seconds that they moved for it, all robots counted.

    total_steps : control steps of all robots together; the last round of ``ROUND`` steps is played to its end.
    changes : hyperparameters in place of ``ON_ROBOTS``.

    Actions are drawn more widely again at first, ``LEAST_STD``. The agent that was given stays as it is.
    """
    check_arguments({"total_steps": total_steps}, count=("total_steps",))
    tuned = copy.deepcopy(agent)
    tuned.configure(**{**ON_ROBOTS, "n_steps": max(1, ROUND // robots.num_envs), **changes})
    with torch.no_grad():
        tuned.policy.log_std.clamp_(min=math.log(LEAST_STD))
    before = tuned.steps_taken
    tuned.learn(robots, total_steps)
    return tuned, (tuned.steps_taken - before) * robots.unwrapped.dt
