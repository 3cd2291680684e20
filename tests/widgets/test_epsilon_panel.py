"""EpsilonPanel: the learner behind it is QLearning, whatever is dragged meanwhile."""

import threading
import time

import numpy as np
import pytest

from rlbook.envs.grid_world import GridWorld
from rlbook.returns import td_error
from rlbook.widgets import EpsilonPanel


def own_update(q, reward, next_q, terminated, alpha, gamma):
    return q + alpha * td_error(q, reward, next_q.max(axis=1), terminated, gamma)


def table(panel):
    return panel._agent.action_values()


def total(panel):
    """Steps in all."""
    return sum(panel._env.lengths) + panel._env.n_steps


@pytest.mark.parametrize("algorithm", ["Q-learning", "Double Q"])
def test_same_seed_same_run_however_it_is_cut_into_steps(algorithm):
    one, other = EpsilonPanel(algorithm=algorithm, seed=3), EpsilonPanel(algorithm=algorithm, seed=3)
    one.step(600)
    for n in (1, 99, 250, 250):
        other.step(n)
    assert (table(one) == table(other)).all() and one.figure() == other.figure() and one.status == other.status
    another = EpsilonPanel(algorithm=algorithm, seed=4)
    another.step(600)
    assert (table(another) != table(one)).any()


def test_playing_gives_the_same_run_as_stepping():
    played = EpsilonPanel(speed=2000)
    played.widget  # noqa: B018
    played.play()
    time.sleep(0.5)
    played.pause()
    assert played.wait(5) and total(played) > 20
    stepped = EpsilonPanel(speed=2000)
    stepped.step(total(played))
    assert (table(played) == table(stepped)).all() and played.epsilon_now == stepped.epsilon_now


def test_it_learns_the_shortest_path():
    panel = EpsilonPanel()
    panel.step(12_000)
    panel.figure()
    assert np.mean(panel._env.lengths[-20:]) < 4  # three steps, and a little exploration
    assert panel.epsilon_now < 0.1 and panel.epsilon == 1.0
    assert panel._agent.get_policy()[:3].tolist() == [1, 1, 1]  # right along the top row


def test_a_students_own_rule_drives_it():
    built_in, own = EpsilonPanel(), EpsilonPanel(update=own_update)
    built_in.step(500)
    own.step(500)
    assert np.allclose(table(built_in), table(own)) and table(own).any()
    lazy = EpsilonPanel(update=lambda q, *rest: q)
    lazy.step(500)
    assert not table(lazy).any()
    assert "algorithm" not in repr(own)


def test_an_error_in_the_students_rule_pauses_and_is_shown():
    def broken_update(q, reward, next_q, terminated, alpha, gamma):
        raise ZeroDivisionError("no alpha")

    panel = EpsilonPanel(update=broken_update)
    panel.widget  # noqa: B018
    panel.press("play")
    assert panel.wait(5) and not panel.playing
    assert panel.status.startswith("Paused. ZeroDivisionError: no alpha (in broken_update, line ")
    assert panel.status[:40] in panel._shell._status.value


@pytest.mark.parametrize(
    "name, value",
    [("epsilon", 0.0), ("epsilon_decay", 0.9), ("learning_rate", 0.9), ("gamma", 0.2), ("algorithm", "Double Q")],
)
def test_every_value_changes_what_is_learned(name, value):
    usual, changed = EpsilonPanel(), EpsilonPanel()
    setattr(changed, name, value)
    usual.step(400)
    changed.step(400)
    assert (table(usual) != table(changed)).any() and usual.figure() != changed.figure()


def test_epsilon_shrinks_after_each_episode_and_can_be_dragged(slide):
    panel = EpsilonPanel(epsilon_decay=0.9)
    while len(panel._env.lengths) < 3:
        panel.step()
    assert panel.epsilon_now == panel._agent.epsilon == pytest.approx(0.9**3) and panel.epsilon == 1.0
    slide(panel, "epsilon", 0.5)
    panel.step()
    assert panel._agent.epsilon == panel.epsilon_now == 0.5
    panel.epsilon_decay = 0.95
    panel.step(500)
    assert panel.epsilon_now < 0.5
    panel.epsilon = 0.5  # again: the chance that has shrunk meanwhile is 0.5 once more
    panel.figure()
    assert panel.epsilon_now == 0.5 and "0.500" in panel._shell._inputs["epsilon_now"].value
    assert panel.wait(5)
    with pytest.raises(ValueError, match="epsilon_now only shows what is"):
        panel.epsilon_now = 0.3


