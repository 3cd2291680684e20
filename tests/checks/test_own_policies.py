"""Policies of one's own: what learns passes, what does not is told its number, and the notebook says what is asked."""

import re

import gymnasium as gym
import numpy as np
import pytest
import torch
from conftest import cells
from gymnasium.vector import AutoresetMode

from rlbook.checks import EXERCISES
from rlbook.checks.exercise import NOT_ATTEMPTED, NOT_YET

CHAPTERS = {"own_dqn": "03_dqn", "own_ppo": "04_ppo", "own_transfer": "05_sim_to_real"}
PER_CENT = r"^≈ (\d+\.\d) % of 200 unseen episodes succeed \(at least (\d+\.\d) % are needed; .* grants (\d+\.\d) % "


def numbers(result):
    """(reached, needed, margin) in per cent, as the message tells them."""
    return tuple(map(float, re.match(PER_CENT, result.message).groups()))


def torques(obs):
    """An independent answer that learns nothing: a spring pulls the tip to the target, gravity is carried; N m.

    tau = J(q)^T k (target - tip) - d qd + g(q), with k = 60 N/m and d = 3 N m s for links of 0.5 m and 1 kg.
    """
    (c1, c2, s1, s2), qd, (dx, dz) = obs.T[:4], 10 * obs.T[4:6], obs.T[8:10]
    c12, s12 = c1 * c2 - s1 * s2, s1 * c2 + c1 * s2
    elbow = 60 * 0.5 * (c12 * dz - s12 * dx) - 3 * qd[1] + 9.81 * 0.25 * c12
    upper = 60 * 0.5 * (c1 * dz - s1 * dx) + 60 * 0.5 * (c12 * dz - s12 * dx) - 3 * qd[0]
    return np.stack([upper + 9.81 * (0.75 * c1 + 0.25 * c12), elbow], axis=1) / [19.62, 4.905]


def pushed_to_the_target(obs):
    """Of the torques off, full, and full the other way, those that are closest to the spring's."""
    steps = np.clip(np.round(1.5 * torques(np.asarray(obs, dtype=float))), -1, 1) + 1
    return (3 * steps[:, 0] + steps[:, 1]).astype(int)


def pulled_to_the_target(obs):
    return np.clip(torques(np.asarray(obs, dtype=float)), -1, 1)


def held_at_the_target(obs):
    """An independent answer for the robot, from what it truly weighs: angles that put the tip on the target, and M, g.

    tau = M(q) (16 e - 8 qd) + g(q) + friction, with e the angles that are missing, at most 0.6 rad; N m.
    """
    obs = np.asarray(obs, dtype=float)
    (c1, c2, s1, s2), qd, (x, z) = obs.T[:4], 10 * obs.T[4:6], obs.T[6:8]
    elbow = np.arccos(np.clip(2 * (x**2 + z**2) - 1, -1, 1)) * np.where(s2 >= 0, 1, -1)
    wanted = np.stack([np.arctan2(z, x) - np.arctan2(np.sin(elbow), 1 + np.cos(elbow)), elbow])
    missing = wanted - np.arctan2([s1, s2], [c1, c2])
    e = np.clip((missing + np.pi) % (2 * np.pi) - np.pi, -0.6, 0.6)
    upper, lower = 16 * e - 8 * qd
    coupling, c12 = 0.128 + 0.15 * c2, c1 * c2 - s1 * s2  # kg m^2
    inertia = np.stack([(0.375 + coupling + 0.15 * c2) * upper + coupling * lower, coupling * upper + 0.128 * lower])
    weight = 9.81 * np.stack([0.77 * c1 + 0.303 * c12, 0.303 * c12])
    friction = np.array([[0.45], [0.35]]) * qd + np.array([[0.2], [0.1]]) * np.tanh(e / 0.02)
    return np.clip((inertia + weight + friction).T / [0.9, 0.94] / [19.62, 4.905], -1, 1)


pushed_to_the_target.__name__, pulled_to_the_target.__name__ = "own_dqn", "own_ppo"
held_at_the_target.__name__ = "own_transfer"


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_notebook_says_what_is_asked(name):
    exercise, notebook = EXERCISES[name], cells(CHAPTERS[name], False)
    text = next(cell.source for cell in notebook if "Build your own" in cell.source)
    points, minutes, difficulty, stars = re.search(
        r"\*(\d+) points . about (\d+) minutes . difficulty (\d) of 5 \((★*)☆*\)\*", text
    ).groups()
    assert (int(points), int(minutes), int(difficulty)) == (exercise.points, exercise.minutes, exercise.difficulty)
    assert len(stars) == exercise.difficulty
    told = "\n".join(cell.source for cell in notebook if cell.cell_type == "markdown").replace("\n", " ")
    assert {0.8: "at least 80 % of", 0.5: "At least half of them"}[exercise.threshold] in told
    check = next(cell for cell in notebook if cell.source == f"check({name})")
    assert check.metadata["nbgrader"]["points"] == exercise.points


