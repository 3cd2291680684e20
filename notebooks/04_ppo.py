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
# # 4 · PPO: a thousand arms, and torques that need no steps
#
# DQN chose among nine torques. A motor knows no nine torques: any number between its limits will do. **How do you learn a
# policy whose actions are numbers?** By making the policy itself the network, and pushing up the probability of whatever
# went better than expected. Run the cell (its code is behind the dots): 1,024 arms learn to reach while you look on. (The open
# circle is where the tip starts, the filled one its target.)

# %% tags=["hide-input"]
import tempfile
import time
from pathlib import Path

import gymnasium as gym
import numpy as np
from IPython.display import Image

from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.envs.arm.recording import record_episodes
from rlbook.learning.stepping import evaluate
from rlbook.plots import arm_trail
from rlbook.plots.style import figure_png, join_png
from rlbook.ppo import PPO
from rlbook.workbook.facts import fact


def likeliest(agent):
    """Its policy without chance: the mean of the Gaussian."""
    return lambda state: agent.select_action(state, training=False)


def one_reach(agent):
    """The same arm, the same target: base, joint and tip at every step."""
    motion = record_episodes(ReachVectorEnv(1), likeliest(agent), seed=5)
    return motion.points[: motion.lengths[0] + 1, 0], motion.target[0]


agent = PPO.for_many_arms(state_dim=10, action_dim=2, seed=0)
arms = gym.make_vec("rlbook/Reach-v0", num_envs=1024)
trails, began = {"before": one_reach(agent)}, time.perf_counter()
agent.learn(arms, total_steps=65_536)
saved = Path(tempfile.mkdtemp()) / "half_trained.safetensors"
agent.save(saved)
trails["after 65,536 steps"] = one_reach(agent)
agent.learn(arms, total_steps=262_144)
seconds = time.perf_counter() - began
trails["after 327,680 steps"] = one_reach(agent)
fact("seconds of learning", seconds, less_than=300)
Image(join_png([figure_png(arm_trail(*trails[when], title=when, size=3.4)) for when in trails]))

# %% [markdown]
# **After this notebook you can**
# - write the gradient of a policy, measure how noisy it is, and name three ways to make it less so;
# - write the advantage estimate of PPO, and say what λ trades for what;
# - say what clipping does, and show what happens without it;
# - read what PPO measures while it learns: how far the policy moves, how widely it still tries, how much is foreseen;
# - say why a thousand arms learn faster than one, in the same time;
# - find the bug that takes a time limit for an end.
#
# **Time** about 75 minutes. **You need** [notebook 3](03_dqn.ipynb). **Exercises**:
# [exercises/04_ppo.ipynb](../exercises/04_ppo.ipynb).
#
# How good is it? A thousand targets that it has never seen, and the policy's mean in place of its draws:

# %%
fresh_arms = gym.make_vec("rlbook/Reach-v0", num_envs=1000)
result = evaluate(likeliest(agent), fresh_arms, n_episodes=1000, seed=1)
fact("fresh targets reached", result.terminated.mean(), more_than=0.9, unit="%")
reached_in = np.median(result.lengths[result.terminated]) * fresh_arms.unwrapped.dt
fact("seconds to half of them", reached_in, less_than=1.5, decimals=2)

# %% [markdown]
# ## A policy that is a probability
#
# The policy $\pi_\theta(a \mid s)$ is a Gaussian. A network says its mean $\mu_\theta(s)$, one torque a joint; a standard
# deviation $\sigma$ is learned beside it. To act is to draw. The expected return $J$ has a gradient that needs no model of the
# world and no maximum over actions, the **[policy gradient](../docs/glossary.md#policy-gradient)**:
#
# $$\nabla J = \mathbb{E}\big[\nabla_\theta \log \pi_\theta(a \mid s)\; G\big]$$
#
# where $G$ is the return that followed. In words: make what you did likelier, the more the better it went. That alone is an
# algorithm, **REINFORCE** (Williams, 1992). The density of a Gaussian is all it needs; the library's own source:

# %%
import inspect

import torch

from rlbook.losses import gaussian_log_prob

print(inspect.getsource(gaussian_log_prob))


