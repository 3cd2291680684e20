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
# # 3 · DQN: from a table to a network
#
# An arm was in one pose and found out what it is worth. **What has it learned about all the poses that it has never been in?**
# With a table, as on our grids, nothing. With a network more than it has seen, for better and for worse: here is what one and
# the same experience changes. (The code of this picture is behind the dots below. By the end of the next section you can read it.)

# %% tags=["hide-input"]
import numpy as np
import torch

from rlbook.dqn import QNetwork
from rlbook.plots import arm_pose, state_heatmap
from rlbook.plots.style import figure_png
from rlbook.plots.svg import side_by_side

pose = np.radians([45.0, 65.0])  # of the two joints


def seen(angles):
    """What a network sees of joint angles (N, 2): their cosines and sines, (N, 4)."""
    return torch.tensor(np.hstack([np.cos(angles), np.sin(angles)]), dtype=torch.float32)


def value_network():
    return QNetwork(state_dim=4, action_dim=1, hidden_dims=(64, 64), seed=0)


network, untrained = value_network(), value_network()
adam = torch.optim.Adam(network.parameters(), lr=1e-3)
with torch.no_grad():
    wanted = untrained(seen(pose[None])) + 1  # the pose is worth 1 more than was thought
for _ in range(30):
    loss = (wanted - network(seen(pose[None]))).square().mean()
    adam.zero_grad()
    loss.backward()
    adam.step()


@torch.no_grad()
def changed_in_network(angles):
    return (network(seen(angles)) - untrained(seen(angles)))[:, 0].numpy()


def changed_in_table(angles):
    """Its cells are squares of ten degrees."""
    same = np.degrees(angles) // 10 == np.degrees(pose) // 10
    return same.all(axis=1).astype(float)


maps = {"in a table": changed_in_table, "in a network": changed_in_network}
pictures = [arm_pose(pose, title="This pose is worth 1 more", size=3.2)]
for title, changed in maps.items():
    look = dict(limits=(0, 1), resolution=72, label="Change of value", size=(4.0, 3.2))
    pictures.append(state_heatmap(changed, title=f"What changes {title}", **look))
side_by_side([figure_png(picture) for picture in pictures], "one pose, and what changes")

# %% [markdown]
# **After this notebook you can**
# - compute by hand what a small network answers, and one step of its learning;
# - say why a table cannot hold a robot's states, and what a network in its place buys, and what it costs;
# - write the loss of DQN, and name its three stabilisers and what each is good for;
# - measure correlation in a robot's experience, and what replay does about it;
# - train an arm to reach, show with several seeds that it can, and take the stabilisers away one by one;
# - compare what a network promises with what it keeps, and say what Double DQN changes about it;
# - save a learner so that it goes on exactly where it stopped.
#
# **Time** about 90 minutes, 20 of them for the bridge from tables to networks. **You need** [notebook 2](02_q_learning.ipynb).
# **Exercises**: [exercises/03_dqn.ipynb](../exercises/03_dqn.ipynb).
#
# ## Why a table fails
#
# Six joint angles, each to the nearest degree. **Predict** how much memory a table of single-precision action values
# would need. (No velocities yet, and no target.)

# %%
from rlbook.workbook.predictions import predict, predictions

guess = predict("Such a table takes", ["gigabytes", "terabytes", "exabytes"])

# %%
n_states = 360**6
n_actions = 3**6  # every motor forwards, backwards or off
print(f"states: {n_states:.1e}, table: {4 * n_states * n_actions / 1e18:.1f} exabytes")
years = n_states / 1e6 / 3600 / 24 / 365
print(f"visiting every state once, a million a second: {years:.0f} years")
guess.came_out("exabytes" if 4 * n_states * n_actions > 1e18 else "terabytes")

# %% [markdown]
# The size is not even the worst. A table learns about the one state it visits; at 31.0° it knows nothing of what it has
# learned at 30.9°. A network **generalises**: what is learned in one pose changes its opinion of others, of similar ones the
# most. That is what we want. In the picture above you saw the price, too: poses changed that nobody had looked at, some of them as
# much as the one that was seen.
#
# ## The bridge: a neuron, a layer, a step
#
# A **[neuron](../docs/glossary.md#neuron)** is arithmetic. Its numbers are called **[weights](../docs/glossary.md#weights)**. It multiplies each of its inputs $x$ by a weight, adds the
# products and one more weight, its *bias* $b$, and answers with the sum $z$, or with 0 where that is negative:
#
# $$z = w_1 x_1 + w_2 x_2 + b, \qquad h = \max(0, z)$$
#
# That maximum is called **[ReLU](../docs/glossary.md#relu)** (rectified linear unit). Without it a network of any size would be one flat plane; with it, every
# neuron adds a bend.
#
# **Predict** by hand: $x = (2, -1)$, $w = (\tfrac12, 2)$, $b = \tfrac12$. What does the neuron answer?

# %%
guess = predict("The neuron answers", [-0.5, 0, 0.5, 3.5])

# %%
x = np.array([2.0, -1.0])
for w in (np.array([0.5, 1.0]), np.array([0.5, 2.0])):
    z = w @ x + 0.5
    h = np.maximum(0, z)
    print(f"weights {w}: z = {z:4.1f}, answer {h:.1f}")
guess.came_out(h)

# %% [markdown]
# **A [layer](../docs/glossary.md#layer) is a matrix.** Neurons that look at the same inputs work side by side: their weights are the rows of a matrix $W$, their
# biases a vector $b$, and all of them together answer $h = \max(0, W x + b)$. The answers are the inputs of the next layer. The
# last layer leaves out the maximum, so that a value may be negative. That is all there is to a network of this kind; in the
# library it is four lines:

# %%
import inspect

from rlbook.learning.networks import FlatNetwork

print(inspect.getsource(FlatNetwork.forward))

