"""A notebook that is only looked at, as a page made by nbconvert without a network, shows a picture for every panel."""

from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter

from rlbook.workbook.build import read_notebook

ROOT = Path(__file__).parents[2]
NOTEBOOKS = [path for folder in ("notebooks", "solutions") for path in sorted((ROOT / folder).glob("*.ipynb"))]
VIEW = "application/vnd.jupyter.widget-view+json"
OUTPUT_CLASS = "jp-OutputArea-child"


class Pictures(HTMLParser):
    """Pictures that show without any script, for every output of the page, in order."""

    def __init__(self):
        super().__init__()
        self.outputs = []
        self.depth = 0  # of <div> inside an output
        self.in_script = False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "div":
            if self.depth:
                self.depth += 1
            elif OUTPUT_CLASS in attributes.get("class", "").split():
                self.depth = 1
                self.outputs.append(0)
        elif tag == "script":
            self.in_script = True
        elif self.depth and not self.in_script and self._shows(tag, attributes):
            self.outputs[-1] += 1

    def handle_endtag(self, tag):
        if tag == "div" and self.depth:
            self.depth -= 1
        elif tag == "script":
            self.in_script = False

    @staticmethod
    def _shows(tag, attributes):
        return tag == "svg" or (tag == "img" and attributes.get("src", "").startswith("data:image/"))


def pictures(notebook):
    """(panels, pictures that show without a script) of every cell with outputs, on the page made of a notebook."""
    page, _ = HTMLExporter(embed_images=True).from_notebook_node(notebook)
    reader = Pictures()
    reader.feed(page)
    shown = iter(reader.outputs)
    cells = []
    for cell in notebook.cells:
        if outputs := cell.get("outputs"):
            n_panels = sum(VIEW in output.get("data", {}) for output in outputs)
            cells.append((n_panels, sum(next(shown) for _ in outputs)))
    assert next(shown, None) is None
    return cells


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).with_suffix("").as_posix())
def test_every_panel_shows_a_picture_without_a_script(path):
    for n_panels, n_pictures in pictures(read_notebook(path)):
        assert n_pictures >= n_panels


def test_a_page_with_a_widget_alone_shows_nothing():
    """The reader of pages sees pictures and misses none: a widget's script is none."""

    def output(data):
        return nbformat.v4.new_output("display_data", data)

    view = {"model_id": "a" * 32, "version_major": 2, "version_minor": 0}
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><text>42</text></svg>'
    outputs = [
        output({VIEW: view, "text/plain": "Panel()"}),
        output({"image/svg+xml": svg}),
        output({"text/plain": "42"}),
    ]
    outputs.append(output({"text/html": f"<script>{svg}</script>"}))
    cells = [nbformat.v4.new_code_cell("panel", outputs=each) for each in ([outputs[0]], outputs[:2], outputs[2:], [])]
    assert pictures(nbformat.v4.new_notebook(cells=cells)) == [(1, 0), (1, 1), (0, 0)]
