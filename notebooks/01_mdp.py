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
# # 1 · Markov decision processes
#
# A robot wants to get from **S** to the star. The short way runs beside a ledge, the bottom row, where four cells cost 10 to step
# on. Nobody told it a way; it knows what a step pays, and where a step may lead. Where every step goes where it was aimed, it walks
# along the ledge; where one step in ten slips to a side, it goes round by the top. **Where do these numbers and arrows come from?**

# %% tags=["hide-input"]
from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import optimal_actions, value_iteration
from rlbook.plots import side_by_side, value_map

ledge = GridWorld.from_text(
    ["......", ".XXXX.", "S....G", "......"],
    obstacle_reward=-0.1,
    cell_rewards={(3, column): -10.0 for column in range(1, 5)},
)
pictures = []
for slip, title in ((0.0, "No step slips"), (0.1, "One step in ten slips to a side")):
    best = value_iteration(ledge.replace(slip=slip).mdp(gamma=0.99))
    look = dict(policy=optimal_actions(best.Q), title=title, low=-5, high=10)
    pictures.append(value_map(best.V, ledge, **look))
side_by_side(pictures, alt="the best way on the ledge, without and with slipping")

# %% [markdown]
# **After this notebook you can**
# - write a robot's task as states, actions, transition probabilities, rewards and a discount;
# - compute a return and a Bellman backup by hand;
# - solve a small task exactly, by value iteration and by policy iteration, and say why both stop;
# - spot a badly designed task before you spend a week training on it.
#
# **Time** about 60 minutes. **You need** Python, NumPy, a little probability; no reinforcement learning yet.
# **Exercises**: [exercises/01_mdp.ipynb](../exercises/01_mdp.ipynb).
#
# "The chapter" is the text that this workbook accompanies, *Reinforcement Learning for Robotics*. You need not have
# read it. Its examples are run here, and measured.

# %% [markdown]
# ## The loop
#
# An **agent** sees the state $s_t$ of its world and chooses an action $a_t$. The **environment** answers with a reward
# $r_{t+1}$ and a new state $s_{t+1}$. Everything in this workbook is about choosing those actions well.

# %%
from rlbook.plots import agent_environment_loop

agent_environment_loop()

# %% [markdown]
# Five ingredients make this loop a **[Markov decision process](../docs/glossary.md#markov-decision-process)** (MDP):
#
# | | meaning | for a robot arm |
# |---|---|---|
# | $S$ | states | joint angles and velocities, where the target is |
# | $A$ | actions | joint torques |
# | $p(s' \mid s, a)$ | what happens next | the arm's physics |
# | $r(s, a, s')$ | what we pay for it | the smaller the distance to the target, the better |
# | $\gamma \in [0, 1]$ | what a reward is worth one step later | 0.99 is typical |
#
# The **[Markov property](../docs/glossary.md#markov-property)** is the fine print: $s_t$ must hold all that matters for what comes next. Angles without
# velocities are not a state: a moving arm and a resting arm in the same pose have different futures.
#
# Our first robot lives on a grid of 16 cells, the chapter's. It starts at **S**, the star is its goal (+10, and the
# episode ends). Every other step costs 0.1, but bumping into the obstacle, the dark cell with the cross, costs 5, and
# the robot stays where it is. A cell is written (row, column), counted from the top left.

# %%
import numpy as np

world = GridWorld()
value_map(np.zeros(16), world, title="The robot's world, all values 0", low=-1, high=10)

# %% [markdown]
# Four actions, and what comes of them. A tuple of what was seen in one step is called a **[transition](../docs/glossary.md#transition)**.

# %%
from rlbook.envs.grid_world import ACTIONS
from rlbook.mdp import Transition

state, _ = world.reset(seed=0)
experience = []
for action in [1, 2, 1, 1]:  # right, down (into the obstacle!), right, right
    next_state, reward, terminated, truncated, info = world.step(action)
    seen = Transition(state, action, reward, next_state, terminated, truncated, info)
    experience.append(seen)
    state = next_state

for t in experience:
    end = "  and the episode ends" if t.terminated else ""
    cell, next_cell = world.to_cell(t.state), world.to_cell(t.next_state)
    print(f"{cell}  {ACTIONS[t.action]:<5} -> {next_cell}  reward {t.reward:5.1f}{end}")

