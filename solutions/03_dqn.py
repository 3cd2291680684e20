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
# # Exercises 3: DQN
#
# You will write the pieces that turn Q-learning into DQN, find a bug that raises no error, and then let a network learn
# with *your* target. The last exercise leaves everything to you: a DQN of your own, from the network to the arm that moves.
#
# *9 exercises · 19 points · about 135 minutes · needs [notebook 03](../notebooks/03_dqn.ipynb)*
#
# Write your code where the cell says so, run it, then run the check below it. A call such as `hint("td_target")` prints
# one hint, the next call the next one.
#
# As in chapter 2 everything comes in batches: B transitions at once, one a row. `reward` has shape (B,), `next_q` has
# shape (B, A), the values of the A actions in each next state, and `terminated` (B,), bool, is True where the task
# ended; B is 1 or more. Numbers may be whole (`int`); an answer must not be cut to whole numbers for that. Leave the
# arrays you are given unchanged. Return arrays, tensors or lists as you like: shape and numbers count, as exact as
# single precision (float32) makes them. A check ends after 15 seconds.

# %%
from functools import partial

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from IPython.display import Image, display
from torch import nn

from rlbook.checks import check, hint, progress, ready
from rlbook.dqn import DQNAgent
from rlbook.envs.arm.recording import record_episodes
from rlbook.learning.stepping import evaluate
from rlbook.plots import arm_trail, save_gif
from rlbook.widgets import DQNPanel
from rlbook.workbook.facts import fact

hint("push_transitions")

# %% [markdown]
# ## 1. A memory that never moves
#
# *2 points · about 15 minutes · difficulty 3 of 5 (★★★☆☆)*
#
# A robot remembers its last C transitions, one a row. Moving all rows up to make room for a new one would cost C copies
# a step. A *ring* moves nothing: number all transitions ever pushed 0, 1, 2, …; number $i$ lives in row
#
# $$i \bmod C$$
#
# so that each new one overwrites the oldest. A batch of n new rows arrives, one from each of n robots; n is at most C.
#
# <details>
# <summary>Help, I am confused</summary>
#
# With C = 3 and five transitions pushed before, the numbers 0 to 4 are gone or stored; two new ones have the numbers
# 5 and 6 and go to rows 2 and 0. One index array holds all the rows: begin with `np.arange(len(new))`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "push_transitions", "locked": false, "schema_version": 3, "solution": true, "task": false}
def push_transitions(memory, n_pushed, new):
    """The memory after n new transitions were pushed.

    memory : (C, D) of floating-point numbers, one transition a row.
    n_pushed : how many were pushed before.   new : (n, D) of the same kind, n <= C.
    Returns a new (C, D) array.
    """
    ### BEGIN SOLUTION
    after = memory.copy()
    after[(n_pushed + np.arange(len(new))) % len(memory)] = new
    return after
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-push_transitions", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(push_transitions)

# %% [markdown]
# ## 2. Draw from what is there
#
# *1 point · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# A batch for training is drawn from the memory, every stored transition with the same chance. Before the ring is full
# only its first rows hold anything. So that a check can follow your draws, they are given: numbers $u \in [0, 1)$. Of
# `size` stored rows, $u$ picks
#
# $$\lfloor u \cdot \text{size} \rfloor$$
#
# <details>
# <summary>Help, I am confused</summary>
#
# How many rows are stored? As many as were pushed, but never more than the memory has. `astype(int)` cuts off what
# stands behind the point.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "sample_rows", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sample_rows(memory, n_pushed, draws):
    """One stored transition for every draw.

    memory : (C, D).   n_pushed : how many transitions were pushed, at least 1.
    draws : (B,) numbers in [0, 1).
    Returns a (B, D) array.
    """
    ### BEGIN SOLUTION
    size = min(n_pushed, len(memory))
    return memory[(draws * size).astype(int)]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-sample_rows", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check(sample_rows)

