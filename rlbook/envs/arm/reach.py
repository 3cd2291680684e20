"""The reaching task, designed well: bring the tip of an arm to a target.

How it differs from the chapter's own task, kept in ``rlbook.envs.arm.chapter_reach``:

==============  ==============================  ==================================  ===================================
design choice   the chapter                     here                                because
==============  ==============================  ==================================  ===================================
physics         qdd = torque / 10               mass, gravity, friction, motors     nothing else could be randomized
joints          six, three of them idle         as many as move the tip             idle joints only add dimensions
targets         anywhere in a box               inside the reachable ring           96 of 100 cannot be reached
effort term     0.001 |torque|^2, full: -60     at most -0.001                      reaching must pay more than resting
distance term   -distance                       -0.1 distance                       returns near 1 suit networks
success         +10                             +1, and the distance stops costing  sooner is better, with any discount
action          torque in N m, to 100           -1 to 1 of ``max_torque``           one scale for every learner
max_torque      the same for all joints         twice what holds the arm            gravity is beaten, elbows are weaker
angles          clipped to +-pi                 free; seen as cos and sin           no jump, no wall to push against
velocity        unlimited, grows at the clip    limited to ``MAX_SPEED``            no state runs away
observation     angles, velocity, target        and the vector from tip to target   what matters need not be inferred
control step    0.01 s, 200 steps               0.06 s, 100 steps                   ten to thirty decisions a reach
time limit      ends like a success             ``truncated``                       a learner must bootstrap there
==============  ==============================  ==================================  ===================================
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from rlbook.arrays import in_numpy, namespace
from rlbook.envs.arm import physics as arm
from rlbook.envs.arm.batch import EVERYONE, ArmVectorEnv
from rlbook.envs.arm.params import PhysicsParams
from rlbook.validation import check_arguments

MAX_SPEED = 20.0  # rad/s, the drives' speed limit
SPEED_UNIT = 10.0  # rad/s, of velocities in an observation
SUBSTEPS = 5  # physics steps a control step
VELOCITY_NOISE = 5.0  # rad/s of noise in a measured velocity for each rad of noise in a measured angle


def reward_terms(distance, action, success) -> dict:
    """The reward of one step, term by term, (...,) each; the reward is their sum.

    distance = -0.1 distance;  effort = -0.001 mean(action^2);  success = +1 on arriving

    ``distance`` (m) and ``success`` have shape (...,), ``action`` in [-1, 1] has shape (..., n). Where the tip has to
    stay for several steps, ``success`` is the share of them that this step added, minus what was held if it left:
    arriving and staying is worth 1 as ever, and nothing is earned by leaving to come back.
    """
    n, squares = action.shape[-1], action * action
    return {
        "distance": -0.1 * distance,
        "effort": (-0.001 / n) * sum(squares[..., i] for i in range(n)),
        "success": namespace(distance).astype(success, distance.dtype, copy=False),
    }


def checked_physics(physics) -> PhysicsParams:
    """``physics``, the nominal arm for None; ValueError for anything that is no ``PhysicsParams``."""
    if physics is not None and not isinstance(physics, PhysicsParams):
        raise ValueError(f"physics is {physics!r}; accepted is a PhysicsParams")
    return physics or PhysicsParams()


class ReachTask(ArmVectorEnv):
    """The task without the arm: start, target, observation and reward, the same in simulation and on the robot.

    ## Observation space (n joints, float32)
    | index | meaning | unit | range |
    |---|---|---|---|
    | 0 .. n-1 | cosine of every joint angle | 1 | [-1, 1] |
    | n .. 2n-1 | sine of every joint angle | 1 | [-1, 1] |
    | 2n .. 3n-1 | joint velocity / ``SPEED_UNIT`` | 10 rad/s | [-2, 2] |
    | 3n, 3n+1 | target x, z | m | within reach |
    | 3n+2, 3n+3 | target minus tip, from the measured angles | m | three times the reach |
    | 3n+4 .. 4n+3 | with ``observe_last_action``: the action before, zero at first | ``max_torque`` | [-1, 1] |

    ## Action space
    Torque of every joint in units of ``max_torque``, in [-1, 1]. With ``torque_levels=3`` (``rlbook/ReachDiscrete-v0``)
    one of 3^n numbers: ``env.torque_combinations[action]`` is -1, 0 or 1 for every joint, and the last action as seen.

    ## Rewards
    | term, in ``info`` as ``reward_<term>`` | value of a step |
    |---|---|
    | distance | -0.1 a metre from tip to target |
    | effort | -0.001 mean(action^2) |
    | success | +1 on arriving; with ``hold_steps`` the change of ``held / hold_steps``, so that +1 takes staying |

    ## Start, termination, truncation
    Joint angles are uniform in +-pi, at rest; targets are uniform over the ring from 20 % to 95 % of the reach. The
    episode terminates when the tip has been within ``goal_threshold`` after each of the last ``hold_steps`` steps
    (``rlbook/ReachHold-v0``: 3 cm for 8 steps, otherwise 5 cm for one), and is truncated after ``max_steps``.
    ``info["held"]``, how many steps it has stayed, is not observed: a robot cannot measure it.
    """

    max_speed = MAX_SPEED

    def __init__(
        self,
        num_envs: int,
        n_joints: int,
        link_length: float,
        max_torque,
        *,
        observe_last_action: bool = False,
        **shared,
    ):
        values = {"n_joints": n_joints, "observe_last_action": observe_last_action}
        check_arguments(values, count=("n_joints",), switch=("observe_last_action",))
        n_joints = int(n_joints)
        self.link_length, self.reach = link_length, n_joints * link_length
        self.observe_last_action = observe_last_action
        self._drawing = PhysicsParams(link_length=link_length)
        self._tip_seen = (None, None, None)  # joint angles, link length and the tip that they gave last
        bounds = [1, MAX_SPEED / SPEED_UNIT, self.reach, 3 * self.reach, 1]
        bounds = np.repeat(bounds, [2 * n_joints, n_joints, 2, 2, n_joints if observe_last_action else 0])
        if max_torque is None:
            max_torque = 2 * arm.holding_torque(n_joints)
        super().__init__(num_envs, n_joints, observation_bounds=(-bounds, bounds), max_torque=max_torque, **shared)
        inner, outer = (0.2, 0.95) if n_joints > 1 else (1.0, 1.0)
        radii = np.array([inner, outer]) * self.reach
        self._ring = [self.arrays.of([radius**2, turn]) for radius, turn in zip(radii, (0, 2 * np.pi), strict=True)]
        self._seen = self.q, self.qd

    def measure(self, rows=EVERYONE):
        """Joint angles (rad) and velocities (rad/s), (rows, n) each, as the arm itself measures them."""
        raise NotImplementedError

    def read_observation(self, observations):
        """(q, qd, target) in rad, rad/s and m from observations (..., obs_dim); angles are within +-pi."""
        n, xp = self.n_joints, self.arrays.xp
        q = xp.atan2(observations[..., n : 2 * n], observations[..., :n])
        return q, SPEED_UNIT * observations[..., 2 * n : 3 * n], observations[..., 3 * n : 3 * n + 2]

    def _draw_start(self, count):
        q = self.arrays.uniform(self.np_random, -np.pi, np.pi, (count, self.n_joints))
        return q, 0 * q

    def _draw_targets(self, count):
        """Uniform over a ring: the square of the radius is uniform. One link reaches only its circle."""
        xp = self.arrays.xp
        squares, angle = self.arrays.uniform(self.np_random, *self._ring, (count, 2)).T
        radius = xp.sqrt(squares)
        return xp.stack([radius * xp.cos(angle), radius * xp.sin(angle)], axis=-1)

    def _true_geometry(self) -> PhysicsParams:
        """Physics with the link length that the arm truly has."""
        return self._drawing

    def points(self):
        return arm.forward_kinematics(self.q, self._true_geometry())

    def _distance(self):
        gap = self.target - self._tip(self.q, self._true_geometry())
        gap = gap * gap
        return self.arrays.xp.sqrt(gap[..., 0] + gap[..., 1])

    def _tip(self, q, geometry):
        """``arm.tip_position``, remembered: arms that measure exactly see the tip of their distance."""
        length = geometry.link_length
        if not isinstance(length, float):
            return arm.tip_position(q, geometry)
        seen_q, seen_length, tip = self._tip_seen
        if seen_q is not q or seen_length != length:
            tip = arm.tip_position(q, geometry)
            self._tip_seen = q, length, tip
        return tip

    def _look(self, rows):
        seen = self.measure(rows)
        if rows is not EVERYONE:
            seen = [self.arrays.replaced(old, rows, new) for old, new in zip(self._seen, seen, strict=True)]
        self._seen = seen

    def _observe(self, rows):
        q, qd, target, last_action = *self._seen, self.target, self.last_action
        if rows is not EVERYONE:
            q, qd, target, last_action = q[rows], qd[rows], target[rows], last_action[rows]
        xp, to_target = self.arrays.xp, target - self._tip(q, self._drawing)
        parts = [xp.cos(q), xp.sin(q), qd / SPEED_UNIT, target, to_target]
        if self.observe_last_action:
            parts.append(last_action)
        return xp.concat([part.T for part in parts], axis=0).T

    def _reward_terms(self, distance, action, success):
        return reward_terms(distance, action, success)

    def reward_seen(self, action, next_observation):
        to_target = next_observation[..., 3 * self.n_joints + 2 : 3 * self.n_joints + 4]
        distance = np.linalg.norm(to_target, axis=-1)
        return reward_terms(distance, action, distance <= self.goal_threshold)

    def _picture_scale(self):
        return 1.1 * self.reach


class ReachVectorEnv(ReachTask):
    """Thousands of simulated arms that reach for targets: ``gym.make_vec("rlbook/Reach-v0", num_envs=1024)``.

    ``ReachTask`` describes the spaces and the reward, ``ArmVectorEnv`` the step contract.

    Parameters
    ----------
    num_envs, n_joints : how many arms, of how many links.
    max_torque : N m, a number or one a joint; by default twice what holds the nominal arm stretched out.
    physics : ``PhysicsParams``, its fields numbers or (num_envs,) arrays. ``env.physics = ...`` changes them at any
        time and the state carries on. The arm computes its tip with the mean link length it was built with.
    physics_on_reset : None, or ``f(count, random) -> PhysicsParams``, called whenever arms start anew with their number
        and the environment's ``np.random.Generator``. Its fields are numbers or (count,) arrays; the arms that
        start anew have them from their first observation on, the others keep theirs.
    goal_threshold, hold_steps, max_steps, dt : success distance (m), steps to stay within it, time limit, seconds a
        control step.
    observe_last_action : whether the last action is part of the observation.
    torque_levels : None for torques, or the number of torques a joint can choose from.
    device : None for NumPy, or a torch device: then everything from reset to reward stays there.
    autoreset_mode, render_mode : see ``ArmVectorEnv``.

    Raises ValueError for arguments outside these meanings, naming them.
    """

    physics_on_reset = None

    def __init__(
        self,
        num_envs: int = 1,
        *,
        n_joints: int = 2,
        max_torque=None,
        physics: PhysicsParams | None = None,
        physics_on_reset: Callable[[int, np.random.Generator], PhysicsParams] | None = None,
        **shared,
    ):
        physics = checked_physics(physics)
        super().__init__(num_envs, n_joints, float(np.mean(in_numpy(physics.link_length))), max_torque, **shared)
        if physics_on_reset is not None and not callable(physics_on_reset):
            raise ValueError(f"physics_on_reset is {physics_on_reset!r}; accepted are None and functions")
        self.physics, self.physics_on_reset = physics, physics_on_reset
        self._step = self._make_step()

    @property
    def physics(self) -> PhysicsParams:
        """The arms' true physics, fields of shape () or (num_envs,)."""
        return self._physics

    @physics.setter
    def physics(self, physics: PhysicsParams) -> None:
        self._physics = self._own(physics, self.num_envs)

    def _own(self, physics: PhysicsParams, count: int) -> PhysicsParams:
        """A copy whose fields are numbers or arrays (count,) of this environment's kind; else ValueError."""
        fields = {}
        for name, value in checked_physics(physics).as_dict().items():
            if not isinstance(value, float):
                if tuple(value.shape) not in ((), (count,)):
                    raise ValueError(
                        f"PhysicsParams.{name} has shape {tuple(value.shape)}; "
                        f"accepted are numbers and shape ({count},), one value an environment"
                    )
                value = self.arrays.copy(self.arrays.of(value)) if value.ndim else float(value)
            fields[name] = value
        return PhysicsParams(**fields)

    def _make_step(self):
        """``f(q, qd, torque, physics) -> (q, qd)``, a control step later."""
        settings = {"dt": self.dt, "substeps": SUBSTEPS, "max_speed": MAX_SPEED}
        if not self.arrays.on_gpu:
            return partial(arm.step, **settings)
        from rlbook.envs.arm.cuda_graph import ReplayedStep

        return ReplayedStep(**settings)

    def _restart(self, rows, options):
        if self.physics_on_reset is not None:
            drawn = self._own(self.physics_on_reset(len(rows), self.np_random), len(rows))
            self._physics = self._physics.with_rows(rows, drawn, self.arrays.of(np.ones(self.num_envs)))
        super()._restart(rows, options)

    def _true_geometry(self):
        return self._physics

    def _move(self, torque):
        self.q, self.qd = self._step(self.q, self.qd, torque, self._physics)

    def _delays(self):
        return self._physics.action_delay

    def _look(self, rows):
        exact = isinstance(self._physics.sensor_noise, float) and self._physics.sensor_noise == 0
        super()._look(
            EVERYONE if exact else rows
        )  # exact sensors see the others as before, and sooner than a copy is made

    def measure(self, rows=EVERYONE):
        noise = self._physics.sensor_noise
        q, qd = (self.q, self.qd) if rows is EVERYONE else (self.q[rows], self.qd[rows])
        if isinstance(noise, float):
            if noise == 0:
                return q, qd
        else:
            noise = noise[rows, None]
        q = q + noise * self.arrays.normal(self.np_random, tuple(q.shape))
        qd = qd + VELOCITY_NOISE * noise * self.arrays.normal(self.np_random, tuple(qd.shape))
        return q, qd.clip(-MAX_SPEED, MAX_SPEED)