# %% [markdown]
# **Drive it yourself.** Click the grid and use the arrow keys: every step is listed with its reward, and below stands the
# sum so far. What is the best sum that you can get? Then raise `Slip probability`, press Enter to begin again, and try to
# get it once more: now the robot sometimes goes to one side of where you aim.

# %%
from rlbook.widgets import DrivePanel

DrivePanel(world)

# %%
from rlbook.workbook.answers import answer

with answer("What is the best sum?"):
    robot = DrivePanel(world)
    for _ in range(3):
        robot.drive("right")
    earned = [step.reward for step in robot.path]
    print(f"three steps to the right earn {earned}: {sum(earned):.1f} in all")
    print("Where the ground slips nobody can promise a sum; what to expect is computed below.")

# %% [markdown]
# `terminated` and `truncated` are two different things. *Terminated*: the task is over, nothing can be earned any more.
# *Truncated*: only our patience ran out (a time limit). A learner that mixes them up believes that the world ends when
# the clock does. We will meet that mistake again.

# %% [markdown]
# ## Return and discount
#
# The agent wants a large **return**, the discounted sum of its rewards:
#
# $$G_t = r_{t+1} + \gamma\, r_{t+2} + \gamma^2 r_{t+3} + \dots = r_{t+1} + \gamma\, G_{t+1}$$
#
# With $\gamma = 0$ only the next reward counts; with $\gamma = 1$ a reward in a thousand steps counts as much as one
# now.
#
# **Predict** before you go on: the rewards above were −0.1, −5, −0.1, +10. Run the next cell and choose; the cell after it
# knows the answer, and the end of the notebook counts.

# %%
from rlbook.workbook.predictions import predict, predictions

guess = predict("Is the return with γ = 0.5 positive?", ["yes", "no"])

# %%
from rlbook.returns import discounted_return

rewards = np.array([t.reward for t in experience])
for gamma in (0.0, 0.5, 0.9, 0.99, 1.0):
    print(f"gamma {gamma:4.2f}: return {discounted_return(rewards, gamma):6.3f}")
guess.came_out("yes" if discounted_return(rewards, 0.5) > 0 else "no")

# %% [markdown]
# A reward $k$ steps away counts $\gamma^k$ times as much as one now. That weight has fallen to one half after
# $\ln 0.5 / \ln \gamma$ steps, its **[half-life](../docs/glossary.md#half-life)**, and that is a good way to choose $\gamma$: how far ahead, in seconds,
# shall a reward still count half?

# %%
for gamma in (0.5, 0.9, 0.99, 0.999):
    half_life = np.log(0.5) / np.log(gamma)
    print(f"gamma {gamma:5.3f}: a reward counts half after {half_life:5.1f} steps,", end=" ")
    print(f"that is {half_life / 100:.2f} s at 100 steps a second")

# %% [markdown]
# ## Values and the Bellman backup
#
# The **value** of a state is the return we can expect from it. Look one step ahead, and the value of an action is
#
# $$Q(s, a) = r(s, a) + \gamma \sum_{s'} p(s' \mid s, a)\, V(s')$$
#
# and the best we can do from $s$ is $V(s) = \max_a Q(s, a)$, the **Bellman optimality equation**. In the library the
# first equation is one function, and everything else calls it. Here it is, the very source that runs below:

# %%
import inspect

from rlbook.mdp import bellman_backup

print(inspect.getsource(bellman_backup))

# %% [markdown]
# The model stores, for each state and action, the states that can follow (`successors`) and how likely each is;
# `continuation` is that probability, or 0 where the episode ends there: nothing comes after the end. (Where any state can
# follow, no list of them is needed, and the sum is a product of arrays.)
#
# Let us do it by hand. All values start at 0. One **[backup](../docs/glossary.md#bellman-backup)** later, only the cell left of the goal knows anything:
# moving right from there earns 10. After the second backup its neighbour knows too: $-0.1 + 0.99 \cdot 10 = 9.8$.

# %%
mdp = world.mdp(gamma=0.99)
V = np.zeros(mdp.n_states)
left_of_goal, two_left = world.to_state((0, 2)), world.to_state((0, 1))
for sweep in (1, 2):
    V = bellman_backup(V, mdp).max(axis=1)
    print(f"after sweep {sweep}: V(0, 2) = {V[left_of_goal]:.2f}, V(0, 1) = {V[two_left]:.2f}")

assert np.isclose(V[two_left], -0.1 + 0.99 * 10)

