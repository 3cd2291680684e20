"""RandomizationPanel without a browser: ranges and presets, a run from training to the robot, and the arms on show."""

import io

import numpy as np
import pytest
from PIL import Image

from rlbook.sim_to_real.randomization import CHAPTER_RANGES, DomainRandomizer
from rlbook.widgets import RandomizationPanel
from rlbook.widgets.controls import RangeSlider
from rlbook.widgets.randomization_panel import CHUNK, CHUNKS, FIELDS, SWEEPS


@pytest.fixture
def panel():
    panel = RandomizationPanel(steps=10_000, seed=1)
    yield panel
    panel.close()


@pytest.fixture(scope="module")
def trained():
    """A panel with one short run behind it."""
    panel = RandomizationPanel(steps=10_000, preset="narrow")
    run_to_its_end(panel)
    yield panel
    panel.close()


def run_to_its_end(panel):
    panel._run = panel._training(panel.state)
    told = []
    while panel._run is not None:
        panel.step(1)
        told.append(panel._progress)
    return told


def pixels(panel):
    return np.asarray(Image.open(io.BytesIO(panel.figure())))


def test_a_preset_sets_the_ranges_and_moving_one_makes_them_own(panel):
    assert (panel.preset, panel.mass, panel.action_delay) == ("moderate", (0.8, 1.2), (0, 1))
    panel.preset = "chapter"
    for field in FIELDS:
        unit = 1000 if field == "sensor_noise" else 1  # mrad
        assert getattr(panel, field) == (unit * CHAPTER_RANGES[field].low, unit * CHAPTER_RANGES[field].high)
    panel.mass = (0.9, 1.5)
    assert (panel.preset, panel.mass, panel.action_delay) == ("own", (0.9, 1.5), (0, 3))
    panel.preset = "none"
    assert panel.mass == (1.0, 1.0) and panel.action_delay == (1, 1)  # the nominal arm, one step late


def test_ranges_at_the_start_are_kept_beside_a_preset():
    panel = RandomizationPanel(preset="none", action_delay=(0, 2))
    assert (panel.preset, panel.mass, panel.action_delay) == ("own", (1.0, 1.0), (0, 2))
    panel.close()


def test_the_arms_get_what_the_sliders_say(panel):
    panel.set(mass=(0.5, 0.6), friction=(2.0, 4.0), sensor_noise=(10, 20), action_delay=(2, 3))
    randomizer = panel._randomizer(panel.state)
    assert isinstance(randomizer, DomainRandomizer)
    assert randomizer.bounds("mass") == pytest.approx((0.5, 0.6))
    assert randomizer.bounds("friction") == pytest.approx((0.2, 0.4))  # of 0.1 N m
    assert randomizer.bounds("sensor_noise") == pytest.approx((0.01, 0.02))
    assert set(randomizer.sample(100, np.random.default_rng(0)).action_delay) == {2, 3}


@pytest.mark.parametrize("value", [(1.2, 0.8), (0.1, 1.0), 1.0, (1.0, 1.0, 1.0), ("a", "b")])
def test_what_is_no_range_is_refused(panel, value):
    with pytest.raises(ValueError, match="mass must be"):
        panel.mass = value


def test_a_range_slider_takes_pairs_from_the_page(panel, slide):
    slide(panel, "mass", [0.7, 1.1])
    assert panel.mass == (0.7, 1.1) and panel.preset == "own"
    slide(panel, "action_delay", [1, 2])
    assert panel.action_delay == (1, 2)
    assert panel.wait(20)


def test_a_range_slider_knows_where_its_handles_are():
    slider = RangeSlider("Mass", (0.5, 1.5), 0.3, 2.0)
    assert slider.inside((0.1, 5.0)) == (0.3, 2.0)
    assert slider.same_position((0.5001, 1.5), (0.5, 1.4999))
    assert not slider.same_position((0.5, 1.49), (0.5, 1.5))


