"""What networks share: all weights in one vector."""

from __future__ import annotations


def flat_parameters(module):
    """All weights of a torch module as one vector (n_weights,), which they live in from now on; gradients likewise.

    Optimiser, gradient clipping and target networks then need one operation each in place of one a layer.
    """
    parameters = list(module.parameters())
    n_weights = sum(parameter.numel() for parameter in parameters)
    flat = parameters[0].detach().new_empty(n_weights)
    flat.grad = flat.new_zeros(n_weights)
    begin = 0
    for parameter in parameters:
        end = begin + parameter.numel()
        flat[begin:end] = parameter.detach().reshape(-1)
        parameter.data = flat[begin:end].view_as(parameter)
        parameter.grad = flat.grad[begin:end].view_as(parameter)
        begin = end
    return flat
