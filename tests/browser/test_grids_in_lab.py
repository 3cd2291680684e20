"""The grid panels in JupyterLab: painted, looked into, driven, and their runs kept, by mouse and by keys alone."""

import re

import pytest

GAMMA = "from rlbook.widgets import GammaPanel\npanel = GammaPanel(slip=0.2)\npanel"
EPSILON = "from rlbook.widgets import EpsilonPanel\npanel = EpsilonPanel(speed=2000)\npanel"
VALUE = "import re, numpy as np\nprint('now', panel.map_text.split(), f'{panel._iterates[-1][0]:.2f}')"
GREEN = """() => {
    const image = document.querySelector('img.widget-image'), canvas = document.createElement('canvas');
    if (!image.naturalWidth) return false;
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const drawn = canvas.getContext('2d');
    drawn.drawImage(image, 0, 0);
    const data = drawn.getImageData(0, 0, canvas.width, canvas.height).data;
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
        count += Math.abs(data[i]) + Math.abs(data[i + 1] - 158) + Math.abs(data[i + 2] - 115) < 30;
    }
    return count > 30;
}"""


@pytest.fixture
def small(open_notebook):
    """`small([code, ...])`: the notebook on a small screen, its first cell run; no error may come to the console."""
    complaints = []

    def small_(codes):
        notebook = open_notebook(codes)
        page = notebook.page
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_viewport_size({"width": 1280, "height": 800})
        notebook.run_cell(0)
        page.locator(".rlbook-touch svg").wait_for()
        return notebook

    yield small_
    assert complaints == []


def cell_pixel(notebook, row, column):
    """Where on the page the middle of a cell of the chapter's grid is."""
    notebook.page.locator(".rlbook-touch").scroll_into_view_if_needed()
    # In one go, because a picture may be replaced at any moment. There are 90 pixels beside the four columns.
    return notebook.page.evaluate(
        """([row, column]) => {
            const picture = document.querySelector('.rlbook-touch svg'), box = picture.getBoundingClientRect();
            const width = picture.viewBox.baseVal.width, scale = box.width / width, side = (width - 90) / 4;
            return [box.x + scale * (22 + side * (column + 0.5)), box.y + scale * (52 + side * (row + 0.5))];
        }""",
        [row, column],
    )


def numbers(notebook):
    return notebook.page.locator(".rlbook-touch svg").text_content()


def fits(notebook):
    """Everything of the panel is inside the page, and it is no higher than the notebook's window."""
    page = notebook.page
    panel = page.locator(".jp-OutputArea-output .widget-vbox").first
    box, window = panel.bounding_box(), page.locator(".jp-WindowedPanel-outer").bounding_box()
    parts = page.locator(".jp-OutputArea-output").locator("svg, img, button, input, select, textarea, .widget-hslider")
    edges = [part["x"] + part["width"] for part in (one.bounding_box() for one in parts.all()) if part]
    return max(edges) <= 1280 and box["height"] <= window["height"]


def test_walls_are_painted_by_mouse_and_by_keys_and_the_values_change(small):
    notebook = small([GAMMA, VALUE])
    page = notebook.page
    assert fits(notebook)
    before = numbers(notebook)
    page.get_by_role("button", name="Wall", exact=True).click()
    page.mouse.move(*cell_pixel(notebook, 0, 1))
    page.mouse.down()
    page.mouse.move(*cell_pixel(notebook, 1, 1), steps=4)
    page.mouse.move(*cell_pixel(notebook, 2, 1), steps=4)
    page.mouse.up()
    page.wait_for_function("text => document.querySelector('.rlbook-touch svg').textContent !== text", arg=before)
    words = notebook.output_of(1)
    assert words.startswith("now ['SX.G', '.X..', '.X..', '....']")
    assert words.split()[-1] in numbers(notebook)
    # The same without a mouse: the tools are buttons, the grid is what Tab gets to.
    notebook.button("Reset").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('textarea').value.startsWith('S..G')")
    page.get_by_role("button", name="Wall", exact=True).focus()
    page.keyboard.press("Space")
    page.locator(".rlbook-touch").focus()
    for key in ("ArrowRight", "ArrowRight", "Enter", "ArrowDown", "ArrowDown", "Space"):  # the first shows the mark
        page.keyboard.press(key)
    page.wait_for_function("() => document.querySelector('textarea').value.startsWith('SX.G\\n.X..\\n.X..')")
    assert notebook.output_of(1) == words and words.split()[-1] in numbers(notebook)
    assert page.locator(".rlbook-touch svg path[stroke-dasharray]").count() == 1