@pytest.mark.parametrize("fn", [pushed_to_the_target, pulled_to_the_target, held_at_the_target])
def test_an_answer_that_was_never_trained_passes_as_well(fn):
    for seed in (0, 1, 2):
        assert EXERCISES[fn.__name__].judge(fn, seed).correct


@pytest.mark.parametrize("name", CHAPTERS)
@pytest.mark.parametrize("kind", ["random", "constant"])
def test_random_and_constant_policies_fail_with_their_number(name, kind):
    rng, exercise = np.random.default_rng(0), EXERCISES[name]

    def policy(obs):
        if name == "own_dqn":
            return rng.integers(9, size=len(obs)) if kind == "random" else np.zeros(len(obs), dtype=int)
        return rng.uniform(-1, 1, (len(obs), 2)) if kind == "random" else np.zeros((len(obs), 2))

    result = exercise.judge(policy)
    reached, needed, margin = numbers(result)
    assert (result.status, result.points) == (NOT_YET, 0)
    assert (
        reached < 40 and needed == 100 * exercise.threshold and margin == pytest.approx(100 * exercise.margin, abs=0.05)
    )


def test_a_half_trained_dqn_fails_with_its_number():
    """The solution's own learner with a tenth of its steps."""
    source = next(c.source for c in cells("03_dqn", True) if c.source.startswith("def train_own_dqn"))
    namespace = {"gym": gym, "torch": torch, "nn": torch.nn, "AutoresetMode": AutoresetMode}
    exec(source.replace("n_steps = [], 1000", "n_steps = [], 100"), namespace)
    network = namespace["train_own_dqn"]()
    result = EXERCISES["own_dqn"].judge(lambda obs: network(torch.as_tensor(obs)).argmax(dim=1).numpy())
    assert result.status == NOT_YET and numbers(result)[0] < 70


def test_a_half_trained_ppo_fails_with_its_number():
    code = [cell.source for cell in cells("04_ppo", True) if cell.cell_type == "code"]
    namespace = {"gym": gym, "torch": torch, "nn": torch.nn, "AutoresetMode": AutoresetMode}
    for begin in ("class ActorCritic", "def own_update", "def train_with"):
        source = next(source for source in code if source.startswith(begin))
        exec(source.split("\n\n\nmodel = None")[0], namespace)
    model = namespace["train_with"](namespace["own_update"], n_updates=10)
    result = EXERCISES["own_ppo"].judge(lambda obs: model.mean(torch.as_tensor(obs)).detach().clamp(-1, 1).numpy())
    assert result.status == NOT_YET and numbers(result)[0] < 70


@pytest.mark.parametrize("total_steps, physics", [(200_000, "own"), (700_000, "nominal")])
def test_little_training_and_no_randomization_fail_on_the_robot(total_steps, physics):
    code = [cell.source for cell in cells("05_sim_to_real", True) if cell.cell_type == "code"]
    namespace = {}
    for begin in ("import gymnasium", "def own_physics", "def trained_on"):
        source = next(source for source in code if source.startswith(begin))
        exec(source.split("\n\n\nagent = None")[0], namespace)
    draw = namespace["own_physics"] if physics == "own" else lambda n, random: namespace["PhysicsParams"]()
    agent = namespace["trained_on"](draw, total_steps)
    result = EXERCISES["own_transfer"].judge(lambda obs: agent.select_action(obs, training=False))
    assert result.status == NOT_YET and numbers(result)[0] < 45


@pytest.mark.parametrize("name", CHAPTERS)
def test_what_is_not_trained_counts_as_not_attempted(name, capsys):
    """The exercise as it is handed out: its cells run, say what is missing, and nothing is judged."""
    chapter = CHAPTERS[name]
    code = [cell.source for cell in cells(chapter, False) if cell.cell_type == "code"]
    before = code[1 : code.index(f"check({name})")]
    namespace = {}
    for source in (code[0], *(source for source in before if "own_" in source or "ActorCritic" in source)):
        exec(compile(source, "a cell", "exec"), namespace)
    assert "Nothing is trained yet" in capsys.readouterr().out
    assert EXERCISES[name].judge(namespace[name]).status == NOT_ATTEMPTED
