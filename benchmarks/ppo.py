"""PPO beside Stable-Baselines3 and rsl-rl-lib: time to 95 % of fresh targets; and four tasks over ten seeds.

Times are seconds of one processor core (``time.process_time``) spent in training, evaluation left out: other work on
the machine disturbs them less than the clock on the wall. Every contestant is judged by its mean action on the same
1,000 fresh targets after every 16,384 environment steps, until it reaches 95 % of them.

Settings were tuned on seeds 0 to 4; the tasks are reported on seeds 100 to 109. rsl-rl-lib is the learner behind Isaac
Lab; where it is not installed its column is left out.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import time
from collections.abc import Callable, Iterator

import gymnasium as gym
import numpy as np
import torch

import rlbook.envs  # noqa: F401  registers the arms
from benchmarks import common
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.learning.stepping import Evaluation, evaluate
from rlbook.ppo import MANY_ARMS, PPO

RACE_SEEDS, REPORTED = (0, 1, 2), tuple(range(100, 110))
EVALUATION_SEED = 10_000  # of environments that no learner has seen
WARM_UP_SEED = 1_000
ARMS, EVERY, SHARE = 1024, 16_384, 0.95
LONGEST = 150.0  # s of training after which a contestant gives up
GOALS = {"SB3 as it comes": 10.0, "SB3, our settings": 2.0, "rsl-rl-lib": 1.0}  # times as long as rlbook, at least

# name: environment, its arguments, learner's sizes, copies, environment steps, settings, bound
TASKS = {
    "Reach-v0, 2 joints": ("rlbook/Reach-v0", {}, (10, 2), ARMS, 600_000, MANY_ARMS, 0.95),
    "Reach-v0, 3 joints": ("rlbook/Reach-v0", {"n_joints": 3}, (13, 3), ARMS, 2_000_000, MANY_ARMS, 0.90),
    "Pendulum-v1": (
        "Pendulum-v1",
        {},
        (3, 1),
        16,
        100_000,
        {
            "n_steps": 64,
            "batch_size": 128,
            "n_epochs": 10,
            "lr": 1e-3,
            "gamma": 0.9,
            "hidden_dims": (64, 64),
            "activation": "relu",
            "entropy_coef": 0.0,
            "normalise_observations": True,
            "normalise_returns": True,
            "anneal_steps": 100_000,
        },
        -250.0,
    ),
    "CartPole-v1": (
        "CartPole-v1",
        {},
        (4, 2),
        8,
        100_000,
        {
            "n_steps": 128,
            "batch_size": 256,
            "n_epochs": 10,
            "lr": 1e-3,
            "gamma": 0.99,
            "hidden_dims": (64, 64),
            "entropy_coef": 0.0,
            "normalise_observations": True,
            "normalise_returns": True,
            "anneal_steps": 100_000,
        },
        475.0,
    ),
}


def played(act: Callable, env: str, n_episodes: int, **arguments) -> Evaluation:
    """Fresh episodes of ``act(states) -> actions``, NumPy arrays."""
    envs = gym.make_vec(env, num_envs=n_episodes, **arguments)
    return evaluate(act, envs, n_episodes, seed=EVALUATION_SEED)


# ------------------------------------------------------------------ contestants: each yields (steps, policy) for ever


def ours(seed: int) -> Iterator[tuple[int, Callable]]:
    agent = PPO.for_many_arms(10, 2, seed=seed)
    for log in agent.learning(ReachVectorEnv(ARMS)):
        yield log.total_steps, lambda states: agent.select_action(states, training=False)


def sb3_as_it_comes(seed: int) -> Iterator[tuple[int, Callable]]:
    from stable_baselines3.common.env_util import make_vec_env

    yield from _sb3(make_vec_env("rlbook/Reach-v0", n_envs=8, seed=seed), seed)


def sb3_our_settings(seed: int) -> Iterator[tuple[int, Callable]]:
    """The same rollouts, batches, passes and network; its learning rate stands still."""
    settings = {name: MANY_ARMS[name] for name in ("n_steps", "batch_size", "n_epochs", "gamma", "max_grad_norm")}
    network = {"net_arch": list(MANY_ARMS["hidden_dims"]), "activation_fn": torch.nn.ReLU}
    network["log_std_init"] = MANY_ARMS["log_std_init"]
    settings |= {"learning_rate": MANY_ARMS["lr"], "ent_coef": MANY_ARMS["entropy_coef"], "policy_kwargs": network}
    yield from _sb3(_sb3_arms(), seed, **settings)


def _sb3(envs, seed: int, **settings) -> Iterator[tuple[int, Callable]]:
    from stable_baselines3 import PPO as Peer

    model = Peer("MlpPolicy", envs, seed=seed, device="cpu", **settings)
    while True:
        model.learn(model.n_steps * envs.num_envs, reset_num_timesteps=False)
        yield model.num_timesteps, lambda states: model.predict(states, deterministic=True)[0]


def _sb3_arms():
    """Our vector environment as Stable-Baselines3's: one ``info`` for every arm."""
    from stable_baselines3.common.vec_env import VecEnv

    class Arms(VecEnv):
        def __init__(self):
            self.arms = ReachVectorEnv(ARMS)
            super().__init__(ARMS, self.arms.single_observation_space, self.arms.single_action_space)

        def reset(self):
            return self.arms.reset(seed=self._seeds[0])[0]

        def step_async(self, actions):
            self.actions = actions

        def step_wait(self):
            observations, reward, terminated, truncated, info = self.arms.step(self.actions)
            done = terminated | truncated
            infos: list[dict] = [{} for _ in range(ARMS)]
            for i in np.flatnonzero(done):
                infos[i] = {"terminal_observation": info["final_obs"][i], "TimeLimit.truncated": bool(truncated[i])}
            return observations, reward, done, infos

        def close(self):
            self.arms.close()

        def get_attr(self, name, indices=None):
            return [getattr(self.arms, name)] * ARMS

        def set_attr(self, name, value, indices=None):
            setattr(self.arms, name, value)

        def env_method(self, name, *arguments, indices=None, **named):
            raise NotImplementedError

        def env_is_wrapped(self, wrapper, indices=None):
            return [False] * ARMS

    return Arms()


