"""`rlbook start` and `rlbook progress`: a set of one's own, and what is solved in it."""

import json
import re
from pathlib import Path

import pytest

from rlbook import cli
from rlbook.checks import EXERCISES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    assert cli.main(["start", str(tmp_path / "mine")]) == 0
    return tmp_path / "mine"


def test_a_set_holds_the_notebooks_the_exercises_and_what_they_read(folder):
    for kind in ("notebooks", "exercises"):
        names = sorted(path.name for path in (ROOT / kind).glob("*.ipynb"))
        assert sorted(path.name for path in (folder / kind).iterdir()) == names
        assert all((folder / kind / name).read_bytes() == (ROOT / kind / name).read_bytes() for name in names)
    lessons = "".join(path.read_text() for path in sorted((ROOT / "notebooks").glob("*.py")))
    tables = re.findall(r'"\.\./(benchmarks/results/\w+\.json)"', lessons)
    assert tables and all((folder / table).is_file() for table in tables)
    assert (folder / "docs/glossary.md").is_file()


def test_start_says_how_to_open_the_set(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    assert cli.main(["start", str(tmp_path / "mine")]) == 0
    _, place, command = capsys.readouterr().out.splitlines()
    assert place.strip() == f'cd "{tmp_path / "mine"}"' and command.endswith("-m rlbook.cli lab")


def test_starting_again_never_writes_over_the_readers_work(folder, capsys):
    work = folder / "exercises/01_mdp.ipynb"
    work.write_text("my own answers")
    (folder / "exercises/02_q_learning.ipynb").unlink()
    capsys.readouterr()
    assert cli.main(["start", str(folder)]) == 0
    said = capsys.readouterr().out
    assert work.read_text() == "my own answers" and "exercises/01_mdp.ipynb: yours is kept\n" in said
    assert "exercises/03_dqn.ipynb: there already\n" in said
    assert (folder / "exercises/02_q_learning.ipynb").is_file() and "exercises/02_q_learning.ipynb" not in said


@pytest.mark.parametrize("place", [".", "exercises", "work"])
def test_a_folder_inside_the_workbook_is_refused(place, capsys):
    assert cli.main(["start", str(ROOT / place)]) == 1
    assert "accepted is a folder outside of it" in capsys.readouterr().err
    assert not (ROOT / "work").exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    (tmp_path / "mine").write_text("a file")
    assert cli.main(["start", str(tmp_path / "mine")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_lab_opens_the_readers_own_set(folder, monkeypatch):
    from jupyterlab.labapp import LabApp

    started = []
    monkeypatch.setattr(LabApp, "launch_instance", lambda arguments: started.append(arguments))
    monkeypatch.chdir(folder / "exercises")
    assert cli.main(["lab"]) == 0
    assert started[0][:2] == [str(folder / "notebooks/01_mdp.ipynb"), f"--ServerApp.root_dir={folder}"]


def test_progress_tells_every_chapter_and_the_next_thing(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder / "notebooks")
    capsys.readouterr()
    assert cli.main(["progress"]) == 0
    *chapters, together, following = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in chapters] == list(EXERCISES.chapters)
    first = next(iter(EXERCISES.chapter("01_mdp")))
    assert following == f"Next: notebooks/01_mdp.ipynb, then {first} in exercises/01_mdp.ipynb"
    record = {"exercises": {first: {"checks": 1, "done": True}}, "predictions": {}}
    (folder / ".rlbook").mkdir()
    (folder / ".rlbook/progress.json").write_text(json.dumps(record))
    assert cli.main(["progress"]) == 0
    *chapters, together, following = capsys.readouterr().out.splitlines()
    points = sum(exercise.points for exercise in EXERCISES.values())
    assert f"1 of {len(EXERCISES.chapter('01_mdp'))} exercises done" in chapters[0]
    assert together == f"Together: {EXERCISES[first].points} of {points} points."
    assert following == f"Next: {list(EXERCISES.chapter('01_mdp'))[1]} in exercises/01_mdp.ipynb"


def test_progress_tells_of_a_damaged_record_and_leaves_it(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    (folder / ".rlbook").mkdir()
    (folder / ".rlbook/progress.json").write_text("{")
    capsys.readouterr()
    assert cli.main(["progress"]) == 0
    assert "cannot be read (JSONDecodeError). All counts as untouched" in capsys.readouterr().out
    assert (folder / ".rlbook/progress.json").read_text() == "{"
