"""The exercises of chapter 3: DQN."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

import rlbook.envs  # noqa: F401  registers the arms
from rlbook.checks.exercise import Exercise
from rlbook.checks.mistakes import known_mistakes
from rlbook.checks.policy import PolicyExercise
from rlbook.checks.temporal_difference import chosen, random_batch
from rlbook.learning.replay import ring_rows
from rlbook.losses import huber_loss, polyak_update, squared_loss
from rlbook.returns import double_value, greedy_value, td_error, td_target

# ---------------------------------------------------------------- inputs


def random_pushes(rng):
    """Memories that are empty, partly full, about to wrap, wrapping, and turned over several times."""
    yield np.zeros((3, 1)), 0, np.array([[5.0]])
    for capacity, n_pushed, n_new in ((4, 2, 2), (4, 3, 2), (5, 3, 4), (5, 12, 1), (6, 23, 6), (7, 18, 5)):
        memory, new = rng.normal(size=(capacity, 2)).round(2), rng.normal(size=(n_new, 2)).round(2)
        memory[n_pushed:] = 0
        yield memory, n_pushed, new


def random_draws(rng):
    """Memories with rows never written, just full, and turned over; draws close to both ends among them."""
    for capacity, n_pushed, n_draws in ((4, 3, 4), (8, 2, 3), (3, 3, 5), (5, 17, 9)):
        memory = np.arange(1.0, 2 * capacity + 1).reshape(capacity, 2)
        if capacity > 4:
            memory /= 4
        memory[n_pushed:] = 0
        size = min(n_pushed, capacity)
        row, part = rng.integers(size, size=n_draws), rng.uniform(0.01, 0.99, size=n_draws)
        yield memory, n_pushed, np.concatenate([[0.999, 0.0, 0.3], (row + part) / size])


def random_targets(rng):
    for terminated, truncated in ((False, False), (False, True), (True, False), (True, True)):
        yield np.array([0.5]), np.array([[2.0, 4.0]]), np.array([terminated]), np.array([truncated]), 0.9
    yield np.array([-1.0]), np.array([[-2.0, -4.0]]), np.array([False]), np.array([False]), 0.25
    for n, n_actions, gamma in ((2, 1, 0.9), (3, 3, 0.99), (4, 2, 0.0), (8, 4, 1.0)):
        batch = random_batch(rng, n, n_actions)
        yield batch.reward, batch.next_q, batch.terminated, batch.truncated, gamma


def random_double_targets(rng):
    one = np.array([0.5]), np.array([[2.0, 4.0]]), np.array([[3.0, 1.0]])
    yield *one, np.array([False]), 0.9
    yield np.array([1.0]), one[1], np.array([[3.0, 9.0]]), np.array([False]), 0.25
    yield *one, np.array([True]), 0.9
    for n, n_actions, gamma in ((2, 1, 0.9), (3, 3, 0.99), (4, 2, 0.0), (8, 4, 1.0)):
        batch = random_batch(rng, n, n_actions)
        yield batch.reward, batch.next_q, batch.other_q, batch.terminated, gamma


def random_weights(rng):
    yield np.array([1.0, 2.0]), np.array([3.0, 2.0]), 0.25
    for tau in (0.0, 1.0, 0.005):
        yield rng.normal(size=6).round(2), rng.normal(size=6).round(2), tau


def random_errors(rng):
    yield (np.array([0.5, -0.5]),)
    yield (np.array([3.0, -3.0, 1.0, -1.0, 0.0]),)
    yield (np.array([1.2, -1.3, 1.8, 0.7, -0.9]),)
    yield ((rng.normal(size=12) * 2).round(2),)


def random_coins(rng):
    """Robots that explore and robots that do not: the first one alone, then all but the first."""
    yield np.array([[1.0, 2.0]]), np.array([0.3]), np.array([0.2]), np.array([0])
    yield np.array([[1.0, 2.0]]), np.array([0.3]), np.array([0.8]), np.array([0])
    epsilon, draw = np.array([0.5, 0.1, 0.0, 0.9, 1.0, 0.2]), np.array([0.3, 0.7, 0.0, 0.2, 0.99, 0.9])
    yield np.eye(4)[[2, 1, 3, 2, 3, 0]], epsilon, draw, np.array([1, 2, 1, 3, 0, 2])
    for epsilon, draw in (
        ([0.3, 0.5, 0.2, 0.6, 0.9, 0.4], [0.1, 0.7, 0.5, 0.8, 0.95, 0.6]),
        ([0.3, 0.5, 0.9, 0.1, 0.4, 0.8], [0.5, 0.2, 0.85, 0.05, 0.35, 0.7]),
    ):
        q = rng.normal(size=(6, 3)).round(2)
        q[-1, (q[0].argmax() + 1) % 3] = q.max() + 1  # the best of all is no favourite of the first one's
        yield q, np.array(epsilon), np.array(draw), (q.argmax(1) + rng.integers(1, 3, size=6)) % 3


def random_losses(rng):
    one = np.array([[1.0, 3.0]]), np.array([1]), np.array([0.5]), np.array([[2.0, 4.0]])
    yield *one, np.array([False]), 0.9
    yield *one, np.array([True]), 0.9
    yield np.array([[1.5, 3.0]]), np.array([0]), np.array([1.0]), one[3], np.array([False]), 0.25
    for n, n_actions, gamma in ((2, 2, 0.9), (3, 3, 0.99), (8, 4, 0.5)):
        _, reward, q, next_q, terminated, _ = random_batch(rng, n, n_actions)
        yield q, (q.argmax(1) + rng.integers(1, n_actions, size=n)) % n_actions, reward, next_q, terminated, gamma


# ---------------------------------------------------------------- references: the library, in the exercise's arguments


def _push(memory, n_pushed, new, *, rows=None):
    after = memory.copy()
    after[ring_rows(n_pushed, len(new), len(memory)) if rows is None else rows] = new
    return after


def _sample_rows(memory, n_pushed, draws, *, size=None, row=np.floor):
    size = min(n_pushed, len(memory)) if size is None else size
    return memory[row(draws * size).astype(int)]


def _td_target(reward, next_q, terminated, truncated, gamma, *, value=None):
    return td_target(reward, greedy_value(next_q) if value is None else value, terminated, gamma)


def _double_dqn_target(reward, next_q_online, next_q_target, terminated, gamma, *, value=None):
    next_value = double_value(next_q_online, next_q_target) if value is None else value
    return td_target(reward, next_value, terminated, gamma)


def _mean_square(error):
    return squared_loss(error).mean()


def _dqn_loss(q, action, reward, next_q, terminated, gamma, *, value=None, taken=None, loss=_mean_square):
    next_value = greedy_value(next_q) if value is None else value
    taken = chosen(q, action) if taken is None else taken
    return loss(td_error(taken, reward, next_value, terminated, gamma))


def _polyak_update(target, online, tau, *, kept=None, added=None):
    if kept is None and added is None:
        return polyak_update(target, online, tau)
    return (1 - tau if kept is None else kept) * target + (tau if added is None else added) * online


def _huber_loss(error, *, small=None, inside=None, outside=None):
    if small is None and inside is None and outside is None:
        return huber_loss(error)
    small = np.abs(error) <= 1 if small is None else small
    inside = error**2 / 2 if inside is None else inside
    return np.where(small, inside, np.abs(error) - 0.5 if outside is None else outside)


def _epsilon_greedy_actions(q, epsilon, draw, random_action, *, explores=None, greedy=None):
    explores = draw < epsilon if explores is None else explores
    return np.where(explores, random_action, q.argmax(axis=1) if greedy is None else greedy)


def buggy_loss(q, action, reward, next_q, terminated, gamma):
    """The code that the student gets, word for word."""
    target = reward + gamma * (1 - terminated) * next_q.max(axis=1)
    taken = np.take_along_axis(q, action[:, None], axis=1)
    error = target - taken
    return (error**2).mean()


def cut_and_begun_again(memory, begin, new):
    """The new rows, from the first one again where the memory's end cuts them."""
    after, room = memory.copy(), len(memory) - begin
    after[begin : begin + len(new)] = new[:room]
    rest = max(0, len(new) - room)
    after[:rest] = new[:rest]
    return after


