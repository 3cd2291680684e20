"""The stored notebooks: what nbval notices in them, blank exercises, and the pairing with their sources."""

import ast
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from jupytext import TextFileContentsManager

from benchmarks.dqn import CARTPOLE
from rlbook.workbook.build import PREDICTION, QUESTION, execute, read_notebook, read_source

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAIRED = [*NOTEBOOKS, *sorted((ROOT / "solutions").glob("*.ipynb"))]
EXERCISES = sorted((ROOT / "exercises").glob("*.ipynb"))
NBVAL = ("-p", "no:cacheprovider", "-q", "--color=no", "--nbval", "--nbval-current-env")

CELLS = {
    "number": "print(6 * 7)",
    "html": "from IPython.display import HTML\nHTML('<b>value 42</b>')",
    "svg": "from IPython.display import SVG\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"><text>42</text></svg>')",
    "widget": "import ipywidgets\nipywidgets.IntSlider(value=42)",
    "png": "from matplotlib.figure import Figure\nfigure = Figure()\nfigure.text(0, 0, '42')\n"
    "from IPython.display import Image\nimport io\nfile = io.BytesIO()\nfigure.savefig(file)\n"
    "Image(file.getvalue(), format='png', metadata={})",
    "progress": "from tqdm.auto import tqdm\nfor _ in tqdm(range(42)):\n    pass",
    "object": "object()",
}


def named(path):
    return path.relative_to(ROOT).with_suffix("").as_posix()


def run_nbval(notebook) -> tuple[int, set[int], str]:
    """nbval on one notebook, as `make test` runs it: exit status, numbers of the code cells that failed, its words."""
    command = [sys.executable, "-m", "pytest", *NBVAL, "--nbval-sanitize-with", ROOT / "tests/nbval.cfg", notebook]
    run = subprocess.run(command, capture_output=True, text=True, cwd=notebook.parent, timeout=600)
    return run.returncode, {int(cell) for cell in re.findall(r"FAILED .*::Cell (\d+)", run.stdout)}, run.stdout


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A small notebook with one kind of output a cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    return execute(notebook, tmp_path_factory.mktemp("kernel"))


def altered(notebook, old, new):
    """The notebook with `old` replaced by `new` in everything its outputs store."""

    def change(value):
        if isinstance(value, dict):
            return {key: change(item) for key, item in value.items()}
        if isinstance(value, list):
            return [change(item) for item in value]
        return re.sub(old, new, value) if isinstance(value, str) else value

    copy = nbformat.from_dict(dict(notebook))
    copy.cells = [nbformat.from_dict(dict(cell)) for cell in copy.cells]
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs = nbformat.from_dict(change(cell.outputs))
    return copy


def test_an_untouched_notebook_passes_nbval(executed, tmp_path):
    nbformat.write(executed, tmp_path / "small.ipynb")
    status, failed, words = run_nbval(tmp_path / "small.ipynb")
    assert (status, failed) == (0, set()), words


def test_nbval_notices_altered_numbers_and_pictures_as_text_but_not_pixels_or_names(executed, tmp_path):
    changed = altered(executed, "42", "43")
    nbformat.write(altered(changed, r"^iVBORw0KG.*", "iVBORw0KGgo="), tmp_path / "small.ipynb")
    status, failed, words = run_nbval(tmp_path / "small.ipynb")
    noticed = {list(CELLS)[cell] for cell in failed}
    assert status == 1 and noticed == {"number", "html", "svg", "widget", "progress"}, words


@pytest.mark.skipif(not NOTEBOOKS, reason="there is no notebook yet")
def test_the_first_notebook_fails_nbval_with_one_number_altered(tmp_path):
    notebook = read_notebook(NOTEBOOKS[0])
    number, output = next(
        (number, output)
        for number, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code")
        for output in cell.outputs
        if re.search(r"[0-8]", output.get("text", ""))
    )
    output.text = re.sub(r"[0-8]", lambda digit: str(int(digit[0]) + 1), output.text, count=1)
    nbformat.write(notebook, tmp_path / "altered.ipynb")
    status, failed, words = run_nbval(tmp_path / "altered.ipynb")
    assert (status, failed) == (1, {number}), words


@pytest.mark.parametrize("path", EXERCISES, ids=named)
def test_a_blank_exercise_runs_from_top_to_bottom(path, tmp_path):
    execute(read_notebook(path), tmp_path)  # an exception in a cell is a BuildError here


@pytest.mark.parametrize("path", PAIRED, ids=named)
def test_saving_in_jupyterlab_leaves_the_source_as_it_is(path, tmp_path):
    """Students open and save notebooks that carry sources; that must neither fail nor rewrite the source."""
    shutil.copy(ROOT / "jupytext.toml", tmp_path)
    folder = tmp_path / path.parent.name
    folder.mkdir()
    for file in (path, path.with_suffix(".py")):
        shutil.copyfile(file, folder / file.name)
    os.utime(folder / path.with_suffix(".py").name, (0, 0))  # by far the older of the two, as after a late build
    manager = TextFileContentsManager(root_dir=str(tmp_path))
    model = manager.get(f"{path.parent.name}/{path.name}")
    assert any(cell.get("outputs") for cell in model["content"].cells)
    manager.save({"type": "notebook", "format": "json", "content": model["content"]}, f"{path.parent.name}/{path.name}")
    assert (folder / path.name).with_suffix(".py").read_text() == path.with_suffix(".py").read_text()
    saved, source = read_notebook(folder / path.name), read_source(path.with_suffix(".py"))
    assert [cell.source for cell in saved.cells] == [cell.source for cell in source.cells]


def predictions_without_choices(path):
    """The texts that ask to predict and are followed by code that offers no choices; a panel is tried by hand."""
    cells = read_source(path).cells
    asking = [(text, code) for text, code in pairwise(cells) if PREDICTION in text.source and code.cell_type == "code"]
    return [text.source for text, code in asking if QUESTION not in code.source and "Panel(" not in code.source]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_every_prediction_offers_choices_learns_what_came_out_and_is_counted(path):
    assert predictions_without_choices(path.with_suffix(".py")) == []
    code = "\n".join(cell.source for cell in read_source(path.with_suffix(".py")).cells if cell.cell_type == "code")
    assert code.count(QUESTION) == code.count("guess.came_out(") >= 5
    assert code.count("\npredictions()") == 1


def test_a_prediction_without_choices_is_found(tmp_path):
    (tmp_path / "small.py").write_text("# %% [markdown]\n# **Predict**: is it 4?\n\n# %%\n2 + 2\n")
    assert predictions_without_choices(tmp_path / "small.py") == ["**Predict**: is it 4?"]


def test_notebook_3_balances_by_the_recipe_that_was_measured():
    tree = ast.parse((ROOT / "notebooks" / "03_dqn.py").read_text(encoding="utf-8"))
    (recipe,) = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "recipe"
    )
    assert {each.arg: ast.literal_eval(each.value) for each in recipe.keywords} == CARTPOLE
