"""What importing costs, and that the floors of the house stand: imports only go downward."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import rlbook

ROOT = Path(rlbook.__file__).parent
HEAVY = {"torch", "matplotlib", "ipywidgets", "IPython", "mujoco"}
# Lowest first. A module may import from its own floor and from those below it.
FLOORS = (
    ("validation",),
    ("mdp",),
    ("envs",),
    ("training", "q_learning", "dqn", "ppo", "sac", "td3", "sim_to_real"),
    ("plots",),
    ("checks", "widgets"),
    ("grading", "build", "tidy", "cli"),
)
LEARNERS = ("q_learning", "dqn", "ppo", "sac", "td3")
FILES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def floor_of(name):
    return next(i for i, names in enumerate(FLOORS) if name in names)


def room(path):
    """rlbook/envs/arm.py -> envs"""
    return path.parts[0].removesuffix(".py")


def rooms_imported(source, package=("rlbook",)):
    """The rooms of rlbook that a source imports anywhere, inside functions too; ``package`` is the file's own."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [start, node.module]))
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if name.startswith("rlbook.")}
    return rooms


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_only_go_downward(path):
    imported = rooms_imported((ROOT / path).read_text(), ("rlbook", *path.parts[:-1]))
    modules = {name for name in imported if (ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file()}
    upward = {name for name in modules if floor_of(name) > floor_of(room(path))}
    assert not upward, f"{path} imports {sorted(upward)} from a floor above"
    if room(path) in LEARNERS:
        assert not modules & set(LEARNERS) - {room(path)}, f"{path} imports another learner"


def test_the_reader_of_imports_sees_them_all():
    source = """
import rlbook.plots.grids
from rlbook import widgets
from rlbook.checks.mdp import EXERCISES
def late():
    from ..envs import arm
"""
    assert rooms_imported(source, ("rlbook", "plots")) == {"plots", "widgets", "checks", "envs"}


@pytest.mark.parametrize("module", ["rlbook", "rlbook.mdp", "rlbook.envs.grid_world", "rlbook.q_learning"])
def test_chapters_one_and_two_need_numpy_only(module):
    code = f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    loaded = set(json.loads(result.stdout))
    assert module in loaded
    assert not loaded & HEAVY
