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
# # Exercises 4: policy gradients and PPO
#
# You will write the equations of PPO one by one, find a bug that raises no error, and then let an arm learn with *your*
# advantages. The last exercise is a PPO update of your own, and the arm that it teaches.
#
# *10 exercises · 20 points · about 155 minutes · needs [notebook 04](../notebooks/04_ppo.ipynb)*
#
# Write your code where the cell says so, run it, then run the check below it. A call such as `hint("gae")` prints one
# hint, the next call the next one.
#
# T steps of B environments make arrays (T, B); a batch of B actions with n joints has shape (B, n). `terminated` is True
# where the task ended, `truncated` where only the clock did. Numbers may be whole (`int`); an answer must not be cut to
# whole numbers for that. Leave the arrays you are given unchanged.

# %%
from unittest.mock import patch

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from IPython.display import Image, display
from torch import nn

from rlbook.checks import check, hint, progress, ready
from rlbook.envs.arm.recording import record_episodes
from rlbook.learning.stepping import evaluate
from rlbook.plots import arm_trail, save_gif
from rlbook.ppo import PPO
from rlbook.workbook.facts import fact

hint("discounted_returns")

# %% [markdown]
# ## 1. What is this step worth?
#
# *2 points · about 15 minutes · difficulty 3 of 5 (★★★☆☆)*
#
# The return of a step is its reward and, discounted, all that follows:
#
# $$G_t = r_t + \gamma\, G_{t+1}$$
#
# A *rollout* is a piece of T steps, with ends of episodes in it, and it stops in the middle of an episode. What follows is
# nothing where the task `terminated`. Where the clock cut the episode (`truncated`), and at the end of the rollout, something
# would have followed that nobody saw; a critic's estimate of it stands in `next_values[t]`.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Backwards it is one line a step. By hand: rewards $[1, 2]$, next values $[4, 8]$, $\gamma = 0.5$. Nothing ended:
# $G_1 = 2 + 0.5 \cdot 8 = 6$ and $G_0 = 1 + 0.5 \cdot 6 = 4$. Step 0 truncated: $G_0 = 1 + 0.5 \cdot 4 = 3$. Step 0
# terminated: $G_0 = 1$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "discounted_returns", "locked": false, "schema_version": 3, "solution": true, "task": false}
def discounted_returns(rewards, next_values, terminated, truncated, gamma):
    """The return of every step of a rollout of one environment.

    rewards, next_values : (T,).   next_values[t] is worth what follows step t.
    terminated, truncated : (T,) bool.   gamma : number in [0, 1].
    Returns a (T,) array.
    """
    ### BEGIN SOLUTION
    returns, after = np.zeros(len(rewards)), next_values[-1]
    for t in reversed(range(len(rewards))):
        if truncated[t]:
            after = next_values[t]
        if terminated[t]:
            after = 0.0
        returns[t] = after = rewards[t] + gamma * after
    return returns
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-discounted_returns", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(discounted_returns)