# %% [markdown]
# For the grid of notebook 2 we shall use this one: two inputs, the robot's row and column; two *hidden* layers of 64 neurons
# (`hidden_dims=(64, 64)`; neither input nor output, hence the name); and four outputs, one value an action. One glance of the
# network at a state gives the whole row of the table.

# %%
from rlbook.plots import network_diagram

names = ["Q(s, up)", "Q(s, right)", "Q(s, down)", "Q(s, left)"]
network_diagram((2, 64, 64, 4), ["row", "column"], names)


# %%
def n_weights(network):
    return sum(weights.numel() for weights in network.parameters())


for name, state_dim, action_dim, width in (
    ("the grid", 2, 4, 64),
    ("six joints", 12, 729, 256),
):
    size = n_weights(QNetwork(state_dim, action_dim, hidden_dims=(width, width)))
    print(f"{name}, two hidden layers of {width}: {size:,} weights,", end=" ")
    print(f"{4 * size / 1e6:.2f} megabytes")
print("the table of the grid: 64 numbers")

# %% [markdown]
# For the grid that is waste: a table is smaller, and exact. For six joints (twelve inputs, their cosines and sines) it is the
# exabytes from above that have become a megabyte.
#
# **Learning is a step downhill.** Let the network answer $Q$ where experience says $y$, and call the squared error the
# **[loss](../docs/glossary.md#loss)**, $L = (y - Q)^2$. The derivative of $L$ with respect to a weight says how the loss changes when that weight grows; all
# the derivatives together are the **gradient**. **[Gradient descent](../docs/glossary.md#gradient-descent)** moves every weight a little against it, by the part $\alpha$, the
# learning rate:
#
# $$w \leftarrow w - \alpha\, \frac{\partial L}{\partial w}$$
#
# Take the two neurons from above and one output, $Q = v_1 h_1 + v_2 h_2 + c$. The chain rule, from the output backwards, with
# $\delta = y - Q$ and $[z_i > 0]$ for "1 where the neuron answers, else 0":
#
# $$\frac{\partial L}{\partial c} = -2\delta, \quad \frac{\partial L}{\partial v_i} = -2\delta\, h_i, \quad
# \frac{\partial L}{\partial b_i} = -2\delta\, v_i\, [z_i > 0], \quad
# \frac{\partial L}{\partial W_{ij}} = -2\delta\, v_i\, [z_i > 0]\, x_j$$
#
# Nobody types that for a large network. PyTorch keeps a record of what was computed and applies the chain rule by itself
# (*autograd*): that is what `loss.backward()` does. Both, side by side:


# %%
def gradient_by_hand(x, y, W, b, v, c):
    """Derivatives of (y - Q)^2 by W (2, 2), b (2,), v (2,) and c, in this order, (9,)."""
    z = W @ x + b
    h = np.maximum(0, z)
    Q = v @ h + c
    by_Q = -2 * (y - Q)
    by_z = by_Q * v * (z > 0)
    return np.concatenate([np.outer(by_z, x).ravel(), by_z, by_Q * h, [by_Q]])


W, b = np.array([[0.5, 1.0], [0.5, 2.0]]), np.array([0.5, 0.5])
v, c, y = np.array([2.0, 3.0]), 0.5, 2.0

small = QNetwork(state_dim=2, action_dim=1, hidden_dims=(2,))
with torch.no_grad():
    small.weights.copy_(torch.tensor([*W.ravel(), *b, *v, c]))
loss = (y - small(torch.tensor(x, dtype=torch.float32))[0]) ** 2
loss.backward()

by_hand, by_autograd = gradient_by_hand(x, y, W, b, v, c), small.weights.grad.numpy()
for name, one, other in zip(
    "W11 W12 W21 W22 b1 b2 v1 v2 c".split(), by_hand, by_autograd, strict=True
):
    print(f"{name:>3}:  by hand {one + 0:5.1f}    by autograd {other + 0:5.1f}")
assert (by_hand == by_autograd).all()

# %% [markdown]
# The second neuron answers 0 here, so a small change of its weights changes nothing: its gradients are 0.
#
# The loss is $(2 - 1.5)^2 = 0.25$. A step with $\alpha = 0.01$ makes it smaller. **Predict** what a step five times as long does.

# %%
guess = predict(
    "With α = 0.05 the loss becomes",
    ["smaller still", "a little larger", "more than twice as large"],
)

# %%
for alpha in (0.01, 0.05):
    with torch.no_grad():
        small.weights.copy_(torch.tensor([*W.ravel(), *b, *v, c]))
        small.weights -= alpha * small.weights.grad
        loss = (y - small(torch.tensor(x, dtype=torch.float32)).item()) ** 2
    print(f"after one step with learning rate {alpha}: loss {loss:.3f}")
guess.came_out(guess.choices[(loss > 0.25) + (loss > 0.5)])

# %% [markdown]
# A gradient is the slope *here*; far away it may be another one. So steps are short, and many. How short depends on the weight:
# some gradients are a thousand times as large as others. **[Adam](../docs/glossary.md#adam)** (Kingma & Ba, 2015, algorithm 1) gives every weight a step of its own: it keeps
# running means $m$ of the weight's gradients and $v$ of their squares, and divides the one by the root of the other,
#
# $$w \leftarrow w - \alpha\, \hat m / (\sqrt{\hat v} + \epsilon)$$
#
# (the hats correct for both means having begun at 0). Where gradients agree the step has the length $\alpha$, however large they
# are; where they contradict each other it is shorter. See the first step:

# %%
for name, optimiser in (("gradient descent", torch.optim.SGD), ("Adam", torch.optim.Adam)):
    two = torch.zeros(2, requires_grad=True)
    (100 * two[0] + 0.01 * two[1]).backward()  # gradients of 100 and of 0.01
    optimiser([two], lr=0.001).step()
    steps = ", ".join(f"{step:.5f}" for step in two.tolist())
    print(f"{name:>16}, learning rate 0.001: the weights move by {steps}")

