"""Wrong answers to every exercise, written from the exercises' texts alone: what was thought, and what came of it.

``WRONG[exercise][thought] = answer``.
"""

import numpy as np
import wrong_ppo_answers
import wrong_sim_to_real_answers

at = np.arange


def rows(table):
    return at(len(table))


def looped(step):
    """Value iteration by ``step(V, new, tol) -> what to return, or None to sweep again``."""

    def answer(P, R, gamma, tol):
        V = np.zeros(len(P))
        for _ in range(20_000):
            new = (R + gamma * P @ V).max(axis=1)
            result = step(V, new, tol)
            if result is not None:
                return result
            V = new
        return V

    return answer


def until_settled(backup):
    """Value iteration with another backup: ``backup(V, P, R, gamma) -> new V``."""

    def answer(P, R, gamma, tol):
        V = np.zeros(len(P))
        for _ in range(20_000):
            V, old = backup(V, P, R, gamma), V
            if np.abs(V - old).max() <= tol:
                break
        return V

    return answer


def first_reward_returned(rewards, gamma):
    total = 0
    for t, r in enumerate(rewards):
        total += gamma**t * r
        return total


def discount_compounded(rewards, gamma):
    total, discount = 0.0, 1.0
    for t, r in enumerate(rewards):
        discount *= gamma**t
        total += discount * r
    return total


def whole_table(V, P, R, gamma):
    Q = np.zeros_like(R)
    for s in range(R.shape[0]):
        for a in range(R.shape[1]):
            Q[s, a] = R[s, a] + gamma * P[s, a] @ V
    return Q


def replay(
    goes_on=lambda t, terminated, truncated: not terminated[t],
    after=lambda t, states, truncated: states[t + 1],
    steps=range,
    value=lambda Q, new_Q, s: new_Q[s].max(),
    write=lambda new_Q, s, a, n, target, alpha: new_Q.__setitem__((s, a), new_Q[s, a] + alpha * (target - new_Q[s, a])),
    skip=lambda t, terminated, truncated: False,
    target=lambda r, gamma, goes_on, v, t: r + gamma * goes_on * v,
):
    """The replayed episode with one part exchanged."""

    def answer(Q, states, actions, rewards, terminated, truncated, alpha, gamma):
        new_Q = Q.astype(float)
        for t in steps(len(actions)):
            if skip(t, terminated, truncated):
                continue
            n = after(t, states, truncated)
            y = target(rewards[t], gamma, goes_on(t, terminated, truncated), value(Q, new_Q, n), t)
            write(new_Q, states[t], actions[t], n, y, alpha)
        return new_Q

    return answer


def replay_on_the_given_table(Q, states, actions, rewards, terminated, truncated, alpha, gamma):
    for t in range(len(actions)):
        target = rewards[t] + gamma * (not terminated[t]) * Q[states[t + 1]].max()
        Q[states[t], actions[t]] += alpha * (target - Q[states[t], actions[t]])
    return Q


def pushed(rows_of, values=lambda memory, new: (memory.copy(), new)):
    def answer(memory, n_pushed, new):
        after, new = values(memory, new)
        after[rows_of(n_pushed, len(new), len(memory))] = new
        return after

    return answer


def pushed_while_room(memory, n_pushed, new):
    after = memory.copy()
    start = n_pushed % len(memory)
    room = len(memory) - start
    after[start : start + len(new)] = new[:room]
    return after


def pushed_with_wrong_rest(memory, n_pushed, new):
    after = memory.copy()
    start = n_pushed % len(memory)
    room = min(len(memory) - start, len(new))
    after[start : start + room] = new[:room]
    after[: len(new) - room] = new[: len(new) - room]
    return after


def pushed_in_place(memory, n_pushed, new):
    memory[(n_pushed + rows(new)) % len(memory)] = new
    return memory


def pushed_at_the_end_of_the_filled(memory, n_pushed, new):
    size = min(n_pushed, len(memory))
    return np.concatenate([memory[:size], new])[-len(memory) :]


def polyak_in_place(target, online, tau):
    target *= 1 - tau
    target += tau * online
    return target


def huber_in_place(error):
    small = np.abs(error) <= 1
    error[small] = error[small] ** 2 / 2
    error[~small] = np.abs(error[~small]) - 0.5
    return error


def huber_whole(error):
    loss = np.zeros_like(error)
    for i, e in enumerate(error):
        loss[i] = e**2 / 2 if abs(e) <= 1 else abs(e) - 0.5
    return loss


def one_hot(index, n):
    return np.eye(n)[index]


