"""The engine: what it says of every kind of answer, and how it is shown."""

import ast
import functools
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import gymnasium as gym
import numpy as np
import pytest

from rlbook import checks
from rlbook.checks import EXERCISES, CheckResult, Exercise, check, evaluate, hint, ready
from rlbook.checks.exercise import CORRECT, NOT_ATTEMPTED, NOT_YET, Registry


def double(x, n):
    return x * n


def some_cases(rng):
    yield rng.normal(size=30), 3
    yield np.array([1.0, 2.0]), 3


def make(**changes):
    data = {
        "name": "double",
        "reference": double,
        "inputs": some_cases,
        "points": 2,
        "minutes": 5,
        "difficulty": 1,
        "hints": ("Multiply.",),
        "mistakes": {
            "It adds.": lambda x, n: x + n,
            "It has the wrong sign.": lambda x, n: -x * n,
            "It sums.": lambda x, n: (x * n).sum(),
        },
    }
    return Exercise(**{**data, **changes})


def td_update(q, reward, next_q, terminated, alpha, gamma):
    return [q[i] + alpha * (reward[i] + (0 if terminated[i] else gamma * max(next_q[i])) - q[i]) for i in range(len(q))]


def epsilon_schedule(*arguments):
    raise NotImplementedError


def rename(fn, name):
    """The same function under another name."""

    def renamed(*arguments):
        return fn(*arguments)

    renamed.__name__ = name
    return renamed


@pytest.fixture
def exercise():
    return make()


