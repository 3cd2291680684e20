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
# # Exercises 1: Markov decision processes
#
# You will write, from their equations, the six functions that planning rests on, and then plan with them: at the end
# your own value iteration moves a robot on a slippery floor, live, under a slider.
#
# *6 exercises · 13 points · about 70 minutes · needs [notebook 01](../notebooks/01_mdp.ipynb)*
#
# **How it works.** Write your code where the cell says so, run it, then run the check below it. The check answers
# *Correct*, *Not yet* (with the mistake, if it is a known one, and the smallest example that went wrong) or *Not
# attempted*. Run it as often as you like. Solve them in order: some call functions that you wrote before. A call such
# as `hint("discounted_return")` prints one hint, the next call the next one; the folds explain the idea without giving
# it away.
#
# Everywhere below, S is the number of states, A of actions; `P[s, a, s_next]` holds probabilities and `R[s, a]`
# expected rewards. All arrays are NumPy arrays, of floating-point numbers or of whole ones (`int`); an answer must not
# be cut to whole numbers because what it is given is whole. Leave the arrays you are given unchanged. Return arrays,
# tensors or lists as you like; what counts are shape and numbers, as exact as single precision (float32) makes them.
# A check ends after 15 seconds, with what it knows by then.

# %%
import numpy as np
from IPython.display import display

from rlbook.checks import check, hint, progress, ready
from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import value_iteration as library_value_iteration
from rlbook.plots import value_map
from rlbook.widgets import Panel, Slider
from rlbook.workbook.facts import fact

hint("discounted_return")