def softmax(q):
    weights = np.exp(q - q.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def best_of(q):
    return q == q.max(axis=1, keepdims=True)


def exploring(q, best, others):
    return np.where(best_of(q), best, others)


def td_whole(q, r, n, d, a, g):
    new = np.zeros_like(q)
    for i in range(len(q)):
        new[i] = q[i] + a * (r[i] + g * (not d[i]) * n[i].max() - q[i])
    return new


def target_whole(r, n, d, t, g):
    y = np.zeros_like(r)
    for i in range(len(r)):
        y[i] = r[i] + g * (not d[i]) * n[i].max()
    return y


WRONG = {
    "discounted_return": {
        "the first reward is one step away": lambda r, g: r @ g ** at(1, len(r) + 1),
        "gamma forgotten": lambda r, g: r.sum(),
        "mean in place of the sum": lambda r, g: (r * g ** at(len(r))).mean(),
        "gamma times t, not to the power": lambda r, g: (r * g * at(len(r))).sum(),
        "the last reward counts in full": lambda r, g: r @ g ** at(len(r))[::-1],
        "the last reward left out": lambda r, g: r[:-1] @ g ** at(len(r) - 1),
        "the first reward left out": lambda r, g: r[1:] @ g ** at(1, len(r)),
        "the first reward skipped, the rest moved up": lambda r, g: r[1:] @ g ** at(len(r) - 1),
        "the terms, not their sum": lambda r, g: r * g ** at(len(r)),
        "running sums": lambda r, g: np.cumsum(r * g ** at(len(r))),
        "the return from every step": lambda r, g: np.array([r[t:] @ g ** at(len(r) - t) for t in at(len(r))]),
        "weights made to sum to one": lambda r, g: (1 - g) * (r @ g ** at(len(r))),
        "the sum discounted once as a whole": lambda r, g: g ** (len(r) - 1) * r.sum(),
        "the sum discounted by its length": lambda r, g: g ** len(r) * r.sum(),
        "one gamma around the sum": lambda r, g: g * r.sum(),
        "only the last reward": lambda r, g: g ** (len(r) - 1) * r[-1],
        "return inside the loop": first_reward_returned,
        "gamma never raised": lambda r, g: r[0] + g * r[1:].sum(),
        "gamma to the power of the reward": lambda r, g: (g**r).sum(),
        "cut to a whole number": lambda r, g: int(r @ g ** at(len(r))),
        "discount compounded": discount_compounded,
        "divided where it should multiply": lambda r, g: (r / (1 + g) ** at(len(r))).sum(),
        "(1 - gamma) for gamma": lambda r, g: r @ (1 - g) ** at(len(r)),
    },
    "bellman_backup": {
        "gamma forgotten": lambda V, P, R, g: R + P @ V,
        "reward forgotten": lambda V, P, R, g: g * P @ V,
        "gamma on everything": lambda V, P, R, g: g * (R + P @ V),
        "gamma on the reward only": lambda V, P, R, g: g * R + P @ V,
        "minus": lambda V, P, R, g: R - g * P @ V,
        "value of this state, not the next": lambda V, P, R, g: R + g * V[:, None],
        "best over actions": lambda V, P, R, g: (R + g * P @ V).max(axis=1),
        "mean over actions": lambda V, P, R, g: (R + g * P @ V).mean(axis=1),
        "largest term of the expectation": lambda V, P, R, g: R + g * (P * V).max(axis=2),
        "the likeliest next state": lambda V, P, R, g: R + g * V[P.argmax(axis=2)],
        "the best possible next state": lambda V, P, R, g: R + g * np.where(P > 0, V, -np.inf).max(axis=2),
        "mean of the products": lambda V, P, R, g: R + g * (P * V).mean(axis=2),
        "probabilities forgotten": lambda V, P, R, g: R + g * V.sum() * np.ones_like(R),
        "mean of all values": lambda V, P, R, g: R + g * V.mean() * np.ones_like(R),
        "best of all values": lambda V, P, R, g: R + g * V.max() * np.ones_like(R),
        "from and to exchanged": lambda V, P, R, g: R + g * np.einsum("tas,t->sa", P, V),
        "gamma twice": lambda V, P, R, g: R + g**2 * P @ V,
        "turned": lambda V, P, R, g: (R + g * P @ V).T,
        "advantage": lambda V, P, R, g: R + g * P @ V - V[:, None],
        "reward averaged with the probabilities": lambda V, P, R, g: P @ (R.max(axis=1) + g * V),
        "reward of the best action": lambda V, P, R, g: R.max(axis=1, keepdims=True) + g * P @ V,
        "whole numbers": whole_table,
        "V changed on the way": lambda V, P, R, g: R + np.multiply(P, np.multiply(V, g, out=V)).sum(axis=2),
    },
    "greedy_policy": {
        "only the first of the best": lambda Q: one_hot(Q.argmax(axis=1), Q.shape[1]),
        "only the last of the best": lambda Q: one_hot(Q.shape[1] - 1 - Q[:, ::-1].argmax(axis=1), Q.shape[1]),
        "not divided": lambda Q: best_of(Q).astype(float),
        "truth values": best_of,
        "softmax": softmax,
        "values over their sum": lambda Q: Q / Q.sum(axis=1, keepdims=True),
        "best of the table": lambda Q: (Q == Q.max()) / np.maximum((Q == Q.max()).sum(axis=1, keepdims=True), 1),
        "best of the table shared by all": lambda Q: (Q == Q.max()) / (Q == Q.max()).sum(),
        "best of each column": lambda Q: (Q == Q.max(axis=0)) / (Q == Q.max(axis=0)).sum(axis=0),
        "actions, not probabilities": lambda Q: Q.argmax(axis=1),
        "divided by the column's number": lambda Q: best_of(Q) / np.maximum(best_of(Q).sum(axis=0), 1),
        "divided by all the best ones": lambda Q: best_of(Q) / best_of(Q).sum(),
        "worst action": lambda Q: best_of(-Q) / best_of(-Q).sum(axis=1, keepdims=True),
        "divided by the number of actions": lambda Q: best_of(Q) / Q.shape[1],
        "divided by the number of states": lambda Q: best_of(Q) / len(Q),
        "every action alike": lambda Q: np.full(Q.shape, 1 / Q.shape[1]),
        "values at the best actions": lambda Q: best_of(Q) * Q,
        "all that is above zero": lambda Q: (Q > 0) / np.maximum((Q > 0).sum(axis=1, keepdims=True), 1),
        "above the row's mean": lambda Q: (
            (Q >= Q.mean(axis=1, keepdims=True)) / (Q >= Q.mean(axis=1, keepdims=True)).sum(axis=1, keepdims=True)
        ),
        "largest size": lambda Q: best_of(np.abs(Q)) / best_of(np.abs(Q)).sum(axis=1, keepdims=True),
        "whole-number division": lambda Q: best_of(Q) // best_of(Q).sum(axis=1, keepdims=True),
        "the others share": lambda Q: ~best_of(Q) / np.maximum((~best_of(Q)).sum(axis=1, keepdims=True), 1),
        "times the number": lambda Q: best_of(Q) * best_of(Q).sum(axis=1, keepdims=True),
    },
    "value_iteration": {
        "one sweep": looped(lambda V, new, tol: new),
        "old values": looped(lambda V, new, tol: V if np.abs(new - V).max() <= tol else None),
        "first state only": looped(lambda V, new, tol: new if abs(new[0] - V[0]) <= tol else None),
        "last state only": looped(lambda V, new, tol: new if abs(new[-1] - V[-1]) <= tol else None),
        "mean change": looped(lambda V, new, tol: new if np.abs(new - V).mean() <= tol else None),
        "sum of changes": looped(lambda V, new, tol: new if np.abs(new - V).sum() <= tol else None),
        "squared changes": looped(lambda V, new, tol: new if ((new - V) ** 2).sum() <= tol else None),
        "norm": looped(lambda V, new, tol: new if np.linalg.norm(new - V) <= tol else None),
        "allclose, tol relative": looped(lambda V, new, tol: new if np.allclose(V, new, tol) else None),
        "smallest change": looped(lambda V, new, tol: new if np.abs(new - V).min() <= tol else None),
        "signed change": looped(lambda V, new, tol: new if (new - V).max() <= tol else None),
        "signed the other way": looped(lambda V, new, tol: new if (V - new).max() <= tol else None),
        "change of the sum": looped(lambda V, new, tol: new if abs(new.sum() - V.sum()) <= tol else None),
        "best value's change": looped(lambda V, new, tol: new if abs(new.max() - V.max()) <= tol else None),
        "values below tol": looped(lambda V, new, tol: new if np.abs(new).max() <= tol else None),
        "stops while it changes": looped(lambda V, new, tol: new if np.abs(new - V).max() > tol else None),
        "one sweep more": lambda P, R, g, tol: (
            R + g * P @ looped(lambda V, new, tol: new if np.abs(new - V).max() <= tol else None)(P, R, g, tol)
        ).max(axis=1),
        "a hundred sweeps": lambda P, R, g, tol: (
            [V := np.zeros(len(P))] + [V := (R + g * P @ V).max(axis=1) for _ in range(100)] and V
        ),
        "tol times (1 - gamma)": lambda P, R, g, tol: looped(
            lambda V, new, tol: new if np.abs(new - V).max() <= tol * (1 - g) else None
        )(P, R, g, tol),
        "mean over actions": until_settled(lambda V, P, R, g: (R + g * P @ V).mean(axis=1)),
        "worst action": until_settled(lambda V, P, R, g: (R + g * P @ V).min(axis=1)),
        "gamma on everything": until_settled(lambda V, P, R, g: (g * (R + P @ V)).max(axis=1)),
        "no gamma": until_settled(lambda V, P, R, g: np.clip((R + P @ V).max(axis=1), -1e6, 1e6)),
        "maxima apart": until_settled(lambda V, P, R, g: R.max(axis=1) + g * (P @ V).max(axis=1)),
        "reward only": until_settled(lambda V, P, R, g: R.max(axis=1)),
        "from and to exchanged": until_settled(lambda V, P, R, g: (R + g * np.einsum("tas,t->sa", P, V)).max(axis=1)),
        "best next state": until_settled(
            lambda V, P, R, g: (R + g * np.where(P > 0, V, -np.inf).max(axis=2)).max(axis=1)
        ),
        "action values": lambda P, R, g, tol: (
            R + g * P @ until_settled(lambda V, P, R, g: (R + g * P @ V).max(axis=1))(P, R, g, tol)
        ),
        "best actions": lambda P, R, g, tol: (
            R + g * P @ until_settled(lambda V, P, R, g: (R + g * P @ V).max(axis=1))(P, R, g, tol)
        ).argmax(axis=1),
    },
    "evaluate_policy": {
        "gamma forgotten": lambda p, P, R, g: np.linalg.solve(
            np.eye(len(P)) - np.einsum("sa,sat->st", p, P), (p * R).sum(axis=1)
        ),
        "transposed": lambda p, P, R, g: np.linalg.solve(
            np.eye(len(P)) - g * np.einsum("sa,sat->ts", p, P), (p * R).sum(axis=1)
        ),
        "greedy on the policy": lambda p, P, R, g: np.linalg.solve(
            np.eye(len(P)) - g * P[rows(P), p.argmax(axis=1)], R[rows(P), p.argmax(axis=1)]
        ),
        "policy ignored": lambda p, P, R, g: np.linalg.solve(np.eye(len(P)) - g * P.mean(axis=1), R.mean(axis=1)),
        "rewards summed without the policy": lambda p, P, R, g: np.linalg.solve(
            np.eye(len(P)) - g * np.einsum("sa,sat->st", p, P), R.sum(axis=1)
        ),
        "rewards averaged without the policy": lambda p, P, R, g: np.linalg.solve(
            np.eye(len(P)) - g * np.einsum("sa,sat->st", p, P), R.mean(axis=1)
        ),
        "best rewards": lambda p, P, R, g: np.linalg.solve(
            np.eye(len(P)) - g * np.einsum("sa,sat->st", p, P), R.max(axis=1)
        ),
        "transitions averaged without the policy": lambda p, P, R, g: np.linalg.solve(
            np.eye(len(P)) - g * P.mean(axis=1), (p * R).sum(axis=1)
        ),
        "transitions summed without the policy": lambda p, P, R, g: np.linalg.solve(
            np.eye(len(P)) - g * P.sum(axis=1), (p * R).sum(axis=1)
        ),
        "plus": lambda p, P, R, g: np.linalg.solve(
            np.eye(len(P)) + g * np.einsum("sa,sat->st", p, P), (p * R).sum(axis=1)
        ),
        "sign": lambda p, P, R, g: np.linalg.solve(
            g * np.einsum("sa,sat->st", p, P) - np.eye(len(P)), (p * R).sum(axis=1)
        ),
        "immediate reward": lambda p, P, R, g: (p * R).sum(axis=1),
        "two steps only": lambda p, P, R, g: (
            (p * R).sum(axis=1) + g * np.einsum("sa,sat->st", p, P) @ (p * R).sum(axis=1)
        ),
        "action values": lambda p, P, R, g: (
            R + g * P @ np.linalg.solve(np.eye(len(P)) - g * np.einsum("sa,sat->st", p, P), (p * R).sum(axis=1))
        ),
        "gamma on everything": lambda p, P, R, g: (
            g * np.linalg.solve(np.eye(len(P)) - g * np.einsum("sa,sat->st", p, P), (p * R).sum(axis=1))
        ),
        "multiplied by the matrix": lambda p, P, R, g: (
            (np.eye(len(P)) - g * np.einsum("sa,sat->st", p, P)) @ (p * R).sum(axis=1)
        ),
        "inverse alone": lambda p, P, R, g: np.linalg.inv(np.eye(len(P)) - g * np.einsum("sa,sat->st", p, P)),
        "twenty sweeps": lambda p, P, R, g: (
            [V := np.zeros(len(P))] + [V := (p * (R + g * P @ V)).sum(axis=1) for _ in range(20)] and V
        ),
        "the best policy's value": lambda p, P, R, g: (
            [V := np.zeros(len(P))] + [V := (R + g * P @ V).max(axis=1) for _ in range(5000)] and V
        ),
        "gamma twice": lambda p, P, R, g: np.linalg.solve(
            np.eye(len(P)) - g * g * np.einsum("sa,sat->st", p, P), (p * R).sum(axis=1)
        ),
        "mean over actions in place of the sum": lambda p, P, R, g: np.linalg.solve(
            np.eye(len(P)) - g * (p[:, :, None] * P).mean(axis=1), (p * R).mean(axis=1)
        ),
        "policy of the next state": lambda p, P, R, g: np.linalg.solve(
            np.eye(len(P)) - g * np.einsum("ta,sat->st", p, P), (p * R).sum(axis=1)
        ),
    },
    "reachable_fraction": {
        "no threshold": lambda x, links, t: np.mean(
            (np.hypot(*x.T) <= links.sum()) & (np.hypot(*x.T) >= max(0, 2 * links.max() - links.sum()))
        ),
        "no hole": lambda x, links, t: np.mean(np.hypot(*x.T) <= links.sum() + t),
        "no hole and no threshold": lambda x, links, t: np.mean(np.hypot(*x.T) <= links.sum()),
        "only the hole": lambda x, links, t: np.mean(np.hypot(*x.T) >= max(0, 2 * links.max() - links.sum()) - t),
        "threshold outside only": lambda x, links, t: np.mean(
            (np.hypot(*x.T) <= links.sum() + t) & (np.hypot(*x.T) >= max(0, 2 * links.max() - links.sum()))
        ),
        "threshold inside only": lambda x, links, t: np.mean(
            (np.hypot(*x.T) <= links.sum()) & (np.hypot(*x.T) >= max(0, 2 * links.max() - links.sum()) - t)
        ),
        "hole grows": lambda x, links, t: np.mean(
            (np.hypot(*x.T) <= links.sum() + t) & (np.hypot(*x.T) >= max(0, 2 * links.max() - links.sum()) + t)
        ),
        "ring shrinks": lambda x, links, t: np.mean(
            (np.hypot(*x.T) <= links.sum() - t) & (np.hypot(*x.T) >= max(0, 2 * links.max() - links.sum()) + t)
        ),
        "count": lambda x, links, t: np.sum(
            (np.hypot(*x.T) <= links.sum() + t) & (np.hypot(*x.T) >= max(0, 2 * links.max() - links.sum()) - t)
        ),
        "each target": lambda x, links, t: (
            (np.hypot(*x.T) <= links.sum() + t) & (np.hypot(*x.T) >= max(0, 2 * links.max() - links.sum()) - t)
        ),
        "percent": lambda x, links, t: (
            100
            * np.mean(
                (np.hypot(*x.T) <= links.sum() + t) & (np.hypot(*x.T) >= max(0, 2 * links.max() - links.sum()) - t)
            )
        ),
        "share out of reach": lambda x, links, t: (
            1
            - np.mean(
                (np.hypot(*x.T) <= links.sum() + t) & (np.hypot(*x.T) >= max(0, 2 * links.max() - links.sum()) - t)
            )
        ),
        "or for and": lambda x, links, t: np.mean(
            (np.hypot(*x.T) <= links.sum() + t) | (np.hypot(*x.T) >= max(0, 2 * links.max() - links.sum()) - t)
        ),
        "difference of the longest and the shortest": lambda x, links, t: np.mean(
            (np.hypot(*x.T) <= links.sum() + t) & (np.hypot(*x.T) >= links.max() - links.min() - t)
        ),
        "shortest link is the hole": lambda x, links, t: np.mean(
            (np.hypot(*x.T) <= links.sum() + t) & (np.hypot(*x.T) >= links.min() - t)
        ),
        "longest link is the hole": lambda x, links, t: np.mean(
            (np.hypot(*x.T) <= links.sum() + t) & (np.hypot(*x.T) >= links.max() - t)
        ),
        "first link minus the rest": lambda x, links, t: np.mean(
            (np.hypot(*x.T) <= links.sum() + t) & (np.hypot(*x.T) >= max(0, links[0] - links[1:].sum()) - t)
        ),
        "factor 2 forgotten": lambda x, links, t: np.mean(
            (np.hypot(*x.T) <= links.sum() + t) & (np.hypot(*x.T) >= max(0, links.max() - links.sum()) - t)
        ),
        "size of the difference": lambda x, links, t: np.mean(
            (np.hypot(*x.T) <= links.sum() + t) & (np.hypot(*x.T) >= abs(2 * links.max() - links.sum()) - t)
        ),
        "reach is the longest link": lambda x, links, t: np.mean(np.hypot(*x.T) <= links.max() + t),
        "distance |x| + |y|": lambda x, links, t: np.mean(
            (np.abs(x).sum(axis=1) <= links.sum() + t)
            & (np.abs(x).sum(axis=1) >= max(0, 2 * links.max() - links.sum()) - t)
        ),
        "larger of |x| and |y|": lambda x, links, t: np.mean(
            (np.abs(x).max(axis=1) <= links.sum() + t)
            & (np.abs(x).max(axis=1) >= max(0, 2 * links.max() - links.sum()) - t)
        ),
        "x alone": lambda x, links, t: np.mean(
            (np.abs(x[:, 0]) <= links.sum() + t) & (np.abs(x[:, 0]) >= max(0, 2 * links.max() - links.sum()) - t)
        ),
        "root forgotten": lambda x, links, t: np.mean(
            ((x**2).sum(axis=1) <= links.sum() + t) & ((x**2).sum(axis=1) >= max(0, 2 * links.max() - links.sum()) - t)
        ),
        "sum of the coordinates": lambda x, links, t: np.mean(
            (x.sum(axis=1) <= links.sum() + t) & (x.sum(axis=1) >= max(0, 2 * links.max() - links.sum()) - t)
        ),
        "norm of the whole array": lambda x, links, t: float(
            max(0, 2 * links.max() - links.sum()) - t <= np.linalg.norm(x) <= links.sum() + t
        ),
        "on the edge of reach only": lambda x, links, t: np.mean(np.abs(np.hypot(*x.T) - links.sum()) <= t),
        "threshold twice": lambda x, links, t: np.mean(
            (np.hypot(*x.T) <= links.sum() + 2 * t) & (np.hypot(*x.T) >= max(0, 2 * links.max() - links.sum()) - 2 * t)
        ),
        "threshold alone": lambda x, links, t: np.mean(np.hypot(*x.T) <= t),
        "first target only": lambda x, links, t: float(
            max(0, 2 * links.max() - links.sum()) - t <= np.hypot(*x[0]) <= links.sum() + t
        ),
    },
    "epsilon_greedy": {
        "others share epsilon": lambda q, e: exploring(
            q, (1 - e) / best_of(q).sum(axis=1, keepdims=True), e / max(1, q.shape[1] - 1)
        ),
        "others share epsilon, ties counted": lambda q, e: exploring(
            q,
            (1 - e) / best_of(q).sum(axis=1, keepdims=True),
            e / np.maximum(1, (~best_of(q)).sum(axis=1, keepdims=True)),
        ),
        "first of the best only": lambda q, e: e / q.shape[1] + (1 - e) * one_hot(q.argmax(axis=1), q.shape[1]),
        "last of the best only": lambda q, e: (
            e / q.shape[1] + (1 - e) * one_hot(q.shape[1] - 1 - q[:, ::-1].argmax(axis=1), q.shape[1])
        ),
        "the best one never explored": lambda q, e: exploring(
            q, (1 - e) / best_of(q).sum(axis=1, keepdims=True), e / q.shape[1]
        ),
        "epsilon and its complement exchanged": lambda q, e: (
            (1 - e) / q.shape[1] + e * best_of(q) / best_of(q).sum(axis=1, keepdims=True)
        ),
        "greedy": lambda q, e: best_of(q) / best_of(q).sum(axis=1, keepdims=True),
        "uniform": lambda q, e: np.full(q.shape, 1 / q.shape[1]),
        "exploration alone": lambda q, e: np.full(q.shape, e / q.shape[1]),
        "exploration left out": lambda q, e: (1 - e) * best_of(q) / best_of(q).sum(axis=1, keepdims=True),
        "ties not shared": lambda q, e: e / q.shape[1] + (1 - e) * best_of(q),
        "best of each column": lambda q, e: (
            e / q.shape[1] + (1 - e) * (q == q.max(axis=0)) / (q == q.max(axis=0)).sum(axis=1, keepdims=True).clip(1)
        ),
        "best of the table": lambda q, e: (
            e / q.shape[1] + (1 - e) * (q == q.max()) / (q == q.max()).sum(axis=1, keepdims=True).clip(1)
        ),
        "epsilon for each action": lambda q, e: e + (1 - e) * best_of(q) / best_of(q).sum(axis=1, keepdims=True),
        "exploring chance shared by the best too": lambda q, e: exploring(
            q, (1 - e + e / q.shape[1]) / best_of(q).sum(axis=1, keepdims=True), e / q.shape[1]
        ),
        "softmax": lambda q, e: softmax(q),
        "softmax mixed in": lambda q, e: e / q.shape[1] + (1 - e) * softmax(q),
        "actions": lambda q, e: q.argmax(axis=1),
        "worst action": lambda q, e: e / q.shape[1] + (1 - e) * best_of(-q) / best_of(-q).sum(axis=1, keepdims=True),
        "divided by the number of rows": lambda q, e: (
            e / len(q) + (1 - e) * best_of(q) / best_of(q).sum(axis=1, keepdims=True)
        ),
        "divided by all entries": lambda q, e: (
            e / q.size + (1 - e) * best_of(q) / best_of(q).sum(axis=1, keepdims=True)
        ),
        "shared by all best of the table": lambda q, e: e / q.shape[1] + (1 - e) * best_of(q) / best_of(q).sum(),
        "greedy part divided by A": lambda q, e: e / q.shape[1] + (1 - e) * best_of(q) / q.shape[1],
        "only a row": lambda q, e: (e / q.shape[1] + (1 - e) * best_of(q) / best_of(q).sum(axis=1, keepdims=True))[0],
        "whole numbers": lambda q, e: (
            (e / q.shape[1] + (1 - e) * best_of(q) / best_of(q).sum(axis=1, keepdims=True)).astype(q.dtype)
            if q.dtype.kind == "i"
            else e / q.shape[1] + (1 - e) * best_of(q) / best_of(q).sum(axis=1, keepdims=True)
        ),
    },
    "td_update": {
        "terminated forgotten": lambda q, r, n, d, a, g: q + a * (r + g * n.max(axis=1) - q),
        "terminated upside down": lambda q, r, n, d, a, g: q + a * (r + g * d * n.max(axis=1) - q),
        "mask on the whole target": lambda q, r, n, d, a, g: q + a * ((1 - d) * (r + g * n.max(axis=1)) - q),
        "mask on the reward": lambda q, r, n, d, a, g: q + a * ((1 - d) * r + g * n.max(axis=1) - q),
        "mask on the whole step": lambda q, r, n, d, a, g: q + a * (1 - d) * (r + g * n.max(axis=1) - q),
        "target": lambda q, r, n, d, a, g: r + g * (1 - d) * n.max(axis=1),
        "TD error": lambda q, r, n, d, a, g: r + g * (1 - d) * n.max(axis=1) - q,
        "step only": lambda q, r, n, d, a, g: a * (r + g * (1 - d) * n.max(axis=1) - q),
        "alpha forgotten": lambda q, r, n, d, a, g: q + (r + g * (1 - d) * n.max(axis=1) - q),
        "1 - alpha": lambda q, r, n, d, a, g: q + (1 - a) * (r + g * (1 - d) * n.max(axis=1) - q),
        "gamma forgotten": lambda q, r, n, d, a, g: q + a * (r + (1 - d) * n.max(axis=1) - q),
        "gamma on everything": lambda q, r, n, d, a, g: q + a * (g * (r + (1 - d) * n.max(axis=1)) - q),
        "gamma twice": lambda q, r, n, d, a, g: q + a * (r + g * g * (1 - d) * n.max(axis=1) - q),
        "alpha for gamma": lambda q, r, n, d, a, g: q + g * (r + a * (1 - d) * n.max(axis=1) - q),
        "best of the batch": lambda q, r, n, d, a, g: q + a * (r + g * (1 - d) * n.max() - q),
        "mean": lambda q, r, n, d, a, g: q + a * (r + g * (1 - d) * n.mean(axis=1) - q),
        "worst": lambda q, r, n, d, a, g: q + a * (r + g * (1 - d) * n.min(axis=1) - q),
        "sum": lambda q, r, n, d, a, g: q + a * (r + g * (1 - d) * n.sum(axis=1) - q),
        "number of the action": lambda q, r, n, d, a, g: q + a * (r + g * (1 - d) * n.argmax(axis=1) - q),
        "first action": lambda q, r, n, d, a, g: q + a * (r + g * (1 - d) * n[:, 0] - q),
        "minus": lambda q, r, n, d, a, g: q - a * (r + g * (1 - d) * n.max(axis=1) - q),
        "- q forgotten": lambda q, r, n, d, a, g: q + a * (r + g * (1 - d) * n.max(axis=1)),
        "q forgotten at the front": lambda q, r, n, d, a, g: a * (r + g * (1 - d) * n.max(axis=1)),
        "brackets forgotten": lambda q, r, n, d, a, g: q + a * r + g * (1 - d) * n.max(axis=1) - q,
        "reward forgotten": lambda q, r, n, d, a, g: q + a * (g * (1 - d) * n.max(axis=1) - q),
        "columns": lambda q, r, n, d, a, g: q[:, None] + a * (r[:, None] + g * (1 - d) * n.max(axis=1) - q[:, None]),
        "a column": lambda q, r, n, d, a, g: (q + a * (r + g * (1 - d) * n.max(axis=1) - q))[:, None],
        "nobody learns where one ended": lambda q, r, n, d, a, g: q + a * (r + g * (not d.any()) * n.max(axis=1) - q),
        "only when all ended": lambda q, r, n, d, a, g: q + a * (r + g * (not d.all()) * n.max(axis=1) - q),
        "first robot's end": lambda q, r, n, d, a, g: q + a * (r + g * (1 - d[0]) * n.max(axis=1) - q),
        "the mean of the batch": lambda q, r, n, d, a, g: (q + a * (r + g * (1 - d) * n.max(axis=1) - q)).mean(),
        "whole numbers": td_whole,
        "q is discounted too": lambda q, r, n, d, a, g: q + a * (r + g * ((1 - d) * n.max(axis=1) - q)),
        "mask subtracts": lambda q, r, n, d, a, g: q + a * (r + g * n.max(axis=1) - d - q),
    },
    "double_td_update": {
        "plain maximum of the selecting table": lambda q, r, s, e, d, a, g: (
            q + a * (r + g * (1 - d) * s.max(axis=1) - q)
        ),
        "plain maximum of the evaluating table": lambda q, r, s, e, d, a, g: (
            q + a * (r + g * (1 - d) * e.max(axis=1) - q)
        ),
        "tables exchanged": lambda q, r, s, e, d, a, g: q + a * (r + g * (1 - d) * s[rows(q), e.argmax(axis=1)] - q),
        "maximum of the mean table": lambda q, r, s, e, d, a, g: (
            q + a * (r + g * (1 - d) * ((s + e) / 2).max(axis=1) - q)
        ),
        "smaller of the maxima": lambda q, r, s, e, d, a, g: (
            q + a * (r + g * (1 - d) * np.minimum(s.max(axis=1), e.max(axis=1)) - q)
        ),
        "larger of the maxima": lambda q, r, s, e, d, a, g: (
            q + a * (r + g * (1 - d) * np.maximum(s.max(axis=1), e.max(axis=1)) - q)
        ),
        "mean of the maxima": lambda q, r, s, e, d, a, g: (
            q + a * (r + g * (1 - d) * (s.max(axis=1) + e.max(axis=1)) / 2 - q)
        ),
        "terminated forgotten": lambda q, r, s, e, d, a, g: q + a * (r + g * e[rows(q), s.argmax(axis=1)] - q),
        "terminated upside down": lambda q, r, s, e, d, a, g: q + a * (r + g * d * e[rows(q), s.argmax(axis=1)] - q),
        "mask on the whole target": lambda q, r, s, e, d, a, g: (
            q + a * ((1 - d) * (r + g * e[rows(q), s.argmax(axis=1)]) - q)
        ),
        "mask on the whole step": lambda q, r, s, e, d, a, g: (
            q + a * (1 - d) * (r + g * e[rows(q), s.argmax(axis=1)] - q)
        ),
        "gamma forgotten": lambda q, r, s, e, d, a, g: q + a * (r + (1 - d) * e[rows(q), s.argmax(axis=1)] - q),
        "gamma on everything": lambda q, r, s, e, d, a, g: (
            q + a * (g * (r + (1 - d) * e[rows(q), s.argmax(axis=1)]) - q)
        ),
        "columns of the table": lambda q, r, s, e, d, a, g: (
            q + a * (r + g * (1 - d) * e[:, s.argmax(axis=1)].diagonal()[0] - q)
        ),
        "table of all pairs": lambda q, r, s, e, d, a, g: q + a * (r + g * (1 - d) * e[:, s.argmax(axis=1)] - q),
        "target": lambda q, r, s, e, d, a, g: r + g * (1 - d) * e[rows(q), s.argmax(axis=1)],
        "TD error": lambda q, r, s, e, d, a, g: r + g * (1 - d) * e[rows(q), s.argmax(axis=1)] - q,
        "step only": lambda q, r, s, e, d, a, g: a * (r + g * (1 - d) * e[rows(q), s.argmax(axis=1)] - q),
        "alpha forgotten": lambda q, r, s, e, d, a, g: q + (r + g * (1 - d) * e[rows(q), s.argmax(axis=1)] - q),
        "number of the action": lambda q, r, s, e, d, a, g: q + a * (r + g * (1 - d) * s.argmax(axis=1) - q),
        "best action of the first row": lambda q, r, s, e, d, a, g: (
            q + a * (r + g * (1 - d) * e[rows(q), s[0].argmax()] - q)
        ),
        "first row evaluated": lambda q, r, s, e, d, a, g: q + a * (r + g * (1 - d) * e[0, s.argmax(axis=1)] - q),
        "worst action selected": lambda q, r, s, e, d, a, g: (
            q + a * (r + g * (1 - d) * e[rows(q), s.argmin(axis=1)] - q)
        ),
        "mean of the evaluating table": lambda q, r, s, e, d, a, g: q + a * (r + g * (1 - d) * e.mean(axis=1) - q),
        "both evaluated, mean": lambda q, r, s, e, d, a, g: (
            q + a * (r + g * (1 - d) * (s.max(axis=1) + e[rows(q), s.argmax(axis=1)]) / 2 - q)
        ),
        "minus": lambda q, r, s, e, d, a, g: q - a * (r + g * (1 - d) * e[rows(q), s.argmax(axis=1)] - q),
        "reward forgotten": lambda q, r, s, e, d, a, g: q + a * (g * (1 - d) * e[rows(q), s.argmax(axis=1)] - q),
        "- q forgotten": lambda q, r, s, e, d, a, g: q + a * (r + g * (1 - d) * e[rows(q), s.argmax(axis=1)]),
    },
    "epsilon_schedule": {
        "minimum forgotten": lambda e, d, m, n: e * d ** at(n),
        "starts one episode late": lambda e, d, m, n: np.maximum(m, e * d ** at(1, n + 1)),
        "minimum and maximum exchanged": lambda e, d, m, n: np.minimum(m, e * d ** at(n)),
        "decay subtracted": lambda e, d, m, n: np.maximum(m, e - d * at(n)),
        "linear in the decay": lambda e, d, m, n: np.maximum(m, e * (1 - d * at(n))),
        "linear in 1 - decay": lambda e, d, m, n: np.maximum(m, e - (1 - d) * at(n)),
        "one episode too many": lambda e, d, m, n: np.maximum(m, e * d ** at(n + 1)),
        "one episode too few": lambda e, d, m, n: np.maximum(m, e * d ** at(n - 1)),
        "power on epsilon": lambda e, d, m, n: np.maximum(m, d * e ** at(n)),
        "power on both": lambda e, d, m, n: np.maximum(m, (e * d) ** at(n)),
        "last epsilon only": lambda e, d, m, n: max(m, e * d ** (n - 1)),
        "decay times the episode": lambda e, d, m, n: np.maximum(m, e * d * at(n)),
        "minimum added": lambda e, d, m, n: m + e * d ** at(n),
        "towards the minimum": lambda e, d, m, n: m + (e - m) * d ** at(n),
        "decays once": lambda e, d, m, n: np.maximum(m, np.where(at(n) == 0, e, e * d)),
        "constant": lambda e, d, m, n: np.full(n, e),
        "exponential": lambda e, d, m, n: np.maximum(m, e * np.exp(-d * at(n))),
        "zero below the minimum": lambda e, d, m, n: np.where(e * d ** at(n) < m, 0, e * d ** at(n)),
        "1 - decay": lambda e, d, m, n: np.maximum(m, e * (1 - d) ** at(n)),
        "decay compounded": lambda e, d, m, n: np.maximum(m, e * np.cumprod(d ** at(n))),
        "straight line to the minimum": lambda e, d, m, n: np.linspace(e, m, n),
        "whole numbers": lambda e, d, m, n: np.maximum(m, e * d ** at(n)).astype(int),
        "epsilon forgotten": lambda e, d, m, n: np.maximum(m, d ** at(n)),
        "backwards": lambda e, d, m, n: np.maximum(m, e * d ** at(n))[::-1],
        "minimum before the decay": lambda e, d, m, n: np.maximum(m, e) * d ** at(n),
        "minimum on the decay": lambda e, d, m, n: e * np.maximum(m, d ** at(n)),
        "divides by the episode": lambda e, d, m, n: np.maximum(m, e / (1 + d * at(n))),
    },
    "expected_sarsa_target": {
        "maximum": lambda r, n, d, e, g: r + g * (1 - d) * n.max(axis=1),
        "mean of all": lambda r, n, d, e, g: r + g * (1 - d) * n.mean(axis=1),
        "terminated forgotten": lambda r, n, d, e, g: r + g * ((1 - e) * n.max(axis=1) + e * n.mean(axis=1)),
        "terminated upside down": lambda r, n, d, e, g: r + g * d * ((1 - e) * n.max(axis=1) + e * n.mean(axis=1)),
        "mask on the whole target": lambda r, n, d, e, g: (
            (1 - d) * (r + g * ((1 - e) * n.max(axis=1) + e * n.mean(axis=1)))
        ),
        "gamma forgotten": lambda r, n, d, e, g: r + (1 - d) * ((1 - e) * n.max(axis=1) + e * n.mean(axis=1)),
        "gamma on everything": lambda r, n, d, e, g: g * (r + (1 - d) * ((1 - e) * n.max(axis=1) + e * n.mean(axis=1))),
        "exploration not divided by A": lambda r, n, d, e, g: (
            r + g * (1 - d) * ((1 - e) * n.max(axis=1) + e * n.sum(axis=1))
        ),
        "epsilon and its complement exchanged": lambda r, n, d, e, g: (
            r + g * (1 - d) * (e * n.max(axis=1) + (1 - e) * n.mean(axis=1))
        ),
        "others share epsilon": lambda r, n, d, e, g: (
            r + g * (1 - d) * ((1 - e) * n.max(axis=1) + e * (n.sum(axis=1) - n.max(axis=1)) / max(1, n.shape[1] - 1))
        ),
        "best one never explored": lambda r, n, d, e, g: (
            r + g * (1 - d) * ((1 - e) * n.max(axis=1) + e * (n.sum(axis=1) - n.max(axis=1)) / n.shape[1])
        ),
        "mean of the products": lambda r, n, d, e, g: (
            r + g * (1 - d) * ((1 - e) * n.max(axis=1) + e * n.mean(axis=1)) / n.shape[1]
        ),
        "sum over the batch": lambda r, n, d, e, g: (
            r + g * (1 - d) * ((1 - e) * n.max(axis=1) + e * n.mean(axis=1)).sum()
        ),
        "exploration left out": lambda r, n, d, e, g: r + g * (1 - d) * (1 - e) * n.max(axis=1),
        "greed left out": lambda r, n, d, e, g: r + g * (1 - d) * e * n.mean(axis=1),
        "worst when exploring": lambda r, n, d, e, g: r + g * (1 - d) * ((1 - e) * n.max(axis=1) + e * n.min(axis=1)),
        "reward forgotten": lambda r, n, d, e, g: g * (1 - d) * ((1 - e) * n.max(axis=1) + e * n.mean(axis=1)),
        "ties not shared": lambda r, n, d, e, g: (
            r + g * (1 - d) * ((e / n.shape[1] + (1 - e) * best_of(n)) * n).sum(axis=1)
        ),
        "all pairs": lambda r, n, d, e, g: r[:, None] + g * (1 - d) * ((1 - e) * n.max(axis=1) + e * n.mean(axis=1)),
        "ended if any ended": lambda r, n, d, e, g: (
            r + g * (not d.any()) * ((1 - e) * n.max(axis=1) + e * n.mean(axis=1))
        ),
        "sum of the values": lambda r, n, d, e, g: r + g * (1 - d) * n.sum(axis=1),
        "worst": lambda r, n, d, e, g: r + g * (1 - d) * n.min(axis=1),
        "epsilon twice": lambda r, n, d, e, g: (
            r + g * (1 - d) * (e * n.mean(axis=1) + (1 - e) * ((1 - e) * n.max(axis=1) + e * n.mean(axis=1)))
        ),
        "expected value alone": lambda r, n, d, e, g: (1 - e) * n.max(axis=1) + e * n.mean(axis=1),
        "minus": lambda r, n, d, e, g: r - g * (1 - d) * ((1 - e) * n.max(axis=1) + e * n.mean(axis=1)),
        "the best of each column": lambda r, n, d, e, g: r + g * (1 - d) * ((1 - e) * n.max() + e * n.mean(axis=1)),
    },
    "replay_episode": {
        "still merged, written another way": replay(lambda t, d, u: not d[t] and not u[t]),
        "truncated in place of terminated": replay(lambda t, d, u: not u[t]),
        "never ends": replay(lambda t, d, u: True),
        "upside down": replay(lambda t, d, u: d[t]),
        "both must be set": replay(lambda t, d, u: not (d[t] and u[t])),
        "truncated goes on whatever terminated says": replay(lambda t, d, u: not d[t] or u[t]),
        "truncated step skipped": replay(skip=lambda t, d, u: u[t]),
        "terminated step skipped": replay(skip=lambda t, d, u: d[t]),
        "value of the state it stands in, where truncated": replay(after=lambda t, s, u: s[t] if u[t] else s[t + 1]),
        "value of the state it left": replay(after=lambda t, s, u: s[t]),
        "old table": replay(value=lambda Q, new, s: Q[s].max()),
        "backwards": replay(steps=lambda n: range(n - 1, -1, -1)),
        "last step left out": replay(steps=lambda n: range(n - 1)),
        "alpha forgotten": replay(write=lambda Q, s, a, n, y, alpha: Q.__setitem__((s, a), y)),
        "in place": replay_on_the_given_table,
        "mean": replay(value=lambda Q, new, s: new[s].mean()),
        "ended from the start": replay(lambda t, d, u: not d.any()),
        "ended on the step before": replay(lambda t, d, u: not d[t - 1]),
        "ended on the next step": replay(lambda t, d, u: not d[min(t + 1, len(d) - 1)]),
        "wrong row written": replay(
            write=lambda Q, s, a, n, y, alpha: Q.__setitem__((n, a), Q[n, a] + alpha * (y - Q[n, a]))
        ),
        "gamma to the power t": replay(target=lambda r, g, on, v, t: r + g ** (t + 1) * on * v),
        "gamma forgotten": replay(target=lambda r, g, on, v, t: r + on * v),
        "reward masked": replay(target=lambda r, g, on, v, t: on * (r + g * v)),
        "last step never goes on": lambda Q, s, a, r, d, u, alpha, g: replay(lambda t, d, u: t < len(a) - 1)(
            Q, s, a, r, d, u, alpha, g
        ),
        "q + alpha * target": replay(write=lambda Q, s, a, n, y, alpha: Q.__setitem__((s, a), Q[s, a] + alpha * y)),
    },
    "push_transitions": {
        "no ring": pushed(lambda k, n, C: k + at(n)),
        "all moved up": lambda m, k, new: np.concatenate([m, new])[-len(m) :],
        "appended, the oldest cut off": pushed_at_the_end_of_the_filled,
        "appended, too many rows": lambda m, k, new: np.concatenate([m, new]),
        "from row 0": pushed(lambda k, n, C: at(n)),
        "one row late": pushed(lambda k, n, C: (k + 1 + at(n)) % C),
        "one row early": pushed(lambda k, n, C: (k - 1 + at(n)) % C),
        "in place": pushed_in_place,
        "modulo C - 1": pushed(lambda k, n, C: (k + at(n)) % max(1, C - 1)),
        "modulo n": pushed(lambda k, n, C: (k + at(n)) % n),
        "kept at the last row": pushed(lambda k, n, C: np.minimum(k + at(n), C - 1)),
        "all in one row": pushed(lambda k, n, C: np.full(n, k % C)),
        "only what fits": pushed_while_room,
        "wrong rest at the top": pushed_with_wrong_rest,
        "old ones lost": pushed(lambda k, n, C: (k + at(n)) % C, lambda m, new: (np.zeros_like(m), new)),
        "new ones turned round": pushed(lambda k, n, C: (k + at(n)) % C, lambda m, new: (m.copy(), new[::-1])),
        "index only": lambda m, k, new: (k + rows(new)) % len(m),
        "new ones only": lambda m, k, new: new.copy(),
        "counted in batches": pushed(lambda k, n, C: (k * n + at(n)) % C),
        "modulo before the sum": pushed(lambda k, n, C: k % C + at(n)),
        "first new one only": pushed(lambda k, n, C: np.array([k % C]), lambda m, new: (m.copy(), new[:1])),
        "last rows": pushed(lambda k, n, C: C - n + at(n)),
        "first rows once full": pushed(lambda k, n, C: k + at(n) if k + n <= C else at(n)),
        "last n rows once full": pushed(lambda k, n, C: k + at(n) if k + n <= C else C - n + at(n)),
        "nothing returned but memory": lambda m, k, new: m.copy(),
        "counts down": pushed(lambda k, n, C: (k - at(n)) % C),
    },
    "sample_rows": {
        "empty rows too": lambda m, k, u: m[(u * len(m)).astype(int)],
        "more than there are": lambda m, k, u: m[(u * k).astype(int)],
        "more than there are, modulo": lambda m, k, u: m[(u * k).astype(int) % len(m)],
        "rounded": lambda m, k, u: m[np.minimum(np.round(u * min(k, len(m))).astype(int), len(m) - 1)],
        "rounded up": lambda m, k, u: m[np.minimum(np.ceil(u * min(k, len(m))).astype(int), len(m) - 1)],
        "rounded up less one": lambda m, k, u: m[np.ceil(u * min(k, len(m))).astype(int) - 1],
        "one too few": lambda m, k, u: m[(u * (min(k, len(m)) - 1)).astype(int)],
        "one too many": lambda m, k, u: m[(u * min(k + 1, len(m))).astype(int)],
        "counted from 1": lambda m, k, u: m[((u * min(k, len(m))).astype(int) + 1) % len(m)],
        "indices": lambda m, k, u: (u * min(k, len(m))).astype(int),
        "first draw for all": lambda m, k, u: m[np.full(len(u), int(u[0] * min(k, len(m))))],
        "one row": lambda m, k, u: m[int(u[0] * min(k, len(m)))],
        "sorted": lambda m, k, u: m[np.sort((u * min(k, len(m))).astype(int))],
        "no row twice": lambda m, k, u: m[np.unique((u * min(k, len(m))).astype(int))],
        "from the end": lambda m, k, u: m[min(k, len(m)) - 1 - (u * min(k, len(m))).astype(int)],
        "place of the next as size": lambda m, k, u: m[(u * max(1, k % len(m))).astype(int)],
        "max for min": lambda m, k, u: m[(u * max(k, len(m))).astype(int) % len(m)],
        "cut before multiplying": lambda m, k, u: m[u.astype(int) * min(k, len(m))],
        "columns": lambda m, k, u: m[:, (u * min(k, len(m))).astype(int) % m.shape[1]],
        "newest rows": lambda m, k, u: m[(k - 1 - at(len(u))) % len(m)],
        "number of columns as size": lambda m, k, u: m[(u * min(k, m.shape[1])).astype(int) % len(m)],
        "number of draws as size": lambda m, k, u: m[(u * min(k, len(u))).astype(int) % len(m)],
        "draws of its own": lambda m, k, u: m[np.random.default_rng(5).integers(min(k, len(m)), size=len(u))],
        "rows in the order they were pushed": lambda m, k, u: m[
            ((k if k > len(m) else 0) + (u * min(k, len(m))).astype(int)) % len(m)
        ],
    },
    "td_target": {
        "flags ignored": lambda r, n, d, t, g: r + g * n.max(axis=1),
        "flags merged": lambda r, n, d, t, g: r + g * (1 - (d | t)) * n.max(axis=1),
        "truncated in place of terminated": lambda r, n, d, t, g: r + g * (1 - t) * n.max(axis=1),
        "terminated upside down": lambda r, n, d, t, g: r + g * d * n.max(axis=1),
        "truncated upside down": lambda r, n, d, t, g: r + g * t * n.max(axis=1),
        "both must be set": lambda r, n, d, t, g: r + g * (1 - (d & t)) * n.max(axis=1),
        "goes on only where truncated": lambda r, n, d, t, g: r + g * (1 - d) * t * n.max(axis=1),
        "truncated wins": lambda r, n, d, t, g: r + g * (~d | t) * n.max(axis=1),
        "merged upside down": lambda r, n, d, t, g: r + g * (d | t) * n.max(axis=1),
        "mask on the whole target": lambda r, n, d, t, g: (1 - d) * (r + g * n.max(axis=1)),
        "mask on the reward": lambda r, n, d, t, g: (1 - d) * r + g * n.max(axis=1),
        "gamma forgotten": lambda r, n, d, t, g: r + (1 - d) * n.max(axis=1),
        "gamma on everything": lambda r, n, d, t, g: g * (r + (1 - d) * n.max(axis=1)),
        "gamma on the reward": lambda r, n, d, t, g: g * r + (1 - d) * n.max(axis=1),
        "gamma twice": lambda r, n, d, t, g: r + g * g * (1 - d) * n.max(axis=1),
        "mean": lambda r, n, d, t, g: r + g * (1 - d) * n.mean(axis=1),
        "worst": lambda r, n, d, t, g: r + g * (1 - d) * n.min(axis=1),
        "sum": lambda r, n, d, t, g: r + g * (1 - d) * n.sum(axis=1),
        "number of the action": lambda r, n, d, t, g: r + g * (1 - d) * n.argmax(axis=1),
        "best of the batch": lambda r, n, d, t, g: r + g * (1 - d) * n.max(),
        "first action": lambda r, n, d, t, g: r + g * (1 - d) * n[:, 0],
        "all pairs": lambda r, n, d, t, g: r + g * (1 - d) * n.max(axis=1, keepdims=True),
        "no maximum": lambda r, n, d, t, g: r[:, None] + g * (1 - d)[:, None] * n,
        "reward forgotten": lambda r, n, d, t, g: g * (1 - d) * n.max(axis=1),
        "minus": lambda r, n, d, t, g: r - g * (1 - d) * n.max(axis=1),
        "ended if any ended": lambda r, n, d, t, g: r + g * (not d.any()) * n.max(axis=1),
        "first one's end": lambda r, n, d, t, g: r + g * (1 - d[0]) * n.max(axis=1),
        "mean of the batch": lambda r, n, d, t, g: (r + g * (1 - d) * n.max(axis=1)).mean(),
        "whole numbers": target_whole,
        "flags merged, whole target": lambda r, n, d, t, g: (1 - (d | t)) * (r + g * n.max(axis=1)),
    },
    "double_dqn_target": {
        "plain DQN": lambda r, o, t, d, g: r + g * (1 - d) * t.max(axis=1),
        "online network alone": lambda r, o, t, d, g: r + g * (1 - d) * o.max(axis=1),
        "networks exchanged": lambda r, o, t, d, g: r + g * (1 - d) * o[rows(r), t.argmax(axis=1)],
        "terminated forgotten": lambda r, o, t, d, g: r + g * t[rows(r), o.argmax(axis=1)],
        "terminated upside down": lambda r, o, t, d, g: r + g * d * t[rows(r), o.argmax(axis=1)],
        "mask on the whole target": lambda r, o, t, d, g: (1 - d) * (r + g * t[rows(r), o.argmax(axis=1)]),
        "gamma forgotten": lambda r, o, t, d, g: r + (1 - d) * t[rows(r), o.argmax(axis=1)],
        "gamma on everything": lambda r, o, t, d, g: g * (r + (1 - d) * t[rows(r), o.argmax(axis=1)]),
        "gamma twice": lambda r, o, t, d, g: r + g * g * (1 - d) * t[rows(r), o.argmax(axis=1)],
        "all pairs": lambda r, o, t, d, g: r + g * (1 - d) * t[:, o.argmax(axis=1)],
        "number of the action": lambda r, o, t, d, g: r + g * (1 - d) * o.argmax(axis=1),
        "smaller of the maxima": lambda r, o, t, d, g: r + g * (1 - d) * np.minimum(o.max(axis=1), t.max(axis=1)),
        "mean of the maxima": lambda r, o, t, d, g: r + g * (1 - d) * (o.max(axis=1) + t.max(axis=1)) / 2,
        "maximum of the mean": lambda r, o, t, d, g: r + g * (1 - d) * ((o + t) / 2).max(axis=1),
        "worst action selected": lambda r, o, t, d, g: r + g * (1 - d) * t[rows(r), o.argmin(axis=1)],
        "best action of the first row": lambda r, o, t, d, g: r + g * (1 - d) * t[rows(r), o[0].argmax()],
        "best action of the flat table": lambda r, o, t, d, g: r + g * (1 - d) * t[rows(r), o.argmax() % o.shape[1]],
        "first row evaluated": lambda r, o, t, d, g: r + g * (1 - d) * t[0, o.argmax(axis=1)],
        "reward forgotten": lambda r, o, t, d, g: g * (1 - d) * t[rows(r), o.argmax(axis=1)],
        "mean of the target network": lambda r, o, t, d, g: r + g * (1 - d) * t.mean(axis=1),
        "minus": lambda r, o, t, d, g: r - g * (1 - d) * t[rows(r), o.argmax(axis=1)],
        "a column": lambda r, o, t, d, g: (r + g * (1 - d) * t[rows(r), o.argmax(axis=1)])[:, None],
        "ended if any ended": lambda r, o, t, d, g: r + g * (not d.any()) * t[rows(r), o.argmax(axis=1)],
        "entry by the largest of both": lambda r, o, t, d, g: r + g * (1 - d) * np.maximum(o, t).max(axis=1),
    },
    "polyak_update": {
        "weights exchanged": lambda t, o, tau: tau * t + (1 - tau) * o,
        "1 - tau forgotten": lambda t, o, tau: t + tau * o,
        "hard copy": lambda t, o, tau: o.copy(),
        "unchanged": lambda t, o, tau: t.copy(),
        "mean": lambda t, o, tau: (t + o) / 2,
        "in place": polyak_in_place,
        "step only": lambda t, o, tau: tau * (o - t),
        "minus": lambda t, o, tau: (1 - tau) * t - tau * o,
        "away from online": lambda t, o, tau: t - tau * (o - t),
        "online forgotten": lambda t, o, tau: (1 - tau) * t,
        "target forgotten": lambda t, o, tau: tau * o,
        "starts from online": lambda t, o, tau: o + tau * (o - t),
        "starts from online, towards the target": lambda t, o, tau: o + tau * (t - o),
        "a number": lambda t, o, tau: ((1 - tau) * t + tau * o).mean(),
        "1 - tau on both": lambda t, o, tau: (1 - tau) * (t + o),
        "tau on both": lambda t, o, tau: tau * (t + o),
        "1 + tau": lambda t, o, tau: (1 + tau) * t + tau * o,
        "tau squared": lambda t, o, tau: (1 - tau**2) * t + tau**2 * o,
        "sum": lambda t, o, tau: t + o,
        "brackets forgotten": lambda t, o, tau: 1 - tau * t + tau * o,
        "whole numbers": lambda t, o, tau: ((1 - tau) * t + tau * o).astype(t.dtype),
        "first weight only": lambda t, o, tau: np.concatenate([(1 - tau) * t[:1] + tau * o[:1], t[1:]]),
    },
    "huber_loss": {
        "squared everywhere": lambda e: e**2 / 2,
        "absolute everywhere": lambda e: np.abs(e),
        "straight line everywhere": lambda e: np.abs(e) - 0.5,
        "half forgotten": lambda e: np.where(np.abs(e) <= 1, e**2, np.abs(e) - 0.5),
        "plus a half": lambda e: np.where(np.abs(e) <= 1, e**2 / 2, np.abs(e) + 0.5),
        "offset forgotten": lambda e: np.where(np.abs(e) <= 1, e**2 / 2, np.abs(e)),
        "offset of one": lambda e: np.where(np.abs(e) <= 1, e**2 / 2, np.abs(e) - 1),
        "sign forgotten": lambda e: np.where(e <= 1, e**2 / 2, e - 0.5),
        "sign forgotten in the condition": lambda e: np.where(e <= 1, e**2 / 2, np.abs(e) - 0.5),
        "sign forgotten in the line": lambda e: np.where(np.abs(e) <= 1, e**2 / 2, e - 0.5),
        "branches exchanged": lambda e: np.where(np.abs(e) <= 1, np.abs(e) - 0.5, e**2 / 2),
        "mean": lambda e: np.where(np.abs(e) <= 1, e**2 / 2, np.abs(e) - 0.5).mean(),
        "sum": lambda e: np.where(np.abs(e) <= 1, e**2 / 2, np.abs(e) - 0.5).sum(),
        "slope": lambda e: np.clip(e, -1, 1),
        "error clipped, then squared": lambda e: np.clip(e, -1, 1) ** 2 / 2,
        "threshold on the loss": lambda e: np.where(e**2 / 2 <= 1, e**2 / 2, np.abs(e) - 0.5),
        "threshold one half": lambda e: np.where(np.abs(e) <= 0.5, e**2 / 2, np.abs(e) - 0.5),
        "threshold two": lambda e: np.where(np.abs(e) <= 2, e**2 / 2, np.abs(e) - 0.5),
        "signed": lambda e: np.sign(e) * np.where(np.abs(e) <= 1, e**2 / 2, np.abs(e) - 0.5),
        "pseudo-Huber": lambda e: np.sqrt(1 + e**2) - 1,
        "in place": huber_in_place,
        "whole numbers": huber_whole,
        "all or none": lambda e: e**2 / 2 if np.abs(e).max() <= 1 else np.abs(e) - 0.5,
        "flat beyond one": lambda e: np.where(np.abs(e) <= 1, e**2 / 2, 1.0),
        "doubled": lambda e: np.where(np.abs(e) <= 1, e**2, 2 * np.abs(e) - 1),
        "both halved": lambda e: np.where(np.abs(e) <= 1, e**2 / 2, (np.abs(e) - 0.5) / 2),
        "line squared": lambda e: np.where(np.abs(e) <= 1, e**2 / 2, (np.abs(e) - 0.5) ** 2),
        "half of the size": lambda e: np.where(np.abs(e) <= 1, np.abs(e) / 2, np.abs(e) - 0.5),
    },
    "epsilon_greedy_actions": {
        "exchanged": lambda q, e, u, r: np.where(u < e, q.argmax(axis=1), r),
        "always greedy": lambda q, e, u, r: q.argmax(axis=1),
        "always random": lambda q, e, u, r: r.copy(),
        "first robot's epsilon": lambda q, e, u, r: np.where(u < e[0], r, q.argmax(axis=1)),
        "mean epsilon": lambda q, e, u, r: np.where(u < e.mean(), r, q.argmax(axis=1)),
        "largest epsilon": lambda q, e, u, r: np.where(u < e.max(), r, q.argmax(axis=1)),
        "first robot's draw": lambda q, e, u, r: np.where(u[0] < e, r, q.argmax(axis=1)),
        "first robot decides": lambda q, e, u, r: r if u[0] < e[0] else q.argmax(axis=1),
        "any": lambda q, e, u, r: r if (u < e).any() else q.argmax(axis=1),
        "all": lambda q, e, u, r: r if (u < e).all() else q.argmax(axis=1),
        "worst action": lambda q, e, u, r: np.where(u < e, r, q.argmin(axis=1)),
        "best value": lambda q, e, u, r: np.where(u < e, r, q.max(axis=1)),
        "who explores": lambda q, e, u, r: u < e,
        "epsilon above a half": lambda q, e, u, r: np.where(e > 0.5, r, q.argmax(axis=1)),
        "draw above 1 - epsilon": lambda q, e, u, r: np.where(u > 1 - e, r, q.argmax(axis=1)),
        "all pairs": lambda q, e, u, r: np.where(u[:, None] < e, r, q.argmax(axis=1)),
        "best of the flat table": lambda q, e, u, r: np.where(u < e, r, q.argmax()),
        "best action of the first row": lambda q, e, u, r: np.where(u < e, r, q[0].argmax()),
        "first random action": lambda q, e, u, r: np.where(u < e, r[0], q.argmax(axis=1)),
        "draw as action": lambda q, e, u, r: np.where(u < e, (u * q.shape[1]).astype(int), q.argmax(axis=1)),
        "divided by A": lambda q, e, u, r: np.where(u < e / q.shape[1], r, q.argmax(axis=1)),
        "values of the actions": lambda q, e, u, r: q[rows(q), np.where(u < e, r, q.argmax(axis=1))],
        "one-hot": lambda q, e, u, r: one_hot(np.where(u < e, r, q.argmax(axis=1)), q.shape[1]),
        "mean draw": lambda q, e, u, r: np.where(u.mean() < e, r, q.argmax(axis=1)),
        "sum of both": lambda q, e, u, r: (u < e) * r + q.argmax(axis=1),
        "nobody's greedy": lambda q, e, u, r: (u < e) * r,
        "smallest epsilon": lambda q, e, u, r: np.where(u < e.min(), r, q.argmax(axis=1)),
        "random one of the other actions": lambda q, e, u, r: np.where(
            u < e, (q.argmax(axis=1) + 1) % q.shape[1], q.argmax(axis=1)
        ),
    },
    "dqn_loss": {
        "all pairs, written another way": lambda q, a, r, n, d, g: np.mean(
            [[(y - v) ** 2 for v in q[rows(q), a]] for y in r + g * (1 - d) * n.max(axis=1)]
        ),
        "best value, not the one taken": lambda q, a, r, n, d, g: (
            (r + g * (1 - d) * n.max(axis=1) - q.max(axis=1)) ** 2
        ).mean(),
        "sum": lambda q, a, r, n, d, g: ((r + g * (1 - d) * n.max(axis=1) - q[rows(q), a]) ** 2).sum(),
        "sizes": lambda q, a, r, n, d, g: np.abs(r + g * (1 - d) * n.max(axis=1) - q[rows(q), a]).mean(),
        "square of the mean": lambda q, a, r, n, d, g: (r + g * (1 - d) * n.max(axis=1) - q[rows(q), a]).mean() ** 2,
        "value of the first transition": lambda q, a, r, n, d, g: (
            (r + g * (1 - d) * n.max(axis=1) - q[0, a[0]]) ** 2
        ).mean(),
        "root": lambda q, a, r, n, d, g: ((r + g * (1 - d) * n.max(axis=1) - q[rows(q), a]) ** 2).mean() ** 0.5,
        "half": lambda q, a, r, n, d, g: ((r + g * (1 - d) * n.max(axis=1) - q[rows(q), a]) ** 2).mean() / 2,
        "each transition": lambda q, a, r, n, d, g: (r + g * (1 - d) * n.max(axis=1) - q[rows(q), a]) ** 2,
        "not squared": lambda q, a, r, n, d, g: (r + g * (1 - d) * n.max(axis=1) - q[rows(q), a]).mean(),
        "columns of q": lambda q, a, r, n, d, g: ((r + g * (1 - d) * n.max(axis=1) - q[:, a]) ** 2).mean(),
        "first row of q": lambda q, a, r, n, d, g: ((r + g * (1 - d) * n.max(axis=1) - q[0, a]) ** 2).mean(),
        "all actions": lambda q, a, r, n, d, g: (((r + g * (1 - d) * n.max(axis=1))[:, None] - q) ** 2).mean(),
        "mean of the values": lambda q, a, r, n, d, g: (
            (r + g * (1 - d) * n.max(axis=1) - q[rows(q), a].mean()) ** 2
        ).mean(),
        "mean of the targets": lambda q, a, r, n, d, g: (
            ((r + g * (1 - d) * n.max(axis=1)).mean() - q[rows(q), a]) ** 2
        ).mean(),
        "terminated forgotten": lambda q, a, r, n, d, g: ((r + g * n.max(axis=1) - q[rows(q), a]) ** 2).mean(),
        "terminated upside down": lambda q, a, r, n, d, g: ((r + g * d * n.max(axis=1) - q[rows(q), a]) ** 2).mean(),
        "gamma forgotten": lambda q, a, r, n, d, g: ((r + (1 - d) * n.max(axis=1) - q[rows(q), a]) ** 2).mean(),
        "all pairs summed, over B": lambda q, a, r, n, d, g: (
            (((r + g * (1 - d) * n.max(axis=1))[:, None] - q[rows(q), a]) ** 2).sum() / len(q)
        ),
        "Huber": lambda q, a, r, n, d, g: np.mean(
            [min(e * e / 2, 0.5) + max(abs(e) - 1, 0) for e in r + g * (1 - d) * n.max(axis=1) - q[rows(q), a]]
        ),
        "reward alone": lambda q, a, r, n, d, g: ((r - q[rows(q), a]) ** 2).mean(),
        "first target": lambda q, a, r, n, d, g: (((r + g * (1 - d) * n.max(axis=1))[0] - q[rows(q), a]) ** 2).mean(),
        "plus": lambda q, a, r, n, d, g: ((r + g * (1 - d) * n.max(axis=1) + q[rows(q), a]) ** 2).mean(),
        "summed values": lambda q, a, r, n, d, g: ((r + g * (1 - d) * n.max(axis=1) - q[rows(q), a].sum()) ** 2).mean(),
        "mean next value": lambda q, a, r, n, d, g: ((r + g * (1 - d) * n.mean(axis=1) - q[rows(q), a]) ** 2).mean(),
        "next values of the action taken": lambda q, a, r, n, d, g: (
            (r + g * (1 - d) * n[rows(q), a] - q[rows(q), a]) ** 2
        ).mean(),
    },
}

WRONG |= wrong_ppo_answers.WRONG | wrong_sim_to_real_answers.WRONG
