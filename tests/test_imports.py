"""What importing costs, and that the house stands: imports only go downward, never round, and never past a door."""

import ast
import functools
import json
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from rlbook.grading.library import MODULES, package_of, taken_from_the_library

HEAVY = {"torch", "matplotlib", "ipywidgets", "IPython", "mujoco"}
LEARNERS = ("q_learning", "dqn", "ppo", "sac", "td3")
# Lowest first. A file may import from its own floor and from those below it.
FLOORS = (
    ("arrays", "validation", "returns", "losses", "toy_text"),
    ("mdp",),
    ("envs",),
    ("learning",),
    (*LEARNERS, "sim_to_real"),
    ("plots",),
    ("checks", "widgets"),
    ("grading", "workbook", "cli"),
)


SOURCES = {name: path.read_text() for name, path in MODULES.items()}
BELOW = [name for name in SOURCES if name != "rlbook"]


def imports(source, package, modules=SOURCES):
    """The files of rlbook that a source imports anywhere, inside functions too, and the names it takes from them.

    {module: names}; ``package`` is the package of the file, for relative imports.
    """
    plain = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import))
    names = {alias.name: set() for node in plain for alias in node.names if alias.name in modules}
    return names | taken_from_the_library(source, package, modules)


def room(module):
    """rlbook.envs.arm.physics -> envs"""
    return module.split(".")[1]


def floor_of(module):
    return next(i for i, names in enumerate(FLOORS) if room(module) in names)


def upward(module, source):
    imported = imports(source, package_of(module))
    return sorted(name for name in imported if name != "rlbook" and floor_of(name) > floor_of(module))


def circle(sources):
    """A circle of files that import each other, or None."""
    graph = {module: set(imports(source, package_of(module), sources)) - {module} for module, source in sources.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return None


def borrowed(source, package):
    """Names with a leading underscore that a source takes from another file: imported, or read off a module."""
    found = imports(source, package)
    taken = {name for names in found.values() for name in names if _private(name)}
    tree = ast.parse(source)
    # Aliases that stand for modules of rlbook in this file.
    modules = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rlbook")
        for alias in node.names
        if f"{node.module}.{alias.name}" in SOURCES
    }
    attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _private(node.attr))
    return sorted(taken | {node.attr for node in attributes if _name(node.value) in modules})


def _private(name):
    return name.startswith("_") and not name.startswith("__")


def _name(node):
    return node.id if isinstance(node, ast.Name) else None


@functools.cache
def defined_privates(source):
    """Every name with a leading underscore that a file makes: functions, classes, attributes and class variables."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)  # object.__setattr__(self, "_name", value)
    return {name for name in names if _private(name)}


def foreign_attributes(module, source):
    """Underscored attributes that a file reads and that other files of rlbook, its base classes' apart, make.

    A subclass may use what its base class keeps to itself and its heirs: those are the files it takes a base from.
    """
    tree = ast.parse(source)
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _private(node.attr)}
    own = defined_privates(source)
    for base in _bases(module, tree):
        own |= defined_privates(SOURCES[base])
    elsewhere = {name for other, text in SOURCES.items() if other != module for name in defined_privates(text)}
    return sorted((used - own) & elsewhere)


def _bases(module, tree):
    """The files that define base classes of this file's classes, and theirs in turn."""
    found = imports(ast.unparse(tree), package_of(module))
    bases = {_name(base) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases}
    direct = {origin for origin, names in found.items() if names & bases}
    return direct.union(*(_bases(origin, ast.parse(SOURCES[origin])) for origin in direct))


@pytest.mark.parametrize("module", BELOW)
def test_imports_only_go_downward(module):
    assert not upward(module, SOURCES[module]), f"{module} imports from a floor above"
    if room(module) in LEARNERS:
        others = {room(name) for name in imports(SOURCES[module], package_of(module)) if name != "rlbook"}
        assert not others & set(LEARNERS) - {room(module)}, f"{module} imports another learner"


def test_no_two_files_import_each_other():
    assert circle(SOURCES) is None


@pytest.mark.parametrize("module", BELOW)
def test_no_file_reaches_for_anothers_underscore(module):
    assert borrowed(SOURCES[module], package_of(module)) == []
    assert foreign_attributes(module, SOURCES[module]) == []


def test_what_is_wrong_is_found():
    assert upward("rlbook.mdp", "def late():\n    from rlbook.envs import grid_world") == ["rlbook.envs.grid_world"]
    two = {"rlbook.a": "import rlbook.b", "rlbook.b": "def late():\n    from rlbook import a"}
    assert set(circle(two)) == {"rlbook.a", "rlbook.b"}
    assert circle({"rlbook.a": "import rlbook.b", "rlbook.b": ""}) is None
    assert borrowed("from rlbook.mdp import _solution", "rlbook") == ["_solution"]
    assert borrowed("from rlbook import mdp\nmdp._solution", "rlbook") == ["_solution"]
    inside = next(iter(defined_privates(SOURCES["rlbook.validation"])))
    assert foreign_attributes("rlbook.mdp", f"value.{inside}") == [inside]


def test_the_reader_of_imports_sees_them_all():
    source = """
import rlbook.plots.grids
from rlbook import widgets
from rlbook.checks.mdp import EXERCISES
def late():
    from ..envs.arm import physics
"""
    assert imports(source, "rlbook.plots") == {
        "rlbook.plots.grids": set(),
        "rlbook.widgets": set(),
        "rlbook.checks.mdp": {"EXERCISES"},
        "rlbook.envs.arm.physics": set(),
    }


@pytest.mark.parametrize("module", ["rlbook", "rlbook.mdp", "rlbook.envs.grid_world", "rlbook.q_learning"])
def test_chapters_one_and_two_need_numpy_only(module):
    code = f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    loaded = set(json.loads(result.stdout))
    assert module in loaded
    assert not loaded & HEAVY
