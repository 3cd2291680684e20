"""The exercises of chapter 2: Q-learning."""

from __future__ import annotations

import numpy as np

from rlbook.checks.exercise import Exercise
from rlbook.checks.temporal_difference import double_value, evaluator_selects, places_changed, selector_evaluates
from rlbook.learning.exploration import epsilon_greedy
from rlbook.q_learning import QLearning
from rlbook.returns import td_error

# ---------------------------------------------------------------- inputs


def random_choices(rng):
    """Action values with ties, some all negative, and epsilon at both ends."""
    yield np.array([[1.0, 2.0]]), 0.2
    yield np.array([[-1.0, -1.0, -3.0], [0.0, 0.0, 0.0]]), 0.3
    for epsilon in (0.0, 1.0, 0.1):
        yield rng.integers(-3, 1, size=(6, 4)).astype(float), epsilon


def random_batch(rng, n: int, n_actions: int):
    """q (B,), reward (B,), terminated (B,), and two tables of next values (B, A) without ties."""
    draw = lambda *shape: rng.normal(size=shape).round(3) * 3  # noqa: E731
    return draw(n), draw(n), rng.random(n) < 0.4, draw(n, n_actions), draw(n, n_actions)


def random_updates(rng):
    yield np.array([1.0]), np.array([0.5]), np.array([[2.0, 4.0]]), np.array([False]), 0.5, 0.9
    yield np.array([1.0]), np.array([-1.0]), np.array([[2.0, 4.0]]), np.array([True]), 0.5, 0.9
    yield np.array([-1.0]), np.array([-0.5]), np.array([[-2.0, -4.0]]), np.array([False]), 0.25, 0.5
    for n, n_actions, alpha, gamma in ((2, 1, 0.1, 0.9), (3, 3, 1.0, 0.99), (4, 2, 0.3, 0.0), (8, 4, 0.1, 1.0)):
        q, reward, terminated, next_q, _ = random_batch(rng, n, n_actions)
        yield q, reward, next_q, terminated, alpha, gamma


def random_double_updates(rng):
    one = np.array([1.0]), np.array([0.5]), np.array([[2.0, 4.0]]), np.array([[3.0, 1.0]])
    yield *one, np.array([False]), 0.5, 0.9
    yield *one, np.array([True]), 0.5, 0.9
    for n, n_actions, alpha, gamma in ((2, 1, 0.1, 0.9), (3, 3, 1.0, 0.99), (4, 2, 0.3, 0.0), (8, 4, 0.1, 1.0)):
        q, reward, terminated, select, evaluate = random_batch(rng, n, n_actions)
        yield q, reward, select, evaluate, terminated, alpha, gamma


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
    for n, n_actions, epsilon, gamma in ((2, 2, 0.5, 0.9), (3, 3, 0.0, 0.99), (4, 2, 1.0, 0.9), (8, 4, 0.1, 0.0)):
        _, reward, terminated, next_q, _ = random_batch(rng, n, n_actions)
        yield reward, next_q, terminated, epsilon, gamma


def random_episodes(rng):
    """Logged episodes: one ends at the goal, one by the clock, one by both at once; states come up again."""
    for n_steps, ends, clock in (
        (1, False, True),
        (1, True, False),
        (1, True, True),
        (5, False, True),
        (12, True, True),
    ):
        n_states, n_actions = 3, 2
        Q = rng.normal(size=(n_states, n_actions)).round(2) + 2
        states, actions = rng.integers(n_states, size=n_steps + 1), rng.integers(n_actions, size=n_steps)
        last = np.arange(n_steps) == n_steps - 1
        yield Q, states, actions, rng.normal(size=n_steps).round(2), last & ends, last & clock, 0.5, 0.9


# ---------------------------------------------------------------- references: the library, in the exercise's arguments


def _td_update(q, reward, next_q, terminated, alpha, gamma):
    return q + alpha * td_error(q, reward, next_q.max(axis=1), terminated, gamma)


def _double_td_update(q, reward, next_q_select, next_q_evaluate, terminated, alpha, gamma):
    return q + alpha * td_error(q, reward, double_value(next_q_select, next_q_evaluate), terminated, gamma)


def _epsilon_schedule(epsilon, epsilon_decay, epsilon_min, n_episodes):
    agent = QLearning(1, 1, epsilon=epsilon, epsilon_decay=epsilon_decay, epsilon_min=epsilon_min)
    schedule = []
    for _ in range(n_episodes):
        schedule.append(agent.epsilon)
        agent.decay_epsilon()
    return np.array(schedule)


def _expected_sarsa_target(reward, next_q, terminated, epsilon, gamma):
    next_value = (epsilon_greedy(next_q, epsilon) * next_q).sum(axis=1)
    return td_error(0.0, reward, next_value, terminated, gamma)


def _replay_episode(Q, states, actions, rewards, terminated, truncated, alpha, gamma):
    agent = QLearning(*Q.shape, learning_rate=alpha, gamma=gamma)
    agent.Q[:] = Q
    for step in zip(states, actions, rewards, states[1:], terminated, strict=False):
        agent.update(*step)
    return agent.Q


