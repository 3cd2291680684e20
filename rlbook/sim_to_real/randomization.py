"""Domain randomization: train on many physics, so that the real one is one of them (Tobin et al. 2017).

What is randomized is data: a ``Range`` for each field of ``PhysicsParams``. A ``DomainRandomizer`` draws physics from
ranges, two curricula widen them while a policy learns, and ``RandomizedEnvWrapper`` gives an environment new physics at
every reset.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import gymnasium as gym
import numpy as np
from array_api_compat import is_torch_array
from gymnasium.vector import VectorEnv, VectorWrapper

from rlbook.envs.arm.params import PhysicsParams
from rlbook.validation import check_arguments

OPERATIONS = {"abs": "=", "scale": "*", "add": "+"}
DISTRIBUTIONS = {"uniform": "U", "log_uniform": "logU", "gaussian": "N"}
INTEGER_FIELDS = ("action_delay",)


@dataclasses.dataclass(frozen=True)
class Range:
    """The values of one physics parameter, from ``low`` to ``high``, both included.

    operation : what a drawn number is: "abs", the value itself; "scale", a factor of the default; "add", a difference
        from the default.
    distribution : "uniform"; "log_uniform", by which halving is as likely as doubling; "gaussian", truncated to the
        range, with its mean in the middle and a standard deviation of a quarter of the width.
    """

    low: float
    high: float
    operation: str = "abs"
    distribution: str = "uniform"

    def __post_init__(self):
        check_arguments(vars(self), finite=("low", "high"))
        for name, accepted in (("operation", OPERATIONS), ("distribution", DISTRIBUTIONS)):
            if getattr(self, name) not in accepted:
                raise ValueError(f"{name} is {getattr(self, name)!r}; accepted are {', '.join(accepted)}")
        if not self.low <= self.high:
            raise ValueError(f"the range goes from {self.low} to {self.high}; accepted is low <= high")
        if self.distribution == "log_uniform" and self.low <= 0:
            raise ValueError(f"a log-uniform range begins at {self.low}; accepted are numbers above 0")

    def __str__(self):
        return f"{OPERATIONS[self.operation]} {DISTRIBUTIONS[self.distribution]}({self.low:g}, {self.high:g})"

    def unchanged(self, default: float) -> float:
        """The number of this range that changes the default least: where narrow ranges begin."""
        neutral = {"abs": default, "scale": 1.0, "add": 0.0}[self.operation]
        return min(max(neutral, self.low), self.high)

    def applied(self, draw, default: float):
        """The parameter's value for a drawn number, or for an array of them."""
        return {"abs": draw, "scale": default * draw, "add": default + draw}[self.operation]

    def narrowed(self, default: float, scale: float, margin: float = 0.0) -> Range:
        """The part of the range around the default: a share ``scale`` of what lies below it and of what is above.

        ``margin`` widens the whole range at both ends beforehand. Whole numbers need half a unit: then every number
        from ``low`` to ``high`` is the nearest one equally often, and those far from the default come in one by one.
        """
        middle = self.unchanged(default)
        low, high = middle - scale * (middle - self.low + margin), middle + scale * (self.high + margin - middle)
        return dataclasses.replace(self, low=low, high=high)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """``n`` numbers from the distribution, before the operation: (n,)."""
        if self.distribution == "uniform":
            return rng.uniform(self.low, self.high, n)
        if self.distribution == "log_uniform":
            return np.exp(rng.uniform(np.log(self.low), np.log(self.high), n))
        return truncated_gaussian((self.low + self.high) / 2, (self.high - self.low) / 4, self.low, self.high, n, rng)


def truncated_gaussian(mean: float, std: float, low: float, high: float, n: int, rng: np.random.Generator):
    """``n`` Gaussian numbers (n,), those outside [low, high] drawn again. The mean lies inside."""
    draws = rng.normal(mean, std, n)
    while (outside := (draws < low) | (draws > high)).any():
        draws[outside] = rng.normal(mean, std, outside.sum())
    return draws