# %% [markdown]
# ## Value iteration
#
# Repeat that backup for all states until nothing changes: **[value iteration](../docs/glossary.md#value-iteration)**. The solvers in this book are generators
# that yield every iterate, so we can watch the goal's value spread.

# %%
from itertools import islice

from rlbook.mdp import value_iterates

first_sweeps = list(islice(value_iterates(mdp), 8))
assert (first_sweeps[6] == first_sweeps[7]).all() and (first_sweeps[5] != first_sweeps[6]).any()
pictures = []
for k in (1, 3, 6):
    V = first_sweeps[k]
    best_actions = optimal_actions(bellman_backup(V, mdp))
    pictures.append(value_map(V, world, policy=best_actions, title=f"V_{k}", low=-1, high=10))
side_by_side(pictures, alt="value iteration after 1, 3 and 6 sweeps")

# %% [markdown]
# Arrows show **all** best actions: where several tie, the robot may take any of them. After one sweep most of the grid
# is indifferent. From the sixth sweep on the values no longer change: the farthest cell is six steps from the goal.
#
# Why does this stop? Because the backup is a **contraction**: whatever two value functions you feed it, they come out
# closer together: the largest difference shrinks at least by the factor $\gamma$. So does the largest change of a value
# from sweep to sweep, and when that change is $d$ the values are within $d\,\gamma / (1 - \gamma)$ of the true ones.
# That is the library's stopping rule. On a slippery grid (one step in five goes to the left or right of where it was
# aimed) you can see the promise kept, beside the true distance:

# %%
from itertools import pairwise

from rlbook.mdp import policy_iteration
from rlbook.plots import convergence

slippery = GridWorld(10, slip=0.2)
iterates = list(islice(value_iterates(slippery.mdp(0.9)), 51))
change = np.array([np.abs(after - before).max() for before, after in pairwise(iterates)])
assert (change[1:] <= 0.9 * change[:-1] + 1e-12).all()

promised = change * 0.9 / (1 - 0.9)
true_values = policy_iteration(slippery.mdp(0.9)).V
distance = np.array([np.abs(V - true_values).max() for V in iterates[1:]])
assert (distance <= promised + 1e-12).all()
convergence(
    {
        "change d of this sweep": change,
        "promised: no farther off than dγ / (1 − γ)": promised,
        "true distance": distance,
    },
    title="10 × 10 grid, slip 0.2, γ = 0.9: value iteration keeps its promise",
    ylabel="Largest over all states",
)

# %% [markdown]
# ## Policy iteration
#
# The other classic, **[policy iteration](../docs/glossary.md#policy-iteration)**: take a policy, compute its value **exactly** (a linear system, since the policy leaves no max in
# the equation), act **[greedily](../docs/glossary.md#greedy)** on that value (in each state take the action that one step of look-ahead likes best),
# repeat until the policy no longer changes. A round costs more than a sweep.
#
# **Predict**: how do the two compare on the slippery grid of 10 × 10 cells?

# %%
guess = predict(
    "Rounds of value iteration for each round of policy iteration, about:", [0.1, 1, 3, 10]
)

# %%
from rlbook.mdp import policy_iterates
from rlbook.workbook.facts import fact

by_value, by_policy = value_iteration(slippery.mdp(0.99)), policy_iteration(slippery.mdp(0.99))
print(f"value iteration:  {by_value.n_iterations} sweeps")
print(f"policy iteration: {by_policy.n_iterations} policies")
guess.came_out(by_value.n_iterations / by_policy.n_iterations)
difference = np.abs(by_value.V - by_policy.V).max()
fact("largest difference between their values", difference, less_than=1e-7)

start = slippery.to_state(slippery.start)
on_the_way = [V for _, V in policy_iterates(slippery.mdp(0.99))]
values = ", ".join(f"{V[start]:.2f}" for V in on_the_way)
print("value of the start under each policy on the way:", values)
largest_fall = max((before - after).max() for before, after in pairwise(on_the_way))
fact(
    "largest fall of any state's value from one policy to the next",
    largest_fall,
    less_than=1e-9,
)

# %% [markdown]
# The sign **≈** marks a number as it was measured on the machine that ran this notebook last. On another processor it may
# come out a little different, and so does yours; the claim in brackets beside it holds everywhere, and the cell stops if it
# does not.
#
# Every policy is at least as good as the one before it, in every state, up to rounding; that is the policy improvement
# theorem, seen at work.

