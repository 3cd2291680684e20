"""TouchPicture in JupyterLab: what mouse and keys report, in pixels of the picture."""

import pytest

SVG = """
from rlbook.plots.svg import document
picture = document(200, 100, "a plane", '<rect width="200" height="100" fill="#ccc"/>')
"""
PNG = """
from rlbook.plots.style import figure_png, new_figure
picture = figure_png(new_figure(2, 1)[0])
"""
SHOWN = """
from rlbook.widgets.touch import TouchPicture
heard = []
touched = TouchPicture(picture, "Touch me", on_point=lambda *where: heard.append(where), on_key=heard.append)
touched
"""


@pytest.mark.parametrize("picture", [SVG, PNG])
def test_a_drag_and_keys_are_reported_in_order(open_notebook, picture):
    notebook = open_notebook([picture, SHOWN, "print('heard', len(heard), heard[0], heard[-1], heard[-4:-1])"])
    page = notebook.page
    notebook.run_cell(0)
    notebook.run_cell(1)
    box = page.locator(".rlbook-touch")
    box.wait_for()
    shown = box.locator("svg, img").first.bounding_box()
    x, y = shown["x"], shown["y"]
    page.mouse.move(x + 20, y + 30)
    page.mouse.down()
    page.mouse.move(x + 120, y + 80, steps=5)
    page.mouse.move(x + 900, y + 80)  # beyond the edge: the nearest point of the picture
    page.mouse.up()
    for key in ("ArrowUp", "ArrowLeft", "Enter", "a"):
        page.keyboard.press(key)
    words = notebook.output_of(2)
    assert words.startswith("heard 11 ('down', 20"), words  # down, 5 + 1 moves, up, three keys; "a" means nothing here
    assert "('up', 200" in words and "'ArrowUp', 'ArrowLeft'" in words and "Enter" in words
    assert page.locator(".jp-CodeCell").count() == 3  # the keys did nothing else to the notebook


def test_a_new_picture_is_shown(open_notebook):
    notebook = open_notebook([SVG, SHOWN, "touched.value = picture.replace('#ccc', '#f00')"])
    notebook.run_all()
    notebook.page.wait_for_selector(".rlbook-touch rect[fill='#f00']")
