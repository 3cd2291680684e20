"""What networks learn by: how far values are off, how likely actions are, how far a policy moves, what that costs.

Every function takes NumPy or torch arrays. What experience says that a value should be is in ``returns``.
"""

from __future__ import annotations

import math

from rlbook.arrays import namespace

# ---------------------------------------------------------------- values (DQN)


def squared_loss(error):
    """The squared error itself, NumPy or torch: e^2. Mnih et al. (2015), equation 2."""
    return error * error


def huber_loss(error):
    """Huber's loss of every error, NumPy or torch: error^2 / 2 up to 1, |error| - 1/2 beyond. Huber (1964)."""
    # c (e - c / 2) with c = e cut to [-1, 1]: both branches in one
    capped = error.clip(-1, 1)
    return capped * (error - capped / 2)


def polyak_update(target, online, tau):
    """The target network's next weights: a part ``tau`` of the way to the online ones. Lillicrap et al. (2016)."""
    # theta_target <- (1 - tau) * theta_target + tau * theta
    return (1 - tau) * target + tau * online


# ---------------------------------------------------------------- policies (PPO)


def gaussian_log_prob(action, mean, log_std):
    """log pi(a | s) of independent Gaussians: action and mean (B, action_dim), log_std (action_dim,) -> (B,).

    NumPy or torch. Raises ValueError where action and mean differ in shape: (B,) against (B, 1) would make (B, B).
    """
    if action.shape != mean.shape:
        raise ValueError(f"action has shape {tuple(action.shape)}; accepted is that of mean, {tuple(mean.shape)}")
    z = (action - mean) / namespace(mean).exp(log_std)
    # log N(a; mu, sigma) = -z^2 / 2 - log sigma - log(2 pi) / 2, summed over the action's components
    return (-(z * z) / 2 - log_std - math.log(2 * math.pi) / 2).sum(-1)


def gaussian_entropy(log_std):
    """Entropy in nats of independent Gaussians, wherever their means: (..., action_dim) -> (...), NumPy or torch."""
    # H = sum of log sigma + log(2 pi e) / 2
    return (log_std + math.log(2 * math.pi * math.e) / 2).sum(-1)


def clipped_surrogate_loss(ratio, advantage, clip_epsilon):
    """The loss of every step, any shape, NumPy or torch. Schulman et al. (2017), equation 7, with its sign turned.

    ratio : pi(a | s) / pi_old(a | s).   The gradient is zero where the ratio left [1 - clip_epsilon, 1 + clip_epsilon]
    in the direction that the advantage asked for.
    """
    xp = namespace(ratio)
    # L = -min(rho A, clip(rho, 1 - epsilon, 1 + epsilon) A)
    return -xp.minimum(ratio * advantage, ratio.clip(1 - clip_epsilon, 1 + clip_epsilon) * advantage)


def value_loss(value, old_value, target, clip_value=None):
    """The critic's loss of every step, any shape, NumPy or torch.

    clip_value : if given, there is no gain in leaving ``old_value`` by more; Andrychowicz et al. (2021) found no good
    in it, so it is off by default.
    """
    # (V - R)^2, or the greater of that and the same with V kept near V_old
    loss = (value - target) ** 2
    if clip_value is None:
        return loss
    near = old_value + (value - old_value).clip(-clip_value, clip_value)
    return namespace(value).maximum(loss, (near - target) ** 2)


def approximate_kl(log_ratio):
    """How far the policy has moved, KL(pi_old || pi) in nats, from log ratios (n,) of actions that pi_old drew.

    Schulman (2020), "Approximating KL divergence": unbiased as the mean of -log rho is, but never negative.
    """
    # KL = mean of rho - 1 - log rho
    return (namespace(log_ratio).expm1(log_ratio) - log_ratio).mean()


def kl_exceeds(kl, target_kl):
    """Whether the policy has moved far enough for one round. Spinning Up (Achiam 2018) stops its passes there."""
    return kl > 1.5 * target_kl


def explained_variance(value, target):
    """The part of the targets' variance that the critic knows, (n,) each: 1 perfect, 0 no better than their mean.

    NaN where all targets are alike: there is nothing to explain.
    """
    # 1 - Var(R - V) / Var(R)
    xp = namespace(value)
    variance = xp.var(target)
    return 1 - xp.var(target - value) / variance if variance > 0 else variance * math.nan
