"""The exercises of chapter 4: policy gradients and PPO."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

import rlbook.envs  # noqa: F401  registers the arms
from rlbook.checks.exercise import Exercise
from rlbook.checks.mistakes import known_mistakes
from rlbook.checks.policy import PolicyExercise
from rlbook.losses import (
    approximate_kl,
    clipped_surrogate_loss,
    explained_variance,
    gaussian_entropy,
    gaussian_log_prob,
    kl_exceeds,
)
from rlbook.returns import compute_gae, td_target  # noqa: F401  td_target: for the mistakes

# ---------------------------------------------------------------- inputs


def _draw(rng, *shape):
    return rng.normal(size=shape).round(2)


def random_episodes(rng):
    """Rollouts of one environment (T,): a single step of every kind of end, two steps, and long ones with all ends."""
    for terminated, truncated in ((False, False), (True, False), (False, True), (True, True)):
        yield np.array([1.0]), np.array([3.0]), np.array([terminated]), np.array([truncated]), 0.5
    for ends in ((0, 0), (1, 0), (0, 1)):
        terminated, truncated = np.array([[end == 1, False] for end in ends]).T[0], np.zeros(2, bool)
        yield np.array([1.0, 2.0]), np.array([3.0, 7.0]), terminated, truncated, 0.5
        yield np.array([1.0, 2.0]), np.array([3.0, 7.0]), truncated, terminated, 0.5
    for T, gamma in ((8, 0.9), (12, 0.99)):
        ending = np.array([0.05, 0.5, 0.95, 0.5] * (T // 4))[rng.permutation(T)]
        yield _draw(rng, T), _draw(rng, T), ending < 0.1, ending > 0.9, gamma


def random_actions(rng):
    yield np.array([[1.0]]), np.array([[0.0]]), np.array([0.0])
    yield np.array([[1.0, -1.0]]), np.array([[0.5, 0.5]]), np.array([-0.5, 0.5])
    for n, action_dim in ((3, 1), (4, 2), (5, 6)):
        yield _draw(rng, n, action_dim), _draw(rng, n, action_dim), rng.uniform(-1, 1, action_dim).round(2)


def random_rollouts(rng):
    """(T, B): single steps of every kind of end, an end of both kinds, then one of each in every environment."""
    no, yes = np.array([[False]]), np.array([[True]])
    for terminated, truncated in ((no, no), (yes, no), (no, yes), (yes, yes)):
        yield np.array([[1.0]]), np.array([[2.0]]), np.array([[4.0]]), terminated, truncated, 0.5, 0.5
    both = np.array([[True], [False]])
    yield np.array([[1.0], [3.0]]), np.array([[2.0], [1.0]]), np.array([[4.0], [5.0]]), both, both, 0.5, 0.5
    for T, B, gamma, gae_lambda in (
        (3, 1, 0.9, 0.8),
        (6, 2, 0.99, 0.95),
        (6, 3, 0.9, 0.5),
        (5, 2, 0.9, 1.0),
        (4, 2, 0.5, 0.0),
    ):
        terminated, truncated = np.zeros((2, T, B), dtype=bool)
        for b in range(B):  # one end of each kind, neither at the last step
            first, second = rng.choice(T - 1, size=2, replace=False)
            terminated[first, b], truncated[second, b] = True, True
        yield _draw(rng, T, B), _draw(rng, T, B), _draw(rng, T, B), terminated, truncated, gamma, gae_lambda


def random_ratios(rng):
    """log_prob, old_log_prob, advantage (B,): ratios inside, above and below the clip, advantages of both signs."""
    for ratio in (1.1, 1.5, 0.5):
        for advantage in (2.0, -2.0):
            yield np.log([ratio]) - 1.0, np.array([-1.0]), np.array([advantage]), 0.2
    yield np.array([-1.0]), np.array([-1.25]), np.array([2.0]), 0.2
    for n, clip_epsilon in ((4, 0.2), (8, 0.1), (16, 0.3)):
        old = _draw(rng, n) - 1
        yield old + rng.choice([-0.6, -0.05, 0.05, 0.6], n), old, _draw(rng, n) + 0.005, clip_epsilon


def random_log_stds(rng):
    yield (np.array([0.0]),)
    yield (np.array([-0.5, 0.5, 0.25]),)
    yield (_draw(rng, 6) + 0.125,)


def random_log_probs(rng):
    """Actions that became less likely, or all in all likelier, and longer rows of both."""
    yield np.array([-1.5]), np.array([-1.0])
    yield np.array([-1.0, -2.0]), np.array([-1.6, -1.9])
    for n in (3, 20):
        old = _draw(rng, n)
        yield old + rng.choice([-0.5, 0.2, 0.4], n) + 0.005, old


def random_passes(rng):
    """KLs of the passes planned: none above, the first above, one in the middle, one at the limit, dips after."""
    for kls in (
        [0.001, 0.002, 0.003],
        [0.05, 0.06],
        [0.004, 0.012, 0.02, 0.03],
        [0.015, 0.01],
        [0.001, 0.04, 0.002, 0.05],
        [0.002, 0.04, 0.01],
        [0.006, 0.008, 0.003, 0.02],
    ):
        yield np.array(kls), 0.01
    yield np.sort(rng.uniform(0, 0.06, 8)).round(3), 0.02
    yield np.sort(rng.uniform(0.002, 0.02, 10)).round(4), 0.005


def random_predictions(rng):
    """What a critic says: something like the returns, or their opposite."""
    yield np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 5.0])
    yield np.array([5.0, 1.0, 2.0]), np.array([1.0, 3.0, 4.0])
    for n in (5, 12):
        target = 3 * _draw(rng, n) + 1
        yield target + _draw(rng, n) + 0.5, target


def random_advantages(rng):
    yield np.array([[1.0, 3.0]]), np.array([[10.0, 20.0]])
    for T, B in ((3, 2), (5, 3)):
        yield 5 * _draw(rng, T, B) + 2, _draw(rng, T, B)


# ---------------------------------------------------------------- references: the library, in the exercise's arguments


def _returns(rewards, next_values, terminated, truncated, gamma, *, last=1.0):
    """The end of the rollout cuts the sum as a time limit does; ``last`` is the weight of what follows there."""
    cut = np.where(truncated, 1.0, 0.0)
    cut[-1] = 1.0 if truncated[-1] else last
    return compute_gae(rewards, 0 * rewards, cut * next_values, terminated, truncated, gamma, 1.0)


def _surrogate(log_prob, old_log_prob, advantage, clip_epsilon, *, ratio=None, smaller=None, average=np.mean):
    ratio = np.exp(log_prob - old_log_prob) if ratio is None else ratio
    if smaller is None:
        return average(clipped_surrogate_loss(ratio, advantage, clip_epsilon))
    return average(-smaller(ratio * advantage, ratio.clip(1 - clip_epsilon, 1 + clip_epsilon) * advantage))


def _kl(log_prob, old_log_prob):
    return approximate_kl(log_prob - old_log_prob)


def _passes(kls, target_kl):
    return next((i + 1 for i, kl in enumerate(kls) if kl_exceeds(kl, target_kl)), len(kls))


def standardised(advantages):
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8)


def _advantages_and_targets(advantages, values, *, shown=None, targets=None):
    shown = standardised(advantages) if shown is None else shown
    return np.stack([shown, advantages + values if targets is None else targets])


def buggy_targets(advantages, values):
    """The code that the student gets, word for word."""
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    targets = advantages + values
    return np.stack([advantages, targets])


mistakes_of = known_mistakes("ppo", globals())

EXERCISES = (
    Exercise(
        "discounted_returns",
        reference=_returns,
        inputs=random_episodes,
        points=2,
        minutes=15,
        difficulty=3,
        hints=(
            "Go through the steps from the last to the first: each return is its reward and what came after.",
            "What came after is nothing where `terminated`, `next_values[t]` where the episode was cut, and else the "
            "return of the next step. The end of the rollout cuts the episode too.",
            "Begin with `after = next_values[-1]`. At every step: `if truncated[t]: after = next_values[t]`, "
            "`if terminated[t]: after = 0`, then `after = rewards[t] + gamma * after`.",
        ),
        mistakes=mistakes_of("discounted_returns"),
    ),
    Exercise(
        "gaussian_log_prob",
        reference=gaussian_log_prob,
        inputs=random_actions,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "First the standard deviation, then by how many of them each action misses its mean.",
            "The joints are independent: their densities multiply, so their logarithms add up, along the last axis.",
            "`z = (action - mean) / np.exp(log_std)` and `(-z**2 / 2 - log_std - np.log(2 * np.pi) / 2).sum(axis=-1)`",
        ),
        mistakes=mistakes_of("gaussian_log_prob"),
    ),
    Exercise(
        "gae",
        reference=compute_gae,
        inputs=random_rollouts,
        points=3,
        minutes=20,
        difficulty=4,
        hints=(
            "First all temporal-difference errors at once, (T, B); only the sum needs a loop over time.",
            "Two masks: `1 - terminated` on the next value, for nothing follows the end of the task, and a cut of the "
            "sum where an episode ended in either way.",
            "From the last step: `trace = delta[t] + gamma * gae_lambda * (1 - ended[t]) * trace`, "
            "with `ended = terminated | truncated`.",
        ),
        mistakes=mistakes_of("gae"),
    ),
    Exercise(
        "clipped_surrogate",
        reference=_surrogate,
        inputs=random_ratios,
        points=2,
        minutes=15,
        difficulty=3,
        hints=(
            "The ratio of two probabilities is the exponential of the difference of their logarithms.",
            "Two gains for every action: `ratio * advantage`, and the same with the ratio clipped. Which one is the "
            "cautious one?",
            "`-np.minimum(ratio * advantage, np.clip(ratio, 1 - clip_epsilon, 1 + clip_epsilon) * advantage).mean()`",
        ),
        mistakes=mistakes_of("clipped_surrogate"),
    ),
    Exercise(
        "entropy_of_gaussian",
        reference=gaussian_entropy,
        inputs=random_log_stds,
        points=1,
        minutes=5,
        difficulty=2,
        hints=(
            "Each joint adds its own part; only its standard deviation counts.",
            "log(2 pi e) = log(2 pi) + 1.",
            "`(log_std + 0.5 * np.log(2 * np.pi * np.e)).sum()`",
        ),
        mistakes=mistakes_of("entropy_of_gaussian"),
    ),
    Exercise(
        "approximate_kl",
        reference=_kl,
        inputs=random_log_probs,
        points=1,
        minutes=10,
        difficulty=2,
        hints=(
            "Begin with log rho, the difference of the two logarithms, and rho, its exponential.",
            "Every term is rho - 1 - log rho, which is never negative. The estimate is their mean.",
            "`log_ratio = log_prob - old_log_prob`, then `(np.exp(log_ratio) - 1 - log_ratio).mean()`",
        ),
        mistakes=mistakes_of("approximate_kl"),
    ),
    Exercise(
        "passes_made",
        reference=_passes,
        inputs=random_passes,
        points=1,
        minutes=10,
        difficulty=2,
        hints=(
            "The KL of a pass is known only when the pass is made: that one counts.",
            "Walk through `kls` and return as soon as one is above 1.5 times `target_kl`.",
            "In `for i, kl in enumerate(kls)`: `if kl > 1.5 * target_kl: return i + 1`; after it `return len(kls)`.",
        ),
        mistakes=mistakes_of("passes_made"),
    ),
    Exercise(
        "explained_variance",
        reference=explained_variance,
        inputs=random_predictions,
        points=1,
        minutes=10,
        difficulty=2,
        hints=(
            "How much do the errors vary, and how much do the returns themselves?",
            "A critic that is off by the same number everywhere has errors without variance: use `var`, not squares.",
            "`1 - (target - value).var() / target.var()`",
        ),
        mistakes=mistakes_of("explained_variance"),
    ),
    Exercise(
        "advantages_and_targets",
        reference=_advantages_and_targets,
        inputs=random_advantages,
        points=3,
        minutes=15,
        difficulty=4,
        starter=buggy_targets,
        hints=(
            "Which of the two results is wrong? Give it advantages of mean 0 and standard deviation 1, then others.",
            "The critic learns what the return is in the task's own unit. Which advantages is it made of?",
            "`targets = advantages + values` must come before the advantages are standardised.",
        ),
        mistakes=mistakes_of("advantages_and_targets"),
    ),
    PolicyExercise(
        "own_ppo",
        environment=lambda n: gym.make_vec("rlbook/Reach-v0", num_envs=n),
        threshold=0.8,
        points=4,
        minutes=45,
        difficulty=5,
        hints=(
            "Advantages and returns are numbers, not functions of the weights: compute them under `torch.no_grad()`.",
            "The ratio is `exp(new - old)` of log-probabilities that are summed over the joints.",
            "The loss is minus the gain, plus half the critic's squared error; each step begins with `zero_grad`.",
            "`gain = torch.minimum(ratio * a, ratio.clamp(0.8, 1.2) * a).mean()`, with `a` normalised in each batch.",
        ),
    ),
)
