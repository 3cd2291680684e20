"""The exercises of chapter 3: DQN."""

from __future__ import annotations

import numpy as np

from rlbook import returns
from rlbook.checks.exercise import Exercise
from rlbook.checks.temporal_difference import (
    chosen,
    double_value,
    evaluator_selects,
    places_changed,
    selector_evaluates,
)
from rlbook.dqn import huber_loss, polyak_update
from rlbook.learning.replay import ring_rows


def td_target(reward, next_q, terminated, gamma):
    return returns.td_target(reward, returns.greedy_value(next_q), terminated, gamma)


def double_dqn_target(reward, next_q_online, next_q_target, terminated, gamma):
    return returns.td_target(reward, returns.double_value(next_q_online, next_q_target), terminated, gamma)


def epsilon_greedy_actions(q, epsilon, draw, random_action):
    return np.where(draw < epsilon, random_action, q.argmax(axis=1))


# ---------------------------------------------------------------- inputs


def random_pushes(rng):
    """Memories that are empty, partly full, about to wrap, wrapping, and turned over several times."""
    yield np.zeros((3, 1)), 0, np.array([[5.0]])
    for capacity, n_pushed, n_new in ((4, 2, 2), (4, 3, 2), (5, 3, 4), (5, 12, 1), (6, 23, 6)):
        memory, new = rng.normal(size=(capacity, 2)).round(2), rng.normal(size=(n_new, 2)).round(2)
        memory[n_pushed:] = 0
        yield memory, n_pushed, new


def random_draws(rng):
    """Memories with rows never written, just full, and turned over; draws close to both ends among them."""
    for capacity, n_pushed, n_draws in ((4, 3, 4), (8, 2, 6), (3, 3, 5), (5, 17, 9)):
        memory = np.arange(1.0, 2 * capacity + 1).reshape(capacity, 2)
        memory[n_pushed:] = 0
        yield memory, n_pushed, np.concatenate([[0.0, 0.999], rng.random(n_draws).round(3) * 0.999])


def random_batch(rng, n: int, n_actions: int):
    """reward (B,), two arrays of next values (B, A) without ties, terminated (B,), truncated (B,)."""
    draw = lambda *shape: rng.normal(size=shape).round(3) * 3  # noqa: E731
    return draw(n), draw(n, n_actions), draw(n, n_actions), rng.random(n) < 0.4, rng.random(n) < 0.4


def random_targets(rng):
    for terminated, truncated in ((False, False), (False, True), (True, False), (True, True)):
        yield np.array([0.5]), np.array([[2.0, 4.0]]), np.array([terminated]), np.array([truncated]), 0.9
    yield np.array([-0.5]), np.array([[-2.0, -4.0]]), np.array([False]), np.array([False]), 0.5
    for n, n_actions, gamma in ((2, 1, 0.9), (3, 3, 0.99), (4, 2, 0.0), (8, 4, 1.0)):
        reward, next_q, _, terminated, truncated = random_batch(rng, n, n_actions)
        yield reward, next_q, terminated, truncated, gamma


def random_double_targets(rng):
    one = np.array([0.5]), np.array([[2.0, 4.0]]), np.array([[3.0, 1.0]])
    yield *one, np.array([False]), 0.9
    yield *one, np.array([True]), 0.9
    for n, n_actions, gamma in ((2, 1, 0.9), (3, 3, 0.99), (4, 2, 0.0), (8, 4, 1.0)):
        reward, online, target, terminated, _ = random_batch(rng, n, n_actions)
        yield reward, online, target, terminated, gamma


def random_weights(rng):
    yield np.array([1.0, 2.0]), np.array([3.0, 2.0]), 0.25
    for tau in (0.0, 1.0, 0.005):
        yield rng.normal(size=6).round(2), rng.normal(size=6).round(2), tau


def random_errors(rng):
    yield (np.array([0.5, -0.5]),)
    yield (np.array([3.0, -3.0, 1.0, -1.0, 0.0]),)
    yield ((rng.normal(size=12) * 2).round(2),)


