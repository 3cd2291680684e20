"""Grading on the workers of a Dask scheduler, in processes of their own, one of which is lost."""

import os
import signal

import pytest
from sandbox import needs_sandbox
from submissions import answers, blanks, notebook, wrong

from rlbook.grading.box import MIB, Limits
from rlbook.grading.intake import submissions
from rlbook.grading.run import Settings, grade_class, on_dask

distributed = pytest.importorskip("distributed", reason="distributed is not installed")

CHAPTER = "02_q_learning"
SETTINGS = Settings(3, Limits(call=5, cell=20, total=120, memory=700 * MIB))


@pytest.fixture(scope="module")
def cluster():
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "processes": True}
    with distributed.LocalCluster(**options) as cluster:
        yield cluster


@pytest.fixture
def handed_in(tmp_path):
    kinds = {"right": answers(CHAPTER), "blank": blanks(CHAPTER), "wrong": wrong(CHAPTER)}
    for i, kind in enumerate([*kinds, *kinds]):
        place = tmp_path / "in" / f"{kind}-{i}"
        place.mkdir(parents=True)
        (place / f"{CHAPTER}.ipynb").write_bytes(notebook("import numpy as np", *kinds[kind].values()))
    return submissions(tmp_path / "in")


def marks(graded):
    return {result.student: (result.status, result.marks) for _, result in graded}


@needs_sandbox
def test_dask_gives_the_same_grades_also_when_a_worker_is_killed(cluster, handed_in, tmp_path):
    here = marks(grade_class(handed_in, tmp_path / "here", SETTINGS, jobs=2))
    with on_dask(cluster.scheduler_address) as (jobs, execute):
        assert jobs == 2
        to_kill = [cluster.workers[0].process.pid]

        def kill_one_half_way(task):
            result = execute(task)
            while to_kill:
                os.kill(to_kill.pop(), signal.SIGKILL)
            return result

        there = marks(grade_class(handed_in, tmp_path / "there", SETTINGS, jobs=jobs, execute=kill_one_half_way))
    assert there == here and not to_kill
    assert {student[:5]: sum(mark.points for mark in found) for student, (_, found) in here.items()} == {
        "right": 12,
        "blank": 0,
        "wrong": 0,
    }


def test_without_a_scheduler_the_address_is_told(monkeypatch):
    client = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda address, timeout: client(address, timeout="0.5s"))
    with pytest.raises(ValueError, match="no Dask scheduler at tcp"), on_dask("tcp://127.0.0.1:1"):
        pass
