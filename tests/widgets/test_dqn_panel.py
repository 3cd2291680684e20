"""DQNPanel without a browser: its values, its pictures, its switches and a student's own targets."""

import io
import re
import time

import numpy as np
import pytest
from PIL import Image

from rlbook.returns import greedy_value, td_target
from rlbook.widgets import DQNPanel


@pytest.fixture
def panel():
    panel = DQNPanel(n_arms=4, seed=1)
    yield panel
    panel.close()


def maps(panel):
    """The pixels left of the curve: the two maps."""
    return np.asarray(Image.open(io.BytesIO(panel.figure())))[:, :732]


def test_the_first_picture_is_there_before_anything_is_learned(panel):
    picture = Image.open(io.BytesIO(panel.figure()))
    assert picture.size == (358 + 358 + 332 + 2 * 16, 310)
    assert panel.status == "Nothing learned yet. Press Play."


def test_learning_changes_maps_and_curve(panel):
    before = np.asarray(Image.open(io.BytesIO(panel.figure())))
    panel.step(220)
    after = np.asarray(Image.open(io.BytesIO(panel.figure())))
    assert panel.status.startswith("880 steps, ") and "episodes. Return of the last" in panel.status
    assert re.search(r": \u2212\d+\.\d\d on average", panel.status)  # a minus sign, as on the axes beside it
    for columns in (slice(0, 358), slice(374, 732), slice(748, None)):
        assert (before[:, columns] != after[:, columns]).any()
    assert panel.epsilon_now < panel.epsilon == 1


def test_the_target_of_the_maps_can_be_moved(panel):
    before = maps(panel)
    panel.target_angle = -120
    assert (maps(panel) != before).any()


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
    assert agent.n_updates - updates == pytest.approx((400 - agent.batch_size) / 4, abs=2)  # it goes on learning


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