def test_nothing_is_there_before_the_first_run(panel):
    assert pixels(panel).shape[2] == 3
    assert panel.runs == () and panel.status.startswith("Nothing learned yet. Press Train.")


def test_a_run_learns_meets_the_robot_and_leaves_its_point(trained):
    (run,) = trained.runs
    assert run.name == "1 narrow" and run.ranges["mass"] == (0.95, 1.05)
    assert 0 <= run.successes <= CHUNK * CHUNKS and 0 <= run.simulated <= 1
    for over, fields in SWEEPS.items():
        assert run.sweeps[over].shape == tuple(len(values) for values in fields.values())
    assert trained.agent.steps_taken >= 10_000
    trained.figure()
    assert "in simulation, on the robot" in trained.status


def test_a_second_run_stands_beside_the_first(trained):
    trained.preset = "curriculum"
    before = pixels(trained)
    told = run_to_its_end(trained)
    assert [run.name for run in trained.runs] == ["1 narrow", "2 curriculum"]
    assert any("learned" in words for words in told) and any("on the robot" in words for words in told)
    assert (pixels(trained) != before).any()
    for over in SWEEPS:
        trained.curve = over
        trained.figure()


def test_the_same_seed_gives_the_same_run(panel):
    first, second = [], []
    for successes in (first, second):
        panel.reset()
        run_to_its_end(panel)
        successes.append((panel.runs[0].successes, panel.runs[0].simulated, panel.agent.policy.log_std.tolist()))
    assert first == second


def test_stopping_leaves_no_point(panel):
    panel._run = panel._training(panel.state)
    panel.step(1)
    assert panel.agent.steps_taken > 0
    panel.stop()
    panel.step(2)
    assert panel.runs == () and panel._run is None
    panel.figure()
    assert panel.status.startswith("Stopped.")


def test_train_works_in_the_background_and_answers(panel):
    panel.widget  # noqa: B018
    panel.press("train")
    for _ in range(600):
        panel.wait(0.1)
        if panel.runs:
            break
    panel.pause()
    assert len(panel.runs) == 1 and panel.error is None
    assert panel.wait(20)


def test_both_arms_follow_the_policy_towards_the_target(panel):
    panel.agent.select_action = lambda state, training: np.tanh(_towards(state))
    panel.move_target(-0.5, 0.5)
    panel.step(100)
    for arm in (panel._arm, panel._robot):
        assert arm.distance(np.array([panel.target_x, panel.target_z])) < 0.5  # hanging, they were 1.58 m away


def _towards(state):
    """The transposed Jacobian times the way to the target, damped, and the nominal weight of the links."""
    cos, sin, qd, way = state[:, :2], state[:, 2:4], 10 * state[:, 4:6], state[:, 8:10]
    both = cos[:, 0] * cos[:, 1] - sin[:, 0] * sin[:, 1], sin[:, 0] * cos[:, 1] + cos[:, 0] * sin[:, 1]
    outer = np.stack([-both[1], both[0]], 1) / 2
    inner = np.stack([-sin[:, 0], cos[:, 0]], 1) / 2 + outer
    pull = np.stack([(inner * way).sum(1), (outer * way).sum(1)], 1)
    weight = np.stack([0.75 * cos[:, 0] + 0.25 * both[0], 0.25 * both[0]], 1) * 0.5
    return 3 * pull - 0.25 * qd + weight


def test_the_simulated_arms_have_the_drawn_physics_and_the_first_is_nominal(panel):
    panel.preset = "chapter"
    panel.figure()
    mass = panel._arm._envs.physics.mass
    assert mass[0] == 1.0 and len(np.unique(mass)) == len(mass)


def test_reset_forgets_the_runs(panel):
    run_to_its_end(panel)
    panel.preset = "none"
    panel.reset()
    assert panel.runs == () and panel.preset == "moderate" and panel.agent.steps_taken == 0
