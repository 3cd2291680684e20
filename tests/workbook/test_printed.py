"""What notebooks print holds on every processor: measurements go through facts, and readers see numbers, not `True`.

`make nbval PROCESSOR=old` runs them with other kernels; the tests here find what an author forgot before that.
"""

import ast
import re
from pathlib import Path

import pytest

from rlbook.workbook.build import read_notebook, read_source
from rlbook.workbook.facts import MARK

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "notebooks").glob("*.py"))
STORED = [*sorted((ROOT / "notebooks").glob("*.ipynb")), *sorted((ROOT / "solutions").glob("*.ipynb"))]
CLAIM = r"\((more than|less than|between|at least) "
# What amplifies a processor's last bits: networks that train, and arms that move.
CHAOTIC = {"DQNAgent", "PPO", "SAC", "TD3", "evaluate", "record_episodes", "inverse_kinematics", "PDController"}
CHAOTIC |= {"ReachVectorEnv", "make_vec", "ReplayBuffer", "TrueSteps"}
EXACT = {"len", "int", "measured", "fact"}  # counts, and what is marked already


def named(path):
    return path.relative_to(ROOT).with_suffix("").as_posix()


class Printing(ast.NodeVisitor):
    """Follows measured values through the cells of a notebook, in order, and collects what is printed of them bare."""

    def __init__(self):
        self.measured = set(CHAOTIC)
        self.bare = []

    def is_measured(self, node):
        """Whether the code reads a measured value, calls of EXACT apart."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EXACT:
            return False
        if isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            return name in self.measured or any(map(self.is_measured, ast.iter_child_nodes(node)))
        return any(map(self.is_measured, ast.iter_child_nodes(node)))

    def bind(self, target, measured):
        """An assignment: a name takes over what it is given; a table keeps what it had."""
        if isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self.bind(part, measured)
        elif isinstance(target, ast.Name):
            (self.measured.add if measured else self.measured.discard)(target.id)
        elif measured:
            self.bind(target.value, measured)

    def visit_Assign(self, node):
        for target in node.targets:
            self.bind(target, self.is_measured(node.value))

    def visit_AugAssign(self, node):
        if self.is_measured(node.value):
            self.bind(node.target, True)

    def visit_For(self, node):
        target = node.target
        if isinstance(node.iter, ast.Name):  # `for name in table`: names
            self.bind(target, False)
        elif isinstance(target, ast.Tuple):  # `for name, value in table.items()`
            self.bind(target, False)
            self.bind(target.elts[-1], self.is_measured(node.iter))
        else:
            self.bind(target, self.is_measured(node.iter))
        for statement in 2 * node.body:  # what the first round measures, the second may print
            self.visit(statement)

    def visit_FunctionDef(self, node):
        outside = set(self.measured)
        self.measured -= {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
        self.generic_visit(node)
        returns = [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value]
        measured = any(map(self.is_measured, returns))
        self.measured = outside | ({node.name} if measured else set())

    def visit_Call(self, node):
        if isinstance(node.func, ast.Name) and node.func.id == "print":
            shown = [part.value for part in ast.walk(node) if isinstance(part, ast.FormattedValue)]
            self.bare += [ast.unparse(value) for value in shown if self.is_measured(value)]
        elif isinstance(node.func, ast.Attribute) and node.func.attr in ("append", "extend"):
            self.bind(node.func, any(map(self.is_measured, node.args)))


def unmarked(cells):
    """What the cells print of a measurement without marking it."""
    printing = Printing()
    for cell in cells:
        printing.visit(ast.parse(cell))
    return printing.bare


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_measurements_are_printed_as_facts(path):
    cells = [cell.source for cell in read_source(path).cells if cell.cell_type == "code"]
    assert unmarked(cells) == []
    assert not [cell for cell in cells if MARK in cell], f"{MARK} is written by rlbook.workbook.facts alone"


BARE = """\
agent = DQNAgent(4, 2)
print(f"{agent.learn(env, 100).returns.mean():.2f}")
---
def share(n):
    return evaluate(policy, env, n).terminated
print(f"{share(3).mean()}")
---
rows = {"a": evaluate(policy, env)}
for name, row in rows.items():
    print(f"{name}: {row.returns.mean()}")
---
tried = []
for seed in range(3):
    tried += [DQNAgent(4, 2, seed=seed)]
best = max(tried)
print(f"{best > 3}")
---
with answer("1."):
    print(f"{np.mean(record_episodes(env, policy).returns)}")
"""
MAY_BE_PRINTED = """\
agent = DQNAgent(4, 2)
print(f"{len(agent.buffer):,} transitions, {int(agent.n_updates)} updates")
---
episodes = record_episodes(env, policy)
print(f"{measured(episodes.returns.mean())}")
---
robots = QLearning(16, 4)
print(f"{robots.learn(world, n_episodes=10).returns.mean()}")
---
rows = {"a": evaluate(policy, env)}
for name in rows:
    print(f"{name}")
"""


@pytest.mark.parametrize("cell", BARE.split("---\n"))
def test_a_measurement_that_is_printed_bare_is_found(cell):
    assert len(set(unmarked([cell]))) == 1


@pytest.mark.parametrize("cell", MAY_BE_PRINTED.split("---\n"))
def test_counts_marked_numbers_and_tables_of_numpy_may_be_printed(cell):
    assert unmarked([cell]) == []


def texts(path):
    """(number, text) of every code cell that stores text."""
    for number, cell in enumerate(cell for cell in read_notebook(path).cells if cell.cell_type == "code"):
        data = [output.get("data", {}) for output in cell.outputs]
        stored = [output.get("text", "") for output in cell.outputs]
        stored += [each.get(kind, "") for each in data for kind in ("text/plain", "text/html")]
        yield number, "\n".join(stored)


@pytest.mark.parametrize("path", STORED, ids=named)
def test_readers_see_numbers_and_every_measured_one_stands_beside_a_claim(path):
    for number, text in texts(path):
        assert not re.search(r"\b(True|False)$", text, re.MULTILINE), f"cell {number} answers with a bare True or False"
        assert MARK not in text or re.search(CLAIM, text), f"cell {number} measures and claims nothing"
