"""GammaPanel: the numbers it shows, its scrubber, and worlds of every kind."""

import gymnasium as gym
import numpy as np
import pytest

from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import TabularMDP, value_iteration
from rlbook.widgets import GammaPanel


def test_it_begins_with_the_solved_world():
    panel = GammaPanel()
    assert repr(panel) == "GammaPanel(gamma=0.99, slip=0.0, step_reward=-0.1, sweep=6)"
    V = value_iteration(GridWorld().mdp(0.99)).V
    assert np.allclose(panel._iterates[panel.sweep], V, atol=0.005)
    assert f">{V[0]:.2f}<" in panel.figure()
    assert "settled" in panel.status


@pytest.mark.parametrize("name, value", [("gamma", 0.5), ("slip", 0.3), ("step_reward", -1.0), ("sweep", 2)])
def test_every_value_changes_the_picture(name, value):
    panel = GammaPanel()
    before = panel.figure()
    setattr(panel, name, value)
    assert panel.figure() != before


def test_gamma_by_hand():
    panel = GammaPanel(gamma=0.5)
    # two steps from the goal: -0.1 + 0.5 * 10; three steps: -0.1 + 0.5 * 4.9
    assert ">4.90<" in panel.figure() and ">2.35<" in panel.figure()


def test_the_scrubber_shows_the_sweep_and_sweep_zero_is_all_zero():
    panel = GammaPanel(sweep=0)
    assert ">0.00<" in panel.figure() and ">9.80<" not in panel.figure()
    panel.sweep = 2
    assert ">9.80<" in panel.figure() and "not settled yet" in panel.status


def test_the_scrubber_follows_the_end_and_stays_in_the_middle():
    panel = GammaPanel()
    panel.slip = 0.3
    panel.figure()
    assert panel.sweep == panel._last > 6
    panel.sweep = 4
    panel.gamma = 0.9
    panel.figure()
    assert panel.sweep == 4


def test_limits_are_current_without_drawing():
    panel = GammaPanel()
    panel.slip = 0.3
    panel.sweep = 12  # more than the six sweeps that firm ground takes
    assert panel.sweep == 12
    with pytest.raises(ValueError, match=r"sweep must be a whole number from 0 to \d+, got 5000"):
        panel.sweep = 5000


def test_play_runs_through_the_sweeps():
    panel = GammaPanel()
    panel.speed = 1000
    panel.play()
    assert panel.wait(10) and panel.sweep == 6 and not panel.playing
    panel.reset()
    assert panel.sweep == 6


def test_reset_restores_a_changed_panel():
    panel = GammaPanel(gamma=0.9, sweep=3)
    first, text = panel.figure(), repr(panel)
    panel.gamma, panel.slip, panel.step_reward = 0.3, 0.5, 0.5
    panel.sweep = 1
    panel.figure()
    panel.reset()
    assert repr(panel) == text and panel.figure() == first


def test_200_rapid_events_are_merged_and_the_last_one_wins(slide, shown):
    panel = GammaPanel(GridWorld(10, slip=0.2))
    panel.widget  # noqa: B018
    drawn = panel.n_draws
    for k in range(200):
        slide(panel, "gamma", k % 100 / 100)
    assert panel.wait(20)
    assert 1 <= panel.n_draws - drawn < 150
    assert panel.gamma == 0.99 and shown(panel)[0] == panel.figure()


def test_worlds_that_cannot_be_rebuilt_have_no_such_sliders():
    lake = gym.make("FrozenLake-v1", is_slippery=True)
    panel = GammaPanel(lake)
    assert repr(panel).startswith("GammaPanel(gamma=0.99, sweep=")
    V = value_iteration(TabularMDP.from_gym(lake, 0.99)).V
    assert f">{V[0]:.2f}<" in panel.figure()
    with pytest.raises(ValueError, match="slip cannot be changed here"):
        panel.slip = 0.1
    model = GridWorld().mdp(0.8)
    assert GammaPanel(model).gamma == 0.8


def test_a_world_that_never_settles_says_so():
    panel = GammaPanel(step_reward=0.5, gamma=1.0)
    panel.figure()
    assert "1000 sweeps" in panel.figure() and "NOT settled" in panel.figure()
    assert "the values still change; without discount they may never settle" in panel.status
    panel.gamma = 0.9
    assert "NOT settled" not in panel.figure() and panel.status.endswith(": settled.")
    panel.sweep = 1
    assert "NOT settled" not in panel.figure() and "not settled yet" in panel.status


def test_a_grid_world_gives_its_model_itself(monkeypatch):
    """The toy-text form is for other worlds: it takes dictionaries of every transition."""

    def refuse(*_):
        raise AssertionError("the toy-text form was asked for")

    monkeypatch.setattr(GridWorld, "P", property(refuse))
    panel = GammaPanel(gym.wrappers.OrderEnforcing(GridWorld(20)))
    panel.slip = 0.2
    assert panel.figure() and panel.gamma == 0.99


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"gamma must be a number from 0 to 1, got 1\.2"):
        GammaPanel().gamma = 1.2
    with pytest.raises(ValueError, match="rows and columns"):
        GammaPanel(gym.make("Taxi-v4"))
    with pytest.raises(ValueError, match="sweep must be a whole number from 0 to 6, got 99"):
        GammaPanel(sweep=99)


def test_a_model_made_from_a_grid_world_can_still_be_rebuilt():
    panel = GammaPanel(GridWorld(slip=0.1).mdp(gamma=0.9))
    assert (panel.gamma, panel.slip) == (0.9, 0.1)
    before = panel.figure()
    panel.slip = 0.5
    assert panel.figure() != before
    assert panel.figure() == GammaPanel(GridWorld(slip=0.5), gamma=0.9, sweep=panel.sweep).figure()