def test_a_state_is_clicked_and_its_backup_is_told_with_the_right_numbers(small):
    asked = "import numpy as np\nfrom rlbook.mdp import bellman_backup\nprint(*bellman_backup(panel._iterates[-1], "
    notebook = small([GAMMA, asked + "panel._mdp)[9].round(2))"])
    page = notebook.page
    page.mouse.click(*cell_pixel(notebook, 2, 1))
    page.wait_for_selector(".rlbook-equation:has-text('(2, 1) = max')")
    told = page.locator(".rlbook-equation").inner_text().replace("\u2212", "-").splitlines()
    Q = [float(number) for number in notebook.output_of(1).split()]
    assert [float(line.split("= ")[-1]) for line in told[1:5]] == pytest.approx(Q, abs=0.011)
    assert float(re.search(r"= (-?[\d.]+), from", told[0])[1]) == pytest.approx(max(Q), abs=0.011)
    assert "0.8·(-0.1 + 0.99·" in told[2]


def test_a_pasted_map_is_read_or_refused_in_a_sentence(small):
    notebook = small([EPSILON, "print(panel.world.shape, panel._agent.Q.shape)"])
    page, field = notebook.page, notebook.page.locator("textarea")
    field.fill("S..\n.X")
    page.wait_for_selector(".rlbook-equation:has-text('rows of lengths [3, 2]; accepted are equal lengths')")
    field.fill("S..\n.XG")
    page.wait_for_selector(".rlbook-touch svg[aria-label*='2 rows and 3 columns']")
    assert notebook.output_of(1) == "(2, 3) (6, 4)"


def test_a_run_is_kept_and_both_curves_are_there(small):
    notebook = small([EPSILON, "print(list(panel._kept), len(panel._env.lengths) > 5)"])
    page = notebook.page
    assert fits(notebook)
    page.mouse.click(*cell_pixel(notebook, 0, 2))  # looked into while it learns
    notebook.button("Play").click()
    page.wait_for_selector(".rlbook-status:has-text('Last 20 episodes')")
    assert "Last update: s = (0, 2)" in page.locator(".rlbook-equation").inner_text()
    notebook.button("Keep run").click()
    notebook.button("Reset").click()
    page.wait_for_selector(".rlbook-status:has-text('Episode 1, step 0')")
    notebook.slider("Epsilon").focus()
    page.keyboard.press("Home")  # else the next curve would lie on the kept one
    notebook.button("Play").click()
    page.wait_for_selector(".rlbook-status:has-text('Last 20 episodes')")
    notebook.button("Pause").click()
    page.wait_for_function(GREEN)
    assert notebook.output_of(1) == "['1: as at first'] True"


def test_the_robot_is_driven_with_the_arrow_keys(small):
    code = "from rlbook.widgets import DrivePanel\npanel = DrivePanel()\npanel"
    notebook = small([code, "print([step.action for step in panel.path])"])
    page = notebook.page
    assert fits(notebook)
    page.locator(".rlbook-touch").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowRight"):  # into the obstacle, and back
        page.keyboard.press(key)
    page.wait_for_selector(".rlbook-status:has-text('Steps: 4. Return so far, the sum of the rewards: \u22125.3')")
    assert "2. right: to (1, 0), reward \u22125" in page.locator(".rlbook-equation").inner_text()
    page.mouse.click(*cell_pixel(notebook, 0, 3))  # to the right
    page.mouse.click(*cell_pixel(notebook, 0, 3))
    page.wait_for_selector(".rlbook-status:has-text('The episode is over: the goal')")
    assert notebook.output_of(1) == "['down', 'right', 'up', 'right', 'right', 'right']"
    page.locator(".rlbook-touch").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".rlbook-status:has-text('Steps: 0')")
