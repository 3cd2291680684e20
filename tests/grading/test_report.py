"""Tables and pages: what they say, and that a student's text stays text in them."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest

from rlbook.checks import EXERCISES
from rlbook.checks.exercise import CORRECT, NOT_YET
from rlbook.grading import report
from rlbook.grading.forms import form_of, normal_form
from rlbook.grading.marks import GRADED, UNGRADED, UNREADABLE, Mark, Result
from rlbook.grading.run import Settings, file_name
from rlbook.grading.session import Cell, plain
from rlbook.grading.similar import pairs

CHAPTER = "02_q_learning"
NAMES = list(EXERCISES.chapter(CHAPTER))


def result(student, solved, message="It adds.", status=GRADED, **fields):
    """A result in which the first ``solved`` exercises are right and all others wrong in the same way."""
    marks = []
    for i, (name, exercise) in enumerate(EXERCISES.chapter(CHAPTER).items()):
        right = i < solved
        points = exercise.points if right else 0
        marks.append(Mark(name, CORRECT if right else NOT_YET, points, exercise.points, "Fine." if right else message))
    return Result(student, CHAPTER, status, marks if status == GRADED else [], **fields)


def rows(students):
    return list(csv.DictReader(io.StringIO(report.grades_csv(students))))


def test_one_row_a_student_one_column_an_exercise_in_a_stable_order():
    students = report.gathered([result("joe", 0), result("jane", 6), result("ann", 2)])
    table = rows(students)
    assert [row["student"] for row in table] == ["ann", "jane", "joe"]
    assert [row["points"] for row in table] == ["4", "12", "0"]
    assert list(table[0])[4:-1] == [f"{CHAPTER}/{name}" for name in NAMES]
    assert table[0][f"{CHAPTER}/{NAMES[1]}"] == "2" and table[2][f"{CHAPTER}/{NAMES[0]}"] == "0"


def test_the_ungraded_have_no_marks_and_not_zero():
    lost = Result("jane", CHAPTER, UNGRADED, notes=["The box did not start."])
    unread = Result("joe", "", UNREADABLE, notes=["The file is empty."])
    jane, joe = rows(report.gathered([lost, unread, result("zoe", 1)]))[:2]
    assert (jane["status"], jane["points"], jane[f"{CHAPTER}/{NAMES[0]}"]) == ("ungraded", "", "")
    assert (joe["status"], joe["points"], joe["notes"]) == ("unreadable", "0", "The file is empty.")


def test_what_is_out_of_how_much_is_told_only_where_all_was_read():
    """Nobody knows what a file held that is no notebook: 0 of 0 would be as good as everything."""
    unread = Result("joe", "", UNREADABLE, notes=["The file is empty."])
    ann, joe = rows(report.gathered([unread, result("joe", 6), result("ann", 6)]))
    assert (ann["points"], ann["out_of"]) == ("12", "12")
    assert (joe["status"], joe["points"], joe["out_of"]) == ("unreadable", "12", "")


@pytest.mark.parametrize("order", [1, -1])
def test_a_graded_copy_does_not_hide_one_that_could_not_be_graded(order):
    lost = Result("jane", CHAPTER, UNGRADED, notes=["The box did not start."])
    (jane,) = rows(report.gathered([lost, result("jane", 1)][::order]))
    assert (jane["status"], jane["points"], jane["notes"]) == ("ungraded", "", "The box did not start.")


def test_of_two_notebooks_for_one_chapter_the_better_one_counts():
    students = report.gathered([result("joe", 4), result("joe", 5), result("joe", 1)])
    assert [r.points for r in students["joe"]] == [sum(EXERCISES.chapter(CHAPTER)[n].points for n in NAMES[:5])]


@pytest.mark.parametrize("name", ["=1+1", "+cmd", "-2", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x","y")'])
def test_no_text_is_a_formula(name):
    line = result(name, 0, notes=[f"={name}"])
    (row,) = rows(report.gathered([line]))
    assert not row["student"].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert not row["notes"].startswith("=")


class Tags(HTMLParser):
    """The names of all tags and attributes of a page."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found += [tag, *(name for name, _ in attributes)]


def test_what_a_student_wrote_is_text_in_every_page():
    hostile = "</pre></details><script>alert(1)</script><img src=x onerror=alert(2)> & \x1b[2J\u202e"
    cell = {"number": 1, "source": hostile, "printed": hostile, "problem": hostile}
    made = result(hostile, 0, hostile, notes=[hostile], cells=[cell])
    students = report.gathered([made])
    for page in (report.feedback_page(hostile, [made]), report.summary_page(students)):
        assert not {"script", "img", "src", "onerror"} & set(Tags(page).found)
        assert "&lt;script&gt;" in page and "\x1b" not in page and "\u202e" not in page
    assert Tags("<script>").found == ["script"]


