"""Cells that run again, in a real kernel: what they showed before is gone from it."""

import pytest
from jupyter_client.manager import start_new_kernel

# How many widgets and how many panels the kernel holds.
COUNT = """
import gc, ipywidgets
from rlbook.widgets.panel import Panel
gc.collect()
print(len(ipywidgets.widgets.widget._instances), sum(isinstance(one, Panel) for one in gc.get_objects()))
"""


@pytest.fixture(scope="module")
def run():
    """`run(code, cell)`: what the code prints, run as the page would run that cell."""
    manager, client = start_new_kernel()

    def run_(code, cell=None):
        printed = []
        message = client.session.msg("execute_request", {"code": code, "silent": False, "store_history": True})
        message["metadata"] = {} if cell is None else {"cellId": cell}
        client.shell_channel.send(message)
        while True:
            answer = client.get_iopub_msg(timeout=60)
            if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            assert answer["msg_type"] != "error", answer["content"]
            if answer["msg_type"] == "stream" and answer["content"]["name"] == "stdout":
                printed.append(answer["content"]["text"])
            if answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
                return "".join(printed)

    run_("from IPython.display import display\nfrom rlbook.widgets import EpsilonPanel, GammaPanel\nkept = []")
    yield run_
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize(
    "code", ["panel = GammaPanel()\npanel", "EpsilonPanel()", "for _ in range(2):\n    display(GammaPanel())"]
)
@pytest.mark.parametrize("cell", ["a cell's name", None])
def test_twenty_runs_hold_what_one_run_holds(run, code, cell):
    cell = cell and f"{cell} {code}"  # some front ends do not name the cell: then its text does
    for _ in range(4):  # `_`, `__` and `___` hold the last outputs
        run(code, cell)
    first = run(COUNT)
    for _ in range(20):
        run(code, cell)
    assert run(COUNT) == first


def test_a_panel_that_the_reader_keeps_can_be_shown_again(run):
    for _ in range(2):
        run("kept.append(GammaPanel(gamma=0.5))\nkept[-1]", "keeping")
    assert run("print(kept[0].gamma, kept[0]._shell is None, kept[1]._shell is None)") == "0.5 True False\n"
    run("kept[0]", "again")
    run("kept[1]", "beside")
    assert run("print(kept[0]._shell is None)") == "False\n"
    run("kept.append(GammaPanel())\nkept[-1]", "keeping")
    assert run("print(kept[1]._shell is None)") == "False\n"  # another cell still shows it
