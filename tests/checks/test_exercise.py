"""The engine: what it says of every kind of answer, and how it is shown."""

import ast
import asyncio
import functools
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from fractions import Fraction

import gymnasium as gym
import numpy as np
import pytest

from rlbook import checks
from rlbook.checks import EXERCISES, CheckResult, Exercise, calling, check, evaluate, hint, ready
from rlbook.checks.exercise import CORRECT, NOT_ATTEMPTED, NOT_YET, Registry


def double(x, n):
    return x * n


def given_code(x, n):
    """The code that the student gets."""
    return x * n + 0.5


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
    assert evaluate(exercise, lambda x, n: x * n * (1 + 1e-7)).correct
    assert evaluate(exercise, lambda x, n: np.float32(x) * np.float32(n)).correct
    assert not evaluate(exercise, lambda x, n: x * n * (1 + 1e-4)).correct


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
            lambda x, n: x * n + (x > 1) * 1e-3,
            "It returns other numbers than expected.",
            "With x = [1, 2], n = 3: it returns [3, 6.001], expected is [3, 6].",
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
            "It returns complex numbers, such as 3+0j; expected are real ones. "
            "Roots and fractional powers of negative numbers are complex.",
            "",
        ),
        (lambda x, n: [[1], [1, 2]], "It returns a list that is no array of numbers.", ""),
        (
            lambda x, n: (x * n)[:, None],
            "It returns an array of shape (30, 1); expected is an array of shape (30,). Take the last axis off, "
            "`[..., 0]`: shapes (B, 1) and (B,) do not mean the same.",
            "With x = [1, 2], n = 3: it returns [[3], [6]], expected is [3, 6].",
        ),
        (
            lambda x, n: 7.0,
            "It returns a single number; expected is an array of shape (30,).",
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


def third_entry(x, n):
    """It raises where there are two."""
    return x[[2]] * n


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda x, n: [x.tolist()[2] * n], "It takes the third alone."),
        (lambda x, n: x[2:3] * n if len(x) > 2 else np.linalg.inv(np.zeros((2, 2))), "It raised LinAlgError"),
        (lambda x, n: x[[2]] * n + 1, "It raised IndexError"),
        (lambda x, n: x[[99]], "It raised IndexError"),  # everywhere: that alone proves nothing
    ],
)
def test_a_known_mistake_is_known_by_its_errors_and_its_numbers(answer, message):
    named = {"It takes the third alone.": third_entry, "It reads behind the end.": lambda x, n: x[[30]]}
    exercise = make(mistakes=make().mistakes | named)
    result = evaluate(exercise, answer)
    assert result.status == NOT_YET
    assert result.message.startswith(message)
    assert "It was called as `double(x, n)`, with x = [1, 2], n = 3." in result.case


def test_an_answer_that_draws_numbers_of_its_own_is_told(exercise):
    rng = np.random.default_rng(0)
    assert evaluate(exercise, lambda x, n: x * n + rng.normal(size=len(x))).message.startswith("Called twice")


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


def test_the_stop_button_passes_and_a_raised_one_is_told(exercise):
    def stopped(x, n):
        signal.raise_signal(signal.SIGINT)

    def raised(x, n):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            evaluate(exercise, stopped)
    finally:
        signal.signal(signal.SIGINT, before)
    line = raised.__code__.co_firstlineno + 1
    assert evaluate(exercise, raised).message.startswith(f"It raised KeyboardInterrupt in line {line} of its cell")


@pytest.mark.parametrize("error", [MemoryError, RecursionError, GeneratorExit, StopIteration, asyncio.CancelledError])
def test_whatever_is_raised_is_told(exercise, error):
    def fn(x, n):
        raise error

    assert evaluate(exercise, fn).message.startswith(f"It raised {error.__name__} in line")


