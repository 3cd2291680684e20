"""What a notebook prints of a measurement: the number as measured here, beside a claim that holds everywhere.

Training, contact and an arm near a singularity amplify the last bits of a processor's arithmetic until they show in
the first digits. So a reader sees the measured number behind a mark, and beside it a bound that every processor keeps:

    fact("targets reached", share, more_than=0.9, unit="%")    prints    targets reached: ≈ 98 % (more than 90 %)

The cell fails where the bound does not hold. nbval leaves out the number behind the mark (tests/nbval.cfg knows it) and
compares the rest. What every processor computes alike, whole numbers and exact solutions, is printed as it is.

A picture of measured values that is drawn as SVG, whose text nbval would compare, goes through ``measured_picture``.
"""

from __future__ import annotations

from rlbook.plots.svg import Svg

MARK = "≈"


def measured(value: float, unit: str = "", decimals: int = 0, width: int = 0) -> str:
    """A number behind the mark, "≈ 98 %"; for tables, whose claims follow as facts.

    value : one number; with the unit "%" it is a share, 0.98.   width : filled up with blanks on the left.
    Numbers that are all but 0 are shown as powers of ten, 3e-09.
    """
    form = ".0e" if 0 < abs(float(value)) < 1e-4 else f",.{decimals}f"
    return f"{MARK} {_shown(value, unit, form)}".rjust(width)


def measured_picture(picture: Svg) -> Svg:
    """The picture, marked: nbval leaves it out, alone or beside others. What it shows is claimed as facts."""
    return Svg(picture.replace("<svg ", '<svg data-measured="" ', 1), picture.alt)


def fact(
    what: str,
    value: float,
    *,
    more_than: float | None = None,
    less_than: float | None = None,
    unit: str = "",
    decimals: int = 0,
) -> None:
    """Print what was measured, the number, and the bounds that are claimed; with the unit "%" all three are shares.

    Raises AssertionError with the number and the claim where it does not hold, ValueError without a bound.
    """
    holds = (more_than is None or value > more_than) and (less_than is None or value < less_than)
    claim = _claim(more_than, less_than, unit)
    if not holds:
        raise AssertionError(f"{what}: {_shown(value, unit, '.4g')}, where the claim is {claim}")
    print(f"{what}: {measured(value, unit, decimals)} ({claim})")


def _claim(more_than: float | None, less_than: float | None, unit: str) -> str:
    if more_than is not None and less_than is not None:
        return f"between {_shown(more_than, unit, '.10g')} and {_shown(less_than, unit, '.10g')}"
    if more_than is not None:
        return f"more than {_shown(more_than, unit, '.10g')}"
    if less_than is not None:
        return f"less than {_shown(less_than, unit, '.10g')}"
    raise ValueError("a fact needs a claim: more_than, less_than or both")


def _shown(value: float, unit: str, form: str) -> str:
    number = float(value) * 100 if unit == "%" else float(value)
    return f"{number:{form}} {unit}".rstrip()