def rsl_rl(seed: int) -> Iterator[tuple[int, Callable]]:
    """The same rollouts, batches, passes, network and KL; its own way of steering the learning rate by it."""
    from rsl_rl.runners import OnPolicyRunner
    from tensordict import TensorDict

    torch.manual_seed(seed)
    many = MANY_ARMS
    samples = many["n_steps"] * ARMS
    network = {"class_name": "MLPModel", "hidden_dims": list(many["hidden_dims"]), "activation": "relu"}
    spread = {"class_name": "GaussianDistribution", "init_std": float(np.exp(many["log_std_init"])), "std_type": "log"}
    algorithm = {
        "class_name": "PPO",
        "num_learning_epochs": many["n_epochs"],
        "num_mini_batches": samples // many["batch_size"],
        "learning_rate": many["lr"],
        "desired_kl": many["target_kl"],
        "schedule": "adaptive",
        "gamma": many["gamma"],
        "lam": 0.95,
        "clip_param": 0.2,
        "entropy_coef": many["entropy_coef"],
        "value_loss_coef": 0.5,
        "max_grad_norm": many["max_grad_norm"],
        "use_clipped_value_loss": False,
    }
    settings = {
        "num_steps_per_env": many["n_steps"],
        "save_interval": 1_000_000,
        "obs_groups": {"actor": ["policy"], "critic": ["policy"]},
        "actor": {**network, "distribution_cfg": spread},
        "critic": network,
        "algorithm": algorithm,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        runner = OnPolicyRunner(_rsl_arms(seed), settings, log_dir=None, device="cpu")
    steps = 0
    while True:
        with contextlib.redirect_stdout(io.StringIO()):
            runner.learn(1)
        steps += samples

        def act(states):
            with torch.inference_mode():
                seen = TensorDict({"policy": torch.as_tensor(states)}, batch_size=[len(states)])
                return runner.alg.get_policy()(seen).numpy()

        yield steps, act


def _rsl_arms(seed: int):
    """Our vector environment as rsl-rl-lib's: torch tensors, one flag for every ending and one for time limits."""
    from rsl_rl.env import VecEnv
    from tensordict import TensorDict

    class Arms(VecEnv):
        def __init__(self):
            self.arms = ReachVectorEnv(ARMS, device="cpu")
            self.num_envs, self.num_actions, self.max_episode_length = ARMS, 2, self.arms.max_steps
            self.device, self.cfg = "cpu", {}
            self.episode_length_buf = torch.zeros(ARMS)
            self.seen = self.arms.reset(seed=seed)[0]

        def get_observations(self):
            return TensorDict({"policy": self.seen}, batch_size=[ARMS])

        def step(self, actions):
            self.seen, reward, terminated, truncated, _ = self.arms.step(actions)
            return self.get_observations(), reward, terminated | truncated, {"time_outs": truncated}

    return Arms()


# ------------------------------------------------------------------ the race


def seconds_to_goal(contestant: Callable, seed: int) -> dict:
    """Seconds of one core and environment steps until 95 % of 1,000 fresh targets are reached; None: it gave up."""
    begun, seconds, judged_at = time.process_time(), 0.0, 0
    rounds = contestant(seed)
    while seconds < LONGEST:
        steps, act = next(rounds)
        seconds += time.process_time() - begun
        if steps >= judged_at + EVERY:
            judged_at = steps
            share = float(played(act, "rlbook/Reach-v0", 1000).terminated.mean())
            if share >= SHARE:
                return {"seconds": seconds, "steps": steps}
        begun = time.process_time()
    return {"seconds": None, "steps": steps}


def race(seeds=RACE_SEEDS) -> dict:
    """Every contestant with every seed, in turn."""
    contestants = {"rlbook": ours, "SB3 as it comes": sb3_as_it_comes, "SB3, our settings": sb3_our_settings}
    if importlib.util.find_spec("rsl_rl"):
        contestants["rsl-rl-lib"] = rsl_rl
    runs: dict[str, list] = {name: [] for name in contestants}
    for contestant in contestants.values():  # what a library loads and plans at its first steps is no training
        rounds = contestant(WARM_UP_SEED)
        next(rounds)
        next(rounds)
    for seed in seeds:
        for name, contestant in contestants.items():
            runs[name].append(seconds_to_goal(contestant, seed))
    return runs


# ------------------------------------------------------------------ ten seeds


def task(name: str, seeds=REPORTED) -> dict:
    """One entry a seed: the share of 1,000 targets or the mean return of 100 episodes, and seconds of training."""
    env, arguments, sizes, copies, steps, settings, _ = TASKS[name]
    results: dict[str, list] = {"result": [], "seconds": []}
    for seed in seeds:
        agent = PPO(*sizes, discrete=name == "CartPole-v1", seed=seed, **settings)
        begun = time.process_time()
        agent.learn(gym.make_vec(env, num_envs=copies, vectorization_mode=_mode(env), **arguments), steps)
        results["seconds"].append(time.process_time() - begun)

        def act(states, agent=agent):
            return agent.select_action(states, training=False)

        if "Reach" in env:
            results["result"].append(float(played(act, env, 1000, **arguments).terminated.mean()))
        else:
            results["result"].append(float(played(act, env, 100).returns.mean()))
    return {**results, "steps": steps, "seeds": list(seeds)}


def _mode(env: str) -> str | None:
    return None if "Reach" in env else "sync"


def run(seeds=RACE_SEEDS, reported=REPORTED) -> dict:
    torch.set_num_threads(1)
    return {"race": race(seeds), "tasks": {name: task(name, reported) for name in TASKS}, "goals": GOALS}


def table(result: dict) -> str:
    runs = result["race"]
    seconds = {name: [one["seconds"] or np.inf for one in of_name] for name, of_name in runs.items()}
    median = {name: float(np.median(of_name)) for name, of_name in seconds.items()}
    rows = []
    for name, of_name in runs.items():
        each = ", ".join(map(_shown, seconds[name]))
        steps = ", ".join(f"{one['steps']:,}" for one in of_name)
        times = f"{min(median[name], LONGEST) / median['rlbook']:.1f}" + (" and more" if median[name] > LONGEST else "")
        goal = f" ({GOALS[name]:g})" if name in GOALS else ""
        rows.append([name, _shown(median[name]), each, steps, times + goal])
    header = [f"to {SHARE:.0%} of 1,000 targets", "median (s)", "each seed", "environment steps", "times (goal)"]
    tasks = []
    for name, of_task in result["tasks"].items():
        results, bound = of_task["result"], TASKS[name][-1]
        good = f"{sum(value >= bound for value in results)} of {len(results)} ({bound:g})"
        digits = 3 if "Reach" in name else 0
        shown = ", ".join(f"{value:.{digits}f}" for value in results)
        tasks.append([name, shown, common.middle(results, digits), good, f"{np.median(of_task['seconds']):.0f} s"])
    header_tasks = ["task", "each seed", common.MIDDLE, "at the bound", "median time"]
    return "\n\n".join([common.text_table(header, rows), common.text_table(header_tasks, tasks)])


def _shown(seconds: float) -> str:
    return f"over {LONGEST:.0f}" if seconds > LONGEST else f"{seconds:.1f}"
