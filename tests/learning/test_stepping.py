"""The one door: environments that are none, or break Gymnasium's contract, are refused, naming the step."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import rlbook.envs  # noqa: F401  registers the environments
from rlbook.dqn import DQNAgent
from rlbook.learning.stepping import TrueSteps, evaluate
from rlbook.q_learning import QLearning

SMALL = {"hidden_dims": (8,), "batch_size": 8}


class Walk(gym.Env):
    """Discrete states that go round; ``broken`` says what is wrong from its third step on."""

    observation_space, action_space = gym.spaces.Discrete(3), gym.spaces.Discrete(2)

    def __init__(self, **broken):
        self.broken, self.closed = broken, False

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return 0, {}

    def step(self, action):
        self.t += 1
        answer = {"state": self.t % 3, "reward": 1.0, "terminated": False, "truncated": False, "info": {}}
        return tuple((answer | (self.broken if self.t >= 3 else {})).values())

    def close(self):
        self.closed = True


class Vector(Walk):
    observation_space = gym.spaces.Box(-10, 10, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action):
        state, *rest = super().step(action)
        return (np.full(2, state, np.float32) if isinstance(state, int) else state), *rest


TABLE_FAULTS = [
    ({"state": -1}, "step 3: the observation of copy 0 is -1; accepted are the states 0 to 2"),
    ({"state": 3}, "step 3: the observation of copy 0 is 3; accepted are the states 0 to 2"),
    (
        {"state": np.array([1])},
        r"step 3: the observation is an array of shape \(1,\).*is one of Discrete\(3\)",
    ),
    ({"state": 1.0}, r"step 3: the observation is 1\.0; accepted is one of Discrete\(3\)"),
    ({"state": None}, "step 3: the observation is None"),
    ({"reward": np.nan}, "step 3: the reward of copy 0 is nan; accepted are finite numbers"),
    ({"reward": np.inf}, "step 3: the reward of copy 0 is inf"),
    ({"reward": None}, "step 3: the reward is None; accepted is one number"),
    ({"reward": "1"}, "step 3: the reward is '1'; accepted is one number"),
    ({"reward": np.ones(2)}, "step 3: the reward is .*; accepted is one number"),
    ({"terminated": None}, "step 3: terminated is None; accepted are True and False"),
    ({"truncated": "no"}, "step 3: truncated is 'no'; accepted are True and False"),
    ({"extra": 1}, "step 3: step returned 6 values; accepted are the five of Gymnasium"),
]
VECTOR_FAULTS = [
    (
        {"state": np.array([0, np.nan], np.float32)},
        r"step 3: the observation of copy 0 is \[ 0\. nan\]; accepted",
    ),
    ({"state": np.array([np.inf, 0], np.float32)}, r"step 3: the observation of copy 0 is \[inf  0\.\]"),
    ({"state": np.zeros(3, np.float32)}, r"step 3: the observation is an array of shape \(3,\)"),
    ({"state": np.array(["a", "b"])}, "step 3: the observation is an array"),
    ({"state": [[1.0], 2.0]}, "step 3: the observation is"),
    ({"reward": np.nan}, "step 3: the reward of copy 0 is nan"),
]


class TestValues:
    @pytest.mark.parametrize(("broken", "words"), TABLE_FAULTS)
    def test_a_table(self, broken, words):
        with pytest.raises(ValueError, match=words):
            QLearning(3, 2).learn(Walk(**broken), total_steps=20)

    @pytest.mark.parametrize(("broken", "words"), TABLE_FAULTS[:2] + TABLE_FAULTS[5:8])
    def test_many_agents(self, broken, words):
        with pytest.raises(ValueError, match=words):
            QLearning(3, 2, n_agents=4).learn(Walk(**broken), total_steps=80)

    @pytest.mark.parametrize(("broken", "words"), VECTOR_FAULTS)
    def test_a_network(self, broken, words):
        with pytest.raises(ValueError, match=words):
            DQNAgent(2, 2, **SMALL).learn(Vector(**broken), 20)

    @pytest.mark.parametrize(("broken", "words"), [VECTOR_FAULTS[0], VECTOR_FAULTS[-1]])
    def test_vector_environments(self, broken, words):
        envs = SyncVectorEnv([Vector, lambda: Vector(**broken)])
        with pytest.raises(ValueError, match=words.replace("copy 0", "copy 1")):
            DQNAgent(2, 2, **SMALL).learn(envs, 20)

    @pytest.mark.parametrize(("broken", "words"), VECTOR_FAULTS[:2])
    def test_evaluation(self, broken, words):
        with pytest.raises(ValueError, match=words):
            evaluate(lambda states: np.zeros(len(states), int), Vector(**broken), 1)

    @pytest.mark.parametrize("right", [{"reward": np.float32(2)}, {"reward": np.array(2.0)}, {"reward": True}])
    def test_numbers_of_other_kinds_are_right(self, right):
        QLearning(3, 2).learn(Walk(**right), total_steps=5)

    @pytest.mark.parametrize("right", [{"terminated": np.bool_(True)}, {"terminated": 1}, {"truncated": 1}])
    def test_flags_of_other_kinds_are_right(self, right):
        history = QLearning(3, 2).learn(Walk(**right), total_steps=7)
        assert history.lengths.tolist() == [[3, 3]]


class FourValues(Walk):
    def step(self, action):
        return 1, 0.0, True, {}


class OnlyState(Walk):
    def reset(self, *, seed=None, options=None):
        return 0


class NoSeed(Walk):
    def reset(self):
        return 0, {}


class NoInfo(Walk):
    def reset(self, *, seed=None, options=None):
        return 0, 0


class TestForm:
    @pytest.mark.parametrize("n_agents", [1, 3])
    @pytest.mark.parametrize(
        ("env", "words"),
        [
            (FourValues, "step 1: step returned 4 values; accepted are the five of Gymnasium"),
            (OnlyState, r"step 0: reset returned 0; accepted is reset\(\*, seed=None, options=None\)"),
            (NoSeed, "reset of NoSeed takes no seed; accepted is reset"),
            (NoInfo, "step 0: reset returned 2 values"),
        ],
    )
    def test_reset_and_step(self, env, words, n_agents):
        with pytest.raises(ValueError, match=words):
            QLearning(3, 2, n_agents=n_agents).learn(env(), total_steps=10)

    def test_an_error_of_the_environments_own_is_told_as_it_is(self):
        class Broken(Walk):
            def reset(self, *, seed=None, options=None):
                raise TypeError("unsupported operand")

        with pytest.raises(TypeError, match="unsupported operand"):
            QLearning(3, 2).learn(Broken(), total_steps=3)

    def test_what_is_no_environment(self):
        from stable_baselines3.common.vec_env import DummyVecEnv

        peers = DummyVecEnv([lambda: gym.make("CartPole-v1")])
        for what, words in (
            ("CartPole-v1", r"the environment is 'CartPole-v1', a name; .*: gym.make\('CartPole-v1'\)"),
            (Walk, r"the environment is the class Walk; .*, here Walk\(\)"),
            (peers, "the environment is a DummyVecEnv of stable_baselines3; .* from gym.make or gym.make_vec"),
            (None, "the environment is a NoneType"),
        ):
            for learn in (DQNAgent(4, 2, **SMALL).learn, QLearning(4, 2).learn):
                with pytest.raises(ValueError, match=words):
                    learn(what, 10)
            with pytest.raises(ValueError, match=words):
                evaluate(lambda states: states, what, 1)

    @pytest.mark.parametrize("n_agents", [1, 3])
    def test_the_readers_environment_stays_open(self, n_agents):
        env = Walk()
        QLearning(3, 2, n_agents=n_agents).learn(env, total_steps=30)
        assert not env.closed


class Reuses(Vector):
    """Hands out the memory it works in."""

    def reset(self, *, seed=None, options=None):
        self.memory = super().reset(seed=seed)[0]
        return self.memory, {}

    def step(self, action):
        state, *rest = super().step(action)
        self.memory[:] = state
        return self.memory, *rest


class TestObservationsAreItsOwn:
    def test_a_single_environment(self):
        steps = TrueSteps(Reuses(), seed=0)
        state = steps.state
        next_state = steps.step(np.zeros(1, int)).next_state
        assert state.tolist() == [[0, 0]] and next_state.tolist() == [[1, 1]]

    def test_tensors(self):
        envs = gym.make_vec("rlbook/Reach-v0", num_envs=3, device="cpu")
        steps = TrueSteps(envs, seed=0, device="cpu")
        before, kept = steps.state, steps.state.clone()
        steps.step(torch.ones(3, 2))
        assert torch.equal(before, kept) and not torch.equal(steps.state, kept)


@pytest.mark.parametrize("mode", [AutoresetMode.DISABLED, AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
class TestNumpyAndTorch:
    """The same arms, told in arrays or in tensors, whatever the environment computes in."""

    @pytest.mark.parametrize("env_device", [None, "cpu"])
    def test_the_same_steps(self, mode, env_device):
        told = []
        for device in (None, "cpu"):
            envs = gym.make_vec("rlbook/Reach-v0", num_envs=4, max_steps=3, autoreset_mode=mode, device=env_device)
            steps = TrueSteps(envs, seed=5, device=device)
            told.append([steps.step(np.full((4, 2), 0.1 * i, np.float32)) for i in range(9)])
        for numpys, torchs in zip(*told, strict=True):
            for ours, theirs in zip(numpys, torchs, strict=True):
                assert isinstance(ours, np.ndarray) and isinstance(theirs, torch.Tensor)
                np.testing.assert_array_equal(ours, theirs.numpy())

    def test_every_learner_takes_tensors(self, mode):
        envs = gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=4, max_steps=5, autoreset_mode=mode, device="cpu")
        agent = DQNAgent(10, 9, **SMALL)
        history = agent.learn(envs, 60)
        assert history.lengths.max() == 5 and agent.n_updates > 0
        outcome = evaluate(lambda states: agent.select_action(states, training=False), envs, 6)
        assert isinstance(outcome.returns, np.ndarray) and len(outcome.returns) == 6

    def test_no_reset_is_a_step(self, mode):
        envs = gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=4, max_steps=5, autoreset_mode=mode)
        agent = DQNAgent(10, 9, **SMALL)
        history = agent.learn(envs, 60)
        assert len(agent.buffer) == 60 or (mode is AutoresetMode.NEXT_STEP and 60 <= len(agent.buffer) < 64)
        assert np.nansum(history.lengths) <= len(agent.buffer)


class Simulator(gym.vector.VectorEnv):
    """Three copies of a walk of 3, 4 and 5 steps, as a simulator tells it; ``told`` changes what ``step`` says."""

    single_observation_space, single_action_space = gym.spaces.Box(0, 9, (1,), np.float32), gym.spaces.Discrete(2)
    num_envs, lengths = 3, np.array([3, 4, 5])

    def __init__(self, mode=AutoresetMode.DISABLED, **told):
        self.metadata, self.told = {"autoreset_mode": mode}, told

    def reset(self, *, seed=None, options=None):
        self.t = np.where(options["reset_mask"], 0, self.t) if options else np.zeros(3, int)
        return np.float32(self.t)[:, None], {}

    def step(self, action):
        self.t = self.t + 1
        done = self.t >= self.lengths
        answer = {
            "state": np.float32(self.t)[:, None],
            "reward": np.ones(3),
            "terminated": done,
            "truncated": ~done & done,
        }
        return *(self.told.get(name, lambda it: it)(value) for name, value in answer.items()), {}


def idle(states):
    return np.zeros(len(states), int)


class TestSomebodysSimulator:
    @pytest.mark.parametrize(
        "how",
        [
            *(lambda flags, kind=kind: flags.astype(kind) for kind in (bool, int, np.uint8, float)),
            *(torch.tensor, lambda flags: torch.tensor(flags).int()),
        ],
    )
    def test_flags_in_numbers(self, how):
        outcome = evaluate(idle, Simulator(terminated=how, truncated=how), 6)
        assert outcome.lengths.tolist() == [3, 3, 4, 4, 5, 5] and outcome.terminated.dtype == bool
        agent = DQNAgent(1, 2, **SMALL)
        agent.learn(Simulator(terminated=how, truncated=how), 36)
        ends, next_states = agent.buffer.rows()[:, -1] > 0, agent.buffer.rows()[:, -2]
        assert sorted(set(next_states[ends])) == [3, 4, 5]

    @pytest.mark.parametrize(
        ("told", "words"),
        [
            (
                {"terminated": lambda flags: flags * 2},
                "step 3: the terminated of copy 0 is 2; accepted are True and False",
            ),
            (
                {"truncated": lambda flags: flags - 0.5},
                "step 1: the truncated of copy 0 is -0.5; accepted are True and",
            ),
            ({"terminated": lambda flags: flags[:, None]}, r"step 1: the terminated is an array of shape \(3, 1\)"),
            ({"truncated": lambda flags: flags[0]}, "step 1: the truncated is "),
            ({"reward": lambda reward: reward[:, None]}, r"the reward is an array of shape \(3, 1\).*of shape \(3,\)"),
            (
                {"reward": lambda reward: reward.astype(object)},
                "the reward is an array .* type object; accepted are numbers",
            ),
            ({"reward": lambda reward: torch.tensor(reward)[:2]}, r"the reward is a tensor of shape \(2,\)"),
            ({"state": lambda state: state[:, 0]}, r"the observation is .* shape \(3,\).*; accepted are .* \(3, 1\)"),
            ({"state": lambda state: None}, "step 1: the observation is None; accepted are numbers"),
        ],
    )
    def test_what_is_refused(self, told, words):
        for use in (lambda envs: evaluate(idle, envs, 3), lambda envs: DQNAgent(1, 2, **SMALL).learn(envs, 30)):
            with pytest.raises(ValueError, match=words):
                use(Simulator(**told))

    def test_the_last_observation_must_be_told(self):
        with pytest.raises(ValueError, match=r"step 3: the environment's autoreset_mode is SAME_STEP.* no 'final_obs'"):
            evaluate(idle, Simulator(AutoresetMode.SAME_STEP), 3)

    def test_derivatives_are_left_behind(self):
        def derived(values):
            return torch.tensor(values, dtype=torch.float32, requires_grad=True)

        assert evaluate(idle, Simulator(state=derived, reward=derived), 3).returns.tolist() == [3, 4, 5]

    def test_derivatives_of_a_single_environment(self):
        env = Vector(
            state=torch.ones(2, requires_grad=True), reward=torch.tensor(2.0, requires_grad=True), truncated=True
        )
        assert evaluate(idle, env, 1).returns.tolist() == [1 + 1 + 2]


@pytest.mark.parametrize("n_agents", [1, 2])
def test_states_in_unsigned_numbers(n_agents):
    class Unsigned(Walk):
        observation_space = gym.spaces.Discrete(3, dtype=np.uint64)

    agent = QLearning(3, 2, n_agents=n_agents)
    agent.learn(Unsigned(), total_steps=6 * n_agents)
    assert agent.Q.max() > 0
    agent.update(*([np.uint64(i)] * n_agents for i in (0, 1)), 1.0, [np.uint64(2)] * n_agents, False)


def test_an_observation_that_its_space_cannot_hold():
    class Bytes(Walk):
        observation_space = gym.spaces.Box(0, 255, (1,), np.uint8)

        def reset(self, *, seed=None, options=None):
            return np.zeros(1, np.uint8), super().reset(seed=seed)[1]

        def step(self, action):
            return np.array([100 * self.t + 100]), *super().step(action)[1:]

    steps = TrueSteps(Bytes(), 0)
    assert [steps.step([0]).next_state.item() for _ in range(2)] == [100, 200]
    with pytest.raises(
        ValueError, match=r"step 3: the observation is an array .* that holds 300 to 300; accepted is one"
    ):
        steps.step([0])


class TestPolicies:
    @pytest.mark.parametrize(
        ("policy", "told"),
        [
            (lambda states: 0, "0"),
            (lambda states: None, "None"),
            (lambda states: np.zeros(1, int), r"an array of shape \(1,\)"),
            (lambda states: np.zeros((3, 1), int), r"an array of shape \(3, 1\)"),
            (lambda states: torch.zeros(2), r"a tensor of shape \(2,\)"),
            (lambda states: (np.zeros(3, int), None), "2 values"),  # as Stable-Baselines3's predict
            (lambda states: ["left"] * 3, r"\['left'"),
        ],
    )
    def test_what_they_return(self, policy, told):
        with pytest.raises(ValueError, match=rf"the policy returned {told}.*; accepted are actions of shape \(3,\)"):
            evaluate(policy, Simulator(), 3)

    def test_lists_and_tensors_are_right(self):
        for policy in (
            lambda states: [0] * len(states),
            lambda states: torch.zeros(len(states), requires_grad=True) > 0,
        ):
            assert evaluate(policy, Simulator(), 3).lengths.tolist() == [3, 4, 5]

    def test_what_is_none(self):
        with pytest.raises(ValueError, match=r"the policy is a DQNAgent; .*: lambda states: agent.select_action"):
            evaluate(DQNAgent(1, 2, **SMALL), Simulator(), 3)
        with pytest.raises(ValueError, match=r"the policy is a ndarray; accepted are functions of the states$"):
            evaluate(np.zeros(3), Simulator(), 3)

    @pytest.mark.parametrize(
        "wrong",
        [{"gamma": 1.5}, {"gamma": np.nan}, {"seed": -1}, {"seed": 1.5}, {"seed": None}, {"n_episodes": [1, 2]}],
    )
    def test_arguments(self, wrong):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is .*; accepted are "):
            evaluate(idle, Simulator(), **({"n_episodes": 3} | wrong))

    def test_whole_numbers_may_be_floats(self):
        assert len(evaluate(idle, Simulator(), 6.0, seed=1.0).lengths) == 6