class ReachEnv(gym.Env):
    """One arm of ``ReachVectorEnv`` as a Gymnasium environment: ``gym.make("rlbook/Reach-v0")``.

    Spaces and rewards are ``ReachTask``'s and arguments ``ReachVectorEnv``'s, without the batch axis. Stepping on after
    the end of an episode raises ``gymnasium.error.ResetNeeded``.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 17}  # noqa: RUF012
    batch_class = ReachVectorEnv

    def __init__(self, **arguments):
        if arguments.get("device") is not None:
            raise ValueError(f"device is {arguments['device']!r}; accepted is None: one arm computes in NumPy")
        self.batch = self.batch_class(1, autoreset_mode=AutoresetMode.DISABLED, **arguments)
        self.metadata = self.metadata | {"render_fps": self.batch.metadata["render_fps"]}
        self.observation_space = self.batch.single_observation_space
        self.action_space = self.batch.single_action_space
        self.render_mode = self.batch.render_mode

    @property
    def physics(self):
        """The arm's ``PhysicsParams``. A change takes effect at the next step; the state carries on."""
        return self.batch.physics

    @physics.setter
    def physics(self, physics: PhysicsParams) -> None:
        self.batch.physics = physics

    @property
    def physics_on_reset(self):
        """None, or ``f(1, random) -> PhysicsParams``, which draws the arm's physics at every reset."""
        return self.batch.physics_on_reset

    @physics_on_reset.setter
    def physics_on_reset(self, draw) -> None:
        self.batch.physics_on_reset = draw

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        self.batch.np_random = self.np_random
        observations, info = self.batch.reset(options=options)
        return observations[0], _first(info)

    def step(self, action):
        observations, reward, terminated, truncated, info = self.batch.step(np.asarray(action)[None])
        return observations[0], float(reward[0]), bool(terminated[0]), bool(truncated[0]), _first(info)

    def render(self):
        pictures = self.batch.render()
        return None if pictures is None else pictures[0]

    def close(self):
        self.batch.close()


def _first(info: dict) -> dict:
    return {key: value[0].item() for key, value in info.items() if not key.startswith("_")}