# The chapter's kinds of range and its figures for gravity, link length, noise and delay. Of mass, friction, damping and
# motor strength it is known that they are multiplied; their widths are ours.
CHAPTER_RANGES = {
    "mass": Range(0.5, 1.5, "scale"),
    "friction": Range(0.5, 2.0, "scale", "log_uniform"),
    "damping": Range(0.5, 2.0, "scale", "log_uniform"),
    "motor_strength": Range(0.8, 1.2, "scale"),
    "gravity": Range(9.5, 10.1),
    "link_length": Range(0.98, 1.02, "scale"),
    "sensor_noise": Range(0.0, 0.05),
    "action_delay": Range(0, 3),
}
# What somebody knows who has the robot's data sheets and a ruler, and has not yet moved it.
MODERATE_RANGES = {
    "mass": Range(0.8, 1.2, "scale"),  # CAD leaves out screws and cables: a fifth
    "friction": Range(0.5, 2.0, "scale", "log_uniform"),  # of a gear, by its wear and temperature: a factor of two
    "damping": Range(0.5, 2.0, "scale", "log_uniform"),  # likewise, by its grease
    "motor_strength": Range(0.8, 1.2, "scale"),  # torque constants are given to a tenth, and drop with heat
    "gravity": Range(9.78, 9.83),  # from the equator to the poles
    "link_length": Range(0.99, 1.01, "scale"),  # a ruler: half a centimetre in half a metre
    "sensor_noise": Range(0.0, 0.005),  # an encoder of 12 bits resolves 0.0015 rad; and some more
    "action_delay": Range(0, 1),  # a bus and a driver take tens of milliseconds: less than one control step of 60 ms
}
NARROW_RANGES = {
    "mass": Range(0.95, 1.05, "scale"),
    "friction": Range(0.9, 1.1, "scale"),
    "damping": Range(0.9, 1.1, "scale"),
    "motor_strength": Range(0.97, 1.03, "scale"),
}
PRESETS = {"none": {}, "narrow": NARROW_RANGES, "moderate": MODERATE_RANGES, "chapter": CHAPTER_RANGES}


class DomainRandomizer:
    """Draws ``PhysicsParams`` from ranges around ``defaults``; a field without a range keeps its default.

    ranges : {field: ``Range``}, or the name of one of ``PRESETS``; the chapter's by default.
    defaults : ``PhysicsParams`` of numbers. Every draw starts from them, never from the draw before.

    Raises ValueError for unknown fields, and for a range whose ends make no such arm.
    """

    def __init__(self, ranges: Mapping[str, Range] | str = "chapter", defaults: PhysicsParams | None = None):
        if isinstance(ranges, str):
            if ranges not in PRESETS:
                raise ValueError(f"ranges is {ranges!r}; accepted are {', '.join(PRESETS)}, and ranges by field")
            ranges = PRESETS[ranges]
        self.defaults, self.ranges = defaults or PhysicsParams(), dict(ranges)
        accepted = self.defaults.as_dict()
        for field, limits in self.ranges.items():
            if field not in accepted:
                raise ValueError(f"ranges has {field!r}; accepted are {', '.join(accepted)}")
            if not isinstance(limits, Range):
                raise ValueError(f"the range of {field} is {limits!r}; accepted is a Range")
            self.defaults.replace(**{field: np.array(self.bounds(field))})

    def __repr__(self):
        return f"DomainRandomizer({', '.join(f'{field} {limits}' for field, limits in self.ranges.items())})"

    def bounds(self, field: str, scale: float = 1.0) -> tuple[float, float]:
        """Lowest and highest value that a parameter can have when ``scale`` of the ranges is open."""
        default = self.defaults.as_dict()[field]
        if field not in self.ranges:
            return default, default
        part = self._open(field, scale)
        return tuple(float(self._value(field, end)) for end in (part.low, part.high))

    def sample(
        self, n: int | None = None, rng: np.random.Generator | None = None, *, scale: float = 1.0
    ) -> PhysicsParams:
        """Physics of ``n`` arms, fields (n,); of one arm, fields numbers, for None.

        scale : share of the ranges to draw from, around the defaults.
        """
        return self._sampled(lambda field, count, rng: self._open(field, scale).draw(count, rng), n, rng)

    def sample_gaussian(self, n: int | None = None, rng: np.random.Generator | None = None, *, std_scale: float = 0.1):
        """Like ``sample``, from Gaussians at the defaults, truncated to the ranges.

        The standard deviation is ``std_scale`` of the width of the range.
        """
        check_arguments({"std_scale": std_scale}, positive=("std_scale",))

        def draw(field, count, rng):
            limits, mean = self.ranges[field], self.ranges[field].unchanged(self.defaults.as_dict()[field])
            std = std_scale * (limits.high - limits.low)
            return truncated_gaussian(mean, std, limits.low, limits.high, count, rng)

        return self._sampled(draw, n, rng)

    def _sampled(self, draw, n: int | None, rng: np.random.Generator | None) -> PhysicsParams:
        rng = np.random.default_rng() if rng is None else rng
        check_arguments({"n": n}, optional=("n",), natural=("n",))
        values = {field: self._value(field, draw(field, 1 if n is None else n, rng)) for field in self.ranges}
        return self.defaults.replace(**{field: value[0] if n is None else value for field, value in values.items()})

    def _open(self, field: str, scale: float) -> Range:
        margin = 0.5 if field in INTEGER_FIELDS else 0.0
        return self.ranges[field].narrowed(self.defaults.as_dict()[field], scale, margin)

    def _value(self, field: str, draw):
        """The parameter's value for a drawn number."""
        limits = self.ranges[field]
        if field in INTEGER_FIELDS:
            draw = np.rint(draw).clip(limits.low, limits.high)
        return limits.applied(draw, self.defaults.as_dict()[field])

    def update(self, n_steps: int = 0, success=None) -> None:
        """Nothing: these ranges stay as they are. Curricula widen theirs here."""