def random_coins(rng):
    yield np.array([[1.0, 2.0]]), np.array([0.3]), np.array([0.2]), np.array([0])
    yield np.array([[1.0, 2.0]]), np.array([0.3]), np.array([0.8]), np.array([0])
    epsilon, draw = np.array([0.5, 0.1, 0.0, 0.9, 1.0, 0.2]), np.array([0.3, 0.7, 0.0, 0.2, 0.99, 0.9])
    yield np.eye(4)[[2, 1, 3, 2, 3, 0]], epsilon, draw, np.array([1, 2, 1, 3, 0, 2])
    q = rng.normal(size=(8, 3)).round(2)
    yield q, rng.uniform(0.2, 0.8, size=8), rng.random(8), (q.argmax(1) + rng.integers(1, 3, size=8)) % 3


def random_losses(rng):
    yield np.array([[1.0, 3.0]]), np.array([1]), np.array([0.5]), np.array([[2.0, 4.0]]), np.array([False]), 0.9
    for n, n_actions, gamma in ((2, 2, 0.9), (3, 3, 0.99), (8, 4, 0.5)):
        reward, next_q, q, terminated, _ = random_batch(rng, n, n_actions)
        terminated[0] = True
        yield q, (q.argmax(1) + rng.integers(1, n_actions, size=n)) % n_actions, reward, next_q, terminated, gamma


# ---------------------------------------------------------------- references: the library, in the exercise's arguments


def _push(memory, n_pushed, new):
    return _written(memory, ring_rows(n_pushed, len(new), len(memory)), new)


def _written(memory, rows, new):
    memory = memory.copy()
    memory[rows] = new
    return memory


def _sample(memory, n_pushed, draws):
    return _drawn(memory, min(n_pushed, len(memory)), draws)


def _td_target(reward, next_q, terminated, truncated, gamma):
    return td_target(reward, next_q, terminated, gamma)


def _dqn_loss(q, action, reward, next_q, terminated, gamma):
    return (_errors(q, action, reward, next_q, terminated, gamma) ** 2).mean()


# ---------------------------------------------------------------- mistakes that need more than a line


def _errors(q, action, reward, next_q, terminated, gamma):
    return td_target(reward, next_q, terminated, gamma) - chosen(q, action)


def _every_pair(q, action, reward, next_q, terminated, gamma):
    target = td_target(reward, next_q, terminated, gamma)
    return ((target - np.take_along_axis(q, action[:, None], axis=1)) ** 2).mean()


def _drawn(memory, size, draws):
    return memory[(draws * size).astype(int)]


def _cut_at_the_end(memory, n_pushed, new):
    memory, begin = memory.copy(), n_pushed % len(memory)
    memory[begin : begin + len(new)] = new[: len(memory) - begin]
    return memory


def _target_mistake(next_value=None, ends=None):
    """Targets that differ from the right one in the next state's value or in what counts as the end."""

    def target(reward, next_q, terminated, truncated, gamma):
        value = next_q.max(axis=1) if next_value is None else next_value(next_q)
        ended = terminated if ends is None else ends(terminated, truncated)
        return td_target(reward, np.broadcast_to(value, len(reward))[:, None], ended, gamma)

    return target


def _double_mistake(next_value, masked=True):
    def target(reward, online, target, terminated, gamma):
        return td_target(reward, next_value(online, target)[:, None], terminated & masked, gamma)

    return target


