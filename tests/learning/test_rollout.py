"""What on-policy learners share: the rollout buffer and the normaliser."""

import numpy as np
import pytest
import torch

from rlbook.learning.normaliser import Normaliser
from rlbook.learning.rollout import RolloutBuffer


def filled(n_steps=3, n_envs=2, real=True, capacity=None):
    """Step t of environment b observes (t, b), pays 10 t + b, and is valued 0."""
    buffer = RolloutBuffer(capacity or n_steps, n_envs, 2, (1,))
    for t in range(n_steps):
        state = np.stack([np.full(n_envs, t), np.arange(n_envs)], 1)
        reward, ends = 10.0 * t + np.arange(n_envs), np.zeros((2, n_envs), bool)
        buffer.push(state, state[:, :1], reward, state + 1, *ends, real=real if t == 1 else True)
    values = torch.zeros(n_steps, n_envs)
    buffer.compute_returns_and_advantages(values, values, gamma=1.0, gae_lambda=0.0)
    return buffer


class TestRolloutBuffer:
    def test_rows_stay_together(self):
        for batch in filled().get_batches(2, torch.Generator().manual_seed(0)):
            t, b = batch.state.T
            torch.testing.assert_close(batch.action[:, 0], t)
            torch.testing.assert_close(batch.value_target, 10 * t + b)

    @pytest.mark.parametrize(
        ("batch_size", "sizes"), [(1, [1] * 6), (2, [2] * 3), (4, [3, 3]), (5, [3, 3]), (6, [6]), (99, [6])]
    )
    def test_every_step_once_in_parts_of_about_the_same_size(self, batch_size, sizes):
        batches = list(filled().get_batches(batch_size))
        assert [len(batch.state) for batch in batches] == sizes
        assert sorted(torch.cat([batch.value_target for batch in batches]).tolist()) == [0, 1, 10, 11, 20, 21]

    def test_the_order_is_random_and_the_generators(self):
        def order(seed):
            generator = torch.Generator().manual_seed(seed)
            return torch.cat([batch.value_target for batch in filled(20).get_batches(7, generator)]).tolist()

        assert order(0) == order(0) != order(1)
        assert order(0) != sorted(order(0))

    def test_advantages_come_standardised_and_stay_as_they_are(self):
        buffer = filled()
        raw = buffer.advantages.clone()
        advantage = torch.cat([batch.advantage for batch in buffer.get_batches(2)])
        assert advantage.mean().item() == pytest.approx(0, abs=1e-6)
        assert advantage.std(correction=0).item() == pytest.approx(1)
        assert torch.equal(buffer.advantages, raw) and raw[1, 1] == 11

    def test_one_step_alone(self):
        (batch,) = filled(1, 1).get_batches(64)
        assert batch.advantage.tolist() == [0]

    def test_steps_that_are_none_are_left_out(self):
        samples = filled(real=np.array([True, False])).samples()
        assert samples.value_target.tolist() == [0, 1, 10, 20, 21]
        assert samples.state.tolist() == [[0, 0], [0, 1], [1, 0], [2, 0], [2, 1]]

    def test_partly_full_and_cleared(self):
        buffer = filled(2, capacity=5)
        assert len(buffer) == 2 and len(buffer.samples().state) == 4
        buffer.clear()
        assert len(buffer) == 0
        for _ in range(5):
            buffer.push(np.zeros((2, 2)), np.zeros((2, 1)), np.zeros(2), np.zeros((2, 2)), *np.zeros((2, 2), bool))
        with pytest.raises(ValueError, match="the buffer is full after 5 steps"):
            buffer.push(np.zeros((2, 2)), np.zeros((2, 1)), np.zeros(2), np.zeros((2, 2)), *np.zeros((2, 2), bool))

    def test_numbered_actions_and_torch(self):
        buffer = RolloutBuffer(1, 3, 2)
        tensors = torch.zeros(3, 2), torch.tensor([2, 0, 1]), torch.ones(3), torch.zeros(3, 2)
        buffer.push(*tensors, torch.tensor([True, False, False]), torch.zeros(3, dtype=torch.bool))
        assert buffer.actions.dtype == torch.int64 and buffer.actions.tolist() == [[2, 0, 1]]
        assert buffer.terminated.tolist() == [[True, False, False]] and buffer.real.all()


class TestNormaliser:
    @pytest.mark.parametrize("parts", [(100,), (1, 99), (30, 30, 40), (1,) * 100])
    def test_in_parts_as_at_once(self, parts):
        values = torch.tensor(np.random.default_rng(0).normal(5, 3, size=(100, 4)), dtype=torch.float32)
        normaliser = Normaliser(4)
        for part in values.split(parts):
            normaliser.update(part)
        torch.testing.assert_close(normaliser.mean, values.mean(0))
        torch.testing.assert_close(normaliser.std, values.std(0, correction=0))
        normalised = normaliser(values)
        torch.testing.assert_close(normalised.std(0, correction=0), torch.ones(4))
        torch.testing.assert_close(normaliser.inverse(normalised), values)

    def test_before_the_first_update_nothing_changes(self):
        values = torch.randn(5, 2)
        assert torch.equal(Normaliser(2)(values), values) and torch.equal(Normaliser(2).inverse(values), values)

    def test_what_never_varies_stays_finite(self):
        normaliser = Normaliser(1)
        normaliser.update(torch.full((10, 1), 3.0))
        assert normaliser(torch.tensor([3.0])) == 0
        assert torch.isfinite(normaliser(torch.tensor([4.0]))).all()