def reinforce_gradient(policy, states, actions, G):
    """The gradient of mean(log pi(a | s) G) in the actor's weights, one vector."""
    policy.zero_grad()
    log_prob, _, _ = policy.evaluate_actions(states, actions)
    (log_prob * G).mean().backward()
    return policy.actor.weights.grad.clone()


# %% [markdown]
# ## How noisy is that gradient?
#
# Take the policy from above after 65,536 steps, when it was half trained, and let 1,024 arms act with it for 50 steps: a
# **[rollout](../docs/glossary.md#rollout)**. Then cut the arms into 64 groups of 16, and compute the gradient of each group on its own. If it were certain, all
# 64 would agree.
#
# A second network helps, the **[critic](../docs/glossary.md#critic)**: it learns the value $V(s)$ of the policy as it is, by least squares on the returns that
# were seen. What an action brings beyond it, $A = Q(s, a) - V(s)$, is the action's **[advantage](../docs/glossary.md#advantage)**. The policy itself is the
# **[actor](../docs/glossary.md#actor)**.
#
# Four choices for $G$, the number that multiplies $\nabla \log \pi$:
# 1. the **whole return** from the first step to the end of its episode, the same for all 50 steps;
# 2. the **[reward to go](../docs/glossary.md#reward-to-go)**: what came before an action cannot be its merit;
# 3. the reward to go **less a [baseline](../docs/glossary.md#baseline)**, the critic's $V(s)$: only what went better than usual counts;
# 4. the **advantage estimate** of PPO, which the next section tells of.
#
# **Predict** how much each of these takes away. We measure the spread of the 64 gradients in units of their mean's length. At 2,
# a single group's gradient is two parts chance to one part signal. The scale has an end: pure chance gives about $\sqrt{64} = 8$,
# because the mean of 64 random arrows is not zero. The last row shows one draw of it, which may well lie above.

# %%
from rlbook.workbook.predictions import predict, predictions

guess = predict(
    "Which of the four leaves the least chance?",
    ["whole return", "reward to go", "less a baseline", "advantage estimate"],
)

# %%
from rlbook.learning.rollout import RolloutBuffer
from rlbook.learning.stepping import TrueSteps
from rlbook.returns import compute_gae
from rlbook.workbook.facts import measured


def rollout(learner, envs, n_steps, first_action=None):
    """``n_steps`` of every arm with the policy as it is, and what the critic says of them."""
    steps = TrueSteps(envs, seed=0, device="cpu")
    buffer = RolloutBuffer(n_steps, steps.num_envs, state_dim=10, action_shape=(2,))
    for t in range(n_steps):
        state, action = steps.state, learner.select_action(steps.state)
        if t == 0 and first_action is not None:
            action = first_action
        next_state, reward, terminated, truncated, _ = steps.step(action)
        buffer.push(state, action, reward, next_state, terminated, truncated)
    return buffer, learner.value(buffer.states), learner.value(buffer.next_states)


def gae(buffer, values, next_values, gae_lambda):
    ends = buffer.terminated, buffer.truncated
    return compute_gae(buffer.rewards, values, next_values, *ends, 0.95, gae_lambda)


half_trained = PPO.load(saved)
buffer, values, next_values = rollout(half_trained, arms, n_steps=50)
to_go = gae(buffer, 0 * values, 0 * next_values, gae_lambda=1.0)
choices = {
    "whole return": to_go[:1].expand_as(to_go),
    "reward to go": to_go,
    "less a baseline": to_go - values,
    "advantage estimate": gae(buffer, values, next_values, gae_lambda=0.95),
    "pure chance": torch.randn(to_go.shape, generator=torch.Generator().manual_seed(0)),
}
noise = {}
for name, G in choices.items():
    gradients = []
    for group in torch.arange(1024).split(16):
        rows = (array[:, group].flatten(0, 1) for array in (buffer.states, buffer.actions, G))
        gradients.append(reinforce_gradient(half_trained.policy, *rows))
    gradients = torch.stack(gradients)
    noise[name] = (gradients.std(0).norm() / gradients.mean(0).norm()).item()
    print(f"{name:>20}: {measured(noise[name], decimals=1)}")
