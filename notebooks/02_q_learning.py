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
# # 2 · Q-learning
#
# This robot knows nothing of its world: not where the goal is, nor what bumping costs, nor where a step leads. It can only try.
# In each cell stand four numbers, what it thinks of the four directions; at first they are all 0. Here they are after one
# walk to the goal, after ten, and after two hundred. **How does mere experience turn into the right numbers?**

# %% tags=["hide-input"]
from rlbook.envs.grid_world import GridWorld
from rlbook.plots import q_map, side_by_side
from rlbook.q_learning import QLearning

world = GridWorld()
robot = QLearning(n_states=16, n_actions=4, epsilon=1.0, seed=0)
pictures = []
for episodes, title in ((1, "After one walk"), (9, "After ten"), (190, "After two hundred")):
    robot.learn(world, n_episodes=episodes)
    pictures.append(q_map(robot.Q, world, title=title, low=-5, high=10))
side_by_side(pictures, alt="action values after 1, 10 and 200 episodes")

# %% [markdown]
# **After this notebook you can**
# - learn action values from experience alone, without a model of the world;
# - explain the temporal-difference error, and do one update by hand;
# - choose ε, its decay and the learning rate, and show with many seeds that the choice was good;
# - say why a maximum over noisy estimates is too high, and what Double Q-learning does about it;
# - recognise two silent mistakes: ties that always go to action 0, and a learner that is judged while it explores.
#
# **Time** about 60 minutes. **You need** [notebook 1](01_mdp.ipynb). **Exercises**:
# [exercises/02_q_learning.ipynb](../exercises/02_q_learning.ipynb).

# %% [markdown]
# ## Learning without a map
#
# In notebook 1 the robot knew its world: every probability, every reward. A real robot does not. It acts, and sees what
# happens: *in state $s$ I did $a$, got $r$ and found myself in $s'$*.
#
# That single experience is a noisy sample of the right-hand side of Bellman's equation. Q-learning (Watkins, 1989)
# keeps a table with one estimate $Q(s, a)$ for every state and action. The difference between the sample and the
# estimate is the **[temporal-difference error](../docs/glossary.md#td-error)** $\delta$, and the estimate moves a little towards the sample, by the
# part $\alpha$, the **learning rate**:
#
# $$\delta = r + \gamma \max_{a'} Q(s', a') - Q(s, a), \qquad Q(s, a) \leftarrow Q(s, a) + \alpha\, \delta$$
#
# The estimate is built on another estimate, that of $s'$: this is called **[bootstrapping](../docs/glossary.md#bootstrapping)**. Here is the library's own source
# of the sample, the *target*, and of the error. `next_value` is $\max_{a'} Q(s', a')$ in Q-learning; its relatives,
# below and in the exercises, put something else there.

# %%
import inspect

from rlbook.returns import td_error, td_target

print(inspect.getsource(td_target))
print(inspect.getsource(td_error))

# %% [markdown]
# **By hand.** The robot believes $Q(s, a) = 2$. It earns −0.1 and lands where the best action is worth 5. With
# $\gamma = 0.99$ and $\alpha = 0.1$: what does it believe afterwards? And if the episode had *ended* there?

# %%
for how, terminated in (("goes on", False), ("has ended", True)):
    delta = td_error(value=2.0, reward=-0.1, next_value=5.0, terminated=terminated, gamma=0.99)
    new_q = 2.0 + 0.1 * delta
    print(f"the episode {how:<9}: delta = {delta:6.3f}, new Q = {new_q:.3f}")

# %% [markdown]
# ## Explore or exploit: ε-greedy
#
# To learn what an action is worth, the robot must try it, also when it looks bad. The simplest rule: with probability
# $\varepsilon$ act at random, otherwise take the best-looking action,
#
# $$\pi(a \mid s) = \frac{\varepsilon}{|A|} + (1 - \varepsilon)\, \frac{[a \text{ is best}]}{\text{number of best actions}}$$
#
# **Predict**: with ε = 0.2 and four actions, how often is each action chosen? Mind the tie.

# %%
from rlbook.workbook.predictions import predict, predictions

guess = predict(
    "Values 3, 3, 2, 0 and ε = 0.2: the first action is chosen in",
    [0.2, 0.4, 0.45, 0.5, 0.85],
    unit="%",
)

# %%
from rlbook.learning.exploration import epsilon_greedy

