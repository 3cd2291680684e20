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
# **After this notebook you can**
# - say why a table cannot hold a robot's states, and what a network in its place buys;
# - write the loss of DQN, and name its three stabilisers and what each is good for;
# - measure correlation in a robot's experience, and what replay does about it;
# - train an arm to reach, show with several seeds that it can, and take the stabilisers away one by one;
# - save a learner so that it goes on exactly where it stopped.
#
# **Time** about 70 minutes. **You need** [notebook 2](02_q_learning.ipynb). **Exercises**:
# [exercises/03_dqn.ipynb](../exercises/03_dqn.ipynb).

# %%
import inspect
import json
import tempfile
from pathlib import Path

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorRewardWrapper

from rlbook.dqn import DQNAgent, QNetwork, double_dqn_target, td_target
from rlbook.envs.controllers import record_episodes
from rlbook.envs.reach import ReachVectorEnv
from rlbook.plots import arm_trail, estimates_against_returns, learning_curve, state_heatmap
from rlbook.training import ReplayBuffer, evaluate
from rlbook.widgets import DQNPanel, MotionPanel

# %% [markdown]
# ## Why a table fails
#
# Six joint angles, each to the nearest degree. **Predict** how many states that makes, and how much memory a table of
# single-precision action values would need. (No velocities yet, and no target.)

# %%
n_states = 360**6
n_actions = 3**6  # every motor forwards, backwards or off
n_weights = sum(weight.numel() for weight in QNetwork(state_dim=12, action_dim=n_actions).parameters())
print(f"states: {n_states:.1e}, table: {4 * n_states * n_actions / 1e18:.1f} exabytes")
print(f"visiting every state once, a million a second: {n_states / 1e6 / 3600 / 24 / 365:.0f} years")
print(f"a network with two hidden layers of 256: {n_weights:,} weights, {4 * n_weights / 1e6:.1f} megabytes")

# %% [markdown]
# The size is not even the worst. A table learns about the one state it visits; at 31.0° it knows nothing of what it has
# learned at 30.9°. A network **generalises**: what is learned in one pose changes its opinion of all similar poses. That is
# what we want, and, as we shall see, also what makes it unstable.
#
# ## The idea
#
# Deep Q-learning (Mnih et al., 2015) keeps the target of Q-learning and replaces the table's update by a step of gradient
# descent. For a batch of transitions $(s, a, r, s')$:
#
# $$y = r + \gamma \max_{a'} Q_\text{target}(s', a'), \qquad
# L(\theta) = \operatorname{mean} \big(y - Q_\theta(s, a)\big)^2$$
#
# and $y = r$ where the task **terminated**. Here is the library's own source:

# %%
print(inspect.getsource(td_target))

# %% [markdown]
# **By hand.** Reward 0.5, next values 2 and 4, γ = 0.9. What is $y$? And if the task ended there? And if only the clock ran
# out?

# %%
for how, terminated in (("goes on", 0.0), ("terminated", 1.0), ("truncated", 0.0)):
    y = td_target(np.array([0.5]), np.array([[2.0, 4.0]]), np.array([terminated]), gamma=0.9)
    print(f"{how:>10}: y = {y.item():.1f}")

# %% [markdown]
# A supervised learner has fixed targets and shuffled data. Ours has neither: neighbouring samples come from the same motion,
# and $y$ is computed with the weights that are being changed. Three **stabilisers** help:
#
# | stabiliser | what goes wrong without it | in `DQNAgent` | taken away by |
# |---|---|---|---|
# | replay | a batch is one short piece of one motion | `buffer_size=100_000` | `buffer_size=batch_size` |
# | target network | the target runs away from the estimate | `target_update_freq=100` or `tau=0.005` | `target_update_freq=1` |
# | gradient clipping | one odd batch ruins the weights | `max_grad_norm=10.0` | `max_grad_norm=None` |
#
# ## Replay, and the correlation it removes
#
# Let us measure what replay is for. An arm moves at random; we look at its observations as they come, and at the same ones
# drawn from a `ReplayBuffer`.
#
# **Predict**: the correlation between one observation and the next, in both orders.