# %% [markdown]
# ## 2. How likely was that torque?
#
# *2 points · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# The policy draws each joint's torque from a Gaussian of its own, independent of the others, with mean $\mu_i$ and standard
# deviation $\sigma_i = e^{\text{log\_std}_i}$. The logarithm of the probability density of a whole action is
#
# $$\log \pi(a \mid s) = \sum_{i=1}^{n} \left( -\frac{(a_i - \mu_i)^2}{2 \sigma_i^2} - \log \sigma_i - \frac{1}{2}
# \log 2\pi \right)$$
#
# <details>
# <summary>Help, I am confused</summary>
#
# One number an action: sum over the joints, the last axis. At its mean with $\sigma = 1$ one joint gives $-\frac{1}{2} \log
# 2\pi \approx -0.919$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "gaussian_log_prob", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gaussian_log_prob(action, mean, log_std):
    """Log-probabilities of a batch of actions.

    action, mean : (B, n).   log_std : (n,).
    Returns a (B,) array.
    """
    ### BEGIN SOLUTION
    z = (action - mean) / np.exp(log_std)
    return (-(z**2) / 2 - log_std - np.log(2 * np.pi) / 2).sum(axis=-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-gaussian_log_prob", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(gaussian_log_prob)

# %% [markdown]
# ## 3. Better than expected?
#
# *3 points · about 20 minutes · difficulty 4 of 5 (★★★★☆)*
#
# Generalised advantage estimation (Schulman et al., 2016) adds up the critic's errors from here on, each step further
# counting $\gamma \lambda$ times as much:
#
# $$\delta_t = r_t + \gamma V(s_{t+1}) - V(s_t), \qquad A_t = \delta_t + \gamma \lambda\, A_{t+1}$$
#
# Two things happen where an episode ends. Where the task **terminated**, nothing follows: $V(s_{t+1})$ counts as 0. Where it
# ended **in either way**, step $t + 1$ belongs to another episode: its advantage must not enter this one. `next_values` holds
# the value of the state that truly followed, also where the next row begins a new episode.
#
# <details>
# <summary>Help, I am confused</summary>
#
# All $\delta$ at once need no loop. Then from the last step to the first: `trace = delta[t] + gamma * gae_lambda * ... *
# trace`. By hand: $r = 1$, $V = 2$, $V' = 4$, $\gamma = 0.5$ give $\delta = 1$, also if truncated; if terminated, $-1$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "gae", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gae(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    """Advantages of T steps of B environments.

    rewards, values, next_values : (T, B).   terminated, truncated : (T, B) bool.
    gamma, gae_lambda : numbers in [0, 1].
    Returns a (T, B) array.
    """
    ### BEGIN SOLUTION
    delta = rewards + gamma * (1 - terminated) * next_values - values
    going_on = 1 - (terminated | truncated)
    advantages, trace = np.zeros(delta.shape), 0.0
    for t in reversed(range(len(delta))):
        trace = delta[t] + gamma * gae_lambda * going_on[t] * trace
        advantages[t] = trace
    return advantages
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-gae", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(gae)

# %% [markdown]
# ## 4. Not too far at once
#
# *2 points · about 15 minutes · difficulty 3 of 5 (★★★☆☆)*
#
# PPO makes actions of positive advantage likelier and the others less likely, by the ratio $\rho = \pi(a \mid s) /
# \pi_\text{old}(a \mid s)$, but sees no gain in a ratio beyond $1 \pm \epsilon$:
#
# $$L = -\frac{1}{B} \sum_{i=1}^{B} \min\big(\rho_i A_i,\ \operatorname{clip}(\rho_i, 1 - \epsilon, 1 + \epsilon)\, A_i\big)$$
#
# It is a loss, so it carries a minus sign. You get the logarithms of both probabilities.
#
# <details>
# <summary>Help, I am confused</summary>
#
# $\rho$ is the exponential of a difference. With $\epsilon = 0.2$: a ratio of 1.5 and an advantage of 2 gain
# $\min(3, 2.4) = 2.4$; with an advantage of $-2$, $\min(-3, -2.4) = -3$. The minimum is the cautious choice.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "clipped_surrogate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def clipped_surrogate(log_prob, old_log_prob, advantage, clip_epsilon):
    """PPO's loss of a batch.

    log_prob, old_log_prob, advantage : (B,).   clip_epsilon : a positive number.
    Returns a number.
    """
    ### BEGIN SOLUTION
    ratio = np.exp(log_prob - old_log_prob)
    clipped = np.clip(ratio, 1 - clip_epsilon, 1 + clip_epsilon)
    return -np.minimum(ratio * advantage, clipped * advantage).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-clipped_surrogate", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(clipped_surrogate)

# %% [markdown]
# ## 5. How much is left to chance?
#
# *1 point · about 5 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# The entropy of a policy says how widely it still tries. Of independent Gaussians it is
#
# $$H = \sum_{i=1}^{n} \left( \log \sigma_i + \frac{1}{2} \log 2 \pi e \right)$$
#
# <details>
# <summary>Help, I am confused</summary>
#
# One joint with $\sigma = 1$ has $\frac{1}{2} \log 2 \pi e \approx 1.419$. Every joint adds its own term, the constant
# too.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "entropy_of_gaussian", "locked": false, "schema_version": 3, "solution": true, "task": false}
def entropy_of_gaussian(log_std):
    """Entropy in nats.

    log_std : (n,).
    Returns a number.
    """
    ### BEGIN SOLUTION
    return (log_std + np.log(2 * np.pi * np.e) / 2).sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-entropy_of_gaussian", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check(entropy_of_gaussian)

# %% [markdown]
# ## 6. How far did it move?
#
# *1 point · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# The divergence between the policy that acted and the one that learned from it can be estimated from the actions themselves.
# Schulman's estimate averages, over all actions,
#
# $$(\rho - 1) - \log \rho, \qquad \rho = \pi(a \mid s) / \pi_\text{old}(a \mid s)$$
#
# Like the divergence itself no term of it is negative.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Equal policies: $\rho = 1$, $\log \rho = 0$, no distance. Begin with $\log \rho$, which you can have without dividing.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "approximate_kl", "locked": false, "schema_version": 3, "solution": true, "task": false}
def approximate_kl(log_prob, old_log_prob):
    """Estimate of KL(old || new) in nats.

    log_prob, old_log_prob : (B,), of actions that the old policy drew.
    Returns a number.
    """
    ### BEGIN SOLUTION
    log_ratio = log_prob - old_log_prob
    return (np.exp(log_ratio) - 1 - log_ratio).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-approximate_kl", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check(approximate_kl)

# %% [markdown]
# ## 7. When to stop
#
# *1 point · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# Several passes are planned over one rollout. After each, the divergence from the old policy is measured. As soon as it is
# **above** 1.5 times the target, no further pass is made. You get the divergences that all planned passes would end
# with. How many are made?
#
# <details>
# <summary>Help, I am confused</summary>
#
# The pass that went too far was made: it counts. If none goes too far, all are made. `[0.004, 0.012, 0.02, 0.03]` with a
# target of 0.01: three.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "passes_made", "locked": false, "schema_version": 3, "solution": true, "task": false}
def passes_made(kls, target_kl):
    """How many of the planned passes are made.

    kls : (K,), the divergence after each planned pass.   target_kl : a positive number.
    Returns a whole number from 1 to K.
    """
    ### BEGIN SOLUTION
    for i, kl in enumerate(kls):
        if kl > 1.5 * target_kl:
            return i + 1
    return len(kls)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-passes_made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check(passes_made)

# %% [markdown]
# ## 8. Does the critic know anything?
#
# *1 point · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# Of all that PPO prints while it learns, this says most about the critic. Which part of the returns' variance does it
# foresee?
#
# $$1 - \frac{\operatorname{Var}(R - V)}{\operatorname{Var}(R)}$$
#
# 1 is perfect, 0 no better than a constant, and it can be negative.
#
# <details>
# <summary>Help, I am confused</summary>
#
# A critic that is off by 5 everywhere explains all the variance: a constant has none.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "explained_variance", "locked": false, "schema_version": 3, "solution": true, "task": false}
def explained_variance(value, target):
    """The explained part of the variance.

    value, target : (B,), what the critic said and the returns it should have said.
    Returns a number, at most 1.
    """
    ### BEGIN SOLUTION
    return 1 - (target - value).var() / target.var()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-explained_variance", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check(explained_variance)

# %% [markdown]
# ## 9. Find the silent bug
#
# *3 points · about 15 minutes · difficulty 4 of 5 (★★★★☆)*
#
# Advantages serve twice. The policy gets them **standardised**, with mean 0 and standard deviation 1, so that the size of the
# rewards does not set the size of its steps:
#
# $$\hat A = \frac{A - \operatorname{mean} A}{\operatorname{std} A + 10^{-8}}$$
#
# The critic gets its **targets**, the returns that the advantages stand for: $R = A + V$.
#
# This function runs, and a policy trained with it even learns, only slowly, and its critic never gets better. One thing is
# wrong with it. Find it and repair it.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Try advantages that have mean 0 and standard deviation 1 already: the answer is right. Multiply them by ten. Which of the two
# results should change, and does it?
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "advantages_and_targets", "locked": false, "schema_version": 3, "solution": true, "task": false}
def advantages_and_targets(advantages, values):
    """What the policy and what the critic learn from.

    advantages, values : (T, B).
    Returns a (2, T, B) array: standardised advantages, and targets.
    """
    ### BEGIN SOLUTION
    targets = advantages + values
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    ### STARTER
    # advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    # targets = advantages + values
    ### END SOLUTION
    return np.stack([advantages, targets])


# %% nbgrader={"grade": true, "grade_id": "check-advantages_and_targets", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(advantages_and_targets)

# %% [markdown]
# ## Your advantages at work
#
# The library computes every advantage by one function. The cell below puts yours in its place and lets 512 arms learn for a
# few seconds. Then 500 targets that none of them has seen.


# %%
def on_tensors(*case):
    """Your `gae`, called with what the learner holds: tensors, and numbers."""
    arrays = [each.numpy() if isinstance(each, torch.Tensor) else each for each in case]
    return torch.as_tensor(gae(*arrays), dtype=torch.float32)


def share_reached(advantages):
    """Of 500 fresh targets, after 250,000 steps with these advantages."""
    agent = PPO.for_many_arms(state_dim=10, action_dim=2, seed=0)
    with patch("rlbook.learning.rollout.compute_gae", advantages):
        agent.learn(gym.make_vec("rlbook/Reach-v0", num_envs=512), total_steps=250_000)
    fresh = gym.make_vec("rlbook/Reach-v0", num_envs=500)
    best = evaluate(lambda state: agent.select_action(state, training=False), fresh, 500)
    return best.terminated.mean()


if ready(gae):
    fact("targets reached", share_reached(on_tensors), more_than=0.8, unit="%")

# %% [markdown]
# **Predict**: what does the arm learn from advantages with the wrong sign?

# %%
if ready(gae):
    share = share_reached(lambda *case: -on_tensors(*case))
    fact("targets reached with the wrong sign", share, less_than=0.3, unit="%")

# %% [markdown]
# A wrong sign is easy to see. Many mistakes are not: an arm may learn in spite of them. That is why each equation has a check of
# its own.
#
# ## 10. Build your own
#
# *4 points · about 45 minutes · difficulty 5 of 5 (★★★★★)*
#
# Now put the equations together: one PPO update, in PyTorch, on tensors. The cell below gives you the two networks and the
# rollout; look at them first. `model.policy(state)` is the Gaussian of the torques, `model.value(state)` the critic.


# %%
class ActorCritic(nn.Module):
    """A Gaussian policy with one spread for all states, and a critic."""

    def __init__(self):
        super().__init__()
        self.mean, self.critic = (
            nn.Sequential(
                *(nn.Linear(10, 64), nn.Tanh()),
                *(nn.Linear(64, 64), nn.Tanh()),
                nn.Linear(64, n),
            )
            for n in (2, 1)
        )
        self.log_std = nn.Parameter(torch.zeros(2))

    def policy(self, state):
        return torch.distributions.Normal(self.mean(state), self.log_std.exp())

    def value(self, state):
        return self.critic(state).squeeze(-1)


@torch.no_grad()
def rollout(model, arms, state, n_steps=32):
    """n_steps of B arms: what was seen, seven tensors (T, B, ...), and the states to go on from."""
    seen = []
    for _ in range(n_steps):
        policy = model.policy(torch.as_tensor(state))
        action = policy.sample()
        log_prob = policy.log_prob(action).sum(dim=-1)
        step = arms.step(action.clamp(-1, 1).numpy())
        next_state, reward, terminated, truncated, _ = step
        seen.append((state, action, log_prob, reward, next_state, terminated, truncated))
        state, _ = arms.reset(options={"reset_mask": terminated | truncated})
    tensors = [
        torch.stack([torch.as_tensor(part).float() for part in parts])
        for parts in zip(*seen, strict=True)
    ]
    return tensors, state


# %% [markdown]
# You write the update: advantages and returns of the rollout, as in exercise 3, and then a few passes over it in small batches,
# with the loss of exercise 4 for the policy and a squared error for the critic. After 50 updates (1,600 steps of 512 arms, some
# fifteen seconds on one core) the arm has to arrive in at least 80 % of 200 episodes with fresh targets.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Advantages first, without gradients: $\delta$ for all steps at once, then backwards in time. The trace is cut where an episode
# ended for either reason; only `terminated` takes the next value away. Returns are advantages plus values.
#
# Then flatten time and arms into one, `x.flatten(0, 1)`, and four times over: `torch.randperm(n).split(2048)` gives the rows of
# each small batch. Normalise its advantages, take the new log-probabilities, `.sum(-1)` over the joints, the ratio, the clipped
# gain; subtract it from the critic's error (times 0.5), and take one step of the optimizer. γ = 0.95, λ = 0.95, a clip of 0.2.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "own_ppo", "locked": false, "schema_version": 3, "solution": true, "task": false}
def own_update(model, optimizer, seen):
    """One PPO update of ``model`` on a rollout.

    seen : tensors (T, B, ...), as ``rollout`` gives them; actions are those drawn, before they are clamped.
    """
    state, action, old_log_prob, reward, next_state, terminated, truncated = seen
    ### BEGIN SOLUTION
    with torch.no_grad():
        value, next_value = model.value(state), model.value(next_state)
        delta = reward + 0.95 * (1 - terminated) * next_value - value
        goes_on = (1 - terminated) * (1 - truncated)
        advantage, trace = torch.zeros_like(delta), torch.zeros_like(delta[0])
        for t in reversed(range(len(delta))):
            trace = delta[t] + 0.95 * 0.95 * goes_on[t] * trace
            advantage[t] = trace
    parts = (state, action, old_log_prob, advantage, advantage + value)
    state, action, old_log_prob, advantage, returns = (part.flatten(0, 1) for part in parts)
    for _ in range(4):
        for rows in torch.randperm(len(state)).split(2048):
            log_prob = model.policy(state[rows]).log_prob(action[rows]).sum(dim=-1)
            ratio = (log_prob - old_log_prob[rows]).exp()
            a = (advantage[rows] - advantage[rows].mean()) / (advantage[rows].std() + 1e-8)
            gain = torch.minimum(ratio * a, ratio.clamp(0.8, 1.2) * a).mean()
            error = (model.value(state[rows]) - returns[rows]).square().mean()
            optimizer.zero_grad()
            (0.5 * error - gain).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
    ### END SOLUTION


# %% [markdown]
# This cell trains, and makes the policy that is checked. Run it again whenever you have changed something.


# %%
def train_with(update, n_updates=50, seed=0):
    """A model after so many of these updates, each on 32 steps of 512 arms."""
    torch.manual_seed(seed)
    model = ActorCritic()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    arms = gym.make_vec("rlbook/Reach-v0", num_envs=512, autoreset_mode=AutoresetMode.DISABLED)
    state, _ = arms.reset(seed=seed)
    for _ in range(n_updates):
        seen, state = rollout(model, arms, state)
        update(model, optimizer, seen)
    return model


model = None
try:
    model = train_with(own_update)
except NotImplementedError:
    print("Nothing is trained yet: write own_update first.")


def own_ppo(obs):
    """The likeliest torques (B, 2) for observations (B, 10)."""
    if model is None:
        raise NotImplementedError
    with torch.no_grad():
        return model.mean(torch.as_tensor(obs)).clamp(-1, 1).numpy()


# %% nbgrader={"grade": true, "grade_id": "check-own_ppo", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check(own_ppo)

# %% [markdown]
# And this is **your** arm, on four targets that it has never seen. `own_ppo.gif`, beside this notebook, is yours to keep.

# %%
if ready(own_ppo):
    motion = record_episodes(gym.make_vec("rlbook/Reach-v0", num_envs=4), own_ppo, seed=9)
    display(Image(url=str(save_gif("own_ppo.gif", motion))))
    path = motion.points[: motion.lengths[0] + 1, 0]
    display(arm_trail(path, motion.target[0], title="Your arm on the first of them"))

# %% [markdown]
# **Want more?** The score to beat: the share that is reached after 20 updates (327,680 steps in all), as the mean of
# `train_with(own_update, 20, seed)` for the seeds 0, 1 and 2. The arms stay as they are; the networks need not.
#
# ## How far you are

# %%
progress("04_ppo")

# %% [markdown]
# **Next** comes [notebook 5](../notebooks/05_sim_to_real.ipynb), where the arm that learned in a simulation meets a robot.
#
# **Sources** Schulman, Moritz, Levine, Jordan & Abbeel (2016), *High-Dimensional Continuous Control Using Generalized Advantage
# Estimation*, ICLR. Schulman, Wolski, Dhariwal, Radford & Klimov (2017), *Proximal Policy Optimization Algorithms*,
# arXiv:1707.06347. Pardo, Tavakoli, Levdik & Kormushev (2018), *Time Limits in Reinforcement Learning*, ICML.
