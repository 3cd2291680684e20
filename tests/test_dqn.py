"""DQN: the equations by hand, the network, replay, one training step, bad hyperparameters."""

import numpy as np
import pytest
import torch
from small_dqn import with_memory

from rlbook.dqn import DQNAgent, QNetwork, huber_loss, polyak_update, squared_loss
from rlbook.learning.replay import Batch, ReplayBuffer
from rlbook.returns import double_value, greedy_value, td_target


def as_kind(kind, *values):
    return [torch.tensor(value, dtype=torch.float64) if kind == "torch" else np.array(value) for value in values]


class TestEquations:
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

    def test_the_squared_loss_and_its_slope(self):
        error = torch.tensor([-3.0, 0.5], requires_grad=True)
        squared_loss(error).sum().backward()
        np.testing.assert_allclose(squared_loss(error.detach()), [9, 0.25])
        np.testing.assert_allclose(error.grad, [-6, 1])


class TestNetwork:
    def test_layers(self):
        network = QNetwork(3, 2, (5, 4))
        shapes = [(tuple(weight.shape), tuple(bias.shape)) for weight, bias in network.layers()]
        assert shapes == [((5, 3), (5,)), ((4, 5), (4,)), ((2, 4), (2,))]
        assert network(torch.zeros(7, 3)).shape == (7, 2)
        values = QNetwork(3, 2, (50,))(torch.linspace(-9, 9, 300).reshape(100, 3))
        assert (values < 0).any() and (values > 0).any()  # no ReLU on the output

    @pytest.mark.parametrize("hidden_dims", [(), (7,), (6, 5, 4)])
    def test_it_is_the_network_of_separate_layers(self, hidden_dims):
        network, layers = QNetwork(3, 4, hidden_dims), []
        for weight, bias in network.layers():
            layers += [torch.nn.Linear(*reversed(weight.shape)), torch.nn.ReLU()]
            layers[-2].weight.data, layers[-2].bias.data = weight.detach().clone(), bias.detach().clone()
        plain = torch.nn.Sequential(*layers[:-1])
        state, slope = torch.randn(9, 3, generator=torch.manual_seed(0)), torch.linspace(-1, 1, 36).reshape(9, 4)
        torch.testing.assert_close(network(state), plain(state))
        network(state).backward(slope)
        plain(state).backward(slope)
        gradients = torch.cat([parameter.grad.reshape(-1) for parameter in plain.parameters()])
        torch.testing.assert_close(network.weights.grad, gradients)

    def test_the_seed_alone_decides(self):
        before = torch.get_rng_state()
        first, again, other = (QNetwork(3, 2, seed=seed).weights for seed in (1, 1, 2))
        assert torch.equal(first, again) and not torch.equal(first, other)
        assert torch.equal(before, torch.get_rng_state())

    def test_weights_spread_as_pytorchs(self):
        ours, theirs = QNetwork(64, 10, (256,)).layers()[1][0], torch.nn.Linear(256, 10).weight
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
        assert drawn.terminated.dtype == bool
        assert {field.dtype for field in (drawn.state, drawn.reward, drawn.next_state)} == {np.dtype(np.float32)}

    def test_all_are_drawn_alike(self):
        counts = np.bincount(self.filled(5).sample(10_000).state[:, 0].astype(int))
        assert ((counts - 2000) ** 2 / 2000).sum() < 25  # chi-square, four degrees of freedom: once in 20,000

    @pytest.mark.parametrize("capacity", [3, 5, 8])
    def test_resizing_keeps_the_newest(self, capacity):
        buffer = self.filled(12)
        buffer.resize(capacity)
        assert set(buffer.sample(300).state[:, 0]) == set(range(12 - min(5, capacity), 12))
        buffer.push(np.array([12.0, 0.0]), 0, 0.0, np.zeros(2), False)
        kept = min(6, capacity)
        assert len(buffer) == kept and set(buffer.sample(300).state[:, 0]) == set(range(13 - kept, 13))

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
        replay.restore(agent.buffer.rows(), agent.buffer.n_pushed)
        replay.rng.bit_generator.state = agent.buffer.rng.bit_generator.state
        for step in range(1, 25):
            batch = [torch.from_numpy(field) for field in replay.sample(32)]
            with torch.no_grad():
                best = online(batch[3]).argmax(1, keepdim=True)
                y = batch[2] + 0.99 * (1 - batch[4].float()) * target(batch[3]).gather(1, best)[:, 0]
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
        before = agent.target.weights.detach().clone()
        for _ in range(2):
            agent.train_step()
        assert torch.equal(agent.target.weights, before)
        agent.train_step()
        assert torch.equal(agent.target.weights, agent.online.weights)
        agent = with_memory(tau=0.1)
        before = agent.target.weights.detach().clone()
        agent.train_step()
        wanted = 0.9 * before + 0.1 * agent.online.weights
        torch.testing.assert_close(agent.target.weights, wanted)

    def test_a_rule_of_ones_own_drives_it(self):
        def rule(reward, next_q_online, next_q_target, terminated, gamma):
            assert [type(x) for x in (reward, next_q_online, next_q_target, terminated)] == [np.ndarray] * 4
            assert reward.shape == terminated.shape == (32,) and terminated.dtype == bool
            reward *= 1  # it gets copies
            return td_target(reward, double_value(next_q_online, next_q_target), terminated, gamma)

        agents = with_memory(double=True), with_memory(target_rule=rule)
        for _ in range(30):
            assert agents[0].train_step() == pytest.approx(agents[1].train_step(), rel=1e-5)
        wrong = with_memory(target_rule=lambda reward, *rest: reward[:, None])
        with pytest.raises(ValueError, match=r"target_rule returned shape \(32, 1\); accepted is \(32,\)"):
            wrong.train_step()
        wrong = with_memory(target_rule=lambda reward, *rest: reward + 0j)
        with pytest.raises(ValueError, match=r"target_rule returned .*accepted are finite numbers"):
            wrong.train_step()

    def test_a_batch_of_one_does_not_broadcast(self):
        agent = with_memory(batch_size=1, buffer_size=1000)
        batch = Batch(*(field.clone() for field in agent._sample()))
        agent._sample = lambda: batch
        with torch.no_grad():
            y = td_target(batch.reward, greedy_value(agent.target(batch.next_state)), batch.terminated, 0.99)
            q = agent.online(batch.state)[0, batch.action.item()]
        assert agent.train_step() == pytest.approx((y - q).item() ** 2, rel=1e-5)

    @pytest.mark.parametrize("double", [False, True])
    def test_no_target_lies_beyond_the_possible_returns(self, double):
        free, bounded = (with_memory(double=double, return_bounds=bounds) for bounds in (None, (-0.5, 0.25)))
        batch = free._sample()
        targets = free._targets(batch)
        assert targets.min() < -0.5 and targets.max() > 0.25
        assert torch.equal(bounded._targets(batch), torch.clamp(targets, -0.5, 0.25))
        bounded.target_rule = lambda reward, *others: np.full_like(reward, 7.0)
        assert (bounded._targets(batch) == 0.25).all()


