"""What the tests of every chapter's exercises share."""

import re

SEEDS = tuple(range(21))


def mistakes(chapter):
    return [(name, sentence) for name, exercise in chapter.items() for sentence in exercise.mistakes]


def assert_notebook_agrees(cells, chapter):
    """The notebook holds every exercise once, in order, with the points, minutes and difficulty of its data."""
    answers, checks, texts = [], {}, {}
    for before, cell in zip([None, *cells], cells, strict=False):
        grader = cell.metadata.get("nbgrader", {})
        if grader.get("solution"):
            answers.append(grader["grade_id"])
            texts[grader["grade_id"]] = before.source
        if grader.get("grade"):
            checks[cell.source] = grader["points"]
    assert answers == list(chapter)
    assert checks == {f"check({name})": exercise.points for name, exercise in chapter.items()}
    for name, exercise in chapter.items():
        facts = re.search(r"\*(\d+) points? . about (\d+) minutes . difficulty (\d) of 5 \((★*)☆*\)\*", texts[name])
        points, minutes, difficulty, stars = facts.groups()
        assert (int(points), int(minutes), int(difficulty)) == (exercise.points, exercise.minutes, exercise.difficulty)
        assert len(stars) == exercise.difficulty
    total, minutes = (sum(getattr(e, field) for e in chapter.values()) for field in ("points", "minutes"))
    assert f"*{len(chapter)} exercises · {total} points · about {minutes} minutes" in cells[0].source