guess.came_out(min(noise, key=noise.get))
least = noise["advantage estimate"]
fact("the advantage estimate: chance to one part signal", least, less_than=5, decimals=1)
fact("pure chance", noise["pure chance"], more_than=6, decimals=1)

# %% [markdown]
# ## Bias against variance: λ
#
# What makes an advantage? One step and then the critic's opinion: little noise, but all of the critic's errors. All the rewards
# that truly came: no error on average, but all of chance. **[Generalised advantage estimation](../docs/glossary.md#generalised-advantage-estimation)** (Schulman et al., 2016) mixes
# both, the further away the less:
#
# $$\delta_t = r_t + \gamma V(s_{t+1}) - V(s_t), \qquad A_t = \sum_{k \ge 0} (\gamma \lambda)^k\, \delta_{t+k}$$

# %%
print(inspect.getsource(compute_gae))

# %% [markdown]
# Let us measure the trade. 64 situations (pose, target and a first action), each played 64 times to the end with the
# half-trained policy. The mean of the 64 true returns says what the first action was really worth; every λ gives an estimate
# from each single play.
#
# **Predict** where both errors together, $\sqrt{\text{bias}^2 + \text{spread}^2}$, are smallest.

# %%
guess = predict("Both errors together are smallest at", ["λ = 0", "in between", "λ = 1"])

# %%
from rlbook.plots.policies import bias_and_spread


class SameStart(gym.vector.VectorWrapper):
    """Begins with 64 situations, each in 64 arms."""

    def reset(self, *, seed=None, options=None):
        if options is not None:
            return self.env.reset(options=options)
        self.env.reset(seed=seed)
        arms = self.env.unwrapped
        starts = {name: getattr(arms, name)[:64].repeat(64, axis=0) for name in ("q", "target")}
        return self.env.reset(options=starts)


plays = SameStart(gym.make_vec("rlbook/Reach-v0", num_envs=64 * 64))
any_action = half_trained.select_action(torch.randn(64, 10))  # of random states: all sorts
first_action = any_action.repeat_interleave(64, 0)
experience = rollout(half_trained, plays, n_steps=100, first_action=first_action)
truth = gae(*experience, gae_lambda=1.0)[0].view(64, 64).mean(1)
gae_lambdas, bias, spread = [0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, 1.0], [], []
for gae_lambda in gae_lambdas:
    estimates = gae(*experience, gae_lambda)[0].view(64, 64)
    bias.append((estimates.mean(1) - truth).square().mean().sqrt().item())
    spread.append(estimates.var(1).mean().sqrt().item())
fact("bias at λ = 0, of the spread at λ = 1", bias[0] / spread[-1], more_than=0.1, decimals=2)
fact("spread at λ = 0, in units of the reward", spread[0], less_than=0.01, decimals=4)
fact("bias at λ = 1, likewise", bias[-1], less_than=0.01, decimals=4)
smallest = gae_lambdas[int(np.hypot(bias, spread).argmin())]
guess.came_out({0.0: "λ = 0", 1.0: "λ = 1"}.get(smallest, "in between"))
bias_and_spread(gae_lambdas, bias, spread)

# %% [markdown]
# At λ = 0 there is no spread at all: the arm obeys no chance, and situation and first action are the same in all 64 plays. At
# λ = 1 there is no bias, by construction: the truth is the mean of just these estimates. Both together have their minimum in
# between. It moves with the critic: the better it is, the smaller may λ be. And over a whole batch noise averages out where bias
# does not, hence the usual 0.95.
#
# ## Not too far at once: clipping
#
# One round of PPO: (1) act for a few steps in all arms; (2) estimate advantages $A$ and returns $R = A + V$; (3) take a few passes
# over the rollout in small batches, the policy by the [loss](../docs/glossary.md#loss) below, the critic by $(V - R)^2$; (4) forget the rollout.
#
# A rollout is expensive, hence the several passes. But after the first step of [gradient descent](../docs/glossary.md#gradient-descent) the policy is no
# longer the one that acted. The **ratio** $\rho = \pi_\theta(a \mid s) / \pi_\text{old}(a \mid s)$ accounts for that, and the
# **clipped** objective (Schulman et al., 2017) takes away the gain of moving it far from 1:
#
# $$L = -\operatorname{mean} \min\big(\rho A,\ \operatorname{clip}(\rho, 1 - \epsilon, 1 + \epsilon)\, A\big)$$

