"""Ranges drawn right, curricula that widen, and environments that truly get what was drawn."""

import itertools

import gymnasium as gym
import numpy as np
import pytest
import torch

import rlbook.envs  # noqa: F401
from rlbook.envs.arm import physics as arm
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.reach import ReachEnv
from rlbook.envs.arm.recording import log_trajectory
from rlbook.sim_to_real.randomization import (
    CHAPTER_RANGES,
    MODERATE_RANGES,
    PRESETS,
    CurriculumRandomizer,
    DomainRandomizer,
    RandomizedEnvWrapper,
    RandomizedVectorEnv,
    Range,
    SuccessCurriculum,
)

FIELDS = tuple(PhysicsParams().as_dict())


def drawn(ranges, n=20_000, seed=0, **arguments):
    return DomainRandomizer(ranges).sample(n, np.random.default_rng(seed), **arguments)


# ------------------------------------------------------------------------------------------------------------- ranges


def test_no_field_is_forgotten():
    assert set(CHAPTER_RANGES) == set(MODERATE_RANGES) == set(FIELDS)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_reaches_the_dynamics(field):
    """Two arms, one with the highest value of the chapter's range, do not measure the same."""
    nominal = PhysicsParams()
    changed = nominal.replace(**{field: DomainRandomizer().bounds(field)[1]})
    actions = np.full((5, 1, 2), 0.4, dtype=np.float32)
    start = {"q": np.array([[0.3, -0.4]]), "target": np.array([[0.5, 0.2]])}
    seen = []
    for physics in (nominal, changed):
        log = log_trajectory(ReachEnv(physics=physics), actions, seed=0, options=start)
        seen.append(np.concatenate([log.q, log.qd]))
    assert np.abs(seen[0] - seen[1]).max() > 1e-3


def test_operations():
    half = np.full(1, 0.5)
    assert [Range(0.5, 0.5, operation).applied(half, 4.0)[0] for operation in ("abs", "scale", "add")] == [0.5, 2, 4.5]
    assert str(Range(0.5, 2, "scale", "log_uniform")) == "* logU(0.5, 2)"


def test_uniform_draws_fill_the_range():
    mass = drawn({"mass": Range(0.5, 1.5, "scale")}).mass
    assert mass.shape == (20_000,)
    assert 0.5 <= mass.min() < 0.501 and 1.499 < mass.max() <= 1.5
    # mean 1 and standard deviation 1 / sqrt(12), five standard errors
    assert abs(mass.mean() - 1) < 5 * 0.2887 / np.sqrt(20_000)
    assert abs(mass.std() - 1 / np.sqrt(12)) < 0.005


def test_log_uniform_draws_halve_as_often_as_they_double():
    damping = drawn({"damping": Range(0.5, 2, "scale", "log_uniform")}).damping / PhysicsParams().damping
    assert abs((damping < 1).mean() - 0.5) < 0.018
    assert damping.mean() == pytest.approx(1.5 / np.log(4), abs=0.016)  # a uniform one would give 1.25


def test_gaussian_draws_are_truncated():
    gravity = drawn({"gravity": Range(9, 10, "abs", "gaussian")}).gravity
    assert gravity.min() >= 9 and gravity.max() <= 10
    assert gravity.mean() == pytest.approx(9.5, abs=0.01)
    # a Gaussian cut at two standard deviations keeps 0.7737 of its variance
    assert gravity.var() == pytest.approx(0.25**2 * 0.7737, rel=0.05)


def test_both_ends_of_integer_ranges_are_drawn_and_all_alike():
    delay = drawn({"action_delay": Range(0, 3)}).action_delay
    counts = np.bincount(delay.astype(int), minlength=4)
    assert len(counts) == 4
    chi_squared = ((counts - 5000) ** 2 / 5000).sum()
    assert chi_squared < 16.27  # 3 degrees of freedom, one in a thousand
    exclusive = np.random.default_rng(0).integers(0, 3, 20_000)  # the chapter's mistake is found
    assert ((np.bincount(exclusive, minlength=4) - 5000) ** 2 / 5000).sum() > 16.27


def test_draws_start_from_the_defaults_and_never_accumulate():
    randomizer, rng = (
        DomainRandomizer({"mass": Range(2, 2, "scale")}, PhysicsParams(mass=3.0)),
        np.random.default_rng(0),
    )
    assert [randomizer.sample(None, rng).mass for _ in range(3)] == [6, 6, 6]
    assert randomizer.defaults == PhysicsParams(mass=3.0)


def test_one_arm_gets_numbers_and_many_get_arrays():
    one, many = DomainRandomizer().sample(None, np.random.default_rng(0)), drawn("chapter", 5)
    assert all(isinstance(value, float) for value in one.as_dict().values())
    assert all(value.shape == (5,) for value in many.as_dict().values())
    assert drawn("none", 5) == PhysicsParams()
    assert drawn("chapter", 0).mass.shape == (0,)


