"""What learners with networks do alike: observations as tensors, one step down a loss, and their part of the files."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from rlbook.learning.learner import Learner
from rlbook.learning.networks import shorten
from rlbook.learning.saving import check_shape
from rlbook.validation import check_arguments


class NetworkLearner(Learner):
    """Base of learners whose estimates are networks. A subclass names what its files hold.

    It makes ``_optimizer``, has ``max_grad_norm`` and ``anneal_steps`` among its hyperparameters, and tells the
    learning rate of the moment by ``current_lr``. ``steps_taken`` counts the steps of all environments.
    """

    networks: ClassVar[tuple[str, ...]]  # attributes that are modules
    counts: ClassVar[tuple[str, ...]]  # attributes that JSON can hold
    generators: ClassVar[tuple[str, ...]]  # NumPy's generators, dots allowed
    _optimizer: torch.optim.Optimizer

    def __init__(self, sizes: dict, seed: int, device, hyperparameters: dict):
        """``sizes`` are ``state_dim``, ``action_dim`` and what else belongs into a file beside the hyperparameters."""
        counts = "state_dim", "action_dim"
        check_arguments({**sizes, "seed": seed}, count=counts, natural=("seed",), single=True)
        super().__init__(sizes | {name: int(sizes[name]) for name in counts}, hyperparameters)
        self.device, self.steps_taken = torch_device(device), 0

    @classmethod
    def load(cls, path, device="cpu", **rules) -> NetworkLearner:
        return super().load(path, torch_device(device), **rules)

    def annealed(self, lr: float) -> float:
        """A learning rate now: in a line down to zero at ``anneal_steps`` environment steps, unless that is None."""
        return lr if self.anneal_steps is None else lr * max(0.0, 1 - self.steps_taken / self.anneal_steps)

    def _tensor(self, values) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.float32, device=self.device)

    def _states(self, state) -> torch.Tensor:
        states = self._tensor(state)
        if states.shape[-1:] != (self.state_dim,):
            raise ValueError(f"state has shape {tuple(states.shape)}; accepted is (..., {self.state_dim})")
        return states

    def _descend(self, loss: torch.Tensor) -> None:
        """One step down the loss's gradient, shortened to ``max_grad_norm`` first unless that is None."""
        (group,) = self._optimizer.param_groups
        for parameter in group["params"]:
            parameter.grad = None  # the optimiser's zero_grad takes 3 % of a training step of DQN
        loss.backward()
        if self.max_grad_norm is not None:
            shorten(group["params"], self.max_grad_norm)
        group["lr"] = self.current_lr
        self._optimizer.step()

    def _state(self) -> tuple[dict[str, np.ndarray], dict]:
        arrays = {
            f"{name}.{key}": value.cpu().numpy()
            for name in self.networks
            for key, value in getattr(self, name).state_dict().items()
        }
        remembered = self._optimizer.state_dict()["state"]
        for i, memory in remembered.items():
            arrays |= {f"optimizer.{i}.{key}": value.cpu().numpy() for key, value in memory.items()}
        state = {name: getattr(self, name) for name in self.counts}
        return arrays, {**state, "random": [generator.bit_generator.state for generator in self._random()]}

    def _restore(self, arrays: dict[str, np.ndarray], state: dict) -> None:
        for name in self.networks:
            network: nn.Module = getattr(self, name)
            network.load_state_dict({key: torch.as_tensor(arrays[f"{name}.{key}"]) for key in network.state_dict()})
        remembered: dict[int, dict[str, torch.Tensor]] = {}
        for key in arrays:
            if key.startswith("optimizer."):
                _, i, name = key.split(".")
                wanted = () if name == "step" else tuple(self._optimizer.param_groups[0]["params"][int(i)].shape)
                remembered.setdefault(int(i), {})[name] = torch.as_tensor(check_shape(key, arrays[key], wanted))
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": remembered})
        for name in self.counts:
            setattr(self, name, state[name])
        for generator, saved in zip(self._random(), state["random"], strict=True):
            generator.bit_generator.state = saved

    def _random(self) -> list[np.random.Generator]:
        return [attrgetter(name)(self) for name in self.generators]


def torch_device(device) -> torch.device:
    """The device of that name; ValueError for a name that torch does not know, or a device that is not here."""
    try:
        torch.empty(0, device=device)
        return torch.device(device)
    except (RuntimeError, AssertionError, TypeError) as error:
        why = str(error).splitlines()[0][:100]
        raise ValueError(f"device is {device!r}; accepted are torch's devices that are here: {why}") from None


def check_finite(loss: float, n_steps: int) -> None:
    """Raise ValueError for a loss that has left the numbers of single precision, and taken the weights along."""
    if not math.isfinite(loss):
        raise ValueError(
            f"after {n_steps} steps the loss is {loss}, and so are the weights; smaller rewards or a smaller learning "
            "rate may help"
        )


def as_given(values: torch.Tensor, state):
    """Values as a tensor where ``state`` is one, or else in NumPy or as a number."""
    if isinstance(state, torch.Tensor):
        return values.to(state.device)
    return values.cpu().numpy() if values.ndim else values.item()