# %%
from rlbook.losses import clipped_surrogate_loss
from rlbook.plots.policies import clipped_objective

print(inspect.getsource(clipped_surrogate_loss))
clipped_objective(clip_epsilon=0.2)

# %% [markdown]
# Left of the dot on the left picture, and right of it on the right one, nothing is clipped: a policy that moved the wrong way
# may always come back. How far the policy as a whole has moved is told by the **[KL divergence](../docs/glossary.md#kl-divergence)**, the mean log-ratio between the
# old policy and the new, in **[nats](../docs/glossary.md#nats)** (of natural logarithms).
#
# **Predict**: thirty passes over one and the same rollout, with clipping and without. How far do single ratios go?

# %%
guess = predict(
    "With clipping at 0.2, do all single ratios stay between 0.8 and 1.2?", ["yes", "no"]
)

# %%
from rlbook.plots.policies import ratio_histogram

ratios, moved = {}, {}
for name, clip_epsilon in (("clipped", 0.2), ("not clipped", 1e6)):
    learner = PPO.load(saved)
    learner.configure(
        clip_epsilon=clip_epsilon, n_epochs=30, kl_steers_lr=False, target_kl=None
    )
    next(learner.learning(arms))
    seen = learner.buffer
    with torch.no_grad():
        rows = seen.states.flatten(0, 1), seen.actions.flatten(0, 1)
        log_ratio = learner.policy.evaluate_actions(*rows)[0] - seen.log_probs.flatten()
    ratios[name], moved[name] = log_ratio.exp().numpy(), learner.stats["approximate_kl"][-1]
    print(f"{name:>12}: KL from the policy that acted {measured(moved[name], decimals=2)} nats")
fact(
    "without clipping, times as far",
    moved["not clipped"] / moved["clipped"],
    more_than=1.5,
    decimals=1,
)
stay = (ratios["clipped"] > 0.8) & (ratios["clipped"] < 1.2)
guess.came_out("yes" if stay.all() else "no")
ratio_histogram(ratios)

# %% [markdown]
# Clipping is no wall: a ratio that is beyond it feels no pull back, and other actions drag it further. So PPO also measures the KL,
# and here lets the learning rate follow it (`target_kl`, `kl_steers_lr`). Another way is to stop the passes once it is above 1.5
# times `target_kl`.
#
# ## What PPO tells while it learns
#
# Four numbers say most:
# - the **[entropy](../docs/glossary.md#entropy)**: how widely the policy still tries, the sum of log σ over the joints but for a constant;
# - the **KL** of a round, in nats;
# - the **share of ratios beyond the clip**;
# - the **[explained variance](../docs/glossary.md#explained-variance)** of the returns: 1 if the critic foresees all their differences, 0 if none.
#
# **Predict** which of them falls, and which rises, while the arm learns.

# %%
guess = predict(
    "While it learns:",
    [
        "entropy rises, explained variance rises",
        "entropy rises, explained variance falls",
        "entropy falls, explained variance rises",
        "entropy falls, explained variance falls",
    ],
)

# %%
from rlbook.plots.policies import diagnostics

explained = agent.stats["explained_variance"]
fact("explained variance at the end", np.mean(explained[-5:]), more_than=0.4, decimals=2)
entropy, variance = (
    "rises" if np.mean(agent.stats[name][-5:]) > np.mean(agent.stats[name][:5]) else "falls"
    for name in ("entropy", "explained_variance")
)
guess.came_out(f"entropy {entropy}, explained variance {variance}")
diagnostics(agent.stats)

# %% [markdown]
# - The **entropy** falls: σ shrinks as the policy becomes sure. If it falls at once, the policy stops trying too early.
# - The **KL** is kept about its target, 0.02: above twice that the learning rate falls, below half of it the rate rises. If it
#   jumps, the learning rate is too high.
# - The **share of clipped ratios**: some, not most.
# - The **explained variance** rises. Near 0, the critic is no use as a baseline.
#
# ## What the policy does, and what it expects
#
# An arm at rest, the target up on the right. In the angles of the two joints, (0°, 0°) is the arm stretched out to the right and
# (−90°, 0°) is hanging down. Two poses put the tip on the target: (90°, −90°) and (0°, 90°), one for each way to bend the elbow.
#
# **Predict** where the value is highest, and what the torques do around it.

