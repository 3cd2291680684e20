"""What is tested of every exercise, whatever its chapter."""

import re

from rlbook.checks import evaluate
from rlbook.checks.exercise import NOT_ATTEMPTED

SEEDS = tuple(range(21))


class ChapterTests:
    """A chapter's test file sets ``chapter`` {name: Exercise} and ``right`` {name: an answer written independently}.

    conftest.py runs a test once for every exercise (``name``), or once for every known mistake (``sentence``).
    """

    def test_the_reference_and_the_notebooks_answer_are_correct(self, name, answer):
        for seed in SEEDS:
            assert evaluate(self.chapter[name], self.chapter[name].reference, seed).correct, seed
            assert evaluate(self.chapter[name], answer(name), seed).correct, seed

    def test_an_independent_answer_is_correct(self, name):
        for seed in SEEDS[:3]:
            assert evaluate(self.chapter[name], self.right[name], seed).correct, seed

    def test_every_mistake_gets_its_own_sentence(self, name, sentence):
        for seed in SEEDS:
            result = evaluate(self.chapter[name], self.chapter[name].mistakes[sentence], seed)
            assert (result.message, result.points) == (sentence, 0), seed
            assert "it returns" in result.case

    def test_the_untouched_starter_is_not_attempted(self, name, starter):
        for seed in SEEDS:
            assert evaluate(self.chapter[name], starter(name), seed).status == NOT_ATTEMPTED, seed

    def test_the_notebook_says_what_the_data_say(self, name, notebook):
        """Its exercise stands before its check, with the points, minutes and difficulty of its data."""
        exercise = self.chapter[name]
        cells = notebook(exercise.chapter)
        place = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in cells].index(name)
        text, _, check = cells[place - 1 : place + 2]
        facts = re.search(r"\*(\d+) points? . about (\d+) minutes . difficulty (\d) of 5 \((★*)☆*\)\*", text.source)
        points, minutes, difficulty, stars = facts.groups()
        assert (int(points), int(minutes), int(difficulty)) == (exercise.points, exercise.minutes, exercise.difficulty)
        assert len(stars) == exercise.difficulty
        assert (check.source, check.metadata["nbgrader"]["points"]) == (f"check({name})", exercise.points)

    def test_the_notebook_holds_these_exercises_in_this_order(self, notebook):
        exercises = self.chapter.values()
        cells = notebook(next(iter(exercises)).chapter)
        graders = [cell.metadata.get("nbgrader", {}) for cell in cells]
        assert [grader["grade_id"] for grader in graders if grader.get("solution")] == list(self.chapter)
        points, minutes = (sum(getattr(e, field) for e in exercises) for field in ("points", "minutes"))
        assert f"*{len(exercises)} exercises · {points} points · about {minutes} minutes" in cells[0].source