mistakes_of = known_mistakes("dqn", globals())

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
        mistakes=mistakes_of("push_transitions"),
    ),
    Exercise(
        "sample_rows",
        reference=_sample_rows,
        inputs=random_draws,
        points=1,
        minutes=10,
        difficulty=2,
        hints=(
            "How many rows hold a transition? As many as were pushed, until the memory is full.",
            "A number u in [0, 1) becomes one of 0, ..., size - 1 as the integer part of u * size.",
            "`size = min(n_pushed, len(memory))`, and `(draws * size).astype(int)` are the rows.",
        ),
        mistakes=mistakes_of("sample_rows"),
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
        mistakes=mistakes_of("td_target"),
    ),
    Exercise(
        "double_dqn_target",
        reference=_double_dqn_target,
        inputs=random_double_targets,
        points=2,
        minutes=10,
        difficulty=3,
        hints=(
            "One network answers the question which action is best, the other what that action is worth.",
            "`next_q_online.argmax(axis=1)` gives one action a row.",
            "`next_q_target[np.arange(B), action]` takes that action's value from the target network.",
        ),
        mistakes=mistakes_of("double_dqn_target"),
    ),
    Exercise(
        "polyak_update",
        reference=_polyak_update,
        inputs=random_weights,
        points=1,
        minutes=5,
        difficulty=1,
        hints=(
            "With tau = 0 the target network stays as it is, with tau = 1 it becomes the online one.",
            "It is a weighted mean; the weights are tau and 1 - tau.",
            "`(1 - tau) * target + tau * online`",
        ),
        mistakes=mistakes_of("polyak_update"),
    ),
    Exercise(
        "huber_loss",
        reference=_huber_loss,
        inputs=random_errors,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "Only the size of an error counts: begin with its absolute value.",
            "Two formulas, one for sizes up to 1 and one beyond; `np.where(condition, this, that)` takes from both.",
            "`np.where(size <= 1, size**2 / 2, size - 0.5)`",
        ),
        mistakes=mistakes_of("huber_loss"),
    ),
    Exercise(
        "epsilon_greedy_actions",
        reference=_epsilon_greedy_actions,
        inputs=random_coins,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "The greedy actions first: one a row of q.",
            "Environment i explores if its own draw is below its own epsilon: `draw < epsilon` has shape (B,).",
            "`np.where(draw < epsilon, random_action, q.argmax(axis=1))`",
        ),
        mistakes=mistakes_of("epsilon_greedy_actions"),
    ),
    Exercise(
        "dqn_loss",
        reference=_dqn_loss,
        inputs=random_losses,
        points=3,
        minutes=20,
        difficulty=4,
        starter=buggy_loss,
        hints=(
            "With one transition the answer is right, with two it is not. Print the shapes along the way.",
            "NumPy stretches (B, 1) against (B,) to (B, B): every prediction is compared with every target.",
            "Both sides of the difference must have shape (B,): `[:, 0]` takes the extra axis off.",
        ),
        mistakes=mistakes_of("dqn_loss"),
    ),
    PolicyExercise(
        "own_dqn",
        environment=lambda n: gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=n),
        threshold=0.8,
        points=4,
        minutes=45,
        difficulty=5,
        hints=(
            "First make the loop run with random actions alone, and fill the memory.",
            "Then learn from it: targets without a gradient (`torch.no_grad()`), values of the actions taken with one.",
            "Values grow without end? Copy the target network less often, and multiply by `1 - terminated`.",
            "`network(s).gather(1, a[:, None])[:, 0]`, then `smooth_l1_loss` with the targets, and one step of Adam.",
        ),
    ),
)