# %%
guess = predict(
    "The value is highest where the arm",
    ["is stretched out", "hangs down", "has its tip near the target"],
)

# %%
from rlbook.plots.policies import policy_arrows, policy_maps, poses_at_rest

target = np.array([0.5, 0.5])
poses = poses_at_rest(target, resolution=61)
value = agent.value(poses).reshape(61, 61)
torque = agent.select_action(poses, training=False).reshape(61, 61, 2)
to_target = np.linalg.norm(
    poses[value.argmax(), -2:]
)  # m, the last two numbers that the arm sees
guess.came_out("has its tip near the target" if to_target < 0.3 else "is stretched out")
policy_maps(value, torque)

# %%
policy_arrows(value, torque)

# %% [markdown]
# The critic need not value the two poses alike, and the arrows lead to what it values: one good way is enough to be paid for, and
# nobody asked the policy to find both. (Which of them a run prefers is a matter of chance.)
#
# And the Gaussian itself: the same state, the first joint, at three times. It narrows around what has proved good. Where that is
# the limit of the motor, the draws beyond it are clipped on their way to the arm.

# %%
from rlbook.plots.policies import gaussian_narrowing

untrained = PPO.for_many_arms(10, 2)
moments = {}
for name, learner in (("before", untrained), ("half trained", half_trained), ("now", agent)):
    mean = learner.select_action(poses[600], training=False)[0]
    moments[name] = float(mean), learner.policy.log_std.exp()[0].item()
fact("σ now, of σ before", moments["now"][1] / moments["before"][1], less_than=0.8, decimals=2)
gaussian_narrowing(moments)

# %% [markdown]
# ## Your hands on it
#
# Press `Play`: hundreds of arms learn, and one more shows what they know. **Drag its target** (or move it with the arrow keys
# once you have clicked on the picture). With `Learn` off it goes on following what it has learned so far.
#
# **Predict**, then try; `Keep` leaves a curve in the picture, `Reset` starts anew:
# 1. How many seconds until half of the episodes end at their target?
# 2. `Arms` at 1. How far does it get in the same time? (The next section measures it.)
# 3. `GAE lambda` at 0, then at 1. Which hurts more?
# 4. `Clip epsilon` at 1. Can you tell the difference? And with a `Learning rate` of 0.02 as well?
# 5. `Discount gamma` at 0. What does the arm still learn, and why?

# %%
from rlbook.widgets import PPOPanel

PPOPanel()

# %% [markdown]
# The answers, worked out with 512 arms and one seed, each change alone for 163,840 steps:

# %%
from rlbook.workbook.answers import answer


def reached(learner):
    return evaluate(likeliest(learner), fresh_arms, 1000, seed=1).terminated.mean()


def after_a_while(**changes):
    learner = PPO.for_many_arms(10, 2, **changes)
    learner.learn(gym.make_vec("rlbook/Reach-v0", num_envs=512), total_steps=163_840)
    return reached(learner)


as_it_is = after_a_while()

with answer("1. How many seconds until half of the episodes end at their target?"):
    learner, began = PPO.for_many_arms(10, 2), time.perf_counter()
    half_a_thousand = gym.make_vec("rlbook/Reach-v0", num_envs=512)
    while reached(learner) < 0.5 and learner.steps_taken < 300_000:
        learner.learn(half_a_thousand, total_steps=16_384)
    fact("seconds, looking included", time.perf_counter() - began, less_than=200)
    fact("steps of all arms together", learner.steps_taken, less_than=250_000)
    hours = learner.steps_taken * half_a_thousand.unwrapped.dt / 3600
    fact("hours of motion that one arm would need", hours, more_than=0.3, decimals=1)

with answer("3. GAE lambda at 0, then at 1. Which hurts more?"):
    fact("as it is, targets reached", as_it_is, more_than=0.7, unit="%")
    fact("λ = 1", after_a_while(gae_lambda=1.0), more_than=0.5, unit="%")
    fact("λ = 0", after_a_while(gae_lambda=0.0), less_than=0.6, unit="%")
    print("0 hurts more: it trusts a critic that knows nothing yet. 1 is only noisy, and many")
    print("arms average the noise out.")

