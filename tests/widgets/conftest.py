"""What the tests of all panels use."""

import threading

import pytest


@pytest.fixture(autouse=True)
def no_threads_left():
    """Every test ends with the threads it began with: a panel at rest has none."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and thread.name.endswith("-worker")]
    for thread in left:
        thread.join(5)
    assert not any(thread.is_alive() for thread in left), f"still running: {left}"


@pytest.fixture
def slide():
    """`slide(panel, "gamma", 0.5)`: what the page does when a student drags that slider."""

    def slide_(panel, name, value):
        panel.widget  # noqa: B018  built on first use
        panel._shell._inputs[name].set_state({"value": value})

    return slide_


@pytest.fixture
def shown():
    """`shown(panel)`: the pictures on the page at this moment."""
    return lambda panel: [picture.value for picture in panel._shell._pictures]


@pytest.fixture
def displayed(monkeypatch):
    """`displayed(panel)`: the outputs that showing it in a notebook gives."""

    def displayed_(panel):
        outputs = []
        monkeypatch.setattr("IPython.display.display", lambda data, raw: outputs.append(data))
        panel._ipython_display_()
        return outputs

    return displayed_