# %% [markdown]
# ## 3. What should Q have been?
#
# *2 points · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# The target of DQN is what one step of experience says $Q(s, a)$ should have been. The next values come from the
# *target network*, an older copy that stands still for a while:
#
# $$y = r + \gamma \max_{a'} Q_\text{target}(s', a')$$
#
# You get both of Gymnasium's flags. Only one of them means that nothing follows.
#
# <details>
# <summary>Help, I am confused</summary>
#
# `terminated`: the task ended, at the target or in a ditch. `truncated`: the clock ran out; the robot stands somewhere,
# and that somewhere is worth something. By hand: $r = 0.5$, next values $[2, 4]$, $\gamma = 0.9$ make $0.5 + 0.9 \cdot
# 4 = 4.1$, also when truncated, and $0.5$ when terminated.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "td_target", "locked": false, "schema_version": 3, "solution": true, "task": false}
def td_target(reward, next_q, terminated, truncated, gamma):
    """The targets of DQN for a batch of transitions.

    reward : (B,).   next_q : (B, A), from the target network.
    terminated, truncated : (B,) bool.   gamma : number in [0, 1].
    Returns a (B,) array.
    """
    ### BEGIN SOLUTION
    return reward + gamma * (1 - terminated) * next_q.max(axis=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-td_target", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(td_target)

# %% [markdown]
# ## 4. One network chooses, the other judges
#
# *2 points · about 10 minutes · difficulty 3 of 5 (★★★☆☆)*
#
# The maximum of noisy estimates is too high, in networks as in tables. Double DQN (van Hasselt et al., 2016) has two
# networks at hand anyway. The online one chooses the next action, the target network says what it is worth:
#
# $$y = r + \gamma \, Q_\text{target}\big(s', \textstyle\arg\max_{a'} Q_\text{online}(s', a')\big)$$
#
# and the reward alone where `terminated`.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Find the best action of each row in `next_q_online`; there are B of them. Then read those entries, one a row, from
# `next_q_target`: `table[rows, columns]` with an index array for each picks them out.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "double_dqn_target", "locked": false, "schema_version": 3, "solution": true, "task": false}
def double_dqn_target(reward, next_q_online, next_q_target, terminated, gamma):
    """The targets of Double DQN for a batch of transitions.

    reward : (B,).   next_q_online, next_q_target : (B, A).
    terminated : (B,) bool.   gamma : number in [0, 1].
    Returns a (B,) array.
    """
    ### BEGIN SOLUTION
    action = next_q_online.argmax(axis=1)
    return reward + gamma * (1 - terminated) * next_q_target[np.arange(len(reward)), action]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-double_dqn_target", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(double_dqn_target)

# %% [markdown]
# ## 5. A target that follows slowly
#
# *1 point · about 5 minutes · difficulty 1 of 5 (★☆☆☆☆)*
#
# Instead of standing still and then jumping, the target network may follow all the time, a small part $\tau$ of the way
# at every step (Polyak averaging):
#
# $$\theta_\text{target} \leftarrow (1 - \tau)\, \theta_\text{target} + \tau\, \theta$$
#
# <details>
# <summary>Help, I am confused</summary>
#
# A weighted mean of two arrays. From 1 towards 3 with $\tau = 0.25$: 1.5.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "polyak_update", "locked": false, "schema_version": 3, "solution": true, "task": false}
def polyak_update(target, online, tau):
    """The target network's next weights.

    target, online : (N,) weights.   tau : number in [0, 1].
    Returns a new (N,) array.
    """
    ### BEGIN SOLUTION
    return (1 - tau) * target + tau * online
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-polyak_update", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check(polyak_update)

# %% [markdown]
# ## 6. A loss that keeps its temper
#
# *2 points · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# The squared error makes one outlier count more than all the rest. Huber's loss is a parabola for small errors and a
# straight line beyond, and the two meet without a jump or a kink:
#
# $$L(e) = \begin{cases} e^2 / 2 & |e| \le 1 \\ |e| - 1/2 & |e| > 1 \end{cases}$$
#
# Its slope is the error, clipped to $[-1, 1]$.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Compute both branches for the whole array and let `np.where(condition, one, other)` choose. Mind the sign: $L(-3) =
# L(3) = 2.5$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "huber_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def huber_loss(error):
    """Huber's loss of every error.

    error : (B,).
    Returns a (B,) array.
    """
    ### BEGIN SOLUTION
    size = np.abs(error)
    return np.where(size <= 1, size**2 / 2, size - 0.5)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-huber_loss", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(huber_loss)

# %% [markdown]
# ## 7. Every robot flips its own coin
#
# *2 points · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# B robots learn side by side with one network. Each explores on its own account: robot $i$ takes its random action if
# its own draw $u_i \in [0, 1)$ falls below its own $\epsilon_i$, and otherwise the action that its row of `q` likes
# best. Different $\epsilon$ for different robots (Horgan et al., 2018) keeps some of them curious while others show
# what has been learned.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Three arrays of shape (B,): who explores, the greedy actions, the random ones. `np.where` puts them together.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "epsilon_greedy_actions", "locked": false, "schema_version": 3, "solution": true, "task": false}
def epsilon_greedy_actions(q, epsilon, draw, random_action):
    """One action for each robot.

    q : (B, A) action values.   epsilon : (B,) in [0, 1].
    draw : (B,) in [0, 1).   random_action : (B,) int.
    Returns a (B,) array of whole numbers.
    """
    ### BEGIN SOLUTION
    return np.where(draw < epsilon, random_action, q.argmax(axis=1))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-epsilon_greedy_actions", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(epsilon_greedy_actions)

# %% [markdown]
# ## 8. Find the silent bug
#
# *3 points · about 20 minutes · difficulty 4 of 5 (★★★★☆)*
#
# The mean squared error between the targets of DQN and the values of the actions that were taken:
#
# $$L = \frac{1}{B} \sum_{i=1}^{B} \big(y_i - Q(s_i, a_i)\big)^2$$
#
# This function runs and returns a number. On a single transition it is the right number. And yet a network trained with
# it learns the same value for everything.
#
# One thing is wrong with it. Find it and repair it.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Call it with two transitions, and print the shape of everything on the way. What does NumPy do with shapes (B, 1) and
# (B,)? (Many a published DQN has had this bug. PyTorch stretches shapes just the same way.)
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "dqn_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dqn_loss(q, action, reward, next_q, terminated, gamma):
    """The squared error of DQN, averaged over a batch.

    q : (B, A), online network, in the states.   action : (B,) int, taken there.
    reward : (B,).   next_q : (B, A), target network, in the next states.
    terminated : (B,) bool.   gamma : number in [0, 1].
    Returns a number.
    """
    target = reward + gamma * (1 - terminated) * next_q.max(axis=1)
    taken = np.take_along_axis(q, action[:, None], axis=1)
    ### BEGIN SOLUTION
    error = target - taken[:, 0]
    ### STARTER
    # error = target - taken
    ### END SOLUTION
    return (error**2).mean()


# %% nbgrader={"grade": true, "grade_id": "check-dqn_loss", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(dqn_loss)

# %% [markdown]
# ## Your target at work
#
# The panel below is the one of notebook 03, with one difference: every target in it is computed by your
# `double_dqn_target`. Press play. The arms begin at random and should reach more and more of their targets.

# %%
if ready(double_dqn_target):
    display(DQNPanel(target_rule=double_dqn_target))

# %% [markdown]
# And without a panel: sixteen arms, half a minute, and then 200 targets that none of them has seen.

# %%
if ready(double_dqn_target):
    agent = DQNAgent(
        state_dim=10,
        action_dim=9,
        target_rule=double_dqn_target,
        hidden_dims=(128, 128),
        gamma=0.95,
        huber=True,
        epsilon_decay=0.98,
        epsilon_min=0.05,
        target_update_freq=300,
        updates_per_step=0.25,
        learning_starts=1000,
    )
    agent.learn(gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=16), total_steps=40_000)
    arms = gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=200)
    greedy = partial(agent.select_action, training=False)
    result = evaluate(greedy, arms, n_episodes=200)
    fact("targets reached, of 200", result.terminated.mean(), more_than=0.5, unit="%")

