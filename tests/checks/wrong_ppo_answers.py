"""Wrong answers to chapter 4, written from the exercises' texts alone: what was thought, and what came of it."""

import numpy as np

at = np.arange
LOG_2_PI = np.log(2 * np.pi)
LOG_2_PI_E = np.log(2 * np.pi * np.e)


def followed_by(t, later, v, d, c):
    """What truly follows step t; ``later`` is None behind the end of the rollout."""
    return 0 if d[t] else v[t] if c[t] or later is None else later


def returns(follows=followed_by, step=lambda r, g, after, t: r + g * after, order=lambda T: range(T)[::-1]):
    """The returns with one part exchanged: ``follows(t, later, next_values, terminated, truncated)``."""

    def answer(rewards, next_values, terminated, truncated, gamma):
        G, later = np.zeros(len(rewards)), None
        for t in order(len(rewards)):
            after = follows(t, later, next_values, terminated, truncated)
            later = G[t] = step(rewards[t], gamma, after, t)
        return G

    return answer


def returns_in_place(r, v, d, c, g):
    for t in range(len(r))[::-1]:
        r[t] += g * followed_by(t, r[t + 1] if t + 1 < len(r) else None, v, d, c)
    return r


def discounted_once_for_all(r, v, d, c, g):
    weighted = r * g ** at(len(r))
    return np.cumsum(weighted[::-1])[::-1] + g ** len(r) * v[-1]


def gaussian(power=2, half=0.5, log_std=1, constant=0.5 * LOG_2_PI, total=lambda terms: terms.sum(axis=-1)):
    """The log-probability with one number exchanged, or another sum over the terms of the joints."""

    def answer(action, mean, log_std_of_joints):
        spread = np.exp(log_std_of_joints) ** power
        return total(-half * (action - mean) ** 2 / spread - log_std * log_std_of_joints - constant)

    return answer


def unit_gaussian(z):
    return -(z**2) / 2 - 0.5 * LOG_2_PI


def critic_errors(r, v, n, d, c, g):
    return r + g * n * ~d - v


