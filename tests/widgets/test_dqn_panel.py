"""DQNPanel without a browser: its values, its pictures, its switches and a student's own targets."""

import io
import re
import time

import numpy as np
import pytest
from PIL import Image

from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.physics import tip_position
from rlbook.returns import greedy_value, td_target
from rlbook.widgets import DQNPanel


@pytest.fixture
def panel():
    panel = DQNPanel(n_arms=4, seed=1)
    yield panel
    panel.close()


def pictures(panel):
    """Arm, map of values, map of torques, curve: their pixels."""
    return [np.asarray(Image.open(io.BytesIO(picture))) for picture in panel._drawn_now()]


def test_the_first_picture_is_there_before_anything_is_learned(panel):
    assert [picture.shape[:2] for picture in pictures(panel)] == [(278, 278), (250, 278), (250, 278), (250, 278)]
    assert panel.status == "Nothing learned yet. Press Play."


def test_learning_changes_maps_and_curve(panel):
    before = pictures(panel)
    panel.step(220)
    after = pictures(panel)
    assert panel.status.startswith("880 steps, ") and "episodes. Return of the last" in panel.status
    assert re.search(r": \u2212\d+\.\d\d on average", panel.status)  # a minus sign, as on the axes beside it
    assert all((one != other).any() for one, other in zip(before, after, strict=True))
    assert panel.epsilon_now < panel.epsilon == 1


def test_the_target_can_be_dragged_and_the_arm_follows_the_policy(panel):
    before = pictures(panel)
    panel.point("down", 100, 100)
    panel.point("move", 150.0, 60.0)
    panel.point("up", 10.0, 10.0)
    target = np.array(panel._arm.position(150.0, 60.0))
    assert np.allclose([panel.target_x, panel.target_z], target, atol=1e-3)
    assert all((one != other).any() for one, other in zip(before[:3], pictures(panel)[:3], strict=True))
    panel.key("ArrowLeft")
    assert panel.target_x == pytest.approx(target[0] - 0.05, abs=1e-3)
    panel._agent.select_action = lambda seen, training: np.array([8])  # both motors forwards
    arm = pictures(panel)[0]
    for _ in range(5):
        panel._arm.follow(lambda seen: np.array([8]), target)
    assert (pictures(panel)[0] != arm).any()


def test_a_target_out_of_reach_goes_to_the_nearest_place_within(panel):
    panel.move_target(3.0, 4.0)
    assert (panel.target_x, panel.target_z) == pytest.approx((0.57, 0.76))
    panel.move_target(0.0, 0.0)
    assert (panel.target_x, panel.target_z) == (0.2, 0.0)


def test_the_stars_are_where_the_arm_touches_its_target(panel):
    for target in ([0.5, 0.5], [-0.3, 0.1], [0.0, -0.94]):
        poses = panel._arm.touching(np.array(target))
        assert np.allclose(tip_position(poses, PhysicsParams(link_length=0.5)), target, atol=1e-3)
        assert poses[0, 1] > 0 > poses[1, 1]


def test_a_kept_run_stays_behind_the_next_one(panel):
    panel.step(220)
    panel.keep_run()
    (kept,), values = panel._kept.values(), panel.episodes()
    panel.reset()
    assert len(panel.episodes()) == 0 < len(values) == len(kept[1])
    empty = DQNPanel(n_arms=4, seed=1)
    assert (pictures(panel)[3] != pictures(empty)[3]).any()


def test_every_switch_reaches_the_learner(panel):
    panel.set(target_network=False, double=False, clipping=False, gamma=0.5, learning_rate=0.01, epsilon=0.3)
    panel.step(1)
    agent = panel._agent
    assert (agent.target_update_freq, agent.double, agent.max_grad_norm) == (1, False, None)
    assert (agent.gamma, agent.learning_rate, agent.epsilon) == (0.5, 0.01, 0.3)
    panel.step(200)
    assert len(agent.buffer) == 804
    panel.replay = False
    updates = agent.n_updates
    panel.step(100)
    assert agent.buffer.capacity == len(agent.buffer) == agent.batch_size
    assert agent.n_updates - updates == pytest.approx(400 / 4, abs=1)  # it goes on learning


def test_epsilon_can_be_dragged_below_its_floor_and_stays(panel):
    panel.epsilon = 0.0
    panel.step(150)
    assert panel.epsilon == panel.epsilon_now == panel._agent.epsilon == 0.0


def test_epsilon_set_in_the_middle_of_learning_stays(panel):
    begun, stepping = [], panel._learning

    def interrupted():
        for log in stepping:
            begun.append(1)
            if len(begun) == 100:
                panel.epsilon = 0.0
            yield log

    panel._learning = interrupted()
    panel.step(220)  # episodes end at 200
    assert panel.epsilon == panel.epsilon_now == panel._agent.epsilon == 0.0


def test_reset_starts_the_same_run_again(panel):
    panel.step(160)
    first = panel._agent.action_values(np.zeros(10))
    panel.gamma = 0.2
    panel.reset()
    assert panel.gamma == 0.95 and panel._agent.n_updates == 0
    panel._envs.reset(seed=0)
    panel.step(160)
    assert np.array_equal(panel._agent.action_values(np.zeros(10)), first)


def test_a_rule_of_ones_own_is_used_and_its_errors_show():
    calls = []

    def rule(reward, next_q_online, next_q_target, terminated, gamma):
        calls.append(reward.shape)
        return td_target(reward, greedy_value(next_q_target), terminated, gamma)

    panel = DQNPanel(target_rule=rule, n_arms=16)
    panel.step(40)
    assert set(calls) == {(64,)}
    with pytest.raises(ValueError, match="double cannot be changed here"):
        panel.double = False

    def broken(reward, *others):
        if calls is not None:
            raise ZeroDivisionError("my own mistake")
        return reward

    panel = DQNPanel(target_rule=broken, n_arms=16)
    panel.widget  # noqa: B018  opens the shell
    panel.play()
    deadline = time.monotonic() + 60
    while panel.error is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert panel.wait(30)
    assert not panel.playing and "my own mistake" in panel.status
    calls = None  # repaired
    panel.step(2)
    assert panel.error is None and panel._agent.n_updates > 0
    panel.close()


def test_playing_learns_in_the_background_and_pauses(panel):
    panel.widget  # noqa: B018  opens the shell
    panel.play()
    deadline = time.monotonic() + 60
    while (panel._log is None or panel._log.total_steps < 40) and time.monotonic() < deadline:
        time.sleep(0.05)
    begun = time.monotonic()
    panel.gamma = 0.5  # this thread goes on while the other learns
    assert time.monotonic() - begun < 1
    panel.pause()
    assert panel.wait(30)
    n_steps = panel._log.total_steps
    time.sleep(0.2)
    assert n_steps >= 40 and panel._log.total_steps == n_steps


def test_bad_input():
    with pytest.raises(ValueError, match="target_rule is 3; accepted is a function"):
        DQNPanel(target_rule=3)
    with pytest.raises(ValueError, match="gamma must be a number from 0 to 1"):
        DQNPanel(gamma=2)
