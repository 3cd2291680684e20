"""What is tested of every exercise, whatever its chapter."""

import itertools
import re

import numpy as np
from heard_answers import HEARS
from wrong_answers import WRONG

from rlbook.checks import evaluate
from rlbook.checks.comparing import same
from rlbook.checks.exercise import NOT_ATTEMPTED

SEEDS = tuple(range(21))
# Arguments that an exercise promises to be fractions, or by which no answer can be cut: it is whole where they are.
FRACTIONS = {
    "push_transitions": ("memory", "new"),
    "sample_rows": ("memory", "draws"),
    "epsilon_greedy_actions": ("q", "epsilon", "draw"),
    "passes_made": ("kls",),
    "random_delays": ("u",),
    "delayed_commands": ("commands",),
}


def answers(fn, cases):
    """What ``fn`` answers to each case, or the name of the error that it raises."""

    def one(case):
        try:
            return np.asarray(fn(*case), dtype=float)
        except (IndexError, ValueError) as error:
            return type(error).__name__

    with np.errstate(all="ignore"):
        return [one(case) for case in cases]


def alike(one, other, case, tolerance):
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and isinstance(other, str) and one == other
    return same(one, other, case, tolerance)


class ChapterTests:
    """A chapter's test file sets ``chapter`` {name: Exercise} and ``right`` {name: an answer written independently}.

    conftest.py runs a test once for every exercise (``name``).
    """

    def test_the_reference_and_the_notebooks_answer_are_correct(self, name, answer):
        for seed in SEEDS:
            assert evaluate(self.chapter[name], self.chapter[name].reference, seed).correct, seed
            assert evaluate(self.chapter[name], answer(name), seed).correct, seed

    def test_an_independent_answer_is_correct(self, name):
        for seed in SEEDS[:3]:
            assert evaluate(self.chapter[name], self.right[name], seed).correct, seed

    def test_what_float32_rounds_is_right(self, name):
        """Every number that goes in, and the answer, in single precision."""

        def rounded(*case):
            single = [np.float32(a) if np.asarray(a).dtype.kind == "f" else a for a in case]
            return np.float32(self.right[name](*single))

        for seed in SEEDS[:3]:
            assert evaluate(self.chapter[name], rounded, seed).correct, seed

    def test_every_mistake_gets_its_own_sentence(self, name):
        for sentence, mistake in self.chapter[name].mistakes.items():
            result = evaluate(self.chapter[name], mistake)
            assert (result.message, result.points) == (sentence, 0)
            assert "it returns" in result.case or result.case.startswith("It raised ")

    def test_no_two_mistakes_agree_and_none_is_right(self, name):
        exercise = self.chapter[name]
        for seed in SEEDS[::5]:
            cases = exercise.cases(seed)
            given = {"right": answers(exercise.reference, cases)}
            given |= {sentence: answers(mistake, cases) for sentence, mistake in exercise.mistakes.items()}
            for one, other in itertools.combinations(given, 2):
                pairs = zip(given[one], given[other], cases, strict=True)
                assert not all(alike(a, b, case, exercise.tolerance) for a, b, case in pairs), (seed, one, other)

    def test_at_least_four_mistakes_have_a_name(self, name):
        assert len(self.chapter[name].mistakes) >= 4

    def test_of_wrong_answers_none_is_accepted_and_four_in_five_hear_their_mistake(self, name):
        """``WRONG`` was written from the exercises' texts, before the known mistakes were."""
        messages = {}
        for thought, wrong in WRONG[name].items():
            result = evaluate(self.chapter[name], wrong)
            assert not result.correct, thought
            assert result.status != NOT_ATTEMPTED, thought
            messages[thought] = result.message
        unnamed = [thought for thought, message in messages.items() if message.startswith("It returns other numbers")]
        assert len(messages) >= 20
        assert len(unnamed) <= len(messages) / 5, unnamed

    def test_these_wrong_answers_hear_their_own_mistake(self, name):
        for words, wrong in HEARS.get(name, []):
            for seed in SEEDS[:3]:
                result = evaluate(self.chapter[name], wrong, seed)
                assert not result.correct
                assert words in result.message, (words, result.message)
                assert "Two things" not in result.message

    def test_an_answer_cut_to_whole_numbers_is_never_right(self, name):
        """As ``np.zeros_like(argument)`` and ``argument.copy()`` cut it, where the argument holds whole numbers."""
        exercise = self.chapter[name]

        def cut(*case):
            answer, kind = exercise.reference(*case), np.asarray(case[place]).dtype
            return np.asarray(answer).astype(kind) if kind.kind == "i" else answer

        arrays = [i for i, argument in enumerate(exercise.cases(0)[0]) if np.asarray(argument).dtype.kind == "f"]
        for place in [i for i in arrays if np.ndim(exercise.cases(0)[0][i])]:
            if exercise.arguments[place] not in FRACTIONS.get(name, ()):
                for seed in SEEDS[::5]:
                    assert not evaluate(exercise, cut, seed).correct, (exercise.arguments[place], seed)

    def test_the_untouched_starter_is_not_attempted(self, name, starter):
        for seed in SEEDS[:2]:
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
