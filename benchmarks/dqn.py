"""DQN beside Stable-Baselines3: one training step, CartPole-v1 and reaching over ten seeds, and ablations.

The training step is compared on the same network, batch and loss. CartPole runs are whole: rlbook with its own
settings, Stable-Baselines3 with those it publishes for CartPole (rl-baselines3-zoo), seed after seed in turn on one
thread; both are judged greedily over 100 fresh episodes. A run's seconds are those of its processor core.

Settings were tuned on seeds 0 to 14; what is reported are seeds 100 to 109, that nothing was tuned on.
"""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import torch

from benchmarks import common
from rlbook.dqn import DQNAgent
from rlbook.learning.stepping import Evaluation, evaluate

REPORTED = tuple(range(100, 110))
PEER_SEEDS = REPORTED[:3]  # a run of theirs takes as long as two of ours
COMPARED_SEEDS = REPORTED[:5]  # of our own runs with something changed
EVALUATION_SEED = 10_000  # of environments that no learner has seen
STEP_NETWORKS = ((64, 64), (256, 256))
STEP_GOAL, TIME_GOAL, CARTPOLE_GOAL, REACH_GOAL = 1.5, 0.5, 475.0, 0.9

CARTPOLE_STEPS, CARTPOLE_ENVS = 240_000, 32
CARTPOLE = {
    "hidden_dims": (128, 128),
    "learning_rate": 5e-4,
    "batch_size": 128,
    "tau": 0.02,
    "double": True,
    "huber": True,
    "return_bounds": (0.0, 100.0),  # of 1 a step for ever, at gamma 0.99
    "epsilon_decay": 0.997,
    "epsilon_min": 0.04,
    "learning_starts": 5000,
    "updates_per_step": 0.1,
    "anneal_steps": CARTPOLE_STEPS,
}
# As many training steps with a fifth of the experience; and all of it, but with targets that know no bounds.
FEWER_STEPS, FEWER_ENVS = 48_000, 8
FEWER = {"updates_per_step": 0.5, "epsilon_decay": 0.97, "learning_starts": 1000, "anneal_steps": FEWER_STEPS}
UNBOUNDED = {"return_bounds": None}
PEER_STEPS = 50_000
PEER = {
    "learning_rate": 2.3e-3,
    "batch_size": 64,
    "buffer_size": 100_000,
    "learning_starts": 1000,
    "gamma": 0.99,
    "target_update_interval": 10,
    "train_freq": 256,
    "gradient_steps": 128,
    "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04,
}

REACH_STEPS, REACH_ENVS = 64_000, 16
REACH = {
    "hidden_dims": (128, 128),
    "learning_rate": 1e-3,
    "gamma": 0.95,
    "epsilon_decay": 0.98,
    "epsilon_min": 0.05,
    "target_update_freq": 300,
    "double": True,
    "huber": True,
    "learning_starts": 1000,
    "updates_per_step": 0.25,
}
ABLATION_STEPS = 32_000
# Every row takes one thing away from REACH, by one argument.
ABLATIONS = {
    "all stabilisers": {},
    "no replay": {"buffer_size": 64, "learning_starts": 0},
    "no target network": {"target_update_freq": 1},
    "not double": {"double": False},
    "no clipping": {"max_grad_norm": None},
    "squared error": {"huber": False},
    "none of them": {
        "buffer_size": 64,
        "learning_starts": 0,
        "target_update_freq": 1,
        "double": False,
        "max_grad_norm": None,
        "huber": False,
    },
}


def greedy(agent: DQNAgent, env: str, n_episodes: int) -> Evaluation:
    """Fresh episodes without exploration."""
    envs = gym.make_vec(env, num_envs=n_episodes)
    return evaluate(lambda state: agent.select_action(state, training=False), envs, n_episodes, seed=EVALUATION_SEED)


def peer(seed: int = 0, net_arch=(256, 256)):
    from stable_baselines3 import DQN

    return DQN("MlpPolicy", "CartPole-v1", policy_kwargs={"net_arch": list(net_arch)}, seed=seed, device="cpu", **PEER)


def training_steps(rounds: int, n_steps: int = 40) -> dict:
    """Seconds of a training step at batch 64 on the same network and loss."""
    result = {}
    for widths in STEP_NETWORKS:
        theirs, ours = peer(net_arch=widths), DQNAgent(4, 2, hidden_dims=widths, huber=True, learning_rate=2.3e-3)
        theirs.learn(1500)
        ours.learn(gym.make("CartPole-v1"), 1500)

        def step(agent=ours):
            for _ in range(n_steps):
                agent.train_step()

        contestants = {"rlbook": step, "peer": lambda model=theirs: model.train(n_steps, batch_size=64)}
        seconds = common.time_in_turn(contestants, rounds)
        result["x".join(map(str, widths))] = {
            **{f"{name}_s": float(np.median(times)) / n_steps for name, times in seconds.items()},
            "times_faster": common.ratio(seconds["peer"], seconds["rlbook"]),
        }
    return result


def balanced(seed: int, n_steps: int, n_envs: int, **changes) -> tuple[float, float]:
    """The mean return of 100 fresh episodes after a whole run with changes to ``CARTPOLE``, and the run's seconds."""
    agent, envs = DQNAgent(4, 2, seed=seed, **{**CARTPOLE, **changes}), gym.make_vec("CartPole-v1", num_envs=n_envs)
    seconds = common.processor_seconds(lambda: agent.learn(envs, n_steps))
    return float(greedy(agent, "CartPole-v1", 100).returns.mean()), seconds


