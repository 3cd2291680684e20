"""What the project says about itself, in several files, has to agree."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/glossary.md",
    "docs/students.md",
    "docs/instructors.md",
    "docs/grading.md",
]
CONDA_NAMES = {"pytorch-cpu": "torch", "mujoco-python": "mujoco", "matplotlib-base": "matplotlib"}


def constraints() -> list[Requirement]:
    return [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines()]


def all_requirements() -> list[Requirement]:
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [req for lines in lists for req in map(Requirement, lines) if req.name != PROJECT["name"]]


def test_the_conda_environment_has_the_packages_of_the_project():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = [Requirement(item) for item in listed if isinstance(item, str)]
    found = {CONDA_NAMES.get(req.name, req.name): req.specifier for req in conda}
    wanted = {req.name: req.specifier for req in map(Requirement, PROJECT["dependencies"])}
    python = Requirement(f"python{PROJECT['requires-python']}").specifier
    assert found == {**wanted, "python": python, "pip": Requirement("pip").specifier}
    assert listed[-1] == {"pip": ["-e ."]}


def test_constraints_are_exact_and_leave_no_dependency_open():
    pinned = {}
    for req in constraints():
        assert [part.operator for part in req.specifier] == ["=="], f"{req} is not one exact version"
        pinned.setdefault(canonicalize_name(req.name), []).append(req)
    for req in all_requirements():
        for pin in pinned[canonicalize_name(req.name)]:
            (version,) = (part.version for part in pin.specifier)
            assert req.specifier.contains(version), f"{pin} does not fit {req}"


def test_constraints_hold_one_version_for_every_python():
    for minor in (10, 11, 12, 13):
        environment = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.9", "sys_platform": "linux"}
        names = [r.name for r in constraints() if r.marker is None or r.marker.evaluate(environment)]
        assert len(names) == len(set(names))
        needed = {req.name for req in all_requirements()}
        assert needed <= set(names), f"on Python 3.{minor}: {needed - set(names)}"


def test_torch_is_the_version_the_workbook_is_made_with():
    (torch,) = (req for req in constraints() if req.name == "torch")
    assert str(torch.specifier) == "==2.13.0"


def commands(page: str, program: str) -> set[str]:
    """The words after `program` wherever a page writes it as a command."""
    text = (ROOT / page).read_text()
    code = "\n".join([*re.findall(r"^```[a-z]*\n(.*?)^```", text, re.M | re.S), *re.findall(r"`([^`\n]+)`", text)])
    return set(re.findall(rf"(?:^|[/\\]|=1 ){program} (?!-)([a-z]+)(?![\w./])", code, re.M))


def test_pages_only_name_commands_that_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set().union(*(commands(page, "make") for page in PAGES))
    assert {"lab", "test"} <= named <= targets
    assert {"lab", "build", "start", "progress", "grade", "release"} == set().union(
        *(commands(page, "rlbook") for page in PAGES)
    )


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text()):
        if target.startswith("https:"):
            continue
        file, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / file
        assert linked.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", linked.read_text(), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}, target


def test_the_chapters_of_the_readme_are_those_that_exist_with_their_minutes():
    rows = re.findall(
        r"\(notebooks/(\w+)\.ipynb\).*?\| (\d+) \| \[\w+\]\(exercises/(\w+)\.ipynb\) \| (\d+) \|",
        (ROOT / "README.md").read_text(),
    )
    assert [row[0] for row in rows] == sorted(path.stem for path in (ROOT / "notebooks").glob("*.py"))
    for notebook, minutes, exercise, exercise_minutes in rows:
        assert f"about {minutes} minutes" in (ROOT / f"notebooks/{notebook}.py").read_text()
        assert f"about {exercise_minutes} minutes" in (ROOT / f"solutions/{exercise}.py").read_text()


def test_the_example_in_the_readme_runs():
    (example,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    namespace = {}
    exec(example, namespace)
    assert namespace["history"].returns.shape == (64, 500)
    assert namespace["plan"].V[0] == pytest.approx(0.99**5)  # the sixth step earns 1


@pytest.mark.parametrize("script", [".ci/run"])
def test_scripts_are_executable_and_parse(script):
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", ROOT / script], check=True)


@pytest.mark.parametrize("there", [True, False], ids=["all there", "nothing to be had"])
def test_continuous_integration_requires_what_is_there_and_says_what_is_not(tmp_path, there):
    programs = {
        "make": 'echo "$1 browser=$RLBOOK_REQUIRE_BROWSER sandbox=$RLBOOK_REQUIRE_SANDBOX"',
        "apt-get": "exit 1",
    }
    programs["bwrap"] = "" if there else "echo 'bwrap: No permissions to create new namespace' >&2; exit 1"
    programs |= {"chromium": ""} if there else {}
    (tmp_path / "bin").mkdir()
    for name, does in programs.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    for name in ("bash", "sh", "dirname", "id", "timeout"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    environment = {"PATH": str(tmp_path / "bin")}
    run = subprocess.run(["bash", ROOT / ".ci/run"], env=environment, capture_output=True, text=True, check=True)
    lines = [line for line in run.stdout.splitlines() if " took " not in line]
    required = "1" if there else ""
    parts = ["test", "browser", "grading", "lowest", "nbval"]
    assert lines[-5:] == [f"{part} browser={required} sandbox={required}" for part in parts]
    assert [words in run.stdout for words in ("no Chromium", "no sandbox (No permissions")] == [not there] * 2
    assert len(lines) == (5 if there else 7)


def test_make_refuses_a_python_that_is_too_old_and_says_which_fit(tmp_path):
    old = tmp_path / "python2"
    old.write_text("#!/bin/sh\n[ \"$1\" = --version ] && { echo 'Python 2.7.18'; exit 0; }\nexit 1\n")
    old.chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    run = subprocess.run(["make", "lab", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode != 0
    assert "rlbook needs Python 3.10" in run.stdout and "Python 2.7.18" in run.stdout
    assert "make lab PYTHON=python3.12" in run.stdout
    assert not (tmp_path / ".venv").exists()


def test_the_lowest_versions_that_are_tested_are_those_that_are_promised():
    """All but two large ones, PyTorch and JupyterLab, which are tested as constraints.txt has them."""
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()
    tested = {req.name: req.specifier for req in map(Requirement, lines[1:])}
    promised = {req.name: req.specifier for req in map(Requirement, PROJECT["dependencies"])}
    assert set(tested) == set(promised) - {"torch", "jupyterlab"}
    for name, specifier in tested.items():
        (version,) = (part.version for part in specifier)
        (bound,) = (part.version for part in promised[name])
        assert Version(version) == Version(bound), f"{name}: {version} is tested, {bound} is promised"
