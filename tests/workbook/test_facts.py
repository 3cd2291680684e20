"""Facts print the measured number and the claim; the claim is checked, and nbval compares it and nothing measured."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from nbval.plugin import get_sanitize_patterns

from rlbook.plots.svg import document, side_by_side
from rlbook.workbook.facts import fact, measured, measured_picture

PATTERNS = get_sanitize_patterns((Path(__file__).parents[1] / "nbval.cfg").read_text())


def as_compared(text):
    """A text as nbval compares it."""
    for regex, replacement in PATTERNS:
        text = re.sub(regex, replacement, text)
    return text


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        (dict(value=0.983, more_than=0.9, unit="%"), "reached: ≈ 98 % (more than 90 %)"),
        (dict(value=0.0934, less_than=0.29, unit="%", decimals=1), "reached: ≈ 9.3 % (less than 29 %)"),
        (dict(value=0.733, less_than=1.5, unit="s", decimals=2), "reached: ≈ 0.73 s (less than 1.5 s)"),
        (dict(value=-1347.5, more_than=-2000, less_than=-1000), "reached: ≈ -1,348 (between -2000 and -1000)"),
        (dict(value=3.2e-9, less_than=1e-7), "reached: ≈ 3e-09 (less than 1e-07)"),
        (dict(value=0, less_than=1e-7), "reached: ≈ 0 (less than 1e-07)"),
        (dict(value=np.float32(7.25), more_than=7, decimals=1), "reached: ≈ 7.2 (more than 7)"),
        (dict(value=torch.tensor(7.25), more_than=7, decimals=2), "reached: ≈ 7.25 (more than 7)"),
    ],
)
def test_a_fact_is_the_number_beside_its_claim(options, printed, capsys):
    fact("reached", **options)
    assert capsys.readouterr().out == printed + "\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (dict(value=0.87, more_than=0.9, unit="%"), "reached: 87 %, where the claim is more than 90 %"),
        (dict(value=0.9, more_than=0.9), "reached: 0.9, where the claim is more than 0.9"),
        (dict(value=2, less_than=2, unit="s"), "reached: 2 s, where the claim is less than 2 s"),
        (dict(value=3, more_than=1, less_than=2), "reached: 3, where the claim is between 1 and 2"),
        (dict(value=0, more_than=1, less_than=2), "reached: 0, where the claim is between 1 and 2"),
        (dict(value=float("nan"), less_than=2), "reached: nan, where the claim is less than 2"),
    ],
)
def test_a_claim_that_does_not_hold_stops_the_cell_with_the_number_and_the_claim(options, sentence, capsys):
    with pytest.raises(AssertionError, match=f"^{re.escape(sentence)}$"):
        fact("reached", **options)
    assert capsys.readouterr().out == ""


def test_a_fact_without_a_claim_is_refused():
    with pytest.raises(ValueError, match="needs a claim: more_than, less_than or both"):
        fact("reached", 0.98)


def test_numbers_of_a_table_stand_in_columns():
    rows = [measured(-1347.5, decimals=2, width=13), measured(0.18, decimals=2, width=13)]
    assert rows == ["  ≈ -1,347.50", "       ≈ 0.18"]


@pytest.mark.parametrize("text", ["{}", "<td>{}</td>", "<svg><text>{}</text></svg>", "PD control  {}  {}\nidle {}"])
def test_nbval_leaves_out_what_was_measured_and_nothing_else(text):
    def filled(value, unit):
        return text.replace("{}", measured(value, unit, decimals=2, width=14))

    values = (0.0, 0.5, -0.125, 98.7, 1234567.0, 1e21, 3e-9, -4.4e-16)
    assert len({as_compared(filled(value, "m")) for value in values}) == 1
    assert as_compared(filled(0.5, "m")) != as_compared(filled(0.5, "s"))
    assert as_compared(text.replace("{}", "12.5")) == text.replace("{}", "12.5")


def test_nbval_leaves_out_a_measured_picture_and_compares_the_one_beside_it():
    def compared(left, right, mark=measured_picture):
        pictures = (document(40, 40, "values", f"<text>\n{value}\n</text>") for value in (left, right))
        return as_compared(side_by_side([mark(next(pictures)), next(pictures)]))

    assert compared(1.0, 2.0) == compared(1.5, 2.0) != compared(1.0, 2.5)
    assert compared(1.0, 2.0, mark=str) != compared(1.5, 2.0, mark=str)
    marked = measured_picture(document(40, 40, "values", "<text>1.0</text>"))
    assert marked.alt == "values" and as_compared(marked) == "MEASURED-PICTURE"


def test_nbval_compares_the_claim(capsys):
    def compared(value, bound):
        fact("reached", value, more_than=bound, unit="%")
        return as_compared(capsys.readouterr().out)

    assert compared(0.98, 0.9) == compared(1.0, 0.9) != compared(0.98, 0.8)
    assert "98" not in compared(0.98, 0.9)


def test_a_measured_number_that_is_none_is_compared():
    assert as_compared(measured(float("nan"))) == "≈ nan"