def test_the_same_seed_draws_the_same():
    assert drawn("chapter", 50, seed=3) == drawn("chapter", 50, seed=3)
    assert drawn("chapter", 50, seed=3) != drawn("chapter", 50, seed=4)


def test_gaussians_at_the_defaults():
    physics = DomainRandomizer().sample_gaussian(20_000, np.random.default_rng(0), std_scale=0.1)
    assert physics.mass.mean() == pytest.approx(1, abs=0.005)
    assert physics.mass.std() == pytest.approx(0.1, rel=0.02)
    assert physics.gravity.mean() == pytest.approx(9.81, abs=0.002)
    for field, value in physics.as_dict().items():
        low, high = DomainRandomizer().bounds(field)
        assert value.min() >= low and value.max() <= high
    wide = DomainRandomizer().sample_gaussian(20_000, np.random.default_rng(0), std_scale=3.0)
    assert wide.mass.min() > 0  # the chapter's can be negative


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Range(1, 0.5), "from 1 to 0.5"),
        (lambda: Range(0, float("nan")), "high is nan"),
        (lambda: Range(0, 1, "times"), "operation is 'times'"),
        (lambda: Range(0, 1, "abs", "normal"), "distribution is 'normal'"),
        (lambda: Range(0, 1, "scale", "log_uniform"), "begins at 0"),
        (lambda: DomainRandomizer("broad"), "'broad'"),
        (lambda: DomainRandomizer({"masss": Range(0, 1)}), "'masss'"),
        (lambda: DomainRandomizer({"mass": (0, 1)}), "range of mass is \\(0, 1\\)"),
        (lambda: DomainRandomizer({"mass": Range(0, 1, "scale")}), "PhysicsParams.mass is 0"),
        (lambda: DomainRandomizer({"action_delay": Range(0, 1.5)}), "PhysicsParams.action_delay is 1.5"),
        (lambda: DomainRandomizer().sample(-1), "n is -1"),
        (lambda: DomainRandomizer().sample_gaussian(3, std_scale=0), "std_scale is 0"),
        (lambda: CurriculumRandomizer(DomainRandomizer(), initial_scale=2), "initial_scale is 2"),
        (lambda: SuccessCurriculum(DomainRandomizer(), widen_at=0.3), "narrow_at is 0.4"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(make, said):
    with pytest.raises(ValueError, match=f"{said}.*accepted"):
        make()


# ---------------------------------------------------------------------------------------------------------- curricula


def test_the_linear_curriculum_widens_steadily():
    curriculum = CurriculumRandomizer(DomainRandomizer(), initial_scale=0.2, final_scale=0.8, schedule_steps=100)
    scales = []
    for _ in range(12):
        scales.append(curriculum.current_scale)
        curriculum.update(10)
    assert scales[0] == 0.2 and scales[5] == pytest.approx(0.5) and scales[10] == scales[11] == pytest.approx(0.8)
    assert all(a <= b for a, b in itertools.pairwise(scales))
    mass = curriculum.sample(20_000, np.random.default_rng(0)).mass
    assert 0.6 <= mass.min() < 0.601 and 1.399 < mass.max() <= 1.4


def test_a_narrow_curriculum_keeps_to_the_defaults_and_a_full_one_is_the_base():
    base = DomainRandomizer()
    closed = CurriculumRandomizer(base, initial_scale=0.0).sample(100, np.random.default_rng(0))
    for field, value in closed.as_dict().items():
        assert np.all(
            value
            == base.ranges[field].applied(
                base.ranges[field].unchanged(getattr(base.defaults, field)), getattr(base.defaults, field)
            )
        )
    full = CurriculumRandomizer(base, initial_scale=1.0).sample(100, np.random.default_rng(0))
    assert full == base.sample(100, np.random.default_rng(0))


def test_longer_delays_come_in_one_by_one():
    """Not only the longest at the very end: at 0.5 of (0, 3), three delays occur."""
    highest = [
        int(drawn({"action_delay": Range(0, 3)}, scale=scale).action_delay.max()) for scale in (0.1, 0.3, 0.5, 0.75, 1)
    ]
    assert highest == [0, 1, 2, 3, 3]


def test_ranges_grow_as_wide_as_the_policy_can_cope_with():
    """With a policy that copes with masses up to 1.15, whatever is below."""
    base = DomainRandomizer({"mass": Range(0.5, 1.5, "scale")})
    curriculum, rng = SuccessCurriculum(base, episodes=500), np.random.default_rng(0)
    scales = []
    for _ in range(400):
        physics = curriculum.sample(100, rng)
        curriculum.update(100, physics.mass < 1.15)
        scales.append(curriculum.current_scale)
    assert scales[:11] == pytest.approx([0.1] * 4 + [0.12] * 5 + [0.14] * 2)
    # Of masses 1 - s/2 to 1 + s/2, a part 1/2 + 0.15/s lies below 1.15: 0.8 of them where s = 1/2. Chance widens a bit
    # further, until 0.8 is more than three standard deviations of 500 episodes away, at s = 0.61.
    assert 0.48 < min(scales[200:]) and max(scales[200:]) < 0.62


@pytest.mark.parametrize("rate, moves", [(0.8, 0.02), (0.79, 0.0), (0.4, 0.0), (0.39, -0.02)])
def test_success_moves_the_ends_at_its_thresholds(rate, moves):
    curriculum = SuccessCurriculum(DomainRandomizer(), initial_scale=0.1, episodes=100)
    curriculum.current_scale = 0.5
    for success in np.arange(100) < 100 * rate:
        assert curriculum.current_scale == 0.5
        curriculum.update(0, success)
    assert curriculum.current_scale == pytest.approx(0.5 + moves)


def test_failure_narrows_but_not_below_the_beginning_and_success_widens_up_to_all():
    base = DomainRandomizer({"mass": Range(0.5, 1.5, "scale")})
    curriculum = SuccessCurriculum(base, initial_scale=0.3, episodes=10)
    for success, end in ((True, 1.0), (False, 0.3)):
        for _ in range(100):
            curriculum.update(0, np.full(50, success))
        assert curriculum.current_scale == end
    curriculum.update(1000)
    assert curriculum.current_scale == 0.3


# --------------------------------------------------------------------------------------------------------- the wrapper


@pytest.mark.parametrize("delay", range(4))
def test_a_delay_is_exact(delay):
    """The first command acts ``delay`` steps after it was given; without gravity nothing moves before."""
    ranges = {"action_delay": Range(delay, delay), "gravity": Range(0, 0)}
    env = RandomizedEnvWrapper(gym.make("rlbook/Reach-v0"), DomainRandomizer(ranges))
    env.reset(seed=0, options={"q": np.zeros((1, 2)), "target": np.array([[-0.5, 0.0]])})
    moved = []
    for _ in range(5):
        observation, *_ = env.step(np.ones(2, dtype=np.float32))
        moved.append(bool(np.abs(observation[4:6]).max() > 0))
    assert moved == [step >= delay for step in range(5)]


def test_noise_is_on_what_sensors_measure_and_never_on_the_target():
    ranges = {"sensor_noise": Range(0.05, 0.05)}
    env = RandomizedEnvWrapper(gym.make("rlbook/Reach-v0"), DomainRandomizer(ranges))
    target = np.array([[0.4, 0.3]])
    seen = np.array([env.reset(seed=s, options={"q": np.zeros((1, 2)), "target": target})[0] for s in range(20)])
    assert (seen[:, 6:8] == np.float32(target)).all()
    assert (seen[:, 2:4].std(axis=0) > 0.02).all() and (seen[:, 4:6].std(axis=0) > 0).all()


def test_every_reset_has_new_physics_and_a_seed_repeats_them():
    env = RandomizedEnvWrapper(gym.make("rlbook/Reach-v0"), DomainRandomizer())
    drawn = []
    for _ in range(2):
        env.reset(seed=5)
        drawn.append([env.physics])
        env.reset()
        drawn[-1].append(env.physics)
    assert drawn[0] == drawn[1] and drawn[0][0] != drawn[0][1]
    assert env.unwrapped.physics == env.physics


def test_randomizing_leaves_the_targets_of_a_seed():
    plain, wrapped = gym.make("rlbook/Reach-v0"), RandomizedEnvWrapper(gym.make("rlbook/Reach-v0"), DomainRandomizer())
    (seen, _), (randomized, _) = plain.reset(seed=9), wrapped.reset(seed=9)
    np.testing.assert_array_equal(seen[6:8], randomized[6:8])


def test_physics_stay_when_they_shall():
    env = RandomizedEnvWrapper(gym.make("rlbook/Reach-v0"), DomainRandomizer(), randomize_on_reset=False)
    env.reset(seed=0)
    assert env.physics == PhysicsParams()
    assert env.randomize() == env.physics != PhysicsParams()


def test_the_wrapper_shows_what_the_environment_has():
    env = RandomizedEnvWrapper(gym.make("rlbook/Reach-v0"), DomainRandomizer())
    assert (env.state_dim, env.action_dim) == (10, 2)
    assert RandomizedEnvWrapper(gym.make("rlbook/ReachDiscrete-v0"), DomainRandomizer()).action_dim == 9


def test_the_link_length_is_set_too():
    env = RandomizedEnvWrapper(gym.make("rlbook/Reach-v0"), DomainRandomizer({"link_length": Range(0.6, 0.6)}))
    env.reset(seed=0, options={"q": np.zeros((1, 2))})
    tip = arm.tip_position(env.unwrapped.batch.q, env.physics)
    np.testing.assert_allclose(tip, [[1.2, 0.0]], atol=1e-6)


def test_curricula_hear_of_steps_and_successes():
    linear = CurriculumRandomizer(DomainRandomizer(), schedule_steps=10)
    env = RandomizedEnvWrapper(gym.make("rlbook/Reach-v0"), linear)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    assert linear.n_steps == 1
    heard = []
    adaptive = SuccessCurriculum(DomainRandomizer())
    adaptive.update = lambda n_steps=0, success=None: heard.append((n_steps, success))
    env = RandomizedEnvWrapper(gym.make("rlbook/Reach-v0", max_steps=2), adaptive)
    env.reset(seed=0, options={"q": np.zeros((1, 2)), "target": np.array([[-0.5, 0.0]])})
    for _ in range(2):
        env.step(np.zeros(2, dtype=np.float32))
    assert heard == [(1, None), (1, None), (0, False)]


def test_every_arm_of_a_batch_gets_physics_of_its_own_whenever_it_starts_anew():
    envs = RandomizedVectorEnv(gym.make_vec("rlbook/Reach-v0", num_envs=50, max_steps=3), DomainRandomizer())
    envs.reset(seed=0)
    first = envs.physics.mass.copy()
    assert len(set(first)) == 50
    for _ in range(3):
        _, _, terminated, truncated, _ = envs.step(np.zeros((50, 2), dtype=np.float32))
        ended = terminated | truncated
        np.testing.assert_array_equal(envs.physics.mass == first, ~ended)
        first = envs.physics.mass.copy()
    assert ended.sum() > 40  # at the time limit


def test_a_batch_has_exact_delays_of_its_own():
    ranges = {"action_delay": Range(0, 3), "gravity": Range(0, 0)}
    envs = RandomizedVectorEnv(gym.make_vec("rlbook/Reach-v0", num_envs=40, max_steps=50), DomainRandomizer(ranges))
    envs.reset(seed=0, options={"q": np.zeros((40, 2)), "target": np.tile([-0.5, 0.0], (40, 1))})
    delay, moves = envs.physics.action_delay, []
    for _ in range(4):
        observations, *_ = envs.step(np.ones((40, 2), dtype=np.float32))
        moves.append(np.abs(observations[:, 4:6]).max(axis=1) > 0)
    assert set(delay) == {0, 1, 2, 3}
    np.testing.assert_array_equal(np.array(moves), np.arange(4)[:, None] >= delay)


@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_batch_tells_its_curriculum_how_the_ended_episodes_went(device):
    told = []
    curriculum = SuccessCurriculum(DomainRandomizer({"mass": Range(0.5, 1.5, "scale")}), initial_scale=1.0)
    curriculum.update = lambda n_steps=0, success=None: told.append((n_steps, success))
    envs = RandomizedVectorEnv(gym.make_vec("rlbook/Reach-v0", num_envs=6, max_steps=1, device=device), curriculum)
    envs.reset(seed=0)
    targets = np.array([0, 2])
    envs.unwrapped.target[targets] = envs.unwrapped.points()[targets, -1]  # these are there already
    torques = np.zeros((6, 2), dtype=np.float32)
    envs.step(torques if device is None else torch.from_numpy(torques))
    assert told[0] == (6, None) and isinstance(told[1][1], np.ndarray)
    np.testing.assert_array_equal(told[1][1], np.isin(np.arange(6), targets))


def test_a_batch_of_robots_is_refused_by_name():
    with pytest.raises(ValueError, match=r"RobotReach.* takes no physics; accepted"):
        RandomizedVectorEnv(gym.make_vec("rlbook/RobotReach-v0", num_envs=2), DomainRandomizer())


@pytest.mark.parametrize("name", ["CartPole-v1", "rlbook/RobotReach-v0"])
def test_an_environment_without_physics_is_refused_by_name(name):
    env = gym.make(name)
    with pytest.raises(ValueError, match=f"{name.split('/')[-1]}.* takes no physics; accepted"):
        RandomizedEnvWrapper(env, DomainRandomizer())


def test_presets_are_what_they_say():
    for name, ranges in PRESETS.items():
        assert DomainRandomizer(name).ranges == ranges
    widths = [np.subtract(*DomainRandomizer(name).bounds("mass")[::-1]) for name in PRESETS]
    assert widths == sorted(widths) and widths[0] == 0