print("one best action: ", epsilon_greedy([1.0, 3.0, 2.0, 0.0], epsilon=0.2).round(3))
print("two of them tied:", epsilon_greedy([3.0, 3.0, 2.0, 0.0], epsilon=0.2).round(3))
guess.came_out(epsilon_greedy([3.0, 3.0, 2.0, 0.0], epsilon=0.2)[0])

# %% [markdown]
# ## Your hands on it: watch a table learn
#
# Each cell shows four values, one a direction; the best is bold. The disc is the robot. The curve shows how many steps
# each episode took. Press `Play`, and drag while it learns. Click a cell, and below the grid stands the last update of one
# of its values, with the numbers. The other tools above the grid paint, while the robot learns on, as in notebook 1.
# `Keep run` leaves the curve in the picture, with its settings: press `Reset`, change something, and compare.
#
# First say what you expect, then try:
# 1. Which cells get good values first, those near the start or those near the goal?
# 2. Set `Epsilon` to 0 in the middle of learning. Does the curve get better or worse? What stops improving?
# 3. Drag `Epsilon` to 0.5, `Epsilon decay` to 1 and `Reward to paint` to −10, choose the tool `Reward`, and click cell
#    (0, 2). After how many steps do the arrows lead round that cell? (Drag `Steps per second` up: it takes some hundred
#    steps. Why so many?)
# 4. Learning rate 1 in this grid is fine. When would it not be? (The last experiment of this notebook answers.)

# %%
from rlbook.widgets import EpsilonPanel

panel = EpsilonPanel()
panel

# %% [markdown]
# The answers, worked out with sixty-four robots (of which more below), each in a world of its own:

# %%
import copy

import numpy as np

from rlbook.workbook.answers import answer

world = GridWorld()
robots = QLearning(n_states=16, n_actions=4, epsilon=1.0, n_agents=64, seed=6)
way = [(0, 2), (0, 1), (0, 0)]  # from the goal back to the start
first_good = {}
for episode in range(1, 41):
    robots.learn(world, n_episodes=1)
    for cell in way:
        if np.median(robots.get_value_function()[:, world.to_state(cell)]) > 1:
            first_good.setdefault(cell, episode)

with answer("1. Which cells get good values first?"):
    for cell in way:
        print(f"V{cell} is above 1 in half of the robots after {first_good[cell]} episodes")
    assert first_good[way[0]] < first_good[way[1]] < first_good[way[2]]
    print("Those near the goal: a cell learns from the cell that follows it.")

with answer("2. With Epsilon 0, does the curve get better or worse? What stops improving?"):
    for how, epsilon in (("epsilon as it is", None), ("epsilon 0", 0.0)):
        branch = copy.deepcopy(robots)
        branch.epsilon = robots.epsilon if epsilon is None else epsilon
        lengths = branch.learn(world, n_episodes=50).lengths
        changed = np.mean((branch.Q != robots.Q).any(axis=-1).sum(axis=-1))
        print(f"{how}: {np.median(lengths):.0f} steps an episode in the median;", end=" ")
        print(f"in 50 episodes the values of {changed:.1f} cells changed")
    print("Better at once: no step is wasted. But only what lies on the way is still learned.")


def goes_through(policy, cell):
    """Whether the greedy robot comes through the cell on its way from the start to the goal."""
    model, state = world.mdp(), world.to_state(world.start)
    for _ in range(20):
        state = model.successors[state, policy[state], 0]
        if state == world.to_state(cell):
            return True
    return False


with answer("3. After how many steps do the arrows lead round the cell that now costs 10?"):
    robots = QLearning(16, 4, epsilon=0.5, epsilon_decay=1.0, n_agents=64, seed=7)
    robots.learn(world, n_episodes=200)
    costly = GridWorld(cell_rewards={(0, 2): -10.0})
    for steps in range(50, 301, 50):
        robots.learn(costly, total_steps=64 * 50)
        round_it = np.mean([not goes_through(policy, (0, 2)) for policy in robots.get_policy()])
        print(f"after {steps:3} steps of each robot: {round_it:4.0%} go round it")
    print("Every visit moves a value by a tenth of the error only, and it takes several visits")
    print("until the old way looks worse than the other.")

# %% [markdown]
# ## Sixty-four robots instead of one
#
# One learning curve is an anecdote: another seed, another story. `n_agents=64` learns 64 independent tables, each in
# its own grid, as one NumPy batch. Curves then have a median and a band that holds the middle half.

# %%
from rlbook.mdp import value_iteration
from rlbook.plots import learning_curve

