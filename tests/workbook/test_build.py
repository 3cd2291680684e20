"""Building notebooks from their sources, on a workbook of two small files."""

import json
import textwrap

import nbformat
import pytest

from rlbook.workbook import build as build_module
from rlbook.workbook.build import BuildError, build, drift, exercise_of, find_root, read_source, sources, without_answer

LESSON = """\
# %% [markdown]
# # A lesson

# %%
import ipywidgets
from IPython.display import display

slider = ipywidgets.IntSlider(value=3, description="x")
display(slider)

# %%
print(slider.value * 2)

# %%
print(slider.value * 2)
"""

SOLUTION = """\
# %% [markdown] tags=["solution-only"]
# For teachers.

# %% nbgrader={"grade": false, "grade_id": "half", "locked": false, "schema_version": 3, "solution": true}
def half(x):
    ### BEGIN SOLUTION
    return x / 2
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "t", "locked": true, "points": 1, "schema_version": 3, "solution": false}
half(3)
"""


@pytest.fixture
def workbook(tmp_path):
    for folder in ("notebooks", "solutions"):
        (tmp_path / folder).mkdir()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "notebooks/01_small.py").write_text(LESSON)
    (tmp_path / "solutions/01_small.py").write_text(SOLUTION)
    return tmp_path


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The workbook, built once; the text of every file that came out."""
    root = tmp_path_factory.mktemp("workbook")
    (root / "pyproject.toml").touch()
    for folder, text in (("notebooks", LESSON), ("solutions", SOLUTION)):
        (root / folder).mkdir()
        (root / folder / "01_small.py").write_text(text)
    changed = [path for path, changed in build(root) if changed]
    return root, {path.relative_to(root): path.read_text() for path in changed}


@pytest.fixture
def copied(built, workbook):
    """A fresh copy of the built workbook, to spoil."""
    for path, text in built[1].items():
        (workbook / path).parent.mkdir(exist_ok=True)
        (workbook / path).write_text(text)
    return workbook


def read_json(path):
    return json.loads(path.read_text())


def edit(path, change):
    notebook = read_json(path)
    change(notebook)
    path.write_text(json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


# ------------------------------------------------------------------------------------------------------- building


def test_build_writes_executed_notebooks_and_a_blank_exercise(built):
    root, texts = built
    assert [path.as_posix() for path in texts] == [
        "notebooks/01_small.ipynb",
        "solutions/01_small.ipynb",
        "exercises/01_small.ipynb",
    ]
    lesson = nbformat.read(root / "notebooks/01_small.ipynb", as_version=4)
    assert lesson.cells[2].outputs[0].text == "6\n"
    assert [cell.execution_count for cell in lesson.cells[1:]] == [1, 2, 3]
    exercise = nbformat.read(root / "exercises/01_small.ipynb", as_version=4)
    assert [cell.cell_type for cell in exercise.cells] == ["code", "code"]
    assert exercise.cells[0].source == "def half(x):\n    # YOUR CODE HERE\n    raise NotImplementedError"
    assert exercise.cells[0].metadata.nbgrader.solution and exercise.cells[1].metadata.nbgrader.points == 1
    assert all(cell.outputs == [] and cell.execution_count is None for cell in exercise.cells)


def test_building_again_changes_no_byte(built):
    root, texts = built
    times = {path: (root / path).stat().st_mtime_ns for path in texts}
    assert not any(changed for _, changed in build(root))
    assert {path: (root / path).read_text() for path in texts} == texts
    assert {path: (root / path).stat().st_mtime_ns for path in texts} == times
    assert drift(root) == []


def test_widgets_are_stored_with_the_view_that_needs_them(built):
    lesson = nbformat.read(built[0] / "notebooks/01_small.ipynb", as_version=4)
    view = lesson.cells[1].outputs[0].data["application/vnd.jupyter.widget-view+json"]
    models = lesson.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    slider = models[view["model_id"]]
    assert slider["model_name"] == "IntSliderModel" and slider["state"]["value"] == 3
    parts = {slider["state"][part].removeprefix("IPY_MODEL_") for part in ("layout", "style")}
    assert set(models) == {view["model_id"], *parts}


def test_stored_metadata_holds_no_version_and_no_time(built):
    for text in built[1].values():
        metadata = json.loads(text)["metadata"]
        assert set(metadata) <= {"kernelspec", "language_info", "widgets"}
        assert "version" not in metadata["language_info"]
        assert '"execution"' not in text


PREDICTIONS = """\
# %% [markdown]
# **Predict**: is it 4?