# %% [markdown]
# **A table is a network, too.** Show a single layer the state as sixteen inputs, a one at the robot's cell and zeros elsewhere:
# then $W x$ picks one column of $W$, four numbers, the row of the table. And the gradient of $(y - Q(s, a))^2$ is $-2\delta$ for
# that one entry and 0 for all others, so that a step of gradient descent is the update of notebook 2, with half its learning
# rate. A thousand steps of a robot that moves at random, learned both ways:

# %%
from rlbook.envs.grid_world import ACTIONS, GridWorld
from rlbook.returns import greedy_value, td_error, td_target
from rlbook.workbook.facts import fact

GAMMA = 0.95
world = GridWorld()


def random_walk(n_steps, seed=0):
    """States, actions, rewards, next states and whether the task ended, (n_steps,) each."""
    rng, rows = np.random.default_rng(seed), []
    state, _ = world.reset(seed=seed)
    for _ in range(n_steps):
        action = int(rng.integers(4))
        next_state, reward, terminated, truncated, _ = world.step(action)
        rows.append((state, action, reward, next_state, terminated))
        state = world.reset()[0] if terminated or truncated else next_state
    return [np.array(column) for column in zip(*rows, strict=True)]


experience = random_walk(1000)
table = np.zeros((16, 4))
layer = torch.nn.Linear(16, 4, bias=False, dtype=torch.float64)  # one layer: Q = W x
torch.nn.init.zeros_(layer.weight)
descent = torch.optim.SGD(layer.parameters(), lr=0.1 / 2)
ones = torch.eye(16, dtype=torch.float64)  # row s: a one at state s
for s, a, r, next_s, terminated in zip(*experience, strict=True):
    table[s, a] += 0.1 * td_error(table[s, a], r, table[next_s].max(), terminated, GAMMA)
    y = td_target(r, layer(ones[next_s]).max().item(), terminated, GAMMA)
    loss = (y - layer(ones[s])[a]) ** 2
    descent.zero_grad()
    loss.backward()
    descent.step()
difference = np.abs(layer.weight.detach().numpy().T - table).max()
fact("largest difference of an action value", difference, less_than=1e-9)

# %% [markdown]
# ## The table of notebook 2, learned by a network
#
# Now the network of the picture, on ground where the right answer is known. It does not see sixteen separate states but two numbers,
# row and column, so that neighbours look alike. It learns from the same random walk as a table does, 3,000 times from 32 [transitions](../docs/glossary.md#transition)
# drawn at random. Its loop is the whole of deep learning in seven lines: answer, target, error, loss, gradient, step. `older` is
# a copy of the network that makes the targets.

# %%
from rlbook.mdp import value_iteration
from rlbook.plots import convergence, q_map

exact = value_iteration(world.mdp(GAMMA)).Q
inside = np.array(
    [s for s in range(16) if world.to_cell(s) not in (world.goal, *world.obstacles)]
)


row, column = np.divmod(np.arange(16), 4)
places = (
    np.stack([row, column], axis=1) / 1.5 - 1
)  # what the network sees of the states: -1 to 1
places = torch.tensor(places, dtype=torch.float32)


def largest_error(Q):
    return np.abs(Q - exact)[inside].max()


def by_table(experience, n_batches=3000, seed=0):
    Q, errors, rng = np.zeros((16, 4)), [], np.random.default_rng(seed)
    for batch in range(n_batches):
        for row in rng.integers(len(experience[0]), size=32):
            s, a, r, next_s, terminated = (column[row] for column in experience)
            Q[s, a] += 0.1 * td_error(Q[s, a], r, Q[next_s].max(), terminated, GAMMA)
        if batch % 50 == 49:
            errors.append(largest_error(Q))
    return Q, np.array(errors)


def by_network(experience, renew_every, n_batches=3000, seed=0):
    network, older = (QNetwork(2, 4, hidden_dims=(64, 64), seed=seed) for _ in range(2))
    adam = torch.optim.Adam(network.parameters(), lr=3e-3)
    errors, rng = [], np.random.default_rng(seed)
    for batch in range(n_batches):
        if batch % renew_every == 0:
            older.load_state_dict(network.state_dict())
        rows = rng.integers(len(experience[0]), size=32)
        s, a, r, next_s, terminated = (column[rows] for column in experience)
        answer = network(places[s])[range(32), a]
        with torch.no_grad():
            next_value = greedy_value(older(places[next_s])).numpy()
        y = torch.tensor(td_target(r, next_value, terminated, GAMMA), dtype=torch.float32)
        loss = (y - answer).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        if batch % 50 == 49:
            errors.append(largest_error(network(places).detach().numpy()))
    return network(places).detach().numpy(), np.array(errors)


# %% [markdown]
# Let `older` be renewed before every step at first, so that it is the network itself: then this is Q-learning with a network in the
# table's place, and nothing else. **Predict**: the exact values lie between 2 and 10. How far off is the network when it is furthest?

# %%
guess = predict(
    "On its way the network's largest error is", ["below 10", "10 to 100", "hundreds and more"]
)

# %%
assert exact[inside].min() > 2 and exact.max() == 10
errors = {}
Q_table, errors["table"] = by_table(experience)
_, errors["network"] = by_network(experience, renew_every=1)
worst = errors["network"].max()
fact("largest error of the table, at the end", errors["table"][-1], less_than=0.01, decimals=3)
fact("largest error of the network, on the way", worst, more_than=1000)
guess.came_out(guess.choices[int(worst > 10) + int(worst > 100)])

# %% [markdown]
# It runs away, and no line of the program is wrong. A network cannot move $Q(s, a)$ alone: a step up there lifts the neighbours, too,
# $s'$ among them; so the target rises, and the next step goes up again. On the grid the table never does that. Three things make it
# possible together: a function that generalises, targets that are built on estimates, and learning about another policy (the
# [greedy](../docs/glossary.md#greedy) one) than the one that acts (the random one). They are known as the **[deadly triad](../docs/glossary.md#deadly-triad)** (Sutton & Barto, section 11.3).
#
# The first remedy stands in the loop already. Let `older` be renewed only every fifty steps: then the targets hold still meanwhile. This
# is the **[target network](../docs/glossary.md#target-network)**, and the first of three stabilisers that this notebook is about. (What is below 0.001 is drawn
# at 0.001.)

