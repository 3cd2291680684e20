"""The still picture of a panel is as large as the panel was told to draw, whatever is drawn and with whatever fonts.

Its width is part of a notebook's stored text, which must come out the same on every machine.
"""

import re

import matplotlib
import pytest

from rlbook import widgets
from rlbook.envs.arm.controllers import PDController
from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.envs.arm.recording import record_episodes
from rlbook.widgets.panel import Panel

PANELS = [name for name in widgets.__all__ if Panel in getattr(widgets, name).__mro__[1:]]


def made(name):
    panel = getattr(widgets, name)
    if name != "MotionPanel":
        return panel()
    env = ReachVectorEnv(2, max_steps=20)
    return panel(record_episodes(env, PDController(env, 20.0, 2.0), seed=0))


def widths(panel, displayed):
    """Of all pictures in the text that showing the panel puts into a notebook."""
    return re.findall(r'<img [^>]*?\bwidth="(\d+)"', displayed(panel)[0]["text/html"])


@pytest.mark.parametrize("name", PANELS)
def test_a_still_picture_has_the_same_size_whatever_is_drawn(name, displayed):
    panel = made(name)
    before = widths(panel, displayed)
    panel.step(40) if panel.playable else panel.drive("right")
    assert panel.wait(30)
    after = widths(panel, displayed)
    panel.close()
    assert before and before == after


@pytest.mark.parametrize("name", PANELS)
def test_a_still_picture_has_the_same_size_with_other_fonts_and_another_resolution(name, displayed):
    one = made(name)
    usual = widths(one, displayed)
    changes = {"font.family": ["monospace"], "font.size": 15, "figure.dpi": 77, "savefig.dpi": 77}
    with matplotlib.rc_context({**changes, "savefig.bbox": "tight"}):
        other = made(name)
        unusual = widths(other, displayed)
    one.close()
    other.close()
    assert usual and usual == unusual
