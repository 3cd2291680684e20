"""What was handed in: folders and zip files as course platforms make them, and what may hide in them."""

import io
import os
import stat
import zipfile

import pytest
from submissions import notebook

from rlbook.grading.intake import submissions
from rlbook.grading.session import MAX_NOTEBOOK

DATA = notebook("x = 1")


def names(path):
    return [(submission.student, submission.name) for submission in submissions(path)]


def archive(path, *entries, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as file:
        for name, data in entries:
            file.writestr(name, data)
    return path


def test_a_folder_of_notebooks_and_of_students_folders(tmp_path):
    (tmp_path / "02.ipynb").write_bytes(DATA)
    (tmp_path / "notes.txt").write_text("not a submission")
    for place in ("jane/01.ipynb", "jane/deep/02.ipynb", "jane/.ipynb_checkpoints/01.ipynb", "joe/answers.pdf"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(DATA)
    assert names(tmp_path) == [("02", "02.ipynb"), ("jane", "01.ipynb"), ("jane", "02.ipynb"), ("joe", "answers.pdf")]
    *read, joe = submissions(tmp_path)
    assert all(submission.read() == DATA and not submission.problem for submission in read)
    assert joe.problem == "There is no notebook (.ipynb) in what was handed in."


MOODLE = "{}_assignsubmission_file_"


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize(
    "places, students",
    [
        (["jane/02.ipynb", "joe/02.ipynb"], ["jane", "joe"]),
        (["class/jane/02.ipynb", "class/joe/02.ipynb", "class/jim/02.pdf"], ["jane", "jim", "joe"]),
        (["all/mon/jane/02.ipynb", "all/mon/jim/x.pdf", "all/mon/joe/02.ipynb"], ["jane", "jim", "joe"]),
        (
            ["mon/jane/02.ipynb", "mon/joe/02.ipynb", "tue/jane/02.ipynb", "tue/jim/02.ipynb"],
            ["mon/jane", "mon/joe", "tue/jane", "tue/jim"],
        ),
        (["jane/02.ipynb", "joe/homework/02.ipynb", "joe/report.pdf"], ["jane", "joe"]),
        (["class/jane.ipynb", "class/joe.ipynb", "class/notes.txt"], ["jane", "joe"]),
        (["02_q_learning/jane.ipynb", "02_q_learning/joe.ipynb"], ["jane", "joe"]),
        (["01_mdp/jane.ipynb", "01_mdp/joe.ipynb", "02_q_learning/joe.ipynb"], ["jane", "joe"]),
        (["02_q_learning/jane.ipynb"], ["jane"]),
        (["jane/01_mdp.ipynb", "jane/02_q_learning.ipynb"], ["jane"]),
        (["jane/01_mdp/01_mdp.ipynb", "jane/02_q_learning/02.ipynb", "joe/01_mdp/x.ipynb"], ["jane", "joe"]),
        ([f"all/{MOODLE.format('Jane_1')}/02.ipynb", f"all/{MOODLE.format('Joe_2')}/a/02.ipynb"], ["Jane_1", "Joe_2"]),
        ([f"{MOODLE.format('Joe_2')}/{MOODLE.format('Jane_1')}/02.ipynb"], ["Joe_2"]),
        (["jane/02.ipynb", f"joe/{MOODLE.format('jane_1')}/02.ipynb"], ["jane", "joe"]),
        (
            ["all/doejane_1_2_02.ipynb", "all/doejoe_3_4_02.ipynb", "all/doejim_5_6_x.pdf"],
            ["doejane_1", "doejim_5", "doejoe_3"],
        ),
    ],
)
def test_two_students_stay_two_wherever_their_folders_lie(tmp_path, kind, places, students):
    if kind == "zip":
        path = archive(tmp_path / "class.zip", *((place, DATA) for place in places))
    else:
        path = tmp_path / "class"
        for place in places:
            (path / place).parent.mkdir(parents=True, exist_ok=True)
            (path / place).write_bytes(DATA)
    found = submissions(path)
    assert len(found) == sum(not place.endswith((".txt", "report.pdf")) for place in places)
    assert sorted({submission.student for submission in found}) == students


def test_a_path_of_thousands_of_folders_costs_its_own_submission_only(tmp_path):
    deep = "joe/" + "a/" * 5000
    path = archive(
        tmp_path / "class.zip", *((name, DATA) for name in ("jane/02.ipynb", f"{deep}x/1.ipynb", f"{deep}2.ipynb"))
    )
    _, *joe = submissions(path)
    assert [(submission.student, submission.name) for submission in joe] == [("joe", "1.ipynb"), ("joe", "2.ipynb")]
    assert all(submission.read() == DATA for submission in joe)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_in_a_zip_file_twice_is_there(tmp_path):
    assert names(archive(tmp_path / "class.zip", *[("jane.ipynb", DATA)] * 2)) == [("jane", "jane.ipynb")] * 2


def test_links_are_not_followed(tmp_path):
    secret, folder = tmp_path / "secret.ipynb", tmp_path / "class"
    secret.write_bytes(DATA)
    (folder / "joe").mkdir(parents=True)
    os.symlink(secret, folder / "jane.ipynb")
    os.symlink(secret, folder / "joe" / "02.ipynb")
    os.symlink(tmp_path, folder / "jack")
    found = submissions(folder)
    assert [(s.student, "link" in s.problem, s.read()) for s in found] == [
        (n, True, b"") for n in ("jack", "jane", "joe")
    ]


def test_moodle_and_canvas_names_give_the_student(tmp_path):
    path = archive(
        tmp_path / "class.zip",
        ("Jane Doe_1234_assignsubmission_file_/02_q_learning.ipynb", DATA),
        ("Jane Doe_99_assignsubmission_file_/02_q_learning.ipynb", DATA),
        ("Joe_7_assignsubmission_file_02_q_learning.ipynb", DATA),
        ("doejack_1234_567890_02_q_learning-1.ipynb", DATA),
        ("doejill_LATE_55_567890_02_q_learning.ipynb", DATA),
        ("Nobody_8_assignsubmission_onlinetext_/onlinetext.html", b"<p>sorry</p>"),
        ("Joe_7_assignsubmission_onlinetext_/onlinetext.html", b"<p>see my file</p>"),
        ("__MACOSX/._x.ipynb", b"junk"),
    )
    found = submissions(path)
    students = ["Jane Doe_1234", "Jane Doe_99", "Joe_7", "Nobody_8", "doejack_1234", "doejill_55"]
    assert [submission.student for submission in found] == students
    assert [submission.read() for submission in found if not submission.problem] == [DATA] * 5
    assert found[3].problem == "There is no notebook (.ipynb) in what was handed in."


def test_what_leads_out_of_a_zip_file_is_refused_and_costs_the_others_nothing(tmp_path):
    link = zipfile.ZipInfo("joe/link.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = archive(
        tmp_path / "class.zip",
        ("jane/02.ipynb", DATA),
        ("../../outside.ipynb", DATA),
        ("/etc/cron.d/x.ipynb", DATA),
        ("a/../../b.ipynb", DATA),
        ("C:\\x.ipynb", DATA),
        (link, "/etc/passwd"),
    )
    found = submissions(path)
    assert [submission.name for submission in found if not submission.problem] == ["02.ipynb"]
    problems = [submission.problem for submission in found if submission.problem]
    assert len(problems) == 5 and sum("leads out" in problem for problem in problems) == 4
    assert list(tmp_path.iterdir()) == [path]


def test_a_zip_bomb_is_read_up_to_a_size(tmp_path):
    path = archive(tmp_path / "class.zip", ("jane/02.ipynb", bytes(200 * 1024**2)))
    (bomb,) = submissions(path)
    assert path.stat().st_size < 300_000 and len(bomb.read()) == MAX_NOTEBOOK + 1


def test_a_zip_in_a_zip_stays_closed(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("02.ipynb", DATA)
    (found,) = submissions(archive(tmp_path / "class.zip", ("jane/inner.zip", inner.getvalue())))
    assert found.problem == "There is no notebook (.ipynb) in what was handed in."


def test_too_many_entries_are_refused(tmp_path):
    path = archive(tmp_path / "class.zip", *((f"{i}/x.ipynb", b"") for i in range(20_001)))
    with pytest.raises(ValueError, match="has 20001 entries; accepted are 20000"):
        submissions(path)


def test_what_is_no_submission_is_told(tmp_path):
    (tmp_path / "text.txt").write_text("x")
    for path, words in ((tmp_path / "none", "is no submission"), (tmp_path / "text.txt", "accepted are a notebook")):
        with pytest.raises(ValueError, match=words):
            submissions(path)
    with pytest.raises(ValueError, match="holds no submission"):
        submissions(archive(tmp_path / "empty.zip"))
