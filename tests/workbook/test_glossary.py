"""Words are explained where they are first used: the glossary is the one list of them, and the notebooks link to it."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from rlbook.workbook.build import read_source

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/glossary.md").read_text()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
# What is not prose: code, formulas, headings, and the titles of papers at the end.
NO_PROSE = r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|^#+ [^\n]*$|\*\*(Reading|Read on|Sources)\*\*.*\Z"

COMING = "**After this notebook you can**"


@dataclass(frozen=True)
class Term:
    """A word of the glossary, the number of the notebook that explains it, and the forms it is used in."""

    name: str
    notebook: int
    forms: tuple[str, ...]

    @property
    def anchor(self):
        return self.name.lower().replace(" ", "-")

    @property
    def pattern(self):
        forms = "|".join(re.escape(form).replace(r"\ ", r"\s+") for form in sorted(self.forms, key=len, reverse=True))
        return rf"(?<![\w-])(?:{forms})(?![\w-])"


def terms(page=PAGE):
    found = re.findall(r"^## (.+)\n\*Notebook (\d)(?:; also: ([^.]*))?\.\*", page, re.MULTILINE)
    return [Term(name, int(number), (name, *filter(None, also.split(", ")))) for name, number, also in found]


def prose(cells):
    """The text of a notebook but for what only says what is to come."""
    texts = [cell.source for cell in cells if cell.cell_type == "markdown" and COMING not in cell.source]
    return "\n\n".join(re.sub(NO_PROSE, "", text, flags=re.MULTILINE | re.DOTALL) for text in texts)


def problems(text, number, term):
    """What is wrong with the use of a term in the notebook of that number, whose prose this is."""
    first = re.search(term.pattern, text, re.IGNORECASE)
    if first is None:
        return ["is not there"] if number == term.notebook else []
    if number < term.notebook:
        return ["is used before it is explained"]
    link = rf"\[[*_]*(?:{term.pattern})[*_]*\]\(\.\./docs/glossary\.md#{term.anchor}\)"
    linked = re.search(link, text, re.IGNORECASE)
    if linked is None or not linked.start() <= first.start() <= linked.end():
        return ["is not linked where it is first used"]
    around = text[max(0, linked.start() - 4) : linked.end() + 3]
    return [] if number > term.notebook or "*" in around else ["is not set off where it is explained"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_words_are_explained_where_they_are_first_used(path):
    text, number = prose(read_source(path).cells), int(path.stem[:2])
    found = {term.name: problems(text, number, term) for term in terms()}
    assert {name: told for name, told in found.items() if told} == {}


def test_the_glossary_is_in_order_and_every_heading_is_a_term():
    names = [term.name for term in terms()]
    assert names == re.findall(r"^## (.+)$", PAGE, re.MULTILINE) and len(names) > 30
    assert names == sorted(names, key=str.lower)


@pytest.mark.parametrize(
    ("number", "text", "told"),
    [
        (1, "It is bootstrapped.", "is used before it is explained"),
        (2, "Nothing of it.", "is not there"),
        (2, "This is bootstrapping.", "is not linked where it is first used"),
        (
            2,
            "It bootstraps: **[bootstrapping](../docs/glossary.md#bootstrapping)**.",
            "is not linked where it is first used",
        ),
        (2, "It is [bootstrapping](../docs/glossary.md#bootstrapping).", "is not set off where it is explained"),
        (2, "This is **[bootstrapping](../docs/glossary.md#bootstrapping)**.", None),
        (3, "It [bootstraps](../docs/glossary.md#bootstrapping).", None),
        (3, "It [bootstraps](../docs/glossary.md#critic).", "is not linked where it is first used"),
        (3, "Nothing of it.", None),
    ],
)
def test_what_is_wrong_is_found(number, text, told):
    (term,) = (term for term in terms() if term.name == "Bootstrapping")
    assert problems(text, number, term) == ([told] if told else [])


def test_code_formulas_headings_and_titles_are_no_prose():
    cells = read_source(ROOT / "notebooks/02_q_learning.py").cells
    assert "Delayed Rewards" not in prose(cells) and "epsilon_greedy" not in prose(cells) and "## " not in prose(cells)
