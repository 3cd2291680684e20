"""The record of a training run, seeds, and what is saved."""

import json

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from probes import Counting
from safetensors.numpy import save_file

from rlbook.learning.history import EpisodeLog, History, progress_bar
from rlbook.learning.saving import load_arrays, save_arrays, spawn_seeds
from rlbook.learning.stepping import TrueSteps, evaluate


class TestEpisodeLog:
    def test_two_agents_by_hand(self):
        log, both = EpisodeLog(2), np.ones(2, bool)
        assert log.record(np.array([1.0, 10.0]), np.array([False, True]), both).tolist() == [1]
        assert log.record(np.array([2.0, 20.0]), np.array([True, False]), both).tolist() == [0]
        assert log.record(np.array([3.0, 30.0]), np.array([False, True]), both).tolist() == [1]
        history = log.history()
        np.testing.assert_array_equal(history.returns, [[3, np.nan], [10, 50]])
        np.testing.assert_array_equal(history.lengths, [[2, np.nan], [1, 2]])
        np.testing.assert_array_equal(history.end_steps, [[2, np.nan], [1, 3]])
        assert log.n_steps.tolist() == [3, 3] and log.total_steps == 6 and log.n_episodes.tolist() == [1, 2]

    def test_only_the_first_episodes_are_kept(self):
        log = EpisodeLog(2)
        for reward in range(4):
            log.record(np.array([reward, 10 * reward]), np.array([True, reward == 3]), np.ones(2, bool))
        np.testing.assert_array_equal(log.history(2).returns, [[0, 1], [60, np.nan]])

    def test_several_environments_of_one_agent(self):
        log = EpisodeLog(1, n_envs=3)
        log.record(np.array([1.0, 2.0, 3.0]), np.array([False, True, True]), np.ones(3, bool))
        log.record(np.array([10.0, 20.0, 30.0]), np.array([True, False, False]), np.ones(3, bool))
        history = log.history()
        np.testing.assert_array_equal(history.returns, [[2, 3, 11]])
        np.testing.assert_array_equal(history.end_steps, [[3, 3, 6]])  # three environment steps at a time

    def test_many_episodes_take_little_room_and_all_are_there(self, monkeypatch):
        monkeypatch.setattr(EpisodeLog, "PENDING", 32)
        log = EpisodeLog(2)
        for step in range(1, 101):
            log.record(np.array([step, -step]), np.array([True, step % 2 == 0]), np.ones(2, bool))
            assert len(log._pending) < 32
            assert log.n_episodes.sum() < 20 or np.isfinite(log.recent_return)
        history = log.history()
        np.testing.assert_array_equal(history.returns[0], np.arange(1, 101))
        np.testing.assert_array_equal(history.returns[1, :50], -np.arange(3, 200, 4))
        np.testing.assert_array_equal(history.end_steps[1, :50], np.arange(2, 101, 2))
        assert np.isnan(history.returns[1, 50:]).all()
        last = np.concatenate([[step, *([1 - 2 * step] * (step % 2 == 0))] for step in range(1, 101)])[-20:]
        assert log.recent_return == pytest.approx(last.mean())

    def test_nothing_finished(self):
        log = EpisodeLog(3)
        log.record(np.ones(3), np.zeros(3, bool), np.ones(3, bool))
        history = log.history(5, interrupted=True)
        assert history.returns.shape == history.end_steps.shape == (3, 0)
        assert repr(history) == "History(3 agents, 0 episodes, interrupted)"

    def test_history_names_its_metrics(self):
        history = EpisodeLog(1).history(metrics={"loss": np.ones(3)})
        assert isinstance(history, History) and history.metrics["loss"].shape == (3,)
        assert EpisodeLog(1).history().metrics == {}

    def test_a_step_that_only_resets_is_none_of_the_episode(self):
        log = EpisodeLog(1, n_envs=2)
        log.record(np.array([5.0, 1.0]), np.array([True, False]), np.ones(2, bool))
        log.record(np.array([0.0, 1.0]), np.array([False, True]), real=np.array([False, True]))
        log.record(np.array([7.0, 0.0]), np.array([True, False]), real=np.array([True, False]))
        np.testing.assert_array_equal(log.history().lengths, [[1, 2, 1]])
        assert log.total_steps == 4 and log.recent_return == pytest.approx((5 + 2 + 7) / 3)


