"""Wrong answers that were once accepted, misled or left with a bare error, and words of what each must hear now.

``HEARS[exercise]`` lists (words, answer).
"""

import numpy as np
from wrong_answers import best_of, looped, pushed, replay, rows, softmax

at = np.arange
WHOLE = "cuts its answer to whole numbers"
OWN_CHANCE = "Called twice"
rng = np.random.default_rng(0)


def terms_in_whole_numbers(rewards, gamma):
    terms = np.zeros_like(rewards)
    for t, reward in enumerate(rewards):
        terms[t] = gamma**t * reward
    return terms.sum()


def one_array_for_old_and_new(P, R, gamma, tol):
    V = np.zeros(len(P))
    while True:
        old = V
        V[:] = (R + gamma * P @ V).max(axis=1)
        if np.abs(V - old).max() <= tol:
            return V


def values_in_whole_numbers(P, R, gamma, tol):
    V = np.zeros(len(P), dtype=int)
    for _ in range(2000):
        old = V.copy()
        V[:] = (R + gamma * P @ V).max(axis=1)
        if np.abs(V - old).max() <= tol:
            break
    return V


def evaluated(matrix=lambda P_pi, gamma: np.eye(len(P_pi)) - gamma * P_pi, P_pi=None, r_pi=None, solve=np.linalg.solve):
    """The value of a policy with one part exchanged."""

    def answer(policy, P, R, gamma):
        moves = np.einsum("sa,sat->st", policy, P) if P_pi is None else P_pi(policy, P)
        return solve(matrix(moves, gamma), (policy * R).sum(axis=1) if r_pi is None else r_pi(policy, R))

    return answer


def swept(n):
    def answer(policy, P, R, gamma):
        V = np.zeros(len(P))
        for _ in range(n):
            V = (policy * (R + gamma * P @ V)).sum(axis=1)
        return V

    return answer


def in_reach(distance=lambda x: np.hypot(*x.T), hole=lambda links: max(0, 2 * max(links) - sum(links)), strict=False):
    def answer(targets, link_lengths, threshold):
        d, inner, outer = distance(targets), hole(link_lengths) - threshold, sum(link_lengths) + threshold
        return np.mean((d > inner) & (d < outer) if strict else (d >= inner) & (d <= outer))

    return answer


def greedy_for(q, epsilon):
    return epsilon / q.shape[1] + (1 - epsilon) * best_of(q) / best_of(q).sum(axis=1, keepdims=True)


def sarsa(expected):
    return lambda r, n, d, e, g: r + g * (1 - d) * expected(n, e)


def double(value):
    """The next value by ``value(select, evaluate)``, in both exercises on it."""
    return {
        "double_td_update": lambda q, r, s, e, d, a, g: q + a * (r + g * (1 - d) * value(s, e) - q),
        "double_dqn_target": lambda r, s, e, d, g: r + g * (1 - d) * value(s, e),
    }


def replay_on_a_copy(Q, states, actions, rewards, terminated, truncated, alpha, gamma):
    new_Q = Q.copy()
    for t in range(len(actions)):
        target = rewards[t] + gamma * (not terminated[t]) * new_Q[states[t + 1]].max()
        new_Q[states[t], actions[t]] += alpha * (target - new_Q[states[t], actions[t]])
    return new_Q


def drawn(size=lambda memory, n_pushed, draws: min(n_pushed, len(memory)), row=np.floor):
    return lambda memory, n_pushed, draws: memory[row(draws * size(memory, n_pushed, draws)).astype(int)]


def pushed_as_a_slice(memory, n_pushed, new):
    after = memory.copy()
    after[n_pushed : n_pushed + len(new)] = new
    return after


def fresh_rows(memory, n_pushed, draws):
    return memory[rng.integers(min(n_pushed, len(memory)), size=len(draws))]