@pytest.fixture(autouse=True)
def outside_nbgrader(monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(checks, "_hints_given", {})


def test_right_answer_earns_the_points(exercise):
    result = evaluate(exercise, lambda x, n: n * x, seed=3)
    assert (result.status, result.points, result.out_of, result.case) == (CORRECT, 2, 2, "")
    assert result.correct


def test_plain_lists_are_answers_too(exercise):
    assert evaluate(exercise, lambda x, n: [n * float(value) for value in x]).correct


def test_rounding_errors_are_forgiven_and_nothing_larger(exercise):
    assert evaluate(exercise, lambda x, n: x * n * (1 + 1e-12)).correct
    assert not evaluate(exercise, lambda x, n: x * n * (1 + 1e-6)).correct


@pytest.mark.parametrize(
    "fn, message, case",
    [
        (lambda x, n: x + n, "It adds.", "With x = [1, 2], n = 3: it returns [4, 5], expected is [3, 6]."),
        (
            lambda x, n: x - n,
            "It returns other numbers than expected.",
            "With x = [1, 2], n = 3: it returns [-2, -1], expected is [3, 6].",
        ),
        (
            lambda x, n: x * n + (x > 1) * 1e-8,
            "It returns other numbers than expected.",
            "With x = [1, 2], n = 3: it returns [3, 6.00000001], expected is [3, 6].",
        ),
        (lambda x, n: None, "It returns None: end the function with `return` and the answer.", ""),
        (lambda x, n: "six", "It returns a str that is no array of numbers.", ""),
        (lambda x, n: str(x[0]), "It returns a str that is no array of numbers.", ""),
        (lambda x, n: [f"{value:.3f}" for value in x * n], "It returns a list that is no array of numbers.", ""),
        (lambda x, n: (value * n for value in x), "It returns a generator that is no array of numbers.", ""),
        (lambda x, n: {1, 2}, "It returns a set that is no array of numbers.", ""),
        (
            lambda x, n: [3.0, None],
            "It returns an array in which not every entry is a number: one is None.",
            "",
        ),
        (
            lambda x, n: np.array([3.0, "6"], dtype=object),
            "It returns an array in which not every entry is a number: one is a str.",
            "",
        ),
        (lambda x, n: x.sum, "It returns a function, not what the function gives: are its brackets `()` missing?", ""),
        (
            lambda x, n: x * n + 0.5j * (x > 1),
            "It returns complex numbers, such as 6+0.5j; expected are real ones. "
            "Roots and fractional powers of negative numbers are complex.",
            "",
        ),
        (lambda x, n: [[1], [1, 2]], "It returns a list that is no array of numbers.", ""),
        (
            lambda x, n: (x * n)[:, None],
            "It returns an array of shape (2, 1); expected is an array of shape (2,).",
            "With x = [1, 2], n = 3: it returns [[3], [6]], expected is [3, 6].",
        ),
        (
            lambda x, n: 7.0,
            "It returns a single number; expected is an array of shape (2,).",
            "With x = [1, 2], n = 3: it returns 7, expected is [3, 6].",
        ),
        (
            lambda x, n: np.where(x > 1, x / 0, x * n),
            "It returns inf where a finite number is expected.",
            "With x = [1, 2], n = 3: it returns [3, inf], expected is [3, 6].",
        ),
        (
            lambda x, n: np.full_like(x, np.nan),
            "It returns nan where a finite number is expected.",
            "With x = [1, 2], n = 3: it returns [nan, nan], expected is [3, 6].",
        ),
        (
            lambda x: x,
            "It raised TypeError: <lambda>() takes 1 positional argument but 2 were given",
            "It was called as `double(x, n)`, with x = [1, 2], n = 3.",
        ),
    ],
)
def test_each_wrong_answer_has_its_sentence_and_the_smallest_case(exercise, fn, message, case):
    assert evaluate(exercise, fn) == CheckResult("double", NOT_YET, message, 0, 2, case)


def test_wrong_in_a_large_array_only_names_the_worst_entry(exercise):
    def fn(x, n):
        return x * n + 5 * (np.arange(len(x)) == 17)

    x = exercise.cases(0)[1][0]
    expected = f"With x = an array of shape (30,), n = 3: at [17] it returns {3 * x[17] + 5:.6g}, expected is"
    assert evaluate(exercise, fn).case.startswith(expected)


def test_an_exception_is_told_with_its_line_and_without_a_traceback(exercise):
    def fn(x, n):
        shorter = x[1:]
        return x * shorter

    result = evaluate(exercise, fn)
    line = fn.__code__.co_firstlineno + 2
    assert result.status == NOT_YET
    assert result.message.startswith(f"It raised ValueError in line {line} of its cell, `return x * shorter`: operands")
    assert "Traceback" not in str(result)


def test_changing_an_input_is_told_even_if_the_answer_is_right(exercise):
    def fn(x, n):
        x *= n
        return x

    result = evaluate(exercise, fn)
    assert (result.status, result.message) == (NOT_YET, "It changes its input `x`: work on a copy, `x.copy()`.")


def test_warnings_do_not_reach_the_notebook(exercise, recwarn):
    evaluate(exercise, lambda x, n: np.log(-np.abs(x)))
    assert len(recwarn) == 0


def test_two_mistakes_at_once_are_not_given_the_name_of_one(exercise):
    result = evaluate(exercise, lambda x, n: -x - n)
    assert result.message == "It returns other numbers than expected."


def test_a_blank_function_that_is_called_is_named():
    """Only a blank function of its own makes an exercise Not attempted."""

    def blank(x):
        raise NotImplementedError

    def calls_it(x, n):
        return blank(x) * n

    def blank_inside(x, n):
        def inner():
            raise NotImplementedError("to do")

        return [inner() for _ in x]

    @functools.wraps(calls_it)
    def wrapped(*arguments):
        return calls_it(*arguments)

    told = CheckResult("double", NOT_YET, "It calls `blank`, which is not written yet: solve that first.", 0, 2)
    assert evaluate(make(), calls_it) == evaluate(make(), wrapped) == told
    assert evaluate(make(), blank_inside).status == NOT_ATTEMPTED


def test_a_blank_function_behind_a_proxy_is_not_attempted():
    class Proxy:
        def __call__(self, x, n):
            raise NotImplementedError

    assert evaluate(make(), Proxy()).status == NOT_ATTEMPTED


def test_what_a_library_has_not_implemented_is_an_error_like_any_other():
    torch = pytest.importorskip("torch")
    in_compiled_code = evaluate(make(), lambda x, n: torch.zeros(2, device="meta").cpu())
    in_python_code = evaluate(make(), lambda x, n: gym.Env().step(0))
    for result in (in_compiled_code, in_python_code):
        assert result.message.startswith("It raised NotImplementedError in line ")


@pytest.mark.parametrize("farewell", [None, 0, 3, "bye"])
def test_leaving_python_is_told_and_does_not_leave(exercise, farewell):
    def fn(x, n):
        sys.exit(farewell)

    message = evaluate(exercise, fn).message
    line = fn.__code__.co_firstlineno + 1
    assert message.startswith(f"It stops Python in line {line} of its cell, `sys.exit(farewell)`: give the answer back")


def test_the_stop_button_passes(exercise):
    def fn(x, n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(exercise, fn)


@pytest.mark.parametrize(
    "kind",
    [
        lambda x: x.astype(object),
        lambda x: [Fraction(value) for value in x],
        lambda x: x.astype(complex),
        lambda x: list(x.reshape(len(x), 1).ravel()),
        lambda x: tuple(np.array(value) for value in x),
        lambda x: pytest.importorskip("torch").tensor(x, requires_grad=True),
        lambda x: [value for value in pytest.importorskip("torch").tensor(x)],
    ],
)
def test_numbers_of_every_kind_are_judged_as_numbers(exercise, kind):
    assert evaluate(exercise, lambda x, n: kind(x * n)).correct
    assert evaluate(exercise, lambda x, n: kind(x + n)).message == "It adds."


def test_single_numbers_of_every_kind_are_judged_as_numbers():
    total = make(reference=lambda x, n: np.round((x * n).sum()))
    for kind in (int, float, complex, Fraction, Decimal, np.float64, np.array):
        assert evaluate(total, lambda x, n, kind=kind: kind(np.round((x * n).sum()))).correct, kind


def test_true_and_false_count_as_1_and_0():
    above = make(reference=lambda x, n: np.where(x > 0, 1.0, 0.0))
    assert evaluate(above, lambda x, n: x > 0).correct
    assert evaluate(above, lambda x, n: x < 0).message == "It returns True and False; expected are numbers."


def test_numbers_right_to_single_precision_are_told_so(exercise):
    message = evaluate(exercise, lambda x, n: (x * n / 7).astype(np.float32) * 7).message
    assert message == "It is right in its first digits only: compute in float64, not float32."
    assert evaluate(exercise, lambda x, n: np.float32(x * n + 1)).message == "It returns other numbers than expected."


def test_untouched_starters_are_not_attempted():
    def stub(x, n):
        raise NotImplementedError

    running = make(starter=lambda x, n: x)
    assert evaluate(make(), stub).status == NOT_ATTEMPTED
    assert evaluate(running, stub).status == NOT_ATTEMPTED
    assert evaluate(running, lambda x, n: 1.0 * x).status == NOT_ATTEMPTED
    assert evaluate(make(), lambda x, n: 1.0 * x).status == NOT_YET


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"name": "not a name"}, "name is 'not a name'"),
        ({"reference": 3}, "reference is 3"),
        ({"inputs": None}, "inputs is None"),
        ({"starter": "x"}, "starter is 'x'"),
        ({"points": 0}, "points is 0"),
        ({"points": 1.5}, "points is 1.5"),
        ({"minutes": -1}, "minutes is -1"),
        ({"difficulty": 6}, "difficulty is 6; accepted are whole numbers from 1 to 5"),
        ({"tolerance": 0.0}, "tolerance is 0.0"),
        ({"hints": ()}, "hints is ()"),
        ({"hints": "one string"}, "hints is 'one string'"),
        ({"mistakes": {"It adds.": double}}, "accepted are three or more"),
        ({"mistakes": {"a": double, "b": double, "c": 4}}, "accepted are three or more"),
    ],
)
def test_an_exercise_that_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError) as error:
        make(**changes)
    assert words in str(error.value)


