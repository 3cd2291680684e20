"""The bridge of notebook 3: the gradient that it computes by hand is that of autograd, and of small differences."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

from rlbook.dqn import QNetwork

SOURCE = (Path(__file__).parents[2] / "notebooks/03_dqn.py").read_text(encoding="utf-8")
DRAWS = range(20)


def function(name, mistake=None):
    """The notebook's own function; with a mistake put in, where a piece of its code and what replaces it are given."""
    (tree,) = (each for each in ast.parse(SOURCE).body if isinstance(each, ast.FunctionDef) and each.name == name)
    code = ast.unparse(tree)
    if mistake is not None:
        assert code.count(mistake[0]) == 1
        code = code.replace(*mistake)
    names = {"np": np}
    exec(code, names)
    return names[name]


def drawn(seed):
    """x, y, W, b, v and c of a network with two neurons."""
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=shape) for shape in (2, (), (2, 2), 2, 2, ()))


def by_autograd(x, y, W, b, v, c):
    network = QNetwork(state_dim=2, action_dim=1, hidden_dims=(2,)).double()
    with torch.no_grad():
        network.weights.copy_(torch.from_numpy(np.concatenate([W.ravel(), b, v, [c]])))
    ((torch.tensor(y) - network(torch.tensor(x))[0]) ** 2).backward()
    return network.weights.grad.numpy()


def by_differences(x, y, *weights, step=1e-6):
    def loss(values):
        W, b, v, c = values[:4].reshape(2, 2), values[4:6], values[6:8], values[8]
        return (y - v @ np.maximum(W @ x + b, 0) - c) ** 2

    values = np.concatenate([np.ravel(each) for each in weights])
    aside = step * np.eye(len(values))
    return np.array([(loss(values + each) - loss(values - each)) / (2 * step) for each in aside])


@pytest.mark.parametrize("seed", DRAWS)
def test_the_gradient_by_hand_is_that_of_autograd_and_of_small_differences(seed):
    by_hand = function("gradient_by_hand")(*drawn(seed))
    np.testing.assert_allclose(by_hand, by_autograd(*drawn(seed)), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(by_hand, by_differences(*drawn(seed)), rtol=1e-6, atol=1e-6)


MISTAKES = {
    "a neuron that answers 0 learns": (" * (z > 0)", ""),
    "the square lost its 2": ("-2 * (y - Q)", "-(y - Q)"),
    "uphill": ("-2 * (y - Q)", "2 * (y - Q)"),
    "rows and columns swapped": ("np.outer(by_z, x)", "np.outer(x, by_z)"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_gradient_by_hand_shows(mistake):
    wrong = function("gradient_by_hand", mistake)
    assert any(np.abs(wrong(*drawn(seed)) - by_autograd(*drawn(seed))).max() > 0.01 for seed in DRAWS)
