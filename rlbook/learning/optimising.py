"""What learners with networks do alike: one step down a loss, and the files' part of optimiser and random numbers."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


def descend(optimizer: torch.optim.Optimizer, loss: torch.Tensor, lr: float, max_grad_norm: float | None) -> None:
    """One step of size ``lr`` down the loss's gradient, shortened to ``max_grad_norm`` first unless that is None."""
    (group,) = optimizer.param_groups
    optimizer.zero_grad()
    loss.backward()
    if max_grad_norm is not None:
        nn.utils.clip_grad_norm_(group["params"], max_grad_norm)
    group["lr"] = lr
    optimizer.step()


def annealed(lr: float, steps_taken: int, anneal_steps: int | None) -> float:
    """The learning rate after so many environment steps: in a line down to zero at ``anneal_steps``, unless None."""
    return lr if anneal_steps is None else lr * max(0.0, 1 - steps_taken / anneal_steps)


def optimizer_arrays(optimizer: torch.optim.Optimizer) -> dict[str, np.ndarray]:
    """What an optimiser remembers of each of its parameters: {"optimizer.0.exp_avg": array, ...}."""
    memory = optimizer.state_dict()["state"]
    return {f"optimizer.{i}.{name}": value.cpu().numpy() for i in memory for name, value in memory[i].items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, arrays: dict[str, np.ndarray]) -> None:
    """Take over what ``optimizer_arrays`` gave; other arrays may be among them."""
    memory: dict[int, dict] = {}
    for key in arrays:
        if key.startswith("optimizer."):
            _, i, name = key.split(".")
            memory.setdefault(int(i), {})[name] = torch.as_tensor(arrays[key])
    optimizer.load_state_dict({**optimizer.state_dict(), "state": memory})


def restore_generator(generator: torch.Generator, state: np.ndarray) -> None:
    """Go on drawing where another generator stood, if it was one of the same device; devices draw differently."""
    if len(state) == len(generator.get_state()):
        generator.set_state(torch.as_tensor(state))