@pytest.mark.parametrize("inputs", [lambda rng: [], lambda rng: [np.zeros(3)], lambda rng: [(np.zeros(3),)]])
def test_inputs_that_do_not_fit_the_function_are_refused(inputs):
    with pytest.raises(ValueError, match="tuples of x, n"):
        evaluate(make(inputs=inputs), double)


def test_inputs_depend_on_the_seed_alone(exercise):
    first, again, other = (exercise.cases(seed)[1][0] for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).all()


def test_text_is_stable_and_html_reads_without_colour():
    text = "Not yet: td_update, 0 of 2 points\nUse `1 - x` where x < 1.\nWith x = 0: 1."
    result = CheckResult("td_update", NOT_YET, "Use `1 - x` where x < 1.", 0, 2, "With x = 0: 1.")
    assert repr(result) == text
    page = result._repr_html_()
    assert "Not yet" in page and "<code>1 - x</code> where x &lt; 1." in page and "0 of 2 points" in page


def test_what_a_student_returns_cannot_write_into_the_page(exercise):
    def fn(x, n):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in evaluate(exercise, fn)._repr_html_()


def test_check_finds_the_exercise_by_the_functions_name():
    result = check(td_update)
    assert repr(result).startswith("Correct: td_update, 2 of 2 points\nIt agrees with the reference in all ")


