"""The record of a reader's progress: kept in their notebooks only, and never in the way of an answer."""

import json
import os
import sys
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient

from rlbook.checks import EXERCISES, check, progress, record
from rlbook.checks.progress import chapter_progress, predictions_in_numbers, questions_in, what_next

SOLVED = "def discounted_return(rewards, gamma):\n    return sum(r * gamma**k for k, r in enumerate(rewards))"


def discounted_return(rewards, gamma):
    return sum(r * gamma**k for k, r in enumerate(rewards))


def wrong(rewards, gamma):
    return 0.0


def blank(rewards, gamma):
    raise NotImplementedError


wrong.__name__ = blank.__name__ = "discounted_return"


@pytest.fixture(autouse=True)
def nothing_remembered():
    record.forget()
    yield
    record.forget()


@pytest.fixture
def exercises(tmp_path, monkeypatch):
    """A reader's folder of exercises, whose notebook runs these checks."""
    folder = tmp_path / "exercises"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("PYTEST_VERSION", "NBGRADER_EXECUTION", record.NO_RECORD):
        monkeypatch.delenv(name, raising=False)
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    return folder


@pytest.fixture
def file(exercises):
    return exercises.parent / ".rlbook/progress.json"


def entries(file):
    return json.loads(file.read_text())["exercises"]


def test_what_was_tried_and_what_was_solved_stands_in_a_readable_file(file):
    check(blank)
    assert not file.exists()
    check(wrong)
    assert entries(file) == {"discounted_return": {"checks": 1, "done": False}}
    check(discounted_return)
    check(wrong)  # once solved, an exercise stays solved
    assert entries(file) == {"discounted_return": {"checks": 3, "done": True}}
    assert file.read_text().startswith('{\n  "about": "What you did in the workbook.')
    assert os.listdir(file.parent) == ["progress.json"]


@pytest.mark.parametrize("name", ["PYTEST_VERSION", "NBGRADER_EXECUTION", record.NO_RECORD])
def test_tests_graders_and_builds_leave_no_file(file, monkeypatch, name):
    monkeypatch.setenv(name, "autograde")
    check(discounted_return)
    assert not file.parent.exists()
    assert progress("01_mdp").states["discounted_return"] == "done"  # of this kernel, for the card


