"""A JupyterLab server and a real Chromium for the browser tests of every chapter.

Without a Chromium these tests are skipped; with RLBOOK_REQUIRE_BROWSER=1 in the environment they fail instead.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest
from jupyter_page import NotebookPage, headless_chromium, open_page, running_lab

_PATIENCE = 90_000  # milliseconds that any wait may take on a machine that has much else to do; most take a few


def _missing(reason: str):
    if os.environ.get("RLBOOK_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and RLBOOK_REQUIRE_BROWSER=1 asks for the browser tests", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium from the system, driven by Playwright."""
    with ExitStack() as stack:
        try:
            started = stack.enter_context(headless_chromium())
        except OSError as error:
            _missing(str(error))
        yield started


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    """JupyterLab on a free port, serving an empty folder, with settings of its own."""
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def context(browser):
    """One profile of the browser for all notebooks: JupyterLab's scripts are fetched and compiled once."""
    context = browser.new_context(viewport={"width": 1360, "height": 1000})
    context.set_default_timeout(_PATIENCE)
    yield context
    context.close()


@pytest.fixture
def open_notebook(context, lab):
    """`open_notebook(path)` or `open_notebook(["code", ...])`: the notebook in a fresh page, as a NotebookPage.

    After the test the page is closed and its kernel shut down.
    """
    opened = []

    def open_(source) -> NotebookPage:
        opened.append(open_page(context, lab, source))
        return opened[-1]

    yield open_
    for notebook in opened:
        notebook.page.close()
    for session in lab.ask("GET", "api/sessions"):
        lab.ask("DELETE", f"api/sessions/{session['id']}")
