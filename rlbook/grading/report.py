"""What instructors and students get: a table of marks, a page for every student, and a page on the class.

Whatever a student wrote, names of files included, is text here: it starts no formula in a spreadsheet and no tag in a
page.
"""

from __future__ import annotations

import csv
import html
import io
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rlbook.checks import EXERCISES
from rlbook.checks.exercise import NOT_YET
from rlbook.grading.marks import GRADED, UNGRADED, UNREADABLE, Mark, Result
from rlbook.grading.run import Settings, file_name, write
from rlbook.grading.session import plain

Class = dict[str, list[Result]]  # student -> results, one for every chapter

_INTERNAL = ("cells", "forms", "seconds", "grader_memory")  # of a result: not for grades.json
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_STYLE = """<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em }
body { color: #1f2328; background: #fff }
table { border-collapse: collapse; margin: 1em 0 } td, th { padding: 3px 12px; text-align: left; vertical-align: top }
pre { background: #f5f6f8; padding: 8px 12px; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere }
.mark { border-left: 5px solid #d0561b; padding: 4px 14px; margin: 12px 0; background: #faf6f3 }
.full { border-color: #0a8f6a; background: #f1f9f6 }
.bar { background: #2f6db3; height: 1em; display: inline-block; min-width: 1px }
.room { width: 20em } .quiet { color: #59636e }
</style>"""


def gathered(results: Iterable[Result]) -> Class:
    """Results by student, ordered by name; of two notebooks for one chapter the one with more points counts.

    One that could not be graded comes first: nobody knows what it would have earned.
    """
    best: dict[tuple[str, str], Result] = {}
    for result in results:
        key = (result.student, result.chapter)
        if key not in best or _worth(result) > _worth(best[key]):
            best[key] = result
    students: Class = {}
    for student, chapter in sorted(best):
        students.setdefault(student, []).append(best[student, chapter])
    return students


def _worth(result: Result) -> tuple:
    return result.status == UNGRADED, result.points, result.notes


def status_of(results: list[Result]) -> str:
    """A student's status is the one that needs the most attention."""
    found = {result.status for result in results}
    return next(status for status in (UNGRADED, UNREADABLE, GRADED) if status in found)


def columns(students: Class) -> list[tuple[str, str]]:
    """(chapter, exercise) of everything that was graded, in the workbook's order."""
    chapters = {result.chapter for results in students.values() for result in results}
    return [
        (chapter, name) for chapter in EXERCISES.chapters if chapter in chapters for name in EXERCISES.chapter(chapter)
    ]


def grades_csv(students: Class) -> str:
    """One row a student, one column an exercise. An exercise that was not graded has no mark, which is not 0."""
    wanted = columns(students)
    rows = [["student", "status", "points", "out_of", *(f"{c}/{name}" for c, name in wanted), "notes"]]
    for student, results in students.items():
        marks = {(r.chapter, mark.exercise): mark.points for r in results for mark in r.marks}
        status = status_of(results)
        points = "" if status == UNGRADED else sum(r.points for r in results)
        out_of = sum(r.out_of for r in results) if status == GRADED else ""  # of what is no notebook, nobody knows
        notes = " ".join(note for result in results for note in result.notes)
        rows.append([student, status, points, out_of, *(marks.get(column, "") for column in wanted), notes])
    return csv_text(rows)


def csv_text(rows: list[list]) -> str:
    """A table for a spreadsheet, in which no text is a formula."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value) -> object:
    if not isinstance(value, str):
        return int(value) if value == int(value) else value
    value = plain(value)
    return f"'{value}" if value.startswith(_FORMULA) else value


def write_reports(out: Path, students: Class, settings: Settings) -> None:
    """Write grades.csv, grades.json, summary.html and feedback/ into ``out``, each file whole or not at all."""
    (out / "feedback").mkdir(parents=True, exist_ok=True)
    write(out / "grades.csv", grades_csv(students))
    record = {
        "seed": settings.seed,
        "students": {student: [_record(result) for result in results] for student, results in students.items()},
    }
    write(out / "grades.json", json.dumps(record, indent=2) + "\n")
    write(out / "summary.html", summary_page(students))
    for student, results in students.items():
        write(out / "feedback" / f"{file_name(student)}.html", feedback_page(student, results))


def _record(result: Result) -> dict:
    """A result without what the run cost, and without the student's code, which is in the feedback."""
    return {key: value for key, value in result.as_dict().items() if key not in _INTERNAL}


# ------------------------------------------------------------------------------------------------------- the pages