def test_the_feedback_holds_verdicts_hints_code_and_output():
    cell = {"number": 3, "source": "def td_update(): pass", "printed": "hello", "problem": "NameError: x"}
    page = report.feedback_page("jane", [result("jane", 1, "It adds `x`.", cells=[cell])])
    words = [
        "jane",
        "2 of 12 points",
        "It adds `x`.",
        EXERCISES["td_update"].hints[0],
        "def td_update",
        "hello",
        "NameError",
    ]
    assert all(report._text(word) in page for word in words)
    assert EXERCISES[NAMES[0]].hints[0] not in page  # solved: no hint


def test_the_summary_shows_who_did_how_what_was_hard_and_what_went_wrong():
    students = report.gathered([result(f"s{i}", i, "It adds." if i else "It multiplies.") for i in range(7)])
    names = [name for name, _, _ in report.hardest(students)]
    assert names[0] == f"{CHAPTER}/{NAMES[-1]}" and names[-1] == f"{CHAPTER}/{NAMES[0]}"
    assert report.hardest(students)[0][2] == "1 of 7"
    counts = [int(said) for _, _, said in report.distribution(students)]
    assert sum(counts) == 7 and counts[0] == 1 and counts[-1] == 1
    assert report.common_mistakes(students)[0] == ((f"{CHAPTER}/{NAMES[-1]}", "It adds."), 5)
    assert "It multiplies." in report.summary_page(students)


def test_all_files_are_written_and_the_record_can_be_read(tmp_path):
    students = report.gathered([result("Jane Doe_1", 6), result("../joe", 0)])
    report.write_reports(tmp_path, students, Settings(5))
    pages = sorted(path.name for path in (tmp_path / "feedback").iterdir())
    assert len(pages) == 2 and all(re.fullmatch(r"[A-Za-z0-9_-]+\.html", page) for page in pages)
    record = json.loads((tmp_path / "grades.json").read_text())
    assert record["seed"] == 5 and record["students"]["Jane Doe_1"][0]["marks"][0]["points"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feedback", "grades.csv", "grades.json", "summary.html"]


def test_names_of_files_are_safe_and_differ():
    names = {file_name(name) for name in ("a/b", "a_b", "a b", "..", "con", "é", "e", "x" * 500)}
    assert len(names) == 8 and all(re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name) for name in names)


def test_plain_text_steers_no_terminal():
    assert plain("a\x1b[31mred\x1b[0m\x07\x00\u202e\ud800b\n\tc") == "aredb\n\tc"
    assert plain(["no text"]) == "" and plain("x" * 10, 3) == "xxx"


# ---------------------------------------------------------------- answers that are alike

ONE = '''def td_update(q, reward, next_q, terminated, alpha, gamma):
    """Some text."""
    best = next_q.max(axis=1)   # the best
    target = reward + gamma * (1 - terminated) * best
    return q + alpha * (target - q)
'''
RENAMED = """def td_update(v, r, nxt, end, a, g):
    m = nxt.max(axis = 1)
    goal = (r + g * (1 - end) * m)

    return v + a*(goal - v)
"""
OTHER = """def td_update(q, reward, next_q, terminated, alpha, gamma):
    new = []
    for i in range(len(q)):
        y = reward[i] if terminated[i] else reward[i] + gamma * max(next_q[i])
        new.append((1 - alpha) * q[i] + alpha * y)
    return new
"""


def handed_in(**sources):
    return {
        student: [Result(student, CHAPTER, forms={"td_update": normal_form(source, "td_update")})]
        for student, source in sources.items()
    }


def test_names_layout_and_comments_do_not_matter():
    assert normal_form(ONE, "td_update") == normal_form(RENAMED, "td_update") != normal_form(OTHER, "td_update")
    assert normal_form(ONE, "another") == normal_form("def td_update(", "td_update") == ""


def test_many_and_long_definitions_of_a_function_take_no_time_to_compare():
    once = [Cell(1, "x = 1"), Cell(2, ONE)]
    assert form_of(once, "td_update") == normal_form(ONE, "td_update")
    long = ONE + "    v\n" * 10_000
    assert len(form_of(once * 500 + [Cell(3, long)] * 20, "td_update")) == 4 * len(normal_form(ONE, "td_update"))


def test_pairs_that_are_alike_are_found():
    pytest.importorskip("rapidfuzz", reason="rapidfuzz is not installed")
    edited = RENAMED.replace("v + a*(goal - v)", "v + a*(goal - v) * 1")
    found = pairs(handed_in(ann=ONE, bob=RENAMED, carl=OTHER, dora=edited))
    assert [pair[1:3] for pair in found] == [("ann", "bob"), ("ann", "dora"), ("bob", "dora")]
    assert found[0][0] == 100 and 90 <= found[1][0] < 100 and found[0][3] == [f"{CHAPTER}/td_update"]


def test_what_everybody_writes_is_no_copy():
    pytest.importorskip("rapidfuzz", reason="rapidfuzz is not installed")
    assert pairs(handed_in(**{f"s{i}": ONE for i in range(4)})) == []
