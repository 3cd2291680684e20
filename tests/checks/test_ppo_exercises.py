"""Chapter 4: every exercise accepts right answers and names the wrong ones."""

import math

import numpy as np
import pytest
from exercise_tests import ChapterTests

from rlbook.checks import EXERCISES

CHAPTER = EXERCISES.chapter("04_ppo")


# Right answers once more, in the plainest Python: a second opinion on the references.


def discounted_returns(rewards, next_values, terminated, truncated, gamma):
    returns = []
    for t in range(len(rewards)):
        total, discount = 0.0, 1.0
        for k in range(t, len(rewards)):
            total += discount * rewards[k]
            discount *= gamma
            if terminated[k]:
                break
            if truncated[k] or k == len(rewards) - 1:
                total += discount * next_values[k]
                break
        returns.append(total)
    return returns


def gaussian_log_prob(action, mean, log_std):
    totals = []
    for a, m in zip(action.tolist(), mean.tolist(), strict=True):
        density = 1.0
        for i, log_sigma in enumerate(log_std.tolist()):
            variance = math.exp(2 * log_sigma)
            density *= math.exp(-((a[i] - m[i]) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
        totals.append(math.log(density))
    return totals


def gae(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    T, B = rewards.shape
    advantages = [[0.0] * B for _ in range(T)]
    for b in range(B):
        for t in range(T):
            weight = 1.0
            for k in range(t, T):
                follows = 0.0 if terminated[k, b] else gamma * next_values[k, b]
                advantages[t][b] += weight * (rewards[k, b] + follows - values[k, b])
                if terminated[k, b] or truncated[k, b]:
                    break
                weight *= gamma * gae_lambda
    return advantages


def clipped_surrogate(log_prob, old_log_prob, advantage, clip_epsilon):
    gains = []
    for new, old, a in zip(log_prob, old_log_prob, advantage, strict=True):
        ratio = math.exp(new) / math.exp(old)
        gains.append(min(ratio * a, max(1 - clip_epsilon, min(1 + clip_epsilon, ratio)) * a))
    return -sum(gains) / len(gains)


def entropy_of_gaussian(log_std):
    return sum(0.5 * math.log(2 * math.pi * math.e * math.exp(2 * value)) for value in log_std)


def approximate_kl(log_prob, old_log_prob):
    terms = [math.exp(new - old) - 1 - (new - old) for new, old in zip(log_prob, old_log_prob, strict=True)]
    return sum(terms) / len(terms)


def passes_made(kls, target_kl):
    made = 0
    while made < len(kls):
        made += 1
        if kls[made - 1] > 1.5 * target_kl:
            break
    return made


def explained_variance(value, target):
    errors = [r - v for r, v in zip(target, value, strict=True)]
    spread = [sum((x - sum(xs) / len(xs)) ** 2 for x in xs) for xs in (errors, list(target))]
    return 1 - spread[0] / spread[1]


def advantages_and_targets(advantages, values):
    flat = advantages.ravel().tolist()
    mean = sum(flat) / len(flat)
    std = math.sqrt(sum((a - mean) ** 2 for a in flat) / len(flat)) + 1e-8
    standardised = [[(a - mean) / std for a in row] for row in advantages.tolist()]
    return [standardised, (advantages + values).tolist()]


RIGHT = {f.__name__: f for f in (discounted_returns, gaussian_log_prob, gae, clipped_surrogate, entropy_of_gaussian)}
RIGHT |= {f.__name__: f for f in (approximate_kl, passes_made, explained_variance, advantages_and_targets)}


class TestPPOExercises(ChapterTests):
    chapter = CHAPTER
    right = RIGHT


def test_hand_computed_numbers():
    reference = {name: getattr(exercise, "reference", None) for name, exercise in CHAPTER.items()}
    no, first = np.zeros(2, bool), np.array([True, False])
    rewards, following = np.array([1.0, 2.0]), np.array([4.0, 8.0])
    assert reference["discounted_returns"](rewards, following, no, no, 0.5).tolist() == [4, 6]
    assert reference["discounted_returns"](rewards, following, no, first, 0.5).tolist() == [3, 6]
    assert reference["discounted_returns"](rewards, following, first, no, 0.5).tolist() == [1, 6]
    assert reference["passes_made"](np.array([0.004, 0.012, 0.02, 0.03]), 0.01) == 3
    assert reference["entropy_of_gaussian"](np.zeros(1)) == pytest.approx(1.4189385)
    assert reference["clipped_surrogate"](np.log([1.5]), np.zeros(1), np.array([2.0]), 0.2) == pytest.approx(-2.4)
    targets = reference["advantages_and_targets"](np.array([[1.0, 3.0]]), np.array([[10.0, 20.0]]))
    np.testing.assert_allclose(targets, [[[-1, 1]], [[11, 23]]])
