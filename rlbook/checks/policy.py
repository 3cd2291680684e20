"""Exercises whose answer is a policy: judged by what it achieves in episodes that nobody has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

import numpy as np

# As a whole: names that a check takes from the library are right answers, and are missing where answers are graded.
import rlbook.learning.stepping as stepping
from rlbook.checks.calling import Fault, NotAttempted, answer_of
from rlbook.checks.exercise import CORRECT, NOT_ATTEMPTED, NOT_YET, CheckResult

VISIBLE_SEED = 0  # the seed of `check` in the notebook
UNSEEN = 1_000_003  # added to every seed: whoever trains with the seeds 0, 1, 2 has not seen these episodes


@dataclass(frozen=True)
class PolicyExercise:
    """A policy ``name(obs)`` to write or to train: a batch of observations in, a batch of actions out.

    Parameters
    ----------
    name : the policy's name.
    environment : ``environment(n)`` makes the vector environment with n copies that it is judged in.
    threshold : the part of the episodes that must succeed.
    n_episodes : how many are played, all at once, so that a step is one call.
    success : of an Evaluation, which episodes succeeded; by default those that terminated, not the truncated ones.
    points, minutes, difficulty, hints, chapter : as of every Exercise.
    """

    name: str
    _: KW_ONLY
    environment: Callable
    threshold: float
    points: int
    minutes: int
    difficulty: int
    hints: tuple[str, ...]
    n_episodes: int = 200
    success: Callable[[stepping.Evaluation], np.ndarray] = lambda evaluation: evaluation.terminated
    chapter: str = ""

    arguments = ("obs",)
    one_seed_is_enough = True  # its episodes are many

    @property
    def margin(self) -> float:
        """How far below the threshold other episodes may come out by chance.

        A policy right at the threshold p reaches p on average; over n episodes the difference of two such averages has
        the standard deviation sqrt(2 p (1 - p) / n). Two of them are granted.
        """
        return 2 * np.sqrt(2 * self.threshold * (1 - self.threshold) / self.n_episodes)

    def judge(self, policy: Callable, seed: int = VISIBLE_SEED) -> CheckResult:
        """Play the episodes of ``seed``. In the notebook they must reach the threshold, else come within the margin."""

        def verdict(status, message, case="", points=0):
            return CheckResult(self.name, status, message, points, self.points, case)

        envs = self.environment(self.n_episodes)
        try:
            act = lambda obs: answer_of(policy, self.name, self.arguments, (obs,))  # noqa: E731
            reached = np.mean(self.success(stepping.evaluate(act, envs, self.n_episodes, UNSEEN + seed)))
        except NotAttempted:
            return verdict(NOT_ATTEMPTED, "Write your code in place of `raise NotImplementedError`, then check again.")
        except Fault as fault:
            return verdict(NOT_YET, *fault.args)
        except ValueError as error:  # actions that the environment refuses
            return verdict(NOT_YET, f"The environment refuses its actions: {error}")
        finally:
            envs.close()
        needed = self.threshold - (0 if seed == VISIBLE_SEED else self.margin)
        # The mark tells that training comes out a little different on every processor; see rlbook.workbook.facts.
        message = f"\N{ALMOST EQUAL TO} {100 * reached:.1f} % of {self.n_episodes} unseen episodes succeed"
        if seed == VISIBLE_SEED:
            message += f" (at least {100 * needed:.1f} % are needed; the grader plays other episodes, and grants "
            message += f"{100 * self.margin:.1f} % for chance)."
        else:
            message += f" (at least {100 * needed:.1f} % are needed: {self.threshold:.0%} less a margin for chance)."
        if reached < needed:
            return verdict(NOT_YET, message)
        return verdict(CORRECT, message, points=self.points)
