"""Marks: every known mistake is found on secret seeds too, check and grader never disagree, and policies are judged."""

import ast
import contextlib
import copy
import signal
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
from sandbox import needs_sandbox
from submissions import answers, notebook

import rlbook.envs  # noqa: F401 (registers the environments)
from rlbook.checks import EXERCISES, evaluate
from rlbook.checks.calling import Fault
from rlbook.checks.exercise import NOT_ATTEMPTED, NOT_YET, Exercise
from rlbook.checks.policy import PolicyExercise
from rlbook.grading.box import MIB, Box, BoxError, Limits
from rlbook.grading.marks import UNGRADED, chapter_of, mark_exercise, mark_notebook, secret_seeds
from rlbook.grading.session import Cell, Proxy, Session, Unreadable, read_cells
from rlbook.grading.supervisor import libraries, library_of

SEEDS = secret_seeds(2026)
ALL = [exercise for exercise in EXERCISES.values() if isinstance(exercise, Exercise)]
LIMITS = Limits(call=5, cell=20, total=120, memory=700 * MIB)


class Here:
    """A session whose functions are called in this process."""

    def __init__(self, function):
        self.function, self.cells = function, []

    def call(self, name, arguments, given):
        return self.function(*given)


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.name)
def test_every_mistake_loses_its_points_with_its_own_sentence(exercise):
    for sentence, mistake in exercise.mistakes.items():
        mark = mark_exercise(exercise, Here(mistake), SEEDS)
        assert (mark.points, mark.message) == (0, sentence)
    assert mark_exercise(exercise, Here(exercise.reference), SEEDS).points == exercise.points


# ---------------------------------------------------------------- what check calls Correct, the grader does