with answer("4. Clip epsilon at 1. Can you tell the difference?"):
    fact("as it is, targets reached", as_it_is, more_than=0.7, unit="%")
    loose = after_a_while(clip_epsilon=1.0)
    fact("with a clip at 1 so much less", as_it_is - loose, more_than=0.02, unit="%")
    with_large_steps = after_a_while(clip_epsilon=1.0, lr=0.02)
    fact("targets, with a learning rate of 0.02 too", with_large_steps, more_than=0.3, unit="%")
    print(
        "It learns all the same, but later: the KL steers the learning rate, and catches most"
    )
    print("of what the clip lets through.")

with answer("5. Discount gamma at 0. What does the arm still learn?"):
    fact("targets reached", after_a_while(gamma=0.0), less_than=0.6, unit="%")
    print("Only what pays in the very next step, the torque that brings the tip nearer now.")
    print("Nothing tells it to swing round, to brake, or that arriving pays 1 later on.")

# %% [markdown]
# ## One arm, or a thousand, in the same time
#
# Simulated robots are cheap in the plural: they are rows of the same arrays. So modern robot learning simulates thousands at
# once (Rudin et al., 2022, taught a quadruped to walk in minutes). What is that worth? One arm learns for 8,192 steps, with settings that suit one (longer rollouts, smaller batches). Then 1,024 arms get just as many
# seconds. **Predict** the share of targets that each reaches.

# %%
guess = predict("After the same seconds, more targets are reached by", ["1 arm", "1,024 arms"])

# %%
one = PPO.for_many_arms(10, 2, n_steps=512, batch_size=64, n_epochs=10, lr=3e-4)
many = PPO.for_many_arms(10, 2)
began = time.perf_counter()
one.learn(gym.make_vec("rlbook/Reach-v0", num_envs=1), total_steps=8192)
seconds = time.perf_counter() - began
began = time.perf_counter()
for _ in many.learning(arms):
    if time.perf_counter() - began > seconds:
        break
shares = {}
for name, learner in (("1 arm", one), ("1,024 arms", many)):
    shares[name] = evaluate(likeliest(learner), fresh_arms, 1000, seed=1).terminated.mean()
    print(f"{name:>10}: {measured(shares[name], '%')} of the targets reached")
guess.came_out(max(shares, key=shares.get))
print(f"steps of the one arm: {int(one.steps_taken):,}")
fact("experience, times as much", many.steps_taken / one.steps_taken, more_than=5)
hours = many.steps_taken * arms.unwrapped.dt / 3600
fact("hours that a single robot would need for it", hours, more_than=0.5, decimals=1)
fact(
    "targets, times as many", shares["1,024 arms"] / shares["1 arm"], more_than=1.3, decimals=1
)

# %% [markdown]
# ## Break it: a time limit is not an end
#
# An episode can end because the task is over (`terminated`), or because the clock ran out (`truncated`). In the second case the
# world would have gone on, and the return must go on with it: its rest is the critic's value of the last state that was truly
# seen. To treat both alike is one of the commonest bugs of PPO programs (Pardo et al., 2018).
#
# The smallest world that shows it: every step pays 1, for ever; a clock cuts it into pieces of ten steps. With γ = 0.9 its value
# is $1 / (1 - 0.9) = 10$ everywhere. **Predict** what the critic learns with the bug.

# %%
guess = predict("With the bug the value is about", [1, 5, 10, 20])


# %%
class EndlessOnes(gym.Env):
    """Pays 1 a step. Nothing ends it but the clock, which nobody sees."""

    observation_space = gym.spaces.Box(0, 1, (1,))
    action_space = gym.spaces.Box(-1, 1, (1,))

    def __init__(self, clock_ends_the_world=False):
        self.clock_ends_the_world = clock_ends_the_world

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.ones(1, np.float32), {}

    def step(self, action):
        self.steps += 1
        over = self.steps % 10 == 0
        wrong = self.clock_ends_the_world
        return np.ones(1, np.float32), 1.0, over and wrong, over and not wrong, {}


