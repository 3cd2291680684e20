"""Wrong answers to chapter 5, written from the exercises' texts alone: what was thought, and what came of it."""

import numpy as np

at = np.arange


def delayed(source, filled=lambda commands, T, d: np.zeros_like(commands, dtype=float)):
    """What acts in step t is row ``source(t, delay, T)`` of the commands; other rows are ``filled``."""

    def answer(commands, delay):
        T = len(commands)
        acts = filled(commands, T, delay)
        for t in range(T):
            row = source(t, delay, T)
            if row is not None and 0 <= row < T:
                acts[t] = commands[row]
        return acts

    return answer


def delayed_in_place(commands, d):
    commands[d:] = commands[: len(commands) - d].copy()
    commands[:d] = 0
    return commands


def padded(commands, d):
    return np.concatenate([np.zeros((d, commands.shape[1])), commands])


def scale(share, value=lambda share, a, b: a + share * (b - a)):
    """``share(n, schedule_steps)`` of the way from ``a`` to ``b``."""
    return lambda n, steps, a, b: value(share(n, steps), a, b)


def so_far(n, steps):
    return min(n / steps, 1)


def seen(
    on_q=lambda q, e, s: q + s * e,
    on_qd=lambda qd, e, s: qd + 5 * s * e,
    on_target=lambda target, noise, s: target,
    split=lambda noise, n: (noise[:, :n], noise[:, n:]),
    order=lambda q, qd, target: (q, qd, target),
):
    """What the arms see, with one part exchanged."""

    def answer(q, qd, target, noise, s):
        for_q, for_qd = split(noise, q.shape[1])
        parts = order(on_q(q, for_q, s), on_qd(qd, for_qd, s), on_target(target, noise, s))
        return np.concatenate(parts, axis=1)

    return answer


def seen_in_place(q, qd, target, noise, s):
    n = q.shape[1]
    q += s * noise[:, :n]
    qd += 5 * s * noise[:, n:]
    return np.hstack([q, qd, target])


def rod(
    columns=lambda q, qd, qdd, x: (x**2 / 3 * qdd, qd, x / 2 * np.cos(q)),
    result=lambda m, d, mg: (m, d, mg / m),
):
    """The fit with other columns, or with other things made of what it finds."""

    def answer(q, qd, qdd, torque, link_length):
        Y = np.stack(columns(q, qd, qdd, link_length), axis=1)
        return np.array(result(*np.linalg.lstsq(Y, torque, rcond=None)[0]))

    return answer


def rod_of_known_gravity(q, qd, qdd, torque, x):
    Y = np.stack([x**2 / 3 * qdd + 9.81 * x / 2 * np.cos(q), qd], axis=1)
    return np.append(np.linalg.lstsq(Y, torque, rcond=None)[0], 9.81)


def rod_without_gravity(q, qd, qdd, torque, x):
    Y = np.stack([x**2 / 3 * qdd, qd], axis=1)
    return np.append(np.linalg.lstsq(Y, torque, rcond=None)[0], 0)


def rod_transposed(q, qd, qdd, torque, x):
    m, d, mg = np.stack([x**2 / 3 * qdd, qd, x / 2 * np.cos(q)]) @ torque
    return np.array([m, d, mg / m])


def rod_column_by_column(q, qd, qdd, torque, x):
    m, d, mg = (y @ torque / (y @ y) for y in (x**2 / 3 * qdd, qd, x / 2 * np.cos(q)))
    return np.array([m, d, mg / m])


def errors(
    s2=lambda r, tau, T, k: r @ r / (T - k),
    shape=lambda Y: np.diag(np.linalg.inv(Y.T @ Y)),
    result=lambda s2, shape, theta, T: np.sqrt(s2 * shape),
):
    """The standard errors with one part exchanged."""

    def answer(Y, torque):
        theta = np.linalg.lstsq(Y, torque, rcond=None)[0]
        return result(s2(torque - Y @ theta, torque, *Y.shape), shape(Y), theta, len(Y))

    return answer


def wilson(
    middle=lambda p, n, z: p + z**2 / (2 * n),
    half=lambda p, n, z: z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)),
    below=lambda n, z: 1 + z**2 / n,
    ends=lambda middle, half: (middle - half, middle + half),
):
    """The interval with one part exchanged."""

    def answer(successes, n, z):
        p = successes / n
        return np.array(ends(middle(p, n, z) / below(n, z), half(p, n, z) / below(n, z)))

    return answer


def wald(successes, n, z):
    p = successes / n
    return p + np.array([-1, 1]) * z * np.sqrt(p * (1 - p) / n)


def agresti_coull(successes, n, z):
    return wald(successes + z**2 / 2, n + z**2, z)


def turn(a):
    return np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])


def floor_of(place, error=lambda found, target: np.linalg.norm(found - target, axis=1)):
    """The error of ``place(target, offset, roll, distance)``."""
    return lambda t, o, roll, d: error(place(t, o, roll, d), t)