# %%
arm = ReachVectorEnv(1, torque_levels=3)
rng = np.random.default_rng(0)
memory = ReplayBuffer(capacity=10_000, state_dim=10, seed=0)
state, _ = arm.reset(seed=0)
stream = []
for _ in range(10_000):
    action = rng.integers(9, size=1)
    next_state, reward, terminated, truncated, info = arm.step(action)
    memory.push(state, action, reward, next_state, terminated)
    stream.append(state[0])
    state = next_state

shuffled = memory.sample(10_000).state
for name, values in (("in the order of time", np.array(stream)), ("drawn from the memory", shuffled)):
    neighbours = [np.corrcoef(column[:-1], column[1:])[0, 1] for column in values.T]
    print(f"{name:>21}: correlation of neighbours {np.abs(neighbours).mean():.1f} (mean of the ten numbers observed)")

# %% [markdown]
# Sixty-four neighbours say hardly more than one of them does; sixty-four draws from a memory say sixty-four things. (Several
# arms side by side help too: they are in different poses. The library learns from a whole batch of environments at once.)
#
# ## An arm that learns to reach
#
# `rlbook/ReachDiscrete-v0`: two joints, each motor backwards, off or forwards, so nine actions. The observation has ten
# numbers: cosine and sine of the joint angles, velocities, target, and the way from the tip to the target. The tip must
# come within 5 cm; arriving pays 1, and until then every step costs a little for the distance.
#
# Sixteen arms learn side by side with one network. The cell takes about a minute.

# %%
settings = dict(
    hidden_dims=(128, 128),
    gamma=0.95,
    epsilon_decay=0.98,
    epsilon_min=0.05,
    target_update_freq=300,
    double=True,
    huber=True,
    learning_starts=1000,
    updates_per_step=0.25,
)
agent = DQNAgent(state_dim=10, action_dim=9, **settings, seed=0)
arms = gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=16)
history = agent.learn(arms, total_steps=64_000)

learning_curve(history.returns, window=50, title="Sixteen arms learn to reach", ylabel="Return")

# %% [markdown]
# The curve shows arms that still explore. What can the network do when it does its best? Five hundred targets that it has
# never seen, without exploration:


# %%
def greedy(learner):
    """Its policy without exploration."""
    return lambda state: learner.select_action(state, training=False)


fresh_arms = gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=500)
result = evaluate(greedy(agent), fresh_arms, n_episodes=500, seed=1)
random = evaluate(lambda state: rng.integers(9, size=len(state)), fresh_arms, n_episodes=500, seed=1)
print(f"random torques reach fewer than 1 target in 3: {random.terminated.mean() < 1 / 3}")
print(f"the network reaches more than 9 in 10:         {result.terminated.mean() > 0.9}")
reached_in = np.median(result.lengths[result.terminated]) * fresh_arms.unwrapped.dt
print(f"half of them within 1.5 seconds:               {reached_in < 1.5}")

# %% [markdown]
# Watch it move. Play, or drag `Step`; `Episode` picks another arm.

# %%
motion = record_episodes(ReachVectorEnv(6, torque_levels=3), greedy(agent), seed=3)
MotionPanel(motion, time_step=0)

# %%
arm_trail(motion.points[: motion.lengths[0] + 1, 0], target=motion.target[0], title="One reach, learned from nothing")

# %% [markdown]
# ## What the network believes
#
# For an arm at rest with the target up on the right (45°), every pose has a value, $\max_a Q(s, a)$, and a greedy torque. The
# bright poses are those that hold the tip close to the target. Why are there two of them?


# %%
def observed(angles, target):
    """Observations of arms at rest with these joint angles (N, 2)."""
    arms = ReachVectorEnv(len(angles), torque_levels=3)
    return arms.reset(options={"q": angles, "qd": np.zeros(2), "target": target})[0]


target = 0.7 * arm.reach * np.array([np.cos(np.pi / 4), np.sin(np.pi / 4)])
state_heatmap(
    lambda angles: agent.action_values(observed(angles, target)).max(axis=1),
    label="max Q",
    title="Value of every pose, target at 45°",
)

# %%
state_heatmap(
    lambda angles: arm.torque_combinations[agent.action_values(observed(angles, target)).argmax(axis=1), 0] + 1,
    discrete=("backwards", "off", "forwards"),
    label="greedy torque of joint 1",
    title="What the first motor would do",
)