learned = {}
for name, bug in (("truncated", False), ("taken for an end", True)):
    worlds = gym.vector.SyncVectorEnv([lambda bug=bug: EndlessOnes(bug) for _ in range(16)])
    small = dict(hidden_dims=(16,), n_steps=32, batch_size=128, lr=1e-2, gamma=0.9)
    learner = PPO(state_dim=1, action_dim=1, **small)
    learner.learn(worlds, total_steps=16_384)
    learned[name] = learner.value(np.ones(1, np.float32))
fact(
    "value learned, the clock as truncation",
    learned["truncated"],
    more_than=9,
    less_than=11,
    decimals=1,
)
fact("value learned, the clock as an end", learned["taken for an end"], less_than=7, decimals=1)
guess.came_out(learned["taken for an end"])

# %% [markdown]
# The bug does not crash, and the curve of returns still rises. It makes the critic believe that the world ends every now and
# then, for no reason that it could see. (Why about 5? The mean of the true returns up to the clock is 4.1. A critic that trusts its
# own next value, and sees an end once in ten steps, comes to $1 / (1 - 0.9 \cdot 0.9) = 5.3$. With λ = 0.95, PPO lies between.)
#
# ## The same class on another task: Pendulum
#
# Nothing in `PPO` knows about arms. Pendulum-v1 is Gymnasium's own: swing a rod up and hold it, with a torque from −2 to 2 that
# is too weak to lift it at once. Rewards go down to −16 a step, so the critic learns returns in standard deviations
# (`normalise_returns`). Hanging still costs $\pi^2$ a step, so 200 steps earn $-200 \pi^2 \approx -1974$; standing still at the top
# earns 0.

# %%
from rlbook.plots import learning_curve

swinger = PPO(
    state_dim=3,
    action_dim=1,
    n_steps=64,
    batch_size=128,
    n_epochs=10,
    lr=1e-3,
    anneal_steps=100_000,  # the learning rate falls to zero by the end
    gamma=0.9,
    hidden_dims=(64, 64),
    activation="relu",
    entropy_coef=0.0,
    normalise_observations=True,
    normalise_returns=True,
)
rods = gym.make_vec("Pendulum-v1", num_envs=16, vectorization_mode="sync")
history = swinger.learn(rods, total_steps=100_000)
held = evaluate(likeliest(swinger), gym.make_vec("Pendulum-v1", num_envs=100), n_episodes=100)
fact("mean return of 100 fresh episodes", held.returns.mean(), more_than=-250)
learning_curve(
    history.returns, window=16, title="Pendulum: returns rise within some hundred episodes"
)

# %%
predictions()

# %% [markdown]
# ## Recap
#
# - A policy gradient makes what went well likelier. Alone it drowns in noise; the **critic** tells what was to be expected, and
#   λ decides how much of its opinion to trust.
# - **PPO** reuses a rollout in several passes and takes away the gain of going far: clipping, and an eye on the KL.
# - **A thousand arms** at once turn seconds of computing into hours of experience.
# - **A time limit is not an end.**
#
# **Next**: [exercises/04_ppo.ipynb](../exercises/04_ppo.ipynb), where you write these equations, then
# [notebook 5](05_sim_to_real.ipynb), where the arm meets a robot that is not quite like its simulation.
#
# **Reading** Sutton & Barto (2018), chapter 13. Williams (1992), *Simple Statistical Gradient-Following Algorithms for
# Connectionist Reinforcement Learning*, Machine Learning. Schulman et al. (2016), *High-Dimensional Continuous Control Using
# Generalized Advantage Estimation*, ICLR. Schulman et al. (2017), *Proximal Policy Optimization Algorithms*, arXiv:1707.06347.
# Pardo et al. (2018), *Time Limits in Reinforcement Learning*, ICML. Andrychowicz et al. (2021), *What Matters for On-Policy Deep
# Actor-Critic Methods?*, ICLR. Rudin et al. (2022), *Learning to Walk in Minutes Using Massively Parallel Deep Reinforcement
# Learning*, CoRL. Huang et al. (2022), *The 37 Implementation Details of Proximal Policy Optimization*, ICLR blog track.