@pytest.mark.parametrize(
    "kind",
    [
        lambda x: x.astype(object),
        lambda x: [Fraction(value) for value in x],
        lambda x: list(x.reshape(len(x), 1).ravel()),
        lambda x: tuple(np.array(value) for value in x),
        lambda x: pytest.importorskip("torch").tensor(x),
        lambda x: pytest.importorskip("torch").tensor(x, dtype=pytest.importorskip("torch").float32),
        lambda x: [value for value in pytest.importorskip("torch").tensor(x)],
    ],
)
def test_numbers_of_every_kind_are_judged_as_numbers(exercise, kind):
    assert evaluate(exercise, lambda x, n: kind(x * n)).correct
    assert evaluate(exercise, lambda x, n: kind(x + n)).message == "It adds."


def test_single_numbers_of_every_kind_are_judged_as_numbers():
    total = make(reference=lambda x, n: np.round((x * n).sum()))
    for kind in (int, float, Fraction, Decimal, np.float64, np.array):
        assert evaluate(total, lambda x, n, kind=kind: kind(np.round((x * n).sum()))).correct, kind


def test_true_and_false_count_as_1_and_0():
    above = make(reference=lambda x, n: np.where(x > 0, 1.0, 0.0))
    assert evaluate(above, lambda x, n: x > 0).correct
    assert not evaluate(above, lambda x, n: x < 0).correct


def test_numbers_right_to_half_precision_are_told_so(exercise):
    message = evaluate(exercise, lambda x, n: (x * n / 7).astype(np.float16) * 7).message
    assert message == "It is right in its first digits only: compute in float32 or float64."


def test_a_tensor_that_what_follows_cannot_read_is_told(exercise):
    torch = pytest.importorskip("torch")
    message = evaluate(exercise, lambda x, n: torch.tensor(x * n, requires_grad=True)).message
    assert message == "It returns a tensor that NumPy cannot read: return `.detach().cpu().numpy()` of it."


@pytest.mark.parametrize(
    "fn, message",
    [
        (lambda x, n: 2.5 * x * n, "Every number is 2.5 times what is expected."),
        (lambda x, n: np.trunc(x * n), "It cuts its answer to whole numbers, as `int`, `//` and arrays made for"),
        (lambda x, n: (x * n)[::-1], "The order is turned round: what stands last should stand first."),
        (lambda x, n: (x * n).mean(), "It returns the mean of the numbers asked for: return them all."),
        (lambda x, n: (x * n)[:-1], "The last entry is missing."),
        (lambda x, n: x, "It returns `x` as it was given."),
        (
            lambda x, n: np.add.outer(x, x),
            "It returns an array of shape (30, 30); expected is an array of shape (30,). Shapes",
        ),
        (
            lambda x, n: np.append(x, 0.0),
            "It returns an array of shape (31,); expected is an array of shape (30,). That is",
        ),
    ],
)
def test_what_is_true_of_the_numbers_is_said_of_mistakes_that_nobody_foresaw(exercise, fn, message):
    assert evaluate(exercise, fn).message.startswith(message)


def test_where_it_goes_wrong_is_said_if_an_argument_tells():
    def cases(rng):
        yield np.array([1.0, 2.0]), np.array([True, False]), 1.0
        yield rng.normal(size=4), np.array([True, False, False, True]), 0.5

    mistakes = {"It adds.": lambda x, mask, gamma: x + mask, "It gives 0.": lambda x, mask, gamma: 0 * x}
    mistakes["It gives 1."] = lambda x, mask, gamma: 0 * x + 1
    masked = make(reference=lambda x, mask, gamma: x * (1 + gamma * mask), inputs=cases, mistakes=mistakes)
    told = "It returns other numbers than expected. "
    assert evaluate(masked, lambda x, mask, gamma: x * 1.0 + mask * x * 0.7 * gamma).message == (
        told + "It goes wrong only where `mask` is True."
    )
    assert evaluate(masked, lambda x, mask, gamma: x * (1 + gamma**2 * mask) + (gamma < 1) * ~mask * x).message == (
        told + "It is right where gamma is 1, and only there."
    )