# %% [markdown]
# ## 1. The return of a sequence of rewards
#
# *1 point · about 5 minutes · difficulty 1 of 5 (★☆☆☆☆)*
#
# A robot that docks after three steps has collected rewards $r_1, r_2, r_3$. What that sequence is worth from its
# start is its discounted return
#
# $$G = \sum_{t=0}^{T-1} \gamma^t \, r_{t+1} = r_1 + \gamma r_2 + \gamma^2 r_3 + \dots$$
#
# `rewards[0]` is the first reward, $r_1$.
#
# <details>
# <summary>Help, I am confused</summary>
#
# A reward one step later is worth $\gamma$ times as much, two steps later $\gamma^2$ times. With $\gamma = 0$ only
# the first reward counts ($0^0 = 1$, in NumPy too), with $\gamma = 1$ the return is the plain sum.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "discounted_return", "locked": false, "schema_version": 3, "solution": true, "task": false}
def discounted_return(rewards, gamma):
    """The discounted return of a sequence of rewards.

    rewards : (T,) array, T >= 1.   gamma : number in [0, 1].
    Returns a number.
    """
    ### BEGIN SOLUTION
    return np.sum(rewards * gamma ** np.arange(len(rewards)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-discounted_return", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check(discounted_return)

# %% [markdown]
# ## 2. One step of look-ahead
#
# *2 points · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# Suppose you know what every state is worth, $V(s)$. Then one step of look-ahead says what every *action* is worth:
#
# $$Q(s, a) = R(s, a) + \gamma \sum_{s'} P(s' \mid s, a) \, V(s')$$
#
# This is the Bellman backup. Every planner and every learner in this workbook is built on it. Compute all S times A
# numbers at once.
#
# <details>
# <summary>Help, I am confused</summary>
#
# For one state and one action, `P[s, a]` is a list of S probabilities. The expected value of the next state is the
# sum of probability times value over that list: a dot product with `V`. NumPy's `@` takes such products along the
# last axis of `P` for all states and actions together.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "bellman_backup", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bellman_backup(V, P, R, gamma):
    """Action values from state values, by one step of look-ahead.

    V : (S,) values.   P : (S, A, S) probabilities.   R : (S, A) expected rewards.
    gamma : number in [0, 1].
    Returns an (S, A) array.
    """
    ### BEGIN SOLUTION
    return R + gamma * P @ V
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-bellman_backup", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(bellman_backup)

# %% [markdown]
# ## 3. The greedy policy, fair to ties
#
# *2 points · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# Given action values, the greedy policy takes the best action. Often several are equally good: on an open floor,
# right then up leads to the dock as well as up then right. A policy that always picks the first of them hides half of
# the good answers, and while learning it makes a robot stubborn. Let all best actions of a state share the
# probability equally:
#
# $$\pi(a \mid s) = \frac{1}{n_s} \text{ if } Q(s, a) = \max_{a'} Q(s, a'), \text{ else } 0,$$
#
# where $n_s$ is the number of best actions in state $s$.
#
# <details>
# <summary>Help, I am confused</summary>
#
# The values $[1, 3, 3]$ give the probabilities $[0, \frac12, \frac12]$. Compare every entry with the largest of *its
# own row*; that comparison is an (S, A) array of True and False. What is left is to make each row sum to 1.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "greedy_policy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def greedy_policy(Q):
    """The greedy policy; tied best actions share the probability.

    Q : (S, A) action values.
    Returns an (S, A) array of probabilities; each row sums to 1.
    """
    ### BEGIN SOLUTION
    best = Q == Q.max(axis=1, keepdims=True)
    return best / best.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-greedy_policy", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(greedy_policy)

# %% [markdown]
# ## 4. Value iteration
#
# *3 points · about 15 minutes · difficulty 3 of 5 (★★★☆☆)*
#
# The best possible values satisfy the optimality equation $V(s) = \max_a Q(s, a)$, where $Q$ is the Bellman backup of
# $V$. Used as an assignment and repeated, it finds them from any start:
#
# $$V_0 = 0, \qquad V_{k+1}(s) = \max_a \Big[ R(s, a) + \gamma \sum_{s'} P(s' \mid s, a) \, V_k(s') \Big]$$
#
# Stop after the first sweep in which no state's value changes by more than `tol`, and return the values of that sweep.
# (A sweep may also use new values at once, state after state from the first to the last or back: it is right too.)
# Your own `bellman_backup` does most of the work.
#
# <details>
# <summary>Help, I am confused</summary>
#
# A loop with three lines: back up `V`, take the best action of each state, see how far that is from the old `V`.
# Values may fall as well as rise, so look at the size of the change, not its sign.
#
# A check that says *It did not finish* has met a loop that never ends: gamma is missing, the new values are not put
# back into `V`, or the loop waits for something else than a change of at most `tol`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "value_iteration", "locked": false, "schema_version": 3, "solution": true, "task": false}
def value_iteration(P, R, gamma, tol):
    """The optimal state values.

    P : (S, A, S) probabilities.   R : (S, A) expected rewards.
    gamma : number in [0, 1].
    tol : stop after the first sweep whose largest change is at most this.
    Returns an (S,) array, the values of that sweep.
    """
    ### BEGIN SOLUTION
    V = np.zeros(len(P))
    while True:
        V_new = bellman_backup(V, P, R, gamma).max(axis=1)
        if np.abs(V_new - V).max() <= tol:
            return V_new
        V = V_new
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-value_iteration", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(value_iteration)

# %% [markdown]
# ## 5. What a given policy is worth
#
# *3 points · about 15 minutes · difficulty 3 of 5 (★★★☆☆)*
#
# A robot already has a controller, perhaps a random one; what is it worth? With the policy $\pi$ fixed there is
# nothing left to choose, and the Bellman equation becomes *linear*:
#
# $$V = r_\pi + \gamma P_\pi V, \qquad P_\pi(s, s') = \sum_a \pi(a \mid s) P(s' \mid s, a),
# \qquad r_\pi(s) = \sum_a \pi(a \mid s) R(s, a)$$
#
# Solve it exactly: no iteration, no tolerance.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Bring both terms with $V$ to one side: $(I - \gamma P_\pi) V = r_\pi$. `np.linalg.solve(M, b)` solves $M x = b$. The
# two averages over actions are sums of products; `np.einsum`, or a loop over the actions, writes them down.
#
# An error that says *Singular matrix* means that gamma got lost: without it the equation has no single solution.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "evaluate_policy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def evaluate_policy(policy, P, R, gamma):
    """The exact value of a policy.

    policy : (S, A) probabilities, each row sums to 1.   P : (S, A, S).   R : (S, A).
    gamma : number in [0, 1).
    Returns an (S,) array.
    """
    ### BEGIN SOLUTION
    P_pi = np.einsum("sa,sat->st", policy, P)
    r_pi = (policy * R).sum(axis=1)
    return np.linalg.solve(np.eye(len(P)) - gamma * P_pi, r_pi)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-evaluate_policy", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(evaluate_policy)

# %% [markdown]
# ## 6. Can the arm get there at all?
#
# *2 points · about 15 minutes · difficulty 3 of 5 (★★★☆☆)*
#
# No algorithm reaches a target that the arm cannot touch, so look at the task before you blame the learner. A planar
# arm with its shoulder at the origin and links $l_1, \dots, l_L$ that turn freely can put its tip at every point
# whose distance $d$ from the shoulder satisfies
#
# $$\max\Big(0, \; 2 \max_i l_i - \sum_i l_i\Big) \;\le\; d \;\le\; \sum_i l_i$$
#
# and nowhere else: a ring, with a hole in the middle when one link is longer than all others together. A target
# counts as reachable when it lies within `threshold` of that ring. What share of the targets is reachable?
#
# <details>
# <summary>Help, I am confused</summary>
#
# Draw an arm with links of 0.7 m and 0.3 m: stretched out it reaches 1 m, folded back 0.4 m. Nothing inside 0.4 m can
# be touched. Now think of three links of 0.3 m: they can fold into a triangle, and the hole is gone.
#
# The threshold widens the ring on both sides: outwards and into the hole.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "reachable_fraction", "locked": false, "schema_version": 3, "solution": true, "task": false}
def reachable_fraction(targets, link_lengths, threshold):
    """The share of targets within reach of a planar arm whose shoulder is at the origin.

    targets : (N, 2) positions (m).   link_lengths : (L,) lengths (m).
    threshold : distance (m) that still counts.
    Returns a number from 0 to 1.
    """
    ### BEGIN SOLUTION
    distance = np.hypot(targets[:, 0], targets[:, 1])
    outer = link_lengths.sum()
    inner = max(0.0, 2 * link_lengths.max() - outer)
    return np.mean((distance <= outer + threshold) & (distance >= inner - threshold))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-reachable_fraction", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(reachable_fraction)

# %% [markdown]
# ## Your planner at work
#
# The robot below starts at **S** and looks for its goal, the star, on a slippery floor: one step in five goes to the
# side. Your functions plan; the library only checks them and draws. The first cell turns the grid into the arrays `P`
# and `R`.

# %%
world = GridWorld.from_text(["S...G", ".XX..", "...X.", "....."], slip=0.2)
mdp = world.mdp()
R = mdp.reward
P = np.zeros((mdp.n_states, mdp.n_actions, mdp.n_states))
state, action, _ = np.indices(mdp.successors.shape)
np.add.at(P, (state, action, mdp.successors), mdp.probabilities)
print(f"P has shape {P.shape}, R has shape {R.shape}")

# %%
if ready(bellman_backup, greedy_policy, value_iteration):
    V = np.asarray(value_iteration(P, R, 0.9, 1e-5), dtype=float)
    difference = np.abs(V - library_value_iteration(world.mdp(gamma=0.9)).V).max()
    fact("largest difference from the library's values", difference, less_than=1e-3)
    Q = np.asarray(bellman_backup(V, P, R, 0.9), dtype=float)
    policy = np.asarray(greedy_policy(Q.round(4)), dtype=float)
    display(
        value_map(
            V, world, policy=policy, title="Values and policy, planned by your own functions"
        )
    )

# %% [markdown]
# **Predict:** what happens to the values far from the goal, and to the arrows there, when the future counts for less
# and less? Then drag the slider (or use the arrow keys): at every stop your `value_iteration` plans the whole grid
# anew.


# %%
class MyPlanner(Panel):
    """Values and policy for any discount, planned by the functions above."""

    gamma = Slider("Discount gamma", 0.9, 0.0, 0.99)

    def draw(self, state):
        V = np.asarray(value_iteration(P, R, state.gamma, 1e-5), dtype=float)
        Q = np.asarray(bellman_backup(V, P, R, state.gamma), dtype=float)
        policy = np.asarray(greedy_policy(Q.round(4)), dtype=float)
        return value_map(V, world, policy=policy, title="Planned by your own functions")


if ready(bellman_backup, greedy_policy, value_iteration):
    display(MyPlanner())

# %% [markdown]
# How much is planning worth? Compare the start's value under a robot that drives about at random with the best one,
# and see how much of a workspace different arms can serve.

# %%
if ready(evaluate_policy, value_iteration):
    start = world.to_state(world.start)
    at_random = float(evaluate_policy(np.full(R.shape, 0.25), P, R, 0.9)[start])
    at_best = float(value_iteration(P, R, 0.9, 1e-5)[start])
    print(f"Driving at random, the start is worth {at_random:.2f}")
    print(f"With the best policy, it is worth {at_best:.2f}")

# %%
if ready(reachable_fraction):
    # Targets in a square of 2 m around the shoulder
    targets = np.random.default_rng(0).uniform(-1, 1, size=(10_000, 2))
    for link_lengths in ([0.3, 0.3, 0.3], [0.5, 0.4], [0.7, 0.2], [0.9]):
        share = float(reachable_fraction(targets, np.array(link_lengths), 0.05))
        print(f"links {link_lengths} m: {share:.0%} of the targets within 5 cm of its reach")

# %% [markdown]
# All four arms are 0.9 m long; only the hole in the middle differs. How that length is divided into links decides
# what the arm is good for.
#
# ## How far you are

# %%
progress("01_mdp")

# %% [markdown]
# **Next:** [notebook 02](../notebooks/02_q_learning.ipynb), where nobody gives you `P` and `R` any more.
#
# **Sources** Sutton & Barto (2018), *Reinforcement Learning: An Introduction*, chapters 3 and 4. Siciliano et al.
# (2009), *Robotics: Modelling, Planning and Control*, chapter 2, for workspaces.