@pytest.mark.parametrize("mode", [AutoresetMode.DISABLED, AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
class TestEveryAutoresetMode:
    """Episodes of 1, 2 and 5 steps: Counting observes (episode, step) and pays the number of the step."""

    @staticmethod
    def vector(mode, terminates=True):
        return SyncVectorEnv([lambda n=n: Counting(n, terminates) for n in (1, 2, 5)], autoreset_mode=mode)

    def test_true_steps(self, mode):
        steps = TrueSteps(self.vector(mode), seed=0)
        n_real = np.zeros(3)
        for _ in range(20):
            state = np.array(steps.state)
            next_state, reward, terminated, _, real = steps.step(np.zeros(3, int))
            np.testing.assert_array_equal((next_state - state)[real], np.tile([0, 1], (real.sum(), 1)))
            np.testing.assert_array_equal(terminated[real], (next_state[:, 1] == [1, 2, 5])[real])
            np.testing.assert_array_equal(reward[real], next_state[real, 1])
            n_real += real
        assert (n_real == ([10, 14, 17] if mode is AutoresetMode.NEXT_STEP else [20, 20, 20])).all()

    def test_an_environment_that_reuses_its_memory(self, mode):
        envs = SyncVectorEnv([lambda n=n: Counting(n) for n in (1, 2, 5)], autoreset_mode=mode, copy=False)
        steps = TrueSteps(envs, seed=0)
        for _ in range(20):
            state = steps.state
            next_state, *_, real = steps.step(np.zeros(3, int))
            np.testing.assert_array_equal((next_state - state)[real], np.tile([0, 1], (real.sum(), 1)))

    def test_evaluation_counts_long_episodes_as_often_as_short_ones(self, mode):
        result = evaluate(lambda states: np.zeros(len(states), int), self.vector(mode), 6, gamma=0.5)
        np.testing.assert_array_equal(result.lengths, [1, 1, 2, 2, 5, 5])
        np.testing.assert_array_equal(result.returns, [1, 1, 3, 3, 15, 15])
        five = 1 + 2 / 2 + 3 / 4 + 4 / 8 + 5 / 16
        np.testing.assert_allclose(result.discounted_returns, [1, 1, 2, 2, five, five])
        np.testing.assert_array_equal(result.first_states, [[1, 0], [2, 0]] * 3)
        assert result.terminated.all()
        clock = evaluate(lambda states: np.zeros(len(states), int), self.vector(mode, terminates=False), 3)
        assert not clock.terminated.any() and len(clock.returns) == 3


class TestSeeds:
    def test_they_are_reproducible_and_distinct(self):
        assert spawn_seeds(1, 5) == spawn_seeds(1, 5)
        assert len(set(spawn_seeds(1, 100) + spawn_seeds(2, 100))) == 200

    def test_more_seeds_leave_the_first_ones(self):
        assert spawn_seeds(7, 10)[:3] == spawn_seeds(7, 3)


def test_progress_bar_counts_and_can_be_silent(capsys):
    with progress_bar(10, "step") as bar:
        bar.update(4)
        assert bar.n == 4
    assert "step" in capsys.readouterr().err
    with progress_bar(10, "step", show=False) as bar:
        bar.update(4)
    assert capsys.readouterr().err == ""


class TestFiles:
    arrays = {"Q": np.arange(6.0).reshape(2, 3), "epsilon": np.array([0.5])}  # noqa: RUF012

    def test_round_trip(self, tmp_path):
        path = tmp_path / "agent.safetensors"
        save_arrays(path, "Kind", self.arrays, {"gamma": 0.9, "hidden": [4, 4]})
        arrays, config = load_arrays(path, "Kind")
        assert config == {"gamma": 0.9, "hidden": [4, 4]} and set(arrays) == {"Q", "epsilon"}
        for name, array in self.arrays.items():
            np.testing.assert_array_equal(arrays[name], array)

    def test_a_transposed_array_survives(self, tmp_path):
        save_arrays(tmp_path / "a", "Kind", {"Q": self.arrays["Q"].T}, {})
        np.testing.assert_array_equal(load_arrays(tmp_path / "a", "Kind")[0]["Q"], self.arrays["Q"].T)

    def test_no_folder_to_save_in(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere to save it.safetensors in"):
            save_arrays(tmp_path / "nowhere" / "it.safetensors", "table", {"Q": np.ones(2)}, {})

    def test_missing(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="nothing"):
            load_arrays(tmp_path / "nothing", "Kind")

    def test_another_kind(self, tmp_path):
        save_arrays(tmp_path / "a", "DQNAgent", self.arrays, {})
        with pytest.raises(ValueError, match="holds 'DQNAgent'; accepted is 'Kind'"):
            load_arrays(tmp_path / "a", "Kind")

    @pytest.mark.parametrize("kept", [0, 7, 60, -1])
    def test_a_truncated_file(self, tmp_path, kept):
        path = tmp_path / "a"
        save_arrays(path, "Kind", self.arrays, {})
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(ValueError, match="no complete safetensors file"):
            load_arrays(path, "Kind")

    def test_a_foreign_file(self, tmp_path):
        (tmp_path / "a").write_text(json.dumps({"Q": [1, 2]}))
        with pytest.raises(ValueError, match="no complete safetensors file"):
            load_arrays(tmp_path / "a", "Kind")
        save_file(self.arrays, tmp_path / "b")
        with pytest.raises(ValueError, match="something foreign"):
            load_arrays(tmp_path / "b", "Kind")
        save_file(self.arrays, tmp_path / "c", metadata={"kind": "Kind"})
        with pytest.raises(ValueError, match="configuration"):
            load_arrays(tmp_path / "c", "Kind")