SWAPS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.Mod: ast.Mult}
SWAPS |= {ast.Pow: ast.Mult}
SWAPS |= {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq}
SWAPS |= {ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
OTHER_NAMES = {"max": "min", "min": "max", "argmax": "argmin", "sum": "mean", "mean": "sum", "terminated": "truncated"}


def mutants(source):
    """The source with one operator, number or name changed, in every place that has one."""
    tree = ast.parse(source)
    for i, node in enumerate(ast.walk(tree)):
        for change in (_swap_operator, _swap_comparison, _swap_constant, _swap_name):
            mutant = copy.deepcopy(tree)
            place = list(ast.walk(mutant))[i]
            if type(place) is type(node) and change(place):
                yield ast.unparse(mutant)


def _swap_operator(node):
    if isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        node.op = SWAPS[type(node.op)]()
        return True


def _swap_comparison(node):
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        node.ops[0] = SWAPS[type(node.ops[0])]()
        return True


def _swap_constant(node):
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        node.value = node.value + 1 if node.value != 1 else 0
        return True


def _swap_name(node):
    if isinstance(node, ast.Attribute) and node.attr in OTHER_NAMES:
        node.attr = OTHER_NAMES[node.attr]
        return True
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in OTHER_NAMES:
        node.id = OTHER_NAMES[node.id]
        return True


@contextlib.contextmanager
def one_second():
    """What computes for longer raises TimeoutError: some mutants never end."""

    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("chapter", EXERCISES.chapters)
def test_no_mutant_of_a_right_answer_passes_in_the_notebook_and_fails_in_secret(chapter):
    n_wrong = 0
    for name, exercise in EXERCISES.chapter(chapter).items():
        if name not in answers(chapter) or not isinstance(exercise, Exercise):
            continue
        for source in mutants(answers(chapter)[name]):
            namespace = _namespace(chapter)
            exec(source, namespace)
            verdicts = []
            for seed in (0, *SEEDS):
                with one_second():
                    verdicts.append(evaluate(exercise, namespace[name], seed).correct)
                if not verdicts[-1]:
                    break
            n_wrong += not verdicts[-1]
            assert len(verdicts) == 1 or all(verdicts), source
    assert n_wrong > 4 * len(EXERCISES.chapter(chapter))


def _namespace(chapter):
    """What the answers of a chapter can use: NumPy, and each other."""
    namespace = {"np": np}
    for source in answers(chapter).values():
        exec(source, namespace)
    return namespace


# ---------------------------------------------------------------- reading notebooks


def test_more_code_than_anyone_writes_is_refused_before_it_is_looked_into():
    names = "=".join(f"n{i}" for i in range(14_000))  # each is small enough to be looked into; together they are not
    with pytest.raises(Unreadable, match="3,000,000 characters"):
        read_cells(notebook(*[f"{names}=0"] * 40))
    assert len(read_cells(notebook(*[f"{names}=0"] * 2))) == 2


def test_the_chapter_comes_from_the_files_name_or_from_the_answers():
    cells = [Cell(1, source) for source in answers("02_q_learning").values()]
    mdp = Cell(1, answers("01_mdp")["discounted_return"])
    assert chapter_of("jane-01_mdp (2).ipynb", [*cells, mdp]) == "01_mdp"
    assert chapter_of("jane-01_mdp (2).ipynb", []) == "01_mdp"
    assert chapter_of("01_mdp.ipynb", cells) == "02_q_learning"  # a wrong name costs nothing
    assert chapter_of("homework.ipynb", cells) == "02_q_learning"
    assert chapter_of("homework.ipynb", cells[3:4]) == "02_q_learning"
    with pytest.raises(Unreadable, match="It holds no exercise"):
        chapter_of("homework.ipynb", [Cell(1, "x = 1")])


def test_which_code_counts_is_known_only_where_there_is_one():
    """A find-the-bug answer beside the code that was given is an answer."""
    given, mine = "def f():\n    return 1\n", "def f():\n    return 2\n"

    def code(*sources):
        cells = [Cell(i, source) for i, source in enumerate(sources)]
        return Proxy(SimpleNamespace(cells=cells), "f", ()).__code__

    assert code(given).co_consts == code("x = 1", given, "y = f()").co_consts != code(mine).co_consts
    for sources in ((given + mine,), (given, mine), (mine, "1 / 0\n" + given), ("x = 1",)):
        assert code(*sources) is None


def test_a_tag_does_not_lose_an_answer():
    data = notebook("def f(): pass", "f()", "%%time\n1", _1=["demo"], _2=["demo"], _3=["training"])
    assert [cell.skipped for cell in read_cells(data)] == [False, True, True]
    assert read_cells(data)[0].defines == {"f"}
    assert Cell(1, "if True:\n    def g(): pass\nh = lambda: 1").defines >= {"h"}
    assert Cell(1, "%%time\ndef g(): pass").defines == {"g"}
    hidden = notebook(
        "if True:\n    def f(): pass", "try:\n    import a as f\nfinally: pass", _1=["demo"], _2=["check"]
    )
    assert not any(cell.skipped for cell in read_cells(hidden))
    inside = Cell(1, "class A:\n    def f(self):\n        x = 1\ndef g():\n    def f(): pass\n    y = 2")
    assert inside.defines == {"A", "g"}


def test_metadata_without_tags_lose_nothing():
    data = notebook("def f(): pass", "x = 1", _1=None, _2=["check"]).replace(b'{"tags": ["check"]}', b"null")
    assert b'"tags": null' in data and b'"metadata": null' in data
    assert [cell.tags for cell in read_cells(data)] == [frozenset()] * 2


# ---------------------------------------------------------------- in a box

POLICY = PolicyExercise(
    "policy",
    environment=lambda n: gym.make_vec("rlbook/GridWorld-v0", num_envs=n),
    threshold=0.8,
    points=3,
    minutes=20,
    difficulty=3,
    hints=("Go right.",),
    n_episodes=50,
)
TRAINED = """
import gymnasium as gym, numpy as np, rlbook.envs
env = gym.make("rlbook/GridWorld-v0")
gains = []
for action in range(4):  # the shortest training there is: which action, held for ever, earns most?
    env.reset(seed=0)
    gains.append(sum(env.step(action)[1] for _ in range(3)))
best = int(np.argmax(gains))
def policy(obs):
    return np.full(len(obs), best)
"""


def session(*sources):
    library = library_of(libraries(), "02_q_learning")
    return Session([Cell(i, source) for i, source in enumerate(sources, 1)], lambda: Box(library, LIMITS), LIMITS)


@needs_sandbox
@pytest.mark.parametrize(
    "source, points, words",
    [
        (
            TRAINED,
            3,
            "100.0 % of 50 unseen episodes succeed (at least 64.0 % are needed: 80% less a margin for chance).",
        ),
        ("import numpy as np\ndef policy(obs): return np.full(len(obs), 3)", 0, "0.0 % of 50 unseen episodes succeed"),
        ("def policy(obs): return 'success'", 0, "no array of numbers"),
        ("def policy(obs): return obs.fill(3)", 0, "It returns None"),
        ("def policy(obs):\n    while True: pass", 0, "did not finish within"),
        ("def policy(obs): raise NotImplementedError", 0, "Write your code in place of"),
        ("x = 1", 0, "There is no function named `policy`"),
    ],
    ids=["trained", "wrong", "text", "none", "endless", "blank", "missing"],
)
def test_a_trained_policy_is_judged_by_its_success(source, points, words):
    trained = session(source)
    try:
        mark = mark_exercise(POLICY, trained, SEEDS)
    finally:
        trained.close()
    assert (mark.points, mark.out_of) == (points, 3) and words in mark.message


@needs_sandbox
def test_a_starter_that_was_not_touched_is_not_attempted_and_an_edited_one_is_wrong():
    exercise = EXERCISES["replay_episode"]
    from submissions import blanks

    library = library_of(libraries(), "02_q_learning")
    source = blanks("02_q_learning")["replay_episode"]
    for text, status in ((source, NOT_ATTEMPTED), (source.replace("Q.astype(float)", "0.0 * Q"), NOT_YET)):
        assert (text == source) == (status == NOT_ATTEMPTED)
        data = notebook("import numpy as np", text)
        result = mark_notebook(
            "jane", "02_q_learning", data, open_box=lambda _: Box(library, LIMITS), limits=LIMITS, seeds=SEEDS
        )
        (mark,) = (mark for mark in result.marks if mark.exercise == exercise.name)
        assert (mark.status, mark.points) == (status, 0)


@needs_sandbox
def test_what_a_function_does_to_its_arguments_is_seen():
    changing = session("def td_update(q, reward, next_q, terminated, alpha, gamma):\n    q += 1\n    return q")
    mark = mark_exercise(EXERCISES["td_update"], changing, SEEDS)
    changing.close()
    assert mark.points == 0 and "It changes its input `q`" in mark.message


@needs_sandbox
def test_what_is_for_the_notebook_alone_is_told_in_a_sentence_and_no_traceback():
    shown = session("from rlbook.mdp import value_iteration\nvalue_iteration.__wrapped__", "1 / 0", "def f(): return 1")
    shown.call("f", (), ())
    shown.close()
    demonstration, mistake, _ = shown.cells
    assert demonstration.problem == "rlbook.mdp.value_iteration.__wrapped__ answers in the notebook only"
    assert demonstration.printed == ""
    assert mistake.problem == "ZeroDivisionError: division by zero" and "Traceback" in mistake.printed


def no_box(chapter):
    raise BoxError("the sandbox needs bubblewrap")


def test_where_there_is_no_box_nobody_is_given_a_zero():
    """What an answer raises is the answer's fault; this is not."""
    data = notebook(*answers("02_q_learning").values())
    result = mark_notebook("jane", "02_q_learning", data, open_box=no_box, limits=LIMITS, seeds=SEEDS)
    assert (result.status, result.marks) == (UNGRADED, [])
    assert result.notes == ["The box did not start: the sandbox needs bubblewrap."]


@needs_sandbox
@pytest.mark.parametrize(
    "answer, words",
    [
        ("np.zeros((10**9, 0))", "an array of shape (1000000000, 0)"),
        ("np.zeros((10**9, 0), dtype=bool)", "an array of shape (1000000000, 0)"),
    ],
)
def test_a_billion_rows_of_nothing_are_a_wrong_answer_like_another(answer, words):
    shown = session(f"import numpy as np\ndef td_update(*given): return {answer}")
    mark = mark_exercise(EXERCISES["td_update"], shown, SEEDS)
    shown.close()
    assert mark.points == 0 and words in mark.message + mark.case


def test_an_answer_that_no_box_sends_is_refused_as_it_comes():
    """A list of thousands of texts would be made an array of a gigabyte, outside the box."""
    forged = Session([], lambda: None, LIMITS)
    forged._call = lambda **request: {"answer": [""] * 9000 + ["x" * 30_000]}
    with pytest.raises(Fault, match="It returns no array of numbers"):
        forged.call("f", (), ())
