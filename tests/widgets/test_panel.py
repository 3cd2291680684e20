"""The base of all panels: values, live redrawing, playing, errors, threads."""

import base64
import io
import re
import threading
import time

import numpy as np
import pytest
from PIL import Image

from rlbook.plots.style import figure_png, new_figure
from rlbook.plots.svg import document
from rlbook.widgets.controls import Choice, LogSlider, Slider, Toggle
from rlbook.widgets.panel import Panel


class Counter(Panel):
    """Counts to `top`; its picture is its state."""

    level = Slider("Level", 0.5, 0.0, 2.0)
    count = Slider("Count", 0, 0, 10_000, step=1)
    rate = LogSlider("Rate", 0.1, 0.001, 1.0)
    on = Toggle("On", True)
    kind = Choice("Kind", ("plain", "fancy"))
    speed = Slider("Speed", 100, 1, 100_000, step=1, in_repr=False)
    buttons = {"add_ten": "Add ten"}  # noqa: RUF012
    fail_in = top = slow = None

    def draw(self, state):
        if self.slow:
            time.sleep(self.slow)
        if self.fail_in == "draw":
            raise RuntimeError("the pen broke")
        return document(
            60, 40, "state", f"<text>{state.level:g} {state.count} {state.rate:g} {state.on} {state.kind}</text>"
        )

    def describe(self, state):
        return f"count {state.count}"

    def advance(self, state, n):
        if self.fail_in == "advance":
            raise RuntimeError("lost\nthe way")
        self.count = state.count + n
        return self.top is None or self.count < self.top

    def restart(self, state):
        self.restarted = True

    restarted = False

    def add_ten(self):
        self.count += 10


def decoded(shown):
    """The pictures in what was displayed."""
    return [base64.b64decode(data) for data in re.findall(r";base64,([^\"]+)", shown["text/html"])]


def test_values_are_attributes_and_the_text_form_is_stable():
    panel = Counter(level=1.25)
    assert repr(panel) == "Counter(level=1.25, count=0, rate=0.1, on=True, kind='plain')"
    panel.level, panel.kind = 0.1 + 0.2, "fancy"
    assert repr(panel) == "Counter(level=0.3, count=0, rate=0.1, on=True, kind='fancy')"


@pytest.mark.parametrize("name, value", [("level", 1.5), ("count", 3), ("rate", 0.5), ("on", False), ("kind", "fancy")])
def test_every_value_changes_the_picture(name, value):
    panel = Counter()
    before = panel.figure()
    setattr(panel, name, value)
    assert panel.figure() != before


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("level", 3, "level must be a number from 0 to 2, got 3"),
        ("level", float("nan"), "level must be a number from 0 to 2, got nan"),
        ("level", "high", "level must be a number from 0 to 2, got 'high'"),
        ("count", 1.5, "count must be a whole number from 0 to 10000, got 1.5"),
        ("rate", 0, "rate must be a number from 0.001 to 1, got 0"),
        ("on", "yes", "on must be True or False, got 'yes'"),
        ("kind", "odd", "kind must be one of 'plain', 'fancy', got 'odd'"),
    ],
)
def test_bad_values_are_refused_by_name(name, value, message):
    panel = Counter()
    with pytest.raises(ValueError) as refused:
        setattr(panel, name, value)
    assert str(refused.value) == message
    assert getattr(panel, name) == getattr(Counter(), name)


def test_misspelt_names_are_errors():
    with pytest.raises(AttributeError, match="no value 'levle'; it has level"):
        Counter().levle = 1
    with pytest.raises(ValueError, match="no value 'levle'"):
        Counter(levle=1)


def test_hidden_controls_cannot_be_set_and_are_not_shown():
    panel = Counter()
    panel.hide("rate")
    with pytest.raises(ValueError, match="rate cannot be changed here"):
        panel.rate = 0.5
    assert "rate" not in repr(panel) and "rate" not in panel._opened()._inputs


def test_sliders_and_attributes_follow_each_other(slide):
    panel = Counter()
    panel.widget  # noqa: B018
    panel.level = 1.5
    assert panel._shell._inputs["level"].value == 1.5
    slide(panel, "level", 0.25)
    assert panel.level == 0.25
    slide(panel, "rate", 1.0)
    assert panel.rate == 1.0
    slide(panel, "on", False)
    assert panel.on is False
    assert panel.wait(5)


def test_a_value_between_two_handle_positions_survives_the_page_rounding_it(slide):
    panel = Counter()
    panel.widget  # noqa: B018
    panel.level = 0.98214
    slide(panel, "level", 0.98)  # the page shows the nearest position, and reports that
    assert panel.level == 0.98214
    slide(panel, "level", 0.99)
    assert panel.level == 0.99
    assert panel.wait(5)