# %%
OLDER = "network, targets of an older copy"
Q_network, errors[OLDER] = by_network(experience, renew_every=50)
fact("largest error with an older copy", errors[OLDER][-1], less_than=1, decimals=2)
first_good = {name: 1 + np.argmax(errors[name] < 1.5) for name in ("table", OLDER)}
later = first_good[OLDER] / first_good["table"]
fact("to come within 1.5 it needs, times as many steps as the table", later, more_than=1.5)
convergence(
    {name: np.maximum(error, 1e-3) for name, error in errors.items()},
    title="The same experience, three learners",
    xlabel="Fifty steps of learning",
    ylabel="Largest error",
)

# %%
from rlbook.workbook.facts import measured, measured_picture

look = dict(low=2, high=10)
network_map = q_map(Q_network, world, title="A network, by experience", **look)
pictures = [
    q_map(Q_table, world, title="A table, by experience", **look),
    measured_picture(network_map),
    q_map(exact, world, title="Exact Q*, by value iteration", **look),
]
side_by_side(pictures, alt="action values of the grid: a table's, a network's, the exact ones")

# %% [markdown]
# Both have learned the table of notebook 2, from the very same random walk. On the grid the network buys nothing: it is larger, later and
# less exact. What it is for shows where experience is missing. Take away everything that began in cell (2, 1), the one below
# the obstacle, and learn again. The table knows nothing of that cell afterwards, 0 for every action. **Predict** what the network
# thinks of going *up* from there, into the obstacle, which nobody has tried. (The exact value is 2.9.)

# %%
guess = predict("Up from (2, 1), the network says about", [0, 3, 8])

# %%
cell = world.to_state((2, 1))
elsewhere = [column[experience[0] != cell] for column in experience]
Q_table, _ = by_table(elsewhere, n_batches=1000)
Q_network, _ = by_network(elsewhere, renew_every=50, n_batches=2000)
assert (Q_table[cell] == 0).all()
print("      exact   table   network")
for a, action in enumerate(ACTIONS):
    said = measured(Q_network[cell, a], decimals=1)
    print(f"{action:>5} {exact[cell, a]:5.1f} {Q_table[cell, a]:7.1f}   {said}")
best = Q_network[cell].max() - exact[cell].max()
fact("error of the cell's value, its best action", abs(best), less_than=2, decimals=1)
fact("error of going up", Q_network[cell, 0] - exact[cell, 0], more_than=2.5, decimals=1)
guess.came_out(Q_network[cell, 0])

# %% [markdown]
# The value of the cell is nearly right, though nobody was ever there: its neighbours told. And going up looks as good as anywhere else,
# for nobody told of the obstacle. The table's 0 says at least that it knows nothing; **a network never says that it is guessing**.
#
# ## The idea
#
# Deep Q-learning (Mnih et al., 2015) keeps the target of Q-learning and replaces the table's update by a step of gradient
# descent. For a batch of transitions $(s, a, r, s')$:
#
# $$y = r + \gamma \max_{a'} Q_\text{target}(s', a'), \qquad
# L(\theta) = \operatorname{mean} \big(y - Q_\theta(s, a)\big)^2$$
#
# and $y = r$ where the task **terminated**. While the gradient is taken, $y$ counts as a fixed number. The target is the one of
# notebook 2, and the value of the next state is the largest of the network's. Here is the library's own source:

# %%
print(inspect.getsource(greedy_value))
print(inspect.getsource(td_target))

# %% [markdown]
# **By hand.** Reward 0.5, next values 2 and 4, γ = 0.9. What is $y$? And if the task ended there? And if only the clock ran
# out?

# %%
for how, terminated in (("goes on", 0.0), ("terminated", 1.0), ("truncated", 0.0)):
    y = td_target(0.5, greedy_value(np.array([2.0, 4.0])), terminated, gamma=0.9)
    print(f"{how:>10}: y = {y:.1f}")

# %% [markdown]
# A supervised learner has fixed targets and shuffled data. Ours has neither: neighbouring samples come from the same motion,
# and $y$ is computed with the weights that are being changed. Three **stabilisers** help:
#
# | stabiliser | what goes wrong without it | in `DQNAgent` | taken away by |
# |---|---|---|---|
# | **[replay](../docs/glossary.md#replay)** | a batch is one short piece of one motion | `buffer_size=100_000` | `buffer_size=batch_size` |
# | **target network** | the target runs away from the estimate | `target_update_freq=100` or `tau=0.005` | `target_update_freq=1` |
# | **[gradient clipping](../docs/glossary.md#gradient-clipping)** | one odd batch ruins the weights | `max_grad_norm=10.0` | `max_grad_norm=None` |
#
# Replay learns from random transitions out of a memory; a target network is an older copy of the network, which makes the
# targets; a gradient that is longer than a limit is shortened to it. The step itself is Adam's.
#
# ## Replay, and the correlation it removes
#
# Let us measure what replay is for. An arm moves at random; we look at its observations as they come, and at the same ones
# drawn from a `ReplayBuffer`. (`TrueSteps` gives the last observation of every episode, even where the environment has begun
# the next episode by itself. Without it the memory would hold leaps that no arm ever made.)
#
# **Predict**: the correlation between one observation and the next, in both orders. And how many independent observations
# are 64 neighbours worth? If they were independent, the mean of 64 would vary 64 times less than one of them does; so we
# divide the one variance by the other.

# %%
guess = predict("64 neighbours are worth about so many independent ones:", [4, 16, 32, 64])

# %%
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.learning.replay import ReplayBuffer
from rlbook.learning.stepping import TrueSteps