def test_check_lists_the_exercises_for_an_unknown_name():
    def td_updat():
        pass

    result = check(td_updat)
    assert result.status == NOT_ATTEMPTED
    assert result.message.startswith("There is no exercise named td_updat. There are discounted_return, ")
    assert all(name in result.message for name in EXERCISES)


def test_check_of_a_called_function_says_so():
    assert check(np.zeros(2)).message == "check takes the function itself, as in check(td_update), not a ndarray."


@pytest.mark.parametrize("kind", ["autograde", "validate"])
def test_under_nbgrader_only_a_right_answer_passes(monkeypatch, capsys, kind):
    monkeypatch.setenv("NBGRADER_EXECUTION", kind)
    assert check(td_update) is None
    assert capsys.readouterr().out.startswith("Correct: td_update, 2 of 2 points")
    with pytest.raises(AssertionError, match="Not attempted: epsilon_schedule"):
        check(epsilon_schedule)


def test_ready_says_what_to_solve_first(capsys):
    assert ready(td_update)
    assert capsys.readouterr().out == ""
    assert not ready(td_update, epsilon_schedule)
    assert capsys.readouterr().out == "Solve epsilon_schedule first, then run this cell again.\n"
    others = [rename(epsilon_schedule, name) for name in ("greedy_policy", "value_iteration")]
    assert not ready(epsilon_schedule, *others)
    told = "Solve epsilon_schedule, greedy_policy and value_iteration first, then run this cell again.\n"
    assert capsys.readouterr().out == told


def test_hints_come_one_after_the_other(capsys):
    hints = EXERCISES["td_update"].hints
    for _ in range(len(hints) + 1):
        hint("td_update")
    hint(td_update, 2)
    hint("nothing")
    told = capsys.readouterr().out.splitlines()
    assert told[: len(hints)] == [f"Hint {i} of {len(hints)}: {text}" for i, text in enumerate(hints, start=1)]
    assert told[len(hints)] == f'td_update has {len(hints)} hints. See one again with hint("td_update", 1).'
    assert told[len(hints) + 1] == f"Hint 2 of {len(hints)}: {hints[1]}"
    assert told[-1].startswith("There is no exercise named nothing.")


def test_the_registry_knows_every_exercises_chapter():
    assert {e.chapter for e in EXERCISES.values()} == set(EXERCISES.chapters)
    assert next(iter(EXERCISES.chapter("01_mdp"))) == "discounted_return"
    assert len(EXERCISES) == len(list(EXERCISES)) == len(set(EXERCISES))
    with pytest.raises(ValueError, match="the chapter is '99'; accepted are 01_mdp"):
        EXERCISES.chapter("99")


def test_a_chapter_is_imported_only_when_it_is_needed():
    registry = Registry({"01_mdp": "rlbook.checks.mdp", "missing": "rlbook.checks.no_such_module"})
    assert registry["bellman_backup"].chapter == "01_mdp"
    with pytest.raises(ModuleNotFoundError):
        registry["something else"]


def test_checks_of_the_first_chapters_load_neither_torch_nor_matplotlib():
    code = (
        "import sys; from rlbook.checks import EXERCISES, check; EXERCISES['td_update']; "
        "print([name for name in ('torch', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == []
