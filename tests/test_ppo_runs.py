"""Training runs of PPO: worlds with known values, episodes kept apart, seeds, bounds, interruption, files."""

import copy
from typing import ClassVar

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from probes import PROBES, Counting, EndlessOnes, Probe

import rlbook.envs  # noqa: F401
from rlbook import ppo, returns
from rlbook.learning import actor_critic, rollout
from rlbook.learning.saving import load_arrays, save_arrays
from rlbook.learning.stepping import evaluate
from rlbook.ppo import PPO

SMALL = {"hidden_dims": (16,), "n_steps": 16, "batch_size": 64, "n_epochs": 4, "lr": 0.02, "entropy_coef": 0.0}
MODES = pytest.mark.parametrize("mode", [AutoresetMode.DISABLED, AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])


def copies(world, n=8, mode=AutoresetMode.SAME_STEP):
    return SyncVectorEnv([world] * n, autoreset_mode=mode)


class Aim(Probe):
    """Pays the more, the nearer an action of ``n_dims`` numbers comes to (x / 2, ...); x is seen."""

    start = Probe.coin

    def __init__(self, n_dims=1):
        super().__init__()
        self.action_space = gym.spaces.Box(-1, 1, (n_dims,), np.float32)

    def step(self, action):
        assert self.action_space.contains(action)
        return self.seen(), float(-((action - self.x / 2) ** 2).mean()), True, False, {}


def aiming_error(n_dims=1, rounds=15, **changes):
    """How far the mean action ends from the best one."""
    agent = PPO(1, n_dims, **{**SMALL, "log_std_init": -0.5, **changes})
    agent.learn(copies(lambda: Aim(n_dims), 16), rounds * 16 * agent.n_steps)
    action = agent.select_action(np.array([[-1.0], [1.0]]), training=False)
    return abs(action - [[-0.5], [0.5]]).max()


class TestKnownValues:
    """Probe environments: each can only be solved if one more part of the learner works."""

    @pytest.mark.parametrize("name", PROBES)
    def test_probe(self, name):
        world, states, q = PROBES[name]
        agent = PPO(1, world.n_actions, discrete=True, **SMALL, gamma=0.9)
        agent.learn(copies(world), 25 * 128)
        states, q = np.array(states, dtype=np.float32), np.array(q)
        values = agent.policy.value(torch.from_numpy(states)).detach()
        np.testing.assert_allclose(values, q.max(axis=1), atol=0.1)  # of the best action, which it found
        np.testing.assert_array_equal(agent.select_action(states, training=False), q.argmax(axis=1))

    @pytest.mark.parametrize("n_dims", [1, 2, 6])
    def test_aiming(self, n_dims):
        assert aiming_error(n_dims) < 0.1

    @staticmethod
    def endless_value(world, gae_lambda=0.95):
        agent = PPO(1, 1, discrete=True, **SMALL, gamma=0.8, gae_lambda=gae_lambda)
        agent.learn(copies(world), 40 * 128)
        return agent.policy.value(torch.zeros(1)).item()

    def test_a_time_limit_is_not_the_end(self):
        """A reward of 1 for ever is worth 1 / (1 - gamma) = 5, wherever the clock cuts it."""
        assert self.endless_value(EndlessOnes) == pytest.approx(5, abs=0.25)
        assert self.endless_value(lambda: AsTerminated(EndlessOnes())) < 2  # the episode has one step


class AsTerminated(gym.Wrapper):
    """The mistake: the time limit is reported as an end of the task."""

    def step(self, action):
        state, reward, terminated, truncated, info = self.env.step(action)
        return state, reward, terminated or truncated, False, info


