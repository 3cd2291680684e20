"""DQN: the equations by hand, the network, replay, one training step, bad hyperparameters."""

import numpy as np
import pytest
import torch
from small_dqn import with_memory

from rlbook.dqn import (
    Batch,
    DQNAgent,
    QNetwork,
    ReplayBuffer,
    double_dqn_target,
    epsilon_greedy_actions,
    huber_loss,
    polyak_update,
    td_target,
)


def as_kind(kind, *values):
    return [torch.tensor(value, dtype=torch.float64) if kind == "torch" else np.array(value) for value in values]


class TestEquations:
    @pytest.mark.parametrize("kind", ["numpy", "torch"])
    def test_targets_by_hand(self, kind):
        reward, online, target, terminated = as_kind(
            kind,
            [1.0, 2.0, -1.0],
            [[5.0, 1.0], [0.0, 1.0], [2.0, 9.0]],
            [[10.0, 20.0], [30.0, 40.0], [5.0, 6.0]],
            [0, 0, 1],
        )
        np.testing.assert_allclose(td_target(reward, target, terminated, 0.5), [11, 22, -1])
        np.testing.assert_allclose(double_dqn_target(reward, online, target, terminated, 0.5), [6, 22, -1])

    def test_targets_take_booleans_and_keep_the_precision(self):
        ones, flags = np.ones((2, 3)), np.array([True, False])
        assert td_target(ones[:, 0], ones, flags, 0.9) == pytest.approx([1, 1.9])
        assert double_dqn_target(ones[:, 0], ones, ones, flags, 0.9) == pytest.approx([1, 1.9])
        ones, flags = torch.from_numpy(ones), torch.from_numpy(flags)
        assert td_target(ones[:, 0], ones, flags, 0.9).tolist() == pytest.approx([1, 1.9])
        assert double_dqn_target(ones[:, 0], ones, ones, flags, 0.9).tolist() == pytest.approx([1, 1.9])
        single = [torch.ones(4), torch.ones(4, 2), torch.zeros(4)]
        assert td_target(*single, 0.9).dtype == torch.float32

    @pytest.mark.parametrize("kind", ["numpy", "torch"])
    def test_huber_by_hand(self, kind):
        (error,) = as_kind(kind, [0.0, 0.5, -0.5, 1.0, -3.0])
        np.testing.assert_allclose(huber_loss(error), [0, 0.125, 0.125, 0.5, 2.5])

    def test_the_gradient_of_huber_is_the_clipped_error(self):
        error = torch.tensor([-4.0, -0.3, 0.0, 0.7, 2.0], requires_grad=True)
        huber_loss(error).sum().backward()
        np.testing.assert_allclose(error.grad, error.detach().clip(-1, 1))

    def test_polyak_by_hand(self):
        np.testing.assert_allclose(polyak_update(np.array([1.0, 2.0]), np.array([3.0, 2.0]), 0.25), [1.5, 2.0])

    def test_every_environment_flips_its_own_coin(self):
        q, draw = np.array([[1.0, 2.0]] * 4), np.array([0.0, 0.29, 0.3, 0.9])
        np.testing.assert_array_equal(epsilon_greedy_actions(q, 0.3, draw, np.zeros(4, int)), [0, 0, 1, 1])
        epsilon = np.array([0.0, 0.2, 0.4, 1.0])
        np.testing.assert_array_equal(epsilon_greedy_actions(q, epsilon, draw, np.zeros(4, int)), [1, 1, 0, 0])


class TestNetwork:
    def test_layers(self):
        network = QNetwork(3, 2, (5, 4))
        assert [tuple(p.shape) for p in network.parameters()] == [(5, 3), (5,), (4, 5), (4,), (2, 4), (2,)]
        assert network(torch.zeros(7, 3)).shape == (7, 2)
        values = QNetwork(3, 2, (50,))(torch.linspace(-9, 9, 300).reshape(100, 3))
        assert (values < 0).any() and (values > 0).any()  # no ReLU on the output

    @pytest.mark.parametrize("hidden_dims", [(), (7,), (6, 5, 4)])
    def test_backpropagation_by_hand_is_autograds(self, hidden_dims):
        network = QNetwork(3, 4, hidden_dims)
        state, slope = torch.randn(9, 3, generator=torch.manual_seed(0)), torch.linspace(-1, 1, 36).reshape(9, 4)
        network(state).backward(slope)
        wanted = [p.grad.clone() for p in network.parameters()]
        for p in network.parameters():
            p.grad.fill_(float("nan"))
        with torch.no_grad():
            values, inputs = network.forward_keeping(state)
            network.backpropagate(slope, inputs)
        torch.testing.assert_close(values, network(state))
        for p, gradient in zip(network.parameters(), wanted, strict=True):
            torch.testing.assert_close(p.grad, gradient)

    def test_the_seed_alone_decides(self):
        before = torch.get_rng_state()
        first, again, other = (QNetwork(3, 2, seed=seed).linears[0].weight for seed in (1, 1, 2))
        assert torch.equal(first, again) and not torch.equal(first, other)
        assert torch.equal(before, torch.get_rng_state())

    def test_weights_spread_as_pytorchs(self):
        ours, theirs = QNetwork(64, 10, (256,)).linears[1].weight, torch.nn.Linear(256, 10).weight
        assert ours.abs().max() <= 1 / 16
        assert ours.std().item() == pytest.approx(theirs.std().item(), rel=0.1)