arm = ReachVectorEnv(1, torque_levels=3)
rng = np.random.default_rng(0)
memory = ReplayBuffer(capacity=10_000, state_dim=10, seed=0)
steps = TrueSteps(arm, seed=0)
stream = []
for _ in range(10_000):
    state, action = steps.state, rng.integers(9, size=1)
    next_state, reward, terminated, truncated, _ = steps.step(action)
    memory.push(state, action, reward, next_state, terminated)
    stream.append(state[0])

shuffled, worths = memory.sample(10_000).state, []
for name, values in (
    ("in the order of time", np.array(stream)),
    ("drawn from the memory", shuffled),
):
    neighbours = [np.corrcoef(column[:-1], column[1:])[0, 1] for column in values.T]
    batches = values[: len(values) // 64 * 64].reshape(-1, 64, 10)
    worth = values.var(axis=0).sum() / batches.mean(axis=1).var(axis=0).sum()
    print(name)
    ordered = name == "in the order of time"
    bounds = dict(more_than=0.8) if ordered else dict(less_than=0.05)
    alike = np.abs(neighbours).mean()
    fact("    correlation of neighbours, on average", alike, **bounds, decimals=2)
    bounds = dict(less_than=10) if ordered else dict(more_than=40)
    fact("    64 in a row are worth this many independent ones", worth, **bounds)
    worths.append(worth)
guess.came_out(worths[0])

# %% [markdown]
# Sixty-four neighbours are worth a handful of independent observations; sixty-four draws from the memory are as good as
# independent.
# (Several arms side by side help too: they are in different poses. The library learns from a whole batch of environments at
# once.)
#
# ## An arm that learns to reach
#
# `rlbook/ReachDiscrete-v0`: two joints, each motor backwards, off or forwards, so nine actions. The observation has ten
# numbers: cosine and sine of the joint angles, velocities, target, and the way from the tip to the target. The tip must
# come within 5 cm; arriving pays 1, and until then every step costs a little for the distance.
#
# One setting below is new. A squared error weighs one of 10 a hundred times as much as one of 1, and one odd transition
# outshouts a whole batch. **[Huber's loss](../docs/glossary.md#huber-loss)** (`huber=True`) counts large errors in proportion only:
#
# $$L(\delta) = \tfrac12 \delta^2 \ \text{ where } |\delta| \le 1, \qquad L(\delta) = |\delta| - \tfrac12 \ \text{ beyond}$$
#
# Sixteen arms learn side by side with one network. The cell takes about a minute.

# %%
import gymnasium as gym

from rlbook.dqn import DQNAgent
from rlbook.plots import learning_curve

settings = dict(
    hidden_dims=(128, 128),  # two hidden layers of 128 neurons
    gamma=0.95,  # a reward counts half after 13 or 14 steps
    epsilon_decay=0.98,  # the chance of a random action begins at 1 and falls so after each episode,
    epsilon_min=0.05,  # but no further than to this
    target_update_freq=300,  # steps of learning from one copy of the target network to the next
    double=True,  # Double DQN, below
    huber=True,  # Huber's loss in place of the squared error
    learning_starts=1000,  # transitions in the memory before learning begins
    updates_per_step=0.25,  # one step of learning for every four of an arm
)
agent = DQNAgent(state_dim=10, action_dim=9, **settings, seed=0)
arms = gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=16)
history = agent.learn(arms, total_steps=64_000)

learning_curve(
    history.returns, window=50, title="Sixteen arms learn most in a few hundred episodes"
)

# %% [markdown]
# Every argument of `DQNAgent`, its default, what it means, and where it usually lies:

# %%
from rlbook.dqn import DQNConfig

print(inspect.getsource(DQNConfig).partition("    def ")[0].rstrip())

# %% [markdown]
# The curve shows arms that still explore. What can the network do when it does its best? Five hundred targets that it has
# never seen, without exploration:

# %%
from rlbook.learning.stepping import evaluate


def greedy(learner):
    """Its policy without exploration."""
    return lambda state: learner.select_action(state, training=False)


fresh_arms = gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=500)
result = evaluate(greedy(agent), fresh_arms, n_episodes=500, seed=1)
random = evaluate(
    lambda state: rng.integers(9, size=len(state)), fresh_arms, n_episodes=500, seed=1
)
fact("targets that random torques reach", random.terminated.mean(), less_than=0.3, unit="%")
fact("targets that the network reaches", result.terminated.mean(), more_than=0.9, unit="%")
reached_in = np.median(result.lengths[result.terminated]) * fresh_arms.unwrapped.dt
fact("half of these it reaches within", reached_in, less_than=1.5, unit="s", decimals=2)

# %% [markdown]
# Watch it move. Play, or drag `Step`; `Episode` picks another arm.

# %%
from rlbook.envs.arm.recording import record_episodes
from rlbook.widgets import MotionPanel

motion = record_episodes(ReachVectorEnv(6, torque_levels=3), greedy(agent), seed=3)
MotionPanel(motion, time_step=0)

# %%
from rlbook.plots import arm_trail

points = motion.points[: motion.lengths[0] + 1, 0]
arm_trail(points, target=motion.target[0], title="One reach, learned from nothing")

# %% [markdown]
# ## What the network believes
#
# For an arm at rest with the target up on the right (45°), every pose has a value, $\max_a Q(s, a)$, and a greedy torque. A
# star marks a pose that holds the tip exactly at the target.
#
# **Predict**: how many stars will there be, and where do you expect the bright poses?

# %%
guess = predict("So many stars:", [1, 2, 4])

# %%
from rlbook.envs.arm.controllers import inverse_kinematics


def observed(angles, target):
    """Observations of arms at rest with these joint angles (N, 2)."""
    arms = ReachVectorEnv(len(angles), torque_levels=3)
    return arms.reset(options={"q": angles, "qd": np.zeros(2), "target": target})[0]


