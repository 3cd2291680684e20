"""A class at work: nothing lost, nothing doubled, the same seed the same marks, and one failure is one failure."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sandbox import needs_sandbox
from submissions import SOLUTIONS, answers, blanks, notebook

from rlbook import cli
from rlbook.checks import EXERCISES
from rlbook.grading import box, run, supervisor
from rlbook.grading.box import MIB, BoxError, Limits
from rlbook.grading.intake import submissions
from rlbook.grading.marks import GRADED, UNGRADED, UNREADABLE, Result, secret_seeds
from rlbook.grading.run import Settings, grade, grade_class

CHAPTER = "02_q_learning"
ALL = sum(exercise.points for exercise in EXERCISES.chapter(CHAPTER).values())
LIMITS = Limits(call=5, cell=20, total=120, memory=700 * MIB)


def hand_in(folder, **files):
    for student, data in files.items():
        (folder / student).mkdir(parents=True, exist_ok=True)
        (folder / student / f"{CHAPTER}.ipynb").write_bytes(data)
    return submissions(folder)


def made(task):
    """Stands for grading, without a box: the marks are made of the task."""
    return Result(task["student"], CHAPTER, notes=[str(task["seeds"])]).as_dict()


def counted(counts):
    def execute(task):
        counts[task["student"]] = counts.get(task["student"], 0) + 1
        return made(task)

    return execute


def statuses(graded):
    return {result.student: result.status for _, result in graded}


# ---------------------------------------------------------------- without a box


def test_stored_results_count_while_file_seed_and_limits_are_the_same(tmp_path):
    handed_in, out, counts = hand_in(tmp_path / "in", jane=notebook("1"), joe=notebook("2")), tmp_path / "out", {}
    settings = Settings(1, LIMITS)
    for _ in range(2):
        assert len(list(grade_class(handed_in, out, settings, execute=counted(counts)))) == 2
    assert counts == {"jane": 1, "joe": 1}
    handed_in = hand_in(tmp_path / "in", jane=notebook("3"))
    list(grade_class(handed_in, out, settings, execute=counted(counts)))
    assert counts == {"jane": 2, "joe": 1}
    list(grade_class(handed_in, out, Settings(2, LIMITS), execute=counted(counts)))
    list(grade_class(handed_in, out, Settings(2, LIMITS), execute=counted(counts), regrade=True))
    assert counts == {"jane": 4, "joe": 3}


def test_unchanged_submissions_are_graded_again_when_the_workbook_has_changed(tmp_path, monkeypatch):
    handed_in, counts = hand_in(tmp_path / "in", jane=notebook("1")), {}
    package = tmp_path / "rlbook"
    (package / "checks").mkdir(parents=True)
    monkeypatch.setattr(run, "ROOT", package)
    for text in ("one", "one", "two"):
        (package / "checks" / "mdp_mistakes.txt").write_text(text)
        run._digest_of.cache_clear()
        list(grade_class(handed_in, tmp_path / "out", Settings(1), execute=counted(counts)))
    run._digest_of.cache_clear()
    assert counts == {"jane": 2}


def test_one_notebook_is_graded_and_what_is_none_or_many_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "check_sandbox", lambda: None)
    hand_in(tmp_path / "in", ann=notebook("1"), bob=notebook("2"))
    with pytest.raises(ValueError, match="in holds 2 submissions; accepted is one"):
        grade(tmp_path / "in")
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "in" / "ann" / f"{CHAPTER}.ipynb")
    result = grade(tmp_path / "link.ipynb")
    assert (result.status, result.notes) == (UNREADABLE, ["The notebook is a link, or no file, which is not followed."])


def test_an_interrupted_run_goes_on_where_it_was(tmp_path):
    handed_in = hand_in(tmp_path / "in", **{f"s{i:02}": notebook(str(i)) for i in range(12)})
    counts, settings = {}, Settings(1, LIMITS)
    running = grade_class(handed_in, tmp_path / "out", settings, jobs=2, execute=counted(counts))
    seen = {next(running)[1].student for _ in range(5)}
    running.close()
    again = [
        result.student for _, result in grade_class(handed_in, tmp_path / "out", settings, execute=counted(counts))
    ]
    assert sorted(again) == [f"s{i:02}" for i in range(12)] and len(seen) == 5
    assert all(counts[student] == 1 for student in seen)


def test_ctrl_c_says_that_the_run_can_go_on(tmp_path, monkeypatch, capsys):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("rlbook.grading.run.check_sandbox", lambda: None)
    monkeypatch.setattr("rlbook.grading.command._with_progress", stopped)
    hand_in(tmp_path / "in", jane=notebook("1"))
    before = signal.getsignal(signal.SIGINT)
    try:
        assert cli.main(["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 130
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # a second one disturbs nothing
    finally:
        signal.signal(signal.SIGINT, before)
    assert "the same command goes on where it was" in capsys.readouterr().err


def test_what_holds_the_secret_seed_is_nobody_elses_to_read(tmp_path, monkeypatch):
    monkeypatch.setattr("rlbook.grading.run.check_sandbox", lambda: None)
    unread = Result("jane", "", UNREADABLE).as_dict()
    monkeypatch.setattr("rlbook.grading.supervisor.grade_task", lambda task: unread)
    hand_in(tmp_path / "in", jane=notebook("1"))
    assert cli.main(["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--seed", "12345"]) == 1
    holding = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and "12345" in path.read_text()]
    assert {path.name for path in holding} >= {"run.json", "grades.json"}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in holding)


def test_damaged_results_are_graded_again(tmp_path):
    handed_in, counts = hand_in(tmp_path / "in", jane=notebook("1")), {}
    list(grade_class(handed_in, tmp_path / "out", Settings(1), execute=counted(counts)))
    (stored,) = (tmp_path / "out" / "results").iterdir()
    for damage in ("", "{", '{"digest": 1}', "[]", stored.read_text()[:-40]):
        stored.write_text(damage)
        assert statuses(grade_class(handed_in, tmp_path / "out", Settings(1), execute=counted(counts))) == {
            "jane": GRADED
        }
    assert counts == {"jane": 6}


def test_one_failure_is_one_failure_and_is_tried_again(tmp_path):
    handed_in = hand_in(tmp_path / "in", ann=notebook("1"), bob=notebook("2"), carl=notebook("3"))
    counts = {}

    def failing(task):
        if task["student"] == "bob" and not counts.get("bob"):
            counts["bob"] = 1
            raise RuntimeError("the machine burned down")
        return made(task)

    graded = [result for _, result in grade_class(handed_in, tmp_path / "out", Settings(1), execute=failing)]
    assert {r.student: r.status for r in graded} == {"ann": GRADED, "bob": UNGRADED, "carl": GRADED}
    assert [r.notes for r in graded if r.student == "bob"] == [
        ["The grader failed: RuntimeError('the machine burned down')"]
    ]
    assert statuses(grade_class(handed_in, tmp_path / "out", Settings(1), execute=failing))["bob"] == GRADED


def test_a_file_that_cannot_be_read_costs_only_its_own(tmp_path):
    handed_in = hand_in(tmp_path / "in", ann=notebook("1"), bob=notebook("2"))
    (tmp_path / "in" / "bob" / f"{CHAPTER}.ipynb").unlink()
    found = statuses(grade_class(handed_in, tmp_path / "out", Settings(1), execute=made))
    assert found == {"ann": GRADED, "bob": UNREADABLE}


def test_two_hundred_submissions_on_two_workers(tmp_path):
    handed_in = hand_in(tmp_path / "in", **{f"s{i:03}": notebook(str(i)) for i in range(200)})
    counts = {}
    graded = list(grade_class(handed_in, tmp_path / "out", Settings(1), jobs=2, execute=counted(counts)))
    assert sorted(result.student for _, result in graded) == [f"s{i:03}" for i in range(200)]
    assert set(counts.values()) == {1} and len(list((tmp_path / "out" / "results").iterdir())) == 200


def test_secret_seeds_come_from_the_runs_seed_alone():
    assert secret_seeds(1) == secret_seeds(1) != secret_seeds(2)
    assert len(set(secret_seeds(1))) == 5 and 0 not in secret_seeds(1)  # 0 is what `check` uses


@pytest.mark.parametrize(
    "told, words",
    [
        ("bwrap: setting up uid map: Permission denied", "kernel.apparmor_restrict_unprivileged_userns=0"),
        ("bwrap: No permissions to create new namespace, likely because", "kernel.unprivileged_userns_clone=1"),
        ("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", "may not make namespaces"),
        ("Traceback\nImportError: no IPython", "does not start (ImportError: no IPython)"),
    ],
)
def test_a_box_that_does_not_start_says_what_to_allow(told, words):
    assert words in box.advice(told)


def test_without_bubblewrap_nothing_is_graded_and_the_reason_is_told(tmp_path, monkeypatch, capsys):
    hand_in(tmp_path / "in", jane=notebook("1"))
    monkeypatch.setattr(box.shutil, "which", lambda name: None)
    monkeypatch.setattr(box.sys, "platform", "linux")
    assert cli.main(["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 3
    assert "install it (apt install bubblewrap" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(box.sys, "platform", "darwin")
    with pytest.raises(BoxError, match="needs Linux, this is darwin"):
        box.preflight(tmp_path)


@pytest.mark.parametrize(
    "arguments", [["--jobs", "0"], ["--sandbox", "docker"], ["--seed", "x"], ["--seed", "-1"], ["--timeout", "nan"], []]
)
def test_options_that_cannot_be_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["grade", *arguments])
    assert stopped.value.code == 2


# ---------------------------------------------------------------- in boxes


@pytest.fixture(scope="module")
def right():
    return notebook("import numpy as np", *answers(CHAPTER).values())


@needs_sandbox
def test_the_command_grades_a_folder_and_says_so(tmp_path, right, capsys):
    hand_in(tmp_path / "in", jane=right, joe=notebook("import numpy as np", *blanks(CHAPTER).values()), jim=b"{")
    out = tmp_path / "out"
    command = ["grade", str(tmp_path / "in"), "--out", str(out), "--seed", "4"]
    assert cli.main(command) == 1  # jim's file cannot be read
    told = capsys.readouterr().out
    assert "jane  graded      12 of 12" in told and "joe   graded      0 of 12" in told
    assert "jim   unreadable" in told and "2 graded, 1 unreadable" in told
    first = (out / "grades.json").read_text()
    assert json.loads(first)["seed"] == 4
    assert {page.name[:4] for page in (out / "feedback").iterdir()} == {"jane", "joe-", "jim-"}
    command[command.index(str(out))] = str(tmp_path / "again")
    cli.main(command)
    assert (tmp_path / "again" / "grades.json").read_text() == first


@needs_sandbox
def test_the_python_interface_and_every_seed_agree(tmp_path, right):
    path = tmp_path / f"{CHAPTER}.ipynb"
    path.write_bytes(right)
    results = [grade(path, seed=seed, limits=LIMITS) for seed in (1, 2)]
    assert [(r.status, r.points, r.out_of) for r in results] == [(GRADED, ALL, ALL)] * 2
    with pytest.raises(ValueError, match="is no submission"):
        grade(tmp_path / "none.ipynb")


@needs_sandbox
@pytest.mark.parametrize("chapter", EXERCISES.chapters)
def test_full_solutions_get_everything_and_blank_exercises_nothing(chapter):
    """The notebooks as they are handed out, whatever the chapter: one written later needs no line here."""
    everything = sum(exercise.points for exercise in EXERCISES.chapter(chapter).values())
    for folder, points in (("solutions", everything), ("exercises", 0)):
        result = grade(SOLUTIONS.parent / folder / f"{chapter}.ipynb", seed=3, limits=Limits())
        assert (result.points, result.out_of) == (points, everything), result.marks
        assert {mark.status for mark in result.marks} == {"Correct" if points else "Not attempted"}
        assert 0 < result.grader_memory < 200e6


@needs_sandbox
def test_what_ends_the_grader_ends_its_boxes(tmp_path, right):
    """Killed half way, nothing is left running; the next run goes on, with nothing lost and nothing done twice."""
    hand_in(tmp_path / "in", ann=right, bob=notebook("import time\ntime.sleep(1000)"))
    arguments = ["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--seed", "1"]
    running = subprocess.Popen([sys.executable, "-m", "rlbook.cli", *arguments], start_new_session=True)
    results = tmp_path / "out" / "results"
    wait_until(lambda: boxes_of(running.pid) and list(results.glob("ann*.json")))
    boxes, (first,) = boxes_of(running.pid), results.glob("*.json")
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in boxes))
    written = first.stat().st_mtime_ns
    hand_in(tmp_path / "in", bob=right)
    assert cli.main(arguments) == 0
    assert first.stat().st_mtime_ns == written
    rows = (tmp_path / "out" / "grades.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["ann", "bob"] and len(list(results.glob("*.json"))) == 2


def test_what_a_killed_grader_leaves_behind_is_removed_by_the_next_one(tmp_path):
    code = "from rlbook.grading.supervisor import libraries; print(libraries(), flush=True); input()"

    def started():
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, **options)
        return process, process.stdout.readline().strip()

    killed, left = started()
    killed.kill()
    killed.communicate()
    assert [str(path) for path in tmp_path.iterdir()] == [left]
    one, first = started()
    other, second = started()
    assert {str(path) for path in tmp_path.iterdir()} == {first, second}  # what is in use stays
    for process in (one, other):
        process.communicate("\n")
    assert list(tmp_path.iterdir()) == []


def test_threads_of_one_process_share_one_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    supervisor._libraries.cache_clear()
    together = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: together.wait() >= 0 and supervisor.libraries(), range(8)))
    supervisor._libraries.cache_clear()
    assert found == set(tmp_path.iterdir()) and len(found) == 1


def test_a_folder_that_is_being_made_is_not_taken_for_one_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    make = tempfile.mkdtemp

    def slow(*arguments, **options):
        """While this one is at it, another process makes its own, and removes what is left behind."""
        folder = make(*arguments, **options)
        monkeypatch.setattr(tempfile, "mkdtemp", make)
        supervisor._libraries.__wrapped__()
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", slow)
    assert supervisor._libraries.__wrapped__() in set(tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 2


def boxes_of(pid):
    """All processes under this one, if a box's program is among them."""
    found, waiting = [], [str(pid)]
    while waiting:
        one = waiting.pop()
        try:
            with open(f"/proc/{one}/task/{one}/children") as file:
                waiting += file.read().split()
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children") as file:
                    waiting += file.read().split()
            with open(f"/proc/{one}/cmdline", "rb") as file:
                found.append((one, file.read()))
        except OSError:
            continue
    inside = any(
        command.startswith(sys.executable.encode()) and b"rlbook.grading.child" in command for _, command in found
    )
    return {one for one, _ in found if one != str(pid)} if inside else set()


def wait_until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