class TestReplayBuffer:
    def filled(self, n, capacity=5, batch=1):
        buffer = ReplayBuffer(capacity, state_dim=2, seed=0)
        for first in range(0, n, batch):
            i = np.arange(first, min(first + batch, n))
            buffer.push(np.stack([i, -i], 1), i % 3, 10.0 * i, np.stack([i + 1, -i - 1], 1), i % 2 == 0)
        return buffer

    @pytest.mark.parametrize("batch", [1, 2, 3, 5, 7])
    def test_the_newest_stay(self, batch):
        buffer = self.filled(12, batch=batch)
        drawn = buffer.sample(500)
        assert len(buffer) == 5
        assert set(drawn.state[:, 0]) == {7, 8, 9, 10, 11}

    def test_rows_stay_together(self):
        drawn = self.filled(9, batch=2).sample(200)
        i = drawn.state[:, 0]
        np.testing.assert_array_equal(drawn.action, i % 3)
        np.testing.assert_array_equal(drawn.reward, 10 * i)
        np.testing.assert_array_equal(drawn.next_state[:, 1], -i - 1)
        np.testing.assert_array_equal(drawn.terminated, i % 2 == 0)

    def test_single_transitions_and_types(self):
        buffer = ReplayBuffer(4, state_dim=2)
        buffer.push(np.zeros(2), 1, 2.0, np.ones(2), False)
        drawn = buffer.sample(3)
        assert len(buffer) == 1 and drawn.state.shape == (3, 2) and drawn.reward.shape == (3,)
        assert drawn.action.dtype == np.int64
        assert {field.dtype for field in drawn if field is not drawn.action} == {np.dtype(np.float32)}

    def test_all_are_drawn_alike(self):
        counts = np.bincount(self.filled(5).sample(10_000).state[:, 0].astype(int))
        assert ((counts - 2000) ** 2 / 2000).sum() < 25  # chi-square, four degrees of freedom: once in 20,000

    def test_given_memory_is_used(self):
        buffer, out = self.filled(5), np.empty((3, 7), dtype=np.float32)
        assert np.shares_memory(buffer.sample(3, out=out).state, out)

    def test_bad_input(self):
        with pytest.raises(ValueError, match="capacity is 0; accepted are whole numbers from 1"):
            ReplayBuffer(0, state_dim=2)
        with pytest.raises(ValueError, match=r"capacity is 2\.5"):
            ReplayBuffer(2.5, state_dim=2)
        with pytest.raises(ValueError, match="buffer is empty"):
            ReplayBuffer(3, state_dim=2).sample(1)
        for state, next_state in ((np.zeros((2, 2)), np.zeros(2)), (np.zeros(3), np.zeros(3)), (0.0, 0.0)):
            with pytest.raises(ValueError, match=r"accepted are two of the same shape, \(2,\) or \(n, 2\)"):
                ReplayBuffer(3, state_dim=2).push(state, 0, 0.0, next_state, False)