def taken_to_be(t, o, roll, d):
    return 3 / d * (t - o) @ turn(-roll).T


def moved_in_place(t, o, roll, d):
    before = t.copy()
    t -= o
    return np.linalg.norm(3 / d * t @ turn(-roll).T - before, axis=1)


def drawn_in_place(masses, ended, factors, default):
    masses[ended] = default * factors[ended]
    return masses


def drawn_in_the_order_of_ends(masses, ended, factors, default):
    new = masses.copy()
    new[ended] = default * factors[: ended.sum()]
    return new


def loguniform(power):
    """``power(u, log low, log high)``, and then the exponential."""
    return lambda u, low, high: np.exp(power(u, np.log(low), np.log(high)))


WRONG = {
    "random_delays": {
        "high excluded": lambda u, a, b: a + np.floor(u * (b - a)),
        "from 0": lambda u, a, b: np.floor(u * (b - a + 1)),
        "from 0 to high, low added": lambda u, a, b: a + np.floor(u * (b + 1)),
        "high pieces": lambda u, a, b: a + np.floor(u * b),
        "from 0 to high": lambda u, a, b: np.floor(u * (b + 1)),
        "from 0 to high, raised to low": lambda u, a, b: np.maximum(a, np.floor(u * (b + 1))),
        "rounded between the ends": lambda u, a, b: np.round(a + u * (b - a)),
        "rounded": lambda u, a, b: np.round(a + u * (b - a + 1)),
        "rounded, cut at high": lambda u, a, b: np.minimum(b, np.round(a + u * (b - a + 1))),
        "rounded up": lambda u, a, b: a + np.ceil(u * (b - a)),
        "rounded up, one piece more": lambda u, a, b: a + np.ceil(u * (b - a + 1)),
        "one piece too many": lambda u, a, b: a + np.floor(u * (b - a + 2)),
        "one piece too many, cut at high": lambda u, a, b: np.minimum(b, a + np.floor(u * (b - a + 2))),
        "begins at low + 1": lambda u, a, b: a + 1 + np.floor(u * (b - a)),
        "both ends excluded": lambda u, a, b: a + 1 + np.floor(u * max(b - a - 1, 1)),
        "one too late": lambda u, a, b: a + 1 + np.floor(u * (b - a + 1)),
        "not whole": lambda u, a, b: a + u * (b - a + 1),
        "not whole, between the ends": lambda u, a, b: a + u * (b - a),
        "u floored first": lambda u, a, b: a + np.floor(u) * (b - a + 1),
        "u rounded first": lambda u, a, b: a + np.round(u) * (b - a),
        "low multiplied": lambda u, a, b: np.floor(u * (a + b)),
        "low times": lambda u, a, b: a * np.floor(u * (b - a + 1)),
        "down from high": lambda u, a, b: b - np.floor(u * (b - a + 1)),
        "up from high": lambda u, a, b: b + np.floor(u * (b - a + 1)),
        "low or high": lambda u, a, b: np.where(u < 0.5, a, b),
        "one delay for all": lambda u, a, b: np.full(len(u), a + int(u[0] * (b - a + 1))),
        "mean delay": lambda u, a, b: np.full(len(u), (a + b) // 2),
        "chance of its own": lambda u, a, b: np.random.default_rng(3).integers(a, b + 1, len(u)),
        "chance of its own, high excluded": lambda u, a, b: np.random.default_rng(3).integers(a, max(b, a + 1), len(u)),
        "one after the other": lambda u, a, b: a + at(len(u)) % (b - a + 1),
        "from the wrong end": lambda u, a, b: a + np.floor((1 - u) * (b - a + 1)),
    },
    "log_uniform": {
        "uniform": lambda u, a, b: a + u * (b - a),
        "exponential forgotten": lambda u, a, b: np.log(a) + u * (np.log(b) - np.log(a)),
        "logarithm forgotten": lambda u, a, b: np.exp(a + u * (b - a)),
        "low and high exchanged": loguniform(lambda u, a, b: b + u * (a - b)),
        "low forgotten": loguniform(lambda u, a, b: u * b),
        "low added, difference forgotten": loguniform(lambda u, a, b: a + u * b),
        "low forgotten, difference kept": loguniform(lambda u, a, b: u * (b - a)),
        "low not a log": lambda u, a, b: a + np.exp(u * (np.log(b) - np.log(a))),
        "high not a log": lambda u, a, b: np.exp(np.log(a) + u * (b - np.log(a))),
        "difference not a log": lambda u, a, b: np.exp(np.log(a) + u * (b - a)),
        "log of the difference": lambda u, a, b: np.exp(np.log(a) + u * np.log(b - a)),
        "base 2 taken, e given back": lambda u, a, b: np.exp(np.log2(a) + u * (np.log2(b) - np.log2(a))),
        "base 10 taken, e given back": lambda u, a, b: np.exp(np.log10(a) + u * (np.log10(b) - np.log10(a))),
        "e taken, base 10 given back": lambda u, a, b: 10 ** (np.log(a) + u * (np.log(b) - np.log(a))),
        "e taken, base 2 given back": lambda u, a, b: 2 ** (np.log(a) + u * (np.log(b) - np.log(a))),
        "log of a uniform one": lambda u, a, b: np.log(a + u * (b - a)),
        "log, then uniform, then log again": lambda u, a, b: np.log(np.exp(a) + u * (np.exp(b) - np.exp(a))),
        "one over a uniform one": lambda u, a, b: 1 / (1 / a + u * (1 / b - 1 / a)),
        "uniform root": lambda u, a, b: (np.sqrt(a) + u * (np.sqrt(b) - np.sqrt(a))) ** 2,
        "uniform square": lambda u, a, b: np.sqrt(a**2 + u * (b**2 - a**2)),
        "one over it": lambda u, a, b: 1 / (a * (b / a) ** u),
        "minus": loguniform(lambda u, a, b: a - u * (b - a)),
        "plus inside": loguniform(lambda u, a, b: a + u * (b + a)),
        "log of u": lambda u, a, b: a + np.log1p(u) * (b - a),
        "exponential of u": lambda u, a, b: a + (np.exp(u) - 1) / (np.e - 1) * (b - a),
        "half or double": lambda u, a, b: 2.0 ** (2 * u - 1),
        "low or high": lambda u, a, b: np.where(u < 0.5, a, b),
        "the middle": lambda u, a, b: np.full(len(u), np.sqrt(a * b)),
        "one factor for all": lambda u, a, b: np.full(len(u), a * (b / a) ** u[0]),
        "high to the power of u": lambda u, a, b: a * b**u,
        "powers exchanged": lambda u, a, b: a**u * b ** (1 - u),
        "plus 1": lambda u, a, b: np.expm1(np.log(a) + u * (np.log(b) - np.log(a))),
        "chance of its own": lambda u, a, b: a * (b / a) ** np.random.default_rng(3).random(len(u)),
    },
    "delayed_commands": {
        "no delay": delayed(lambda t, d, T: t),
        "a step too late": delayed(lambda t, d, T: t - d - 1),
        "a step too late, but for 0": delayed(lambda t, d, T: t - d - 1 if d else t),
        "a step too early": delayed(lambda t, d, T: t - max(d - 1, 0)),
        "at least one step": delayed(lambda t, d, T: t - max(d, 1)),
        "at most one step": delayed(lambda t, d, T: t - min(d, 1)),
        "twice the delay": delayed(lambda t, d, T: t - 2 * d),
        "into the future": delayed(lambda t, d, T: t + d),
        "into the future, last command held": delayed(lambda t, d, T: min(t + d, T - 1)),
        "rolled round": lambda u, d: np.roll(u, d, axis=0),
        "rolled round the other way": lambda u, d: np.roll(u, -d, axis=0),
        "rolled as one row": lambda u, d: np.roll(u, d),
        "first command held before it arrives": delayed(lambda t, d, T: max(t - d, 0)),
        "last command acts before the first arrives": delayed(lambda t, d, T: t - d if t >= d else T - 1),
        "commands act until the first arrives": delayed(lambda t, d, T: t - d if t >= d else t),
        "nothing acts, then no delay": delayed(lambda t, d, T: t if t >= d else None),
        "nothing acts at the end": delayed(lambda t, d, T: t if t < T - d else None),
        "1 acts at first": delayed(lambda t, d, T: t - d, lambda u, T, d: np.ones_like(u)),
        "mean acts at first": delayed(lambda t, d, T: t - d, lambda u, T, d: np.zeros_like(u) + u.mean(axis=0)),
        "nan at first": delayed(lambda t, d, T: t - d, lambda u, T, d: np.full(u.shape, np.nan)),
        "sliced with -delay": lambda u, d: np.concatenate([np.zeros((d, u.shape[1])), u[:-d]]),
        "longer": padded,
        "shorter": lambda u, d: u[: len(u) - d],
        "shorter, late ones": lambda u, d: u[d:],
        "joints shifted": lambda u, d: np.concatenate([np.zeros((len(u), d)), u], axis=1)[:, : u.shape[1]],
        "first joint only": lambda u, d: np.column_stack([padded(u, d)[: len(u), :1], u[:, 1:]]),
        "first d commands lost": delayed(lambda t, d, T: t - d if t >= 2 * d else None),
        "each command held for the delay": delayed(lambda t, d, T: t - t % (d + 1)),
        "backwards": lambda u, d: padded(u, d)[: len(u)][::-1],
        "the last step's command": lambda u, d: padded(u, d)[len(u) - 1],
        "mean over the delay": lambda u, d: np.array([u[max(t - d, 0) : t + 1].mean(axis=0) for t in range(len(u))]),
        "commands overwritten": delayed_in_place,
    },
    "curriculum_scale": {
        "goes on growing": scale(lambda n, steps: n / steps),
        "not above 1": scale(lambda n, steps: n / steps, lambda x, a, b: min(1, a + x * (b - a))),
        "initial forgotten": scale(so_far, lambda x, a, b: x * b),
        "initial forgotten, at least initial": scale(so_far, lambda x, a, b: max(a, x * b)),
        "initial added to final's share": scale(so_far, lambda x, a, b: a + x * b),
        "initial added, not above final": scale(so_far, lambda x, a, b: min(b, a + x * b)),
        "initial added, not above 1": scale(so_far, lambda x, a, b: min(1, a + x)),
        "initial added, final the end": scale(so_far, lambda x, a, b: min(b, a + x)),
        "from 0 to final": scale(so_far, lambda x, a, b: x * (b - a)),
        "to 1": scale(so_far, lambda x, a, b: a + x * (1 - a)),
        "the share of the steps": scale(so_far, lambda x, a, b: x),
        "exchanged": scale(so_far, lambda x, a, b: b + x * (a - b)),
        "minus": scale(so_far, lambda x, a, b: a - x * (b - a)),
        "sum inside": scale(so_far, lambda x, a, b: a + x * (b + a)),
        "product": scale(so_far, lambda x, a, b: a + x * a * b),
        "geometric": scale(so_far, lambda x, a, b: a * (b / max(a, 1e-9)) ** x),
        "squared": scale(lambda n, steps: so_far(n, steps) ** 2),
        "root": scale(lambda n, steps: so_far(n, steps) ** 0.5),
        "fast at first": scale(lambda n, steps: 1 - np.exp(-n / steps)),
        "whole division": scale(lambda n, steps: min(n // steps, 1)),
        "one step further": scale(lambda n, steps: min((n + 1) / steps, 1)),
        "one step further above and below": scale(lambda n, steps: min((n + 1) / (steps + 1), 1)),
        "one step fewer": scale(lambda n, steps: min(n / max(steps - 1, 1), 1)),
        "one step more": scale(lambda n, steps: min(n / (steps + 1), 1)),
        "steps upside down": scale(lambda n, steps: min(steps / max(n, 1), 1)),
        "never opens": scale(lambda n, steps: 0),
        "always open": scale(lambda n, steps: 1),
        "opens all at once": scale(lambda n, steps: float(n >= steps)),
        "begins again": scale(lambda n, steps: n % steps / steps),
        "0 afterwards": scale(so_far, lambda x, a, b: a + x * (b - a) if x < 1 else 0.0),
        "1 afterwards": scale(so_far, lambda x, a, b: a + x * (b - a) if x < 1 else 1.0),
        "initial afterwards": scale(so_far, lambda x, a, b: a + x * (b - a) if x < 1 else a),
        "not divided": lambda n, steps, a, b: a + min(n, steps) * (b - a),
    },
    "measured_state": {
        "noise on the target": seen(on_target=lambda x, e, s: x + s * e[:, :2]),
        "5 sigma noise on the target": seen(on_target=lambda x, e, s: x + 5 * s * e[:, -2:]),
        "noise of the target's own": seen(
            on_target=lambda x, e, s: x + s * np.random.default_rng(3).standard_normal(x.shape)
        ),
        "sigma on the velocities": seen(on_qd=lambda x, e, s: x + s * e),
        "5 sigma on both": seen(on_q=lambda x, e, s: x + 5 * s * e),
        "5 sigma on the angles": seen(lambda x, e, s: x + 5 * s * e, lambda x, e, s: x + s * e),
        "a fifth of sigma": seen(on_qd=lambda x, e, s: x + s * e / 5),
        "velocities as they are": seen(on_qd=lambda x, e, s: x),
        "angles as they are": seen(on_q=lambda x, e, s: x),
        "no noise": seen(lambda x, e, s: x, lambda x, e, s: x),
        "noise not scaled": seen(lambda x, e, s: x + e, lambda x, e, s: x + 5 * e),
        "sigma forgotten on the velocities": seen(on_qd=lambda x, e, s: x + 5 * e),
        "variance": seen(lambda x, e, s: x + s**2 * e, lambda x, e, s: x + (5 * s) ** 2 * e),
        "variance on the velocities": seen(on_qd=lambda x, e, s: x + 25 * s * e),
        "root": seen(lambda x, e, s: x + np.sqrt(s) * e, lambda x, e, s: x + np.sqrt(5 * s) * e),
        "root of 5": seen(on_qd=lambda x, e, s: x + np.sqrt(5) * s * e),
        "noise taken off": seen(lambda x, e, s: x - s * e, lambda x, e, s: x - 5 * s * e),
        "noise multiplied": seen(lambda x, e, s: x * (1 + s * e), lambda x, e, s: x * (1 + 5 * s * e)),
        "size of the noise": seen(lambda x, e, s: x + s * np.abs(e), lambda x, e, s: x + 5 * s * np.abs(e)),
        "a constant error": seen(lambda x, e, s: x + s, lambda x, e, s: x + 5 * s),
        "velocities' noise first": seen(split=lambda e, n: (e[:, n:], e[:, :n])),
        "angles' noise on both": seen(split=lambda e, n: (e[:, :n], e[:, :n])),
        "noise joint by joint": seen(split=lambda e, n: (e[:, ::2], e[:, 1::2])),
        "backwards": seen(split=lambda e, n: (e[:, ::-1][:, :n], e[:, ::-1][:, n:])),
        "first arm's noise for all": seen(split=lambda e, n: (e[:1, :n], e[:1, n:])),
        "chance of its own": seen(
            split=lambda e, n: np.split(np.random.default_rng(3).standard_normal(e.shape), 2, axis=1)
        ),
        "target first": seen(order=lambda q, qd, x: (x, q, qd)),
        "target in the middle": seen(order=lambda q, qd, x: (q, x, qd)),
        "velocities first": seen(order=lambda q, qd, x: (qd, q, x)),
        "no target": seen(order=lambda q, qd, x: (q, qd)),
        "joint by joint": lambda q, qd, x, e, s: np.hstack(
            [np.stack([q + s * e[:, : q.shape[1]], qd + 5 * s * e[:, q.shape[1] :]], 2).reshape(len(q), -1), x]
        ),
        "noise last": lambda q, qd, x, e, s: np.hstack([q, qd, x, s * e]),
        "state overwritten": seen_in_place,
    },
    "identify_rod": {
        "m g for g": rod(result=lambda m, d, mg: (m, d, mg)),
        "m g times m": rod(result=lambda m, d, mg: (m, d, mg * m)),
        "m over m g": rod(result=lambda m, d, mg: (m, d, m / mg)),
        "m g minus m": rod(result=lambda m, d, mg: (m, d, mg - m)),
        "divided by d": rod(result=lambda m, d, mg: (m, d, mg / d)),
        "gravity before damping": rod(result=lambda m, d, mg: (m, mg / m, d)),
        "damping first": rod(result=lambda m, d, mg: (d, m, mg / m)),
        "mass from 9.81": rod(result=lambda m, d, mg: (mg / 9.81, d, 9.81)),
        "gravity is 9.81": rod(result=lambda m, d, mg: (m, d, 9.81)),
        "known gravity in the fit": rod_of_known_gravity,
        "no gravity in the fit": rod_without_gravity,
        "damping per mass": rod(result=lambda m, d, mg: (m, d / m, mg / m)),
        "damping's sign": rod(lambda q, qd, qdd, x: (x**2 / 3 * qdd, -qd, x / 2 * np.cos(q))),
        "gravity's sign": rod(lambda q, qd, qdd, x: (x**2 / 3 * qdd, qd, -x / 2 * np.cos(q))),
        "sine": rod(lambda q, qd, qdd, x: (x**2 / 3 * qdd, qd, x / 2 * np.sin(q))),
        "degrees": rod(lambda q, qd, qdd, x: (x**2 / 3 * qdd, qd, x / 2 * np.cos(np.deg2rad(q)))),
        "small angles": rod(lambda q, qd, qdd, x: (x**2 / 3 * qdd, qd, x / 2 * np.ones_like(q))),
        "cosine forgotten": rod(lambda q, qd, qdd, x: (x**2 / 3 * qdd, qd, x / 2 * q)),
        "third forgotten": rod(lambda q, qd, qdd, x: (x**2 * qdd, qd, x / 2 * np.cos(q))),
        "rod about its middle": rod(lambda q, qd, qdd, x: (x**2 / 12 * qdd, qd, x / 2 * np.cos(q))),
        "half for the third": rod(lambda q, qd, qdd, x: (x**2 / 2 * qdd, qd, x / 2 * np.cos(q))),
        "length not squared": rod(lambda q, qd, qdd, x: (x / 3 * qdd, qd, x / 2 * np.cos(q))),
        "length forgotten": rod(lambda q, qd, qdd, x: (qdd / 3, qd, np.cos(q) / 2)),
        "gravity at the tip": rod(lambda q, qd, qdd, x: (x**2 / 3 * qdd, qd, x * np.cos(q))),
        "a mass at the tip": rod(lambda q, qd, qdd, x: (x**2 * qdd, qd, x * np.cos(q))),
        "gravity without the length": rod(lambda q, qd, qdd, x: (x**2 / 3 * qdd, qd, np.cos(q) / 2)),
        "length squared with gravity": rod(lambda q, qd, qdd, x: (x**2 / 3 * qdd, qd, x**2 / 2 * np.cos(q))),
        "inertia for mass": rod(lambda q, qd, qdd, x: (qdd, qd, x / 2 * np.cos(q))),
        "inertia and moment of gravity": rod(lambda q, qd, qdd, x: (qdd, qd, np.cos(q))),
        "velocity and acceleration exchanged": rod(lambda q, qd, qdd, x: (x**2 / 3 * qd, qdd, x / 2 * np.cos(q))),
        "dry friction": rod(lambda q, qd, qdd, x: (x**2 / 3 * qdd, np.sign(qd), x / 2 * np.cos(q))),
        "velocity squared": rod(lambda q, qd, qdd, x: (x**2 / 3 * qdd, qd**2, x / 2 * np.cos(q))),
        "size of the velocity": rod(lambda q, qd, qdd, x: (x**2 / 3 * qdd, np.abs(qd), x / 2 * np.cos(q))),
        "transposed for inverse": rod_transposed,
        "column by column": rod_column_by_column,
    },
    "standard_errors": {
        "T": errors(lambda r, tau, T, k: r @ r / T),
        "T - 1": errors(lambda r, tau, T, k: r @ r / (T - 1)),
        "T - k - 1": errors(lambda r, tau, T, k: r @ r / max(T - k - 1, 0.5)),
        "T + k": errors(lambda r, tau, T, k: r @ r / (T + k)),
        "k": errors(lambda r, tau, T, k: r @ r / k),
        "not divided": errors(lambda r, tau, T, k: r @ r),
        "residuals without their mean": errors(lambda r, tau, T, k: r.var()),
        "residuals without their mean, T - k": errors(lambda r, tau, T, k: r.var(ddof=k)),
        "residuals without their mean, T - 1": errors(lambda r, tau, T, k: r.var(ddof=1)),
        "sum of the residuals, squared": errors(lambda r, tau, T, k: r.sum() ** 2 / (T - k)),
        "sizes of the residuals": errors(lambda r, tau, T, k: np.abs(r).sum() / (T - k)),
        "torques for residuals": errors(lambda r, tau, T, k: tau @ tau / (T - k)),
        "s^2 forgotten": errors(lambda r, tau, T, k: 1),
        "s for s^2": errors(lambda r, tau, T, k: np.sqrt(r @ r / (T - k))),
        "s^4": errors(lambda r, tau, T, k: (r @ r / (T - k)) ** 2),
        "s^2 alone": errors(result=lambda s2, shape, theta, T: np.full(len(theta), s2)),
        "s alone": errors(result=lambda s2, shape, theta, T: np.full(len(theta), np.sqrt(s2))),
        "root forgotten": errors(result=lambda s2, shape, theta, T: s2 * shape),
        "root of s^2 only": errors(result=lambda s2, shape, theta, T: np.sqrt(s2) * shape),
        "root of the matrix only": errors(result=lambda s2, shape, theta, T: s2 * np.sqrt(shape)),
        "inverse forgotten": errors(shape=lambda Y: np.diag(Y.T @ Y)),
        "diagonal inverted": errors(shape=lambda Y: 1 / np.diag(Y.T @ Y)),
        "Y inverted": errors(shape=lambda Y: np.abs(np.diag(np.linalg.pinv(Y)))),
        "whole matrix": errors(
            shape=lambda Y: np.linalg.inv(Y.T @ Y), result=lambda s2, C, theta, T: np.sqrt(np.abs(s2 * C))
        ),
        "sums of the rows": errors(shape=lambda Y: np.abs(np.linalg.inv(Y.T @ Y).sum(axis=1))),
        "eigenvalues": errors(shape=lambda Y: np.linalg.eigvalsh(np.linalg.inv(Y.T @ Y))),
        "Y and its transpose exchanged": errors(shape=lambda Y: np.diag(np.linalg.pinv(Y @ Y.T))[: Y.shape[1]]),
        "divided by the root of T": errors(result=lambda s2, shape, theta, T: np.sqrt(s2 * shape / T)),
        "times T": errors(result=lambda s2, shape, theta, T: np.sqrt(s2 * shape * T)),
        "95 %": errors(result=lambda s2, shape, theta, T: 1.96 * np.sqrt(s2 * shape)),
        "relative": errors(result=lambda s2, shape, theta, T: np.sqrt(s2 * shape) / np.abs(theta)),
        "the parameters": errors(result=lambda s2, shape, theta, T: theta),
        "mean over the parameters": errors(result=lambda s2, shape, theta, T: np.sqrt(s2 * shape).mean()),
        "residuals": lambda Y, tau: tau - Y @ np.linalg.lstsq(Y, tau, rcond=None)[0],
    },
    "success_interval": {
        "normal interval": wald,
        "normal interval, cut at 0 and 1": lambda k, n, z: np.clip(wald(k, n, z), 0, 1),
        "Agresti and Coull's interval": agresti_coull,
        "upper end first": wilson(ends=lambda m, h: (m + h, m - h)),
        "half width for the upper end": wilson(ends=lambda m, h: (m, h)),
        "half width alone": wilson(ends=lambda m, h: (h, h)),
        "half of the half width": wilson(ends=lambda m, h: (m - h / 2, m + h / 2)),
        "lower end twice": wilson(ends=lambda m, h: (m - h, m - h)),
        "from 0": wilson(ends=lambda m, h: (0, m + h)),
        "from the middle up": wilson(ends=lambda m, h: (m, m + h)),
        "percent": wilson(ends=lambda m, h: (100 * (m - h), 100 * (m + h))),
        "not divided": wilson(below=lambda n, z: 1),
        "divided by 1 - z^2 / n": wilson(below=lambda n, z: 1 - z**2 / n if n != z**2 else 2),
        "divided by 1 + z^2": wilson(below=lambda n, z: 1 + z**2),
        "divided by 1 + z / n": wilson(below=lambda n, z: 1 + z / n),
        "only the half width divided": lambda k, n, z: (
            k / n + z**2 / (2 * n) + np.diff(wilson()(k, n, z)) / 2 * np.array([-1, 1])
        ),
        "only the middle divided": wilson(
            half=lambda p, n, z: (1 + z**2 / n) * z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        ),
        "middle is p": wilson(middle=lambda p, n, z: p * (1 + z**2 / n)),
        "z^2 / 2n forgotten": wilson(middle=lambda p, n, z: p),
        "middle with z^2 / n": wilson(middle=lambda p, n, z: p + z**2 / n),
        "middle with z / 2n": wilson(middle=lambda p, n, z: p + z / (2 * n)),
        "z^2 / 2 times n": wilson(middle=lambda p, n, z: p + z**2 / 2 * n),
        "share of failures": wilson(middle=lambda p, n, z: 1 - p + z**2 / (2 * n)),
        "number of successes": wilson(middle=lambda p, n, z: p * n + z**2 / (2 * n)),
        "z before the root forgotten": wilson(half=lambda p, n, z: np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))),
        "second term forgotten": wilson(half=lambda p, n, z: z * np.sqrt(p * (1 - p) / n)),
        "first term forgotten": wilson(half=lambda p, n, z: z * np.sqrt(z**2 / (4 * n**2))),
        "root forgotten": wilson(half=lambda p, n, z: z * (p * (1 - p) / n + z**2 / (4 * n**2))),
        "root over the first term only": wilson(
            half=lambda p, n, z: z * (np.sqrt(p * (1 - p) / n) + z**2 / (4 * n**2))
        ),
        "4n for 4n^2": wilson(half=lambda p, n, z: z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n))),
        "2n^2 for 4n^2": wilson(half=lambda p, n, z: z * np.sqrt(p * (1 - p) / n + z**2 / (2 * n**2))),
        "n forgotten under p (1 - p)": wilson(half=lambda p, n, z: z * np.sqrt(p * (1 - p) + z**2 / (4 * n**2))),
        "p squared": wilson(half=lambda p, n, z: z * np.sqrt(p**2 / n + z**2 / (4 * n**2))),
        "always 95 %": lambda k, n, z: wilson()(k, n, 1.96),
        "n - 1": lambda k, n, z: wilson()(k, n - 1, z) if n > max(k, 1) else np.array([0.0, 0.0]),
    },
    "camera_floor": {
        "turned the other way": floor_of(lambda t, o, a, d: taken_to_be(t, o, -a, d)),
        "rows turned from the right": floor_of(lambda t, o, a, d: 3 / d * (t - o) @ turn(-a)),
        "not turned": floor_of(lambda t, o, a, d: 3 / d * (t - o)),
        "turned by twice as much": floor_of(lambda t, o, a, d: taken_to_be(t, o, 2 * a, d)),
        "roll in degrees": floor_of(lambda t, o, a, d: taken_to_be(t, o, np.deg2rad(a), d)),
        "roll from radians to degrees": floor_of(lambda t, o, a, d: taken_to_be(t, o, np.rad2deg(a), d)),
        "sines with the same sign": floor_of(
            lambda t, o, a, d: 3 / d * (t - o) @ np.array([[np.cos(a), np.sin(a)], [np.sin(a), np.cos(a)]])
        ),
        "sine and cosine exchanged": floor_of(
            lambda t, o, a, d: 3 / d * (t - o) @ np.array([[np.sin(a), -np.cos(a)], [np.cos(a), np.sin(a)]])
        ),
        "small angle, no cosine": floor_of(lambda t, o, a, d: 3 / d * (t - o) @ np.array([[1, -a], [a, 1]])),
        "offset forgotten": floor_of(lambda t, o, a, d: taken_to_be(t, 0, a, d)),
        "offset added": floor_of(lambda t, o, a, d: taken_to_be(t, -o, a, d)),
        "offset taken off after turning": floor_of(lambda t, o, a, d: taken_to_be(t, 0, a, d) - o),
        "offset neither turned nor scaled, added": floor_of(lambda t, o, a, d: taken_to_be(t, 0, a, d) + o),
        "offset not turned": floor_of(lambda t, o, a, d: 3 / d * (t @ turn(-a).T - o)),
        "offset not scaled": floor_of(lambda t, o, a, d: (3 / d * t - o) @ turn(-a).T),
        "offset's first number for both": floor_of(lambda t, o, a, d: taken_to_be(t, o[0], a, d)),
        "offset exchanged": floor_of(lambda t, o, a, d: taken_to_be(t, o[::-1], a, d)),
        "distance upside down": floor_of(lambda t, o, a, d: taken_to_be(t, o, a, 9 / d)),
        "distance forgotten": floor_of(lambda t, o, a, d: taken_to_be(t, o, a, 3)),
        "3 forgotten": floor_of(lambda t, o, a, d: taken_to_be(t, o, a, 3 * d)),
        "3 - distance": floor_of(lambda t, o, a, d: (t - o) @ turn(-a).T + (3 - d)),
        "times distance": floor_of(lambda t, o, a, d: taken_to_be(t, o, a, 3 / d)),
        "squared": floor_of(taken_to_be, lambda f, t: ((f - t) ** 2).sum(axis=1)),
        "sizes added": floor_of(taken_to_be, lambda f, t: np.abs(f - t).sum(axis=1)),
        "components added": floor_of(taken_to_be, lambda f, t: (f - t).sum(axis=1)),
        "larger component": floor_of(taken_to_be, lambda f, t: np.abs(f - t).max(axis=1)),
        "root mean square": floor_of(taken_to_be, lambda f, t: np.sqrt(((f - t) ** 2).mean(axis=1))),
        "each component": floor_of(taken_to_be, lambda f, t: np.abs(f - t)),
        "where it is taken to be": floor_of(taken_to_be, lambda f, t: f),
        "how far from the origin": floor_of(taken_to_be, lambda f, t: np.linalg.norm(f, axis=1)),
        "difference of the lengths": floor_of(
            taken_to_be, lambda f, t: np.abs(np.linalg.norm(f, axis=1) - np.linalg.norm(t, axis=1))
        ),
        "norm down the columns": floor_of(taken_to_be, lambda f, t: np.linalg.norm(f - t, axis=0)),
        "norm of the whole": floor_of(taken_to_be, lambda f, t: np.linalg.norm(f - t)),
        "mean error": floor_of(taken_to_be, lambda f, t: np.linalg.norm(f - t, axis=1).mean()),
        "x alone": floor_of(taken_to_be, lambda f, t: np.abs(f - t)[:, 0]),
        "measured from the moved target": lambda t, o, a, d: np.linalg.norm(taken_to_be(t, o, a, d) - (t - o), axis=1),
        "targets overwritten": moved_in_place,
    },
    "new_masses": {
        "left as it was": lambda m, e, f, d: np.where(e, m * f, m),
        "everyone, from the default": lambda m, e, f, d: d * f,
        "everyone, from the last": lambda m, e, f, d: m * f,
        "who goes on": lambda m, e, f, d: np.where(e, m, d * f),
        "who goes on, from the last": lambda m, e, f, d: np.where(~e, m * f, m),
        "one ends, all begin": lambda m, e, f, d: d * f if e.any() else m.copy(),
        "all must have ended": lambda m, e, f, d: d * f if e.all() else m.copy(),
        "first arm decides": lambda m, e, f, d: d * f if e[0] else m.copy(),
        "default, no factor": lambda m, e, f, d: np.where(e, d, m),
        "factor, no default": lambda m, e, f, d: np.where(e, f, m),
        "factor added": lambda m, e, f, d: np.where(e, d + f, m),
        "default and a change": lambda m, e, f, d: np.where(e, d * (1 + f), m),
        "factor meant from 0 to 1": lambda m, e, f, d: np.where(e, d * (0.5 + f), m),
        "divided": lambda m, e, f, d: np.where(e, d / f, m),
        "factor upside down, from the last": lambda m, e, f, d: np.where(e, m / f, m),
        "mass times change of the default": lambda m, e, f, d: np.where(e, m + d * (f - 1), m),
        "factor added to the last": lambda m, e, f, d: np.where(e, m + f - 1, m),
        "both": lambda m, e, f, d: np.where(e, d * m * f, m),
        "middle of last and default": lambda m, e, f, d: np.where(e, (m + d) / 2 * f, m),
        "kept in its range": lambda m, e, f, d: np.where(e, np.clip(m * f, 0.5 * d, 1.5 * d), m),
        "kept in its range, from the first": lambda m, e, f, d: np.where(e, np.clip(m * f, 0.5, 1.5), m),
        "mean mass": lambda m, e, f, d: np.where(e, m.mean() * f, m),
        "first mass for default": lambda m, e, f, d: np.where(e, m[0] * f, m),
        "mean factor": lambda m, e, f, d: np.where(e, d * f.mean(), m),
        "first factor": lambda m, e, f, d: np.where(e, d * f[0], m),
        "the others at default": lambda m, e, f, d: np.where(e, d * f, d),
        "the others weigh nothing": lambda m, e, f, d: e * d * f,
        "the others scaled": lambda m, e, f, d: np.where(e, d * f, m * f),
        "the others too, times default": lambda m, e, f, d: np.where(e, f, m) * d,
        "the ended alone": lambda m, e, f, d: d * f[e],
        "factors in the order of the ends": drawn_in_the_order_of_ends,
        "factor for each mass": lambda m, e, f, d: np.where(e, m / d * f, m),
        "masses overwritten": drawn_in_place,
        "factor squared": lambda m, e, f, d: np.where(e, d * f**2, m),
    },
}