# %% [markdown]
# An arm with two equal links can reach a point with its elbow on either side: two poses, two bright spots.
#
# ## Your hands on it
#
# Arms begin at random; the maps show what their network believes. Press **play** and change things while it learns.
#
# **Predict**, then try:
# 1. How many steps until the mean return rises above −1?
# 2. Untick `Target network` at the start, then tick it again after a while. Which curve is steadier?
# 3. Untick `Replay`. What happens to the maps?
# 4. Learning rate 0.03, once with and once without `Gradient clipping`.
# 5. Move `Target in the maps`. Did the network learn about all directions alike?

# %%
DQNPanel()

# %% [markdown]
# ## Too good to be true: overestimation
#
# The maximum of noisy estimates is too high, as with tables in notebook 2. To see it in a network, let a cheap sensor
# measure the reward: every step it is wrong by a random amount, zero on average, so that nothing changes in what an action
# is truly worth. Then compare what the network promises at the beginning of an episode with the discounted return that
# follows.
#
# In Double DQN (van Hasselt et al., 2016) the online network chooses the next action and the target network judges it.
#
# **Predict**: no return can be above 1, which is what arriving pays. How much will the networks promise?

# %%
print(inspect.getsource(double_dqn_target))


class CheapSensor(VectorRewardWrapper):
    """Measures rewards with noise of standard deviation 0.5."""

    noise = np.random.default_rng(0)

    def rewards(self, reward):
        return reward + self.noise.normal(0, 0.5, size=reward.shape)


promises = {}
for name, double in (("DQN", False), ("Double DQN", True)):
    learner = DQNAgent(10, 9, **{**settings, "double": double, "target_update_freq": 50, "huber": False}, seed=1)
    learner.learn(CheapSensor(gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=16)), total_steps=20_000)
    outcome = evaluate(greedy(learner), fresh_arms, n_episodes=500, seed=2, gamma=learner.gamma)
    promises[name] = learner.action_values(outcome.first_states).max(axis=1), outcome.discounted_returns

estimates_against_returns(promises)

# %%
mean_promise = {name: estimated.mean() for name, (estimated, _) in promises.items()}
mean_return = {name: returned.mean() for name, (_, returned) in promises.items()}
print(f"DQN promises more than there is to get, on average:  {mean_promise['DQN'] > 1}")
print(f"Double DQN promises less than DQN, by more than 0.3: {mean_promise['DQN'] - mean_promise['Double DQN'] > 0.3}")
print(f"and still more than it keeps:                        {mean_promise['Double DQN'] > mean_return['Double DQN']}")

# %% [markdown]
# The luckiest of nine estimates wins, its luck enters the target, and the target of the step before, and so on backwards.
# Double DQN breaks most of that chain, not all of it: its two networks are relatives.
#
# ## Break it: one stabiliser at a time
#
# One run proves nothing, and a table of many runs takes longer than a minute. The numbers below were measured by
# `make bench` (the file `benchmarks/results/dqn.json` keeps them, with the machine): the share of 500 fresh targets reached,
# for three seeds.
#
# **Predict** the order before you run the cell. Which stabiliser matters most for *this* task?

# %%
record = json.loads(Path("../benchmarks/results/dqn.json").read_text())["result"]
ablations = record["ablations"]
print(f"after {ablations['steps']:,} steps, seeds {ablations['seeds']}:")
for name, row in ablations["rows"].items():
    shares = ", ".join(f"{share:4.0%}" for share in row["share_reached"])
    print(f"{name:>18}: median {np.median(row['share_reached']):4.0%}   ({shares})")

reached = {name: np.array(row["share_reached"]) for name, row in ablations["rows"].items()}
full = np.median(reached["all stabilisers"])
print(f"without replay less than half of that: {np.median(reached['no replay']) < full / 2}")
print(f"without clipping exactly the same:     {(reached['no clipping'] == reached['all stabilisers']).all()}")
others = [np.median(reached[name]) for name in ("no target network", "not double", "squared error")]
print(f"the others change it by less than 0.1: {np.abs(np.array(others) - full).max() < 0.1}")