optimum = value_iteration(world.mdp(gamma=1.0)).V[world.to_state(world.start)]

agent = QLearning(n_states=16, n_actions=4, epsilon=1.0, n_agents=64, seed=1)
history = agent.learn(world, n_episodes=500)
learning_curve(
    history.returns,
    optimum=optimum,
    window=10,
    title="Q-learning on the chapter's grid, ε from 1.0, decay 0.995",
)

# %% [markdown]
# How good are the learned tables? We still have the model for checking, though the robots never saw it.

# %%
from rlbook.mdp import evaluate_policy
from rlbook.workbook.facts import fact

exact = value_iteration(world.mdp(gamma=agent.gamma))
route = [world.to_state((0, column)) for column in range(3)]
errors = np.abs(agent.get_value_function()[:, route] - exact.V[route]).max(axis=1)
# With hardly any discount a value is nearly the plain sum of rewards, also of a policy that
# would never arrive.
greedy_returns = [
    evaluate_policy(policy, world.mdp(0.999))[route[0]] for policy in agent.get_policy()
]
shortest = np.mean(np.array(greedy_returns) > 0.99 * optimum)
corner = world.to_state((3, 0))
corner_errors = np.abs(agent.get_value_function()[:, corner] - exact.V[corner])
fact("robots whose greedy policy takes the shortest way", shortest, more_than=0.95, unit="%")
fact("median error of V on the way to the goal", np.median(errors), less_than=0.1, decimals=3)
corner_error = np.median(corner_errors)
fact("median error of V in the bottom left corner", corner_error, more_than=3, decimals=1)

# %%
learned_q, title = np.median(agent.Q, axis=0), "Learned Q, median of 64 robots"
side_by_side(
    [
        q_map(learned_q, world, title=title, low=-5, high=10),
        q_map(exact.Q, world, title="Exact Q*", low=-5, high=10),
    ],
    alt="learned and exact action values",
)

# %% [markdown]
# The learned values are right **where the robot goes**. In the bottom left corner they are far off, and that is fine: a
# robot that knows the way has no reason to visit it. Q-learning is only promised to converge for the pairs that it
# keeps trying.

# %% [markdown]
# ## Experiment: how much exploration?
#
# Slippery FrozenLake pays nothing until the goal is reached, so a robot that never explores may never learn that there
# is anything to find. Four schedules, 64 robots each, 2,000 episodes.
#
# **Predict**: order the four by how often they arrive *while learning*, then by how often the *[greedy](../docs/glossary.md#greedy)* policy that they
# end up with arrives. Is it the same order? (An episode is cut after 100 steps, so even the best policy does not always
# arrive.)

# %%
guess = predict(
    "Is a constant ε = 0.5 clearly better than ε = 0?",
    ["yes, in both", "only in what it knows", "only in what it shows"],
)

# %%
from itertools import islice

import gymnasium as gym

from rlbook.mdp import TabularMDP, bellman_backup, value_iterates

lake = gym.make("FrozenLake-v1", is_slippery=True)
lake_model = TabularMDP.from_gym(lake, gamma=1.0)
schedules = {
    "ε = 0": dict(epsilon=0.0, epsilon_decay=1.0),
    "ε = 0.1": dict(epsilon=0.1, epsilon_decay=1.0),
    "ε = 0.5": dict(epsilon=0.5, epsilon_decay=1.0),
    "ε from 1, decay 0.998": dict(epsilon=1.0, epsilon_decay=0.998),
}
STEPS = lake.spec.max_episode_steps  # 100, the time limit of an episode


def chance_to_arrive(policy):
    """From the start, in time: a backup for every step, undiscounted, as only the goal pays."""
    V = np.zeros(16)
    for _ in range(STEPS):
        V = bellman_backup(V, lake_model)[np.arange(16), policy]
    return V[0]


arrived, shows, knows = {}, {}, {}
for name, schedule in schedules.items():
    robots = QLearning(16, 4, epsilon_min=0.0, n_agents=64, seed=2, **schedule)
    arrived[name] = robots.learn(lake, n_episodes=2000).returns
    chances = [chance_to_arrive(policy) for policy in robots.get_policy()]
    shows[name], knows[name] = arrived[name][:, -200:].mean(), np.median(chances)
    print(f"{name:<22} arrives in {shows[name]:4.0%} of the last 200 episodes;", end="  ")
    print(f"greedy policy, median: {knows[name]:4.0%}")

