"""RandomizationPanel in JupyterLab: a preset, a run from training to its point on the robot, and a dragged target."""

PANEL = """
from rlbook.widgets import RandomizationPanel
panel = RandomizationPanel(steps=10_000)
panel
"""


def test_a_preset_is_chosen_a_run_leaves_its_point_and_the_target_is_dragged(open_notebook):
    notebook = open_notebook([PANEL, "print('at', panel.preset, panel.mass, len(panel.runs), panel.target_x < 0)"])
    notebook.run_all()
    page = notebook.page
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator(".widget-dropdown select").first.select_option("narrow")
    notebook.button("Train").click()
    page.wait_for_selector("text=/Run 1 narrow: .* in simulation, on the robot/", timeout=120_000)
    arm = page.locator(".rlbook-touch img").first
    arm.scroll_into_view_if_needed()
    at = arm.bounding_box()
    page.mouse.move(at["x"] + 0.7 * at["width"], at["y"] + 0.3 * at["height"])
    page.mouse.down()
    page.mouse.move(at["x"] + 0.35 * at["width"], at["y"] + 0.3 * at["height"], steps=6)
    page.mouse.up()
    notebook.button("Pause").click()
    notebook.run_cell(1)
    page.wait_for_selector("text=at narrow (0.95, 1.05) 1 True", timeout=60_000)


def test_the_panel_fits_a_small_screen(open_notebook):
    notebook = open_notebook([PANEL])
    notebook.run_all()
    page = notebook.page
    page.set_viewport_size({"width": 1280, "height": 800})
    pictures = page.locator(".rlbook-touch img, img.widget-image")
    pictures.first.wait_for()
    boxes = [pictures.nth(i).bounding_box() for i in range(pictures.count())]
    assert len(boxes) == 5
    assert max(box["x"] + box["width"] for box in boxes) <= 1280
    assert max(box["y"] + box["height"] for box in boxes) - min(box["y"] for box in boxes) <= 660