# %% [markdown]
# Finally the bug of exercise 8 at work. Two states that can be told apart, one worth 1, the other worth −1, both at the
# end of the task; the two values are fitted by gradient descent on your loss, and on the one with the bug.
#
# **Predict**: where do the two values end with the bug?


# %%
def loss_of_all_pairs(q, action, reward, next_q, terminated, gamma):
    return np.mean([[(y - value) ** 2 for value in q[:, 0]] for y in reward])


def fitted(loss, steps=200, size=0.2, nudge=1e-4):
    """Two values fitted by gradient descent; the gradient comes from nudging each a little."""
    q, action, reward = np.zeros((2, 1)), np.zeros(2, dtype=int), np.array([1.0, -1.0])
    rest = action, reward, np.zeros((2, 1)), np.ones(2, dtype=bool), 0.9
    for _ in range(steps):
        rises = [
            float(loss(q + nudge * at, *rest)) - float(loss(q - nudge * at, *rest))
            for at in np.eye(2)[:, :, None]
        ]
        q = q - size * np.array(rises)[:, None] / (2 * nudge)
    return q[:, 0]


if ready(dqn_loss):
    for name, loss in (("your dqn_loss", dqn_loss), ("with the bug", loss_of_all_pairs)):
        first, second = fitted(loss) + 0.0
        print(f"{name}: values {first:.1f} and {second:.1f}".replace("-0.0", "0.0"))