class TestBreakingAnEquationBreaksLearning:
    """Training goes through the importable functions: with one of them wrong, aiming fails."""

    @pytest.mark.parametrize(
        ("module", "name", "wrong"),
        [
            (rollout, "compute_gae", lambda rewards, *rest: -returns.compute_gae(rewards, *rest)),
            (returns, "td_error", lambda *inputs: -td_error(*inputs)),
            (ppo, "clipped_surrogate_loss", lambda *inputs: -clipped_surrogate_loss(*inputs)),
            (
                actor_critic,
                "gaussian_log_prob",
                lambda action, mean, log_std: -gaussian_log_prob(action, mean, log_std),
            ),
            (actor_critic, "gaussian_entropy", lambda log_std: 100 * gaussian_entropy(log_std)),
        ],
    )
    def test_aiming_wrong(self, monkeypatch, module, name, wrong):
        monkeypatch.setattr(module, name, wrong)
        assert not aiming_error(entropy_coef=0.01) < 0.2

    def test_aiming_right(self):
        assert aiming_error(entropy_coef=0.01) < 0.1

    def test_a_broken_critic(self, monkeypatch):
        world, states, _ = PROBES["two steps"]
        monkeypatch.setattr(ppo, "value_loss", lambda *inputs: -value_loss(*inputs))
        agent = PPO(1, 1, discrete=True, **SMALL)
        agent.learn(copies(world), 20 * 128)
        assert not agent.policy.value(torch.tensor(states[1])).item() == pytest.approx(1, abs=0.5)


td_error, clipped_surrogate_loss, value_loss = returns.td_error, ppo.clipped_surrogate_loss, ppo.value_loss
gaussian_log_prob, gaussian_entropy = actor_critic.gaussian_log_prob, actor_critic.gaussian_entropy


class TestEpisodesNeverMix:
    """Observations are (episode, step): a transition goes from (e, t) to (e, t + 1)."""

    @MODES
    @pytest.mark.parametrize("terminates", [True, False])
    def test_in_the_buffer(self, mode, terminates, monkeypatch):
        seen = []

        def watched(self):
            seen.append(copy.deepcopy(self.buffer))
            self.buffer.clear()

        monkeypatch.setattr(PPO, "update", watched)
        envs = SyncVectorEnv([lambda n=n: Counting(n, terminates) for n in (1, 2, 5)], autoreset_mode=mode)
        agent = PPO(2, 2, discrete=True, **SMALL)
        history = agent.learn(envs, 120)
        for buffer in seen:
            states, following = buffer.states[buffer.real], buffer.next_states[buffer.real]
            assert torch.equal(following - states, torch.tensor([0.0, 1.0]).expand_as(states))
            assert torch.equal(buffer.rewards[buffer.real], following[:, 1])
            ends = buffer.terminated if terminates else buffer.truncated
            assert torch.equal(ends[buffer.real], following[:, 1] == torch.tensor([1, 2, 5]).expand(16, 3)[buffer.real])
        assert sum(len(buffer.states[buffer.real]) for buffer in seen) >= 120
        assert set(history.lengths[0]) == {1, 2, 5} and set(history.returns[0]) == {1, 3, 15}
        assert all(buffer.real.all() for buffer in seen) == (mode is not AutoresetMode.NEXT_STEP)

    def test_steps_that_only_reset_are_not_counted(self):
        agent = PPO(2, 2, discrete=True, **SMALL)
        history = agent.learn(copies(lambda: Counting(3), 4, AutoresetMode.NEXT_STEP), 48)
        assert agent.steps_taken == 48 and history.end_steps.max() == 48  # 4 copies, 12 of 16 steps each


class TestBounds:
    def test_actions_are_clipped_where_they_are_sent_and_nowhere_else(self, monkeypatch):
        sent, stored = [], []

        class Recording(Aim):
            def step(self, action):
                sent.append(action.copy())
                return super().step(action)

        push = rollout.RolloutBuffer.push
        monkeypatch.setattr(
            rollout.RolloutBuffer,
            "push",
            lambda self, state, action, *rest: (stored.append(action), push(self, state, action, *rest)),
        )
        agent = PPO(1, 1, **SMALL, log_std_init=1.0)
        agent.learn(Recording(), 16)
        sent, stored = np.concatenate(sent), torch.cat(stored)[:, 0].numpy()
        assert abs(stored).max() > 1 == abs(sent).max()
        np.testing.assert_array_equal(sent, stored.clip(-1, 1))

    def test_without_training_the_action_is_within_them(self):
        agent = PPO(3, 1, **SMALL)
        with torch.no_grad():
            agent.policy.actor.layers()[-1][1].fill_(9.0)
        assert agent.select_action(np.zeros(3), training=False) == pytest.approx(9)  # no environment yet
        agent.learn(gym.make("Pendulum-v1"), 1)
        with torch.no_grad():
            agent.policy.actor.layers()[-1][1].fill_(9.0)
        assert agent.select_action(np.zeros(3), training=False) == 2
        assert agent.select_action(np.zeros((5, 3))).max() > 2