def test_an_answer_cut_to_whole_numbers_by_whole_numbers_is_told(exercise):
    def cut(x, n):
        half = np.zeros_like(x)
        half[:] = x / 2
        return half * 2 * n

    message = evaluate(exercise, cut).message
    assert message.startswith("Given whole numbers (`int`) it cuts its answer to whole numbers too, as `np.zeros_like`")
    torch = pytest.importorskip("torch")
    refuses_to_mix = evaluate(exercise, lambda x, n: torch.as_tensor(x) @ torch.eye(len(x), dtype=torch.float64) * n)
    assert refuses_to_mix.correct


def test_an_alternative_is_right_in_all_cases_or_not_at_all():
    either = make(alternatives=(lambda x, n: x * n + 1,))
    assert evaluate(either, lambda x, n: x * n).correct
    assert evaluate(either, lambda x, n: x * n + 1).correct
    assert not evaluate(either, lambda x, n: x * n + (len(x) > 2)).correct


def test_a_starter_that_runs_is_not_attempted_only_while_its_code_is_untouched():
    def stub(x, n):
        raise NotImplementedError

    def with_a_comment(x, n):
        """The code that the student gets, with a comment."""
        # I looked at it.
        return (x * n) + 0.5

    def edited(x, n):
        """The code that the student gets."""
        return x * n + 1 / 2 + 0 * x

    running = make(starter=given_code)
    assert evaluate(running, stub).status == NOT_ATTEMPTED
    assert evaluate(running, with_a_comment).status == NOT_ATTEMPTED
    assert evaluate(running, edited).status == NOT_YET
    assert evaluate(make(), given_code).status == NOT_YET


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


# ---------------------------------------------------------------- check: whatever made it, whatever it does


class Solver:
    """Answers as callable object and as method."""

    def __call__(self, *case):
        return td_update(*case)

    run = __call__


def undocumented(fn):
    def wrapper(*case):
        return fn(*case)

    return wrapper


@pytest.mark.parametrize(
    "made",
    [lambda *case: td_update(*case), functools.partial(td_update), Solver(), Solver().run, undocumented(td_update)],
    ids=["lambda", "partial", "object", "method", "decorated"],
)
def test_the_name_that_the_notebook_gives_it_counts(made, capsys):
    td_update = made
    assert check(td_update).correct
    assert ready(td_update)


def test_a_blank_decorated_function_is_not_attempted():
    @undocumented
    def epsilon_schedule(*case):
        raise NotImplementedError

    assert check(epsilon_schedule).status == NOT_ATTEMPTED


def test_nothing_reaches_stderr_and_little_reaches_stdout(capfd):
    handler = logging.StreamHandler()  # made before the check, it holds the stderr of now
    log = logging.getLogger("noisy")
    log.addHandler(handler)

    def noisy(*case):
        print("progress", file=sys.stderr)
        os.write(2, b"from compiled code")
        log.warning("careful")
        for line in range(1000):
            print("line", line)
        return td_update(*case)

    noisy.__name__ = "td_update"
    try:
        assert check(noisy).correct
    finally:
        log.removeHandler(handler)
    out, err = capfd.readouterr()
    assert err == ""
    assert out.startswith("line 0\nline 1\n") and len(out.splitlines()) == 21
    assert out.splitlines()[-1].startswith("... and ")
    print("heard again", file=sys.stderr)
    assert capfd.readouterr().err == "heard again\n"


def endless(*case):
    while True:
        pass


@pytest.mark.parametrize("where", ["main", "other"])
def test_an_endless_loop_is_stopped_in_every_thread(monkeypatch, where):
    monkeypatch.setattr(calling, "SECONDS", 0.2)
    loop, results = rename(endless, "td_update"), []
    began = time.monotonic()
    if where == "main":
        results.append(check(loop))
    else:
        thread = threading.Thread(target=lambda: results.append(check(loop)))
        thread.start()
        thread.join(timeout=30)
    assert time.monotonic() - began < 30
    (result,) = results
    assert result.status == NOT_YET
    assert result.message.startswith("It did not finish within 0.2 seconds and was stopped")
    assert check(td_update).correct  # and nothing is thrown into what comes later
    time.sleep(0.3)
