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
# # Exercises 5: from simulation to the robot
#
# You will write what randomizes a simulation, what identifies a robot, and what measures the gap between the two; find a bug
# that raises no error; and then let *your* functions make the arms that a policy is trained on, and see it on the robot. The last
# exercise is a randomization of your own, and what becomes of it on a robot that you have not seen.
#
# *11 exercises · 21 points · about 155 minutes · needs [notebook 05](../notebooks/05_sim_to_real.ipynb)*
#
# Write your code where the cell says so, run it, then run the check below it. A call such as `hint("log_uniform")` prints
# one hint, the next call the next one. Chance always comes in from outside, as an argument: that makes it testable. Numbers
# may be whole (`int`); an answer must not be cut to whole numbers for that. Leave the arrays you are given unchanged.

# %%
import gymnasium as gym
import numpy as np
from IPython.display import Image, display

from rlbook.checks import check, hint, progress, ready
from rlbook.envs.arm.params import PhysicsParams
from rlbook.envs.arm.recording import record_episodes
from rlbook.plots import arm_trail, save_gif
from rlbook.ppo import PPO
from rlbook.sim_to_real.training import hold_arms, train
from rlbook.sim_to_real.transfer import run_episodes
from rlbook.workbook.facts import fact

hint("random_delays")

# %% [markdown]
# ## 1. How late?
#
# *1 point · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# A robot's commands take effect some whole number of control steps late, and each simulated arm gets another delay: any of the
# whole numbers from `low` to `high`, **both included**, all equally often. Chance comes as numbers $u$, uniform from 0 to 1, 1
# itself excluded. Cut that interval into equal pieces, one for each number that can come:
#
# $$\text{low} + \lfloor u \cdot (\text{number of whole numbers}) \rfloor$$
#
# <details>
# <summary>Help, I am confused</summary>
#
# From 0 to 3 there are four numbers. u = 0.1 is in the first quarter: 0. u = 0.3 gives 1, and u = 0.99 gives 3.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "random_delays", "locked": false, "schema_version": 3, "solution": true, "task": false}
def random_delays(u, low, high):
    """Delays of B arms, in control steps.

    u : (B,), from 0 to 1, 1 excluded.   low, high : whole numbers, low <= high.
    Returns a (B,) array of whole numbers.
    """
    ### BEGIN SOLUTION
    return low + np.floor(u * (high - low + 1))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-random_delays", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check(random_delays)