def advantages(
    delta=critic_errors,
    carry=lambda g, k: g * k,
    open_=lambda t, d, c: ~(d[t] | c[t]),
    begin=lambda v, n: 0,
    order=lambda T: range(T)[::-1],
    result=lambda A, r, v: A,
):
    """The advantages with one part exchanged."""

    def answer(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
        error = delta(rewards, values, next_values, terminated, truncated, gamma)
        A, trace = np.zeros(rewards.shape), begin(values, next_values)
        for t in order(len(rewards)):
            trace = error[t] + carry(gamma, gae_lambda) * open_(t, terminated, truncated) * trace
            A[t] = trace
        return result(A, rewards, values)

    return answer


def advantages_in_place(r, v, n, d, c, g, k):
    r += g * n * ~d - v
    for t in range(len(r) - 1)[::-1]:
        r[t] += g * k * ~(d[t] | c[t]) * r[t + 1]
    return r


def values_shifted(r, v, n, d, c, g):
    return r + g * np.concatenate([v[1:], n[-1:]]) * ~d - v


def surrogate(gain, ratio=lambda new, old: np.exp(new - old), total=lambda gains: -gains.mean()):
    """A loss of ``gain(ratio, advantage, epsilon)``."""
    return lambda new, old, A, e: total(gain(ratio(new, old), A, e))


def clipped_gain(ratio, A, e):
    return np.minimum(ratio * A, np.clip(ratio, 1 - e, 1 + e) * A)


def kl(term, total=np.mean):
    """An estimate from ``term(log of the ratio)``."""
    return lambda new, old: total(term(new - old))


def third_estimate(log_ratio):
    return np.exp(log_ratio) - 1 - log_ratio


def stopped(too_far, count=lambda i: i + 1, otherwise=lambda K: K):
    """The first pass of which ``too_far(kls, target)`` is true ends the passes."""

    def answer(kls, target_kl):
        for i, far in enumerate(too_far(np.asarray(kls), target_kl)):
            if far:
                return count(i)
        return otherwise(len(kls))

    return answer


def far(kls, target):
    return kls > 1.5 * target


def standard(x, axis=None, ddof=0):
    return (x - x.mean(axis=axis, keepdims=True)) / (x.std(axis=axis, keepdims=True, ddof=ddof) + 1e-8)


def standardised_in_place(A, V):
    targets = A + V
    A -= A.mean()
    A /= A.std() + 1e-8
    return np.stack([A, targets])


WRONG = {
    "discounted_returns": {
        "truncated is an end like any other": returns(
            lambda t, later, v, d, c: 0 if d[t] or c[t] else v[t] if later is None else later
        ),
        "terminated is an end like any other": returns(
            lambda t, later, v, d, c: v[t] if d[t] or c[t] or later is None else later
        ),
        "no ends": returns(lambda t, later, v, d, c: v[t] if later is None else later),
        "no ends, nothing after the rollout": returns(lambda t, later, v, d, c: later or 0),
        "nothing after the rollout": returns(lambda t, later, v, d, c: 0 if d[t] else v[t] if c[t] else later or 0),
        "nothing after the rollout or any end": returns(lambda t, later, v, d, c: 0 if d[t] or c[t] else later or 0),
        "the rollout's end bootstraps, terminated or not": returns(
            lambda t, later, v, d, c: v[t] if later is None else followed_by(t, later, v, d, c)
        ),
        "truncated forgotten": returns(lambda t, later, v, d, c: 0 if d[t] else v[t] if later is None else later),
        "terminated forgotten": returns(lambda t, later, v, d, c: v[t] if c[t] or later is None else later),
        "flags exchanged": returns(lambda t, later, v, d, c: followed_by(t, later, v, c, d)),
        "truncated asked first": returns(lambda t, later, v, d, c: v[t] if c[t] else followed_by(t, later, v, d, c)),
        "gamma forgotten": returns(step=lambda r, g, after, t: r + after),
        "gamma on everything": returns(step=lambda r, g, after, t: g * (r + after)),
        "gamma twice": returns(step=lambda r, g, after, t: r + g * g * after),
        "gamma to the power of t": returns(step=lambda r, g, after, t: r + g**t * after),
        "gamma on the reward": returns(step=lambda r, g, after, t: g * r + after),
        "minus": returns(step=lambda r, g, after, t: r - g * after),
        "one step and the critic": lambda r, v, d, c, g: r + g * v * ~d,
        "the critic and what follows": returns(lambda t, later, v, d, c: 0 if d[t] else v[t] + (later or 0) * ~c[t]),
        "next value of the next step": returns(
            lambda t, later, v, d, c: followed_by(t, later, np.append(v[1:], v[-1]), d, c)
        ),
        "the rollout's last value at every cut": returns(
            lambda t, later, v, d, c: followed_by(t, later, np.full(len(v), v[-1]), d, c)
        ),
        "flags of the next step": returns(
            lambda t, later, v, d, c: followed_by(t, later, v, np.append(d[1:], d[-1]), np.append(c[1:], c[-1]))
        ),
        "flags of the step before": returns(
            lambda t, later, v, d, c: followed_by(t, later, v, np.append(False, d), np.append(False, c))
        ),
        "forwards": returns(lambda t, later, v, d, c: 0 if d[t] else v[t] if c[t] else later or 0, order=range),
        "collected backwards, never turned round": lambda *case: returns()(*case)[::-1],
        "discounted from step 0, not from its own": discounted_once_for_all,
        "the return of the first step alone": lambda *case: returns()(*case)[0],
        "what follows, without the reward": returns(step=lambda r, g, after, t: g * after),
        "rewards overwritten": returns_in_place,
        "advantages": lambda r, v, d, c, g: returns()(r, v, d, c, g) - v,
    },
    "gaussian_log_prob": {
        "each joint by itself": gaussian(total=lambda terms: terms),
        "summed over the batch": gaussian(total=lambda terms: terms.sum(axis=0)),
        "summed over everything": gaussian(total=np.sum),
        "mean over the joints": gaussian(total=lambda terms: terms.mean(axis=-1)),
        "first joint alone": gaussian(total=lambda terms: terms[:, 0]),
        "sigma not squared": gaussian(power=1),
        "log_std is the log of the variance": gaussian(power=1, log_std=0.5),
        "log_std is sigma": lambda a, m, s: (-((a - m) ** 2) / (2 * s**2) - np.log(np.abs(s)) - 0.5 * LOG_2_PI).sum(-1),
        "log_std is sigma, its log is right": lambda a, m, s: (-((a - m) ** 2) / (2 * s**2) - s - LOG_2_PI / 2).sum(-1),
        "sigma forgotten": gaussian(power=0, log_std=0),
        "sigma forgotten under the square": gaussian(power=0),
        "the 2 below forgotten": gaussian(half=1),
        "square with a plus": gaussian(half=-0.5),
        "log sigma forgotten": gaussian(log_std=0),
        "log sigma added": gaussian(log_std=-1),
        "log of the variance, not half of it": gaussian(log_std=2),
        "half of log sigma": gaussian(log_std=0.5),
        "constant forgotten": gaussian(constant=0),
        "constant without the half": gaussian(constant=LOG_2_PI),
        "constant added": gaussian(constant=-0.5 * LOG_2_PI),
        "constant without the 2": gaussian(constant=0.5 * np.log(np.pi)),
        "2 pi without the log": gaussian(constant=0.5 * 2 * np.pi),
        "base 10": gaussian(constant=0.5 * np.log10(2 * np.pi)),
        "constant once for all joints": lambda a, m, s: (
            (-((a - m) ** 2) / (2 * np.exp(2 * s)) - s).sum(axis=1) - 0.5 * LOG_2_PI
        ),
        "the density": gaussian(total=lambda terms: np.exp(terms.sum(axis=-1))),
        "log of the summed densities": gaussian(total=lambda terms: np.log(np.exp(terms).sum(axis=-1))),
        "a loss": gaussian(total=lambda terms: -terms.sum(axis=-1)),
        "distance, not its square": lambda a, m, s: (-np.abs(a - m) / (2 * np.exp(2 * s)) - s - 0.5 * LOG_2_PI).sum(
            axis=1
        ),
        "distance over 2 sigma squared": lambda a, m, s: (-(((a - m) / (2 * np.exp(s))) ** 2) - s - 0.5 * LOG_2_PI).sum(
            axis=1
        ),
        "the torque, clamped as the motor does": lambda a, m, s: gaussian()(np.clip(a, -1, 1), m, s),
        "one spread for all joints": lambda a, m, s: gaussian()(a, m, np.full_like(s, s.mean())),
        "sigma multiplied": lambda a, m, s: (unit_gaussian((a - m) * np.exp(s)) - s).sum(axis=1),
    },
    "gae": {
        "cut by terminated alone": advantages(open_=lambda t, d, c: ~d[t]),
        "cut by truncated alone": advantages(open_=lambda t, d, c: ~c[t]),
        "never cut": advantages(open_=lambda t, d, c: 1),
        "cut only where both are set": advantages(open_=lambda t, d, c: ~(d[t] & c[t])),
        "cut where it goes on": advantages(open_=lambda t, d, c: d[t] | c[t]),
        "cut a step late": advantages(open_=lambda t, d, c: ~(d[t - 1] | c[t - 1]) if t else 1),
        "cut a step early": advantages(open_=lambda t, d, c: ~(d[t + 1] | c[t + 1]) if t + 1 < len(d) else 1),
        "one ends, all end": advantages(open_=lambda t, d, c: ~(d[t] | c[t]).any()),
        "truncated takes the next value too": advantages(lambda r, v, n, d, c, g: r + g * n * ~(d | c) - v),
        "truncated alone takes the next value": advantages(lambda r, v, n, d, c, g: r + g * n * ~c - v),
        "nothing takes the next value": advantages(lambda r, v, n, d, c, g: r + g * n - v),
        "next value where it terminated": advantages(lambda r, v, n, d, c, g: r + g * n * d - v),
        "both masks by truncated": advantages(lambda r, v, n, d, c, g: r + g * n * ~c - v, open_=lambda t, d, c: ~c[t]),
        "no ends at all": advantages(lambda r, v, n, d, c, g: r + g * n - v, open_=lambda t, d, c: 1),
        "mask on the whole error": advantages(lambda r, v, n, d, c, g: (r + g * n - v) * ~d),
        "mask on both values": advantages(lambda r, v, n, d, c, g: r + (g * n - v) * ~d),
        "values a row further on": advantages(values_shifted),
        "gamma forgotten in the error": advantages(lambda r, v, n, d, c, g: r + n * ~d - v),
        "value added": advantages(lambda r, v, n, d, c, g: r + g * n * ~d + v),
        "value forgotten": advantages(lambda r, v, n, d, c, g: r + g * n * ~d),
        "error upside down": advantages(lambda r, v, n, d, c, g: v - r - g * n * ~d),
        "reward forgotten": advantages(lambda r, v, n, d, c, g: g * n * ~d - v),
        "values exchanged": advantages(lambda r, v, n, d, c, g: r + g * v * ~d - n),
        "gamma forgotten in the trace": advantages(carry=lambda g, k: k),
        "lambda forgotten": advantages(carry=lambda g, k: g),
        "both forgotten in the trace": advantages(carry=lambda g, k: 1),
        "1 - lambda": advantages(carry=lambda g, k: g * (1 - k)),
        "lambda squared": advantages(carry=lambda g, k: g * k * k),
        "the errors alone": advantages(carry=lambda g, k: 0),
        "forwards": advantages(order=range),
        "trace begins with the last value": advantages(begin=lambda v, n: n[-1]),
        "last row left at zero": advantages(order=lambda T: range(T - 1)[::-1]),
        "never turned round": advantages(result=lambda A, r, v: A[::-1]),
        "returns": advantages(result=lambda A, r, v: A + v),
        "standardised": advantages(result=lambda A, r, v: (A - A.mean()) / (A.std() + 1e-8)),
        "mean over the environments": advantages(result=lambda A, r, v: A.mean(axis=1)),
        "rewards overwritten": advantages_in_place,
    },
    "clipped_surrogate": {
        "the larger": surrogate(lambda q, A, e: np.maximum(q * A, np.clip(q, 1 - e, 1 + e) * A)),
        "gain, not loss": surrogate(clipped_gain, total=np.mean),
        "sum": surrogate(clipped_gain, total=lambda gains: -gains.sum()),
        "each action": surrogate(clipped_gain, total=lambda gains: -gains),
        "the minus before the minimum": surrogate(
            lambda q, A, e: np.minimum(-q * A, -np.clip(q, 1 - e, 1 + e) * A), total=np.mean
        ),
        "minimum of the means": lambda new, old, A, e: (
            -min((np.exp(new - old) * A).mean(), (np.clip(np.exp(new - old), 1 - e, 1 + e) * A).mean())
        ),
        "ratio upside down": surrogate(clipped_gain, lambda new, old: np.exp(old - new)),
        "log of the ratio": surrogate(clipped_gain, lambda new, old: new - old),
        "logs divided": surrogate(clipped_gain, lambda new, old: new / old),
        "exponential of divided logs": surrogate(clipped_gain, lambda new, old: np.exp(new / old)),
        "new probability alone": surrogate(clipped_gain, lambda new, old: np.exp(new)),
        "one ratio for the batch": surrogate(clipped_gain, lambda new, old: np.exp((new - old).mean())),
        "base 2": surrogate(clipped_gain, lambda new, old: 2 ** (new - old)),
        "not clipped": surrogate(lambda q, A, e: q * A),
        "clipped always": surrogate(lambda q, A, e: np.clip(q, 1 - e, 1 + e) * A),
        "clipped above only": surrogate(lambda q, A, e: np.minimum(q, 1 + e) * A),
        "clipped below only": surrogate(lambda q, A, e: np.maximum(q, 1 - e) * A),
        "gain clipped": surrogate(lambda q, A, e: np.minimum(q * A, np.clip(q * A, 1 - e, 1 + e))),
        "clipped to epsilon around 0": surrogate(lambda q, A, e: np.minimum(q * A, np.clip(q, -e, e) * A)),
        "smaller ratio first": surrogate(lambda q, A, e: np.minimum(q, np.clip(q, 1 - e, 1 + e)) * A),
        "advantage on one side only": surrogate(lambda q, A, e: np.minimum(q * A, np.clip(q, 1 - e, 1 + e))),
        "size of the advantage": surrogate(lambda q, A, e: clipped_gain(q, np.abs(A), e)),
        "advantages standardised": surrogate(lambda q, A, e: clipped_gain(q, (A - A.mean()) / (A.std() + 1e-8), e)),
        "nothing gained outside": surrogate(lambda q, A, e: np.where(np.abs(q - 1) <= e, q * A, 0)),
        "lower bound 1 / (1 + epsilon)": surrogate(
            lambda q, A, e: np.minimum(q * A, np.clip(q, 1 / (1 + e), 1 + e) * A)
        ),
        "epsilon is 0.2": surrogate(lambda q, A, e: clipped_gain(q, A, 0.2)),
        "policy gradient": lambda new, old, A, e: -(new * A).mean(),
        "log clipped": lambda new, old, A, e: (
            -np.minimum(np.exp(new - old) * A, np.exp(np.clip(new - old, -e, e)) * A).mean()
        ),
        "half": surrogate(clipped_gain, total=lambda gains: -gains.mean() / 2),
        "clipped on the harmless side": surrogate(
            lambda q, A, e: np.where(A < 0, np.minimum(q, 1 + e), np.maximum(q, 1 - e)) * A
        ),
    },
    "entropy_of_gaussian": {
        "constant once": lambda s: s.sum() + 0.5 * LOG_2_PI_E,
        "constant forgotten": lambda s: s.sum(),
        "constant alone": lambda s: len(s) * 0.5 * LOG_2_PI_E,
        "mean": lambda s: (s + 0.5 * LOG_2_PI_E).mean(),
        "each joint": lambda s: s + 0.5 * LOG_2_PI_E,
        "minus": lambda s: -(s + 0.5 * LOG_2_PI_E).sum(),
        "log sigma taken off": lambda s: (0.5 * LOG_2_PI_E - s).sum(),
        "constant taken off": lambda s: (s - 0.5 * LOG_2_PI_E).sum(),
        "half forgotten": lambda s: (s + LOG_2_PI_E).sum(),
        "half of everything": lambda s: 0.5 * (s + LOG_2_PI_E).sum(),
        "e forgotten": lambda s: (s + 0.5 * LOG_2_PI).sum(),
        "1 for a half of e's log": lambda s: (s + 0.5 * LOG_2_PI + 1).sum(),
        "e outside the log": lambda s: (s + 0.5 * LOG_2_PI * np.e).sum(),
        "pi and e outside the log": lambda s: (s + 0.5 * np.log(2) * np.pi * np.e).sum(),
        "2 forgotten": lambda s: (s + 0.5 * np.log(np.pi * np.e)).sum(),
        "log forgotten": lambda s: (s + 0.5 * 2 * np.pi * np.e).sum(),
        "bits": lambda s: ((s + 0.5 * LOG_2_PI_E) / np.log(2)).sum(),
        "base 2 in the constant": lambda s: (s + 0.5 * np.log2(2 * np.pi * np.e)).sum(),
        "base 10 in the constant": lambda s: (s + 0.5 * np.log10(2 * np.pi * np.e)).sum(),
        "sigma, not its log": lambda s: (np.exp(s) + 0.5 * LOG_2_PI_E).sum(),
        "log twice": lambda s: (np.log(np.abs(s)) + 0.5 * LOG_2_PI_E).sum(),
        "log of the variance": lambda s: (2 * s + 0.5 * LOG_2_PI_E).sum(),
        "log of the summed sigmas": lambda s: np.log(np.exp(s).sum()) + 0.5 * LOG_2_PI_E,
        "first joint": lambda s: s[0] + 0.5 * LOG_2_PI_E,
        "widest joint": lambda s: s.max() + 0.5 * LOG_2_PI_E,
        "product over the joints": lambda s: (s + 0.5 * LOG_2_PI_E).prod(),
        "constant for a joint too few": lambda s: s.sum() + (len(s) - 1) * 0.5 * LOG_2_PI_E,
        "exponential of it": lambda s: np.exp((s + 0.5 * LOG_2_PI_E).sum()),
    },
    "approximate_kl": {
        "log of the ratio alone": kl(lambda x: -x),
        "log of the ratio, sign lost": kl(lambda x: x),
        "squared log": kl(lambda x: x**2 / 2),
        "squared log, no half": kl(lambda x: x**2),
        "size of the log": kl(np.abs),
        "mean log, cut at 0": lambda new, old: max(0.0, (old - new).mean()),
        "size of the mean log": lambda new, old: abs((old - new).mean()),
        "sum": kl(third_estimate, np.sum),
        "each action": kl(third_estimate, lambda terms: terms),
        "largest": kl(third_estimate, np.max),
        "median": kl(third_estimate, np.median),
        "ratio upside down": kl(lambda x: third_estimate(-x)),
        "ratio upside down in one place": kl(lambda x: np.exp(x) - 1 + x),
        "ratio upside down in the other place": kl(lambda x: np.exp(-x) - 1 - x),
        "1 forgotten": kl(lambda x: np.exp(x) - x),
        "1 added": kl(lambda x: np.exp(x) + 1 - x),
        "1 - ratio": kl(lambda x: 1 - np.exp(x) - x),
        "minus": kl(lambda x: -third_estimate(x)),
        "ratio - 1 alone": kl(lambda x: np.exp(x) - 1),
        "squared ratio - 1": kl(lambda x: (np.exp(x) - 1) ** 2 / 2),
        "weighted by the ratio": kl(lambda x: np.exp(x) * x),
        "weighted by the ratio, the exact other direction": kl(lambda x: np.exp(x) * x - np.exp(x) + 1),
        "ratio of the mean": lambda new, old: third_estimate((new - old).mean()),
        "logs divided": lambda new, old: (new / old - 1 - np.log(np.abs(new / old))).mean(),
        "log of the difference": kl(lambda x: (x - 1) - np.log(np.abs(x))),
        "exponential forgotten": kl(lambda x: (x - 1) - x),
        "base 2": kl(lambda x: np.exp(x) - 1 - x / np.log(2)),
        "half": kl(lambda x: third_estimate(x) / 2),
        "probabilities subtracted": lambda new, old: (np.exp(new) - np.exp(old) - (new - old)).mean(),
        "weighted by the old probability": lambda new, old: (np.exp(old) * (old - new)).sum(),
        "root": lambda new, old: third_estimate(new - old).mean() ** 0.5,
        "variance of the log": kl(lambda x: x, np.var),
    },
    "passes_made": {
        "the pass that went too far does not count": stopped(far, lambda i: i),
        "one more pass": lambda kls, target: min(len(kls), stopped(far)(kls, target) + 1),
        "at the limit is too far": stopped(lambda kls, target: kls >= 1.5 * target),
        "1.5 forgotten": stopped(lambda kls, target: kls > target),
        "1.5 on the wrong side": stopped(lambda kls, target: 1.5 * kls > target),
        "1.5 added": stopped(lambda kls, target: kls > target + 1.5),
        "half as much again, taken off": stopped(lambda kls, target: kls > 0.5 * target),
        "twice the target": stopped(lambda kls, target: kls > 2 * target),
        "below": stopped(lambda kls, target: kls < 1.5 * target),
        "none too far: none made": stopped(far, otherwise=lambda K: 0),
        "none too far: one more than planned": stopped(far, otherwise=lambda K: K + 1),
        "none too far: the last does not count": stopped(far, otherwise=lambda K: K - 1),
        "none too far: argmax is 0": lambda kls, target: (kls > 1.5 * target).argmax() + 1,
        "all of them": lambda kls, target: len(kls),
        "as many as are too far": lambda kls, target: (kls > 1.5 * target).sum(),
        "as many as are not too far": lambda kls, target: (kls <= 1.5 * target).sum(),
        "as many as are not too far, and one": lambda kls, target: min(len(kls), (kls <= 1.5 * target).sum() + 1),
        "the last that is not too far": lambda kls, target: max(
            [i + 1 for i, x in enumerate(kls) if x <= 1.5 * target], default=1
        ),
        "the last that is too far": lambda kls, target: max(
            [i + 1 for i, x in enumerate(kls) if x > 1.5 * target], default=len(kls)
        ),
        "the largest": lambda kls, target: kls.argmax() + 1,
        "divergences add up": stopped(lambda kls, target: np.cumsum(kls) > 1.5 * target),
        "mean so far": stopped(lambda kls, target: np.cumsum(kls) / at(1, len(kls) + 1) > 1.5 * target),
        "growth from pass to pass": stopped(lambda kls, target: np.diff(kls, prepend=0) > 1.5 * target),
        "two in a row": stopped(lambda kls, target: far(kls, target) & np.append(False, far(kls, target)[:-1])),
        "sorted": stopped(lambda kls, target: np.sort(kls) > 1.5 * target),
        "as soon as it falls": stopped(lambda kls, target: np.diff(kls, prepend=-1) < 0),
        "nearest to the limit": lambda kls, target: np.abs(kls - 1.5 * target).argmin() + 1,
        "the divergence it stopped at": lambda kls, target: kls[stopped(far)(kls, target) - 1],
        "True for a pass made": lambda kls, target: at(len(kls)) < stopped(far)(kls, target),
    },
    "explained_variance": {
        "critic's variance below": lambda v, R: 1 - (R - v).var() / v.var(),
        "squared error": lambda v, R: 1 - ((R - v) ** 2).mean() / R.var(),
        "squared error over squared returns": lambda v, R: 1 - ((R - v) ** 2).mean() / (R**2).mean(),
        "squared error alone": lambda v, R: ((R - v) ** 2).mean(),
        "1 - squared error": lambda v, R: 1 - ((R - v) ** 2).mean(),
        "1 - variance of the error": lambda v, R: 1 - (R - v).var(),
        "unexplained part": lambda v, R: (R - v).var() / R.var(),
        "variance of the error": lambda v, R: (R - v).var(),
        "minus 1 the other way": lambda v, R: (R - v).var() / R.var() - 1,
        "variances divided": lambda v, R: v.var() / R.var(),
        "variances taken off": lambda v, R: 1 - (R.var() - v.var()) / R.var(),
        "1 - critic's variance": lambda v, R: 1 - v.var() / R.var(),
        "ratio upside down": lambda v, R: 1 - R.var() / (R - v).var(),
        "difference, not ratio": lambda v, R: R.var() - (R - v).var(),
        "standard deviations": lambda v, R: 1 - (R - v).std() / R.std(),
        "standard deviation above": lambda v, R: 1 - (R - v).std() / R.var(),
        "degrees of freedom below only": lambda v, R: 1 - (R - v).var() / R.var(ddof=1),
        "degrees of freedom above only": lambda v, R: 1 - (R - v).var(ddof=1) / R.var(),
        "sum": lambda v, R: 1 - (R + v).var() / R.var(),
        "never negative": lambda v, R: max(0.0, 1 - (R - v).var() / R.var()),
        "size of it": lambda v, R: abs(1 - (R - v).var() / R.var()),
        "correlation": lambda v, R: np.corrcoef(v, R)[0, 1],
        "correlation squared": lambda v, R: np.corrcoef(v, R)[0, 1] ** 2,
        "covariance": lambda v, R: ((R - R.mean()) * (v - v.mean())).mean() / R.var(),
        "percent": lambda v, R: 100 * (1 - (R - v).var() / R.var()),
        "absolute error": lambda v, R: 1 - np.abs(R - v).mean() / np.abs(R - R.mean()).mean(),
        "variance of the sizes": lambda v, R: 1 - np.abs(R - v).var() / R.var(),
        "variance of the squares": lambda v, R: 1 - ((R - v) ** 2).var() / R.var(),
        "brackets forgotten": lambda v, R: (1 - (R - v).var()) / R.var(),
        "relative error": lambda v, R: 1 - ((R - v) / R).var(),
        "each return": lambda v, R: 1 - (R - v) ** 2 / R.var(),
    },
    "advantages_and_targets": {
        "left as it was": lambda A, V: np.stack([standard(A), standard(A) + V]),
        "neither standardised": lambda A, V: np.stack([A, A + V]),
        "standardised too late to matter": lambda A, V: np.stack([standard(A + V), A + V]),
        "both standardised": lambda A, V: np.stack([standard(A), standard(A + V)]),
        "targets of standardised values": lambda A, V: np.stack([standard(A), A + standard(V)]),
        "both parts of the targets standardised": lambda A, V: np.stack([standard(A), standard(A) + standard(V)]),
        "scaled back without the mean": lambda A, V: np.stack([standard(A), standard(A) * A.std() + V]),
        "moved back without the spread": lambda A, V: np.stack([standard(A), standard(A) + A.mean() + V]),
        "values taken off": lambda A, V: np.stack([standard(A), A - V]),
        "advantages taken off": lambda A, V: np.stack([standard(A), V - A]),
        "values taken off, standardised": lambda A, V: np.stack([standard(A), standard(A) - V]),
        "targets are the advantages": lambda A, V: np.stack([standard(A), A]),
        "targets are the values": lambda A, V: np.stack([standard(A), V]),
        "targets and advantages exchanged": lambda A, V: np.stack([A + V, standard(A)]),
        "the two lines exchanged by name": lambda A, V: np.stack([A, standard(A) + V]),
        "standardised by environment": lambda A, V: np.stack([standard(A, axis=0), A + V]),
        "standardised by step": lambda A, V: np.stack([standard(A, axis=1), A + V]),
        "mean not taken off": lambda A, V: np.stack([A / (A.std() + 1e-8), A + V]),
        "not divided": lambda A, V: np.stack([A - A.mean(), A + V]),
        "variance": lambda A, V: np.stack([(A - A.mean()) / (A.var() + 1e-8), A + V]),
        "mean added": lambda A, V: np.stack([(A + A.mean()) / (A.std() + 1e-8), A + V]),
        "brackets forgotten": lambda A, V: np.stack([A - A.mean() / (A.std() + 1e-8), A + V]),
        "multiplied": lambda A, V: np.stack([(A - A.mean()) * (A.std() + 1e-8), A + V]),
        "spread estimated with one degree of freedom less": lambda A, V: np.stack([standard(A, ddof=1), A + V]),
        "spread of the values": lambda A, V: np.stack([(A - A.mean()) / (V.std() + 1e-8), A + V]),
        "mean and spread of the targets": lambda A, V: np.stack([(A - (A + V).mean()) / (A + V).std(), A + V]),
        "root mean square": lambda A, V: np.stack([A / np.sqrt((A**2).mean() + 1e-8), A + V]),
        "from 0 to 1": lambda A, V: np.stack([(A - A.min()) / (A.max() - A.min() + 1e-8), A + V]),
        "largest is 1": lambda A, V: np.stack([A / (np.abs(A).max() + 1e-8), A + V]),
        "median": lambda A, V: np.stack([(A - np.median(A)) / (A.std() + 1e-8), A + V]),
        "stacked at the end": lambda A, V: np.stack([standard(A), A + V], axis=-1),
        "one below the other": lambda A, V: np.concatenate([standard(A), A + V]),
        "advantages overwritten": standardised_in_place,
        "targets from values of the next step": lambda A, V: np.stack([standard(A), A + np.roll(V, -1, axis=0)]),
    },
}