target = 0.7 * arm.reach * np.array([np.cos(np.pi / 4), np.sin(np.pi / 4)])
there = inverse_kinematics(np.radians([[0.0, 90.0], [90.0, -90.0]]), target, arm.physics)


def value(angles):
    return agent.action_values(observed(angles, target)).max(axis=1)


any_pose = rng.uniform(-np.pi, np.pi, size=(1000, 2))
for number, worth in enumerate(value(there), start=1):
    worse = np.mean(worth > value(any_pose))
    fact(f"star {number}: poses that are worth less", worse, more_than=0.75, unit="%")
guess.came_out(len(there))
state_heatmap(
    value, mark=there.T, label="max Q", title="The stars lie in the best quarter of all poses"
)


# %%
def greedy_torque(angles):
    """Of joint 1: 0 backwards, 1 off, 2 forwards."""
    action = agent.action_values(observed(angles, target)).argmax(axis=1)
    return arm.torque_combinations[action, 0] + 1


state_heatmap(
    greedy_torque,
    mark=there.T,
    discrete=("backwards", "off", "forwards"),
    label="greedy torque of joint 1",
    title="Joint 1 turns towards a star",
)

# %% [markdown]
# An arm with two equal links can reach a point with its elbow on either side: two stars. They need not be equally bright:
# the network has come to know some poses better than others.
#
# ## Your hands on it
#
# Arms begin at random; the maps show what their network believes. The arm on show acts greedily: drag its target, or move it
# with the arrow keys. Press `Play` and change things while it learns.
#
# First say what you expect, then try:
# 1. How many steps until the mean return rises above −1?
# 2. Press `Keep run`, then `Reset`: the curve stays, with its settings beside it. Untick `Target network` and play as long
#    again. Which of the two curves is steadier?
# 3. Untick `Replay`. What happens to the maps?
# 4. A learning rate of 0.03 spoils it. Does `Gradient clipping` make a difference? (What is clipped is the gradient; the
#    step that Adam takes has the length of the learning rate anyway.)
# 5. Drag the target once around. Did the network learn about all directions alike?

# %%
from rlbook.widgets import DQNPanel

DQNPanel()

# %% [markdown]
# The answers, worked out with the arm trained above, and with five short runs of a smaller network. After every 1,000 steps
# such a run is asked about the same 400 poses:

# %%
from rlbook.workbook.answers import answer

rest = ReachVectorEnv(400, torque_levels=3)
angles = rng.uniform(-np.pi, np.pi, size=(400, 2))
looked_at, _ = rest.reset(seed=0, options={"q": angles, "qd": np.zeros(2)})


def short_run(**changes):
    """Action values of the poses after every 1,000 steps, (12, 400, 9)."""
    small = {**settings, "hidden_dims": (64, 64), "epsilon_decay": 0.95, **changes}
    learner = DQNAgent(10, 9, **small, seed=0)
    looks = []
    for _ in range(12):
        learner.learn(arms, total_steps=1000)
        looks.append(learner.action_values(looked_at))
    return np.array(looks)


def restlessness(looks):
    """Mean change of a pose's value from look to look, in the second half of the run."""
    return np.abs(np.diff(looks[6:].max(axis=2), axis=0)).mean()


def same_torque(looks):
    """Share of the poses that get the torque which most of them get."""
    return np.bincount(looks[-1].argmax(axis=1)).max() / len(looked_at)


looks = {
    "as it is": short_run(),
    "no target network": short_run(target_update_freq=1),
    "no replay": short_run(buffer_size=64, learning_starts=64),
    "learning rate 0.03": short_run(learning_rate=0.03),
    "learning rate 0.03, no clipping": short_run(learning_rate=0.03, max_grad_norm=None),
}

with answer("1. How many steps until the mean return rises above −1?"):
    recent = np.convolve(history.returns[0], np.ones(50) / 50, mode="valid")
    n_episodes = np.argmax(recent > -1) + 50
    n_steps = history.lengths[0][:n_episodes].sum()
    print("of the last 50 episodes, in the long run above:")
    fact("    steps", n_steps, less_than=40_000)

with answer("2. Without the target network, then with it: which curve is steadier?"):
    ratio = restlessness(looks["no target network"]) / restlessness(looks["as it is"])
    print("With it. A pose's value changes, from look to look,")
    fact("    without it so many times as much", ratio, more_than=1.3, decimals=1)

with answer("3. Untick Replay. What happens to the maps?"):
    print(
        "They follow the last motions, and forget what was learned before. Poses whose greedy"
    )
    print("torque has changed from look to look:")
    for name, bound in (("as it is", dict(less_than=0.6)), ("no replay", dict(more_than=0.6))):
        torques = looks[name][6:].argmax(axis=2)
        fact(f"    {name}", (torques[1:] != torques[:-1]).mean(), **bound, unit="%")

with answer("4. With a learning rate of 0.03, does clipping make a difference?"):
    print("No: either way every pose gets the same torque, whatever the pose and the target.")
    for name in ("learning rate 0.03", "learning rate 0.03, no clipping"):
        fact(f"    {name}", same_torque(looks[name]), more_than=0.9, unit="%")
    fact("    as it is", same_torque(looks["as it is"]), less_than=0.6, unit="%")

with answer("5. Did the network learn about all directions alike?"):
    print("Nearly. Targets that the arm trained above reaches, by their direction:")
    x, y = result.first_states[:, 6], result.first_states[:, 7]
    for name, chosen in (
        ("right", x > abs(y)),
        ("up", y > abs(x)),
        ("left", -x > abs(y)),
        ("down", -y > abs(x)),
    ):
        fact(f"    {name}", result.terminated[chosen].mean(), more_than=0.8, unit="%")