# %%
predict = print
predict("4?")

# %%
2 + 2

# %%
3 + 3

# %% [markdown]
# It is.

# %%
4 + 4

# %% [markdown]
# To predict without the mark hides nothing, and a prediction that another text follows has no answer here.
#
# %% [markdown]
# **Predict** this.

# %% [markdown]
# Later.

# %%
5 + 5
"""


def test_outputs_after_a_prediction_are_stored_and_hidden_until_the_next_text(workbook):
    (workbook / "notebooks/01_small.py").write_text(PREDICTIONS)
    list(build(workbook, ["notebooks"]))
    assert drift(workbook, ["notebooks"]) == []
    stored = nbformat.read(workbook / "notebooks/01_small.ipynb", as_version=4)
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [dict(cell.metadata) for cell in code] == [{}] + [{"jupyter": {"outputs_hidden": True}}] * 2 + [{}] * 2
    assert [cell.outputs[0].data["text/plain"] for cell in code[1:]] == ["4", "6", "8", "10"]


def test_the_code_of_a_tagged_cell_is_folded_away_and_its_picture_is_not(workbook):
    source = PREDICTIONS.replace("# %%\n2 + 2", '# %% tags=["hide-input"]\n2 + 2').replace(
        "# %%\n5 + 5", '# %% tags=["hide-input"]\n5 + 5'
    )
    (workbook / "notebooks/01_small.py").write_text(source)
    list(build(workbook, ["notebooks"]))
    assert drift(workbook, ["notebooks"]) == []
    stored = nbformat.read(workbook / "notebooks/01_small.ipynb", as_version=4)
    hidden = [cell.metadata.get("jupyter", {}) for cell in stored.cells if cell.cell_type == "code"]
    answer = {"outputs_hidden": True}
    assert hidden == [{}, answer | {"source_hidden": True}, answer, {}, {"source_hidden": True}]


def test_check_names_an_answer_that_is_not_hidden_and_exercises_hide_nothing(workbook):
    (workbook / "notebooks/01_small.py").unlink()
    path = workbook / "solutions/01_small.py"
    path.write_text("# %% [markdown]\n# **Predict**\n\n# %%\n2 + 2\n")
    list(build(workbook))
    assert all("jupyter" not in cell["metadata"] for cell in read_json(workbook / "exercises/01_small.ipynb")["cells"])
    assert drift(workbook) == []
    edit(path.with_suffix(".ipynb"), lambda n: n["cells"][1]["metadata"].clear())
    assert drift(workbook) == ["solutions/01_small.ipynb: cell 2 differs from its source (metadata)"]


BARS = """\
# %%
from pathlib import Path

from tqdm.auto import tqdm

n_done = int(Path("n_done.txt").read_text())
bar = tqdm(total=10_000, desc="steps")
bar.update(n_done)
bar.set_postfix(mean_return=n_done / 3)
bar.close()

# %%
for _ in tqdm(iter(range(n_done))):
    pass