class TestActing:
    @pytest.mark.parametrize("kind", ["numpy", "torch"])
    def test_one_or_many_of_either_kind(self, kind):
        one, many = np.zeros(3, dtype=np.float32), np.zeros((5, 3), dtype=np.float32)
        if kind == "torch":
            one, many = torch.from_numpy(one), torch.from_numpy(many)
        agent, numbered = PPO(3, 2, **SMALL), PPO(3, 4, discrete=True, **SMALL)
        for training in (True, False):
            assert agent.select_action(one, training).shape == (2,) and agent.select_action(many, training).shape == (
                5,
                2,
            )
            assert numbered.select_action(many, training).shape == (5,)
            assert type(agent.select_action(one, training)) is type(one)
        assert int(numbered.select_action(one)) in range(4)

    def test_looking_changes_nothing(self):
        agents = [PPO(1, 1, **SMALL) for _ in range(2)]
        for agent, looks in zip(agents, (False, True), strict=True):
            learning = agent.learning(copies(Aim))
            for _ in range(3):
                next(learning)
                if looks:
                    agent.select_action(np.zeros((9, 1)), training=False)
        assert torch.equal(agents[0].policy.actor.weights, agents[1].policy.actor.weights)


class TestLearning:
    def test_same_seed_same_weights(self):
        def weights(seed):
            agent = PPO(4, 2, discrete=True, **SMALL, seed=seed)
            agent.learn(gym.make("CartPole-v1"), 64)
            return agent.policy.actor.weights.detach()

        assert torch.equal(weights(3), weights(3)) and not torch.equal(weights(3), weights(4))

    def test_arms_of_numpy_and_torch_learn_alike(self):
        """The random numbers differ, so the runs do; that both improve is what can be compared."""
        fresh = gym.make_vec("rlbook/Reach-v0", num_envs=256)
        for device in (None, "cpu"):
            envs = gym.make_vec("rlbook/Reach-v0", num_envs=256, device=device)
            agent = PPO.for_many_arms(10, 2, batch_size=1024)

            def worth(agent=agent):
                return evaluate(lambda seen: agent.select_action(seen, training=False), fresh, 256).returns.mean()

            before = worth()
            history = agent.learn(envs, 256 * 8 * 32)
            assert worth() > before + 1
            assert history.metrics["entropy"].shape == (32,)

    def test_whole_rounds(self):
        agent = PPO(2, 2, discrete=True, **SMALL)
        history = agent.learn(copies(lambda: Counting(4), 2), 33)
        assert agent.steps_taken == 64 and history.returns.size == 16
        assert all(len(values) == 2 for values in history.metrics.values())

    def test_interrupting_keeps_what_was_learned(self):
        class Stopped(Counting):
            def step(self, action):
                if self.episode == 20:
                    raise KeyboardInterrupt
                return super().step(action)

        agent = PPO(2, 2, discrete=True, **SMALL)
        history = agent.learn(Stopped(4), 10_000)
        assert history.interrupted and agent.steps_taken == 64
        agent.learn(Counting(4), 16)  # what was in the buffer is forgotten
        assert agent.steps_taken == 80

    @pytest.mark.parametrize("what", ["observation", "reward"])
    def test_what_is_not_finite_stops_training_and_names_the_step(self, what):
        class Broken(Aim):
            steps = 0

            def step(self, action):
                self.steps += 1
                state, reward, *rest = super().step(action)
                bad = self.steps == 21
                return (
                    (state * np.nan if bad and what == "observation" else state),
                    (np.nan if bad and what == "reward" else reward),
                    *rest,
                )

        agent = PPO(1, 1, **SMALL)
        with pytest.raises(ValueError, match=f"step 21: the {what} of copy 0 is .*nan.*; accepted are finite numbers"):
            agent.learn(Broken(), 100)
        assert torch.isfinite(agent.policy.actor.weights).all()

    def test_environments_that_do_not_fit(self):
        with pytest.raises(ValueError, match=r"the action space is Box.*accepted is Discrete\(2\)"):
            PPO(3, 2, discrete=True).learn(gym.make("Pendulum-v1"), 10)
        with pytest.raises(ValueError, match=r"the action space is Discrete\(2\); accepted is a Box of shape \(2,\)"):
            PPO(4, 2).learn(gym.make("CartPole-v1"), 10)
        with pytest.raises(ValueError, match=r"accepted is a Box of shape \(4,\)"):
            PPO(4, 1).learn(gym.make("Pendulum-v1"), 10)