def cartpole(seeds, peer_seeds) -> dict:
    """Whole runs, seed after seed: seconds, and the mean return of 100 fresh episodes."""
    from stable_baselines3.common.evaluation import evaluate_policy

    runs: dict[str, list] = {"rlbook_return": [], "rlbook_s": [], "peer_return": [], "peer_s": []}
    runs |= {"fewer_return": [], "unbounded_return": []}
    for seed in seeds:
        value, seconds = balanced(seed, CARTPOLE_STEPS, CARTPOLE_ENVS)
        runs["rlbook_return"].append(value)
        runs["rlbook_s"].append(seconds)
        if seed in COMPARED_SEEDS:
            runs["fewer_return"].append(balanced(seed, FEWER_STEPS, FEWER_ENVS, **FEWER)[0])
            runs["unbounded_return"].append(balanced(seed, CARTPOLE_STEPS, CARTPOLE_ENVS, **UNBOUNDED)[0])
        if seed in peer_seeds:
            model, fresh = peer(seed), gym.make("CartPole-v1")
            runs["peer_s"].append(common.processor_seconds(lambda model=model: model.learn(PEER_STEPS)))
            fresh.reset(seed=EVALUATION_SEED)
            runs["peer_return"].append(float(evaluate_policy(model, fresh, n_eval_episodes=100, warn=False)[0]))
    beside = [runs["rlbook_s"][list(seeds).index(seed)] for seed in peer_seeds]
    return {
        **runs,
        "seeds": list(seeds),
        "rlbook_steps": CARTPOLE_STEPS,
        "fewer_steps": FEWER_STEPS,
        "unbounded_steps": CARTPOLE_STEPS,
        "peer_steps": PEER_STEPS,
        "time_share": 1 / common.ratio(runs["peer_s"], beside),
    }


def reaching(seeds, n_steps: int, changes: dict) -> dict:
    """Share of 500 fresh targets reached, and seconds of training, {name: one entry a seed}."""
    result = {}
    for name, change in changes.items():
        shares, seconds = [], []
        for seed in seeds:
            agent = DQNAgent(10, 9, seed=seed, **{**REACH, **change})
            envs = gym.make_vec("rlbook/ReachDiscrete-v0", num_envs=REACH_ENVS)
            seconds.append(common.processor_seconds(lambda agent=agent, envs=envs: agent.learn(envs, n_steps)))
            shares.append(float(greedy(agent, "rlbook/ReachDiscrete-v0", 500).terminated.mean()))
        result[name] = {"share_reached": shares, "seconds": seconds}
    return {"steps": n_steps, "seeds": list(seeds), "rows": result}


def run(rounds: int = 15, seeds=REPORTED, peer_seeds=PEER_SEEDS) -> dict:
    torch.set_num_threads(1)
    return {
        "training_step": training_steps(rounds),
        "cartpole": cartpole(seeds, peer_seeds),
        "reaching": reaching(seeds, REACH_STEPS, {"all stabilisers": {}}),
        "ablations": reaching(seeds[:3], ABLATION_STEPS, ABLATIONS),
        "goals": {"step": STEP_GOAL, "time": TIME_GOAL, "cartpole": CARTPOLE_GOAL, "reach": REACH_GOAL},
    }


def table(result: dict) -> str:
    goals, runs = result["goals"], result["cartpole"]
    steps = [
        [name, common.milliseconds(row["rlbook_s"]), common.milliseconds(row["peer_s"]), f"{row['times_faster']:.2f}"]
        for name, row in result["training_step"].items()
    ]
    returns = runs["rlbook_return"]
    names = {"rlbook": "rlbook", "fewer": "as many training steps", "unbounded": "targets without bounds"}
    poles = [
        [
            f"{names[who]}, {runs[f'{who}_steps']:,} steps",
            *(f"{value:.0f}" for value in values),
            *[""] * (len(returns) - len(values)),
            common.middle(values),
        ]
        for who in names
        for values in [runs[f"{who}_return"]]
    ]
    header = ["CartPole-v1, return", *(f"seed {seed}" for seed in runs["seeds"]), common.MIDDLE]
    solved = sum(value >= goals["cartpole"] for value in returns)
    theirs = ", ".join(f"{value:.0f}" for value in runs["peer_return"])
    verdict = (
        f"{solved} of {len(returns)} seeds at {goals['cartpole']:.0f} and more, in {runs['time_share']:.2f} of the "
        f"time of Stable-Baselines3 (goal: {goals['time']}), which comes to {theirs} after {runs['peer_steps']:,} steps"
    )
    return "\n\n".join(
        [
            common.text_table(["training step, batch 64", "rlbook", "SB3", f"times (goal {goals['step']})"], steps),
            common.text_table(header, poles),
            verdict,
            _reaching_table(result["reaching"]),
            _reaching_table(result["ablations"]),
        ]
    )


def _reaching_table(result: dict) -> str:
    rows = [
        [
            name,
            *(f"{share:.0%}" for share in row["share_reached"]),
            common.middle(row["share_reached"], 3),
            f"{np.median(row['seconds']):.0f} s",
        ]
        for name, row in result["rows"].items()
    ]
    seeds = (f"seed {seed}" for seed in result["seeds"])
    header = [f"targets reached after {result['steps']:,} steps", *seeds, common.MIDDLE, "time"]
    return common.text_table(header, rows)