# %% [markdown]
# ## Your hands on it: the discount panel
#
# The ledge of the first picture: the short way to the goal runs beside four cells that cost 10 to step on (in the bottom
# row). There is a longer, safe way over the top, round the wall.
#
# The line under the pictures tells the **[Bellman residual](../docs/glossary.md#bellman-residual)**: the largest change that one more backup would make to any
# value. The values have settled once it is next to nothing.
#
# The grid can be touched. Click a cell, and below the picture stands what one more backup makes of its value, with the
# numbers. The other tools above it paint: drag over cells to build walls or to pay a reward, drag start and goal elsewhere;
# a stroke that begins on a wall takes walls away. By keys: Tab goes from tool to tool and to the grid, the arrow keys move
# the mark, Enter uses the tool there. `Map` is the world as text: send it to somebody, or paste one.
#
# First say what you expect, then drag:
# 1. With `Slip probability` 0 the robot walks along the ledge. At which stop of that slider does the arrow at **S** turn to
#    the long way?
# 2. Set `Slip probability` to 0.05 and lower `Discount gamma` from 0.99 to 0.5. Why do the values fade with distance,
#    and why does the robot go back to the dangerous way?
# 3. Press `Reset`, then drag `Reward of a step` to 0.2. What does a robot do that is paid by the hour?
# 4. Press `Reset`, drag `Sweep` to 0 and press `Play`: how far does the goal's value spread with every sweep?

# %%
from rlbook.widgets import GammaPanel

panel = GammaPanel(ledge)
panel


# %%
def first_action(slip=0.0, gamma=0.99, step_reward=-0.1):
    """The best actions of the robot at the start."""
    model = ledge.replace(slip=slip, step_reward=step_reward).mdp(gamma)
    best = optimal_actions(value_iteration(model).Q)[ledge.to_state(ledge.start)]
    return " or ".join(np.array(ACTIONS)[best])


with answer("1. At which stop does the arrow turn?"):
    for slip in (0.0, 0.05, 0.1):
        print(f"slip {slip:.2f}: the robot goes {first_action(slip)}")
    print("At the first one. Where between 0 and 0.05, the next experiment finds out.")

with answer("2. Why do values fade with distance, and why the dangerous way?"):
    for gamma in (0.99, 0.5):
        after_three = f"what comes in 3 steps counts {gamma**3:.3f}"
        print(f"gamma {gamma:.2f}: {after_three}; the robot goes {first_action(0.05, gamma)}")
    print(
        "With 0.5 every further step costs half the goal's worth, and a fall that may come in"
    )
    print("three steps counts only an eighth. The robot trades safety for speed.")

with answer("3. What does a robot do that is paid by the hour?"):
    for step_reward in (-0.1, 0.2):
        V = value_iteration(ledge.replace(step_reward=step_reward).mdp(0.99)).V
        worth = V[ledge.to_state(ledge.start)]
        print(f"paid {step_reward:4.1f} a step: the start is worth {worth:5.2f}")
    print(
        "0.2 a step for ever is worth 0.2 / (1 - 0.99) = 20, twice the goal. So it stays away from"
    )
    print("the goal, where its wages would end. From which wage on? See Break it, below.")

with answer("4. How far does the goal's value spread with every sweep?"):
    for k, V in enumerate(islice(value_iterates(ledge.mdp(0.99)), 5)):
        print(f"after sweep {k}: {np.sum(V > 0)} cells have a positive value")
    print("One step: a backup looks one step ahead, and no farther.")

# %% [markdown]
# ## Experiment: where does the robot change its mind?
#
# With the slider you saw between which two stops; now measure it. We look for the slip at which going up (the long way)
# becomes better than going right, by halving the interval that it must lie in.


# %%
def margin_of_the_long_way(slip, gamma=0.99):
    solution = value_iteration(ledge.replace(slip=slip).mdp(gamma))
    at_start = solution.Q[ledge.to_state(ledge.start)]
    return at_start[ACTIONS.index("up")] - at_start[ACTIONS.index("right")]


low, high = 0.0, 0.5
assert margin_of_the_long_way(low) < 0 < margin_of_the_long_way(high)
while high - low > 1e-4:
    middle = (low + high) / 2
    low, high = (low, middle) if margin_of_the_long_way(middle) > 0 else (middle, high)
print(f"from a slip of {100 * high:.1f} % the long way is better")

# %%
pictures = []
for slip in (0.0, 0.3):
    best, title = value_iteration(ledge.replace(slip=slip).mdp(0.99)), f"Slip {slip:g}"
    best_actions = optimal_actions(best.Q)
    pictures.append(value_map(best.V, ledge, policy=best_actions, title=title, low=-5, high=10))