def feedback_page(student: str, results: list[Result]) -> str:
    """What a student reads: every verdict with its sentence, then their own code and what it printed."""
    parts = [f"<h1>{_text(student)}</h1>"]
    for result in results:
        points = f"{result.points:g} of {result.out_of} points" if result.marks else result.status
        parts.append(f"<h2>{_text(result.chapter or 'Notebook')}: {points}</h2>")
        parts += [f"<p>{_text(note)}</p>" for note in result.notes]
        parts += [_mark(mark, result.chapter) for mark in result.marks]
        parts += [_code(cell) for cell in result.cells]
    return _page(f"Feedback for {student}", parts)


def _mark(mark: Mark, chapter: str) -> str:
    full = mark.points == mark.out_of
    lines = [
        f"<b>{_text(mark.status)}</b> <code>{_text(mark.exercise)}</code>, {mark.points:g} of {mark.out_of} points"
    ]
    lines += [_text(line) for line in (mark.message, mark.case) if line]
    if not full:
        lines.append(f"Hint: {_text(EXERCISES.chapter(chapter)[mark.exercise].hints[0])}")
    return f'<div class="mark{" full" if full else ""}">' + "<br>".join(lines) + "</div>"


def _code(cell: dict) -> str:
    told = [f"<pre>{_text(cell['source'])}</pre>"]
    if cell["printed"]:
        told.append(f'<pre class="quiet">{_text(cell["printed"])}</pre>')
    if cell["problem"]:
        told.append(f"<p>{_text(cell['problem'])}</p>")
    return f"<details><summary>Cell {int(cell['number'])}</summary>{''.join(told)}</details>"


def summary_page(students: Class) -> str:
    """How the class did: points, the hardest exercises first, and the mistakes that were made most often."""
    counts = Counter(status_of(results) for results in students.values())
    parts = ["<h1>The class</h1>", f"<p>{', '.join(f'{n} {status}' for status, n in sorted(counts.items()))}</p>"]
    parts += ["<h2>Points</h2>", _bars(distribution(students))]
    parts += ["<h2>Exercises, the hardest first</h2>", _bars(hardest(students), "of the class solved it")]
    rows = "".join(
        f"<tr><td>{n}</td><td><code>{_text(name)}</code></td><td>{_text(sentence)}</td></tr>"
        for (name, sentence), n in common_mistakes(students)
    )
    parts += ["<h2>What went wrong most often</h2>", f"<table><tr><th>Students<th>Exercise<th>Told</tr>{rows}</table>"]
    return _page("Summary", parts)


def _graded(students: Class) -> list[list[Result]]:
    return [results for results in students.values() if status_of(results) == GRADED]


def distribution(students: Class) -> list[tuple[str, float, str]]:
    """(range of per cent, share of the class, number of students) for ten ranges."""
    shares = [sum(r.points for r in results) / sum(r.out_of for r in results) for results in _graded(students)]
    counts = Counter(min(int(10 * share), 9) for share in shares)
    return [(f"{10 * i} to {10 * i + 10} %", counts[i] / max(len(shares), 1), str(counts[i])) for i in range(10)]


def hardest(students: Class) -> list[tuple[str, float, str]]:
    """(exercise, share of those who handed in its chapter that solved it, the same in words), the hardest first."""
    marks: dict[str, list[bool]] = {f"{chapter}/{name}": [] for chapter, name in columns(students)}
    for results in _graded(students):
        for result in results:
            for mark in result.marks:
                marks[f"{result.chapter}/{mark.exercise}"].append(mark.points == mark.out_of)
    rows = [
        (name, sum(solved) / len(solved), f"{sum(solved)} of {len(solved)}") for name, solved in marks.items() if solved
    ]
    return sorted(rows, key=lambda row: row[1])


def common_mistakes(students: Class, n_most: int = 12) -> list[tuple[tuple[str, str], int]]:
    """((exercise, sentence), number of students), the most frequent first; named mistakes and plain ones alike."""
    marks = [(r.chapter, mark) for results in _graded(students) for r in results for mark in r.marks]
    told = Counter((f"{chapter}/{m.exercise}", m.message) for chapter, m in marks if m.status == NOT_YET)
    return sorted(told.items(), key=lambda item: (-item[1], item[0]))[:n_most]


def _bars(rows: list[tuple[str, float, str]], meaning: str = "") -> str:
    lines = [
        f'<tr><td>{_text(name)}<td class="room"><span class="bar" style="width: {100 * share:.0f}%"></span>'
        f"<td>{_text(said)}</tr>"
        for name, share, said in rows
    ]
    return f"<table>{''.join(lines)}</table>" + (f'<p class="quiet">Bars: the part {meaning}.</p>' if meaning else "")


def _page(title: str, parts: list[str]) -> str:
    body = "\n".join(parts)
    head = f'<meta charset="utf-8"><title>{_text(title)}</title>{_STYLE}'
    # No script runs in this page, should one ever get in.
    policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    return f'<!doctype html><html lang="en"><head>{policy}{head}</head><body>{body}</body></html>\n'


def _text(value: str) -> str:
    return html.escape(plain(value, 20_000))