HEARS = {
    "discounted_return": [
        (WHOLE, terms_in_whole_numbers),
        (WHOLE, lambda r, g: (r * g ** at(len(r))).astype(r.dtype).sum()),
    ],
    "bellman_backup": [
        (WHOLE, lambda V, P, R, g: (R + g * P @ V).astype(P.dtype)),
        ("possible next state in full", lambda V, P, R, g: R + g * ((P > 0) * V).sum(axis=2)),
    ],
    "greedy_policy": [
        ("keepdims=True", lambda Q: (Q == Q.max(axis=1)) / (Q == Q.max(axis=1)).sum(axis=1)),
        (OWN_CHANCE, lambda Q: np.eye(Q.shape[1])[[rng.choice(np.flatnonzero(row == row.max())) for row in Q]]),
    ],
    "value_iteration": [
        ("same array", one_array_for_old_and_new),
        ("after one sweep", looped(lambda V, new, tol: new)),
        ("whole numbers", values_in_whole_numbers),
    ],
    "evaluate_policy": [
        ("does not discount", evaluated(lambda P_pi, gamma: np.eye(len(P_pi)) - P_pi)),
        ("transitions add all actions up", evaluated(P_pi=lambda policy, P: P.sum(axis=1))),
        ("matrix full of ones", evaluated(lambda P_pi, gamma: np.ones(P_pi.shape) - gamma * P_pi)),
        ("over the states", evaluated(r_pi=lambda policy, R: (policy * R).sum(axis=0))),
        ("entry by entry", evaluated(solve=lambda matrix, r: np.linalg.inv(matrix) * r)),
        ("fifty times", swept(50)),
        ("ten times", swept(10)),
    ],
    "reachable_fraction": [
        ("each column", in_reach(lambda x: np.linalg.norm(x, axis=0))),
        ("difference of two links", in_reach(hole=lambda links: abs(links[0] - links[-1]))),
        ("on a limit", in_reach(strict=True)),
    ],
    "epsilon_greedy": [
        ("1 + epsilon", lambda q, e: greedy_for(q, e) + 2 * e * best_of(q) / best_of(q).sum(1)[:, None])
    ],
    "td_update": [
        ("`axis=0`", lambda q, r, n, d, a, g: q + a * (r + g * (1 - d) * n.max(axis=0) - q)),
        ("(B, 1)", lambda q, r, n, d, a, g: q + a * (r + g * (1 - d) * n.max(axis=1, keepdims=True) - q)),
        (WHOLE, lambda q, r, n, d, a, g: (q + a * (r + g * (1 - d) * n.max(axis=1) - q)).astype(r.dtype)),
    ],
    "expected_sarsa_target": [
        ("`axis=0`", sarsa(lambda n, e: (greedy_for(n, e) * n).sum(axis=0))),
        ("`@`", sarsa(lambda n, e: greedy_for(n, e) @ n.T)),
        ("(B, 1)", sarsa(lambda n, e: (greedy_for(n, e) * n).sum(axis=1, keepdims=True))),
        ("largest product", sarsa(lambda n, e: (greedy_for(n, e) * n).max(axis=1))),
        ("It takes the expectation under a softmax", sarsa(lambda n, e: (softmax(n) * n).sum(axis=1))),
        (OWN_CHANCE, sarsa(lambda n, e: n[rows(n), [rng.choice(len(p), p=p) for p in greedy_for(n, e)]])),
    ],
    "replay_episode": [
        (WHOLE, replay_on_a_copy),
        ("inside the loop", replay(steps=lambda n: range(1))),
    ],
    "push_transitions": [
        ("remainder", pushed_as_a_slice),
        ("past the last row", pushed(lambda k, n, C: k + at(n))),
        ("before it counts on", pushed(lambda k, n, C: k % C + at(n))),
        ("always begins at row 0", pushed(lambda k, n, C: ((k if k < C else 0) + at(n)) % C)),
    ],
    "sample_rows": [
        (WHOLE, lambda m, k, u: drawn()(m, k, u).astype(int)),
        ("more rows than there are", drawn(lambda m, k, u: k)),
        ("more rows than there are", drawn(lambda m, k, u: min(k, m.size))),
        ("whichever is larger", drawn(lambda m, k, u: max(k, len(m)))),
        ("adds 1 to the number of rows", drawn(lambda m, k, u: min(k, len(m)) + 1)),
        ("number of draws", drawn(lambda m, k, u: len(u))),
        ("number of draws", drawn(lambda m, k, u: min(len(u), len(m)))),
        ("It rounds,", drawn(row=np.round)),
        ("It rounds up", drawn(row=np.ceil)),
        ("It adds 1, ", drawn(row=lambda x: np.floor(x) + 1)),
        ("It takes columns", lambda m, k, u: m[:, (u * min(k, len(m))).astype(int)]),
        (OWN_CHANCE, fresh_rows),
    ],
    "td_target": [
        ("`axis=0`", lambda r, n, d, t, g: r + g * (1 - d) * n.max(axis=0)),
        ("both flags", lambda r, n, d, t, g: r + g * (1 - d.astype(int) - t) * n.max(axis=1)),
    ],
    "polyak_update": [("last weight", lambda t, o, tau: np.append(((1 - tau) * t + tau * o)[:-1], t[-1]))],
    "huber_loss": [("`//`", lambda e: np.where(np.abs(e) <= 1, e**2 // 2, np.abs(e) - 0.5))],
    "epsilon_greedy_actions": [
        ("`axis=0`", lambda q, e, u, r: np.where(u < e, r, q.argmax(axis=0))),
        ("(B, 1)", lambda q, e, u, r: np.where((u < e)[:, None], r, q.argmax(axis=1))),
        (OWN_CHANCE, lambda q, e, u, r: np.where(rng.random(len(u)) < e, r, q.argmax(axis=1))),
        (OWN_CHANCE, lambda q, e, u, r: np.where(u < e, rng.integers(q.shape[1], size=len(q)), q.argmax(axis=1))),
    ],
    "dqn_loss": [
        ("(B, 1)", lambda q, a, r, n, d, g: ((r + g * (1 - d) * n.max(1, keepdims=True) - q[rows(q), a]) ** 2).mean()),
        ("`q.size`", lambda q, a, r, n, d, g: ((r + g * (1 - d) * n.max(1) - q[rows(q), a]) ** 2).sum() / q.size),
    ],
}
for words, value in (
    ("actions of all rows", lambda s, e: e[:, s.argmax(axis=1)]),
    ("(B, 1)", lambda s, e: np.take_along_axis(e, s.argmax(axis=1)[:, None], axis=1)),
    ("TD3", lambda s, e: np.minimum(s, e).max(axis=1)),
    ("Both tables choose", lambda s, e: e[rows(e), (s + e).argmax(axis=1)]),
):
    for name, answer in double(value).items():
        HEARS.setdefault(name, []).append((words, answer))