# %% [markdown]
# For *this* task replay is nearly everything. The others hardly matter here: sixteen arms in different poses, an episode of a
# few seconds, a reward at every step and a cautious learning rate leave them little to save. Clipping did not even act once:
# with Huber's loss no gradient was long enough. That is no verdict on them (for Atari games, with long episodes and rare
# rewards, the papers found otherwise); it is the reason to measure.
#
# Now break it yourself, in a shorter run: no replay, no target network, no clipping, and a learning rate that is too high.

# %%
broken = dict(buffer_size=64, learning_starts=0, target_update_freq=1, max_grad_norm=None, huber=False, double=False)
ruined = DQNAgent(10, 9, **{**settings, **broken, "learning_rate": 1e-2}, seed=0)
ruined.learn(arms, total_steps=12_000)
result = evaluate(greedy(ruined), fresh_arms, n_episodes=500, seed=1)
print(f"it reaches fewer than half of the targets: {result.terminated.mean() < 0.5}")

# %% [markdown]
# ## The same class on another task: CartPole
#
# Nothing in `DQNAgent` knows about arms. CartPole-v1 pays 1 a step for a pole that stands, at most 500. A time limit is not
# an end here either: a pole that stands after 500 steps would have gone on standing.

# %%
cartpole = record["cartpole"]
print(f"after {cartpole['rlbook_steps']:,} steps, mean return of 100 fresh episodes, one number a seed:")
for name, key in (("rlbook", "rlbook_return"), ("Stable-Baselines3, as published", "peer_return")):
    print(f"{name:>32}: {', '.join(f'{value:.0f}' for value in cartpole[key])}")
print(f"rlbook takes {cartpole['time_share']:.2f} of the time")

# %%
balancer = DQNAgent(
    state_dim=4,
    action_dim=2,
    hidden_dims=(128, 128),
    learning_rate=5e-4,
    batch_size=128,
    tau=0.01,
    double=True,
    huber=True,
    epsilon_decay=0.97,
    epsilon_min=0.04,
    learning_starts=1000,
    updates_per_step=0.5,
)
balancer.learn(gym.make_vec("CartPole-v1", num_envs=8), total_steps=10_000)
result = evaluate(greedy(balancer), gym.make_vec("CartPole-v1", num_envs=100), n_episodes=100)
print(f"after the first 10,000 of those steps the pole stands for more than 50: {result.returns.mean() > 50}")

# %% [markdown]
# ## Saving and loading
#
# A learner is more than its weights. To go on exactly where it stopped it needs the optimiser's memory, the target network
# and when it is next copied, ε, the transitions, and the state of the random numbers. `save` writes them all to one
# safetensors file: plain numbers, nothing that could run code when it is opened.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "reacher.safetensors"
    agent.save(path)
    twin = DQNAgent.load(path)
    print(f"file: {path.stat().st_size / 1e6:.0f} MB, {len(twin.buffer):,} transitions")
    print(f"{twin.n_updates:,} training steps")

for learner in (agent, twin):
    learner.learn(gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=16), total_steps=1600)
poses = observed(rng.uniform(-np.pi, np.pi, size=(100, 2)), target)
same = (agent.action_values(poses) == twin.action_values(poses)).all()
print(f"after 1,600 more steps the two agree exactly: {same}")

# %% [markdown]
# ## Recap
#
# - A network takes the place of the table where states cannot be counted; it generalises, for better and for worse.
# - DQN's loss is the squared TD error, with the target from an older copy of the network and batches from a memory.
# - Replay breaks correlation, the target network holds the goal still, clipping limits what one batch can do. Which of them
#   matters how much depends on the task: measure it, over several seeds.
# - A maximum over estimates is too high; Double DQN promises less, and keeps it.
# - Nothing is bootstrapped after a terminal step; a time limit is not one.
# - DQN needs actions that can be listed. Nine torque combinations can; a motor that takes any torque cannot. That is what
#   the next notebook is about.
#
# **Read on** Mnih et al. (2015), *Human-level control through deep reinforcement learning*, Nature 518. van Hasselt, Guez &
# Silver (2016), *Deep Reinforcement Learning with Double Q-learning*, AAAI. Pardo et al. (2018), *Time Limits in
# Reinforcement Learning*, ICML. Sutton & Barto (2018), sections 9 to 11 and 16.5.
#
# **Now you**: [exercises/03_dqn.ipynb](../exercises/03_dqn.ipynb). At the end your own target drives the arms.