# %% [markdown]
# With the bug every prediction is pulled towards every target, so both end at their mean. The loss even falls while
# that happens. Shapes are worth a look before anything else is.
#
# ## 9. Build your own
#
# *4 points · about 45 minutes · difficulty 5 of 5 (★★★★★)*
#
# Now without the library's learner: the network, the loss, the memory and the loop are yours, in PyTorch. About 40 lines do
# it, and on one core they train in some ten seconds (if yours need more than two minutes, something is slow).
#
# The arms: `state, _ = arms.reset(seed=seed)` gives observations (B, 10), float32. `arms.step(action)` takes whole numbers
# (B,) from 0 to 8 and returns `next_state, reward, terminated, truncated, _`. An arm whose episode is over waits until you
# call `arms.reset(options={"reset_mask": terminated | truncated})`, which returns the observations to act on next, of all
# arms. So `next_state` is always the true one.
#
# The check plays 200 episodes, all with targets that your network never saw; in at least 80 % of them the arm has to arrive.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Seven steps, again and again: (1) with probability ε act at random, else by the best of the network's values; (2) step;
# (3) remember; (4) begin anew where an episode is over; (5) draw some 256 transitions and make the targets, as in exercises 3
# and 4; (6) one gradient step on the loss between the values of the actions taken and the targets; (7) now and then copy
# the network into the target network.
#
# What works: 64 arms for 1,000 steps, two hidden layers of 128, Adam with a learning rate of 0.001, γ = 0.95, four gradient
# steps for each step of the arms, a copy every 40 steps, ε falling from 1 to 0.05 during the first half.
#
# Does it learn nothing? Print the mean of the values now and then. They should grow slowly, and stay below 1: that is what
# arriving pays.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "own_dqn", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_own_dqn(seed=0):
    """Your own DQN for rlbook/ReachDiscrete-v0.

    Returns the trained network: observations (B, 10) -> values (B, 9), tensors.
    """
    torch.manual_seed(seed)
    arms = gym.make_vec(
        "rlbook/ReachDiscrete-v0", num_envs=64, autoreset_mode=AutoresetMode.DISABLED
    )
    ### BEGIN SOLUTION
    online, target = (
        nn.Sequential(
            *(nn.Linear(10, 128), nn.ReLU()),
            *(nn.Linear(128, 128), nn.ReLU()),
            nn.Linear(128, 9),
        )
        for _ in range(2)
    )
    optimizer = torch.optim.Adam(online.parameters(), lr=1e-3)
    memory, n_steps = [], 1000
    state, _ = arms.reset(seed=seed)
    for t in range(n_steps):
        if t % 40 == 0:
            target.load_state_dict(online.state_dict())
        with torch.no_grad():
            greedy = online(torch.as_tensor(state)).argmax(dim=1)
        explores = torch.rand(64) < max(0.05, 1 - 2 * t / n_steps)
        action = torch.where(explores, torch.randint(9, (64,)), greedy).numpy()
        next_state, reward, terminated, truncated, _ = arms.step(action)
        seen = (state, action, reward, next_state, terminated)
        memory.append([torch.tensor(part, dtype=torch.float32) for part in seen])
        state, _ = arms.reset(options={"reset_mask": terminated | truncated})
        for _ in range(4):
            # Four moments, 64 arms each.
            drawn = [memory[i] for i in torch.randint(len(memory), (4,))]
            s, a, r, s_next, end = (torch.cat(parts) for parts in zip(*drawn, strict=True))
            with torch.no_grad():
                best = online(s_next).argmax(dim=1, keepdim=True)
                y = r + 0.95 * (1 - end) * target(s_next).gather(1, best)[:, 0]
            q = online(s).gather(1, a.long()[:, None])[:, 0]
            loss = nn.functional.smooth_l1_loss(q, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return online
    ### END SOLUTION


# %% [markdown]
# This cell trains, and makes the policy that is checked. Run it again whenever you have changed something.

# %%
network = None
try:
    network = train_own_dqn()
except NotImplementedError:
    print("Nothing is trained yet: write train_own_dqn first.")


def own_dqn(obs):
    """The best actions (B,) for observations (B, 10)."""
    if network is None:
        raise NotImplementedError
    with torch.no_grad():
        return network(torch.as_tensor(obs)).argmax(dim=1).numpy()


# %% nbgrader={"grade": true, "grade_id": "check-own_dqn", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(own_dqn)

# %% [markdown]
# And this is **your** arm, on four targets that it has never seen. `own_dqn.gif`, beside this notebook, is yours to keep.

# %%
if ready(own_dqn):
    motion = record_episodes(
        gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=4), own_dqn, seed=9
    )
    display(Image(url=str(save_gif("own_dqn.gif", motion))))
    path = motion.points[: motion.lengths[0] + 1, 0]
    display(arm_trail(path, motion.target[0], title="Your arm on the first of them"))

# %% [markdown]
# **Want more?** Halve `n_steps`, and see what you have to change to keep the 80 %. The score to beat: the share that is reached
# after 500 steps of 64 arms (32,000 in all), as the mean of `train_own_dqn(seed)` for the seeds 0, 1 and 2.
#
# ## How far you are

# %%
progress("03_dqn")

# %% [markdown]
# **Next** comes [notebook 4](../notebooks/04_ppo.ipynb), where the policy itself is the network, and torques need not come in steps.
#
# **Sources** van Hasselt, Guez & Silver (2016), *Deep Reinforcement Learning with Double Q-learning*, AAAI. Horgan et
# al. (2018), *Distributed Prioritized Experience Replay*, ICLR.