def test_a_value_that_plays_by_itself_gives_way_to_a_hand(slide):
    panel = Counter()
    panel.widget  # noqa: B018
    seen = panel.count
    slide(panel, "count", 500)
    panel.move_on("count", seen, 1)
    assert panel.count == 500
    panel.move_on("count", 500, 501)
    assert panel.count == panel._shell._inputs["count"].value == 501
    assert panel.wait(5)


def test_a_value_written_while_an_event_is_taken_does_not_replace_it(slide):
    """A widget takes an event in several steps; the worker writes to it between two of them, or rather waits."""
    panel = Counter()
    panel.widget  # noqa: B018
    handle, writers = panel._shell._inputs["level"], []
    first_part = handle.set_trait

    def set_trait(name, value):
        first_part(name, value)
        if not writers:
            writers.append(threading.Thread(target=panel.move_on, args=("level", 0.5, 0.4)))
            writers[0].start()
            writers[0].join(0.3)

    handle.set_trait = set_trait
    slide(panel, "level", 2.0)
    writers[0].join(5)
    assert panel.level == handle.value == 2.0
    assert panel.wait(5)


def test_the_page_cannot_leave_limits_that_changed_meanwhile(slide):
    panel = Counter()
    panel.widget  # noqa: B018
    panel._controls["count"].high = 10  # the widget's own limit follows a little later
    slide(panel, "count", 400)
    assert panel.count == 10
    assert panel.wait(5)


def test_no_thread_until_something_happens(displayed):
    before = threading.active_count()
    panel = Counter()
    panel.figure()
    panel.widget  # noqa: B018
    displayed(panel)
    assert threading.active_count() == before


def test_values_set_without_a_page_draw_nothing():
    panel = Counter()
    panel.level = 1.0
    assert panel.n_draws == 0 and panel.wait(0)


def test_200_rapid_events_are_merged_and_the_last_one_wins(slide, shown):
    panel = Counter()
    panel.slow = 0.01
    panel.widget  # noqa: B018
    drawn = panel.n_draws
    for k in range(200):
        slide(panel, "level", k / 100)
    assert panel.wait(5)
    assert 1 <= panel.n_draws - drawn < 50
    assert "1.99 " in shown(panel)[0]


def test_events_do_not_wait_for_the_drawing(slide):
    panel = Counter()
    panel.widget  # noqa: B018
    panel.slow = 0.3
    slide(panel, "level", 1.0)
    time.sleep(0.05)  # the worker is in the middle of its picture
    begun = time.perf_counter()
    slide(panel, "level", 1.5)
    assert time.perf_counter() - begun < 0.15
    assert panel.wait(5)


@pytest.mark.parametrize("stage", ["prepare", "draw"])
def test_an_event_in_the_middle_of_a_picture_is_drawn_after_it(stage, slide, shown):
    class Prepared(Counter):
        prepared = 0.5

        def prepare(self, state):
            self.prepared = state.level
            time.sleep(0.1 if stage == "prepare" else 0)

        def draw(self, state):
            time.sleep(0.1 if stage == "draw" else 0)
            return document(60, 40, "state", f"<text>{self.prepared:g}</text>")

    panel = Prepared()
    for level in (1.0, 1.5):
        slide(panel, "level", level)
        time.sleep(0.05)
    assert panel.wait(5) and ">1.5<" in shown(panel)[0]


def test_it_is_displayed_as_a_picture_and_a_widget(displayed):
    picture, live = displayed(Counter())
    assert picture["text/plain"] == "Counter(level=0.5, count=0, rate=0.1, on=True, kind='plain')"
    assert decoded(picture)[0].startswith(b"<svg ")
    assert set(live) == {"application/vnd.jupyter.widget-view+json"}
    assert displayed(Counter()) != [picture, live] and displayed(Counter())[0] == picture  # the same in every run
    assert displayed(Counter(level=1.0))[0] != picture
    closed = Counter()
    closed.close()
    assert displayed(closed) == [{"text/plain": f"{closed!r} (closed)"}]


def test_play_advances_until_it_is_over(shown):
    panel = Counter(speed=100_000)
    panel.top = 500
    panel.widget  # noqa: B018
    panel.play()
    assert panel._shell._transport["play"].description == "Pause"
    assert panel.wait(10) and not panel.playing and panel.count >= 500
    assert f" {panel.count} " in shown(panel)[0] and panel.status == f"count {panel.count}"
    assert panel._shell._transport["play"].description == "Play"


def test_pause_stops_and_the_speed_is_kept():
    panel = Counter(speed=200)
    panel.play()
    time.sleep(1.0)
    panel.pause()
    assert panel.wait(5)
    assert 60 <= panel.count <= 260  # 200 are due; a busy machine gives fewer, never many more
    held = panel.count
    time.sleep(0.1)
    assert panel.count == held


