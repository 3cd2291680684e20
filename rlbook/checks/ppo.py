"""The exercises of chapter 4: policy gradients and PPO."""

from __future__ import annotations

import numpy as np

from rlbook.checks.exercise import Exercise
from rlbook.learning.actor_critic import gaussian_entropy, gaussian_log_prob
from rlbook.ppo import approximate_kl, clipped_surrogate_loss, explained_variance, kl_exceeds
from rlbook.returns import compute_gae

# ---------------------------------------------------------------- inputs


def _draw(rng, *shape):
    return rng.normal(size=shape).round(2)


def random_episodes(rng):
    """Rollouts of one environment (T,): a single step of every kind of end, two steps, and long ones with both ends."""
    for terminated, truncated in ((False, False), (True, False), (False, True)):
        yield np.array([1.0]), np.array([4.0]), np.array([terminated]), np.array([truncated]), 0.5
    for ends in ((0, 0), (1, 0), (0, 1)):
        terminated, truncated = np.array([[end == 1, False] for end in ends]).T[0], np.zeros(2, bool)
        yield np.array([1.0, 2.0]), np.array([4.0, 8.0]), terminated, truncated, 0.5
        yield np.array([1.0, 2.0]), np.array([4.0, 8.0]), truncated, terminated, 0.5
    for T, gamma in ((8, 0.9), (12, 0.99)):
        ending = np.array([0.05, 0.5, 0.95, 0.5] * (T // 4))[rng.permutation(T)]
        yield _draw(rng, T), _draw(rng, T), ending < 0.1, ending > 0.9, gamma


def random_actions(rng):
    yield np.array([[1.0]]), np.array([[0.0]]), np.array([0.0])
    yield np.array([[1.0, -1.0]]), np.array([[0.5, 0.5]]), np.array([-0.5, 0.5])
    for n, action_dim in ((3, 1), (4, 2), (5, 6)):
        yield _draw(rng, n, action_dim), _draw(rng, n, action_dim), rng.uniform(-1, 1, action_dim).round(2)


def random_rollouts(rng):
    """(T, B): single steps of every kind of end, then both ends in every environment."""
    no, yes = np.array([[False]]), np.array([[True]])
    for terminated, truncated in ((no, no), (yes, no), (no, yes)):
        yield np.array([[1.0]]), np.array([[2.0]]), np.array([[4.0]]), terminated, truncated, 0.5, 0.5
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
    for n, clip_epsilon in ((4, 0.2), (8, 0.1), (16, 0.3)):
        old = _draw(rng, n) - 1
        yield old + rng.choice([-0.6, -0.05, 0.05, 0.6], n), old, _draw(rng, n) + 0.005, clip_epsilon


def random_log_stds(rng):
    yield (np.array([0.0]),)
    yield (np.array([-0.5, 0.5, 0.25]),)
    yield (_draw(rng, 6) + 0.125,)


def random_log_probs(rng):
    yield np.array([-1.5]), np.array([-1.0])
    for n in (3, 20):
        old = _draw(rng, n)
        yield old + rng.choice([-0.5, 0.2, 0.4], n) + 0.005, old


def random_passes(rng):
    """KLs of the passes planned: none above, the first above, one in the middle, one exactly at the limit, a dip after."""
    for kls in (
        [0.001, 0.002, 0.003],
        [0.05, 0.06],
        [0.004, 0.012, 0.02, 0.03],
        [0.015, 0.01],
        [0.001, 0.04, 0.002, 0.05],
    ):
        yield np.array(kls), 0.01
    yield np.sort(rng.uniform(0, 0.06, 8)).round(3), 0.02
    yield np.sort(rng.uniform(0.002, 0.02, 10)).round(4), 0.005


def random_predictions(rng):
    yield np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 5.0])
    for n in (5, 12):
        target = 3 * _draw(rng, n) + 1
        yield target + _draw(rng, n) + 0.5, target


def random_advantages(rng):
    yield np.array([[1.0, 3.0]]), np.array([[10.0, 20.0]])
    for T, B in ((3, 2), (5, 3)):
        yield 5 * _draw(rng, T, B) + 2, _draw(rng, T, B)


# ---------------------------------------------------------------- references: the library, in the exercise's arguments


def _returns(rewards, next_values, terminated, truncated, gamma):
    cut = truncated.copy()
    cut[-1] = True  # the end of the rollout cuts the sum too
    return _summed(rewards, cut * next_values, terminated, truncated, gamma)


def _summed(rewards, tails, terminated, truncated, gamma):
    """Discounted sums of rewards and, where an episode is cut, of what the rest is worth."""
    nothing = np.zeros_like(rewards)
    return compute_gae(rewards, nothing, tails, terminated, truncated, gamma, 1.0)