EXERCISES = (
    Exercise(
        "push_transitions",
        reference=_push,
        inputs=random_pushes,
        points=2,
        minutes=15,
        difficulty=3,
        hints=(
            "Number all transitions ever pushed 0, 1, 2, ...: number i lives in row i modulo C.",
            "The new ones have the numbers n_pushed to n_pushed + n - 1: `n_pushed + np.arange(len(new))`.",
            "`rows = (n_pushed + np.arange(len(new))) % len(memory)`, then write to a copy: `copy[rows] = new`.",
        ),
        mistakes={
            "What does not fit at the end is lost: go on at row 0, by the remainder `% len(memory)`.": _cut_at_the_end,
            "It writes to the first rows every time: the next free row is `n_pushed % len(memory)`.": (
                lambda memory, n_pushed, new: _push(memory, 0, new)
            ),
            "It moves every row to make room at the end, which takes O(C): overwrite the oldest rows where they are.": (
                lambda memory, n_pushed, new: np.concatenate([memory, new])[-len(memory) :]
            ),
            "It begins one row too late: the first transition ever, number 0, lives in row 0.": (
                lambda memory, n_pushed, new: _push(memory, n_pushed + 1, new)
            ),
            "Row C - 1 stays empty: there are C rows, so the remainder is that of a division by C.": (
                lambda memory, n_pushed, new: _written(memory, ring_rows(n_pushed, len(new), len(memory) - 1), new)
            ),
            "It writes one row a call, and may get more: each of the new transitions needs a row.": (
                lambda memory, n_pushed, new: _push(memory, n_pushed, new[:1])
            ),
            "It stores nothing: return the copy that the new rows were written to.": (
                lambda memory, n_pushed, new: memory
            ),
        },
    ),
    Exercise(
        "sample_rows",
        reference=_sample,
        inputs=random_draws,
        points=1,
        minutes=10,
        difficulty=2,
        hints=(
            "How many rows hold a transition? As many as were pushed, until the memory is full.",
            "A number u in [0, 1) becomes one of 0, ..., size - 1 as the integer part of u * size.",
            "`size = min(n_pushed, len(memory))`, and `(draws * size).astype(int)` are the rows.",
        ),
        mistakes={
            "It draws rows that were never written: before the memory is full only the first n_pushed rows count.": (
                lambda memory, n_pushed, draws: _drawn(memory, len(memory), draws)
            ),
            "It never draws the last row: multiply by the number of rows, not by one less.": (
                lambda memory, n_pushed, draws: _drawn(memory, min(n_pushed, len(memory)) - 1, draws)
            ),
            "It draws of all that were ever pushed: a full memory holds len(memory) of them.": (
                lambda memory, n_pushed, draws: memory[(draws * n_pushed).astype(int) % len(memory)]
            ),
            "It rounds to the nearest row, so that the first one comes half as often: take the integer part.": (
                lambda memory, n_pushed, draws: memory[
                    np.round(draws * min(n_pushed, len(memory))).astype(int) % min(n_pushed, len(memory))
                ]
            ),
        },
    ),
    Exercise(
        "td_target",
        reference=_td_target,
        inputs=random_targets,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "The reward, and what the best next action is worth, one step later.",
            "One of the two flags means that nothing follows; the other only that nobody watched what followed.",
            "`reward + gamma * (1 - terminated) * next_q.max(axis=1)`; truncated is not needed at all.",
        ),
        mistakes={
            "A time limit is not the end of the task: bootstrap where truncated, mask where terminated only.": (
                _target_mistake(ends=lambda terminated, truncated: terminated | truncated)
            ),
            "It masks with truncated in place of terminated: it is the other way round.": (
                _target_mistake(ends=lambda terminated, truncated: truncated)
            ),
            "It bootstraps past a terminal state: multiply the next value by `1 - terminated`.": (
                _target_mistake(ends=lambda terminated, truncated: terminated & False)
            ),
            "The mask is upside down: it bootstraps at the end of the task, and there only. Use `1 - terminated`.": (
                _target_mistake(ends=lambda terminated, truncated: ~terminated)
            ),
            "Where both flags are set the task has ended: terminated alone decides.": (
                _target_mistake(ends=lambda terminated, truncated: terminated & ~truncated)
            ),
            "It does not discount: multiply the best next value by gamma.": (
                lambda reward, next_q, terminated, truncated, gamma: td_target(reward, next_q, terminated, 1.0)
            ),
            "It takes one maximum of the whole batch: each row has its own best action, `next_q.max(axis=1)`.": (
                _target_mistake(next_value=np.max)
            ),
            "It averages over the next actions: take the best one, `next_q.max(axis=1)`.": (
                _target_mistake(next_value=lambda next_q: next_q.mean(axis=1))
            ),
            "At the end of an episode it drops the reward too: only the next value is masked.": (
                lambda reward, next_q, terminated, truncated, gamma: td_target(
                    reward * ~terminated, next_q, terminated, gamma
                )
            ),
        },
    ),
    Exercise(
        "double_dqn_target",
        reference=double_dqn_target,
        inputs=random_double_targets,
        points=2,
        minutes=10,
        difficulty=3,
        hints=(
            "One network answers the question which action is best, the other what that action is worth.",
            "`next_q_online.argmax(axis=1)` gives one action a row.",
            "`next_q_target[np.arange(B), action]` takes that action's value from the target network.",
        ),
        mistakes={
            "It takes the target network's own maximum, which is plain DQN: the online network chooses the action.": (
                _double_mistake(evaluator_selects)
            ),
            "The online network also evaluates: read the chosen action's value from `next_q_target`.": (
                _double_mistake(selector_evaluates)
            ),
            "The networks have changed places: the online one chooses, the target network says what it is worth.": (
                _double_mistake(places_changed)
            ),
            "It bootstraps past a terminal state: multiply the next value by `1 - terminated`.": (
                _double_mistake(double_value, masked=False)
            ),
            "The mask is upside down: it bootstraps at the end of the task, and there only. Use `1 - terminated`.": (
                lambda reward, online, target, terminated, gamma: double_dqn_target(
                    reward, online, target, ~terminated, gamma
                )
            ),
            "At the end of an episode it drops the reward too: only the next value is masked.": (
                lambda reward, online, target, terminated, gamma: double_dqn_target(
                    reward * ~terminated, online, target, terminated, gamma
                )
            ),
            "It does not discount: multiply the next value by gamma.": (
                lambda reward, online, target, terminated, gamma: double_dqn_target(
                    reward, online, target, terminated, 1.0
                )
            ),
        },
    ),
    Exercise(
        "polyak_update",
        reference=polyak_update,
        inputs=random_weights,
        points=1,
        minutes=5,
        difficulty=1,
        hints=(
            "With tau = 0 the target network stays as it is, with tau = 1 it becomes the online one.",
            "It is a weighted mean; the weights are tau and 1 - tau.",
            "`(1 - tau) * target + tau * online`",
        ),
        mistakes={
            "The weights are swapped: a small tau leaves the target network nearly as it was.": (
                lambda target, online, tau: polyak_update(target, online, 1 - tau)
            ),
            "It copies the online network: move only a part tau of the way there.": (
                lambda target, online, tau: polyak_update(target, online, 1.0)
            ),
            "It adds without making room: the old target weights count 1 - tau.": (
                lambda target, online, tau: target + tau * online
            ),
            "It moves away from the online network: the way there is online minus target.": (
                lambda target, online, tau: polyak_update(target, online, -tau)
            ),
        },
    ),
    Exercise(
        "huber_loss",
        reference=huber_loss,
        inputs=random_errors,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "Only the size of an error counts: begin with its absolute value.",
            "Two formulas, one for sizes up to 1 and one beyond; `np.where(condition, this, that)` takes from both.",
            "`np.where(size <= 1, size**2 / 2, size - 0.5)`",
        ),
        mistakes={
            "It squares large errors too: beyond 1 the loss grows in a straight line, |e| - 1/2.": (
                lambda error: error**2 / 2
            ),
            "It has no parabola: up to 1 the loss is e^2 / 2.": lambda error: abs(error) - 0.5,
            "It jumps at 1: the straight part is |e| - 1/2, which meets the parabola.": (
                lambda error: np.where(abs(error) <= 1, error**2 / 2, abs(error))
            ),
            "The parabola is twice too high and misses the straight part at 1: it is e^2 / 2.": (
                lambda error: np.where(abs(error) <= 1, error**2, abs(error) - 0.5)
            ),
            "Large negative errors have a negative loss: use the absolute value.": (
                lambda error: np.where(abs(error) <= 1, error**2 / 2, error - 0.5)
            ),
            "Large negative errors pass for small ones: compare the size of the error, |e|, with 1.": (
                lambda error: np.where(error <= 1, error**2 / 2, abs(error) - 0.5)
            ),
            "It caps the loss, so that large errors teach nothing: beyond 1 it must go on growing.": (
                lambda error: huber_loss(error.clip(-1, 1))
            ),
        },
    ),
    Exercise(
        "epsilon_greedy_actions",
        reference=epsilon_greedy_actions,
        inputs=random_coins,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "The greedy actions first: one a row of q.",
            "Environment i explores if its own draw is below its own epsilon: `draw < epsilon` has shape (B,).",
            "`np.where(draw < epsilon, random_action, q.argmax(axis=1))`",
        ),
        mistakes={
            "It explores with probability 1 - epsilon: explore where the draw is below epsilon.": (
                lambda q, epsilon, draw, random_action: np.where(draw < epsilon, q.argmax(1), random_action)
            ),
            "It explores where the draw is above epsilon, which is as often as it should be greedy: turn the sign.": (
                lambda q, epsilon, draw, random_action: np.where(draw > epsilon, random_action, q.argmax(1))
            ),
            "It may explore where epsilon is 0, for a draw can be 0 too: `draw < epsilon`.": (
                lambda q, epsilon, draw, random_action: np.where(draw <= epsilon, random_action, q.argmax(1))
            ),
            "The first environment decides for all: compare the arrays, and let `np.where` choose row by row.": (
                lambda q, epsilon, draw, random_action: random_action if draw[0] < epsilon[0] else q.argmax(1)
            ),
            "One coin decides for all environments: each has a draw of its own.": (
                lambda q, epsilon, draw, random_action: epsilon_greedy_actions(q, epsilon, draw[0], random_action)
            ),
            "All environments explore with the first one's epsilon: each has its own.": (
                lambda q, epsilon, draw, random_action: epsilon_greedy_actions(q, epsilon[0], draw, random_action)
            ),
            "It never explores: take the random action where the draw is below epsilon.": (
                lambda q, epsilon, draw, random_action: q.argmax(1)
            ),
            "It takes one best action of the whole batch: each row has its own, `q.argmax(axis=1)`.": (
                lambda q, epsilon, draw, random_action: np.where(draw < epsilon, random_action, q.argmax() % q.shape[1])
            ),
        },
    ),
    Exercise(
        "dqn_loss",
        reference=_dqn_loss,
        inputs=random_losses,
        points=3,
        minutes=20,
        difficulty=4,
        starter=_every_pair,
        hints=(
            "With one transition the answer is right, with two it is not. Print the shapes along the way.",
            "NumPy stretches (B, 1) against (B,) to (B, B): every prediction is compared with every target.",
            "Both sides of the difference must have shape (B,): `[:, 0]` takes the extra axis off.",
        ),
        mistakes={
            "`q[:, action]` takes the actions of all rows in every row: take one a row, `q[np.arange(B), action]`.": (
                lambda q, action, reward, next_q, terminated, gamma: (
                    (td_target(reward, next_q, terminated, gamma) - q[:, action]) ** 2
                ).mean()
            ),
            "It sums over the batch: take the mean, or the step grows with the batch.": (
                lambda *case: (_errors(*case) ** 2).sum()
            ),
            "It judges the best action in place of the one taken: take `q` at `action`.": (
                lambda q, action, reward, next_q, terminated, gamma: (
                    (td_target(reward, next_q, terminated, gamma) - q.max(axis=1)) ** 2
                ).mean()
            ),
            "It averages before it squares, and errors cancel: square each error, then average.": (
                lambda *case: _errors(*case).mean() ** 2
            ),
            "Now it bootstraps past terminal states: keep `1 - terminated`.": (
                lambda q, action, reward, next_q, terminated, gamma: _dqn_loss(
                    q, action, reward, next_q, 0 * terminated, gamma
                )
            ),
            "It takes the absolute error: the loss of this exercise is the squared one.": (
                lambda *case: abs(_errors(*case)).mean()
            ),
        },
    ),
)
