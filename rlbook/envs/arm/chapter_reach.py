"""The reaching task under the chapter's name, and as the chapter designs it, kept so that its flaws can be measured.

Six joints follow qdd = torque / 10, whatever the arm weighs; three links of 0.3 m hang on the first three joints and
move in the x-z plane, 0.1 m above the floor; targets fall anywhere in a box of 2 x 2 x 1 metres.
"""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace

from rlbook.envs.arm import physics as arm
from rlbook.envs.arm.batch import ArmVectorEnv
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import ReachEnv
from rlbook.envs.robot_mdp import RobotMDP
from rlbook.validation import check_arguments

LINK_LENGTHS = (0.3, 0.3, 0.3)  # m
BASE_HEIGHT = 0.1  # m
TARGET_LOW, TARGET_HIGH = np.array([-1.0, -1.0, 0.0]), np.array([1.0, 1.0, 1.0])  # m
INERTIA = 10.0  # kg m^2, of every joint
ARM = PhysicsParams(link_length=LINK_LENGTHS[0], gravity=0.0)


def chapter_reward_terms(distance, torque, success) -> dict:
    """The chapter's reward of one step, term by term: -distance, -0.001 |torque|^2 and +10 on success.

    ``distance`` (m) and ``success`` are (...,), ``torque`` (N m) is (..., n).
    """
    xp = array_namespace(distance)
    squares = sum(torque[..., i] * torque[..., i] for i in range(torque.shape[-1]))
    return {"distance": -distance, "effort": -0.001 * squares, "success": 10.0 * xp.astype(success, distance.dtype)}


def draw_chapter_targets(random: np.random.Generator, count: int) -> np.ndarray:
    """Targets (count, 3) in metres, x, y and z, from the chapter's box."""
    return random.uniform(TARGET_LOW, TARGET_HIGH, (count, 3))


class ChapterReachVectorEnv(ArmVectorEnv):
    """A batch of the chapter's arms. The step contract is ``ArmVectorEnv``'s.

    Observation: joint angles (n, rad), joint velocities (n, rad/s), target x, y, z (m). Action: joint torques in N m,
    from -100 to 100. Reward: ``chapter_reward_terms``. Start: angles uniform in +-pi/2, at rest.
    """

    def __init__(self, num_envs: int = 1, *, n_joints: int = 6, max_torque: float = 100.0, **shared):
        sizes = {"n_joints": n_joints, "max_torque": max_torque}
        check_arguments(sizes, count=("n_joints",), positive=("max_torque",))
        if n_joints < len(LINK_LENGTHS):
            raise ValueError(
                f"n_joints is {n_joints}; accepted are {len(LINK_LENGTHS)} and more, the arm has as many links"
            )
        high = np.concatenate([np.full(n_joints, np.pi), np.full(n_joints, np.inf), TARGET_HIGH])
        low = np.concatenate([-high[: 2 * n_joints], TARGET_LOW])
        shared = {"max_steps": 200, "dt": 0.01} | shared
        super().__init__(
            num_envs,
            n_joints,
            observation_bounds=(low, high),
            max_torque=max_torque,
            action_high=max_torque,
            target_dim=3,
            **shared,
        )

    def read_observation(self, observations):
        """(q, qd, target) of the three joints that move the tip, the target as x and height above the base."""
        n, k = self.n_joints, len(LINK_LENGTHS)
        target = self.arrays.xp.stack([observations[..., -3], observations[..., -1] - BASE_HEIGHT], axis=-1)
        return observations[..., :k], observations[..., n : n + k], target

    def _draw_start(self, count):
        q = self.arrays.uniform(self.np_random, -np.pi / 2, np.pi / 2, (count, self.n_joints))
        return q, 0 * q

    def _draw_targets(self, count):
        low, high = self.arrays.of(TARGET_LOW), self.arrays.of(TARGET_HIGH)
        return self.arrays.uniform(self.np_random, low, high, (count, 3))

    def _move(self, torque):
        self.qd = self.qd + self.dt * torque / INERTIA
        self.q = (self.q + self.dt * self.qd).clip(-np.pi, np.pi)

    def points(self):
        points = self.arrays.copy(arm.forward_kinematics(self.q[:, : len(LINK_LENGTHS)], ARM))
        points[..., 1] += BASE_HEIGHT
        return points

    def _distance(self):
        return self._distance_at(self.q, self.target)

    def _distance_at(self, q, target):
        tip = arm.tip_position(q[..., : len(LINK_LENGTHS)], ARM)
        dx, y, dz = target[..., 0] - tip[..., 0], target[..., 1], target[..., 2] - BASE_HEIGHT - tip[..., 1]
        return self.arrays.xp.sqrt(dx * dx + y * y + dz * dz)

    def _observe(self, rows):
        return self.arrays.xp.concat([self.q[rows], self.qd[rows], self.target[rows]], axis=-1)

    def _reward_terms(self, distance, action, success):
        return chapter_reward_terms(distance, action, success)

    def reward_seen(self, action, next_observation):
        distance = self._distance_at(next_observation, next_observation[..., -3:])
        return chapter_reward_terms(distance, action, distance <= self.goal_threshold)


class ReachingTaskMDP(ReachEnv, RobotMDP):
    """The chapter's name for the reaching task: ``ReachEnv`` with the helpers of ``RobotMDP``.

    The registered ids make ``ReachEnv``, since Stable-Baselines3 takes every environment that has a ``compute_reward``
    for a goal-conditioned one. ``as_in_chapter()`` is the chapter's own design, for comparison.

    Raises ValueError for ``hold_steps`` other than 1: (state, action, next_state) do not tell how long the tip stayed.
    """

    def __init__(
        self, n_joints: int = 2, max_torque=None, goal_threshold: float = 0.05, gamma: float = 0.99, **arguments
    ):
        hold_steps = arguments.get("hold_steps", 1)
        if hold_steps != 1:
            raise ValueError(f"hold_steps is {hold_steps}; accepted is 1, since compute_reward cannot count steps")
        ReachEnv.__init__(self, n_joints=n_joints, max_torque=max_torque, goal_threshold=goal_threshold, **arguments)
        observations, actions, render_mode = self.observation_space, self.action_space, self.render_mode
        limit = self.batch.action_high
        RobotMDP.__init__(
            self,
            observations.shape[0],
            self.batch.n_joints,
            gamma,
            self.batch.dt,
            state_low=observations.low,
            state_high=observations.high,
            action_low=-limit,
            action_high=limit,
        )
        self.observation_space, self.action_space, self.render_mode = observations, actions, render_mode

    @staticmethod
    def as_in_chapter(n_joints: int = 6, max_torque: float = 100.0, **arguments) -> ReachingTaskMDP:
        """The chapter's own task, flaws included: one arm of ``ChapterReachVectorEnv``."""
        return ChapterReachingTask(n_joints, max_torque, **arguments)

    def compute_reward(self, state, action, next_state) -> float:
        """The reward of (state, action, next_state): observations as ``step`` returns them, an action as it takes."""
        batch = self.batch
        if batch.torque_levels:
            action = batch.torque_combinations[action]
        action = np.clip(np.asarray(action, dtype=float), -batch.action_high, batch.action_high)
        return float(sum(batch.reward_seen(action, np.asarray(next_state)).values()))


class ChapterReachingTask(ReachingTaskMDP):
    """One of the chapter's arms: what ``ReachingTaskMDP.as_in_chapter()`` returns."""

    batch_class = ChapterReachVectorEnv
