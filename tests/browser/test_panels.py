"""Panels in JupyterLab, driven by keyboard and mouse as a student would."""

from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
PICTURE = ".widget-html svg[role=img]"
CHANGED = f"before => document.querySelector('{PICTURE}').innerHTML !== before"


def test_dragging_gamma_by_keyboard_redraws_notebook_01(open_notebook):
    notebook = open_notebook(NOTEBOOKS / "01_mdp.ipynb")
    notebook.run_all()
    before = notebook.page.locator(PICTURE).first.inner_html()
    gamma = notebook.slider("Discount gamma")
    gamma.focus()
    value = float(gamma.get_attribute("aria-valuetext"))
    for _ in range(20):
        gamma.press("ArrowLeft")
    notebook.page.wait_for_function(CHANGED, arg=before, timeout=10_000)
    assert abs(value - 0.2 - float(gamma.get_attribute("aria-valuetext"))) < 0.011


def test_playing_epsilon_panel_learns_and_the_kernel_stays_responsive(open_notebook):
    notebook = open_notebook(["from rlbook.widgets import EpsilonPanel\npanel = EpsilonPanel()\npanel", "6 * 7"])
    notebook.run_all()
    page = notebook.page
    before = page.locator(PICTURE).first.inner_html()
    start = notebook.status()
    notebook.button("Play").click()
    page.wait_for_function(CHANGED, arg=before, timeout=10_000)
    first = page.locator(PICTURE).first.inner_html()
    page.wait_for_function(CHANGED, arg=first, timeout=10_000)
    page.locator(".jp-CodeCell").nth(1).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")  # another cell runs while the panel plays
    page.wait_for_function(
        "() => /\\[3\\]/.test(document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')[1].textContent)", timeout=10_000
    )
    notebook.button("Pause").click()
    notebook.button("Play").wait_for(timeout=10_000)
    assert notebook.status() != start
    notebook.button("Reset").click()
    page.wait_for_function(
        "start => document.querySelector('.rlbook-status').innerText === start", arg=start, timeout=10_000
    )


def test_a_broken_update_rule_pauses_the_panel_and_says_why(open_notebook):
    code = "def my_update(q, reward, next_q, terminated, alpha, gamma):\n    return q + nonsense"
    notebook = open_notebook([code, "from rlbook.widgets import EpsilonPanel\nEpsilonPanel(update=my_update)"])
    notebook.run_all()
    notebook.button("Play").click()
    notebook.page.wait_for_selector(".rlbook-status:has-text('nonsense')", timeout=10_000)
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
    notebook.button("Pause").wait_for(timeout=10_000)
    cells = notebook.page.locator(".jp-CodeCell")
    cells.nth(1).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+Enter")
    notebook.button("Play").wait_for(timeout=10_000)
    notebook.page.wait_for_timeout(500)
    cells.nth(2).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+Enter")
    notebook.page.wait_for_selector("text=[False, False]", timeout=10_000)


def test_epsilon_dragged_to_zero_while_it_plays_stays_zero(open_notebook):
    notebook = open_notebook(
        ["from rlbook.widgets import EpsilonPanel\npanel = EpsilonPanel(speed=1000, epsilon_decay=0.999)\npanel"]
    )
    notebook.run_all()
    notebook.button("Play").click()
    notebook.button("Pause").wait_for(timeout=10_000)
    page = notebook.page
    now = "document.querySelector('.jp-OutputArea .widget-inline-hbox.widget-html .widget-html-content').innerText"
    for target in (-400, 400, -400, 400, -400):
        box = notebook.slider("Epsilon").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + target, y, steps=8)
        page.mouse.up()
        page.wait_for_function(f"zero => (parseFloat({now}) === 0) === zero", arg=target < 0, timeout=20_000)
    page.wait_for_timeout(1000)  # what was still under way has arrived
    assert float(notebook.slider("Epsilon").get_attribute("aria-valuetext")) == 0
    assert float(page.evaluate(now)) == 0
