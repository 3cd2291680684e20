"""DrivePanel: what every key pays, where it slips, and how an episode ends."""

import numpy as np
import pytest

from rlbook.envs.grid_world import GridWorld
from rlbook.plots.grids import cell_at
from rlbook.plots.svg import picture_size
from rlbook.widgets import DrivePanel


def test_a_drive_by_hand():
    panel = DrivePanel()
    for key in ("ArrowRight", "ArrowDown", "ArrowRight"):
        panel.key(key)
    assert panel.figure() and panel.status.endswith("Steps: 3. Return so far, the sum of the rewards: \u22125.2.")
    assert panel.steps == (
        "1. right: to (0, 1), reward \u22120.1<br>2. down: to (0, 1), reward \u22125<br>"  # the obstacle
        "3. right: to (0, 2), reward \u22120.1"
    )
    panel.key("ArrowRight")
    panel.key("ArrowLeft")  # after the end nothing moves
    panel.figure()
    assert "Steps: 4. Return so far, the sum of the rewards: 4.8. The episode is over: the goal." in panel.status
    panel.key("Enter")
    assert panel.path == () and panel._env.unwrapped.state == 0


def test_slips_are_told_and_the_same_seed_gives_the_same_drive():
    keys = ["ArrowDown", "ArrowUp"] * 20
    panels = [DrivePanel(slip=0.5, seed=seed) for seed in (1, 1, 2)]
    for panel in panels:
        for key in keys:
            panel.key(key)
    assert panels[0].path == panels[1].path != panels[2].path
    (row, column), slips = (0, 0), 0
    for step in panels[0].path:
        down = 1 if step.action == "down" else -1
        aimed = (min(max(row + down, 0), 3), column)
        aimed = (row, column) if aimed == (1, 1) else aimed
        assert step.slipped == (step.cell != aimed)
        (row, column), slips = step.cell, slips + step.slipped
    assert slips > 3
    panels[0].figure()
    assert "slipped to" in panels[0].steps
    panels[0].reset()
    panels[0].slip = 0.0  # in the middle of an episode too
    for key in keys:
        panels[0].key(key)
    assert not any(step.slipped for step in panels[0].path)


def test_the_clock_ends_an_episode():
    panel = DrivePanel(GridWorld(max_steps=3))
    for _ in range(5):
        panel.drive("up")
    panel.figure()
    assert [step.ending for step in panel.path] == ["", "", "time is up"] and "time is up" in panel.status


def test_a_click_drives_to_that_side():
    panel = DrivePanel()
    width, _ = picture_size(panel.figure())
    pixels = {cell_at((4, 4), width, x, y): (x, y) for x in range(24, width, 20) for y in range(54, 390, 20)}
    for cell in [(0, 0), (3, 1), (3, 0), (2, 3), (2, 0)]:  # on the robot itself, below twice, to the right, back
        panel.point("down", *pixels[cell])
        panel.point("move", *pixels[2, 2])
        panel.point("up", *pixels[2, 2])
    assert [step.action for step in panel.path] == ["down", "down", "right", "left"] and panel.wait(10)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="the action is 'north'; accepted are up, right, down, left"):
        DrivePanel().drive("north")
    assert np.isclose(DrivePanel(GridWorld(slip=0.3)).slip, 0.3)
