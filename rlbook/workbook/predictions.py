"""Predictions that count: a question with choices, and beside what the reader said what then came out.

    guess = predict("Is the return positive?", ["yes", "no"])

shows the choices as buttons. The cell that finds the answer says so,

    guess.came_out("yes" if value > 0 else "no")

and ``predictions()``, at the end of a notebook, counts. Choices may be numbers; then the closest one is right. What was
said is kept in the reader's own record (`rlbook.checks.record`). Where no reader sits, in builds and tests, the choices
are shown as text, so that what a notebook stores is nobody's.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from rlbook.checks.cards import card
from rlbook.checks.record import keeps_record, note_prediction, present_record

_asked: dict[str, Prediction] = {}  # of this notebook, in order


class Prediction:
    """One question and what was said to it; see ``predict``."""

    def __init__(self, question: str, choices: Sequence[str | float], unit: str = ""):
        self.question, self._unit = question, unit
        self._numbers = None if isinstance(choices[0], str) else [float(choice) for choice in choices]
        self.choices = [self._shown(choice) for choice in choices]
        earlier = present_record()["predictions"].get(question, {})
        self.said = earlier.get("said") if earlier.get("said") in self.choices else None
        self.came = earlier.get("came") if self.said else None  # whoever said nothing may still predict
        self._buttons = self._words = None

    def __repr__(self) -> str:
        return f"Your prediction: {self.question} ({' / '.join(self.choices)})"

    def say(self, choice: str) -> None:
        """Choose, as the buttons do. Raises ValueError for no choice of this question; what came out stays."""
        if choice not in self.choices:
            raise ValueError(f"{choice!r} is no choice; accepted are {', '.join(self.choices)}")
        if self.came is None:
            self.said = choice
            note_prediction(self.question, choice, None)
        self._show()

    def came_out(self, what: str | float) -> None:
        """Show what came out beside what was said: one of the choices, or a number, which the closest one stands for.

        Raises ValueError where it is none.
        """
        if self._numbers is not None:
            what = self.choices[min(range(len(self.choices)), key=lambda i: abs(self._numbers[i] - what))]
        if what not in self.choices:
            raise ValueError(f"{what!r} is no choice of {self.question!r}; there are {', '.join(self.choices)}")
        self.came = what
        note_prediction(self.question, self.said, what)
        self._show()
        _display(
            f"{self.question} \N{RIGHTWARDS ARROW} {self.verdict}",
            card(f"<i>{html.escape(self.question)}</i>", self._verdict_html()),
        )

    @property
    def right(self) -> bool:
        return self.said is not None and self.said == self.came

    @property
    def verdict(self) -> str:
        """What was said and what came out, in words."""
        if self.came is None:
            return f"You said: {self.said}." if self.said else "You have not chosen yet."
        said = f"You said: {self.said}." if self.said else "You made no prediction."
        return f"{said} It came out: {self.came}."

    def close(self) -> None:
        """Take the buttons off the page."""
        if self._buttons is not None:
            self._buttons.close()
            self._words.close()

    def _shown(self, choice: str | float) -> str:
        if isinstance(choice, str):
            return choice
        return f"{100 * choice:g} %" if self._unit == "%" else f"{choice:g} {self._unit}".strip()

    def _verdict_html(self) -> str:
        over = self.said is not None and self.came is not None
        mark = "" if not over else "\N{CHECK MARK} " if self.right else "\N{MULTIPLICATION X} "
        return f"{mark}{html.escape(self.verdict)}"

    # ------------------------------------------------------------------ on the page

    def ask(self) -> None:
        """Show the question with its buttons; with its choices as text where no reader sits."""
        still = card(
            f"<b>Your prediction:</b> {html.escape(self.question)}",
            " \N{MIDDLE DOT} ".join(map(html.escape, self.choices)),
            "Run this cell to choose.",
        )
        _display(repr(self), still, self._view() if keeps_record() else None)

    def _view(self) -> dict:
        """The question with its buttons, for a front end that knows ipywidgets."""
        from ipywidgets import HTML, Layout, ToggleButtons, VBox

        question = HTML(f"<b>Your prediction:</b> {html.escape(self.question)}")
        self._buttons = ToggleButtons(options=self.choices, value=self.said, style={"button_width": "auto"})
        self._words = HTML(layout=Layout(min_height="24px"))
        self._buttons.observe(self._pressed, "value")
        self._show()
        box = VBox([question, self._buttons, self._words])
        return {"version_major": 2, "version_minor": 0, "model_id": box.model_id}

    def _pressed(self, change: dict) -> None:
        if change["new"] is not None and change["new"] != self.said:
            self.say(change["new"])

    def _show(self) -> None:
        if self._buttons is None:
            return
        over = self.came is not None
        self._buttons.value, self._buttons.disabled = self.said, over
        self._words.value = html.escape(self.verdict) + ("" if over or not self.said else " Now run the next cell.")


class Predictions:
    """What was said to all questions of a notebook, and what came out."""

    def __init__(self, predictions: Sequence[Prediction]):
        self.made = sum(one.said is not None for one in predictions)
        self.right = sum(one.right for one in predictions)
        self.all = list(predictions)

    @property
    def in_numbers(self) -> str:
        return f"{self.made} of {len(self.all)} made, {self.right} came out as said"

    def __repr__(self) -> str:
        return "\n".join(
            [
                f"Predictions: {self.in_numbers}",
                *(f"  {one.question} \N{RIGHTWARDS ARROW} {one.verdict}" for one in self.all),
            ]
        )

    def _repr_html_(self) -> str:
        arrow = "\N{RIGHTWARDS ARROW}"
        rows = (f"<i>{html.escape(one.question)}</i> {arrow} {one._verdict_html()}" for one in self.all)
        return card(f"<b>Predictions</b>: {self.in_numbers}", *rows)


def predict(question: str, choices: Sequence[str | float], *, unit: str = "") -> Prediction:
    """Ask the reader, with a button for every choice; the answer's cell calls ``came_out`` of what this returns.

    choices : two or more different texts, or numbers; with the unit "%" these are shares, 0.5 for 50 %.
    Raises ValueError for a question without text and for other choices.
    """
    kinds = {isinstance(choice, str) for choice in choices}
    if not question.strip() or len(choices) < 2 or len(kinds) > 1 or len(set(choices)) < len(choices):
        raise ValueError(
            f"{question!r} has the choices {choices!r}; accepted are two or more different texts, or numbers"
        )
    if question in _asked:
        _asked.pop(question).close()
    prediction = _asked[question] = Prediction(question, choices, unit)
    prediction.ask()
    return prediction


def predictions() -> Predictions:
    """All predictions of this notebook. The last line of a cell shows them, counted."""
    return Predictions(list(_asked.values()))


def _display(plain: str, page: str, view: dict | None = None) -> None:
    from IPython.display import display

    bundle = {"text/plain": plain, "text/html": page}
    if view is not None:
        bundle["application/vnd.jupyter.widget-view+json"] = view
    display(bundle, raw=True)
