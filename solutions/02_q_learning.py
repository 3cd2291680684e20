# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises 2: Q-learning
#
# You will write the pieces of Q-learning and of its two best-known relatives, find a bug that raises no error, and
# then watch a robot learn with *your* update rule.
#
# *6 exercises · 12 points · about 70 minutes · needs [notebook 02](../notebooks/02_q_learning.ipynb)*
#
# Write your code where the cell says so, run it, then run the check below it. A call such as `hint("epsilon_greedy")`
# prints one hint, the next call the next one. Solve them in order: some call functions that you wrote before.
#
# Learners work on batches: B transitions at once, one a row, as if B robots had each taken one step. So `q` and
# `reward` have shape (B,), `next_q` has shape (B, A), the values of the A actions in each next state, and
# `terminated` (B,), bool, is True where the task ended; B is 1 or more. Numbers may be whole (`int`); an answer must not
# be cut to whole numbers for that. Leave the arrays you are given unchanged. Return arrays, tensors
# or lists as you like: shape and numbers count, as exact as single precision (float32) makes them. A check ends after
# 15 seconds.

# %%
import numpy as np
from IPython.display import display

from rlbook.checks import check, hint, progress, ready
from rlbook.envs.grid_world import GridWorld
from rlbook.plots import learning_curve, value_map
from rlbook.q_learning import QLearning
from rlbook.widgets import EpsilonPanel

hint("epsilon_greedy")

# %% [markdown]
# ## 1. Explore, but not always
#
# *2 points · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# A robot that only ever does what looks best never finds out what is better. With probability $\epsilon$ it draws any
# of its A actions at random, otherwise it acts greedily, and several equally good actions share:
#
# $$\pi(a \mid s) = \frac{\epsilon}{A} +
# \begin{cases}
# (1 - \epsilon) / n_s & \text{if } a \text{ is one of the } n_s \text{ best actions} \\
# 0 & \text{otherwise} \end{cases}$$
#
# <details>
# <summary>Help, I am confused</summary>
#
# Think of the two ways an action can be drawn. By exploration: chance $\epsilon$, then one of A, the best one
# included. By greed: chance $1 - \epsilon$, then one of the best. With two actions, values $[1, 2]$ and $\epsilon =
# 0.2$ that makes $[0.1, 0.9]$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "epsilon_greedy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def epsilon_greedy(q, epsilon):
    """The probabilities with which an epsilon-greedy robot draws its actions.

    q : (B, A) action values.   epsilon : number in [0, 1].
    Returns a (B, A) array; each row sums to 1.
    """
    ### BEGIN SOLUTION
    best = q == q.max(axis=1, keepdims=True)
    return epsilon / q.shape[1] + (1 - epsilon) * best / best.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-epsilon_greedy", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(epsilon_greedy)

# %% [markdown]
# ## 2. The update of Q-learning
#
# *2 points · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# The robot did something it valued at $q$, received the reward $r$ and arrived in a state whose actions it values at
# $Q(s', \cdot)$. Then the old estimate moves a part $\alpha$ of the way towards what was just seen:
#
# $$q \leftarrow q + \alpha \big[ r + \gamma \max_{a'} Q(s', a') - q \big]$$
#
# If the task ended with this step (`terminated`), nothing follows and the target is the reward alone.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Three lines: the value of the best next action in each row; the target, in which that value counts only where the
# task goes on; and the step from `q` towards the target. `1 - terminated` is 1 where it goes on and 0 where it ended.
#
# By hand: $q = 1$, $r = 0.5$, next values $[2, 4]$, $\alpha = 0.5$, $\gamma = 0.9$. The target is $0.5 + 0.9 \cdot 4
# = 4.1$, half the way there is $2.55$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "td_update", "locked": false, "schema_version": 3, "solution": true, "task": false}
def td_update(q, reward, next_q, terminated, alpha, gamma):
    """One step of Q-learning for a batch of transitions.

    q, reward : (B,).   next_q : (B, A).   terminated : (B,) bool.
    alpha : number in (0, 1].   gamma : number in [0, 1].
    Returns the new estimates, a (B,) array.
    """
    ### BEGIN SOLUTION
    target = reward + gamma * (1 - terminated) * next_q.max(axis=1)
    return q + alpha * (target - q)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-td_update", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(td_update)