def test_buttons_step_reset_and_own_ones(shown):
    panel = Counter(count=5)
    panel.widget  # noqa: B018
    buttons = panel._shell._transport
    assert list(buttons) == ["play", "step", "add_ten", "reset"]
    buttons["step"].click()
    assert panel.wait(5) and panel.count == 6
    buttons["add_ten"].click()
    assert panel.wait(5) and panel.count == 16 and " 16 " in shown(panel)[0]
    buttons["reset"].click()
    assert panel.wait(5) and panel.count == 5 and panel.restarted and " 5 " in shown(panel)[0]
    buttons["play"].click()
    buttons["play"].click()
    assert panel.wait(5) and not panel.playing


def test_step_takes_n_steps_at_once():
    panel = Counter()
    panel.step(7)
    assert panel.count == 7


def test_an_error_while_playing_pauses_and_is_shown_in_one_line():
    panel = Counter()
    panel.widget  # noqa: B018
    panel.fail_in = "advance"
    panel.play()
    assert panel.wait(5) and not panel.playing
    assert panel.status.startswith("Paused. RuntimeError: lost the way (in advance, line ")
    assert "lost the way" in panel._shell._status.value and panel._shell._transport["play"].description == "Play"
    assert isinstance(panel.error, RuntimeError)
    panel.fail_in = None
    panel.press("step")
    assert panel.wait(5) and panel.error is None and panel.status == "count 1"


def test_an_error_stays_on_show_when_a_slider_moves(slide):
    panel = Counter()
    panel.widget  # noqa: B018
    panel.fail_in = "advance"
    panel.press("step")
    assert panel.wait(5)
    slide(panel, "level", 1.0)
    assert panel.wait(5) and "lost the way" in panel._shell._status.value


def test_an_error_in_drawing_goes_away_when_drawing_works_again(slide, shown):
    panel = Counter()
    panel.widget  # noqa: B018
    panel.fail_in = "draw"
    slide(panel, "level", 1.0)
    assert panel.wait(5) and "the pen broke" in panel.status
    panel.fail_in = None
    slide(panel, "level", 1.5)
    assert panel.wait(5) and panel.error is None and "1.5 " in shown(panel)[0]


def test_errors_of_direct_calls_reach_the_caller():
    panel = Counter()
    panel.fail_in = "advance"
    with pytest.raises(RuntimeError):
        panel.step()


def test_close_stops_a_playing_panel_and_values_go_on_working():
    panel = Counter(speed=1000)
    panel.widget  # noqa: B018
    panel.play()
    panel.close()
    assert panel.wait(0) and not panel.playing
    panel.level = 1.75
    assert "1.75 " in panel.figure() and panel.wait(0)


def test_a_panel_that_nobody_sees_any_more_pauses():
    panel = Counter()
    panel.widget.set_state({"_view_count": 1})
    panel.play()
    panel.widget.set_state({"_view_count": 0})
    assert not panel.playing and panel.wait(5)


def test_limits_may_change():
    panel = Counter(count=50)
    panel.widget  # noqa: B018
    panel.limit("count", high=20)
    assert panel.count == 20 and panel._shell._inputs["count"].max == 20
    with pytest.raises(ValueError, match="from 0 to 20"):
        panel.count = 21
    panel.limit("count", high=100)
    panel.count = 90
    assert panel.wait(5)


def test_several_pictures_of_both_kinds(displayed):
    class Two(Panel):
        size = Slider("Size", 1.0, 0.0, 2.0)

        def draw(self, state):
            figure, axes = new_figure(2, 1)
            axes.plot([0, state.size])
            return document(50, 40, "first", "<text>first</text>"), figure_png(figure)

    panel = Two()
    assert "data:image/png;base64," in panel.figure() and ">first<" in panel.figure()
    svg, png = decoded(displayed(panel)[0])  # apart, so that the text is the same on every machine
    assert svg.startswith(b"<svg ") and png.startswith(b"\x89PNG")


def test_pictures_that_are_all_png_join():
    class Twice(Panel):
        size = Slider("Size", 1.0, 0.0, 2.0)

        def draw(self, state):
            figure, _ = new_figure(2, 1)
            return [figure, figure]

    panel = Twice()
    assert np.asarray(Image.open(io.BytesIO(panel.figure()))).shape == (100, 416, 3)


def test_the_last_pictures_can_stand_under_the_controls():
    class Three(Counter):
        below_controls = 1

        def draw(self, state):
            return [super().draw(state)] * 3

    controls, beside = Three().widget.children[0].children
    assert len(beside.children) == 2 and [type(child).__name__ for child in controls.children[-2:]] == ["HBox", "HTML"]
    controls, beside = Counter().widget.children[0].children
    assert len(beside.children) == 1 and type(controls.children[-1]).__name__ == "HBox"


def test_draw_must_return_pictures():
    class Wrong(Panel):
        def draw(self, state):
            return 3

    with pytest.raises(ValueError, match="draw must return"):
        Wrong().figure()