def test_neither_do_scripts_and_the_solutions(file, monkeypatch):
    solutions = file.parents[1] / "solutions"
    solutions.mkdir()
    monkeypatch.chdir(solutions)
    check(discounted_return)
    monkeypatch.chdir(file.parents[1] / "exercises")
    monkeypatch.delitem(sys.modules, "IPython")
    check(discounted_return)
    assert not list(file.parents[1].rglob(".rlbook"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"exercises": {}}',
        '{"exercises": {"discounted_return": 3}, "predictions": {}}',
        '{"exercises": {"discounted_return": {"checks": "2", "done": true}}, "predictions": {}}',
        '{"exercises": {}, "predictions": {"Why?": {"said": 3, "came": null}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_record_is_put_aside_with_a_sentence_and_nothing_else_is_lost(file, capsys, text):
    file.parent.mkdir()
    file.write_text(text)
    assert check(discounted_return).correct
    said = capsys.readouterr().out
    assert said.startswith(f"The record of your progress, {file}, cannot be read")
    assert said.endswith("progress.damaged.json now, and a new record begins. Your notebooks are as they were.\n")
    assert (file.parent / "progress.damaged.json").read_text() == text
    assert entries(file) == {"discounted_return": {"checks": 1, "done": True}}
    check(discounted_return)
    assert capsys.readouterr().out == ""


def test_a_deleted_record_begins_anew(file, capsys):
    check(discounted_return)
    file.unlink()
    check(wrong)
    assert entries(file) == {"discounted_return": {"checks": 1, "done": False}}
    assert capsys.readouterr().out == ""


def test_where_nothing_can_be_written_the_answer_counts_all_the_same(exercises, capsys):
    (exercises.parent / ".rlbook").write_text("a file in the place of the folder")
    result = check(discounted_return)
    assert result.correct and capsys.readouterr().out == ""


def test_a_write_that_fails_leaves_the_old_record_whole(file, monkeypatch):
    check(wrong)
    before = file.read_text()

    def full(*paths):
        raise OSError("no space left on device")

    monkeypatch.setattr(record.os, "replace", full)
    assert check(discounted_return).correct
    assert file.read_text() == before and os.listdir(file.parent) == ["progress.json"]


def test_a_notebook_of_its_own_keeps_its_record_beside_it(exercises, monkeypatch):
    alone = exercises.parent / "homework"
    alone.mkdir()
    monkeypatch.chdir(alone)
    check(wrong)
    assert (alone / ".rlbook/progress.json").is_file()


@pytest.mark.parametrize("tested", [False, True])
def test_a_real_kernel_keeps_a_record_unless_it_is_tested(tmp_path, tested):
    folder = tmp_path / "exercises"
    folder.mkdir()
    sources = [SOLVED, "from rlbook.checks import check, progress\ncheck(discounted_return)", 'progress("01_mdp")']
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    client = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    hidden = ("PYTEST_VERSION", "PYTEST_CURRENT_TEST")
    client.execute(env={k: v for k, v in os.environ.items() if tested or k not in hidden})
    assert (tmp_path / ".rlbook/progress.json").is_file() is not tested
    assert "discounted_return: done" in notebook.cells[2].outputs[0].data["text/plain"]


def test_the_card_tells_states_points_and_what_comes_next():
    exercises = EXERCISES.chapter("01_mdp")
    names = list(exercises)
    found = {"exercises": {names[0]: {"checks": 2, "done": True}, names[2]: {"checks": 1, "done": False}}}
    card = chapter_progress("01_mdp", exercises, found, "02_q_learning")
    assert [card.states[name] for name in names[:3]] == ["done", "untouched", "tried"]
    points = exercises[names[0]].points
    out_of = sum(exercise.points for exercise in exercises.values())
    assert f"1 of {len(names)} exercises done, 1 tried · {points} of {out_of} points" in repr(card)
    assert repr(card).endswith(f"Next: {names[1]}, above")
    all_done = {"exercises": {name: {"checks": 1, "done": True} for name in names}}
    card = chapter_progress("01_mdp", exercises, all_done, "02_q_learning")
    assert '<a href="../notebooks/02_q_learning.ipynb">' in card._repr_html_()
    assert "last chapter" in repr(chapter_progress("05", exercises, all_done))


def test_the_next_thing_is_the_first_one_that_is_left():
    one, two = (EXERCISES.chapter(name) for name in ("01_mdp", "02_q_learning"))

    def chapters(done):
        found = {"exercises": {name: {"checks": 1, "done": True} for name in done}}
        return [chapter_progress("01_mdp", one, found), chapter_progress("02_q_learning", two, found)]

    first = next(iter(one))
    assert what_next(chapters([])) == f"notebooks/01_mdp.ipynb, then {first} in exercises/01_mdp.ipynb"
    assert what_next(chapters([first])) == f"{list(one)[1]} in exercises/01_mdp.ipynb"
    assert what_next(chapters(one)).startswith("notebooks/02_q_learning.ipynb, then ")
    assert what_next(chapters([*one, *two])) == "all exercises are solved"


def test_predictions_are_counted_by_the_questions_of_the_notebook(tmp_path):
    cells = ['a = predict("One?", ["yes", "no"])', "%matplotlib inline\nprint(", 'b = predict("Two?", ["1", "2"])']
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    nbformat.write(notebook, tmp_path / "small.ipynb")
    asked = questions_in(tmp_path / "small.ipynb")
    assert asked == ["One?", "Two?"]
    assert questions_in(tmp_path / "missing.ipynb") == []
    said = {"predictions": {"One?": {"said": "yes", "came": "no"}, "Two?": {"said": "2", "came": "2"}}}
    assert predictions_in_numbers(asked, said) == "predictions: 2 of 2 made, 1 came out as said"
    open_question = {"predictions": {"One?": {"said": None, "came": "no"}, "Two?": {"said": "2", "came": None}}}
    assert predictions_in_numbers(asked, open_question) == "predictions: 1 of 2 made, 0 came out as said"
    assert predictions_in_numbers([], said) == ""
