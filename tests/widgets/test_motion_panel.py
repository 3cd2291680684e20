"""MotionPanel: scrubbing and playing a recorded motion."""

import time

import numpy as np
import pytest

from rlbook.envs.arm.controllers import PDController
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.envs.arm.recording import record_episodes
from rlbook.widgets import MotionPanel


@pytest.fixture(scope="module")
def recording():
    env = ReachVectorEnv(4, max_steps=40)
    return record_episodes(env, PDController(env, 20.0, 2.0), seed=0)


def test_it_begins_with_the_whole_motion(recording):
    panel = MotionPanel(recording)
    picture = panel.figure()
    assert panel.time_step == recording.lengths[0] and picture.startswith(b"\x89PNG")
    assert f"Step {panel.time_step} of {panel.time_step}" in panel.status
    assert f"{recording.distance[panel.time_step, 0]:.3f} m" in panel.status
    assert f"{recording.returns[0]:.2f}" in panel.status
    assert repr(panel) == f"MotionPanel(arm=0, time_step={panel.time_step})"


def test_a_return_below_zero_has_a_minus_sign_as_on_the_axes():
    env = ReachVectorEnv(4, max_steps=40)
    still = record_episodes(env, lambda observations: np.zeros((4, 2)), seed=0)
    missed = MotionPanel(still, arm=int(still.returns.argmin()))
    missed.figure()
    assert still.returns.min() < 0 and f"is \u2212{-still.returns.min():.2f}." in missed.status


def test_every_value_changes_the_picture(recording):
    panel = MotionPanel(recording)
    pictures = [panel.figure()]
    panel.time_step = 3
    pictures.append(panel.figure())
    panel.arm = 2
    assert panel.time_step == 0
    pictures.append(panel.figure())
    assert len(set(pictures)) == 3
    panel.arm, panel.time_step = 0, 3
    assert panel.figure() == pictures[1]


def test_the_scrubber_is_as_long_as_the_episode(recording):
    panel = MotionPanel(recording, arm=1, time_step=2)
    panel.time_step = int(recording.lengths[1])
    with pytest.raises(ValueError, match=r"time_step must be a whole number from 0 to \d+, got 1000"):
        panel.time_step = 1000
    with pytest.raises(ValueError, match="arm must be a whole number from 0 to 3, got 9"):
        panel.arm = 9


def test_play_runs_to_the_end_and_begins_again(recording, shown):
    panel = MotionPanel(recording, time_step=0)
    panel.widget  # noqa: B018  built on first use
    before = shown(panel)
    panel.play()
    deadline = time.monotonic() + 20
    while panel.playing and time.monotonic() < deadline:
        time.sleep(0.02)
    assert panel.wait(10) and not panel.playing
    assert panel.time_step == recording.lengths[0] and shown(panel) != before
    panel.play()
    panel.pause()
    assert panel.wait(10) and panel.time_step < recording.lengths[0]
    panel.reset()
    assert panel.wait(10) and panel.time_step == 0
    panel.close()


def test_dragging_redraws_and_the_last_event_wins(recording, slide, shown):
    panel = MotionPanel(recording)
    end = int(recording.lengths[0])
    panel.widget  # noqa: B018  built on first use
    drawn = panel.n_draws
    for i in range(200):
        slide(panel, "time_step", i % end)
    slide(panel, "time_step", 2)
    assert panel.wait(20)
    assert panel.n_draws - drawn < 150
    expected = MotionPanel(recording, time_step=2)
    assert shown(panel) == expected._drawn_now()
    panel.close()


def test_one_episode_needs_no_choice_of_episode():
    env = ReachVectorEnv(1, max_steps=5)
    panel = MotionPanel(record_episodes(env, PDController(env, 20.0, 2.0)))
    assert repr(panel).startswith("MotionPanel(time_step=")
    with pytest.raises(ValueError, match="arm cannot be changed here"):
        panel.arm = 0
