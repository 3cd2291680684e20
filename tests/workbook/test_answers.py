"""Folded answers, in a kernel as a notebook has it."""

import nbformat
import pytest

from rlbook.workbook.build import BuildError, execute

PROSE = """\
from rlbook.workbook.answers import answer
with answer("1. Is a < b?"):
    print("Yes: 1 < 2,")
    print("always.")
"""
PICTURES = """\
from IPython.display import SVG, Image, display
from matplotlib.figure import Figure
with answer("2. Show it"):
    display(SVG('<svg xmlns="http://www.w3.org/2000/svg"><text>42</text></svg>'))
    display(Image(b"PNG of bytes", format="png"))
"""


def outputs(*cells, folder):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    return [cell.outputs for cell in execute(notebook, folder).cells]


def test_what_a_block_prints_and_shows_is_folded_under_its_question(tmp_path):
    (prose,), (pictures,) = outputs(PROSE, PICTURES, folder=tmp_path)
    page = prose.data["text/html"]
    assert page.startswith("<details><summary>1. Is a &lt; b?</summary>") and page.endswith("</details>")
    assert "Yes: 1 &lt; 2,\nalways.</div>" in page
    page = pictures.data["text/html"]
    assert "<text>42</text></svg>" in page and 'src="data:image/png;base64,UE5HIG9mIGJ5dGVz"' in page


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("from IPython.display import HTML, display; display(HTML('x'))", "only SVG and PNG"),
    ],
)
def test_a_block_that_fails_fails_its_cell(line, complaint, tmp_path):
    with pytest.raises(BuildError, match=complaint):
        outputs(PROSE, f"with answer('3.'):\n    {line}", folder=tmp_path)
