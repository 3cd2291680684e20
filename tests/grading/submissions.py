"""Notebooks to grade: right answers, wrong ones, and blank ones, as files with cells of one's own between."""

import functools
import json
from pathlib import Path

from rlbook.workbook.build import exercise_of, read_source

SOLUTIONS = Path(__file__).parents[2] / "solutions"


@functools.cache
def answers(chapter):
    """{exercise: its answer as the solution writes it}"""
    cells = read_source(SOLUTIONS / f"{chapter}.py").cells
    return {_id(cell): cell.source for cell in cells if cell.metadata.get("nbgrader", {}).get("solution")}


@functools.cache
def blanks(chapter):
    cells = exercise_of(read_source(SOLUTIONS / f"{chapter}.py")).cells
    return {_id(cell): cell.source for cell in cells if cell.metadata.get("nbgrader", {}).get("solution")}


def wrong(chapter):
    """Functions that answer 12345 to everything."""
    return {name: source.split('"""')[0].rstrip() + "\n    return 12345.0" for name, source in answers(chapter).items()}


def notebook(*sources, **tags):
    """The bytes of a notebook with these code cells; ``tags`` names the tags of a cell by its number, _3=["demo"]."""
    cells = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
        for source in sources
    ]
    for number, names in tags.items():
        cells[int(number[1:]) - 1]["metadata"] = {"tags": names}
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def _id(cell):
    return cell.metadata["nbgrader"]["grade_id"]