def test_epsilon_set_in_the_middle_of_playing_stays(slide):
    """At any moment of a run of steps, from the page's thread, and also by a page that reports late."""
    panel = EpsilonPanel(epsilon_decay=0.99)
    panel.widget  # noqa: B018
    learning, taken = panel._learning, []

    def interrupted():
        for log in learning:
            taken.append(1)
            if len(taken) == 20:
                event = threading.Thread(target=slide, args=(panel, "epsilon", 0.0))
                event.start()
                event.join()
            yield log

    panel._learning = interrupted()
    panel.step(400)
    assert panel.epsilon == 0.0 and panel._shell._inputs["epsilon"].value == 0.0
    panel.step(1)
    assert panel._agent.epsilon == panel.epsilon_now == 0.0
    assert panel.wait(5)


def test_nothing_is_lost_however_events_and_steps_meet(slide):
    panel = EpsilonPanel(epsilon_decay=0.97, speed=10_000)
    panel.widget  # noqa: B018
    panel.play()
    for _ in range(60):
        slide(panel, "epsilon", 0.9)
        time.sleep(0.01)
        slide(panel, "epsilon", 0.0)
        time.sleep(0.01)
        assert panel.epsilon == panel._shell._inputs["epsilon"].value == 0.0
    panel.pause()
    assert panel.wait(5) and panel._agent.epsilon == panel.epsilon_now == 0.0


def paid():
    """The world with a reward of 5 in (2, 2)."""
    return GridWorld(cell_rewards={(2, 2): 5.0})


def test_a_changed_reward_changes_the_world_and_the_picture():
    panel = EpsilonPanel()
    before = panel.figure()
    panel.world = paid()
    assert panel.figure() != before and ">+5<" in panel.figure()
    assert panel._env.unwrapped.cell_rewards == {(2, 2): 5.0}
    panel.step(3000)
    assert table(panel)[panel.world.to_state((1, 2)), 2] > 4  # moving down into it


def test_an_edit_leaves_robot_clock_and_table_alone():
    panel = EpsilonPanel()
    panel.step(30)
    position, steps, learned = panel._env.unwrapped.state, panel._env.n_steps, table(panel).copy()
    panel.world = paid()
    panel.figure()
    assert (panel._env.unwrapped.state, panel._env.n_steps) == (position, steps) and (table(panel) == learned).all()


def test_another_algorithm_learns_in_the_same_world():
    panel = EpsilonPanel()
    panel.world = paid()
    panel.step(50)
    panel.algorithm = "Double Q"
    panel.figure()
    assert panel._env.unwrapped.cell_rewards == {(2, 2): 5.0}
    assert not table(panel).any() and total(panel) == 0
    panel.reset()
    assert panel._env.unwrapped.cell_rewards == {}


def test_a_reward_is_stored_as_the_slider_says_it(slide):
    panel = EpsilonPanel()
    slide(panel, "reward", 3.0)
    slide(panel, "reward", -0.1999999999999993)  # how a page counts 98 steps of 0.1 from -10
    assert panel.reward == -0.2
    slide(panel, "reward", 1.8e-15)
    assert repr(panel.reward) == "0.0"
    assert panel.wait(5)


def test_episodes_end_at_the_time_limit():
    panel = EpsilonPanel(GridWorld(max_steps=7), epsilon_decay=1.0)
    panel.step(70)
    assert max(panel._env.lengths) == 7


def test_reset_starts_the_same_run_again():
    panel = EpsilonPanel()
    panel.step(300)
    learned = table(panel).copy()
    panel.world, panel.gamma = paid(), 0.5
    panel.step(50)
    panel.reset()
    assert not table(panel).any() and panel.epsilon == 1.0 and panel._env.unwrapped.cell_rewards == {}
    panel.step(300)
    assert (table(panel) == learned).all()


def test_200_rapid_events_are_merged_and_the_last_one_wins(slide):
    panel = EpsilonPanel()
    panel.widget  # noqa: B018
    drawn = panel.n_draws
    for k in range(200):
        slide(panel, "gamma", round(k / 200, 3))
    assert panel.wait(20)
    assert 1 <= panel.n_draws - drawn < 150 and panel._agent.gamma == 0.995


def test_the_curve_is_up_to_date_after_pausing(shown):
    panel = EpsilonPanel(speed=5000)
    panel.widget  # noqa: B018
    panel.play()
    deadline = time.monotonic() + 20
    while len(panel._env.lengths) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    panel.pause()
    assert panel.wait(5) and panel._episodes_drawn == len(panel._env.lengths) >= 5
    assert shown(panel)[1] == panel._curve_png


def test_a_world_with_a_walled_off_cell_works():
    panel = EpsilonPanel(GridWorld.from_text(["S..G", "...X", "..X."]))
    panel.step(50)
    assert panel.figure()


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="accepts a GridWorld"):
        EpsilonPanel(GridWorld().mdp())
    with pytest.raises(ValueError, match="update is 3"):
        EpsilonPanel(update=3)
    with pytest.raises(ValueError, match=r"epsilon must be a number from 0 to 1, got -0\.1"):
        EpsilonPanel(epsilon=-0.1)
    with pytest.raises(ValueError, match=r"world must be a GridWorld, got 'S\.G'"):
        EpsilonPanel().world = "S.G"