best_chance = next(islice(value_iterates(lake_model), STEPS, None))[0]
print(f"{'the best there is':<22} {best_chance:.0%}\n")
none, _, much, falling = schedules
better = [each[much] > each[none] + 0.1 for each in (knows, shows)]
guess.came_out(guess.choices[0 if all(better) else better.index(True) + 1])
fact("without exploration half of the robots arrive in", knows[none], less_than=0.2, unit="%")
fact("with ε = 0.5 they know how to arrive in", knows[much], more_than=0.6, unit="%")
fact("but show it in", shows[much], less_than=0.2, unit="%")
margin = shows[falling] - max(shows[name] for name in schedules if name != falling)
fact("the decaying ε shows more than every other, by", margin, more_than=0.1, unit="%")

# %%
learning_curve(
    arrived,
    window=100,
    optimum=best_chance,
    ylabel="Arrived at the goal",
    title="Exploration on slippery FrozenLake",
)

# %% [markdown]
# Two lessons. Without exploration at least half of the robots learn next to nothing. And with much exploration a robot
# can *know* a good policy while *showing* a miserable one: it is judged while it explores. Always say which of the two
# you report. A decaying ε gets the best of both.

# %% [markdown]
# ## The maximum of noisy estimates: Double Q-learning
#
# From state A the robot may go right and finish with 0, or go left to B. In B every one of ten actions pays −1.1 or
# +0.9, a fair coin: −0.1 on average. Going left is a bad idea: worth γ times −0.1, less than the 0 of going right.
#
# But $\max_{a} Q(B, a)$ is taken over ten noisy estimates, and the luckiest of them wins. **[Double Q-learning](../docs/glossary.md#double-q-learning)** (van
# Hasselt, 2010) keeps two tables; one picks the action, the **other** says what it is worth, and luck in one table is
# not confirmed by the other. (The example follows Sutton & Barto 2018, section 6.7, with a coin for the noise. Five
# actions of A go left and five go right, so a robot that knew the values would go left only when it explores: in half
# of its random actions, with ε = 0.1 in 5 % of the episodes.)
#
# **Predict**: how often does Q-learning go left in its first 50 episodes? (The cell after the question measures it.)
#
# `TabularVectorEnv` below holds 1,000 copies of this little world, one a robot. `AutoresetMode.DISABLED` means that a
# copy whose episode has ended stands still until the learner resets it; Gymnasium's default would spend a step on it.

# %%
guess = predict(
    "Of the first 50 episodes it goes left in about:", [0.05, 0.3, 0.5, 0.85], unit="%"
)

# %%
from gymnasium.vector import AutoresetMode

from rlbook.envs.tabular import TabularVectorEnv
from rlbook.q_learning import DoubleQLearning

A, B, WIN, LOSE = range(4)
P, R = np.zeros((4, 10, 4)), np.zeros((4, 10, 4))
P[A, :5, B] = P[A, 5:, WIN] = 1.0  # five actions go left to B, five right, to the end
P[B, :, WIN], P[B, :, LOSE] = 0.5, 0.5
R[B, :, WIN], R[B, :, LOSE] = 0.9, -1.1
P[WIN:, :, WIN] = 1.0
coin_flips = TabularMDP(P, R, gamma=0.99, terminal=(WIN, LOSE))
exact_left, exact_right = value_iteration(coin_flips).Q[A, [0, 9]]
print(f"exact value of going left: {exact_left:.3f}, of going right: {exact_right:.3f}")

estimates, went_left = {}, {}
for learner in (QLearning, DoubleQLearning):
    robots = learner(4, 10, epsilon=0.1, epsilon_decay=1.0, n_agents=1000, seed=3)
    envs = TabularVectorEnv(coin_flips, 1000, AutoresetMode.DISABLED, start=A)
    rows, lengths = [], []
    for _ in range(60):
        lengths.append(robots.learn(envs, n_episodes=5).lengths)
        rows.append(robots.action_values()[:, A, :5].max(axis=1))  # the highest of going left
    # The highest estimate of each robot after every fifth episode. To go left takes two steps.
    estimates[learner.__name__] = np.stack(rows, axis=1)
    went_left[learner.__name__] = np.concatenate(lengths, axis=1) == 2

first = {name: left[:, :50].mean() for name, left in went_left.items()}
last = {name: left[:, -50:].mean() for name, left in went_left.items()}
for name in estimates:
    median = np.median(estimates[name], axis=0)
    print(f"{name}: goes left in {first[name]:.0%} of the first 50 episodes,", end=" ")
    print(f"in {last[name]:.0%} of the last 50")
    print(f"    median estimate of going left, at its highest: {median.max():.2f}", end="; ")
    print(f"at the end: {median[-1]:.2f}")
    assert median[-1] > exact_left

