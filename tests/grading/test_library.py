"""The library as a submission sees it: environments and plots work, and nothing in it answers."""

import json
import subprocess
import sys

import pytest

from rlbook.checks import EXERCISES
from rlbook.grading import library
from rlbook.grading.library import CLOSED_ROOMS, ROOT, right_answers, without_bodies, write_library

LOOK = """
import importlib, json, sys
answers = json.loads(sys.argv[1])
told = {}
for module, names in answers.items():
    for name in filter(None, names):
        value = getattr(importlib.import_module(module), name)
        if isinstance(value, (int, float)):
            continue  # a constant of an environment, which goes on working, is no answer
        try:
            parameters = getattr(getattr(value, "__code__", None), "co_argcount", 0)
            told[f"{module}.{name}"] = repr(value(*[1.0] * parameters))
        except (AttributeError, RuntimeError) as error:
            told[f"{module}.{name}"] = "refused" if "answers in the notebook only" in str(error) else repr(error)
from rlbook.checks import check, hint, ready
assert check(len) is None and hint("x") is None and not ready(len)
import rlbook.envs.grid_world, rlbook.envs.tabular, rlbook.envs.arm.reach, rlbook.plots
env = rlbook.envs.grid_world.GridWorld()
env.reset(seed=1)
env.step(1)
class Panel(importlib.import_module("rlbook.widgets").Panel): pass
print(json.dumps([told, importlib.import_module("rlbook").__file__]))
"""


@pytest.fixture(scope="module", params=EXERCISES.chapters)
def masked(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    write_library(folder, EXERCISES.chapters[request.param])
    return folder, right_answers(EXERCISES.chapters[request.param])


def test_right_answers_refuse_while_environments_and_plots_work(masked):
    folder, answers = masked
    given = json.dumps({module: sorted(names) for module, names in answers.items()})
    command = [sys.executable, "-c", LOOK, given]
    variables = {"PYTHONPATH": str(folder), "MPLBACKEND": "agg"}
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told, place = json.loads(done.stdout.splitlines()[-1])
    assert place.startswith(str(folder))
    assert "rlbook.envs.arm.controllers.inverse_kinematics" in told and set(told.values()) == {"refused"}


DRAWING = """
import sys
from rlbook.plots import Svg, learning_curve, value_map
before = "matplotlib" in sys.modules
picture = learning_curve([[1.0, 2.0, 3.0]])
print(before, "matplotlib" in sys.modules, hasattr(picture, "savefig"), isinstance(picture, Svg))
"""


def test_pictures_are_drawn_and_matplotlib_is_loaded_only_then(masked):
    folder, _ = masked
    variables = {"PYTHONPATH": str(folder), "MPLBACKEND": "agg"}
    done = subprocess.run([sys.executable, "-c", DRAWING], env=variables, cwd=folder, capture_output=True, text=True)
    assert done.stdout == "False True True False\n", done.stderr


LEARNERS = """
import sys
try:
    import rlbook.dqn, rlbook.ppo
    print(rlbook.dqn.DQNAgent, rlbook.ppo.PPO.learn)
except AttributeError as error:
    print(error, "torch" in sys.modules)
"""


@pytest.mark.parametrize("chapter", ["03_dqn", "04_ppo"])
def test_learners_made_of_the_right_answers_are_not_there_and_load_nothing(tmp_path, chapter):
    write_library(tmp_path, EXERCISES.chapters[chapter])
    command, variables = [sys.executable, "-c", LEARNERS], {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "rlbook.ppo.PPO.learn answers in the notebook only False\n", done.stderr


def test_the_source_of_no_right_answer_is_there(masked):
    folder, answers = masked
    for module in answers:
        place = module.replace(".", "/")
        here, theirs = ROOT.parent / f"{place}.py", folder / f"{place}.py"
        if here.is_file():
            assert here.read_text() != theirs.read_text()
    files = {path.relative_to(folder / "rlbook").as_posix() for path in (folder / "rlbook").rglob("*.py")}
    assert files == {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py")}
    for room in CLOSED_ROOMS:
        for path in (folder / "rlbook" / room).rglob("*.py"):
            text = path.read_text()
            assert "mistakes" not in text and "EXERCISES" not in text


@pytest.mark.parametrize("line", ["from ..returns import td_target", "from .. import returns"])
def test_right_answers_are_found_however_they_are_imported(tmp_path, monkeypatch, line):
    (tmp_path / "new.py").write_text(f"from .temporal_difference import chosen\ndef late():\n    {line}\n")
    monkeypatch.setitem(library.MODULES, "rlbook.checks.new", tmp_path / "new.py")
    taken = {"rlbook.returns": {"td_target"} if "td_target" in line else set()}
    assert right_answers("rlbook.checks.new") == {**taken, **library.READY_MADE}


@pytest.mark.parametrize("line", ["from .returns import td_error", "from rlbook import returns"])
def test_a_learner_made_of_right_answers_is_not_there_however_it_imports_them(line):
    answers = {"rlbook.returns": {"td_target"}}
    assert library._visible("rlbook.new", line, answers) == library._STAND_IN
    assert library._visible("rlbook.new", "from .validation import check", answers) != library._STAND_IN


def test_functions_lose_their_bodies_and_docstrings_only_where_named():
    source = 'def one(x):\n    """one is x + 1"""\n    return x + 1\n\ndef two(x):\n    return 2\n\n'
    source += "class C:\n    def f(self):\n        return 3\n"
    text = without_bodies(source, {"one", "C"})
    namespace = {}
    exec(text, namespace)
    assert namespace["two"](1) == 2 and "x + 1" not in text
    for call in (namespace["one"], namespace["C"]().f):
        with pytest.raises(RuntimeError, match="answers in the notebook only"):
            call(*([1] if call is namespace["one"] else []))
