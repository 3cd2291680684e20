"""RandomizationPanel: choose what is randomized and how far, train, and see what it is worth on the robot."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator

import numpy as np
from gymnasium.vector import VectorEnv

from rlbook.envs import HOLD
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.envs.arm.robot import RobotReachVectorEnv
from rlbook.plots.arms import LiveArm
from rlbook.plots.style import figure_png
from rlbook.plots.transfer import drawn_physics, success_along, success_by_run, success_map
from rlbook.ppo import PPO
from rlbook.sim_to_real.randomization import PRESETS, CurriculumRandomizer, DomainRandomizer, Range
from rlbook.sim_to_real.training import hold_arms, new_agent
from rlbook.sim_to_real.transfer import run_episodes, sweep_success, wilson_interval
from rlbook.widgets.controls import Choice, LogSlider, RangeSlider
from rlbook.widgets.following_arm import HOW, TRAIL, TargetPanel

NOMINAL = PhysicsParams(action_delay=1)
# field: how its range acts; those not named here keep their nominal value
FIELDS = {
    "mass": ("scale", "uniform"),
    "friction": ("scale", "log_uniform"),
    "damping": ("scale", "log_uniform"),
    "motor_strength": ("scale", "uniform"),
    "link_length": ("scale", "uniform"),
    "sensor_noise": ("abs", "uniform"),
    "action_delay": ("abs", "uniform"),
}
UNITS = {"sensor_noise": 0.001}  # of a slider, where it is not the field's own
WHOLE = ("sensor_noise", "action_delay")
OWN, CURRICULUM = "own", "curriculum"
RANGES = {**PRESETS, CURRICULUM: PRESETS["chapter"]}
LEARNING_TIME = 0.04  # s between two pictures
N_ARMS = 512  # that learn
SHOWN = 6  # simulated arms on show: the nominal one, and others as they are drawn
CHUNK, CHUNKS = 20, 5  # robot episodes at once, and how often
TRIED = 30  # simulated episodes for each point of a curve
SWEEPS = {
    "Motor gain": {"motor_strength": np.linspace(0.6, 1.4, 9)},
    "Mass": {"mass": np.linspace(0.6, 1.6, 9)},
    "Delay": {"action_delay": np.arange(4.0)},
    "Gain and mass": {"motor_strength": np.linspace(0.6, 1.4, 7), "mass": np.linspace(0.6, 1.6, 7)},
}
ARM, CHART, PREVIEW = 278, (2.78, 2.5), (3.3, 1.5)  # pixels; inches of 100 pixels


@dataclasses.dataclass(frozen=True)
class Run:
    """What one training was worth.

    name : of its ranges.   ranges : {field: (low, high)}.   simulated : success on the arms it was trained on.
    successes : on the robot, of ``CHUNK * CHUNKS`` episodes.   sweeps : {name in ``SWEEPS``: success}.
    """

    name: str
    ranges: dict
    simulated: float
    successes: int
    sweeps: dict


class EndlessArms:
    """Arms that follow a policy towards one target for ever, the first of them in front of the others.

    envs : a vector environment whose episodes never end; none is ever reset, for that would empty its delays.
    """

    def __init__(self, envs: VectorEnv, title: str):
        self._envs, self.reach = envs, envs.reach
        self._picture = LiveArm(envs.reach, threshold=envs.goal_threshold, title=title, pixels=ARM)
        self.rest()

    def rest(self) -> None:
        """Hang at rest."""
        hanging = {"q": [-np.pi / 2, 0.0], "qd": [0.0, 0.0], "target": [0.5, 0.5]}
        self._seen, self._tips = self._envs.reset(seed=0, options=hanging)[0], []

    def change(self, physics: PhysicsParams) -> None:
        """From now on the arms have other physics."""
        self._envs.physics = physics

    def follow(self, policy: Callable, target: np.ndarray) -> None:
        """One control step towards target (2,), in m."""
        self._envs.target = np.broadcast_to(target, self._envs.target.shape).copy()
        self._seen = self._envs.step(policy(self._seen))[0]
        self._tips = [*self._tips[-TRAIL:], self._envs.points()[0, -1]]

    def distance(self, target: np.ndarray) -> float:
        """Of the first tip from the target, in m."""
        return float(np.hypot(*(self._envs.points()[0, -1] - target)))

    def draw(self, target: np.ndarray) -> bytes:
        first, *others = self._envs.points()
        gap = np.full((1, 2), np.nan)  # between one arm and the next in one line
        ghosts = np.concatenate([part for arm in others for part in (arm, gap)]) if others else None
        path = np.array(self._tips) if self._tips else None
        return self._picture.draw(first, path=path, ghost=ghosts, target=target)

    def position(self, x: float, y: float) -> tuple[float, float]:
        """Where in the plane, in m, a pixel of the picture lies."""
        return self._picture.position(x, y)


class RandomizationPanel(TargetPanel):
    """Choose ranges, train, and see the robot: every run leaves its point and its curve beside those before.

    Parameters
    ----------
    seed : of weights and draws; the same seed and the same values give the same run.
    preset, mass, friction, ... : where the controls begin. A preset sets all ranges; moving one makes them "own".

    A run trains a policy for reaching and staying on ``steps`` steps of arms with these ranges, tests it on 100
    episodes of the robot, and sweeps single parameters in simulation. ``runs`` holds what came of each, ``agent`` is
    the policy that both arms on show follow: on the left simulated arms, the nominal one in front of some as they are
    drawn, on the right the robot. Train and Stop are buttons; Play alone only moves the arms.
    """

    preset = Choice("Ranges", (*RANGES, OWN), "moderate", help="Sets all the ranges below")
    mass = RangeSlider("Mass, factor", (0.8, 1.2), 0.3, 2.0, help="Of every link")
    friction = RangeSlider("Friction, factor", (0.5, 2.0), 0.2, 5.0, help="Half is as likely as double")
    damping = RangeSlider("Damping, factor", (0.5, 2.0), 0.2, 5.0, help="Half is as likely as double")
    motor_strength = RangeSlider("Motor gain", (0.8, 1.2), 0.5, 1.5, help="Delivered torque over commanded torque")
    link_length = RangeSlider("Length, factor", (0.99, 1.01), 0.9, 1.1, help="Of every link")
    sensor_noise = RangeSlider("Noise (mrad)", (0, 5), 0, 50, 1, help="Standard deviation of measured angles")
    action_delay = RangeSlider("Delay (steps)", (0, 1), 0, 3, 1, help="From a command to its effect; both ends come")
    steps = LogSlider("Training steps", 500_000, 10_000, 3_000_000, whole=True, help="Of all arms together")
    curve = Choice("Curve over", tuple(SWEEPS), help="What is swept in simulation")
    speed = 1 / 0.06  # control steps per second: real time
    buttons = {"train": "Train", "stop": "Stop"}  # noqa: RUF012
    below_controls = 1
    touchable = {0: HOW, 1: HOW}  # noqa: RUF012
    runs: tuple[Run, ...] = ()

    def __init__(self, *, seed: int = 0, **values):
        super().__init__()
        self._seed = int(seed)
        endless = {**HOLD, "hold_steps": 10**6, "max_steps": 10**6}
        self._arm = EndlessArms(ReachVectorEnv(SHOWN, **endless), "Simulated")
        self._robot = EndlessArms(RobotReachVectorEnv(1, **endless), "The robot")
        self._drawn: dict[str, tuple] = {}
        if "preset" in values:
            self.set(preset=values.pop("preset"))
        self.set(**values)
        self.start_here()
        self.restart(self.state)

    @property
    def agent(self) -> PPO:
        """The policy on show."""
        return self._agent

    # ------------------------------------------------------------------ the ranges

    def changed(self, name: str) -> None:
        if name == "preset" and self.preset != OWN:
            self.set(**_preset_values(self.preset))
        elif name in FIELDS and self.preset != OWN and getattr(self, name) != _preset_values(self.preset)[name]:
            self.preset = OWN

    @staticmethod
    def _randomizer(state) -> DomainRandomizer:
        ranges = {}
        for field, kind in FIELDS.items():
            low, high = (UNITS.get(field, 1) * end for end in getattr(state, field))
            ranges[field] = Range(low, high, *kind)
        return DomainRandomizer(ranges, NOMINAL)

    # ------------------------------------------------------------------ a run

    def restart(self, state) -> None:
        """No runs, and a policy that knows nothing."""
        self.runs, self._run, self._progress = (), None, ""
        self._agent = new_agent(hold_arms(1), self._seed)
        self._arm.rest(), self._robot.rest()

    def train(self) -> None:
        """Begin a run with the present ranges, and play."""
        self._run = self._training(self.state)
        self.play()

    def stop(self) -> None:
        """Break the run off. The policy stays on show, but leaves no point."""
        self._run, self._progress = None, "Stopped. " if self._run is not None else self._progress

    def _training(self, state) -> Iterator[None]:
        """One run, in pieces that are short enough to draw between."""
        full = self._randomizer(state)
        curriculum = CurriculumRandomizer(full, schedule_steps=state.steps) if state.preset == CURRICULUM else full
        envs = hold_arms(N_ARMS, randomizer=curriculum)
        self._agent = new_agent(envs, self._seed)
        name = f"{len(self.runs) + 1} {state.preset}"
        for log in self._agent.learning(envs):
            self._progress = f"Run {name}: {min(1, log.total_steps / state.steps):.0%} learned. "
            yield
            if log.total_steps >= state.steps:
                break
        successes = 0
        for chunk in range(CHUNKS):
            self._progress = f"Run {name}: on the robot, {successes} of {CHUNK * chunk} episodes. "
            yield
            robots = RobotReachVectorEnv(CHUNK, **HOLD)
            successes += int(run_episodes(self._agent, robots, seed=chunk).success.sum())
        simulated = float(run_episodes(self._agent, hold_arms(200, randomizer=full), seed=1).success.mean())
        sweeps = {}
        for over, fields in SWEEPS.items():
            yield
            sweeps[over] = sweep_success(self._agent, _late_arms(fields), fields, TRIED)
        ranges = {field: getattr(state, field) for field in FIELDS}
        self.runs = (*self.runs, Run(name, ranges, simulated, successes, sweeps))
        low, high = wilson_interval(successes, CHUNK * CHUNKS)
        self._progress = (
            f"Run {name}: {simulated:.0%} in simulation, on the robot {successes} of {CHUNK * CHUNKS} episodes "
            f"(95 %: {low:.0%} to {high:.0%}). "
        )

    def advance(self, state, n: int) -> None:
        begun = time.perf_counter()
        while self._run is not None and time.perf_counter() - begun < LEARNING_TIME:
            if next(self._run, "over") == "over":
                self._run = None
        for _ in range(n):
            for arm in (self._arm, self._robot):
                arm.follow(lambda seen: self._agent.select_action(seen, training=False), self.target(state))

    # ------------------------------------------------------------------ the pictures

    def draw(self, state):
        target = self.target(state)
        ranges = tuple(getattr(state, field) for field in FIELDS)
        return [
            self._arm.draw(target),
            self._robot.draw(target),
            self._kept("runs", len(self.runs), self._draw_runs),
            self._kept("curve", (len(self.runs), state.curve), lambda: self._draw_curve(state.curve)),
            self._kept("preview", ranges, lambda: self._draw_preview(state)),
        ]

    def _kept(self, name: str, key, make: Callable) -> bytes:
        """The picture of that name, made anew only where ``key`` has changed."""
        if self._drawn.get(name, (None,))[0] != key:
            self._drawn[name] = key, figure_png(make())
        return self._drawn[name][1]

    def _draw_runs(self):
        results = {run.name: (run.successes, CHUNK * CHUNKS, run.simulated) for run in self.runs}
        return success_by_run(results, size=CHART)

    def _draw_curve(self, over: str):
        fields, recent = SWEEPS[over], self.runs[-3:]
        if len(fields) == 2:
            success = recent[-1].sweeps[over] if recent else np.zeros([len(values) for values in fields.values()])
            title = f"Run {recent[-1].name}" if recent else "No run yet"
            return success_map(fields, success, title=title, size=CHART)
        ((field, values),) = fields.items()
        curves = {run.name: run.sweeps[over] for run in recent}
        return success_along(field, values, curves, TRIED, title="In simulation", size=CHART)

    def _draw_preview(self, state):
        drawn = self._randomizer(state).sample(1000, np.random.default_rng(self._seed))
        nominal = {field: np.full(SHOWN, value) for field, value in NOMINAL.as_dict().items()}
        for field, values in nominal.items():  # the first arm on show stays nominal
            values[1:] = np.broadcast_to(getattr(drawn, field), 1000)[: SHOWN - 1]
        self._arm.change(PhysicsParams(**nominal))
        fields = {"mass": "Mass (kg)", "friction": "Friction", "motor_strength": "Gain", "action_delay": "Delay"}
        return drawn_physics({"drawn": drawn}, fields, title="A thousand arms as they are drawn", size=PREVIEW)

    def describe(self, state) -> str:
        near = f"The robot's tip is {100 * self._robot.distance(self.target(state)):.0f} cm from the target."
        return (self._progress or "Nothing learned yet. Press Train. ") + near


def _late_arms(fields) -> Callable:
    """What makes arms for a sweep of these fields: the delay is nominal unless it is swept."""

    def make(n: int, physics: PhysicsParams) -> VectorEnv:
        late = physics if "action_delay" in fields else physics.replace(action_delay=NOMINAL.action_delay)
        return hold_arms(n, physics=late)

    return make


def _preset_values(preset: str) -> dict:
    """{field: (low, high)} of a preset, as the sliders take it."""
    values = {}
    for field, (operation, _) in FIELDS.items():
        same = 1.0 if operation == "scale" else NOMINAL.as_dict()[field]
        limits = RANGES[preset].get(field)
        ends = [end / UNITS.get(field, 1) for end in ((same, same) if limits is None else (limits.low, limits.high))]
        values[field] = tuple(round(end) if field in WHOLE else float(end) for end in ends)
    return values
