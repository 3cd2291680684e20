"""What a reader sees on opening a notebook: its question and a picture, before any code."""

from pathlib import Path

import pytest
from nbformat.sign import NotebookNotary

from rlbook.workbook.build import read_notebook

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_screen_shows_the_question_and_a_whole_picture(path, open_notebook):
    NotebookNotary().sign(read_notebook(path))  # as `rlbook lab` does: stored SVG is shown of trusted notebooks only
    page = open_notebook(path).page
    page.set_viewport_size({"width": 1280, "height": 800})
    question = page.locator(".jp-MarkdownCell strong", has_text="?").first
    assert question.is_visible()
    first = page.locator(".jp-CodeCell").first
    picture = first.locator(".jp-OutputArea img, .jp-OutputArea svg[role=img]").first
    picture.wait_for(state="visible")
    box, height = picture.bounding_box(), page.viewport_size["height"]
    assert box["width"] > 300 and box["height"] > 100
    assert question.bounding_box()["y"] > 0 and box["y"] + box["height"] < height
    assert not first.locator(".cm-content").is_visible()  # its code is behind a click
    first.locator(".jp-Placeholder").click()
    first.locator(".cm-content").wait_for(state="visible")
