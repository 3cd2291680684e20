"""The exercises of chapter 2: Q-learning."""

from __future__ import annotations

import numpy as np

from rlbook.checks import mdp
from rlbook.checks.exercise import Exercise
from rlbook.checks.mistakes import known_mistakes
from rlbook.checks.temporal_difference import random_batch
from rlbook.learning.exploration import epsilon_greedy
from rlbook.returns import double_value, greedy_value, td_error, td_target

# ---------------------------------------------------------------- inputs


def random_choices(rng):
    """Action values with ties, some all negative, and epsilon at both ends."""
    yield np.array([[1.0, 2.0]]), 0.2
    yield np.array([[-1.0, -1.0, -3.0], [0.0, 0.0, 0.0]]), 0.3
    for epsilon in (0.0, 1.0, 0.1):
        yield rng.integers(-3, 1, size=(6, 4)).astype(float), epsilon


def random_updates(rng):
    yield np.array([1.0]), np.array([0.5]), np.array([[2.0, 4.0]]), np.array([False]), 0.5, 0.9
    yield np.array([1.0]), np.array([-1.0]), np.array([[2.0, 4.0]]), np.array([True]), 0.5, 0.9
    yield np.array([-1.0]), np.array([-0.5]), np.array([[-2.0, -4.0]]), np.array([False]), 0.25, 0.5
    yield np.array([0.5]), np.array([3.0]), np.array([[1.5, 2.0]]), np.array([False]), 0.5, 0.5
    for n, n_actions, alpha, gamma in ((2, 1, 0.1, 0.9), (3, 3, 1.0, 0.99), (4, 2, 0.3, 0.0), (8, 4, 0.1, 1.0)):
        batch = random_batch(rng, n, n_actions)
        yield batch.q, batch.reward, batch.next_q, batch.terminated, alpha, gamma


def random_double_updates(rng):
    one = np.array([1.0]), np.array([0.5]), np.array([[2.0, 4.0]]), np.array([[3.0, 1.0]])
    yield *one, np.array([False]), 0.5, 0.9
    yield np.array([0.5]), np.array([1.0]), one[2], np.array([[3.0, 9.0]]), np.array([False]), 0.5, 0.25
    yield *one, np.array([True]), 0.5, 0.9
    for n, n_actions, alpha, gamma in ((2, 1, 0.1, 0.9), (3, 3, 1.0, 0.99), (4, 2, 0.3, 0.0), (8, 4, 0.1, 1.0)):
        batch = random_batch(rng, n, n_actions)
        yield batch.q, batch.reward, batch.next_q, batch.other_q, batch.terminated, alpha, gamma


def random_schedules(rng):
    yield 1.0, 0.5, 0.2, 5
    yield 1.0, 0.9, 0.05, 1
    yield 0.4, 1.0, 0.1, 3
    yield 0.5, 0.0, 0.1, 3
    yield rng.uniform(0.6, 1.0), rng.uniform(0.9, 0.99), 0.0, 12
    yield rng.uniform(0.6, 1.0), rng.uniform(0.9, 0.95), rng.uniform(0.1, 0.3), 60


def random_targets(rng):
    one = np.array([0.5]), np.array([[2.0, 4.0]])
    yield *one, np.array([False]), 0.2, 0.9
    yield *one, np.array([True]), 0.2, 0.9
    yield np.array([1.0, -1.0]), np.array([[1.0, 1.0, -2.0], [-3.0, -3.0, -3.0]]), np.array([False, False]), 0.3, 1.0
    for n, n_actions, epsilon, gamma in (
        (2, 2, 0.5, 0.9),
        (3, 3, 0.0, 0.99),
        (4, 2, 1.0, 0.9),
        (6, 4, 0.3, 0.5),
        (8, 4, 0.1, 0.0),
    ):
        batch = random_batch(rng, n, n_actions)
        yield batch.reward, batch.next_q, batch.terminated, epsilon, gamma


def random_episodes(rng):
    """Logged episodes: some end at the goal, some by the clock, some by both; states come up again.

    No step leads back to its own state, and the last one leads to a better state than it left: what follows counts.
    There another action is best than the one that led there. The last tables and rewards are whole numbers.
    """
    for n_steps, ends, clock in (
        (1, False, True),
        (1, True, False),
        (1, True, True),
        (5, False, True),
        (12, True, True),
    ):
        n_states, n_actions = 4, 2
        Q = rng.normal(size=(n_states, n_actions)).round(2) + 2
        Q[-1] += 3
        states = np.cumsum(rng.integers(1, 3, size=n_steps + 1)) % (n_states - 1)
        states[-1] = n_states - 1
        rewards = rng.normal(size=n_steps).round(2)
        actions, last = rng.integers(n_actions, size=n_steps), np.arange(n_steps) == n_steps - 1
        Q[-1, 1 - actions[-1]] = Q[-1].max() + 1
        yield Q, states, actions, rewards, last & ends, last & clock, 0.5, 0.9
    yield np.round(2 * Q), states, actions, rewards, last & ends, last & clock, 0.5, 0.9
    yield Q, states, actions, np.round(5 * rewards), last & ends, last & clock, 0.5, 0.9


# ---------------------------------------------------------------- references: the library, in the exercise's arguments


def _epsilon_greedy(q, epsilon, **parts):
    return _mixed(q, epsilon, **parts) if parts else epsilon_greedy(q, epsilon)