single, double = estimates
guess.came_out(first[single])
fact("Q-learning goes left in the first 50 episodes", first[single], more_than=0.75, unit="%")
more = first[single] - first[double]
fact("more often than Double Q-learning, by", more, more_than=0.25, unit="%")
fact(
    "in the last 50 still more often, by", last[single] - last[double], more_than=0.02, unit="%"
)

# %%
learning_curve(
    estimates,
    optimum=exact_left,
    optimum_label="exact value",
    xlabel="Block of five episodes",
    ylabel="Highest Q(A, left)",
    title="Overestimation of a bad idea",
)

# %% [markdown]
# What you see is, for each robot, the **highest of its five estimates** of going left, the one that a greedy choice
# would look at (for Double Q-learning of the mean of its two tables). Q-learning is fooled much more and for much
# longer. Neither comes down to the exact value in these 300 episodes: an action that once looks worse than the 0 of
# going right is hardly tried any more, and what is not tried is not learned. The same cure works in deep networks, in
# notebook 3.

# %% [markdown]
# ## Q-learning on the cliff
#
# CliffWalking: start and goal are the two lower corners, and between them lies a cliff. Every step costs 1; a step over
# the edge costs 100 and puts the robot back at the start.
#
# **Predict**: does the robot learn to walk close to the edge, or far from it? And what does its exploring cost?

# %%
guess = predict("The greedy policy walks", ["along the edge", "one row away", "far from it"])

# %%
cliff = gym.make("CliffWalking-v1")
assert (
    cliff.unwrapped.P[36][1] == [(1.0, 36, -100, False)]
    and cliff.unwrapped.P[36][0][0][2] == -1
)
best_return = value_iteration(TabularMDP.from_gym(cliff, gamma=1.0)).V[cliff.reset()[0]]
print(f"{'the best there is':<23} return {best_return:.0f}")
walkers, cliff_returns = {}, {}
for name, decay in (("ε = 0.1 for ever", 1.0), ("ε from 0.1, decay 0.99", 0.99)):
    walkers[name] = QLearning(
        48, 4, learning_rate=0.5, epsilon=0.1, epsilon_decay=decay, epsilon_min=0.0, n_agents=64
    )
    cliff_returns[name] = walkers[name].learn(cliff, n_episodes=500).returns
    last = cliff_returns[name][:, -100:]
    print(f"{name:<23} last 100 episodes: return {np.median(last):.0f} in the median,", end=" ")
    print(f"{last.mean():.0f} in the mean")
falls = np.mean(cliff_returns["ε = 0.1 for ever"][:, -100:] <= -100)
fact(
    "episodes with a fall, ε = 0.1 for ever",
    falls,
    more_than=0.2,
    unit="%",
)

# %%
from rlbook.mdp import optimal_actions
from rlbook.plots import value_map

learned = np.median(walkers["ε from 0.1, decay 0.99"].Q, axis=0)
above_the_start = learned.argmax(axis=1).reshape(4, 12)[:3, 0]  # the first column, from the top
turns_right = int(np.flatnonzero(above_the_start == 1).max())  # 1 is "right"; row 2 is the edge
guess.came_out(guess.choices[2 - turns_right])
value_map(
    learned.max(axis=-1),
    cliff,
    policy=optimal_actions(learned),
    title="Learned on the cliff: values and greedy policy, median of 64 robots",
)

# %% [markdown]
# Q-learning learns the values of the **greedy** policy (it is *[off-policy](../docs/glossary.md#off-policy)*), and the greedy policy walks along the
# edge. That is optimal for a robot that will one day stop exploring. A robot that goes on exploring falls off now and
# then, and the mean return shows it. **[Expected SARSA](../docs/glossary.md#expected-sarsa)**, in the exercises, learns the value of what the robot really does.

# %% [markdown]
# ## Break it: ties always go to action 0
#
# At the beginning all values are equal, and `argmax` then returns the first action, always: on FrozenLake, "left".
# Below, the same agent and the same update, with a fair tie-break and without; both still take one action in ten at
# random.
#
# **Predict**: how many of the 64 robots find a way to the goal without it?

# %%
guess = predict("Without it, of 64 robots a way is found by about", [0, 16, 32, 64])


# %%
from rlbook.envs.tabular import as_vector_env


