"""What learners with networks share: where they live, and losses that leave the numbers."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlbook.dqn import DQNAgent
from rlbook.learning.networks import shorten
from rlbook.ppo import PPO

SMALL = {"hidden_dims": (8,), "batch_size": 8}
LEARNERS = {"DQNAgent": (DQNAgent, SMALL), "PPO": (PPO, {**SMALL, "n_steps": 8, "n_epochs": 1})}


@pytest.fixture(params=LEARNERS)
def make(request):
    learner, settings = LEARNERS[request.param]
    return lambda state_dim=3, action_dim=2, **changes: learner(state_dim, action_dim, **{**settings, **changes})


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "mps:7", 3.5])
def test_a_device_that_is_not_here_is_refused(make, tmp_path, device):
    with pytest.raises(
        ValueError, match=f"device is {device!r}; accepted are torch's devices that are here"
    ) as refused:
        make(device=device)
    assert len(str(refused.value)) < 200
    agent = make()
    agent.save(tmp_path / "agent")
    with pytest.raises(ValueError, match=f"device is {device!r}; accepted are torch's devices that are here"):
        type(agent).load(tmp_path / "agent", device=device)
    assert type(agent).load(tmp_path / "agent", device="cpu").device == torch.device("cpu")


class Paying(gym.Env):
    """Pays a number that is finite, and not in single precision."""

    observation_space = gym.spaces.Box(-1, 1, (3,))

    def __init__(self, discrete: bool):
        self.action_space = gym.spaces.Discrete(2) if discrete else gym.spaces.Box(-1, 1, (2,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(3, np.float32), {}

    def step(self, action):
        return np.zeros(3, np.float32), 1e30, False, False, {}


def test_a_loss_beyond_all_numbers_stops_training(make):
    agent = make()
    with pytest.raises(
        ValueError, match=r"after \d+ steps the loss is (inf|nan), and so are the weights; smaller rewards"
    ):
        agent.learn(Paying(discrete=isinstance(agent, DQNAgent)), 64)


def test_torques_in_whole_numbers_are_refused():
    envs = Paying(discrete=False)
    envs.action_space = gym.spaces.Box(-3, 3, (2,), dtype=np.int64)
    with pytest.raises(ValueError, match=r"the action space is Box.*, of whole numbers; accepted is a Box of floats"):
        PPO(3, 2).learn(envs, 10)


@pytest.mark.parametrize("sizes", [(4,), (4, 3)])
def test_gradients_are_shortened_together(sizes):
    """Of length 13 in all: 5 and 12, or 13 alone."""
    lengths = (13.0,) if len(sizes) == 1 else (5.0, 12.0)
    parameters = [torch.nn.Parameter(torch.zeros(size)) for size in sizes]
    for weights, length in zip(parameters, lengths, strict=True):
        weights.grad = torch.zeros_like(weights)
        weights.grad[1] = length
    shorten(parameters, 20.0)
    assert [weights.grad.norm().item() for weights in parameters] == pytest.approx(lengths)
    shorten(parameters, 1.0)
    assert [weights.grad[1].item() for weights in parameters] == pytest.approx([x / 13 for x in lengths], rel=1e-5)
