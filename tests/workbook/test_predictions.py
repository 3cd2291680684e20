"""Predictions: what was said stands beside what came out, and what a notebook stores is nobody's."""

import json
import os
from types import SimpleNamespace

import IPython
import nbformat
import pytest
from nbclient import NotebookClient

from rlbook.checks import record
from rlbook.workbook import predictions as module
from rlbook.workbook.build import execute
from rlbook.workbook.predictions import predict, predictions

CELLS = (
    "from rlbook.workbook.predictions import predict, predictions\nguess = predict('Positive?', ['yes', 'no'])",
    "guess.came_out('no' if -1 < 0 else 'yes')",
    "predictions()",
)


@pytest.fixture(autouse=True)
def anew(monkeypatch):
    """Nothing asked and nothing remembered; what is displayed is collected."""
    record.forget()
    module._asked.clear()
    shown = []
    monkeypatch.setattr(module, "_display", lambda *parts: shown.append(parts))
    yield shown
    record.forget()
    module._asked.clear()


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """Somebody who runs a notebook in an empty folder; the file of their record."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTEST_VERSION", raising=False)
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    return tmp_path / ".rlbook/progress.json"


def kept(file):
    return json.loads(file.read_text())["predictions"]


def test_what_was_said_stands_beside_what_came_out_and_both_are_kept(reader, anew):
    guess = predict("Positive?", ["yes", "no"])
    assert guess.verdict == "You have not chosen yet."
    guess.say("yes")
    assert kept(reader) == {"Positive?": {"said": "yes", "came": None}}
    guess.came_out("no")
    assert kept(reader) == {"Positive?": {"said": "yes", "came": "no"}}
    assert guess.verdict == "You said: yes. It came out: no." and not guess.right
    plain, page = anew[-1]
    assert plain == "Positive? → You said: yes. It came out: no." and plain[12:] in page


def test_nobody_can_say_so_afterwards(reader):
    guess = predict("Positive?", ["yes", "no"])
    guess.say("yes")
    guess.came_out("no")
    guess.say("no")
    assert guess.said == "yes"
    again = predict("Positive?", ["yes", "no"])  # its cell run again, or in a new kernel
    again.say("no")
    assert again.verdict == "You said: yes. It came out: no."


def test_whoever_ran_everything_first_may_still_predict(reader):
    predict("Positive?", ["yes", "no"]).came_out("no")
    assert kept(reader) == {"Positive?": {"said": None, "came": "no"}}
    again = predict("Positive?", ["yes", "no"])
    again.say("no")
    again.came_out("no")
    assert again.right


def test_a_choice_that_is_no_longer_offered_is_forgotten(reader):
    predict("How many?", ["one", "two"]).say("one")
    assert predict("How many?", ["1", "2"]).said is None


@pytest.mark.parametrize("value, closest", [(0.88, "80 %"), (0.68, "80 %"), (0.64, "50 %"), (-3, "5 %")])
def test_of_numbers_the_closest_choice_is_right(value, closest):
    guess = predict("How often?", [0.05, 0.5, 0.8], unit="%")
    assert guess.choices == ["5 %", "50 %", "80 %"]
    guess.say("80 %")
    guess.came_out(value)
    assert guess.came == closest and guess.right == (closest == "80 %")


def test_the_closing_card_counts(anew):
    for question, said in (("One?", "yes"), ("Two?", "no"), ("Three?", None)):
        guess = predict(question, ["yes", "no"])
        if said:
            guess.say(said)
        guess.came_out("yes")
    card = predictions()
    assert repr(card).splitlines()[0] == "Predictions: 2 of 3 made, 1 came out as said"
    assert repr(card).splitlines()[3] == "  Three? → You made no prediction. It came out: yes."
    page = card._repr_html_()
    assert "2 of 3 made, 1 came out as said" in page and page.count("\N{CHECK MARK}") == 1
    predict("Four?", ["yes", "no"]).say("yes")
    assert predictions()._repr_html_().count("\N{MULTIPLICATION X}") == 1  # what is open is not wrong


@pytest.mark.parametrize("choices", [["yes"], ["yes", "yes"], ["yes", 1.0], []])
def test_choices_that_are_none_are_refused(choices):
    with pytest.raises(ValueError, match="accepted are two or more different texts, or numbers"):
        predict("Positive?", choices)


def test_an_outcome_that_nobody_could_say_is_refused():
    guess = predict("Positive?", ["yes", "no"])
    with pytest.raises(ValueError, match=r"'perhaps' is no choice of 'Positive\?'; there are yes, no"):
        guess.came_out("perhaps")
    with pytest.raises(ValueError, match="accepted are yes, no"):
        guess.say("perhaps")


def test_the_buttons_choose_and_are_closed_by_the_outcome(reader):
    guess = predict("Positive?", ["yes", "no"])
    view = guess._view()
    assert view["model_id"] and guess._buttons.options == ("yes", "no")
    guess._buttons.value = "yes"
    assert guess.said == "yes" and guess._words.value == "You said: yes. Now run the next cell."
    guess.came_out("no")
    assert guess._buttons.disabled and guess._words.value == "You said: yes. It came out: no."


def test_what_a_build_stores_is_nobodys(tmp_path, monkeypatch):
    """The same outputs in every folder, whatever was said in it, and no buttons that do nothing."""
    (tmp_path / ".rlbook").mkdir()
    mine = {"exercises": {}, "predictions": {"Positive?": {"said": "no", "came": "no"}}}
    (tmp_path / ".rlbook/progress.json").write_text(json.dumps(mine))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    question, outcome, card = (cell.outputs[0].data for cell in execute(notebook, tmp_path).cells)
    assert set(question) == {"text/plain", "text/html"}
    assert "Run this cell to choose." in question["text/html"]
    assert outcome["text/plain"] == "Positive? → You made no prediction. It came out: no."
    assert card["text/plain"].startswith("Predictions: 0 of 1 made, 0 came out as said")
    assert json.loads((tmp_path / ".rlbook/progress.json").read_text()) == mine


def test_a_reader_gets_buttons(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELLS[0])])
    client = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env={k: v for k, v in os.environ.items() if k not in ("PYTEST_VERSION", "PYTEST_CURRENT_TEST")})
    assert "application/vnd.jupyter.widget-view+json" in notebook.cells[0].outputs[0].data