# %% [markdown]
# ## Too good to be true: overestimation
#
# The maximum of noisy estimates is too high, as with tables in notebook 2. To see it in a network, let a cheap sensor
# measure the reward: every step it is wrong by a random amount, zero on average, so that nothing changes in what an action
# is truly worth. Then compare what the network promises at the beginning of an episode with the discounted return that
# follows.
#
# In **[Double DQN](../docs/glossary.md#double-dqn)** (van Hasselt et al., 2016) the online network chooses the next action and the target network judges it.
#
# **Predict**: no return can be above 1, which is what arriving pays. How much will the networks promise?

# %%
guess = predict("On average DQN promises", ["less than 0.5", "0.5 to 1", "more than 1"])

# %%
from gymnasium.vector import VectorRewardWrapper

from rlbook.plots import estimates_against_returns
from rlbook.returns import double_value

print(inspect.getsource(double_value))


class CheapSensor(VectorRewardWrapper):
    """Measures rewards with noise of standard deviation 0.5."""

    noise = np.random.default_rng(0)

    def rewards(self, reward):
        return reward + self.noise.normal(0, 0.5, size=reward.shape)


promises, arrived = {}, {}
for name, double in (("DQN", False), ("Double DQN", True)):
    changes = {"double": double, "target_update_freq": 50, "huber": False}
    learner = DQNAgent(10, 9, **{**settings, **changes}, seed=1)
    noisy_arms = CheapSensor(gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=16))
    learner.learn(noisy_arms, total_steps=20_000)
    outcome = evaluate(greedy(learner), fresh_arms, n_episodes=500, seed=2, gamma=learner.gamma)
    promises[name] = (
        learner.action_values(outcome.first_states).max(axis=1),
        outcome.discounted_returns,
    )
    arrived[name] = outcome.terminated.mean()

estimates_against_returns(promises, title="Both promise too much, Double DQN less")

# %%
mean_promise = {name: estimated.mean() for name, (estimated, _) in promises.items()}
excess = {
    name: (estimated - returned).mean() for name, (estimated, returned) in promises.items()
}
less = excess["DQN"] - excess["Double DQN"]
low, high = (mean_promise["DQN"] > bound for bound in (0.5, 1))
guess.came_out("more than 1" if high else "0.5 to 1" if low else "less than 0.5")
fact("DQN promises, on average", mean_promise["DQN"], more_than=1, decimals=2)
fact("that is too much by", excess["DQN"], more_than=0.5, decimals=2)
fact("Double DQN promises too much by", excess["Double DQN"], more_than=0.1, decimals=2)
fact("which is less than DQN does, by", less, more_than=0.3, decimals=2)
part = excess["Double DQN"] / excess["DQN"]
fact("but still this part of it", part, more_than=1 / 4, unit="%")
fact(
    "targets that the better of the two reaches", max(arrived.values()), less_than=0.5, unit="%"
)

# %% [markdown]
# The luckiest of nine estimates wins, its luck enters the target, and the target of the step before, and so on backwards.
# Double DQN weakens that chain and does not break it: the network that judges is an older copy of the one that chooses, and
# shares much of its luck. (Nor is luck all that is wrong here: after 20,000 noisy steps neither network has learned the task.)
#
# ## Break it: one stabiliser at a time
#
# One run proves nothing, and a table of many runs takes longer than a minute. The numbers below were measured by
# `make bench` (the file `benchmarks/results/dqn.json` keeps them, with the machine): the share of 500 fresh targets reached.
# First the arm above for ten seeds; then runs of half the length for three, each with one thing taken away.
#
# **Predict** the order before you run the cell. Which stabiliser matters most for *this* task?

# %%
without = ["no replay", "no target network", "not double", "no clipping", "squared error"]
guess = predict("It hurts most to have", without)

# %%
import json
from pathlib import Path

record = json.loads(Path("../benchmarks/results/dqn.json").read_text())["result"]
for runs in (record["reaching"], record["ablations"]):
    print(f"after {runs['steps']:,} steps, seeds {', '.join(map(str, runs['seeds']))}:")
    for name, row in runs["rows"].items():
        shares = ", ".join(f"{share:4.0%}" for share in row["share_reached"])
        print(f"{name:>18}: median {np.median(row['share_reached']):4.0%}   ({shares})")

reached = {
    name: np.array(row["share_reached"]) for name, row in record["ablations"]["rows"].items()
}
everything = reached["all stabilisers"]
full = np.median(everything)
part = np.median(reached["no replay"]) / full
print(f"without replay it reaches {part:.0%} of what it reaches with all stabilisers")
assert part < 1 / 2
differing = np.sum(reached["no clipping"] != everything)
print(f"runs that come out differently without clipping: {differing} of {len(everything)}")
assert differing == 0
others = [
    np.median(reached[name]) for name in ("no target network", "not double", "squared error")
]
most = np.abs(np.array(others) - full).max()
print(f"the others change the median by {100 * most:.0f} points at most")
assert most < 0.1
guess.came_out(min(without, key=lambda name: np.median(reached[name])))

# %% [markdown]
# For *this* task replay is nearly everything, and the others change little. Clipping did not act once: every run is exactly the
# same with it and without, so no gradient was long enough. Three seeds cannot tell which of the smaller differences are
# real. A plausible reason for them being small: sixteen arms in different poses, episodes of a few seconds, a reward at every
# step and a cautious learning rate leave little to save. That is no verdict on the other stabilisers (in all five Atari games
# that Mnih et al. compared, in their extended data table 3, the target network raised the score); it is the reason to measure.
#
# Now break it yourself, in a shorter run: no replay, no target network, no clipping, and a learning rate that is too high.

# %%
broken = dict(
    buffer_size=64, learning_starts=0, target_update_freq=1, max_grad_norm=None, huber=False
)
ruined = DQNAgent(
    10, 9, **{**settings, **broken, "double": False, "learning_rate": 1e-2}, seed=0
)
ruined.learn(arms, total_steps=12_000)
result = evaluate(greedy(ruined), fresh_arms, n_episodes=500, seed=1)
fact("targets that it reaches", result.terminated.mean(), less_than=0.5, unit="%")

