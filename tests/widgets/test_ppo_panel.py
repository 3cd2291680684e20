"""PPOPanel without a browser: its values, its pictures, the target, and the arm that follows."""

import io

import numpy as np
import pytest
from PIL import Image

from rlbook.ppo import PPO
from rlbook.widgets import PPOPanel
from rlbook.widgets.touch import TouchPicture


@pytest.fixture
def panel():
    panel = PPOPanel(n_arms=32, seed=1)
    yield panel
    panel.close()


def pixels(panel, columns=slice(None)):
    return np.asarray(Image.open(io.BytesIO(panel.figure())))[:, columns]


ARM, MAP, CURVE = slice(0, 380), slice(396, 754), slice(770, None)


def test_the_first_picture_is_there_before_anything_is_learned(panel):
    assert pixels(panel).shape == (380, 380 + 358 + 332 + 2 * 16, 3)
    assert panel.status == "Nothing learned yet. Press Play, and drag the target."


def test_learning_changes_all_pictures(panel):
    before = pixels(panel)
    panel.step(3)
    after = pixels(panel)
    for columns in (ARM, MAP, CURVE):
        assert (before[:, columns] != after[:, columns]).any()
    assert panel.agent.steps_taken >= 1024 and "now of 32 arms" in panel.status


def test_every_control_reaches_the_learner(panel):
    panel.set(clip_epsilon=0.3, gae_lambda=0.5, gamma=0.8, lr=0.01, entropy_coef=0.02, n_arms=8)
    panel.step(1)
    agent = panel.agent
    assert (agent.clip_epsilon, agent.gae_lambda, agent.gamma, agent.lr) == (0.3, 0.5, 0.8, 0.01)
    assert agent.entropy_coef == 0.02 and agent.buffer.rewards.shape == (128, 8)


def test_with_learn_off_the_arm_moves_and_nothing_is_learned(panel):
    panel.step(1)
    weights, arm = panel.agent.policy.actor.weights.detach().clone(), pixels(panel, ARM)
    panel.learn = False
    panel.step(5)
    assert (panel.agent.policy.actor.weights == weights).all()
    assert (pixels(panel, ARM) != arm).any()


def test_the_arm_follows_a_policy_that_can(panel):
    """A policy made by hand, towards the target: one that was learned would take a minute."""
    panel.learn = False
    panel.agent.select_action = lambda state, training: np.tanh(_towards(state))
    panel.move_target(0.5, 0.5)
    panel.step(60)
    first = np.array(panel.arm_tip)
    panel.move_target(-0.5, 0.5)
    panel.step(60)
    assert np.hypot(*(first - (0.5, 0.5))) < 0.3
    assert np.hypot(*(panel.arm_tip - np.array([-0.5, 0.5]))) < 0.3


def _towards(state):
    """The transposed Jacobian times the way to the target, damped."""
    cos, sin, qd, way = state[:, :2], state[:, 2:4], 10 * state[:, 4:6], state[:, 8:]
    both = cos[:, 0] * cos[:, 1] - sin[:, 0] * sin[:, 1], sin[:, 0] * cos[:, 1] + cos[:, 0] * sin[:, 1]
    outer = np.stack([-both[1], both[0]], 1) / 2
    inner = np.stack([-sin[:, 0], cos[:, 0]], 1) / 2 + outer
    pull = np.stack([(inner * way).sum(1), (outer * way).sum(1)], 1)
    weight = np.stack([0.75 * cos[:, 0] + 0.25 * both[0], 0.25 * both[0]], 1) * 0.5
    return 8 * pull - 0.4 * qd + weight


def test_pointing_puts_the_target_where_the_pointer_is(panel):
    panel.figure()
    for place in ((0.3, 0.6), (-0.5, -0.2)):
        panel.point("down", *_pixel(panel, *place))
        assert (panel.target_x, panel.target_z) == pytest.approx(place, abs=0.005)
    panel.point("up", *_pixel(panel, 0.5, 0.5))
    assert (panel.target_x, panel.target_z) == pytest.approx((-0.5, -0.2), abs=0.005)


def _pixel(panel, x, z):
    """The picture is linear: two corners give the scale."""
    (left, top), (right, bottom) = (panel._arm.position(*corner) for corner in ((0, 0), (380, 380)))
    return 380 * (x - left) / (right - left), 380 * (z - top) / (bottom - top)


def test_targets_stay_where_targets_lie_in_training(panel):
    for x, z, radius in ((3.0, 4.0, 0.95), (0.03, 0.04, 0.2), (0.0, 0.0, 0.2)):
        panel.move_target(x, z)
        assert np.hypot(panel.target_x, panel.target_z) == pytest.approx(radius, abs=1e-3)


def test_the_arrow_keys_move_it(panel):
    panel.set(target_x=0.4, target_z=0.4)
    for key, place in (
        ("ArrowUp", (0.4, 0.45)),
        ("ArrowRight", (0.45, 0.45)),
        ("ArrowDown", (0.45, 0.4)),
        (" ", (0.45, 0.4)),
    ):
        panel.key(key)
        assert (panel.target_x, panel.target_z) == pytest.approx(place)


def test_the_arm_is_a_picture_that_can_be_touched(panel):
    panel.widget  # noqa: B018
    arm = panel._shell._pictures[0]
    assert isinstance(arm, TouchPicture) and "arrow keys" in arm.label
    before = arm.value
    arm._heard(arm, {"events": [{"kind": "down", "x": 300, "y": 100}]}, [])
    assert panel.wait(20) and arm.value != before
    arm._heard(arm, {"events": [{"kind": "key", "key": "ArrowLeft"}]}, [])
    assert panel.wait(20)


def test_reset_starts_the_same_run_again(panel):
    panel.step(2)
    panel.set(gamma=0.2, target_x=-0.3)
    panel.reset()
    assert panel.gamma == 0.95 and panel.target_x == 0.5
    assert panel.agent.steps_taken == 0
    assert (panel.agent.policy.actor.weights == PPO.for_many_arms(10, 2, seed=1).policy.actor.weights).all()


def test_a_kept_curve_stays(panel):
    panel.step(2)
    panel.keep_run()
    panel.reset()
    bare = PPOPanel(seed=1)
    assert (pixels(panel, CURVE) != pixels(bare, CURVE)).any()
    bare.close()


def test_a_given_agent_goes_on(tmp_path):
    PPO.for_many_arms(10, 2, seed=5).save(tmp_path / "arm")
    agent = PPO.load(tmp_path / "arm")
    panel = PPOPanel(agent, n_arms=16)
    panel.step(1)
    assert panel.agent is agent and agent.steps_taken > 0
    panel.close()


def test_a_given_agent_keeps_its_settings_unless_others_are_asked_for():
    agent = PPO.for_many_arms(10, 2, gamma=0.987, lr=3.3e-4, entropy_coef=0.0123)
    panel = PPOPanel(agent, n_arms=16, clip_epsilon=0.1)
    assert (panel.gamma, panel.lr, panel.clip_epsilon) == (0.987, 3.3e-4, 0.1)
    panel.step(1)
    assert (agent.gamma, agent.lr, agent.entropy_coef, agent.clip_epsilon) == (0.987, 3.3e-4, 0.0123, 0.1)
    panel.gamma = 0.9
    panel.step(1)
    assert agent.gamma == 0.9
    panel.close()