# ---------------------------------------------------------------- mistakes that need more than a line


def _target_mistake(next_value=None, masked=True):
    """TD updates that differ from the right one in the next state's value or in the mask."""

    def update(q, reward, next_q, terminated, alpha, gamma):
        value = next_q.max(axis=1) if next_value is None else next_value(next_q)
        return q + alpha * td_error(q, reward, value, terminated & masked, gamma)

    return update


def _double_mistake(next_value, masked=True):
    def update(q, reward, select, evaluate, terminated, alpha, gamma):
        return q + alpha * td_error(q, reward, next_value(select, evaluate), terminated & masked, gamma)

    return update


def _greedy_mistake(explore, greedy):
    """Probabilities ``explore(epsilon, A)`` for all actions, but ``greedy(epsilon, A)``, shared, for the best ones."""

    def probabilities(q, epsilon):
        n_actions = q.shape[1]
        best = epsilon_greedy(q, 0.0)
        return np.where(best > 0, best * greedy(epsilon, n_actions), explore(epsilon, n_actions))

    return probabilities


def _first_best(q, epsilon):
    return epsilon / q.shape[1] + (1 - epsilon) * np.eye(q.shape[1])[q.argmax(axis=1)]


def _geometric(epsilon, epsilon_decay, n_episodes, first=0):
    return epsilon * epsilon_decay ** np.arange(first, first + n_episodes)


def _replay_mistake(ends, frozen=False, skip_truncated=False):
    """Replay with another idea of where the task ended, or values that do not move, or without the cut-off step."""

    def replay(Q, states, actions, rewards, terminated, truncated, alpha, gamma):
        new_Q, ended = Q.copy(), ends(terminated, truncated)
        for t in range(len(actions)):
            if skip_truncated and truncated[t]:
                continue
            s, a = states[t], actions[t]
            next_value = (Q if frozen else new_Q)[states[t + 1]].max()
            new_Q[s, a] += alpha * td_error(new_Q[s, a], rewards[t], next_value, ended[t], gamma)
        return new_Q

    return replay


