"""The still picture of a panel: seen wherever the live panel cannot be, and nowhere beside it."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

PANELS = {
    "GammaPanel": "from rlbook.widgets import GammaPanel\nGammaPanel()",
    "EpsilonPanel": "from rlbook.widgets import EpsilonPanel\nEpsilonPanel()",
    "DQNPanel": "from rlbook.widgets import DQNPanel\nDQNPanel()",
    "MotionPanel": """from rlbook.envs.arm.controllers import PDController
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.envs.arm.recording import record_episodes
from rlbook.widgets import MotionPanel
env = ReachVectorEnv(1, max_steps=5)
MotionPanel(record_episodes(env, PDController(env, 20.0, 2.0)))""",
}


@pytest.fixture(scope="module")
def notebook():
    """A notebook of every panel, run."""
    cells = [nbformat.v4.new_code_cell(code) for code in PANELS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(notebook, timeout=120).execute()
    return notebook


def without_widget_state(notebook):
    notebook = nbformat.from_dict(notebook)
    del notebook.metadata["widgets"]
    return notebook


@pytest.mark.parametrize("as_saved", [lambda notebook: notebook, without_widget_state])
def test_every_panel_is_seen_in_html_without_a_network(notebook, as_saved, browser, tmp_path):
    page_file = tmp_path / "notebook.html"
    page_file.write_text(HTMLExporter().from_notebook_node(as_saved(notebook))[0])
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    page = context.new_page()
    page.goto(page_file.as_uri(), wait_until="domcontentloaded")
    for place, name in enumerate(PANELS):
        pictures = page.locator(".jp-CodeCell").nth(place).locator("[class^=rlbook-still] img")
        assert pictures.count() > 0, name
        for picture in pictures.all():
            assert picture.is_visible() and picture.get_attribute("alt").startswith(name)
            assert picture.evaluate("image => image.naturalWidth > 100 && image.clientWidth > 100")
    context.close()


def test_beside_the_live_panel_there_is_no_still_one(open_notebook):
    notebook = open_notebook([PANELS["GammaPanel"], PANELS["EpsilonPanel"]])
    notebook.run_cell(0)
    page = notebook.page
    page.wait_for_selector(".rlbook-touch svg[role=img]")
    still = page.locator("[class^=rlbook-still]")
    still.first.wait_for(state="hidden")
    area = page.locator(".jp-CodeCell").first.locator(".jp-OutputArea-child")
    assert [child.is_visible() for child in area.all()] == [False, True]