class TestBadInput:
    @pytest.mark.parametrize(
        "change, words",
        [
            ({"gamma": 1.2}, r"gamma is 1\.2; accepted are numbers from 0 to 1"),
            ({"epsilon": -0.1}, r"epsilon is -0\.1"),
            ({"tau": 2}, "tau is 2"),
            (
                {"return_bounds": (1.0, 0.0)},
                r"return_bounds is \(1\.0, 0\.0\); accepted are the lowest and the highest",
            ),
            ({"return_bounds": (0, 1, 2)}, r"return_bounds is \(0, 1, 2\); accepted are the lowest and the highest"),
            ({"return_bounds": 100.0}, r"return_bounds is 100\.0; accepted are the lowest and the highest"),
            ({"return_bounds": (0, np.inf)}, r"return_bounds is \(0, inf\); accepted are finite numbers"),
            ({"learning_rate": 0}, "learning_rate is 0; accepted are numbers above 0"),
            ({"max_grad_norm": -1.0}, r"max_grad_norm is -1\.0"),
            ({"batch_size": 0}, "batch_size is 0; accepted are whole numbers from 1"),
            ({"buffer_size": 10}, "buffer_size is 10 and batch_size is 64; accepted are buffers that hold it"),
            ({"buffer_size": 100, "learning_starts": 101}, "buffer_size is 100 and learning_starts is 101"),
            ({"hidden_dims": (64, 0)}, r"hidden_dims is \(64, 0\)"),
            ({"gamma": "0.9"}, "gamma is '0.9'"),
            ({"gamma": None}, "gamma is None"),
            ({"gamma": (0.9, 0.8)}, r"gamma is \(0\.9, 0\.8\); accepted are numbers from 0 to 1"),
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


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"reward": np.nan}, "the reward is nan; accepted are finite numbers"),
        ({"action": 5}, "the action is 5; accepted are the whole numbers 0 to 1"),
        ({"action": 0.5}, "the action is 0.5; accepted"),
    ],
)
def test_a_transition_that_cannot_be(wrong, words):
    agent = DQNAgent(4, 2, hidden_dims=(8,))
    with pytest.raises(ValueError, match=words):
        agent.store_transition(
            **({"state": np.ones(4), "action": 0, "reward": 1.0} | wrong), next_state=np.ones(4), terminated=False
        )
    assert len(agent.buffer) == 0