class TestFiles:
    SETTINGS: ClassVar = {
        **SMALL,
        "normalise_observations": True,
        "normalise_returns": True,
        "target_kl": 0.01,
        "kl_steers_lr": True,
    }

    def test_it_goes_on_exactly(self, tmp_path):
        agent = PPO(3, 1, **self.SETTINGS)
        agent.learn(gym.make("Pendulum-v1"), 64)
        agent.save(tmp_path / "agent")
        again = PPO.load(tmp_path / "agent")
        assert again.config == agent.config and again.stats == agent.stats
        for one in (agent, again):
            one.learn(gym.make("Pendulum-v1"), 64)
        for name, value in agent.policy.state_dict().items():
            assert torch.equal(value, again.policy.state_dict()[name]), name
        assert agent.current_lr == again.current_lr and agent.steps_taken == again.steps_taken == 128

    @pytest.mark.parametrize(
        "forgotten", ["optimizer.0.exp_avg", "random", "policy.returns.mean", "_lr_factor", "envs"]
    )
    def test_what_is_saved_matters(self, tmp_path, forgotten):
        agent, path = PPO(3, 1, **self.SETTINGS), tmp_path / "agent"
        agent.learn(gym.make("Pendulum-v1"), 64)
        agent.save(path)
        arrays, parts = load_arrays(path, "PPO")
        if forgotten in arrays:
            arrays[forgotten] = PPO(3, 1, **self.SETTINGS)._state()[0].get(forgotten, 0 * arrays[forgotten])
        elif forgotten == "envs":
            parts["state"]["random"] = [np.random.default_rng(99).bit_generator.state]
        else:
            parts["state"][forgotten] = 0.5
        save_arrays(path, "PPO", arrays, parts)
        again = PPO.load(path)
        for one in (agent, again):
            one.learn(gym.make("Pendulum-v1"), 64)
        assert not torch.equal(agent.policy.actor.weights, again.policy.actor.weights)

    def test_bounds_come_along(self, tmp_path):
        agent = PPO(3, 1, **SMALL)
        agent.learn(gym.make("Pendulum-v1"), 1)
        agent.save(tmp_path / "agent")
        again = PPO.load(tmp_path / "agent")
        with torch.no_grad():
            again.policy.actor.layers()[-1][1].fill_(9.0)
        assert again.select_action(np.zeros(3), training=False) == 2

    def test_a_policy_is_a_small_file(self, tmp_path):
        agent = PPO.for_many_arms(10, 2)
        agent.save(tmp_path / "arm")
        assert (tmp_path / "arm").stat().st_size < 200_000

    @pytest.mark.parametrize("lost", ["policy.actor.weights", "random"])
    def test_a_file_that_lacks_something(self, tmp_path, lost):
        PPO(3, 1, **SMALL).save(tmp_path / "agent")
        arrays, parts = load_arrays(tmp_path / "agent", "PPO")
        del arrays[lost]
        save_arrays(tmp_path / "agent", "PPO", arrays, parts)
        with pytest.raises(ValueError, match="agent is no complete PPO of this version"):
            PPO.load(tmp_path / "agent")


def test_a_round_of_nothing_but_a_reset():
    """With NEXT_STEP an episode's end is followed by a step that is none; a round of one such step teaches nothing."""
    agent = PPO(4, 2, discrete=True, **{**SMALL, "n_steps": 1})
    agent.learn(gym.make_vec("CartPole-v1", num_envs=1, vectorization_mode="sync"), 150)
    assert agent.steps_taken >= 150