# %% [markdown]
# ## 3. Two opinions are better than one
#
# *2 points · about 10 minutes · difficulty 3 of 5 (★★★☆☆)*
#
# The maximum of noisy estimates is too high on average: the action that looks best is often just the luckiest one.
# Double Q-learning (van Hasselt, 2010) keeps two tables. One selects the best next action, the other, whose luck is
# its own, says what it is worth:
#
# $$q \leftarrow q + \alpha \big[ r +
# \gamma \, Q_\text{evaluate}\big(s', \textstyle\arg\max_{a'} Q_\text{select}(s', a')\big) - q \big]$$
#
# As before, nothing follows where `terminated`.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Find the best action of each row in `next_q_select`; there are B of them. Then read those entries, one a row, from
# `next_q_evaluate`: an index array for the rows and one for the columns, `table[rows, columns]`, picks them out.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "double_td_update", "locked": false, "schema_version": 3, "solution": true, "task": false}
def double_td_update(q, reward, next_q_select, next_q_evaluate, terminated, alpha, gamma):
    """One step of Double Q-learning for a batch of transitions.

    q, reward : (B,).   next_q_select, next_q_evaluate : (B, A).   terminated : (B,) bool.
    alpha : number in (0, 1].   gamma : number in [0, 1].
    Returns the new estimates, a (B,) array.
    """
    ### BEGIN SOLUTION
    action = next_q_select.argmax(axis=1)
    next_value = next_q_evaluate[np.arange(len(q)), action]
    return q + alpha * (reward + gamma * (1 - terminated) * next_value - q)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-double_td_update", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(double_td_update)

# %% [markdown]
# ## 4. Explore less and less
#
# *1 point · about 5 minutes · difficulty 1 of 5 (★☆☆☆☆)*
#
# A beginner explores, an expert rarely needs to. After every episode multiply $\epsilon$ by a decay, but never let it
# fall below a minimum. Episode $i = 0, 1, 2, \dots$ is played with
#
# $$\epsilon_i = \max\big(\epsilon_\text{min}, \; \epsilon \, d^{\,i}\big)$$
#
# <details>
# <summary>Help, I am confused</summary>
#
# The first episode is played with $\epsilon$ itself. With $\epsilon = 1$, decay 0.5 and minimum 0.2: 1, 0.5, 0.25,
# 0.2, 0.2.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "epsilon_schedule", "locked": false, "schema_version": 3, "solution": true, "task": false}
def epsilon_schedule(epsilon, epsilon_decay, epsilon_min, n_episodes):
    """The epsilon of each episode.

    epsilon : of the first episode, at least epsilon_min.
    n_episodes : how many episodes, at least 1.
    Returns an (n_episodes,) array.
    """
    ### BEGIN SOLUTION
    return np.maximum(epsilon_min, epsilon * epsilon_decay ** np.arange(n_episodes))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-epsilon_schedule", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check(epsilon_schedule)

# %% [markdown]
# ## 5. Learn about the policy you follow
#
# *2 points · about 15 minutes · difficulty 3 of 5 (★★★☆☆)*
#
# Q-learning learns about the greedy policy, although the robot explores. Close to a cliff that matters: the greedy
# path may run along the edge, and a robot that explores falls. Expected SARSA learns about the policy it really
# follows. Its target has the *expected* next value in place of the best:
#
# $$r + \gamma \sum_{a'} \pi(a' \mid s') \, Q(s', a'), \qquad \pi \text{ } \epsilon\text{-greedy on } Q$$
#
# and, as always, the reward alone where `terminated`.
#
# <details>
# <summary>Help, I am confused</summary>
#
# You have written the probabilities in exercise 1. The expectation is the sum of probability times value over each
# row. With $\epsilon = 0$ the target is that of Q-learning, with $\epsilon = 1$ every action counts alike.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "expected_sarsa_target", "locked": false, "schema_version": 3, "solution": true, "task": false}
def expected_sarsa_target(reward, next_q, terminated, epsilon, gamma):
    """The target of expected SARSA for a batch of transitions.

    reward : (B,).   next_q : (B, A).   terminated : (B,) bool.
    epsilon, gamma : numbers in [0, 1].
    Returns a (B,) array.
    """
    ### BEGIN SOLUTION
    next_value = (epsilon_greedy(next_q, epsilon) * next_q).sum(axis=1)
    return reward + gamma * (1 - terminated) * next_value
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-expected_sarsa_target", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(expected_sarsa_target)