class TestTrainStep:
    def test_it_is_the_textbook_step(self):
        """Against plain PyTorch: separate weights, its own Adam, its own clipping, its own loss."""
        agent = with_memory(double=True, huber=True, max_grad_norm=0.05)
        online, target = QNetwork(4, 2, (32,)), QNetwork(4, 2, (32,))
        online.load_state_dict(agent.online.state_dict())
        target.load_state_dict(agent.online.state_dict())
        optimizer = torch.optim.Adam(online.parameters(), lr=0.01)
        replay = ReplayBuffer(1000, state_dim=4)
        replay.__dict__.update({**vars(agent.buffer), "rng": np.random.default_rng()})
        replay.rng.bit_generator.state = agent.buffer.rng.bit_generator.state
        for step in range(1, 25):
            batch = [torch.from_numpy(field) for field in replay.sample(32)]
            with torch.no_grad():
                best = online(batch[3]).argmax(1, keepdim=True)
                y = batch[2] + 0.99 * (1 - batch[4]) * target(batch[3]).gather(1, best)[:, 0]
            loss = torch.nn.functional.smooth_l1_loss(online(batch[0]).gather(1, batch[1][:, None])[:, 0], y)
            optimizer.zero_grad()
            loss.backward()
            assert torch.nn.utils.clip_grad_norm_(online.parameters(), 0.05) > 0.05
            optimizer.step()
            if step % 10 == 0:
                target.load_state_dict(online.state_dict())
            assert agent.train_step() == pytest.approx(loss.item(), rel=1e-4)
        for ours, theirs in zip(agent.target.parameters(), target.parameters(), strict=True):
            np.testing.assert_allclose(ours.detach(), theirs.detach(), atol=1e-5)

    def test_it_waits_for_enough_transitions(self):
        assert with_memory(n=31).train_step() is None
        assert with_memory(n=32).train_step() is not None
        assert with_memory(n=99, learning_starts=100).train_step() is None

    def test_hard_copies_and_polyak(self):
        agent = with_memory(target_update_freq=3)
        before = agent._target_weights.clone()
        for _ in range(2):
            agent.train_step()
        assert torch.equal(agent._target_weights, before)
        agent.train_step()
        assert torch.equal(agent._target_weights, agent._weights)
        agent = with_memory(tau=0.1)
        before = agent._target_weights.clone()
        agent.train_step()
        np.testing.assert_allclose(agent._target_weights, 0.9 * before + 0.1 * agent._weights, atol=1e-7)

    def test_a_rule_of_ones_own_drives_it(self):
        def rule(reward, next_q_online, next_q_target, terminated, gamma):
            assert [type(x) for x in (reward, next_q_online, next_q_target, terminated)] == [np.ndarray] * 4
            reward *= 1  # it gets copies
            return double_dqn_target(reward, next_q_online, next_q_target, terminated, gamma)

        agents = with_memory(double=True), with_memory(target_rule=rule)
        for _ in range(30):
            assert agents[0].train_step() == pytest.approx(agents[1].train_step(), rel=1e-5)
        wrong = with_memory(target_rule=lambda reward, *rest: reward[:, None])
        with pytest.raises(ValueError, match=r"target_rule returned shape \(32, 1\); accepted is \(32,\)"):
            wrong.train_step()

    def test_a_batch_of_one_does_not_broadcast(self):
        agent = with_memory(batch_size=1, buffer_size=1000)
        batch = Batch(*(field.clone() for field in agent._sample()))
        agent._sample = lambda: batch
        with torch.no_grad():
            y = td_target(batch.reward, agent.target(batch.next_state), batch.terminated, 0.99)
            q = agent.online(batch.state)[0, batch.action.item()]
        assert agent.train_step() == pytest.approx((y - q).item() ** 2, rel=1e-5)


class TestBadInput:
    @pytest.mark.parametrize(
        "change, words",
        [
            ({"gamma": 1.2}, r"gamma is 1\.2; accepted are numbers from 0 to 1"),
            ({"epsilon": -0.1}, r"epsilon is -0\.1"),
            ({"tau": 2}, "tau is 2"),
            ({"learning_rate": 0}, "learning_rate is 0; accepted are numbers above 0"),
            ({"max_grad_norm": -1.0}, r"max_grad_norm is -1\.0"),
            ({"batch_size": 0}, "batch_size is 0; accepted are whole numbers from 1"),
            ({"buffer_size": 10}, "buffer_size is 10; accepted are 64"),
            ({"hidden_dims": (64, 0)}, r"hidden_dims is \(64, 0\)"),
            ({"gamma": "0.9"}, "gamma is '0.9'"),
            ({"gamma": None}, "gamma is None"),
            ({"gamma": (0.9, 0.8)}, r"gamma is \(0\.9, 0\.8\); accepted is one number"),
            ({"learning_rate": -1}, "learning_rate is -1"),
            ({"hidden_dims": 64}, "hidden_dims is 64; accepted is one width for each layer, in a tuple"),
            ({"learning_starts": -5}, "learning_starts is -5; accepted are whole numbers from 0"),
            ({"learning_starts": None}, "learning_starts is None"),
            ({"seed": 1.5}, r"seed is 1\.5; accepted are whole numbers from 0"),
            ({"double": "no"}, "double is 'no'; accepted are True and False"),
            ({"huber": 1}, "huber is 1"),
            ({"target_rule": 5}, "target_rule is 5; accepted is a function, or None"),
        ],
    )
    def test_hyperparameters(self, change, words):
        with pytest.raises(ValueError, match=words):
            DQNAgent(4, 2, **change)
