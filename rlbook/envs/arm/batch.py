"""What every batch of reaching arms shares: spaces, commands, time limits, resets and the Gymnasium step contract."""

from __future__ import annotations

import itertools

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from rlbook.envs.arm.arrays import Arrays
from rlbook.envs.arm.picture import draw_arm
from rlbook.validation import check_arguments

EVERYONE = slice(None)  # the rows of all arms


class ArmVectorEnv(VectorEnv):
    """``num_envs`` arms that reach for targets, stepped together: a Gymnasium vector environment without a loop.

    The contract, with shapes for B = ``num_envs`` and n joints. Arrays are NumPy, or torch tensors with ``device=``:

    ==============  ====================  ===========================================================================
    name            shape                 meaning
    ==============  ====================  ===========================================================================
    actions         (B, n) or (B,)        in [-1, 1], clipped; or one number for a combination of ``torque_levels``
    observations    (B, obs_dim) float32  what the arm measures
    rewards         (B,)                  the sum of ``info["reward_<term>"]``, (B,) each
    terminated      (B,) bool             success: the tip was within ``goal_threshold`` of the target after each of the
                                          last ``hold_steps`` steps
    truncated       (B,) bool             ``max_steps`` are over without success
    ==============  ====================  ===========================================================================

    ``info["distance"]`` (m), ``info["held"]`` (steps in a row within the threshold) and ``info["is_success"]`` belong
    to the step just made, before any reset. Finished arms start anew according to ``autoreset_mode``: SAME_STEP puts
    the true last observations in ``info["final_obs"]`` (B, obs_dim), valid where ``info["_final_obs"]``; NEXT_STEP
    spends the next step on the reset; DISABLED waits for ``reset(options={"reset_mask": finished})``. ``reset``
    also takes the options "q", "qd" and "target", one row for every arm that is reset, in place of random draws.

    Tensors carry no derivatives from one step to the next; the functions of ``rlbook.envs.arm.physics`` do.

    A subclass says how an arm starts, moves, measures and is rewarded: the methods that raise NotImplementedError.

    To read: ``q``, ``qd`` (B, n), ``target`` (B, 2 or 3), ``steps`` (B,) of the episode under way, ``held`` (B,) and
    ``last_action`` (B, n), each row zero where an episode begins.
    """

    max_speed = np.inf  # rad/s, the fastest that a joint may turn

    def __init__(
        self,
        num_envs: int,
        n_joints: int,
        *,
        observation_bounds,
        max_torque,
        action_high: float = 1.0,
        target_dim: int = 2,
        goal_threshold: float = 0.05,
        hold_steps: int = 1,
        max_steps: int = 100,
        dt: float = 0.06,
        torque_levels: int | None = None,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
        device=None,
        render_mode: str | None = None,
    ):
        counts = {"num_envs": num_envs, "n_joints": n_joints, "max_steps": max_steps, "hold_steps": hold_steps}
        counts["torque_levels"] = torque_levels
        check_arguments(counts, count=tuple(counts), optional=("torque_levels",))
        check_arguments({"goal_threshold": goal_threshold, "dt": dt}, positive=("goal_threshold", "dt"))
        if torque_levels == 1:
            raise ValueError("torque_levels is 1; accepted are whole numbers from 2")
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode is {render_mode!r}; accepted are None and 'rgb_array'")
        self.num_envs, self.n_joints, self.render_mode = int(num_envs), int(n_joints), render_mode
        self.goal_threshold, self.hold_steps = float(goal_threshold), int(hold_steps)
        self.max_steps, self.dt = int(max_steps), float(dt)
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {
            "render_modes": ["rgb_array"],
            "render_fps": max(1, round(1 / dt)),
            "autoreset_mode": self.autoreset_mode,
        }
        self.arrays = Arrays(device)
        self.max_torque = _checked_torque(max_torque, self.n_joints)
        self._torque_scale = self.arrays.of(self.max_torque / action_high)
        self._make_spaces(observation_bounds, float(action_high), torque_levels)
        self._make_state(target_dim)

    def _make_spaces(self, observation_bounds, action_high: float, torque_levels: int | None) -> None:
        low, high = (np.asarray(bound, dtype=np.float32) for bound in observation_bounds)
        self.single_observation_space = gym.spaces.Box(low, high, dtype=np.float32)
        self.action_high, self.torque_levels = action_high, torque_levels
        limit = np.full(self.n_joints, action_high, dtype=np.float32)
        if torque_levels is None:
            self.single_action_space = gym.spaces.Box(-limit, limit, dtype=np.float32)
        else:
            levels = itertools.product(np.linspace(-action_high, action_high, torque_levels), repeat=self.n_joints)
            self.torque_combinations = np.array(list(levels), dtype=np.float32)
            self._combinations = self.arrays.of(self.torque_combinations)
            self.single_action_space = gym.spaces.Discrete(len(self.torque_combinations))
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def _make_state(self, target_dim: int) -> None:
        arrays, B, n = self.arrays, self.num_envs, self.n_joints
        self.q, self.qd, self.target, self.last_action = (
            arrays.joint_by_joint(arrays.of(np.zeros((B, width)))) for width in (n, n, target_dim, n)
        )
        self.steps, self.held = arrays.of(np.zeros(B), "int32"), arrays.of(np.zeros(B), "int32")
        self._everyone = arrays.of(np.ones(B), "bool")
        self._finished = self._everyone  # arms that have no episode under way; None for nobody
        self._commands = None  # (1 + longest delay, B, n): the latest commands, newest first, where any is delayed

    @property
    def physics(self):
        """The ``PhysicsParams`` of simulated arms; AttributeError for those whose physics cannot be had or changed."""
        raise AttributeError(f"the physics of {type(self).__name__} can be neither read nor changed")

    @property
    def physics_on_reset(self):
        """What draws new physics for simulated arms that start anew; AttributeError as for ``physics``."""
        return self.physics

    # ------------------------------------------------------------------------------------------- what a subclass says

    def _draw_start(self, count: int):
        """Joint angles (rad) and velocities (rad/s), (count, n) each, of new episodes."""
        raise NotImplementedError

    def _draw_targets(self, count: int):
        """Targets (count, target_dim) in metres of new episodes."""
        raise NotImplementedError

    def _move(self, torque) -> None:
        """Advance ``self.q`` and ``self.qd`` by ``dt`` under commanded torques (B, n) in N m."""
        raise NotImplementedError

    def points(self):
        """True positions of base, joints and tip, (B, n + 1, 2)."""
        raise NotImplementedError

    def _distance(self):
        """True distances (B,) from tip to target in metres."""
        raise NotImplementedError

    def _look(self, rows) -> None:
        """Measure the arms ``rows``, an index or ``EVERYONE``, for ``_observe``: once after they moved or began."""

    def _observe(self, rows):
        """Observations (rows, obs_dim) of the arms ``rows`` as last measured."""
        raise NotImplementedError

    def _reward_terms(self, distance, action, success) -> dict:
        """{term: (B,)} of the step just made; their sum is the reward.

        ``success`` (B,) is the share of ``hold_steps`` that the step added, negative for what was held and is left.
        """
        raise NotImplementedError

    def reward_seen(self, action, next_observation) -> dict:
        """{term: (...,)} of a step as its action and the observation (..., obs_dim) after it tell."""
        raise NotImplementedError

    def _delays(self):
        """Steps from a command to its effect: a number or (B,)."""
        return 0

    # ----------------------------------------------------------------------------------------- the Gymnasium contract

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        """New episodes in all arms, or in those of ``options["reset_mask"]`` (B,) bool: (observations, info)."""
        super().reset(seed=seed)
        if seed is not None:
            self.arrays.seed(self.np_random)
        options = dict(options or {})
        mask = self._checked_mask(options.pop("reset_mask", None))
        self._restart(self.arrays.rows(mask), options)
        waiting = None if self._finished is None else self._finished & ~mask
        self._finished = waiting if waiting is not None and bool(waiting.any()) else None
        return self._observe(EVERYONE), self._info({}, self._distance(), self.held)

    def step(self, actions):
        """One control step of ``dt`` seconds: (observations, rewards, terminated, truncated, info)."""
        finished = self._finished
        if finished is not None and (finished is self._everyone or self.autoreset_mode is not AutoresetMode.NEXT_STEP):
            raise gym.error.ResetNeeded(
                f"{int(finished.sum())} of {self.num_envs} arms have no episode under way; call reset first"
            )
        action = self.apply(actions)
        self.steps, self.last_action = self.steps + 1, action
        distance, held = self._distance(), self.held
        self.held = (held + 1) * (distance <= self.goal_threshold)
        terminated = self.held >= self.hold_steps
        truncated = (self.steps >= self.max_steps) & ~terminated
        terms = self._reward_terms(distance, action, self.arrays.of(self.held - held) / self.hold_steps)
        self._look(EVERYONE)
        if finished is not None:
            self._restart(self.arrays.rows(finished), {})
            terms = {name: term * ~finished for name, term in terms.items()}
            distance = self._distance()  # of new episodes where they begin
            terminated, truncated = terminated & ~finished, truncated & ~finished
        info, reward = self._info(terms, distance, self.held), sum(terms.values())
        observations = self._observe(EVERYONE)
        done, self._finished = terminated | truncated, None
        if bool(done.any()):
            if self.autoreset_mode is AutoresetMode.SAME_STEP:
                observations = self._autoreset(done, observations, info)
            else:
                self._finished = done
        return observations, reward, terminated, truncated, info

    def apply(self, actions):
        """Move the arms for ``dt`` seconds under ``actions``, outside any episode: the action as taken, clipped."""
        action = self._checked_action(actions)
        self._move(self._delayed(action * self._torque_scale))
        return action

    def render(self):
        """One picture (height, width, 3) uint8 an arm, as a tuple; None without ``render_mode="rgb_array"``."""
        if self.render_mode is None:
            return None
        points, targets = self.arrays.to_numpy(self.points()), self.arrays.to_numpy(self.target)
        scale = self.arrays.to_numpy(self._picture_scale())
        return tuple(
            draw_arm(arm, target[[0, -1]], self.goal_threshold, size)
            for arm, target, size in zip(points, targets, np.broadcast_to(scale, self.num_envs), strict=True)
        )

    # ------------------------------------------------------------------------------------------------------ its parts

    def _autoreset(self, done, observations, info: dict):
        """Same-step reset: the last observations of the arms ``done`` go to ``info``, their first ones are returned."""
        rows = self.arrays.rows(done)
        last = {key: value for key, value in info.items() if not key.startswith("_")}
        info["final_info"] = last | {f"_{key}": done for key in last}
        info |= {"_final_info": done, "final_obs": observations, "_final_obs": done}
        self._restart(rows, {})
        return self.arrays.replaced(observations, rows, self._observe(rows))

    def _restart(self, rows, options: dict) -> None:
        count = len(rows)
        q, qd = self._draw_start(count)
        start = {"q": q, "qd": qd, "target": self._draw_targets(count)}
        for name, value in options.items():
            if name not in start:
                raise ValueError(f"reset option {name!r} is unknown; accepted are reset_mask, {', '.join(start)}")
            start[name] = self._checked_start(name, value, start[name].shape)
        start["held"] = 0
        for name, value in start.items():  # in copies, since info and recordings may hold on to the arrays
            setattr(self, name, self.arrays.replaced(getattr(self, name), rows, value))
        self.steps[rows], self.last_action[rows] = 0, 0.0
        if self._commands is not None:
            self._commands[:, rows] = 0.0
        self._look(EVERYONE if count == self.num_envs else rows)

    def _delayed(self, torque):
        """The torques that take effect now: those commanded ``_delays()`` steps ago, zero before the first command.

        As many commands are remembered as the longest delay so far needed; a longer one finds zeros beyond them.
        """
        delays = self._delays()
        longest = int(delays.max()) if hasattr(delays, "max") else int(delays)
        if longest == 0 and self._commands is None:
            return torque
        xp, kept = self.arrays.xp, 0 if self._commands is None else len(self._commands)
        if longest >= kept:
            forgotten = xp.stack([xp.zeros_like(torque)] * (longest + 1 - kept))
            self._commands = xp.concat([self._commands, forgotten]) if kept else forgotten
        self._commands = xp.concat([torque[None], self._commands[:-1]])
        delays = self.arrays.of(np.zeros(self.num_envs), "int64") + self.arrays.integers(delays)
        return self._commands[delays, xp.arange(self.num_envs, device=self.arrays.device)]

    def _info(self, terms: dict, distance, held) -> dict:
        info = {"distance": distance, "held": held, "is_success": held >= self.hold_steps}
        info |= {f"reward_{name}": term for name, term in terms.items()}
        return info | {f"_{name}": self._everyone for name in info}

    def _picture_scale(self):
        """Half the width in metres that a picture shows."""
        return 1.0

    def _checked_action(self, actions):
        shape = (self.num_envs,) if self.torque_levels else (self.num_envs, self.n_joints)
        if self.torque_levels:
            action, count = self.arrays.integers(actions), len(self.torque_combinations)
            if action is None or tuple(action.shape) != shape or bool(((action < 0) | (action >= count)).any()):
                raise ValueError(
                    f"the actions are {actions!r}; accepted are {shape} whole numbers from 0 to {count - 1}"
                )
            return self.arrays.joint_by_joint(self._combinations[action])
        action = self.arrays.joint_by_joint(self.arrays.of(actions))
        if tuple(action.shape) != shape:
            raise ValueError(f"the actions have shape {tuple(action.shape)}; accepted is {shape}")
        if bool((action != action).any()):
            raise ValueError(
                f"the actions hold NaN; accepted are numbers from {-self.action_high} to {self.action_high}"
            )
        return action.clip(-self.action_high, self.action_high)

    def _checked_mask(self, mask):
        if mask is None:
            return self._everyone
        if not hasattr(mask, "dtype") or tuple(mask.shape) != (self.num_envs,) or "bool" not in str(mask.dtype):
            raise ValueError(f"reset_mask is {mask!r}; accepted are boolean arrays of shape ({self.num_envs},)")
        return self.arrays.of(mask, "bool")

    def _checked_start(self, name: str, value, shape):
        try:
            value = self.arrays.of(value)
            good = tuple(value.shape) in (tuple(shape), tuple(shape[1:])) and bool((value - value == 0).all())
        except (TypeError, ValueError):
            good = False
        if not good:
            raise ValueError(f"reset option {name} is {value}; accepted are finite numbers of shape {tuple(shape)}")
        if name == "qd" and bool((abs(value) > self.max_speed).any()):
            fastest = float(abs(value).max())
            raise ValueError(
                f"reset option qd is {fastest:g} rad/s; accepted is up to {self.max_speed:g}, the speed limit"
            )
        return value


def _checked_torque(max_torque, n_joints: int) -> np.ndarray:
    try:
        torque = np.asarray(max_torque, dtype=float)
    except (TypeError, ValueError):
        torque = np.full(0, np.nan)
    if torque.shape not in ((), (n_joints,)) or not (np.isfinite(torque) & (torque > 0)).all():
        raise ValueError(f"max_torque is {max_torque}; accepted are one positive torque in N m or {n_joints} of them")
    return np.broadcast_to(torque, (n_joints,)).copy()