side_by_side(pictures, alt="optimal policy on the ledge without and with slip")

# %% [markdown]
# A policy that is perfect in a perfect simulation walks along the edge. The real robot slips. Chapter 5 is about
# exactly this.

# %% [markdown]
# ## A world that somebody else made: FrozenLake
#
# Gymnasium's toy-text worlds publish their model, so everything above works on them too. On FrozenLake the robot
# crosses ice with holes, and only arriving at the goal pays: 1. On slippery ice the robot goes where it aims one time
# in three, and to either side just as often.
#
# **Predict**: how often does the best policy arrive when the ice is slippery? (However long it takes: the model knows
# no time limit. The environment itself stops after 100 steps.)

# %%
guess = predict(
    "On slippery ice the best policy arrives in about:", [0.2, 0.4, 0.6, 0.8, 1.0], unit="%"
)

# %%
import gymnasium as gym

from rlbook.mdp import TabularMDP, evaluate_policy

pictures = []
for is_slippery in (False, True):
    lake = gym.make("FrozenLake-v1", is_slippery=is_slippery)
    model = TabularMDP.from_gym(lake, gamma=0.99)
    solution = value_iteration(model)
    # With gamma = 1 the value of a policy is its chance to reach the goal in the end, because
    # only the goal pays (1).
    chance = evaluate_policy(solution.policy, model.with_gamma(1))[0]
    kind = "slippery" if is_slippery else "not slippery"
    print(f"{kind:>12}: V(start) = {solution.V[0]:.3f}, chance to arrive {chance:.3f}")
    best_actions, title = optimal_actions(solution.Q), f"FrozenLake, {kind}"
    pictures.append(
        value_map(solution.V, lake, policy=best_actions, title=title, low=0, high=1)
    )

LEFT = 0  # FrozenLake counts its actions 0 left, 1 down, 2 right, 3 up
chances = [probability for probability, *_ in lake.unwrapped.P[4][LEFT]]
assert np.allclose(chances, 1 / 3) and solution.policy[4] == LEFT
assert lake.spec.max_episode_steps == 100
guess.came_out(chance)
side_by_side(pictures, alt="FrozenLake: values and optimal policy, not slippery and slippery")

# %% [markdown]
# Look at the slippery policy in cell (1, 0): with a hole to its right the robot steers **left**, into the wall, and
# lets the ice carry it up or down. Nobody programmed that; it follows from the model.

# %% [markdown]
# ## The robot arm as an MDP, and how to design one badly
#
# Now a robot arm that shall bring its tip to a target. State: joint angles, joint velocities, where the target is.
# Action: a torque for every motor. Reward: closer is better, effort costs a little, arriving pays. The chapter's
# `ReachingTaskMDP` says exactly that, and still it is nearly unsolvable. Nobody notices before training: it runs,
# rewards come in, a curve wiggles. Let us look at it the way you should look at every new task.
#
# **First question: can the goal be reached at all?** Its targets fall anywhere in a box of 2 × 2 × 1 metres. Its arm
# has three links of equal length, and all of them move in one upright plane.
#
# **Predict**: what share of the targets is within 5 cm of a point that the arm can touch?

# %%
guess = predict("Targets within reach, about:", [0.04, 0.25, 0.5, 0.8], unit="%")

# %%
from rlbook.envs.arm.chapter_reach import BASE_HEIGHT, LINK_LENGTHS, draw_chapter_targets
from rlbook.envs.arm.controllers import distance_to_workspace

targets = draw_chapter_targets(np.random.default_rng(0), count=200_000)
short_by = distance_to_workspace(targets, LINK_LENGTHS, base=(0.0, BASE_HEIGHT))
within_reach = short_by <= 0.05
base = (0.0, BASE_HEIGHT)
from_the_side = distance_to_workspace(targets[:, [0, 2]], LINK_LENGTHS, base=base) <= 0.05
print(f"size of the box: {np.ptp(targets, axis=0).round(1)} m, links: {LINK_LENGTHS} m")
print(f"targets within reach: {within_reach.mean():.1%}")
print(f"the median target is {np.median(short_by):.2f} m too far away")
print(f"targets that seem within reach when seen from the side: {from_the_side.mean():.0%}")
guess.came_out(within_reach.mean())

