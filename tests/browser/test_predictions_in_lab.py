"""A prediction in JupyterLab: its answer is hidden before it is made, and stands beside it afterwards."""

import json

import nbformat

SOURCES = (
    "import os\nos.environ.pop('PYTEST_VERSION', None)  # a reader sits here\n"
    "from rlbook.workbook.predictions import predict, predictions",
    "guess = predict('Is 1 + 1 two?', ['yes', 'no'])",
    "print('the answer')\nguess.came_out('yes' if 1 + 1 == 2 else 'no')",
    "predictions()",
)


def written(folder):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in SOURCES])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells[2].metadata["jupyter"] = {"outputs_hidden": True}
    notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="the answer\n")]
    notebook.cells[3].outputs = [nbformat.v4.new_output("stream", text="not hidden\n")]
    nbformat.write(notebook, folder / "asked.ipynb")
    return folder / "asked.ipynb"


def test_predict_by_mouse_and_by_keyboard(open_notebook, lab, tmp_path):
    notebook = open_notebook(written(tmp_path))
    page = notebook.page
    page.wait_for_selector(".jp-OutputArea-output >> text=not hidden")
    answer = page.locator(".jp-OutputArea-output", has_text="the answer")
    assert answer.count() == 0 or not answer.first.is_visible()
    notebook.run_cell(0)
    notebook.run_cell(1)
    page.wait_for_selector("button.jupyter-button >> text=yes")
    notebook.button("no").click()
    page.wait_for_selector("text=You said: no. Now run the next cell.")
    notebook.button("yes").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=You said: yes. Now run the next cell.")
    notebook.run_cell(2)
    page.wait_for_selector("text=You said: yes. It came out: yes.")
    assert answer.first.is_visible()
    assert notebook.button("no").is_disabled()
    notebook.run_cell(3)
    page.wait_for_selector("text=1 of 1 made, 1 came out as said")
    record = json.loads((lab.root / ".rlbook/progress.json").read_text())
    assert record["predictions"] == {"Is 1 + 1 two?": {"said": "yes", "came": "yes"}}