def learn_with(first_of_the_best: bool, n_steps=20_000, n_agents=64, epsilon=0.1):
    """Shares of robots after n_steps on FrozenLake: who knows a way, whose table is still 0."""
    flat_lake = gym.make("FrozenLake-v1", is_slippery=False)
    robots = QLearning(16, 4, epsilon=epsilon, n_agents=n_agents, seed=4)
    envs, rng = as_vector_env(flat_lake, n_agents), np.random.default_rng(4)
    state, _ = envs.reset(seed=4)
    for _ in range(n_steps):
        if first_of_the_best:
            explore = rng.random(n_agents) < epsilon
            random, greedy = rng.integers(4, size=n_agents), robots.select_action(state, False)
            action = np.where(explore, random, greedy)
        else:
            action = robots.select_action(state)
        next_state, reward, terminated, truncated, _ = envs.step(action)
        robots.update(state, action, reward, next_state, terminated)
        over = terminated | truncated
        state, _ = envs.reset(options={"reset_mask": over})  # only where an episode has ended
    model = TabularMDP.from_gym(flat_lake, gamma=0.99)
    knows = np.mean([evaluate_policy(policy, model)[0] > 0 for policy in robots.get_policy()])
    return knows, np.mean((robots.Q == 0).all(axis=(1, 2)))


for name, first_of_the_best in (("at random", False), ("to action 0", True)):
    knows, empty = learn_with(first_of_the_best)
    print(f"ties go {name:<11}: {knows:4.0%} of 64 robots know a way to the goal,", end=" ")
    print(f"{empty:4.0%} have learned nothing")
    assert knows < 0.1 if first_of_the_best else knows > 0.9
guess.came_out(64 * knows)

# %% [markdown]
# No error message, no warning, and every TD error 0: just a robot that leans against a wall and never sees a reward to
# learn from. `get_policy()` of a finished agent may well take the first of equal actions; a learning one must not.

# %% [markdown]
# ## Experiment: the learning rate
#
# On slippery ground every sample is noisy. A large learning rate believes the last sample; a small one averages many,
# and takes its time.
#
# **Predict**: of 0.01, 0.1, 0.5 and 1, which learning rate is closest to the exact value of the start after 10,000
# steps of each robot?

# %%
guess = predict("Closest is the learning rate", [0.01, 0.1, 0.5, 1.0])

# %%
slippery = GridWorld(slip=0.3)
exact = value_iteration(slippery.mdp(0.99))
start = slippery.to_state(slippery.start)
medians = {}
for learning_rate in (0.01, 0.1, 0.5, 1.0):
    robots = QLearning(
        16, 4, learning_rate=learning_rate, epsilon=0.3, epsilon_decay=1.0, n_agents=64, seed=5
    )
    robots.learn(slippery, total_steps=64 * 10_000)
    error = np.abs(robots.get_value_function()[:, start] - exact.V[start])
    medians[learning_rate] = np.median(error)
    print(f"learning rate {learning_rate:4.2f}:", end=" ")
    print(f"median error of V(start) {medians[learning_rate]:4.2f}")
assert min(medians, key=medians.get) == 0.1
guess.came_out(min(medians, key=medians.get))

# %% [markdown]
# A rate of 1 forgets all but the last sample, and on slippery ground the last sample is luck: here learning rate 1 is not
# fine any more. A rate of 0.01 has not arrived yet. That is the answer to the fourth question under the panel.

# %%
predictions()

# %% [markdown]
# ## Recap
#
# - Q-learning needs no model: it moves $Q(s, a)$ towards $r + \gamma \max_{a'} Q(s', a')$, one experience at a time.
# - Nothing is bootstrapped after a **terminal** step; a time limit is not one.
# - Exploration is a price: without it there is no learning, with too much of it no earning. Break ties at random.
# - A maximum over noisy estimates is too high; two tables keep each other honest.
# - Say whether you report the robot that explores or the policy that it has learned.
# - Report medians and bands over many seeds. One curve is an anecdote.
#
# **Read on** Sutton & Barto (2018), *Reinforcement Learning: An Introduction*, chapter 6. Watkins (1989), *Learning
# from Delayed Rewards*. van Hasselt (2010), *Double Q-learning*, NeurIPS 23.
#
# **Now you**: [exercises/02_q_learning.ipynb](../exercises/02_q_learning.ipynb). At the end your own update drives the
# panel you played with above. Then [notebook 3](03_dqn.ipynb), where a network takes the place of the table.