EXERCISES = (
    Exercise(
        "epsilon_greedy",
        reference=lambda q, epsilon: epsilon_greedy(q, epsilon),
        inputs=random_choices,
        points=2,
        minutes=10,
        difficulty=2,
        hints=(
            "With probability epsilon every action, the best one too, is drawn with the same chance.",
            "Start from `epsilon / A` everywhere; the best action has `1 - epsilon` on top of it.",
            "Where several actions are best they share the `1 - epsilon`: divide it by their number, row by row.",
        ),
        mistakes={
            "The best action misses its share of the exploration: it has `1 - epsilon + epsilon / A`.": (
                _greedy_mistake(lambda epsilon, n: epsilon / n, lambda epsilon, n: 1 - epsilon)
            ),
            "Every other action has the whole epsilon: exploration is shared by all A actions, `epsilon / A` each.": (
                _greedy_mistake(lambda epsilon, n: epsilon, lambda epsilon, n: 1 - epsilon)
            ),
            "It shares epsilon among the other actions only: a random action may be the best one as well.": (
                _greedy_mistake(lambda epsilon, n: epsilon / (n - 1), lambda epsilon, n: 1 - epsilon)
            ),
            "It gives the greedy part to the first of several best actions: tied actions share it.": _first_best,
            "Where actions tie, a row sums to more than 1: divide `1 - epsilon` by the number of best actions.": (
                lambda q, epsilon: epsilon / q.shape[1] + (1 - epsilon) * (q == q.max(axis=1, keepdims=True))
            ),
            "It explores with probability 1 - epsilon: epsilon is the chance of a random action.": (
                lambda q, epsilon: epsilon_greedy(q, 1 - epsilon)
            ),
        },
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
        mistakes={
            "It bootstraps past a terminal state: multiply the next value by `1 - terminated`.": (
                _target_mistake(masked=False)
            ),
            "It jumps all the way to the target: move by alpha times the error only.": (
                lambda q, reward, next_q, terminated, alpha, gamma: _td_update(q, reward, next_q, terminated, 1, gamma)
            ),
            "It moves away from the target: the error is target minus q, and it is added.": (
                lambda q, reward, next_q, terminated, alpha, gamma: _td_update(
                    q, reward, next_q, terminated, -alpha, gamma
                )
            ),
            "It does not discount: multiply the best next value by gamma.": (
                lambda q, reward, next_q, terminated, alpha, gamma: _td_update(q, reward, next_q, terminated, alpha, 1)
            ),
            "It takes one maximum of the whole batch: each row has its own best action, `next_q.max(axis=1)`.": (
                _target_mistake(next_value=np.max)
            ),
            "It averages over the next actions: Q-learning takes the best one, `next_q.max(axis=1)`.": (
                _target_mistake(next_value=lambda next_q: next_q.mean(axis=1))
            ),
            "It adds alpha times the target without taking q off: the error is target minus q.": (
                lambda q, reward, next_q, terminated, alpha, gamma: (
                    q + alpha * td_error(0.0, reward, next_q.max(axis=1), terminated, gamma)
                )
            ),
            "At the end of an episode it drops the reward too: only the next value is masked.": (
                lambda q, reward, next_q, terminated, alpha, gamma: _td_update(
                    q, reward * ~terminated, next_q, terminated, alpha, gamma
                )
            ),
        },
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
        mistakes={
            "The selecting table also evaluates, which is plain Q-learning: read the value from `next_q_evaluate`.": (
                _double_mistake(selector_evaluates)
            ),
            "It takes the maximum of the evaluating table: evaluate the action that `next_q_select` prefers.": (
                _double_mistake(evaluator_selects)
            ),
            "The two tables have changed places: `next_q_select` chooses, `next_q_evaluate` says what it is worth.": (
                _double_mistake(places_changed)
            ),
            "It takes the maximum of the two tables' mean: one table chooses, the other evaluates.": (
                _double_mistake(lambda select, evaluate: ((select + evaluate) / 2).max(axis=1))
            ),
            "It bootstraps past a terminal state: multiply the next value by `1 - terminated`.": (
                _double_mistake(double_value, masked=False)
            ),
        },
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
        mistakes={
            "It decays before the first episode: the first entry is epsilon itself.": (
                lambda epsilon, epsilon_decay, epsilon_min, n_episodes: np.maximum(
                    epsilon_min, _geometric(epsilon, epsilon_decay, n_episodes, first=1)
                )
            ),
            "It falls below the minimum: take the larger of each entry and epsilon_min.": (
                lambda epsilon, epsilon_decay, epsilon_min, n_episodes: _geometric(epsilon, epsilon_decay, n_episodes)
            ),
            "It falls in a straight line: every episode multiplies epsilon by epsilon_decay.": (
                lambda epsilon, epsilon_decay, epsilon_min, n_episodes: np.linspace(epsilon, epsilon_min, n_episodes)
            ),
            "It decays towards the minimum instead of stopping there: decay epsilon itself, then clip it.": (
                lambda epsilon, epsilon_decay, epsilon_min, n_episodes: (
                    epsilon_min + _geometric(epsilon - epsilon_min, epsilon_decay, n_episodes)
                )
            ),
        },
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
        mistakes={
            "It takes the best next action, which is Q-learning: take the expectation under the policy.": (
                lambda reward, next_q, terminated, epsilon, gamma: _expected_sarsa_target(
                    reward, next_q, terminated, 0.0, gamma
                )
            ),
            "It averages over the actions alike: weight them by the epsilon-greedy probabilities.": (
                lambda reward, next_q, terminated, epsilon, gamma: _expected_sarsa_target(
                    reward, next_q, terminated, 1.0, gamma
                )
            ),
            "It swaps the weights: the best action has `1 - epsilon`, the average of all actions has epsilon.": (
                lambda reward, next_q, terminated, epsilon, gamma: _expected_sarsa_target(
                    reward, next_q, terminated, 1 - epsilon, gamma
                )
            ),
            "It bootstraps past a terminal state: multiply the next value by `1 - terminated`.": (
                lambda reward, next_q, terminated, epsilon, gamma: _expected_sarsa_target(
                    reward, next_q, np.zeros_like(terminated), epsilon, gamma
                )
            ),
            "It does not discount: multiply the next state's expected value by gamma.": (
                lambda reward, next_q, terminated, epsilon, gamma: _expected_sarsa_target(
                    reward, next_q, terminated, epsilon, 1.0
                )
            ),
        },
    ),
    Exercise(
        "replay_episode",
        reference=_replay_episode,
        inputs=random_episodes,
        points=3,
        minutes=20,
        difficulty=4,
        starter=_replay_mistake(lambda terminated, truncated: terminated | truncated),
        hints=(
            "The code is right on every episode that reaches the goal. Which episodes end otherwise?",
            "When the clock runs out the robot stands where it stands; is that state worth nothing?",
            "Only `terminated` says that nothing follows. After a truncated step, bootstrap as after any other.",
        ),
        mistakes={
            "Now it bootstraps past the terminal state too: where `terminated`, nothing follows.": (
                _replay_mistake(lambda terminated, truncated: np.zeros_like(terminated))
            ),
            "It cuts at the time limit and bootstraps past the goal: it is the other way round.": (
                _replay_mistake(lambda terminated, truncated: truncated)
            ),
            "Both can be true at the last tick of the clock; the task has ended then: `terminated` alone decides.": (
                _replay_mistake(lambda terminated, truncated: terminated & ~truncated)
            ),
            "It throws the truncated step away: its reward and next state are as good as any other's; learn from it.": (
                _replay_mistake(lambda terminated, truncated: terminated, skip_truncated=True)
            ),
            "It looks next values up in the table as it was at the start: use the table that you are updating.": (
                _replay_mistake(lambda terminated, truncated: terminated, frozen=True)
            ),
        },
    ),
)