def _mixed(q, epsilon, policy=None, favourite=None, chance=None, greed=None, exclusive=False):
    """Exploring and greedy actions, mixed in parts; ``exclusive``: the favourites are not explored as well."""
    favourite = mdp.best_actions(q) if favourite is None else favourite
    chance = epsilon / q.shape[1] if chance is None else chance
    greedy = (1 - epsilon if greed is None else greed) * favourite
    mixed = np.where(favourite > 0, greedy, chance) if exclusive else chance + greedy
    return mixed if policy is None else policy


def _td_update(q, reward, next_q, terminated, alpha, gamma, *, value=None):
    next_value = greedy_value(next_q) if value is None else value
    return q + alpha * td_error(q, reward, next_value, terminated, gamma)


def _double_td_update(q, reward, next_q_select, next_q_evaluate, terminated, alpha, gamma, *, value=None):
    next_value = double_value(next_q_select, next_q_evaluate) if value is None else value
    return q + alpha * td_error(q, reward, next_value, terminated, gamma)


def _epsilon_schedule(epsilon, epsilon_decay, epsilon_min, n_episodes):
    return np.maximum(epsilon_min, geometric(epsilon, epsilon_decay, n_episodes))


def geometric(epsilon, epsilon_decay, n_episodes):
    return epsilon * epsilon_decay ** np.arange(n_episodes)


def _expected_sarsa_target(reward, next_q, terminated, epsilon, gamma, **parts):
    probabilities = _epsilon_greedy(next_q, epsilon, **parts)
    return td_target(reward, (probabilities * next_q).sum(axis=1), terminated, gamma)


def _replay_episode(
    Q,
    states,
    actions,
    rewards,
    terminated,
    truncated,
    alpha,
    gamma,
    *,
    order=range,
    arrives=None,
    kept=None,
    frozen=False,
    best=np.max,
):
    """One step after the other; ``order``, the states arrived in, the steps kept and ``frozen`` values are parts."""
    new_Q = Q.astype(float)
    for t in order(len(actions)):
        state, action = states[t], actions[t]
        next_state = states[t + 1] if arrives is None else arrives[t]
        if kept is None or kept[t]:
            next_value = best((Q if frozen else new_Q)[next_state])
            new_Q[state, action] += alpha * td_error(new_Q[state, action], rewards[t], next_value, terminated[t], gamma)
    return new_Q


def buggy_replay(Q, states, actions, rewards, terminated, truncated, alpha, gamma):
    """The code that the student gets, word for word."""
    new_Q = Q.astype(float)
    for t in range(len(actions)):
        state, action, next_state = states[t], actions[t], states[t + 1]
        goes_on = not (terminated[t] or truncated[t])
        target = rewards[t] + gamma * goes_on * new_Q[next_state].max()
        new_Q[state, action] += alpha * (target - new_Q[state, action])
    return new_Q


mistakes_of = known_mistakes("q_learning", vars(mdp) | globals())

EXERCISES = (
    Exercise(
        "epsilon_greedy",
        reference=_epsilon_greedy,
        inputs=random_choices,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "With probability epsilon every action, the best one too, is drawn with the same chance.",
            "Start from `epsilon / A` everywhere; the best action has `1 - epsilon` on top of it.",
            "Where several actions are best they share the `1 - epsilon`: divide it by their number, row by row.",
        ),
        mistakes=mistakes_of("epsilon_greedy"),
    ),
    Exercise(
        "td_update",
        reference=_td_update,
        inputs=random_updates,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "First the target: what the reward and the best next action say this action is worth.",
            "After a terminal step nothing follows: multiply the next value by `1 - terminated`.",
            "`next_q.max(axis=1)` has shape (B,). Move q by alpha times (target - q).",
        ),
        mistakes=mistakes_of("td_update"),
    ),
    Exercise(
        "double_td_update",
        reference=_double_td_update,
        inputs=random_double_updates,
        points=2,
        minutes=10,
        difficulty=3,
        hints=(
            "One table answers the question which action is best, the other what that action is worth.",
            "`next_q_select.argmax(axis=1)` gives one action a row.",
            "`next_q_evaluate[np.arange(B), action]` takes that action's value from the other table.",
        ),
        mistakes=mistakes_of("double_td_update"),
    ),
    Exercise(
        "epsilon_schedule",
        reference=_epsilon_schedule,
        inputs=random_schedules,
        points=1,
        minutes=5,
        difficulty=1,
        hints=(
            "The first episode is played with epsilon as it is; the decay comes after it.",
            "Episode i has seen i decays: `epsilon * epsilon_decay ** i`.",
            "`np.maximum(epsilon_min, ...)` keeps every entry at the minimum or above.",
        ),
        mistakes=mistakes_of("epsilon_schedule"),
    ),
    Exercise(
        "expected_sarsa_target",
        reference=_expected_sarsa_target,
        inputs=random_targets,
        points=2,
        minutes=15,
        difficulty=3,
        hints=(
            "The next state is worth what the epsilon-greedy policy earns there on average.",
            "You have written the policy's probabilities already: call `epsilon_greedy(next_q, epsilon)`.",
            "Multiply the probabilities by next_q and sum over the actions; mask it where terminated; discount it.",
        ),
        mistakes=mistakes_of("expected_sarsa_target"),
    ),
    Exercise(
        "replay_episode",
        reference=_replay_episode,
        inputs=random_episodes,
        points=3,
        minutes=20,
        difficulty=4,
        starter=buggy_replay,
        hints=(
            "The code is right on every episode that reaches the goal. Which episodes end otherwise?",
            "When the clock runs out the robot stands where it stands; is that state worth nothing?",
            "Only `terminated` says that nothing follows. After a truncated step, bootstrap as after any other.",
        ),
        mistakes=mistakes_of("replay_episode"),
    ),
)