# %% [markdown]
# ## The same class on another task: CartPole
#
# Nothing in `DQNAgent` knows about arms. CartPole-v1 pays 1 a step for a pole that stands, at most 500. A time limit is not
# an end here either: a pole that stands after 500 steps would have gone on standing.
#
# Two things decide here whether a run comes to 475 and more, which counts as solved:
#
# - **New experience.** Steps of simulated poles are cheap, training steps are not. A training step for every ten steps of 32
#   poles, instead of one for every two steps of 8, makes as many training steps from five times as much experience.
# - **Possible returns.** With 1 a step and γ = 0.99 no return is above 1 + γ + γ² + … = 1/(1 − γ) = 100. The maximum over
#   estimates is too high, and targets that repeat it may climb past anything possible. `return_bounds=(0, 100)` cuts every
#   target there (Andrychowicz et al., 2017, do the same).
#
# **Predict**: which of the two can be left out?

# %%
guess = predict(
    "To have every run at 475 and more, one can leave out",
    ["the new experience", "the bounds", "neither"],
)

# %%
cartpole = record["cartpole"]
rows = {
    "both": "rlbook",
    "as many training steps, a fifth of the experience": "fewer",
    "without bounds": "unbounded",
    "Stable-Baselines3, as published": "peer",
}
print("mean return of 100 fresh episodes, one number a seed:")
for name, who in rows.items():
    runs = cartpole[f"{who}_return"]
    returns = ", ".join(f"{each:.0f}" for each in runs)
    print(f"{name:>49}, {cartpole[f'{who}_steps']:,} steps, {len(runs)} seeds: {returns}")
print(f"the first take {cartpole['time_share']:.2f} of the time of the last")
lost = {who: np.sum(np.array(cartpole[f"{who}_return"]) < 475) for who in rows.values()}
assert lost["rlbook"] == 0 and lost["fewer"] >= 2 and lost["unbounded"] >= 2
guess.came_out("neither")

# %% [markdown]
# **Predict**: after the first 30,000 of those steps, how long does the pole stand? Three seeds, for a curve with its spread:

# %%
guess = predict("The pole stands for", ["less than 50 steps", "50 to 450", "nearly all 500"])

# %%
recipe = dict(
    hidden_dims=(128, 128),
    learning_rate=5e-4,
    batch_size=128,
    tau=0.02,  # the target network follows by a fiftieth of the way after every training step
    double=True,
    huber=True,
    return_bounds=(0, 100),
    epsilon_decay=0.997,
    epsilon_min=0.04,
    learning_starts=5000,
    updates_per_step=0.1,
    anneal_steps=240_000,  # the learning rate falls to zero by the end of a whole run
)
poles = gym.make_vec("CartPole-v1", num_envs=100)
returns, stands = [], []
for seed in range(3):
    balancer = DQNAgent(state_dim=4, action_dim=2, **recipe, seed=seed)
    past = balancer.learn(gym.make_vec("CartPole-v1", num_envs=32), total_steps=30_000)
    returns.append(past.returns[0])
    stands.append(evaluate(greedy(balancer), poles, n_episodes=100).returns.mean())
    fact(f"seed {seed}: steps that it stands, on average", stands[-1], more_than=50)

stand = np.mean(stands)
guess.came_out(guess.choices[0 if stand < 50 else 1 if stand < 450 else 2])
fewest = min(map(len, returns))
learning_curve(
    np.array([values[:fewest] for values in returns]),
    window=20,
    title="CartPole: all three seeds rise late and fast",
    ylabel="Return (steps)",
)

# %% [markdown]
# ## Saving and loading
#
# A learner is more than its weights. To go on exactly where it stopped it needs the optimiser's memory, the target network
# and when it is next copied, ε, the transitions, and the state of the random numbers. `save` writes them all to one
# safetensors file: plain numbers, nothing that could run code when it is opened.

# %%
import tempfile

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "reacher.safetensors"
    agent.save(path)
    twin = DQNAgent.load(path)
    print(f"file: {path.stat().st_size / 1e6:.0f} MB, {len(twin.buffer):,} transitions")
    print(f"{int(twin.n_updates):,} training steps")

for learner in (agent, twin):
    learner.learn(gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=16), total_steps=1600)
poses = observed(rng.uniform(-np.pi, np.pi, size=(100, 2)), target)
difference = np.abs(agent.action_values(poses) - twin.action_values(poses)).max()
assert difference == 0
print(f"after 1,600 more steps their action values differ by {int(difference)}")

# %%
predictions()

# %% [markdown]
# ## Recap
#
# - A network is layers of neurons, and learns by short steps down the gradient of a loss. A table is the smallest of them.
# - A network takes the place of the table where states cannot be counted; it generalises, for better and for worse, and never
#   says that it is guessing.
# - DQN's loss is the squared [TD error](../docs/glossary.md#td-error), with the target from an older copy of the network and batches from a memory.
# - Replay breaks correlation, the target network holds the goal still, clipping limits what one batch can do. Which of them
#   matters how much depends on the task: measure it, over several seeds.
# - A maximum over estimates is too high. Double DQN promises less, though still too much.
# - Nothing is [bootstrapped](../docs/glossary.md#bootstrapping) after a terminal step; a time limit is not one.
# - DQN needs actions that can be listed. Nine torque combinations can; a motor that takes any torque cannot. That is what
#   the next notebook is about.
#
# **Read on** Mnih et al. (2015), *Human-level control through deep reinforcement learning*, Nature 518. van Hasselt, Guez &
# Silver (2016), *Deep Reinforcement Learning with Double Q-learning*, AAAI. Pardo et al. (2018), *Time Limits in
# Reinforcement Learning*, ICML. Sutton & Barto (2018), chapters 9 to 11 and section 16.5.
#
# **Now you**: [exercises/03_dqn.ipynb](../exercises/03_dqn.ipynb). At the end your own target drives the arms.