# %% [markdown]
# ## 2. Half as often as double
#
# *1 point · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# Nobody knows the friction of a gear better than by a factor of two. Half of it must then be as likely as double: the
# **logarithm** of the factor is uniform, from $\log(\text{low})$ at $u = 0$ to $\log(\text{high})$ at $u = 1$.
#
# <details>
# <summary>Help, I am confused</summary>
#
# From 0.5 to 2 the middle, u = 0.5, is a factor of 1: no change. (Uniform would make it 1.25.)
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "log_uniform", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_uniform(u, low, high):
    """Factors of B arms.

    u : (B,), from 0 to 1.   low, high : positive numbers, low < high.
    Returns a (B,) array.
    """
    ### BEGIN SOLUTION
    return np.exp(np.log(low) + u * (np.log(high) - np.log(low)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-log_uniform", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check(log_uniform)

# %% [markdown]
# ## 3. What arrives when
#
# *2 points · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# With a delay of $d$ control steps, what acts in step $t$ is what was commanded in step $t - d$. Before the first command has
# arrived nothing acts: zero torque. A delay of 0 must change nothing; the chapter's own code was a step late even then.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Commands 1, 2, 3, 4 with a delay of 1: what acts is 0, 1, 2, 3. There are as many steps as before: the 4 has not arrived yet.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "delayed_commands", "locked": false, "schema_version": 3, "solution": true, "task": false}
def delayed_commands(commands, delay):
    """What acts in each of T steps.

    commands : (T, n), what was commanded to n joints.   delay : a whole number from 0, smaller than T.
    Returns a (T, n) array.
    """
    ### BEGIN SOLUTION
    acting = np.zeros(commands.shape)
    acting[delay:] = commands[: len(commands) - delay]
    return acting
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-delayed_commands", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(delayed_commands)

# %% [markdown]
# ## 4. First a little, then more
#
# *1 point · about 5 minutes · difficulty 1 of 5 (★☆☆☆☆)*
#
# A curriculum opens its ranges little by little. The share that is open grows in a straight line from `initial_scale` at the
# first step to `final_scale` after `schedule_steps`, and stays there.
#
# <details>
# <summary>Help, I am confused</summary>
#
# From 0.1 to 1 in 100 steps: 0.1 at step 0, 0.55 at step 50, 1 at step 100, and 1 at step 1,000 too.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "curriculum_scale", "locked": false, "schema_version": 3, "solution": true, "task": false}
def curriculum_scale(n_steps, schedule_steps, initial_scale, final_scale):
    """The share of the ranges that is open after ``n_steps``.

    n_steps, schedule_steps : whole numbers, the first from 0, the second from 1.   initial_scale, final_scale : from 0 to 1.
    Returns a number.
    """
    ### BEGIN SOLUTION
    progress = min(1.0, n_steps / schedule_steps)
    return initial_scale + (final_scale - initial_scale) * progress
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-curriculum_scale", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check(curriculum_scale)

# %% [markdown]
# ## 5. Noise on what is measured
#
# *2 points · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# An arm measures its joint angles with an error of standard deviation $\sigma$ (`sensor_noise`, in rad), and its velocities with
# one of $5\sigma$ rad/s. The **target** is not measured: the task gives it. A policy that is trained with noise on its target
# learns to doubt its orders.
#
# You get numbers drawn from a standard Gaussian, for each arm first those of its n angles, then those of its n velocities.
#
# <details>
# <summary>Help, I am confused</summary>
#
# One joint, q = 0.5, qd = 2, noise (1, −1), σ = 0.1: the angle is seen as 0.6, the velocity as 1.5.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "measured_state", "locked": false, "schema_version": 3, "solution": true, "task": false}
def measured_state(q, qd, target, noise, sensor_noise):
    """What B arms see: angles, velocities, target, in this order.

    q, qd : (B, n), rad and rad/s.   target : (B, 2), m.   noise : (B, 2 n), standard Gaussian.
    sensor_noise : the standard deviation of an angle, rad.
    Returns a (B, 2 n + 2) array.
    """
    ### BEGIN SOLUTION
    n = q.shape[1]
    seen_q = q + sensor_noise * noise[:, :n]
    seen_qd = qd + 5 * sensor_noise * noise[:, n:]
    return np.concatenate([seen_q, seen_qd, target], axis=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-measured_state", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(measured_state)

# %% [markdown]
# ## 6. What does it weigh?
#
# *3 points · about 25 minutes · difficulty 4 of 5 (★★★★☆)*
#
# A rod of length $l$ and mass $m$ hangs on a motor. Its equation of motion, $q$ counted from the horizontal:
#
# $$\tau = \frac{m l^2}{3}\, \ddot q + d\, \dot q + \frac{m g l}{2} \cos q$$
#
# Mass $m$, damping $d$ and gravity $g$ are unknown; everything else was logged in T moments. The equation is not linear in
# $(m, d, g)$, but it is in $(m, d, m g)$, so **linear least squares** finds these three. Return $m$, $d$ and $g$.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Write the equation as $Y \theta = \tau$ with $\theta = (m, d, m g)$. A row of $Y$ holds what each of the three is multiplied
# by, in one moment. `np.linalg.lstsq(Y, torque, rcond=None)[0]` is $\theta$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "identify_rod", "locked": false, "schema_version": 3, "solution": true, "task": false}
def identify_rod(q, qd, qdd, torque, link_length):
    """Mass (kg), damping (N m s/rad) and gravity (m/s^2) of a rod.

    q, qd, qdd, torque : (T,), rad, rad/s, rad/s^2, N m.   link_length : l in m.
    Returns a (3,) array.
    """
    ### BEGIN SOLUTION
    columns = link_length**2 / 3 * qdd, qd, link_length / 2 * np.cos(q)
    mass, damping, weight = np.linalg.lstsq(np.stack(columns, axis=1), torque, rcond=None)[0]
    return np.array([mass, damping, weight / mass])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-identify_rod", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(identify_rod)

# %% [markdown]
# ## 7. And how sure is that?
#
# *2 points · about 15 minutes · difficulty 3 of 5 (★★★☆☆)*
#
# A fit always finds numbers. Its **standard errors** say how far these may be off. With T rows and k parameters, $\theta$ the
# least-squares solution and $r = \tau - Y \theta$ what it leaves over:
#
# $$s^2 = \frac{r^\top r}{T - k}, \qquad \text{error}_i = \sqrt{s^2\, \big[(Y^\top Y)^{-1}\big]_{ii}}$$
#
# A log in which the rod hardly moves makes $Y^\top Y$ nearly singular, and these errors immense: poor excitation.
#
# <details>
# <summary>Help, I am confused</summary>
#
# One column of ones and torques 1, 2, 3: θ = 2, r = (−1, 0, 1), s² = 2 / 2 = 1, YᵀY = 3, so the error is √(1/3) ≈ 0.577.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "standard_errors", "locked": false, "schema_version": 3, "solution": true, "task": false}
def standard_errors(Y, torque):
    """One standard deviation of every parameter.

    Y : (T, k), T > k.   torque : (T,).
    Returns a (k,) array.
    """
    ### BEGIN SOLUTION
    theta = np.linalg.lstsq(Y, torque, rcond=None)[0]
    rest = torque - Y @ theta
    s2 = rest @ rest / (len(Y) - Y.shape[1])
    return np.sqrt(s2 * np.diag(np.linalg.inv(Y.T @ Y)))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-standard_errors", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(standard_errors)

# %% [markdown]
# ## 8. Nine of ten, or luck?
#
# *2 points · about 10 minutes · difficulty 2 of 5 (★★☆☆☆)*
#
# A policy succeeded in k of n episodes, $p = k / n$. The success rates that fit this are, by **Wilson's interval** (1927),
#
# $$\frac{p + \frac{z^2}{2n} \pm z \sqrt{\frac{p (1 - p)}{n} + \frac{z^2}{4 n^2}}}{1 + \frac{z^2}{n}}$$
#
# with $z = 1.96$ for 95 %. Ten of ten is not "100 %, for certain": the interval says so, which $p \pm z \sqrt{p (1 - p) / n}$
# does not.
#
# <details>
# <summary>Help, I am confused</summary>
#
# 5 of 10 with z = 2: middle (0.5 + 0.2) / 1.4 = 0.5, half width 2 · √(0.025 + 0.01) / 1.4 ≈ 0.267.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "success_interval", "locked": false, "schema_version": 3, "solution": true, "task": false}
def success_interval(successes, n, z):
    """Lower and upper end of the success rates that fit.

    successes, n : whole numbers, successes of n episodes.   z : standard deviations, such as 1.96.
    Returns a (2,) array.
    """
    ### BEGIN SOLUTION
    p = successes / n
    middle = p + z**2 / (2 * n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return np.array([middle - half, middle + half]) / (1 + z**2 / n)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-success_interval", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(success_interval)

# %% [markdown]
# ## 9. The camera's floor
#
# *2 points · about 20 minutes · difficulty 4 of 5 (★★★★☆)*
#
# A network finds the target in a camera's picture, perfectly: the right pixel, every time. From the pixel follows a place, for
# who knows where the camera stands. It should stand 3 m in front of the middle of the arm's plane, upright. In truth it stands
# `offset` m beside that, turned about its line of sight by `roll` rad (counter-clockwise as it sees it), at `distance` m. So a
# target at $t$ is taken to be at
#
# $$\hat t = \frac{3}{\text{distance}}\, R(-\text{roll})\, (t - \text{offset}), \qquad R(\alpha) = \begin{pmatrix} \cos \alpha &
# -\sin \alpha \\ \sin \alpha & \cos \alpha \end{pmatrix}$$
#
# How large is the error $|\hat t - t|$? No network can get below it: only a calibration of the camera can.
#
# <details>
# <summary>Help, I am confused</summary>
#
# A camera 2 cm too far to the right and else in place: every target is seen 2 cm too far to the left, an error of 0.02. Rows
# are vectors: $R t$ for each of them is `target @ R.T`, or write both components out.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "camera_floor", "locked": false, "schema_version": 3, "solution": true, "task": false}
def camera_floor(target, offset, roll, distance):
    """The error in m of a perfect finder, for each of B targets.

    target : (B, 2), x and z in m.   offset : (2,), m.   roll : rad.   distance : m.
    Returns a (B,) array.
    """
    ### BEGIN SOLUTION
    x, z = (target - offset).T
    cos, sin = np.cos(roll), np.sin(roll)
    seen = 3 / distance * np.stack([cos * x + sin * z, cos * z - sin * x], axis=1)
    return np.sqrt(((seen - target) ** 2).sum(axis=1))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-camera_floor", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(camera_floor)

# %% [markdown]
# ## 10. Find the silent bug
#
# *2 points · about 10 minutes · difficulty 3 of 5 (★★★☆☆)*
#
# Arms whose episode has `ended` begin the next one with another mass: a random factor, from 0.5 to 1.5, of the `default` mass. The
# others keep theirs. This function runs, and the first episodes are all right. A hundred episodes later no policy learns from
# these arms any more. One thing is wrong with it. Find it and repair it.
#
# <details>
# <summary>Help, I am confused</summary>
#
# Call it a hundred times, each time with the masses that it returned before, and look at what they have become.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "new_masses", "locked": false, "schema_version": 3, "solution": true, "task": false}
def new_masses(masses, ended, factors, default):
    """The masses of B arms in their next step.

    masses : (B,), in this step, kg.   ended : (B,) bool.   factors : (B,), drawn anew.   default : kg.
    Returns a (B,) array.
    """
    ### BEGIN SOLUTION
    return np.where(ended, default * factors, masses)
    ### STARTER
    # return np.where(ended, masses * factors, masses)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-new_masses", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check(new_masses)

# %% [markdown]
# ## Your functions at work
#
# The cell below makes arms whose delays and frictions *your* functions draw, trains a policy on them for a few seconds, and one
# on the nominal arm with a delay of one step for just as many steps. Then both meet the robot for 500 episodes: reach the
# target, and stay within 3 cm of it for half a second. Your interval says how sure the difference is.


# %%
def drawn_physics(n, random):
    """What a thousand arms get whenever their episodes begin."""
    u = random.random((5, n))
    return PhysicsParams(
        action_delay=np.asarray(random_delays(u[0], 0, 1), dtype=float),
        friction=0.1 * np.asarray(log_uniform(u[1], 0.5, 2.0), dtype=float),
        damping=0.3 * np.asarray(log_uniform(u[2], 0.5, 2.0), dtype=float),
        mass=0.8 + 0.4 * u[3],
        motor_strength=0.8 + 0.4 * u[4],
    )


def successes_on_the_robot(arms):
    """Of 500 episodes, after 700,000 steps on these arms."""
    robots = gym.make_vec("rlbook/RobotReachHold-v0", num_envs=500)
    return run_episodes(train(arms, total_steps=700_000), robots, seed=1).success.sum()


if ready(random_delays, log_uniform, success_interval):
    arms = hold_arms()
    arms.unwrapped.physics_on_reset = drawn_physics
    nominal = hold_arms(physics=PhysicsParams(action_delay=1))
    for name, trained_on in (("nominal", nominal), ("yours", arms)):
        successes = int(successes_on_the_robot(trained_on))
        low, high = success_interval(successes, 500, 1.96)
        if name == "nominal":
            fact("trained on the nominal arm, at most", high, less_than=0.4, unit="%")
        else:
            fact("trained on your arms, at least", low, more_than=0.4, unit="%")

# %% [markdown]
# ## 11. Build your own
#
# *3 points · about 30 minutes · difficulty 4 of 5 (★★★★☆)*
#
# Now the ranges are yours. `own_physics(n, random)` draws the physics of n arms; it is asked whenever episodes begin. The cell
# below it trains a policy on 2,500,000 steps of 1,024 such arms, some fifteen seconds on one core, and the check puts it on the robot:
# 200 episodes, reach the target and stay within 3 cm of it for half a second. At least half of them have to succeed.
#
# Of the robot you know what its data sheet says: two links of 0.5 m and about a kilogram each, motors that give some tenths
# less or more than they should, joints with friction, and a command that takes effect up to a control step late. Without any
# randomization hardly an episode succeeds, and with far too much of it neither.
#
# Think first, then check: who tries ranges until the robot is content has used the robot for training.
#
# <details>
# <summary>Help, I am confused</summary>
#
# `random.random(n)` gives n numbers from 0 to 1. The fields of `PhysicsParams` that you leave out keep their defaults: `mass` 1 kg,
# `friction` 0.1 and `damping` 0.3, `motor_strength` 1, `sensor_noise` 0 rad, `action_delay` 0 steps. Your functions from exercises
# 1 and 2 draw delays and factors. The cell that trained on your arms above draws something that works.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "own_transfer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def own_physics(n, random):
    """The physics of n arms, each drawn from ranges of your own.

    random : a NumPy Generator.
    Returns PhysicsParams with arrays (n,).
    """
    ### BEGIN SOLUTION
    return PhysicsParams(
        mass=random.uniform(0.8, 1.2, n),
        friction=0.1 * 2 ** random.uniform(-1, 1, n),
        damping=0.3 * 2 ** random.uniform(-1, 1, n),
        motor_strength=random.uniform(0.8, 1.2, n),
        action_delay=random.integers(0, 2, n).astype(float),
    )
    ### END SOLUTION


# %% [markdown]
# This cell trains, and makes the policy that is checked. Run it again whenever you have changed something.


# %%
def trained_on(physics, total_steps=2_500_000, seed=0):
    """A PPO that has learned to reach and stay, on arms with this physics."""
    arms = gym.make_vec("rlbook/ReachHold-v0", num_envs=1024)
    arms.unwrapped.physics_on_reset = physics
    agent = PPO.for_many_arms(state_dim=12, action_dim=2, batch_size=1024, seed=seed)
    agent.learn(arms, total_steps)
    return agent


agent = None
try:
    own_physics(2, np.random.default_rng(0))
    agent = trained_on(own_physics)
except NotImplementedError:
    print("Nothing is trained yet: write own_physics first.")


def own_transfer(obs):
    """The likeliest torques (B, 2) for what the robots measure (B, 12)."""
    if agent is None:
        raise NotImplementedError
    return agent.select_action(obs, training=False)


# %% nbgrader={"grade": true, "grade_id": "check-own_transfer", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check(own_transfer)

# %% [markdown]
# And this is **the robot**, under the policy that your ranges made. `own_transfer.gif`, beside this notebook, is yours to keep.

# %%
if ready(own_transfer):
    robots = gym.make_vec("rlbook/RobotReachHold-v0", num_envs=4)
    motion = record_episodes(robots, own_transfer, seed=9)
    display(Image(url=str(save_gif("own_transfer.gif", motion))))
    path = motion.points[: motion.lengths[0] + 1, 0]
    display(arm_trail(path, motion.target[0], title="The robot on the first of them"))

# %% [markdown]
# **Want more?** When does more randomization become too much? The score to beat: the share of the robot's episodes after
# `trained_on(own_physics, 700_000, seed)`, as the mean for the seeds 0, 1 and 2.
#
# ## How far you are

# %%
progress("05_sim_to_real")

# %% [markdown]
# **Next** comes chapter 6: which algorithm for which robot?
#
# **Sources** Tobin, Fong, Ray, Schneider, Zaremba & Abbeel (2017), *Domain Randomization for Transferring Deep Neural Networks
# from Simulation to the Real World*, IROS. OpenAI et al. (2019), *Solving Rubik's Cube with a Robot Hand*, arXiv:1910.07113.
# Siciliano, Sciavicco, Villani & Oriolo (2009), *Robotics: Modelling, Planning and Control*, Springer. Wilson (1927), *Probable
# Inference, the Law of Succession, and Statistical Inference*, JASA.