# %% [markdown]
# ## 6. Find the silent bug
#
# *3 points · about 20 minutes · difficulty 4 of 5 (★★★★☆)*
#
# The robot's steps were logged; afterwards this function replays one episode through Q-learning, step by step. It
# runs. It raises nothing. On most logs it does what it should. And yet robots trained with it think too little of
# good places.
#
# One thing is wrong with it. Find it and repair it.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Gymnasium reports two ways for an episode to end. `terminated`: the task itself ended, at the goal or in a ditch.
# `truncated`: only the clock ran out.
#
# Take a robot that stands in front of the goal when the clock runs out. What should it believe about the step that
# brought it there, and what does this code teach it? (Pardo et al., 2018, wrote a paper about just this: *Time Limits
# in Reinforcement Learning*.)
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "replay_episode", "locked": false, "schema_version": 3, "solution": true, "task": false}
def replay_episode(Q, states, actions, rewards, terminated, truncated, alpha, gamma):
    """Q-learning on one logged episode, from its first step to its last.

    Q : (S, A) table before.
    states : (T + 1,) numbers of the states visited.   actions, rewards : (T,).
    terminated, truncated : (T,) bool, how the episode ended; False before its last step.
    Returns the table after the episode, a new (S, A) array.
    """
    new_Q = Q.astype(float)
    for t in range(len(actions)):
        state, action, next_state = states[t], actions[t], states[t + 1]
        ### BEGIN SOLUTION
        goes_on = not terminated[t]
        ### STARTER
        # goes_on = not (terminated[t] or truncated[t])
        ### END SOLUTION
        target = rewards[t] + gamma * goes_on * new_Q[next_state].max()
        new_Q[state, action] += alpha * (target - new_Q[state, action])
    return new_Q


# %% nbgrader={"grade": true, "grade_id": "check-replay_episode", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(replay_episode)

# %% [markdown]
# ## Your update rule at work
#
# The panel below is the one of notebook 02, with one difference: every value in it is computed by your `td_update`.
# Press play, and drag epsilon and the learning rate while it learns.

# %%
if ready(td_update):
    display(EpsilonPanel(update=td_update))

# %% [markdown]
# And without a panel: 64 robots, each with a table of its own, learn the same grid in one batch. Every single update of
# theirs is a call of your function. Below the curve stands what they learned, with the arrows of your `epsilon_greedy`.

# %%
world = GridWorld()

if ready(td_update):
    robots = QLearning(
        16, 4, epsilon=1.0, epsilon_decay=0.97, n_agents=64, seed=0, update_rule=td_update
    )
    history = robots.learn(world, n_episodes=200)
    first, last = history.lengths[:, :20], history.lengths[:, -20:]
    print(f"Median length of the first 20 episodes: {np.median(first):.0f} steps")
    print(f"Median length of the last 20 episodes: {np.median(last):.0f} steps")
    title = "Steps to the goal, learned with your td_update"
    display(learning_curve(history.lengths, title=title, ylabel="Steps", window=5))

if ready(td_update, epsilon_greedy):
    Q = robots.Q.mean(axis=0)
    policy = np.asarray(epsilon_greedy(Q, 0.0), dtype=float)
    title = "What they learned: mean value of 64 robots"
    display(value_map(Q.max(axis=1), world, policy=policy, title=title))

# %% [markdown]
# The bug of exercise 6, finally, at work: a robot paces a hall where every step pays 1, and only the clock ends an
# episode. With $\gamma = 0.9$ every state is worth $1 / (1 - 0.9) = 10$. Two functions replay the same log, yours and
# the one with the bug.
#
# **Predict**: is only the last state of the log too low with the bug, or all of them?


# %%
def cut_at_the_clock(Q, states, actions, rewards, terminated, truncated, alpha, gamma):
    over = terminated | truncated
    return replay_episode(Q, states, actions, rewards, over, truncated, alpha, gamma)


if ready(replay_episode):
    states, actions, rewards = np.array([0, 1, 2, 1, 0]), np.zeros(4, dtype=int), np.ones(4)
    terminated, truncated = np.zeros(4, dtype=bool), np.arange(4) == 3
    replays = {"your replay_episode": replay_episode, "with the bug": cut_at_the_clock}
    for name, replay in replays.items():
        Q = np.zeros((3, 1))
        for _ in range(1000):
            Q = replay(Q, states, actions, rewards, terminated, truncated, 0.1, 0.9)
            Q = np.asarray(Q, dtype=float)
        print(f"{name}: values {', '.join(f'{value:.1f}' for value in Q[:, 0])}")

# %% [markdown]
# Nothing crashed, nothing warned; the values are simply wrong. That is why this workbook never merges the two flags.
#
# ## How far you are

# %%
progress("02_q_learning")

# %% [markdown]
# **Next:** [notebook 03](../notebooks/03_dqn.ipynb), where a network takes the place of the table.
#
# **Sources** van Hasselt (2010), *Double Q-learning*, NeurIPS 23. Pardo et al. (2018), *Time Limits in Reinforcement
# Learning*, ICML. Sutton & Barto (2018), *Reinforcement Learning: An Introduction*, sections 6.5 to 6.7.
