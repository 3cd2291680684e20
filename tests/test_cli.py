"""The command line, called as a program would be."""

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from rlbook import cli
from rlbook.workbook.build import read_notebook


@pytest.fixture
def workbook(tmp_path, monkeypatch):
    for folder in ("notebooks", "solutions"):
        (tmp_path / folder).mkdir()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "notebooks/01_small.py").write_text("# %%\nprint(1 + 1)\n")
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def test_build_says_what_it_wrote_and_check_then_agrees(workbook, capsys):
    assert cli.main(["build", "--check"]) == 1
    assert capsys.readouterr().out == "notebooks/01_small.ipynb: not there yet\n"
    assert cli.main(["build"]) == 0
    assert capsys.readouterr().out.startswith("notebooks/01_small.ipynb: written")
    assert cli.main(["build", "01_small"]) == 0
    assert capsys.readouterr().out.startswith("notebooks/01_small.ipynb: unchanged")
    assert cli.main(["build", "--check"]) == 0


def test_a_problem_is_one_message_and_status_1(workbook, capsys):
    assert cli.main(["build", "02_big"]) == 1
    assert capsys.readouterr().err == "rlbook: no notebook is called '02_big'; there are: 01_small\n"


@pytest.mark.parametrize("arguments", [[], ["grade"], ["build", "--fast"]])
def test_only_commands_and_options_that_exist_are_accepted(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert "usage: rlbook" in capsys.readouterr().err


@pytest.mark.parametrize("root", [False, True])
def test_lab_opens_the_first_notebook_and_passes_options_on(workbook, monkeypatch, capsys, root):
    from jupyterlab.labapp import LabApp

    started = []
    monkeypatch.setattr(cli.os, "geteuid", lambda: 0 if root else 1000, raising=False)
    allowed = ["--allow-root"] if root else []
    monkeypatch.setattr(LabApp, "launch_instance", lambda arguments: started.append(arguments))
    folder = f"--ServerApp.root_dir={workbook}"
    assert cli.main(["lab"]) == 0
    (workbook / "notebooks/01_small.ipynb").touch()
    assert cli.main(["lab", "--no-browser", "--port", "8890"]) == 0
    assert started == [
        [folder, *allowed],
        [str(workbook / "notebooks/01_small.ipynb"), folder, *allowed, "--no-browser", "--port", "8890"],
    ]
    said = capsys.readouterr().out.splitlines()
    assert len(said) == (2 if root else 0) and all("allows JupyterLab to run so" in line for line in said)


def test_lab_trusts_the_workbooks_own_notebooks(workbook, monkeypatch):
    import nbformat
    from jupyterlab.labapp import LabApp
    from nbformat.sign import NotebookNotary

    monkeypatch.setenv("JUPYTER_DATA_DIR", str(workbook / "data"))
    monkeypatch.setattr(LabApp, "launch_instance", lambda arguments: None)
    cli.main(["build"])
    notebook = nbformat.read(workbook / "notebooks/01_small.ipynb", as_version=4)
    assert not NotebookNotary().check_signature(notebook)
    cli.main(["lab"])
    assert NotebookNotary().check_signature(notebook)


def test_lab_trusts_the_notebooks_of_the_workbook_and_no_others(workbook, monkeypatch):
    """A damaged one must not keep JupyterLab from opening."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(workbook / "data"))
    assert cli.main(["build"]) == 0
    own = read_notebook(workbook / "notebooks/01_small.ipynb")
    foreign = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("from elsewhere")])
    nbformat.write(foreign, workbook / "notebooks/99_foreign.ipynb")
    (workbook / "notebooks/02_damaged.py").write_text("# %%\n1\n")
    (workbook / "notebooks/02_damaged.ipynb").write_text("{")
    cli.trust_notebooks(workbook)
    notary = NotebookNotary()
    assert notary.check_signature(own) and not notary.check_signature(foreign)