def _surrogate(log_prob, old_log_prob, advantage, clip_epsilon):
    return clipped_surrogate_loss(np.exp(log_prob - old_log_prob), advantage, clip_epsilon).mean()


def _kl(log_prob, old_log_prob):
    return approximate_kl(log_prob - old_log_prob)


def _passes(kls, target_kl):
    return next((i + 1 for i, kl in enumerate(kls) if kl_exceeds(kl, target_kl)), len(kls))


def _standardised(advantages):
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8)


def _advantages_and_targets(advantages, values):
    return np.stack([_standardised(advantages), advantages + values])


def buggy_targets(advantages, values):
    """The code that the student gets, word for word."""
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    targets = advantages + values
    return np.stack([advantages, targets])


# ---------------------------------------------------------------- mistakes that need more than a line


def _gae_as_if(**changes):
    """GAE of other arguments than those given: each change is a function of all of them by name."""

    def mistake(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
        call = dict(rewards=rewards, values=values, next_values=next_values, terminated=terminated)
        call |= dict(truncated=truncated, gamma=gamma, gae_lambda=gae_lambda)
        return compute_gae(**(call | {name: change(**call) for name, change in changes.items()}))

    return mistake


def _plus_values(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    return compute_gae(rewards, values, next_values, terminated, truncated, gamma, gae_lambda) + values


def _forwards(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    backwards = [array[::-1] for array in (rewards, values, next_values, terminated, truncated)]
    return compute_gae(*backwards, gamma, gae_lambda)[::-1]


def _clip_alone(log_prob, old_log_prob, advantage, clip_epsilon):
    ratio = np.exp(log_prob - old_log_prob)
    return -(ratio.clip(1 - clip_epsilon, 1 + clip_epsilon) * advantage).mean()


def _greater_of_both(log_prob, old_log_prob, advantage, clip_epsilon):
    ratio = np.exp(log_prob - old_log_prob)
    return -np.maximum(ratio * advantage, ratio.clip(1 - clip_epsilon, 1 + clip_epsilon) * advantage).mean()


def _clipped_gain(log_prob, old_log_prob, advantage, clip_epsilon):
    gain = np.exp(log_prob - old_log_prob) * advantage
    return -np.minimum(gain, gain.clip(1 - clip_epsilon, 1 + clip_epsilon)).mean()


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
        mistakes={
            "A time limit is no end: where `truncated` the rest is worth `next_values[t]`, not nothing.": (
                lambda rewards, next_values, terminated, truncated, gamma: _returns(
                    rewards, next_values * ~truncated, terminated, truncated, gamma
                )
            ),
            "It goes on into the next episode after a time limit: begin anew from `next_values[t]` there.": (
                lambda rewards, next_values, terminated, truncated, gamma: _returns(
                    rewards, next_values, terminated, np.zeros_like(truncated), gamma
                )
            ),
            "It goes on past the end of the task: nothing follows where `terminated`.": (
                lambda rewards, next_values, terminated, truncated, gamma: _summed(
                    rewards,
                    (truncated | (np.arange(len(rewards)) == len(rewards) - 1)) * next_values,
                    np.zeros_like(terminated),
                    truncated,
                    gamma,
                )
            ),
            "The rollout ends in the middle of an episode: the last step's rest is worth `next_values[-1]`.": (
                lambda rewards, next_values, terminated, truncated, gamma: _summed(
                    rewards, truncated * next_values, terminated, truncated, gamma
                )
            ),
            "It does not discount what comes later: multiply by gamma.": (
                lambda rewards, next_values, terminated, truncated, gamma: _returns(
                    rewards, next_values, terminated, truncated, 1.0
                )
            ),
            "It looks one step ahead only: the return of a step holds that of the next one.": (
                lambda rewards, next_values, terminated, truncated, gamma: compute_gae(
                    rewards, 0 * rewards, next_values, terminated, truncated, gamma, 0.0
                )
            ),
        },
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
        mistakes={
            "It keeps one number a joint: add up the log-probabilities of an action's joints, `.sum(axis=-1)`.": (
                lambda action, mean, log_std: (
                    -(((action - mean) / np.exp(log_std)) ** 2) / 2 - log_std - np.log(2 * np.pi) / 2
                )
            ),
            "The normalising constant is missing: - log_std - log(2 pi) / 2 for every joint.": (
                lambda action, mean, log_std: (
                    gaussian_log_prob(action, mean, log_std) + gaussian_entropy(log_std) - len(log_std) / 2
                )
            ),
            "A wide Gaussian is a flat one: log_std is subtracted, not left out.": (
                lambda action, mean, log_std: gaussian_log_prob(action, mean, log_std) + log_std.sum()
            ),
            "It takes log_std for the standard deviation: that is exp(log_std).": (
                lambda action, mean, log_std: gaussian_log_prob(
                    action, mean, np.log(abs(log_std) + (log_std == 0) * 1e-300)
                )
            ),
            "The squared distance is not halved: -z^2 / 2.": (
                lambda action, mean, log_std: (
                    gaussian_log_prob(action, mean, log_std) - (((action - mean) / np.exp(log_std)) ** 2).sum(-1) / 2
                )
            ),
            "It is the negative: the logarithm of a density falls with the distance from the mean.": (
                lambda action, mean, log_std: -gaussian_log_prob(action, mean, log_std)
            ),
            "It is the density itself: take its logarithm.": (
                lambda action, mean, log_std: np.exp(gaussian_log_prob(action, mean, log_std))
            ),
            "It averages over the joints: densities multiply, so logarithms add up.": (
                lambda action, mean, log_std: gaussian_log_prob(action, mean, log_std) / len(log_std)
            ),
        },
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
            "Two masks: `1 - terminated` on the next value, for nothing follows the end of the task, and a cut of the sum "
            "where an episode ended in either way.",
            "From the last step: `trace = delta[t] + gamma * gae_lambda * (1 - ended[t]) * trace`, "
            "with `ended = terminated | truncated`.",
        ),
        mistakes={
            "The bootstrap is cut at a time limit: mask the next value with `1 - terminated` alone.": (
                _gae_as_if(terminated=lambda terminated, truncated, **_: terminated | truncated)
            ),
            "The trace is not cut at a time limit: the next step belongs to another episode.": (
                _gae_as_if(truncated=lambda truncated, **_: np.zeros_like(truncated))
            ),
            "It bootstraps past the end of the task: mask the next value with `1 - terminated`.": (
                _gae_as_if(
                    terminated=lambda terminated, **_: np.zeros_like(terminated),
                    truncated=lambda terminated, truncated, **_: terminated | truncated,
                )
            ),
            "No episode ever ends in it: use `terminated` and `truncated`.": (
                _gae_as_if(
                    terminated=lambda terminated, **_: np.zeros_like(terminated),
                    truncated=lambda truncated, **_: np.zeros_like(truncated),
                )
            ),
            "It is the negative: an advantage is what came, less what was expected.": (
                lambda *case: -compute_gae(*case)
            ),
            "Lambda is missing: the trace shrinks by gamma * gae_lambda.": _gae_as_if(gae_lambda=lambda **_: 1.0),
            "The trace shrinks by gae_lambda alone: errors further on are discounted too, by gamma * gae_lambda.": (
                _gae_as_if(gae_lambda=lambda gae_lambda, gamma, **_: gae_lambda / gamma)
            ),
            "It sums no errors of later steps: add gamma * gae_lambda times the next step's advantage.": (
                _gae_as_if(gae_lambda=lambda **_: 0.0)
            ),
            "It adds up from the first step on, so what happened before counts and what came after does not.": _forwards,
            "These are the returns: the advantage is what they hold beyond `values`.": _plus_values,
            "The value of the state itself is not subtracted: delta = r + gamma V(s') - V(s).": (
                _gae_as_if(values=lambda values, **_: 0 * values)
            ),
        },
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
        mistakes={
            "The sign: a loss is made small, so it is minus the gain.": lambda *case: -_surrogate(*case),
            "It takes the greater of both gains: the smaller one is the cautious one, which never rewards going too far.": (
                _greater_of_both
            ),
            "It only clips, so an action that became far too likely for its bad advantage goes unpunished: take the minimum.": (
                _clip_alone
            ),
            "It never clips: then one lucky action can carry the policy away.": (
                lambda log_prob, old_log_prob, advantage, clip_epsilon: (
                    -(np.exp(log_prob - old_log_prob) * advantage).mean()
                )
            ),
            "The ratio is upside down: new over old, exp(log_prob - old_log_prob).": (
                lambda log_prob, old_log_prob, advantage, clip_epsilon: _surrogate(
                    old_log_prob, log_prob, advantage, clip_epsilon
                )
            ),
            "A difference of logarithms is no ratio yet: take `np.exp` of it.": (
                lambda log_prob, old_log_prob, advantage, clip_epsilon: clipped_surrogate_loss(
                    log_prob - old_log_prob, advantage, clip_epsilon
                ).mean()
            ),
            "It clips the gain, ratio times advantage: clip the ratio, then multiply.": _clipped_gain,
            "It sums over the batch: take the mean, or the step grows with the batch.": (
                lambda *case: _surrogate(*case) * len(case[0]) * (1 + 1e-3 * (len(case[0]) == 1))
            ),
        },
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
        mistakes={
            "It averages over the joints: the entropies of independent parts add up.": (
                lambda log_std: gaussian_entropy(log_std) / len(log_std) + 1e-3 * (len(log_std) == 1)
            ),
            "It takes the standard deviation where its logarithm belongs.": lambda log_std: gaussian_entropy(
                np.exp(log_std)
            ),
            "e is missing: log(2 pi e) / 2 for every joint, which is log(2 pi) / 2 + 1/2.": (
                lambda log_std: gaussian_entropy(log_std) - len(log_std) / 2
            ),
            "It is the negative: a wide Gaussian has much entropy.": lambda log_std: -gaussian_entropy(log_std),
            "The constant counts once for every joint: add it before you sum.": (
                lambda log_std: log_std.sum() + gaussian_entropy(np.zeros(1)) + 1e-3 * (len(log_std) == 1)
            ),
        },
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
        mistakes={
            "That estimate can be negative, which a divergence never is: add rho - 1 to every term.": (
                lambda log_prob, old_log_prob: (old_log_prob - log_prob).mean()
            ),
            "The ratio is upside down: rho is new over old, exp(log_prob - old_log_prob).": (
                lambda log_prob, old_log_prob: _kl(old_log_prob, log_prob)
            ),
            "The sign of log rho: rho - 1 - log rho.": (
                lambda log_prob, old_log_prob: (np.exp(log_prob - old_log_prob) - 1 + log_prob - old_log_prob).mean()
            ),
            "The 1 is missing: equal policies are no distance apart, rho - 1 - log rho.": (
                lambda log_prob, old_log_prob: _kl(log_prob, old_log_prob) + 1
            ),
            "That is half the mean square of log rho, close by but not it: rho - 1 - log rho.": (
                lambda log_prob, old_log_prob: ((log_prob - old_log_prob) ** 2).mean() / 2
            ),
        },
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
            "`for i, kl in enumerate(kls): if kl > 1.5 * target_kl: return i + 1`, and after the loop `return len(kls)`.",
        ),
        mistakes={
            "The pass that went too far was made as well: count it.": (
                lambda kls, target_kl: _passes(kls, target_kl) - bool(kl_exceeds(kls, target_kl).any())
            ),
            "It stops at the target already: the limit is 1.5 times `target_kl`.": (
                lambda kls, target_kl: _passes(kls, target_kl / 1.5)
            ),
            "It never stops: return at the first pass whose KL is above the limit.": lambda kls, target_kl: len(kls),
            "It counts the passes below the limit, also after one that was above: training stops at the first.": (
                lambda kls, target_kl: int((~kl_exceeds(kls, target_kl)).sum()) + bool(kl_exceeds(kls, target_kl).any())
            ),
            "It stops where the KL is exactly the limit: only above it.": (
                lambda kls, target_kl: _passes(kls, target_kl * (1 - 1e-9))
            ),
        },
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
        mistakes={
            "It is the part that stays unexplained: subtract it from 1.": (
                lambda value, target: 1 - explained_variance(value, target)
            ),
            "It takes mean squares for variances: a constant error has none.": (
                lambda value, target: 1 - ((target - value) ** 2).mean() / target.var()
            ),
            "It divides by the variance of the predictions: what is to be explained are the targets.": (
                lambda value, target: 1 - (target - value).var() / value.var()
            ),
            "It compares the two variances: the variance of the errors is what stays unexplained.": (
                lambda value, target: value.var() / target.var()
            ),
            "It takes standard deviations: the measure is one of variances.": (
                lambda value, target: 1 - (target - value).std() / target.std()
            ),
            "It is the squared correlation, which forgives a critic whose values are all too large.": (
                lambda value, target: np.corrcoef(value, target)[0, 1] ** 2
            ),
        },
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
        mistakes={
            "Now the policy's advantages are not standardised any more: only the targets need them as they were.": (
                lambda advantages, values: np.stack([advantages, advantages + values])
            ),
            "The target is the advantage plus the value, not less it.": (
                lambda advantages, values: np.stack([_standardised(advantages), advantages - values])
            ),
            "Each environment is standardised by itself: one mean and one standard deviation for all.": (
                lambda advantages, values: np.stack(
                    [
                        (advantages - advantages.mean(0)) / (advantages.std(0) + 1e-8),
                        advantages + values,
                    ]
                )
            ),
            "It divides by the variance: the standard deviation makes the spread 1.": (
                lambda advantages, values: np.stack(
                    [(advantages - advantages.mean()) / (advantages.var() + 1e-8), advantages + values]
                )
            ),
            "The mean is not subtracted: half of the actions should become likelier and half less likely.": (
                lambda advantages, values: np.stack([advantages / (advantages.std() + 1e-8), advantages + values])
            ),
            "The targets are standardised too: the critic learns returns in the task's own unit.": (
                lambda advantages, values: np.stack([_standardised(advantages), _standardised(advantages + values)])
            ),
        },
    ),
)