# %% [markdown]
# Seen from the side, with a thousand of the targets. Nearly all of those that seem to lie inside the disc are in front
# of the arm's plane or behind it:

# %%
from rlbook.plots import workspace

title = "A thousand of the chapter's targets"
workspace(LINK_LENGTHS, targets[:1000], base=base, title=title)

# %% [markdown]
# **Second question: does the best return go to the behaviour we want?** Be generous and keep only the reachable
# targets. Compare a well-known controller with an arm that does nothing at all. (**[PD control](../docs/glossary.md#pd-control)**: a torque proportional to
# the angle that is missing, minus a torque proportional to the speed. *Feeble*, *soft* and *stiff* say how large the
# first of the two is.)
#
# **Predict**: which of the four has the best return?

# %%
guess = predict("The best return:", ["feeble", "soft", "stiff", "doing nothing"])


# %%
from functools import partial

from rlbook.envs.arm.chapter_reach import ARM as CHAPTER_ARM
from rlbook.envs.arm.chapter_reach import ChapterReachVectorEnv
from rlbook.envs.arm.controllers import PDController
from rlbook.envs.arm.recording import record_episodes
from rlbook.workbook.facts import measured


def compare(env, controllers, **options):
    """Run every controller on the same targets and print a row for each; {name: episodes}."""
    print(
        f"{'':24}{'reaches':>9}{'return':>13}  ={'distance':>12}{'effort':>13}{'success':>10}"
    )
    tried = {}
    for name, controller in controllers.items():
        episodes = tried[name] = record_episodes(env, controller, seed=0, options=options)
        print(f"{name:24}{measured(episodes.successes.mean(), '%', width=9)}", end="")
        print(f"{measured(episodes.returns.mean(), decimals=2, width=13)}  =", end="")
        for term, width in (("distance", 12), ("effort", 13), ("success", 10)):
            print(measured(episodes.terms[term].mean(), decimals=2, width=width), end="")
        print()
    print()
    return tried


def do_nothing(env):
    return lambda observations: np.zeros((env.num_envs, env.n_joints), dtype=np.float32)


chapter = ChapterReachVectorEnv(1000)
pd_control = partial(PDController, chapter, physics=CHAPTER_ARM)
tried = compare(
    chapter,
    {
        "PD control, feeble": pd_control(stiffness=5, damping=5),
        "PD control, soft": pd_control(stiffness=50, damping=20),
        "PD control, stiff": pd_control(stiffness=300, damping=80),
        "doing nothing": do_nothing(chapter),
    },
    target=targets[within_reach][:1000],
)
returns = {name: episodes.returns.mean() for name, episodes in tried.items()}
guess.came_out(max(returns, key=returns.get).removeprefix("PD control, "))
for name in ("PD control, soft", "PD control, stiff"):
    fact(f"{name}: reaches", tried[name].successes.mean(), more_than=0.6, unit="%")
    loss = returns["doing nothing"] - returns[name]
    fact(f"{name}: earns less than doing nothing does, by", loss, more_than=100)
reaches = tried["PD control, feeble"].successes.mean()
fact("PD control, feeble: reaches", reaches, less_than=0.05, unit="%")
gain = returns["PD control, feeble"] - returns["doing nothing"]
fact("PD control, feeble: earns more than doing nothing does, by", gain, more_than=10)

# %% [markdown]
# Of these four the two that arrive earn **least**. Even doing nothing earns more than they do, and best of all is the
# feeble one, which hardly ever gets there. The effort term $0.001 \lVert \tau \rVert^2$
# looks small; what does it cost at full torque? And what else does the arm tell us when we play with it?

# %%
from rlbook.envs.arm.chapter_reach import chapter_reward_terms

full = np.full(6, 100.0)  # N m, what the six motors can give
cost = chapter_reward_terms(distance=np.ones(1), torque=full, success=np.zeros(1, dtype=bool))
print(f"one step at full torque costs {-cost['effort']:.0f}")
print(f"one step at 1 m from the target costs {-cost['distance'][0]:.0f}")


def after_one_second(env, action):
    """Of a batch of arms the largest joint speed (rad/s) and change of the distance (m)."""
    _, info = env.reset(seed=0)
    before = info["distance"].copy()
    for _ in range(round(1 / env.dt)):
        *_, info = env.step(np.tile(np.float32(action), (env.num_envs, 1)))
    return np.abs(env.qd).max(), np.abs(info["distance"] - before).max()