class _Curriculum:
    """Draws from a share of the base's ranges, ``current_scale``, around the defaults."""

    base_randomizer: DomainRandomizer
    current_scale: float

    @property
    def defaults(self) -> PhysicsParams:
        """The base's."""
        return self.base_randomizer.defaults

    def sample(self, n: int | None = None, rng: np.random.Generator | None = None) -> PhysicsParams:
        """As the base draws, from the current share of its ranges."""
        return self.base_randomizer.sample(n, rng, scale=self.current_scale)


class CurriculumRandomizer(_Curriculum):
    """Ranges that widen linearly with the steps taken, from ``initial_scale`` of the base's to ``final_scale``."""

    def __init__(
        self,
        base_randomizer: DomainRandomizer,
        initial_scale: float = 0.1,
        final_scale: float = 1.0,
        schedule_steps: int = 100_000,
    ):
        scales = {"initial_scale": initial_scale, "final_scale": final_scale}
        check_arguments(scales | {"schedule_steps": schedule_steps}, unit=scales, count=("schedule_steps",))
        self.base_randomizer, self.schedule_steps, self.n_steps = base_randomizer, schedule_steps, 0
        self.initial_scale, self.final_scale = initial_scale, final_scale

    @property
    def current_scale(self) -> float:
        """initial + (final - initial) * min(1, steps / schedule_steps)"""
        progress = min(1.0, self.n_steps / self.schedule_steps)
        return self.initial_scale + (self.final_scale - self.initial_scale) * progress

    def update(self, n_steps: int = 0, success=None) -> None:
        """Count environment steps, all copies together."""
        self.n_steps += n_steps


class SuccessCurriculum(_Curriculum):
    """Ranges that are as wide as the policy can cope with: they widen while it succeeds, and narrow where it fails.

    After every ``episodes`` episodes the share of the base's ranges moves by ``step``: outwards if at least
    ``widen_at`` of them succeeded, inwards if less than ``narrow_at``, never below ``initial_scale``.

    In the spirit of DORAEMON (Tiboni et al. 2024): the widest ranges under a bound on success. Automatic domain
    randomization (OpenAI et al. 2019, algorithm 1) moves each end of each parameter by the success at that end alone.
    With a delay, which comes in whole steps, that can stand still: the few arms with a longer one are too few to be
    learned from, fail, and so remain few.
    """

    def __init__(
        self,
        base_randomizer: DomainRandomizer,
        initial_scale: float = 0.1,
        *,
        step: float = 0.02,
        widen_at: float = 0.8,
        narrow_at: float = 0.4,
        episodes: int = 1000,
    ):
        shares = {"initial_scale": initial_scale, "step": step, "widen_at": widen_at, "narrow_at": narrow_at}
        check_arguments(shares | {"episodes": episodes}, unit=shares, count=("episodes",))
        if narrow_at > widen_at:
            raise ValueError(f"narrow_at is {narrow_at}; accepted is at most widen_at, {widen_at}")
        self.base_randomizer, self.step, self.episodes = base_randomizer, step, episodes
        self.initial_scale, self.widen_at, self.narrow_at = initial_scale, widen_at, narrow_at
        self.current_scale, self._n_ended, self._n_succeeded = initial_scale, 0, 0

    def update(self, n_steps: int = 0, success=None) -> None:
        """Take in episodes that ended, by whether they succeeded: () or (n,)."""
        if success is None:
            return
        self._n_ended += np.size(success)
        self._n_succeeded += int(np.sum(success))
        if self._n_ended < self.episodes:
            return
        rate = self._n_succeeded / self._n_ended
        move = self.step if rate >= self.widen_at else -self.step if rate < self.narrow_at else 0.0
        self.current_scale = float(np.clip(self.current_scale + move, self.initial_scale, 1.0))
        self._n_ended = self._n_succeeded = 0


