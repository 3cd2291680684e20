"""Panels in JupyterLab, driven by keyboard and mouse as a student would."""

from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
PICTURE = ".rlbook-touch svg[role=img]"
CHANGED = f"before => document.querySelector('{PICTURE}').innerHTML !== before"


def test_dragging_gamma_by_keyboard_redraws_notebook_01(open_notebook):
    notebook = open_notebook(NOTEBOOKS / "01_mdp.ipynb")
    notebook.run_all()
    page = notebook.page
    cell = page.locator(".jp-CodeCell", has=page.locator(".widget-hslider", has_text="Discount gamma")).first
    before = cell.locator(PICTURE).first.inner_html()
    gamma = notebook.slider("Discount gamma")
    gamma.focus()
    value = float(gamma.get_attribute("aria-valuetext"))
    for _ in range(20):
        gamma.press("ArrowLeft")
    changed = f"([cell, before]) => cell.querySelector('{PICTURE}').innerHTML !== before"
    page.wait_for_function(changed, arg=[cell.element_handle(), before])
    assert abs(value - 0.2 - float(gamma.get_attribute("aria-valuetext"))) < 0.011


def test_playing_epsilon_panel_learns_and_the_kernel_stays_responsive(open_notebook):
    notebook = open_notebook(["from rlbook.widgets import EpsilonPanel\npanel = EpsilonPanel()\npanel", "6 * 7"])
    notebook.run_all()
    page = notebook.page
    before = page.locator(PICTURE).first.inner_html()
    start = notebook.status()
    notebook.button("Play").click()
    page.wait_for_function(CHANGED, arg=before)
    first = page.locator(PICTURE).first.inner_html()
    page.wait_for_function(CHANGED, arg=first)
    assert notebook.output_of(1) == "42"  # another cell runs while the panel plays
    notebook.button("Pause").click()
    notebook.button("Play").wait_for()
    assert notebook.status() != start
    notebook.button("Reset").click()
    page.wait_for_function("start => document.querySelector('.rlbook-status').innerText === start", arg=start)


def test_a_broken_update_rule_pauses_the_panel_and_says_why(open_notebook):
    code = "def my_update(q, reward, next_q, terminated, alpha, gamma):\n    return q + nonsense"
    notebook = open_notebook([code, "from rlbook.widgets import EpsilonPanel\nEpsilonPanel(update=my_update)"])
    notebook.run_all()
    notebook.button("Play").click()
    notebook.page.wait_for_selector(".rlbook-status:has-text('nonsense')")
    assert "NameError" in notebook.status() and "my_update, line 2" in notebook.status()
    assert notebook.button("Play").count() == 1


def test_running_the_cell_again_stops_the_panel_that_played(open_notebook):
    notebook = open_notebook(
        [
            "from rlbook.widgets import EpsilonPanel\nkept = []",
            "kept.append(EpsilonPanel())\nkept[-1]",
            "[panel.playing for panel in kept]",
        ]
    )
    notebook.run_all()
    notebook.button("Play").click()
    notebook.button("Pause").wait_for()
    notebook.run_cell(1)
    notebook.button("Play").wait_for()
    for _ in range(20):  # until the kernel has heard that the first panel is seen no more
        if (playing := notebook.output_of(2)) == "[False, False]":
            break
    assert playing == "[False, False]"


def test_epsilon_dragged_to_zero_while_it_plays_stays_zero(open_notebook):
    code = "from rlbook.widgets import EpsilonPanel\npanel = EpsilonPanel(speed=1000, epsilon_decay=0.999)\npanel"
    notebook = open_notebook([code, "panel.epsilon, panel.epsilon_now"])
    notebook.run_cell(0)
    notebook.button("Play").click()
    notebook.button("Pause").wait_for()
    page = notebook.page
    now = "document.querySelector('.jp-OutputArea .widget-inline-hbox.widget-html .widget-html-content').innerText"
    for target in (-400, 400, -400, 400, -400):
        box = notebook.slider("Epsilon").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + target, y, steps=8)
        page.mouse.up()
        page.wait_for_function(f"zero => (parseFloat({now}) === 0) === zero", arg=target < 0)
    assert notebook.output_of(1) == "(0.0, 0.0)"  # what was still under way has arrived
    assert float(notebook.slider("Epsilon").get_attribute("aria-valuetext")) == 0
    assert float(page.evaluate(now)) == 0
