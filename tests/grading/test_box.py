"""What a box holds, and how much can be made in it."""

import numpy as np
import pytest
from sandbox import needs_sandbox

from rlbook.grading import box
from rlbook.grading.box import Box, Limits, Lost
from rlbook.grading.supervisor import libraries, library_of

pytestmark = needs_sandbox

LIMITS = Limits(files=1000)


def printed(source, seconds=30):
    """What a cell prints in a box of its own."""
    with Box(library_of(libraries(), "02_q_learning"), LIMITS) as sealed:
        reply = sealed.ask("run", seconds, source=np.frombuffer(source.encode(), dtype=np.uint8))
    assert reply["raised"] is None, reply
    return reply["printed"]


@pytest.mark.parametrize(
    "make", ["open(f'/tmp/{i}', 'w').close()", "os.mkdir(f'/dev/shm/{i}')", "os.symlink('x', f'/home/student/{i}')"]
)
def test_empty_files_are_bounded_in_number(make):
    with pytest.raises(Lost, match=r"It made more than 1,000 files\."):
        printed(f"import os\nfor i in range(10**9): {make}")


def test_some_files_are_fine_and_what_is_removed_counts_no_more():
    source = "import os\nfor i in range(3000):\n    open('x', 'w').close()\n    os.remove('x')\n"
    assert printed(source + "for i in range(900): open(f'/tmp/{i}', 'w').close()\nprint('fine')") == "fine\n"


def test_a_workbook_in_a_folder_of_the_system_is_not_there_but_its_environment_is(tmp_path, monkeypatch):
    system, workbook = tmp_path / "system", tmp_path / "system" / "share" / "workbook"
    for place in ("rlbook/mdp.py", "solutions/01.py", "tests/x.py", "pyproject.toml", "venv/kept.py", "../beside.py"):
        (workbook / place).parent.mkdir(parents=True, exist_ok=True)
        (workbook / place).write_text("answer = 42")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "linked.pth").write_text(f"{system}\n{workbook}\n{workbook / 'venv'}\n")
    monkeypatch.setattr(box.site, "getsitepackages", lambda: [str(tmp_path / "site")])
    monkeypatch.setattr(box, "ROOT", workbook / "rlbook")
    source = f"import pathlib\nprint(sorted(p.name for p in pathlib.Path({str(system)!r}).rglob('*')))"
    assert printed(source) == "['beside.py', 'kept.py', 'share', 'venv', 'workbook']\n"


def test_an_installed_package_is_hidden_and_those_beside_it_are_not(tmp_path, monkeypatch):
    (tmp_path / "rlbook").mkdir()
    monkeypatch.setattr(box, "ROOT", tmp_path / "rlbook")
    monkeypatch.setattr(box.sysconfig, "get_path", lambda name: str(tmp_path))
    assert box.folders_with_answers() == {tmp_path / "rlbook"}
    monkeypatch.setattr(box.sysconfig, "get_path", lambda name: str(tmp_path / "elsewhere"))
    assert box.folders_with_answers() == {tmp_path / "rlbook"}
