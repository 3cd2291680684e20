"""DQNPanel in JupyterLab: it learns in the background, a switch is flipped, the curve moves, the kernel answers."""

CURVE = "document.querySelectorAll('.jp-OutputArea img.widget-image')[0].src"  # under the controls, before the maps


def test_flipping_a_switch_while_it_learns(open_notebook):
    notebook = open_notebook(
        ["from rlbook.widgets import DQNPanel\npanel = DQNPanel(speed=1000)\npanel", "print('switch:', panel.double)"]
    )
    notebook.run_all()
    page, first = notebook.page, notebook.page.evaluate(CURVE)
    notebook.button("Play").click()
    page.wait_for_function(f"before => {CURVE} !== before", arg=first)
    page.get_by_role("checkbox", name="Double DQN").uncheck()
    flipped = page.evaluate(CURVE)
    page.wait_for_function(f"before => {CURVE} !== before", arg=flipped)
    # The kernel answers while the panel goes on learning.
    assert notebook.output_of(1) == "switch: False"
    notebook.button("Pause").click()
    page.wait_for_selector("text=/training steps, .* episodes?/")


def test_a_narrow_page_does_not_squeeze_the_maps(open_notebook):
    notebook = open_notebook(["from rlbook.widgets import DQNPanel\nDQNPanel()"])
    notebook.page.set_viewport_size({"width": 760, "height": 1000})
    notebook.run_all()
    map_ = notebook.page.locator(".jp-OutputArea img.widget-image").nth(2)
    map_.wait_for()
    shown = map_.evaluate("i => [i.clientWidth, i.naturalWidth, getComputedStyle(i).objectFit]")
    assert shown[0] <= shown[1] and shown[2] == "contain"