speed, change = after_one_second(chapter, [0, 0, 0, 100, 100, 100])
print("full torque on joints 4 to 6 alone, for one second:")
fact("    largest speed of a joint", speed, more_than=5, unit="rad/s", decimals=1)
fact("    change of the distance", change, less_than=1e-6, unit="m")
speed, _ = after_one_second(chapter, [0] * 6)
print("motors off, for one second:")
fact("    largest speed of the chapter's arm", speed, less_than=1e-6, unit="rad/s")

# %% [markdown]
# A learner goes where the reward leads it, here to weak torques, whether they arrive or not; the fault is in the task.
# Besides, three of the six joints move nothing, and there is no gravity; chapter 5, which is about physics that differs from one
# robot to the next, would have little to work with.
#
# **The same task, designed well** is `rlbook/Reach-v0`: targets inside the ring that the arm can reach, an effort term
# that cannot drown the rest, and an arm that falls when its motors are off.

# %%
from rlbook.envs.arm.reach import ReachVectorEnv, reward_terms

ours = ReachVectorEnv(1000)
cost = reward_terms(np.zeros(1), action=np.ones((1, 2)), success=np.zeros(1, dtype=bool))
print(f"one step at full torque costs {-cost['effort'][0]:.3f}")
speed, _ = after_one_second(ours, [0, 0])
fact("motors off, after one second: the fastest arm", speed, more_than=5, unit="rad/s")
ours.reset(seed=0)
links = [ours.link_length] * ours.n_joints
reachable = distance_to_workspace(ours.target, links) <= ours.goal_threshold
fact("targets within reach", reachable.mean(), more_than=0.999, unit="%")
print()
tried = compare(
    ours,
    {
        "PD control, soft": PDController(ours, stiffness=5, damping=1),
        "PD control, brisk": PDController(ours, stiffness=8, damping=1.5),
        "PD control, overdamped": PDController(ours, stiffness=20, damping=3),
        "doing nothing": do_nothing(ours),
    },
)
returns = {name: episodes.returns.mean() for name, episodes in tried.items()}
reaches = {name: episodes.successes.mean() for name, episodes in tried.items()}
soft, brisk, overdamped, idle = tried
worst = min(returns[name] for name in (soft, brisk, overdamped))
fact(
    "the worst of the three earns more than doing nothing does, by",
    worst - returns[idle],
    more_than=5,
)
for name in (soft, brisk):
    fact(f"{name}: reaches", reaches[name], more_than=0.97, unit="%")
fact(
    "the brisk one earns more than the soft one, by",
    returns[brisk] - returns[soft],
    more_than=0.02,
    decimals=2,
)
advantage = returns[brisk] - returns[overdamped]
fact("and more than the overdamped one, by", advantage, more_than=0.02, decimals=2)
fact(f"{overdamped}: reaches", reaches[overdamped], less_than=0.97, unit="%")

# %%
from rlbook.plots import arm_trail

motion = record_episodes(ours, PDController(ours, stiffness=5, damping=1), seed=0)
arm_trail(motion.points[: motion.lengths[0] + 1, 0], target=motion.target[0])

# %% [markdown]
# Now reaching pays: every controller earns far more than the arm that does nothing, and the best return of the four goes
# to the brisk one, which nearly always arrives, and soon. The soft one is as sure but later, and pays for the distance on
# its way; the overdamped one runs out of time on the way to some of its targets.
#
# But a handful of controllers can be picked to prove anything. **Third question: how good can it get, and does the best
# arrive?** Nobody knows the best possible return exactly. It is at most that of an arm that is there at once: what
# arriving pays, +10 in the chapter's task and +1 in ours; and at least what the best of many controllers earns. So let twelve of them, and the idle arm, try every target.
#
# **Predict**: the chapter's best return for a target, averaged over targets: above zero?

# %%
guess = predict("Is the best return in the chapter's task above zero?", ["yes", "no"])


# %%
def bracket(env, stiffnesses, physics=None, **options):
    """The best return found for a target, on average; shares reached by anybody, by the best."""
    controllers = [do_nothing(env)] + [
        PDController(env, stiffness, ratio * stiffness, physics)
        for stiffness in stiffnesses
        for ratio in (0.1, 0.2, 0.4)
    ]
    tried = [record_episodes(env, each, seed=0, options=options) for each in controllers]
    returns = np.array([episodes.returns for episodes in tried])
    arrived = np.array([episodes.successes for episodes in tried])
    winner, everyone = returns.argmax(axis=0), np.arange(env.num_envs)
    best = returns.max(axis=0).mean()
    return best, arrived.any(axis=0).mean(), arrived[winner, everyone].mean()