"""


def test_stored_progress_bars_tell_neither_how_far_nor_how_fast(workbook):
    """Training that ends a step earlier on another processor must not change the file."""
    (workbook / "notebooks/01_small.py").write_text(BARS)
    stored = []
    for n_done in ("7000", "10000"):
        (workbook / "notebooks/n_done.txt").write_text(n_done)
        list(build(workbook, ["notebooks"]))
        stored.append((workbook / "notebooks/01_small.ipynb").read_text())
    assert "steps:" in stored[0] and "FloatProgressModel" in stored[0]
    assert stored[0] == stored[1]


def test_a_new_cell_leaves_the_ids_of_all_others(workbook):
    path = workbook / "notebooks/01_small.py"
    before = [cell.id for cell in read_source(path).cells]
    assert len(set(before)) == 4  # the two equal cells too
    path.write_text(LESSON.replace("# %%\nimport", "# %%\n1 + 1\n\n# %%\nimport"))
    after = [cell.id for cell in read_source(path).cells]
    assert [name for name in after if name in before] == before and len(after) == 5


def test_a_cell_that_raises_is_named_and_the_old_file_stays(copied):
    lesson = copied / "notebooks/01_small.py"
    stored = copied / "notebooks/01_small.ipynb"
    before = stored.read_text()
    lesson.write_text(LESSON + "\n# %%\n1 / 0\n")
    with pytest.raises(BuildError, match=r"notebooks/01_small\.py: code cell 4 raised ZeroDivisionError"):
        list(build(copied, ["notebooks/01_small"]))
    assert stored.read_text() == before
    assert sorted(path.name for path in stored.parent.iterdir()) == ["01_small.ipynb", "01_small.py"]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(copied, monkeypatch):
    stored = copied / "exercises/01_small.ipynb"
    before = stored.read_text()

    def no_space(*_):
        raise OSError("no space left")

    monkeypatch.setattr(build_module.os, "replace", no_space)
    notebook = read_source(copied / "notebooks/01_small.py")
    with pytest.raises(OSError, match="no space"):
        build_module._write(notebook, stored)
    assert stored.read_text() == before and len(list(stored.parent.iterdir())) == 1


# ------------------------------------------------------------------------------------------------------- exercises


def test_a_starter_takes_the_place_of_the_answer():
    source = """\
    def f(x):
        ### BEGIN SOLUTION
        return x
        ### STARTER
        # y = x + 1
        #
        # if y:
        #     return y
        ### END SOLUTION
    f(1)"""
    shown = "def f(x):\n    y = x + 1\n\n    if y:\n        return y\nf(1)"
    assert without_answer(textwrap.dedent(source)) == shown


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("### BEGIN SOLUTION\n1", "without '### END SOLUTION'"),
        ("1\n### END SOLUTION", "out of place"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "out of place"),
        ("### STARTER\n# 1", "out of place"),
        ("### BEGIN SOLUTION\n1\n### STARTER\n2\n### END SOLUTION", "begin with '# '"),
    ],
)
def test_markers_that_do_not_fit_together_are_named(source, complaint):
    with pytest.raises(BuildError, match=complaint):
        without_answer(source)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"solution": true', '"solution": false', "go together"),
        ('"grade_id": "t"', '"grade_id": "half"', "grade_id of its own"),
        ('"points": 1, "schema_version": 3', '"points": 1, "schema_version": 2', "schema_version 3"),
    ],
)
def test_nbgrader_metadata_has_to_fit(workbook, old, new, complaint):
    path = workbook / "solutions/01_small.py"
    path.write_text(SOLUTION.replace(old, new))
    with pytest.raises(BuildError, match=rf"cell \d: .*{complaint}"):
        exercise_of(read_source(path))
    assert any(complaint in line for line in drift(workbook))


# ------------------------------------------------------------------------------------------------------- drift


def set_output(notebook):
    notebook["cells"][2]["outputs"] = [
        {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["no"]}
    ]


def set_path(notebook):
    notebook["cells"][2]["outputs"][0]["text"] = ["/home/me/course/notes.py:3: UserWarning\n"]


@pytest.mark.parametrize(
    ("file", "change", "line"),
    [
        ("notebooks", lambda n: n["cells"][0].update(source="# Other"), "cell 1 differs from its source (source)"),
        ("notebooks", lambda n: n["cells"][1].update(id="abc"), "cell 2 differs from its source (id)"),
        ("notebooks", lambda n: n["cells"].pop(), "3 cells, 4 in its source"),
        ("notebooks", lambda n: n["cells"][2].update(execution_count=None), "code cell 2 was not executed in order"),
        ("notebooks", lambda n: n["cells"][2].update(execution_count=7), "code cell 2 was not executed in order"),
        ("notebooks", set_output, "code cell 2 stores an error (ValueError: no)"),
        ("notebooks", set_path, "code cell 2 stores a path of the machine"),
        ("notebooks", lambda n: n["metadata"]["language_info"].update(version="3.11.7"), "changes from run to run"),
        ("solutions", lambda n: n["cells"][1]["metadata"]["nbgrader"].update(grade_id="x"), "cell 2 differs"),
        ("exercises", lambda n: n["cells"][0].update(source="def half(x):\n    return x / 2"), "cell 1 differs"),
        ("exercises", lambda n: n["cells"][1].update(execution_count=1), "outputs or metadata"),
    ],
)
def test_check_names_what_drifted(copied, file, change, line):
    assert drift(copied) == []
    edit(copied / file / "01_small.ipynb", change)
    problems = drift(copied)
    assert len(problems) == 1 and problems[0].startswith(f"{file}/01_small.ipynb: ") and line in problems[0]


def test_check_names_missing_and_orphaned_files(copied):
    (copied / "notebooks/01_small.ipynb").rename(copied / "notebooks/09_lost.ipynb")
    (copied / "exercises/01_small.ipynb").rename(copied / "exercises/08_lost.ipynb")
    assert [line.split(";")[0] for line in drift(copied)] == [
        "notebooks/01_small.ipynb: not there yet",
        "exercises/01_small.ipynb: not there yet",
        "notebooks/09_lost.ipynb: has no source notebooks/09_lost.py",
        "exercises/08_lost.ipynb: has no source solutions/08_lost.py",
    ]


@pytest.mark.parametrize("text", ["{ not json", "{}", '{"nbformat": 3, "nbformat_minor": 0, "worksheets": []}', "\0"])
def test_a_file_that_is_no_notebook_is_named_with_what_is_accepted(copied, text):
    (copied / "notebooks/01_small.ipynb").write_text(text)
    (line,) = drift(copied)
    assert line.startswith("notebooks/01_small.ipynb: ") and "nbformat 4" in line


@pytest.mark.parametrize("content", [b"print('no cells')\n", b"", b"\xff\xfe# %%\n"])
def test_a_source_without_percent_cells_is_named(copied, content):
    (copied / "notebooks/01_small.py").write_bytes(content)
    (line,) = drift(copied)
    assert line.startswith("notebooks/01_small.py: ") and ("percent cells" in line or "read as text" in line)
    with pytest.raises(BuildError):
        list(build(copied, ["notebooks"]))


# ------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], ["notebooks", "solutions"]),
        (["01_small"], ["notebooks", "solutions"]),
        (["solutions"], ["solutions"]),
        (["solutions/01_small.ipynb", "solutions/01_small"], ["solutions"]),
        (["notebooks/01_small.py"], ["notebooks"]),
    ],
)
def test_names_choose_sources(workbook, names, found):
    assert [path.parent.name for path in sources(workbook, names)] == found


def test_an_unknown_name_lists_the_known_ones(workbook):
    with pytest.raises(BuildError, match="'small'; there are: 01_small"):
        sources(workbook, ["small"])


def test_the_workbook_is_found_from_inside_and_only_there(workbook, tmp_path_factory):
    assert find_root(workbook / "notebooks") == workbook
    with pytest.raises(BuildError, match=r"no folder above it holds pyproject\.toml"):
        find_root(tmp_path_factory.mktemp("elsewhere"))
