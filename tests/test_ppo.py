"""PPO: the equations by hand and against Stable-Baselines3, actor and critic, one update, bad hyperparameters."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from rlbook.learning.actor_critic import (
    ActorCritic,
    categorical_entropy,
    categorical_log_prob,
    gaussian_entropy,
    gaussian_log_prob,
)
from rlbook.ppo import (
    MANY_ARMS,
    PPO,
    PPOConfig,
    approximate_kl,
    clipped_surrogate_loss,
    explained_variance,
    value_loss,
)
from rlbook.returns import compute_gae

KINDS = pytest.mark.parametrize("kind", ["numpy", "torch"])
SMALL = {"hidden_dims": (16,), "n_steps": 8, "batch_size": 16, "n_epochs": 2}


def as_kind(kind, *values):
    return [torch.tensor(value, dtype=torch.float64) if kind == "torch" else np.array(value) for value in values]


class TestGae:
    """One environment, gamma = lambda = 0.5: the trace shrinks to a quarter with every step."""

    REWARDS, VALUES, NEXT = [[1.0], [2.0], [4.0]], [[2.0], [4.0], [8.0]], [[4.0], [8.0], [16.0]]

    @KINDS
    @pytest.mark.parametrize(
        ("ending", "at", "wanted"),
        [
            (None, None, [1 + 2 / 4 + 4 / 16, 2 + 4 / 4, 4]),  # delta = 1, 2, 4
            ("terminated", 1, [1 - 2 / 4, 2 - 4, 4]),  # delta_1 = 2 - 4: nothing follows
            ("truncated", 1, [1 + 2 / 4, 2, 4]),  # delta_1 = 2 as before, but the trace is cut
            ("terminated", 2, [1 + 2 / 4 - 4 / 16, 2 - 4 / 4, 4 - 8]),
        ],
    )
    def test_by_hand(self, kind, ending, at, wanted):
        ends = {"terminated": np.zeros((3, 1)), "truncated": np.zeros((3, 1))}
        if ending:
            ends[ending][at] = 1
        arrays = as_kind(kind, self.REWARDS, self.VALUES, self.NEXT, ends["terminated"], ends["truncated"])
        np.testing.assert_allclose(compute_gae(*arrays, 0.5, 0.5)[:, 0], wanted)

    def test_it_keeps_the_precision_and_takes_flags(self):
        single = [torch.ones(4, 2) for _ in range(3)]
        flags = [torch.zeros(4, 2, dtype=torch.bool) for _ in range(2)]
        assert compute_gae(*single, *flags, 0.9, 0.9).dtype == torch.float32

    def test_lambda_0_and_1(self):
        """0: the error of one step. 1: the discounted return that came true, less what was expected."""
        rng, no = np.random.default_rng(0), np.zeros((9, 3))
        rewards, values, last = rng.normal(size=(9, 3)), rng.normal(size=(9, 3)), rng.normal(size=(1, 3))
        following = np.concatenate([values[1:], last])
        one_step = rewards + 0.9 * following - values
        np.testing.assert_allclose(compute_gae(rewards, values, following, no, no, 0.9, 0.0), one_step)
        discounts = 0.9 ** np.arange(9)[:, None]
        whole = (discounts * rewards).sum(0) + 0.9**9 * last[0]
        np.testing.assert_allclose(compute_gae(rewards, values, following, no, no, 0.9, 1.0)[0], whole - values[0])

    @staticmethod
    def random_rollout(seed, T=40, B=6):
        """Both kinds of ending; the value after one is that of the true last observation, not of the next episode."""
        rng = np.random.default_rng(seed)
        rewards, values, final = rng.normal(size=(3, T, B))
        ending = rng.random((T, B))
        terminated, truncated = ending < 0.1, ending > 0.9
        last = rng.normal(size=(1, B))
        next_values = np.where(terminated | truncated, final, np.concatenate([values[1:], last]))
        return rewards, values, next_values, terminated, truncated, last

    @pytest.mark.parametrize("seed", range(5))
    def test_stable_baselines3_agrees(self, seed):
        """Its buffer knows only episode starts; its collector adds the bootstrap of a time limit to the reward."""
        from gymnasium import spaces
        from stable_baselines3.common.buffers import RolloutBuffer

        rewards, values, next_values, terminated, truncated, last = self.random_rollout(seed)
        T, B = rewards.shape
        box = spaces.Box(-1, 1, (1,))
        theirs = RolloutBuffer(T, box, box, gae_lambda=0.8, gamma=0.9, n_envs=B)
        done = terminated | truncated
        for t in range(T):
            reward = rewards[t] + 0.9 * truncated[t] * next_values[t]
            start = done[t - 1] if t else np.ones(B)
            value = torch.tensor(values[t])
            theirs.add(np.zeros((B, 1)), np.zeros((B, 1)), reward, start, value, torch.zeros(B))
        theirs.compute_returns_and_advantage(torch.tensor(last[0]), done[-1])
        ours = compute_gae(rewards, values, next_values, terminated, truncated, 0.9, 0.8)
        np.testing.assert_allclose(ours, theirs.advantages, atol=1e-5)

    @pytest.mark.parametrize("seed", range(3))
    def test_the_wrong_variants_are_wrong(self, seed):
        rewards, values, next_values, terminated, truncated, last = self.random_rollout(seed)
        right = compute_gae(rewards, values, next_values, terminated, truncated, 0.9, 0.8)
        nobody, either = np.zeros_like(terminated), terminated | truncated
        following = np.concatenate([values[1:], last])
        for wrong in (
            compute_gae(rewards, values, next_values, either, nobody, 0.9, 0.8),  # a time limit taken for an end
            compute_gae(rewards, values, next_values, nobody, either, 0.9, 0.8),  # an end taken for a time limit
            compute_gae(rewards, values, next_values, terminated, nobody, 0.9, 0.8),  # trace not cut at a time limit
            compute_gae(rewards, values, following, terminated, truncated, 0.9, 0.8),  # value of the next episode
        ):
            assert abs(wrong - right).max() > 0.1


class TestGaussian:
    @KINDS
    @pytest.mark.parametrize("action_dim", [1, 2, 6])
    def test_scipy_agrees(self, kind, action_dim):
        rng = np.random.default_rng(action_dim)
        action, mean, log_std = (
            rng.normal(size=(7, action_dim)),
            rng.normal(size=(7, action_dim)),
            rng.normal(size=action_dim),
        )
        wanted = stats.norm.logpdf(action, mean, np.exp(log_std)).sum(-1)
        np.testing.assert_allclose(gaussian_log_prob(*as_kind(kind, action, mean, log_std)), wanted)
        entropy = stats.norm.entropy(mean[0], np.exp(log_std)).sum()
        assert gaussian_entropy(*as_kind(kind, log_std)) == pytest.approx(entropy)

    def test_one_action_dimension_never_becomes_a_table(self):
        """The trap of the chapter: (64,) against (64, 1) broadcasts to (64, 64)."""
        assert gaussian_log_prob(torch.zeros(64, 1), torch.zeros(64, 1), torch.zeros(1)).shape == (64,)
        with pytest.raises(ValueError, match=r"action has shape \(64,\); accepted is that of mean, \(64, 1\)"):
            gaussian_log_prob(torch.zeros(64), torch.zeros(64, 1), torch.zeros(1))

    def test_numbered_actions(self):
        logits, action = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]]), torch.tensor([1, 0])
        np.testing.assert_allclose(categorical_log_prob(action, logits).exp(), [0.5, 0.75], rtol=1e-6)
        wanted = [math.log(2), -0.75 * math.log(0.75) - 0.25 * math.log(0.25)]
        np.testing.assert_allclose(categorical_entropy(logits), wanted, rtol=1e-6)


class TestLosses:
    @KINDS
    @pytest.mark.parametrize(
        ("ratio", "advantage", "loss"),
        [(1.0, 2.0, -2.0), (1.1, 2.0, -2.2), (1.5, 2.0, -2.4), (0.5, 2.0, -1.0), (0.5, -2.0, 1.6), (1.5, -2.0, 3.0)],
    )
    def test_clipped_surrogate_by_hand(self, kind, ratio, advantage, loss):
        assert clipped_surrogate_loss(*as_kind(kind, ratio, advantage), 0.2) == pytest.approx(loss)

    def test_its_gradient_is_zero_where_it_must_be(self):
        """Beyond the clip on the side that the advantage asks for, and nowhere else."""
        ratio = torch.tensor([0.5, 0.9, 1.1, 1.5, 0.5, 0.9, 1.1, 1.5], requires_grad=True)
        advantage = torch.tensor([1.0] * 4 + [-1.0] * 4)
        clipped_surrogate_loss(ratio, advantage, 0.2).sum().backward()
        assert ratio.grad.tolist() == [-1, -1, -1, 0, 0, 1, 1, 1]

    @KINDS
    def test_value_loss_by_hand(self, kind):
        value, old, target = as_kind(kind, [3.0, 3.0, -1.0], [0.0, 0.0, 0.0], [5.0, 1.0, 0.0])
        np.testing.assert_allclose(value_loss(value, old, target), [4, 4, 1])
        np.testing.assert_allclose(value_loss(value, old, target, 0.5), [20.25, 4, 1])

    @KINDS
    def test_kl_of_gaussians_in_closed_form(self, kind):
        """KL(N(0, 1) || N(m, 1)) = m^2 / 2, from draws of the old policy."""
        rng = np.random.default_rng(0)
        draws, m = rng.normal(size=(400_000, 1)), np.array([0.3])
        log_ratio = gaussian_log_prob(draws, 0 * draws + m, np.zeros(1)) - gaussian_log_prob(
            draws, 0 * draws, np.zeros(1)
        )
        (log_ratio,) = as_kind(kind, log_ratio)
        assert approximate_kl(log_ratio) == pytest.approx(0.045, rel=0.02)
        assert approximate_kl(0 * log_ratio) == 0
        assert approximate_kl(np.full(4, 3e-4, dtype=np.float32)) > 0  # exp(x) - 1 - x would round to below 0

    @KINDS
    def test_explained_variance(self, kind):
        (target,) = as_kind(kind, [1.0, 2.0, 3.0, 6.0])
        assert explained_variance(target, target) == pytest.approx(1)
        assert explained_variance(target + 5, target) == pytest.approx(1)  # a constant error has no variance
        assert explained_variance(0 * target, target) == pytest.approx(0)
        assert explained_variance(-target, target) == pytest.approx(-3)
        assert math.isnan(explained_variance(target, 0 * target + 3))  # nothing to explain


class TestActorCritic:
    def test_shapes(self):
        policy, states = ActorCritic(3, 2, (5,)), torch.randn(7, 3)
        mean, value = policy(states)
        assert mean.shape == (7, 2) and value.shape == (7,)
        assert policy.value(torch.randn(4, 7, 3)).shape == (4, 7)
        assert [each.shape for each in policy.evaluate_actions(states, mean)] == [(7,)] * 3
        numbered = ActorCritic(3, 4, (5,), discrete=True)
        actions = numbered.get_action(states)
        assert actions.shape == (7,) and actions.dtype == torch.int64
        assert [each.shape for each in numbered.evaluate_actions(states, actions)] == [(7,)] * 3
        assert all("log_std" not in name for name, _ in numbered.named_parameters())

    def test_orthogonal_with_a_small_policy_head(self):
        policy = ActorCritic(64, 3, (64, 64))
        for network, gain in ((policy.actor, 0.01), (policy.critic, 1.0)):
            for (weight, bias), wanted in zip(network.layers(), (math.sqrt(2), math.sqrt(2), gain), strict=True):
                product = weight @ weight.T
                torch.testing.assert_close(product, wanted**2 * torch.eye(len(weight)), atol=1e-4, rtol=1e-4)
                assert (bias == 0).all()

    def test_the_seed_alone_decides(self):
        before = torch.get_rng_state()
        first, again, other = (ActorCritic(3, 2, seed=seed).actor.weights for seed in (1, 1, 2))
        assert torch.equal(first, again) and not torch.equal(first, other)
        assert torch.equal(before, torch.get_rng_state())

    def test_draws_have_the_mean_and_spread_they_should(self):
        policy, states = ActorCritic(3, 2, (5,), log_std_init=math.log(0.3)), torch.ones(40_000, 3)
        action, mean = policy.get_action(states, generator=torch.Generator().manual_seed(0)), policy(states)[0]
        assert torch.equal(policy.get_action(states, deterministic=True), mean)
        np.testing.assert_allclose((action - mean).mean(0).detach(), 0, atol=0.01)
        np.testing.assert_allclose((action - mean).std(0).detach(), 0.3, rtol=0.02)

    def test_numbered_draws(self):
        policy = ActorCritic(1, 2, (4,), discrete=True)
        with torch.no_grad():
            policy.actor.layers()[-1][1].copy_(torch.tensor([math.log(3), 0.0]))
        states = torch.zeros(40_000, 1)
        drawn = policy.get_action(states, generator=torch.Generator().manual_seed(0))
        assert drawn.double().mean() == pytest.approx(0.25, abs=0.01)
        assert (policy.get_action(states, deterministic=True) == 0).all()

    def test_relu_or_tanh(self):
        far = torch.tensor([[1e6], [2e6]])
        with torch.no_grad():
            bounded, linear = (
                ActorCritic(1, 1, (8,), activation=name).value(far).tolist() for name in ("tanh", "relu")
            )
        assert bounded[0] == pytest.approx(bounded[1])  # tanh saturates
        assert linear[1] == pytest.approx(2 * linear[0], rel=1e-4)


def with_steps(action_dim=2, n_envs=4, state_dim=3, n_steps=8, **changes):
    """An agent and a full buffer of made-up steps."""
    discrete = changes.pop("discrete", False)
    settings = {**SMALL, "n_steps": n_steps, **changes}
    agent, rng = PPO(state_dim, action_dim, discrete=discrete, **settings), np.random.default_rng(0)
    state = rng.normal(size=(n_envs, state_dim)).astype(np.float32)
    for _ in range(n_steps):
        action, next_state = agent.select_action(state), rng.normal(size=state.shape).astype(np.float32)
        ends = rng.random(n_envs)
        agent.store_transition(state, action, rng.normal(size=n_envs), next_state, ends < 0.1, ends > 0.9)
        state = next_state
    return agent


def recorded_ratios(agent, monkeypatch):
    """Every ratio that an update hands to the surrogate loss."""
    ratios = []

    def recording(ratio, advantage, clip_epsilon):
        ratios.append(ratio.detach().clone())
        return clipped_surrogate_loss(ratio, advantage, clip_epsilon)

    monkeypatch.setattr("rlbook.ppo.clipped_surrogate_loss", recording)
    agent.update()
    return ratios


class TestUpdate:
    @pytest.mark.parametrize("action_dim", [1, 2, 6])
    @pytest.mark.parametrize("discrete", [False, True])
    def test_the_ratio_is_one_before_the_first_step(self, monkeypatch, action_dim, discrete):
        agent = with_steps(action_dim, discrete=discrete, batch_size=32)
        first, second = recorded_ratios(agent, monkeypatch)
        assert first.shape == (32,)
        np.testing.assert_allclose(first, 1, atol=1e-6)
        if action_dim > 1 or not discrete:
            assert abs(second - 1).max() > 1e-5

    @pytest.mark.parametrize("n_envs", [1, 3])
    def test_a_minibatch_of_one(self, n_envs):
        agent = with_steps(1, n_envs=n_envs, batch_size=1)
        stats = agent.update()
        assert all(math.isfinite(value) for value in stats.values())

    def test_a_single_step_of_a_single_environment(self):
        agent = with_steps(n_envs=1, n_steps=1)
        agent.update()
        assert torch.isfinite(agent.policy.actor.weights).all()

    def test_what_is_measured(self):
        stats = with_steps().update()
        wanted = {
            "policy_loss",
            "value_loss",
            "entropy",
            "approximate_kl",
            "clip_fraction",
            "explained_variance",
            "std",
        }
        assert set(stats) == wanted
        assert stats["std"] == pytest.approx(1, abs=0.01) and stats["entropy"] == pytest.approx(2.84, abs=0.02)

    def test_it_is_the_textbook_update(self):
        """Against plain PyTorch: torch.distributions, two full-batch passes, its own clipping and Adam."""
        agent = with_steps(batch_size=32, max_grad_norm=0.05, entropy_coef=0.1, lr=0.01)
        twin, buffer = with_steps(batch_size=32), agent.buffer
        optimizer = torch.optim.Adam(twin.policy.parameters(), lr=0.01, eps=1e-5)

        def look():
            mean, value = twin.policy(buffer.states.flatten(0, 1))
            return torch.distributions.Normal(mean, twin.policy.log_std.exp()), value

        actions = buffer.actions.flatten(0, 1)
        with torch.no_grad():
            distribution, value = look()
            old = distribution.log_prob(actions).sum(1)
            following = twin.policy(buffer.next_states.flatten(0, 1))[1]
        advantage = compute_gae(
            buffer.rewards, value.view(8, 4), following.view(8, 4), buffer.terminated, buffer.truncated, 0.99, 0.95
        ).flatten()
        target = advantage + value
        advantage = (advantage - advantage.mean()) / advantage.std(correction=0)
        for _ in range(2):
            distribution, value = look()
            ratio = torch.exp(distribution.log_prob(actions).sum(1) - old)
            surrogate = torch.minimum(ratio * advantage, torch.clamp(ratio, 0.8, 1.2) * advantage)
            loss = -surrogate.mean() + 0.5 * torch.nn.functional.mse_loss(value, target)
            loss = loss - 0.1 * distribution.entropy().sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            assert torch.nn.utils.clip_grad_norm_(twin.policy.parameters(), 0.05) > 0.05
            optimizer.step()
        agent.update()
        for ours, theirs in zip(agent.policy.parameters(), twin.policy.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)

    def test_passes_end_when_the_policy_has_moved(self, monkeypatch):
        settings = {"batch_size": 32, "n_epochs": 20, "lr": 0.02}
        assert len(recorded_ratios(with_steps(**settings), monkeypatch)) == 20
        stopped = recorded_ratios(with_steps(**settings, target_kl=0.01), monkeypatch)
        kls = [approximate_kl(ratio.log()) for ratio in stopped]
        assert 1 < len(kls) < 20 and kls[-1] > 0.015 and max(kls[:-1]) <= 0.015

    def test_the_kl_steers_the_learning_rate(self):
        slow = with_steps(lr=1e-5, target_kl=0.01, kl_steers_lr=True)
        slow.update()
        assert slow.current_lr == pytest.approx(1e-5 * 1.5**2)  # twice too timid a pass
        whole = with_steps(lr=1e-5, target_kl=0.01, kl_steers_lr=True, batch_size=32)
        whole.update()
        assert whole.current_lr == pytest.approx(1e-5 * 1.5)  # before its only step, the first pass has nothing to tell
        fast = with_steps(lr=0.1, target_kl=0.01, kl_steers_lr=True, n_epochs=3)
        fast.update()
        assert fast.current_lr < 0.1

    def test_the_learning_rate_falls_along_a_line(self):
        agent = with_steps(anneal_steps=64)
        assert agent.current_lr == pytest.approx(3e-4)
        agent.update()
        assert agent._optimizer.param_groups[0]["lr"] == pytest.approx(3e-4)  # what the update was made with
        assert agent.steps_taken == 32 and agent.current_lr == pytest.approx(1.5e-4)
        agent.steps_taken = 100
        assert agent.current_lr == 0

    def test_steps_that_only_reset_teach_nothing(self):
        """The update after ten steps, of which two were resets of no meaning, is that after the other eight."""
        agents = [with_steps(n_envs=1, n_steps=2, batch_size=64, n_epochs=1) for _ in range(2)]
        for agent, extra in zip(agents, (False, True), strict=True):
            agent.n_steps = 4
            rng = np.random.default_rng(1)
            for _ in range(3):
                state, next_state = rng.normal(size=(2, 3)).astype(np.float32)
                agent.store_transition(state, np.ones(2, np.float32), 1.0, next_state, False, True)
            if extra:
                agent.store_transition(
                    np.full(3, 9.0), np.full(2, 9.0), 99.0, np.full(3, 9.0), False, False, real=False
                )
            agent.update()
        torch.testing.assert_close(agents[0].policy.actor.weights, agents[1].policy.actor.weights)
        assert agents[0].steps_taken == agents[1].steps_taken == 3

    def test_a_full_buffer_takes_no_more(self):
        agent = with_steps()
        with pytest.raises(ValueError, match="the buffer is full after 8 steps"):
            agent.store_transition(
                np.zeros((4, 3)), np.zeros((4, 2)), np.zeros(4), np.zeros((4, 3)), *np.zeros((2, 4), bool)
            )


class TestNormalising:
    def test_what_a_unit_is_does_not_matter(self):
        """Observations in millimetres, rewards in cents: the same updates once both were seen."""
        agents, seen = [], torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
        for unit, price in ((1.0, 1.0), (1000.0, 100.0)):
            agent = PPO(3, 2, **SMALL, normalise_observations=True, normalise_returns=True, clip_value=0.2)
            agent.policy.observations.update(unit * seen[:, :3])
            agent.policy.returns.update(price * seen[:, 3:])
            rng = np.random.default_rng(0)
            for _ in range(3):
                for _ in range(8):
                    (state, next_state), action = unit * rng.normal(size=(2, 4, 3)), rng.normal(size=(4, 2))
                    agent.store_transition(
                        state, action, price * rng.normal(size=4), next_state, *np.zeros((2, 4), bool)
                    )
                agent.update()
            agents.append(agent)
        ours, theirs = (agent.policy for agent in agents)
        torch.testing.assert_close(ours.actor.weights, theirs.actor.weights, atol=1e-4, rtol=0)
        torch.testing.assert_close(100 * ours.value(seen[:, :3]), theirs.value(1000 * seen[:, :3]), atol=1e-1, rtol=0)

    def test_a_critic_held_to_what_it_said_learns_in_the_first_round_too(self):
        """Rewards of a hundred move the critic's unit: what it is held to must move along, or it would stand still."""
        agent = with_steps(normalise_returns=True, clip_value=0.2, gamma=0.0)
        agent.buffer.rewards += 100
        before = agent.policy.critic.weights.detach().clone()
        agent.update()
        assert not torch.equal(agent.policy.critic.weights, before)

    def test_it_is_off_unless_asked_for(self):
        agent = with_steps()
        agent.update()
        assert agent.policy.observations.count == agent.policy.returns.count == 0


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"gamma": 1.5}, "gamma is 1.5; accepted are numbers from 0 to 1"),
            ({"lr": 0.0}, "lr is 0.0; accepted are numbers above 0"),
            ({"n_epochs": 0}, "n_epochs is 0; accepted are whole numbers from 1"),
            ({"batch_size": 2.5}, "batch_size is 2.5"),
            ({"entropy_coef": -1.0}, "entropy_coef is -1.0"),
            ({"hidden_dims": (64, 0)}, r"hidden_dims is \(64, 0\)"),
            ({"hidden_dims": 64}, "hidden_dims is 64; accepted is one width for each layer, in a tuple"),
            ({"activation": "elu"}, "activation is 'elu'; accepted are 'tanh', 'relu'"),
            ({"log_std_init": math.nan}, "log_std_init is nan"),
            ({"kl_steers_lr": True}, "kl_steers_lr is True without a target_kl"),
            ({"clip_value": 0}, "clip_value is 0"),
            ({"seed": -1}, "seed is -1"),
            ({"discrete": 1}, "discrete is 1"),
        ],
    )
    def test_hyperparameters(self, change, words):
        with pytest.raises(ValueError, match=words):
            PPO(3, 2, **change)

    def test_sizes(self):
        with pytest.raises(ValueError, match="action_dim is 0; accepted are whole numbers from 1"):
            PPO(3, 0)
        with pytest.raises(TypeError, match="no hyperparameter 'epsilon'"):
            PPO(3, 2, epsilon=0.1)

    def test_defaults_are_the_chapters(self):
        chapter = {"lr": 3e-4, "gamma": 0.99, "gae_lambda": 0.95, "clip_epsilon": 0.2, "value_coef": 0.5}
        chapter |= {"entropy_coef": 0.01, "max_grad_norm": 0.5, "n_epochs": 10, "batch_size": 64}
        assert chapter.items() <= vars(PPOConfig()).items()
        assert PPOConfig().clip_value is None

    def test_settings_for_many_arms(self):
        agent = PPO.for_many_arms(10, 2, gamma=0.9)
        assert agent.gamma == 0.9 and agent.batch_size == MANY_ARMS["batch_size"]


class TestWhatDoesNotFit:
    @pytest.mark.parametrize("state", [np.zeros(1), np.zeros((5, 1)), np.zeros((5, 4)), np.float32(0)])
    def test_observations_of_another_width(self, state):
        agent = PPO(3, 1, **SMALL)
        for look in (agent.value, agent.select_action):
            with pytest.raises(ValueError, match=r"accepted is \(\.\.\., 3\)"):
                look(state)

    def test_one_state_for_several_rewards(self):
        agent = PPO(3, 1, **SMALL)
        flags = np.zeros(4, dtype=bool)
        with pytest.raises(ValueError, match=r"state has shape \(3,\); accepted is \(4, 3\)"):
            agent.store_transition(np.zeros(3), np.zeros(1), np.ones(4), np.zeros(3), flags, flags)

    def test_an_update_without_a_step(self):
        with pytest.raises(ValueError, match="no step is kept"):
            PPO(3, 1, **SMALL).update()

    def test_widths_as_whole_floats(self):
        assert PPO(3, 1, **{**SMALL, "hidden_dims": (16.0, 8)}).hidden_dims == (16, 8)