FOUND = "the best return found for a target, on average"
SOMEBODY, BEST = "targets that somebody reached", "targets that the best earner reached"

few = ChapterReachVectorEnv(200)
stiffnesses = (2, 8, 50, 300)
best, somebody, by_the_best = bracket(
    few, stiffnesses, CHAPTER_ARM, target=targets[within_reach][:200]
)
guess.came_out("yes" if best > 0 else "no")
print("chapter")
fact(f"    {FOUND}", best, less_than=-100, decimals=1)
fact(f"    {SOMEBODY}", somebody, more_than=0.7, unit="%")
fact(f"    {BEST}", by_the_best, less_than=0.78, unit="%")
left_alone = somebody - by_the_best
fact("    targets that it leaves to others", left_alone, more_than=0.05, unit="%")

best, somebody, by_the_best = bracket(ReachVectorEnv(200), (1, 3, 8, 20))
print("ours")
fact(f"    {FOUND}", best, more_than=0.3, decimals=1)
fact(f"    {SOMEBODY}", somebody, more_than=0.98, unit="%")
fact(f"    {BEST}", by_the_best, more_than=0.98, unit="%")

# %% [markdown]
# In the chapter's task even the best return found is far below zero, and it is also earned by leaving targets alone
# that another controller reaches. In ours the best return and the arrival go together. **A well-designed MDP is half the battle**,
# and you find out with three questions, before any training.

# %% [markdown]
# ## Break it
#
# **No discount, no way out.** With $\gamma = 1$ values are sure to be finite only if every policy the solver meets
# comes to an end. The smallest world without an end has one state: the only action leads back to it and pays 1. What
# should the library answer?

# %%
no_way_out = TabularMDP(P=np.ones((1, 1, 1)), R=np.ones((1, 1)), gamma=1.0)
try:
    value_iteration(no_way_out)
except ValueError as problem:
    print("ValueError:", problem)
value = value_iteration(no_way_out.with_gamma(0.9)).V[0]
print("with gamma = 0.9 its value is 1 / (1 - 0.9) =", round(value, 6))

# %% [markdown]
# It refuses, instead of returning numbers that mean nothing. With a discount the endless sum has a limit.
#
# **Paid by the hour.** Give the robot on the ledge a small wage for every step. In the long run a wage $w$ is worth
# $w + \gamma w + \gamma^2 w + \dots = w / (1 - \gamma)$, and the goal pays 10.
#
# **Predict**: from which wage on does the robot prefer to walk about for ever?

# %%
guess = predict("It prefers to walk about from a wage of about:", [0.01, 0.1, 1.0, 10.0])

# %%
wages_that_keep_it = []
for wage in (0.05, 0.09, 0.11, 0.2):
    paid = ledge.replace(step_reward=wage)
    policy = value_iteration(paid.mdp(0.99)).policy
    state, steps = paid.to_state(paid.start), 0
    while state != paid.to_state(paid.goal) and steps < 100:
        state, steps = paid.mdp().successors[state, policy[state], 0], steps + 1
    outcome = f"reaches the goal in {steps} steps" if steps < 100 else "never goes to the goal"
    print(f"wage {wage:.2f}, worth {wage / (1 - 0.99):4.1f} in the long run: {outcome}")
    wages_that_keep_it += [wage] if steps == 100 else []
guess.came_out(min(wages_that_keep_it))

# %%
predictions()

# %% [markdown]
# ## Recap
#
# - An MDP is states, actions, transition probabilities, rewards, discount. The state must hold all that matters.
# - One equation, the Bellman backup, and one maximum give value iteration; it stops because the backup contracts.
# - Policy iteration solves a linear system a round and needs few rounds.
# - $\gamma$ is a horizon: choose it by the time after which a reward counts half.
# - Before you train: can the goal be reached, does the best return go to the behaviour you want, and how good can it get?
#
# **Read on** Sutton & Barto (2018), *Reinforcement Learning: An Introduction*, chapters 3 and 4. Bertsekas & Tsitsiklis
# (1996), *Neuro-Dynamic Programming*, chapter 2, for undiscounted problems.
#
# **Now you**: [exercises/01_mdp.ipynb](../exercises/01_mdp.ipynb), then [notebook 2](02_q_learning.ipynb), where the
# robot has no model and must find out by itself.