class RandomizedEnvWrapper(gym.Wrapper):
    """An environment that gets new physics at every reset: delays, noise, masses and all.

    env : a Gymnasium environment whose ``physics`` can be set, such as ``rlbook/Reach-v0``. It is the environment that
        delays and disturbs, so a delay of 0 is 0, and noise is on what sensors measure and never on the target.
    randomizer : a ``DomainRandomizer`` or a curriculum, which hears of every step and of the success of each episode.
    randomize_on_reset : False leaves the physics alone until ``randomize`` is called.

    Raises ValueError for an environment that takes no physics, naming it.
    """

    def __init__(self, env: gym.Env, randomizer, randomize_on_reset: bool = True):
        super().__init__(env)
        check_takes_physics(env)
        self.randomizer, self.randomize_on_reset = randomizer, randomize_on_reset
        self._random = np.random.default_rng()

    @property
    def physics(self) -> PhysicsParams:
        """What the environment's physics are now."""
        return self.env.get_wrapper_attr("physics")

    @physics.setter
    def physics(self, physics: PhysicsParams) -> None:
        self.env.set_wrapper_attr("physics", physics)

    @property
    def state_dim(self) -> int:
        """Numbers in an observation."""
        return self.observation_space.shape[0]

    @property
    def action_dim(self) -> int:
        """Numbers in an action; for discrete actions, how many there are."""
        space = self.action_space
        return int(space.n) if isinstance(space, gym.spaces.Discrete) else space.shape[0]

    def randomize(self) -> PhysicsParams:
        """Draw physics now, and return them."""
        self.physics = self.randomizer.sample(None, self._random)
        return self.physics

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        if seed is not None:
            self._random = np.random.default_rng([seed, 1])  # a stream of its own: targets stay those of the seed
        if self.randomize_on_reset:
            self.randomize()
        return self.env.reset(seed=seed, options=options)

    def step(self, action):
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.randomizer.update(1)
        if terminated or truncated:
            self.randomizer.update(0, info.get("is_success", terminated))
        return observation, reward, terminated, truncated, info


class RandomizedVectorEnv(VectorWrapper):
    """Simulated arms each of which gets new physics whenever it starts anew, from the first observation on.

    envs : a vector environment with ``physics_on_reset``, such as ``gym.make_vec("rlbook/Reach-v0", num_envs=1024)``;
        that calls ``randomizer.sample``, and this wrapper tells the randomizer of steps and successes besides.

    Raises ValueError for an environment that takes no physics, naming it.
    """

    def __init__(self, envs: VectorEnv, randomizer):
        super().__init__(envs)
        check_takes_physics(envs)
        self.randomizer = randomizer
        envs.unwrapped.physics_on_reset = randomizer.sample

    @property
    def physics(self) -> PhysicsParams:
        """What the arms' physics are now."""
        return self.env.unwrapped.physics

    def step(self, actions):
        observations, reward, terminated, truncated, info = self.env.step(actions)
        self.randomizer.update(self.num_envs)
        if (ended := terminated | truncated).any():
            success = info["is_success"][ended]
            self.randomizer.update(0, success.cpu().numpy() if is_torch_array(success) else success)
        return observations, reward, terminated, truncated, info


def check_takes_physics(env) -> None:
    """Raise ValueError unless the environment's physics can be read and set, naming it."""
    try:
        if isinstance(env, VectorEnv):
            taken = isinstance(env.unwrapped.physics, PhysicsParams) and hasattr(env.unwrapped, "physics_on_reset")
        else:
            taken = isinstance(env.get_wrapper_attr("physics"), PhysicsParams)
    except AttributeError:
        taken = False
    if not taken:
        raise ValueError(f"{env} takes no physics; accepted are environments with physics to set, as rlbook/Reach-v0")
