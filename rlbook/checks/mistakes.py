"""The wrong answers that people really give, and the sentence that helps each of them, read from text.

Such a file has sections; under the name of an exercise or of a group stand entries like

    gamma = gamma**2
        It discounts twice: what comes one step later counts gamma times.

The mistake answers as the right function would after that line of Python. It may change arguments, parts that the right
function takes by keyword only, or its ``answer``. ``use group word=other`` takes over the entries of a group, with
``{word}`` replaced.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rlbook.checks import temporal_difference

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class AsIf:
    """A known mistake: the right function, after one step of Python or two with different targets.

    steps : lines of Python.   helpers : names that they may use.   reference : the right function.
    """

    steps: tuple[str, ...]
    helpers: Mapping
    reference: Callable | None = None

    def __call__(self, *case):
        call = dict(zip(arguments_of(self.reference), case, strict=True))
        changed = dict(call)
        for step in self.steps:
            if "answer" not in targets_of(step):
                changed |= self._after(step, call)
        call["answer"] = self.reference(**changed)
        for step in self.steps:
            if "answer" in targets_of(step):
                call |= self._after(step, call)
        return call["answer"]

    def _after(self, step: str, call: Mapping) -> dict:
        names = {**self.helpers, **call}
        exec(_compiled(step), names)  # the project's own text
        return {target: names[target] for target in targets_of(step)}

    def and_also(self, other: AsIf) -> AsIf | None:
        """Both at once; None where they change the same."""
        changed = [target for step in self.steps + other.steps for target in targets_of(step)]
        return replace(self, steps=self.steps + other.steps) if len(changed) == len(set(changed)) else None


def known_mistakes(chapter: str, helpers: dict) -> Callable[[str], dict[str, AsIf]]:
    """A function from an exercise's name to {sentence: mistake}, read from the chapter's file and the shared one."""
    helpers = vars(temporal_difference) | helpers
    sections: dict[str, list[str]] = {}
    for file in ("shared", chapter):
        text = (_FOLDER / f"{file}_mistakes.txt").read_text(encoding="utf-8")
        for name, body in re.findall(r"^\[(.+)\]\n((?:.+\n)*)", text, flags=re.MULTILINE):
            sections[name] = body.splitlines()

    def entries(name: str) -> list[tuple[str, str]]:
        found, step = [], ""
        for line in sections[name]:
            if line.startswith("use "):
                group, *words = re.split(r" (?=\w+=)", line.removeprefix("use "))
                found += [tuple(_with_words(text, words) for text in entry) for entry in entries(group)]
            elif line.startswith(" "):
                found.append((line.strip(), step))
            else:
                step = line
        return found

    return lambda name: {sentence: AsIf((step,), helpers) for sentence, step in entries(name)}


def _with_words(text: str, words: list[str]) -> str:
    for word in words:
        name, other = word.split("=")
        text = text.replace(f"{{{name}}}", other)
    return text


@functools.cache
def _compiled(step: str):
    return compile(step, "a known mistake", "exec")


@functools.cache
def targets_of(step: str) -> list[str]:
    """The names that a line of Python assigns to."""
    targets = [target for line in ast.parse(step).body for target in line.targets]
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]


def arguments_of(fn: Callable) -> tuple[str, ...]:
    """What a student's function is called with: the parameters that need no keyword."""
    return tuple(name for name, p in inspect.signature(fn).parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD)
