"""A JupyterLab server, a Chromium, and a notebook open in both: for browser tests and for what is measured there."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_STARTUP_SECONDS = 90


@contextmanager
def headless_chromium() -> Iterator:
    """The system's Chromium, driven by Playwright. Raises OSError where one of the two is not there."""
    executable = os.environ.get("RLBOOK_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if executable is None:
        raise OSError("there is no Chromium on this machine")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise OSError("Playwright is not installed") from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        yield browser
        browser.close()


@dataclass
class Lab:
    """A running server: its address, its token, and the folder that it serves."""

    url: str
    token: str
    root: Path

    def ask(self, method: str, path: str):
        """The answer of the server's own interface; None where it has nothing to say."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}/{path}", headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")


@contextmanager
def running_lab(home: Path) -> Iterator[Lab]:
    """JupyterLab on a free port, serving an empty folder inside home, with settings of its own."""
    root, settings = home / "root", home / "settings" / "@jupyterlab" / "apputils-extension"
    root.mkdir()
    settings.mkdir(parents=True)
    # No question about news on the first visit: it would cover the notebook.
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"),
        *(f"--ServerApp.root_dir={root}", f"--LabApp.user_settings_dir={home / 'settings'}"),
        f"--LabApp.workspaces_dir={home / 'workspaces'}",
    ]
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_RUNTIME_DIR": str(home / "run")}
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=root)
    try:
        _wait_until_up(f"http://127.0.0.1:{port}/api?token={token}", server, home / "server.log")
        yield Lab(f"http://127.0.0.1:{port}", token, root)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait_until_up(url: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + _STARTUP_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


class NotebookPage:
    """One notebook, open in JupyterLab; `page` is Playwright's."""

    def __init__(self, page):
        self.page = page

    def run_all(self, timeout: float = 120) -> None:
        """Run all cells and wait until the kernel is idle; an error in any cell fails the test."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.wait_idle(timeout)
        errors = self.page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']")
        assert errors.count() == 0, errors.first.inner_text()

    def run_cell(self, index: int) -> None:
        """Run one cell, counted from 0 (from the end if negative), as a hand would."""
        cells = self.page.locator(".jp-CodeCell")
        cells.nth(index % cells.count()).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def output_of(self, index: int) -> str:
        """Run one cell and wait for it; what it printed, or its value."""
        cell = self.page.locator(".jp-CodeCell").nth(index)
        before = cell.locator(".jp-InputPrompt").inner_text()
        self.run_cell(index)
        self.page.wait_for_function(
            """([index, before]) => {
                const prompt = document.querySelectorAll('.jp-CodeCell')[index].querySelector('.jp-InputPrompt');
                return /\\[\\d+\\]/.test(prompt.innerText) && prompt.innerText !== before;
            }""",
            arg=[index, before],
        )
        return cell.locator(".jp-OutputArea-output").inner_text().strip()

    def wait_for_kernel(self) -> None:
        """Wait until the status bar says that a kernel is there and idle."""
        self.page.wait_for_selector("text=/\\| Idle$/")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")

    def wait_idle(self, timeout: float = 120) -> None:
        """Wait until every code cell has run (its prompt shows a number) and the kernel has nothing to do.

        A folded cell shows no prompt.
        """
        self.page.wait_for_function(
            """() => {
                const cells = [...document.querySelectorAll('.jp-CodeCell')];
                const open = cells.filter(cell => !cell.querySelector('.jp-InputPlaceholder'));
                const prompts = open.map(cell => cell.querySelector('.jp-InputPrompt')?.textContent ?? '');
                const status = document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status;
                return prompts.length > 0 && prompts.every(text => /\\[\\d+\\]/.test(text)) && status === 'idle';
            }""",
            timeout=1000 * timeout,
        )

    def slider(self, label: str):
        """The handle of the slider with that label: focus it and press arrow keys."""
        return self.page.locator(".widget-hslider", has_text=label).locator(".noUi-handle").first

    def button(self, label: str):
        return self.page.locator("button.jupyter-button", has_text=re.compile(rf"^\s*{label}$"))

    def status(self) -> str:
        return self.page.locator(".rlbook-status").first.inner_text()


def open_page(context, lab: Lab, source) -> NotebookPage:
    """A notebook (its path, or a list of cells of code) in a fresh page of the browser, its kernel idle."""
    name = f"{secrets.token_hex(4)}.ipynb"
    if isinstance(source, (str, Path)):
        shutil.copy(source, lab.root / name)
    else:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in source])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, lab.root / name)
    page = context.new_page()
    page.goto(f"{lab.url}/doc/tree/{name}?token={lab.token}")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    opened = NotebookPage(page)
    opened.wait_for_kernel()
    return opened
