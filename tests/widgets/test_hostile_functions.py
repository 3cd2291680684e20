"""Whatever the reader's function does, the panel says so, goes on, and never blocks the thread that asks it to."""

import sys
import threading
import time

import numpy as np
import pytest

from rlbook.returns import td_error
from rlbook.widgets import EpsilonPanel, worker
from rlbook.widgets.prints import Printed, listening


@pytest.fixture
def impatient(monkeypatch):
    """Functions that do not return are given little time, so that the test takes little."""
    monkeypatch.setattr(worker, "PATIENCE", 1.0)
    monkeypatch.setattr(worker, "SHORT_PATIENCE", 0.5)


class Misbehaving:
    """The right update rule, but for one call that goes wrong."""

    def __init__(self, misdeed):
        self.misdeed, self.calls = misdeed, 0

    def __call__(self, q, reward, next_q, terminated, alpha, gamma):
        self.calls += 1
        if self.calls == 3:
            return self.misdeed(q)
        return q + alpha * td_error(q, reward, next_q.max(axis=1), terminated, gamma)


def playing_with(misdeed):
    """A panel on a page that plays with such a rule, until it pauses."""
    rule = Misbehaving(misdeed)
    panel = EpsilonPanel(update=rule, speed=50)
    panel.widget  # noqa: B018
    panel.press("play")
    deadline = time.monotonic() + 60
    while (panel.error is None or panel.playing) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert panel.wait(30) and not panel.playing
    return panel, rule


def works_again(panel, rule):
    """Reset and play do what they should."""
    calls = rule.calls
    begun = time.monotonic()
    panel.press("reset")
    panel.press("play")
    assert time.monotonic() - begun < 0.4  # asking costs no time
    deadline = time.monotonic() + 60
    while rule.calls < calls + 10 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert panel.playing and panel.error is None and "Paused" not in panel.status
    panel.press("play")
    assert panel.wait(30)
    return rule.calls >= calls + 10


def raise_(error):
    raise error


def endless_loop(q):
    while True:
        pass


def endless_and_deaf(q):
    for _ in range(4):
        try:
            time.sleep(1)
        except BaseException:
            pass
    return q


@pytest.mark.parametrize(
    "error",
    [
        SystemExit("once"),
        KeyboardInterrupt(),
        GeneratorExit(),
        StopIteration(),
        ValueError("two\nlines"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_it_raises_is_said(error):
    panel, rule = playing_with(lambda q: raise_(error))
    assert panel.status.startswith("Paused. ") and type(error).__name__ in panel.status
    assert "\n" not in panel.status and "(in raise_, line " in panel.status
    assert "white-space:normal" in panel._shell._status.value  # a line that wraps
    assert works_again(panel, rule)


def test_an_exception_that_cannot_be_written_down_is_said_too():
    class Wordless(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    panel, rule = playing_with(lambda q: raise_(Wordless()))
    assert "Wordless" in panel.status and works_again(panel, rule)


def test_an_endless_message_is_cut():
    panel, _ = playing_with(lambda q: raise_(ValueError("x" * 1_000_000)))
    assert len(panel.status) < 600


@pytest.mark.parametrize("misdeed", [endless_loop, endless_and_deaf, lambda q: time.sleep(6)])
def test_a_function_that_never_returns_is_stopped(misdeed, impatient):
    panel, rule = playing_with(misdeed)
    assert "a step did not end and was stopped" in panel.status and ", line " in panel.status
    assert works_again(panel, rule)


def test_asking_for_something_else_does_not_wait_for_it(monkeypatch):
    monkeypatch.setattr(worker, "PATIENCE", 60.0)
    monkeypatch.setattr(worker, "SHORT_PATIENCE", 0.5)
    rule = Misbehaving(endless_loop)
    panel = EpsilonPanel(update=rule, speed=50)
    panel.widget  # noqa: B018
    panel.press("play")
    while rule.calls < 3:
        time.sleep(0.01)
    begun = time.monotonic()
    panel.gamma = 0.5
    panel.press("reset")
    assert time.monotonic() - begun < 0.4
    assert panel.wait(30) and works_again(panel, rule)


def test_python_code_that_wants_the_panel_gets_it_soon(impatient):
    rule = Misbehaving(endless_and_deaf)
    panel = EpsilonPanel(update=rule, speed=50)
    panel.widget  # noqa: B018
    panel.press("play")
    while rule.calls < 3:
        time.sleep(0.01)
    begun = time.monotonic()
    panel.reset()
    assert time.monotonic() - begun < 5 and panel.figure()
    assert panel.wait(30)
    panel.close()


@pytest.mark.parametrize(
    "answer",
    [
        lambda q: None,
        lambda q: "high",
        lambda q: np.full_like(q, np.nan),
        lambda q: np.full_like(q, np.inf),
        lambda q: np.zeros(7),
        lambda q: np.zeros((1, 4)),
        lambda q: [object()],
    ],
)
def test_nonsense_is_refused_and_does_no_harm(answer):
    panel, rule = playing_with(answer)
    assert panel.status.startswith("Paused. ")
    assert works_again(panel, rule)


def test_a_rule_may_change_what_it_is_given():
    def careless(q, reward, next_q, terminated, alpha, gamma):
        target = reward + gamma * (1 - terminated) * next_q.max(axis=1)
        q += alpha * (target - q)
        next_q[:], reward[:] = 99.0, 99.0
        return q

    panel, usual = EpsilonPanel(update=careless), EpsilonPanel()
    panel.step(300)
    usual.step(300)
    assert np.allclose(panel._agent.action_values(), usual._agent.action_values())


def test_what_it_prints_is_told_in_the_status_and_floods_nobody(capsys):
    def chatty(q, reward, next_q, terminated, alpha, gamma):
        for i in range(1000):
            print("line", i)
        print("careful", file=sys.stderr)
        return q

    panel = EpsilonPanel(update=chatty, speed=50)
    panel.widget  # noqa: B018
    panel.press("step")
    assert panel.wait(30)
    print("the reader's own")  # another thread prints as ever
    assert panel.status.endswith("Printed 1,001 lines, the last: careful")
    assert capsys.readouterr() == ("the reader's own\n", "")
    panel.press("reset")
    assert panel.wait(30) and "Printed" not in panel.status


def test_lines_are_counted_however_they_are_written():
    printed = Printed()
    for text in ("one", " line\n", "two\n\n", "unfinished"):
        printed.write(text)
    assert (printed.n_lines, printed.last) == (3, "two") and str(printed) == "Printed 3 lines, the last: two"
    printed.write("x" * 10_000 + "\n")
    assert len(printed.last) == 200


def test_only_the_listening_thread_is_heard(capsys):
    printed, go = Printed(), threading.Event()
    other = threading.Thread(target=lambda: (go.wait(5), print("from the other")))
    other.start()
    with listening(printed):
        print("from this one")
        go.set()
        other.join()
    print("afterwards")
    assert printed.last == "from this one" and capsys.readouterr().out == "from the other\nafterwards\n"
