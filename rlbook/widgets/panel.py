"""What every panel shares: named values, pictures, a shell of sliders and buttons, and live redrawing.

A panel is a plain object. Its values are attributes, `figure()` draws the present state at once, and nothing of it
needs a browser::

    class CirclePanel(Panel):
        radius = Slider("Radius (m)", 1.0, 0.1, 2.0)

        def draw(self, state):
            return circle_svg(state.radius)

    panel = CirclePanel(radius=0.5)
    panel.radius = 1.5
    panel.figure()

Shown in a notebook it becomes live. An event there only stores the new value; one worker thread draws the latest state
and ends when there is nothing left to draw, so that events arriving while it draws are merged, never queued. The same
thread advances a panel that plays: learning and drawing cannot race. An exception in it pauses the panel and is shown
in the status line.
"""

from __future__ import annotations

import base64
import copy
import functools
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from rlbook.plots.svg import Svg
from rlbook.widgets.controls import Control
from rlbook.widgets.shell import Shell, in_one

_PACKAGE = str(Path(__file__).resolve().parents[1])
_BREATH = 0.002  # seconds left to the kernel's own thread after every frame
_LONGEST_ADVANCE = 0.02  # seconds of stepping between two pictures: where steps are slow, `speed` is not reached


class Panel:
    """Base of all panels. A subclass declares controls (see `controls`) and overrides what it needs of:

    draw(state)         -> one picture or several: SVG text, PNG bytes or a Matplotlib figure, always in the same order
                           and of the same size. `state` is a snapshot of all values (`state.gamma`).
    describe(state)     -> one line of plain text under the pictures.
    advance(state, n)   -> take n steps of whatever the panel plays; return False when it is over. Declaring this
                           method gives the panel its play, step and reset buttons. It may set values (`self.sweep`).
    prepare(state)      -> called before every drawing; the place for what must be computed when values have changed,
                           and for limits that depend on it (`self.limit`). It may set values.
    restart(state)      -> forget what was learned or played; called by reset after the values are back at their start.
    changed(name)       -> a value changed; runs at once on the thread of the event, so only set other values here.

    `buttons` maps the name of a method to the label of a button that calls it; the last `below_controls` pictures
    stand under the controls, the others beside them; `speed` (a number or a control) is the number of steps per second
    while playing. `dependent_limits` is True where `prepare` sets limits. Public attributes
    are declared in the class body, so that a misspelt `panel.gama = 0.5` is an error and not a silent new attribute.
    """

    below_controls = 0
    buttons: ClassVar[Mapping[str, str]] = {}
    dependent_limits = False
    frames_per_second = 30
    speed: Any = 30
    error: Exception | None = None
    n_draws = 0
    status = ""
    _declared: ClassVar[dict[str, Control]] = {}

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Control)}
        cls._declared = {**cls._declared, **own}

    def __init__(self, **values):
        self._controls = {name: copy.copy(control) for name, control in self._declared.items()}
        self._values = {name: control.default for name, control in self._controls.items()}
        self._initial = dict(self._values)
        self._signal = threading.Condition(threading.RLock())  # guards every flag below, and the values
        self._work = threading.RLock()  # held while drawing or advancing
        self._worker: threading.Thread | None = None
        self._dirty = self._playing = self._closed = False
        self._drawing_failed = False
        self._steps_asked = 0
        self._frame_due = self._frame_begun = self._step_seconds = 0.0
        self._shell: Shell | None = None
        self.set(**values)
        self.start_here()

    def __setattr__(self, name, value):
        if not name.startswith("_") and not hasattr(type(self), name):
            raise AttributeError(f"{type(self).__name__} has no value {name!r}; it has {self._names()}")
        super().__setattr__(name, value)

    def __repr__(self):
        shown = [name for name, control in self._controls.items() if control.in_repr and not control.hidden]
        values = (self._values[name] for name in shown)
        rounded = [float(f"{value:.4g}") if isinstance(value, float) else value for value in values]
        pairs = ", ".join(f"{name}={value!r}" for name, value in zip(shown, rounded, strict=True))
        return f"{type(self).__name__}({pairs})"

    # ------------------------------------------------------------------ for subclasses

    def draw(self, state: SimpleNamespace):
        raise NotImplementedError

    def prepare(self, state: SimpleNamespace) -> None:
        pass

    def describe(self, state: SimpleNamespace) -> str:
        return ""

    def advance(self, state: SimpleNamespace, n: int):
        raise NotImplementedError

    def restart(self, state: SimpleNamespace) -> None:
        pass

    def changed(self, name: str) -> None:
        pass

    def limit(self, name: str, **limits) -> None:
        """Change the limits of one control of this panel (`limit("sweep", high=12)`); its value moves inside them."""
        control = self._controls[name]
        with self._signal:
            for key, limit in limits.items():
                setattr(control, key, limit)
            value = control.inside(self._values[name])
            if self._shell is not None:
                self._shell.adapt(control)
            setattr(self, name, value)

    def move_on(self, name: str, seen: Any, value: Any) -> None:
        """Set a value that playing changes by itself, unless somebody changed it since it was `seen`."""
        with self._signal:
            if self._values[name] == seen:
                setattr(self, name, value)

    def start_here(self) -> None:
        """From now on reset returns to the present values."""
        self._initial = dict(self._values)

    def hide(self, *names: str) -> None:
        """Leave controls out that mean nothing for this panel's subject; setting them is then an error."""
        for name in names:
            self._controls[name].hidden = True

    # ------------------------------------------------------------------ values

    def set(self, **values) -> None:
        """Set several values by name."""
        for name, value in values.items():
            if name not in self._controls:
                raise ValueError(f"{type(self).__name__} has no value {name!r}; it has {self._names()}")
            setattr(self, name, value)

    @property
    def state(self) -> SimpleNamespace:
        """A snapshot of all values."""
        with self._signal:
            return SimpleNamespace(**self._values)

    def _names(self) -> str:
        shown = (name for name, control in self._controls.items() if control.settable and not control.hidden)
        return ", ".join(shown) or "none"

    def _assign(self, name: str, value: Any) -> None:
        control = self._controls[name]
        if control.hidden:
            raise ValueError(f"{name} cannot be changed here; {type(self).__name__} has {self._names()}")
        value = self._checked(control, value)
        with self._signal:
            if value == self._values[name] and not control.renewable:
                return
            self._values[name] = value
            if self._shell is not None:
                self._shell.show_value(control, value)
                if control.settable and threading.current_thread() is not self._worker:  # which draws anyway
                    self._dirty = True
                    self._wake()
            self.changed(name)

    def _checked(self, control: Control, value: Any) -> Any:
        try:
            return control.check(value)
        except ValueError:
            if not self.dependent_limits:
                raise
        with self._work:
            self.prepare(self.state)  # the limits may be out of date: other values were set since the last picture
        return control.check(value)

    # ------------------------------------------------------------------ pictures

    def figure(self) -> Svg | bytes:
        """The picture of the present state, drawn now; several pictures come as one."""
        return in_one(self._drawn_now(), repr(self))

    def _render(self, state: SimpleNamespace) -> list[str | bytes]:
        with self._work:
            drawn = self.draw(state)
            single = isinstance(drawn, (str, bytes)) or not isinstance(drawn, Sequence)
            pictures = [_encoded(picture) for picture in ([drawn] if single else drawn)]
            self.n_draws += 1
            if self.error is None:
                self.status = self.describe(state)
            return pictures

    def _drawn_now(self) -> list[str | bytes]:
        with self._work:
            self.prepare(self.state)
            return self._render(self.state)

    @property
    def widget(self):
        """The ipywidget that shows this panel, built on first use."""
        return self._opened().root

    def _opened(self) -> Shell:
        if self._shell is not None:
            return self._shell  # without waiting for the picture that may be in the making
        with self._work, self._signal:
            if self._shell is None:
                self._shell = Shell(self, self._drawn_now())
            return self._shell

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, Any]:
        if self._closed:
            return {"text/plain": f"{self!r} (closed)"}
        bundle = {"text/plain": repr(self)}
        picture = self._opened().first_picture()
        if isinstance(picture, bytes):
            bundle["image/png"] = base64.b64encode(picture).decode("ascii")
        else:
            bundle["image/svg+xml"] = str(picture)
        view = self.widget._repr_mimebundle_() or {}
        return {**bundle, **{kind: data for kind, data in view.items() if kind != "text/plain"}}

    # ------------------------------------------------------------------ playing

    @property
    def playable(self) -> bool:
        return type(self).advance is not Panel.advance

    @property
    def playing(self) -> bool:
        return self._playing

    def play(self) -> None:
        """Advance by `speed` steps a second in the background until paused or over."""
        if not self.playable:
            raise ValueError(f"{type(self).__name__} has nothing to play")
        with self._signal:
            if self._closed or self._playing:
                return
            self.error = None
            self._playing = True
            self._frame_begun = self._frame_due = time.monotonic()
            self._wake()
        self._show_transport()

    def pause(self) -> None:
        with self._signal:
            played, self._playing = self._playing, False
            self._steps_asked = 0
            self._signal.notify_all()
        self._show_transport()
        if played:
            self.redraw()  # a panel may leave details out while it plays

    def step(self, n: int = 1) -> None:
        """Take n steps now, in this thread."""
        with self._work:
            self.advance(self.state, n)
            self.error = None
        self.redraw()

    def reset(self) -> None:
        """Pause, put every value back to what it was at the beginning, and start afresh."""
        self.pause()
        with self._work:
            with self._signal:
                for name, control in self._controls.items():
                    if control.settable and not control.hidden:
                        setattr(self, name, self._initial[name])
                self.error, self.status = None, ""
            self.restart(self.state)
        self.redraw()

    def redraw(self) -> None:
        """Ask for a new picture where one is shown; for changes that are not changes of a value."""
        with self._signal:
            if self._shell is not None:
                self._dirty = True
                self._wake()

    def press(self, name: str) -> None:
        """What the button of that name does."""
        {"play": self._toggle_play, "step": self._ask_step, "reset": self.reset}.get(
            name, functools.partial(self._call, name)
        )()

    def _toggle_play(self) -> None:
        (self.pause if self._playing else self.play)()

    def _ask_step(self) -> None:
        with self._signal:
            self._playing = False
            self.error = None
            self._steps_asked += 1
            self._wake()
        self._show_transport()

    def _call(self, name: str) -> None:
        try:
            with self._work:
                getattr(self, name)()
        except Exception as error:
            self._fail(error)
        self.redraw()

    # ------------------------------------------------------------------ the worker

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to draw; True if that came about within `timeout` seconds."""
        with self._signal:
            return self._signal.wait_for(lambda: self._worker is None, timeout)

    def close(self) -> None:
        """Stop the worker and take the panel off the page. Values and `figure()` go on working."""
        self.pause()
        with self._signal:
            self._closed = True
            self._dirty = False
            worker, shell, self._shell = self._worker, self._shell, None
            self._signal.notify_all()
        if worker is not None and worker is not threading.current_thread():
            worker.join()
        if shell is not None:
            shell.close()

    def _wake(self) -> None:
        if self._closed:
            return
        if self._worker is None:
            self._worker = threading.Thread(target=self._run, name=f"{type(self).__name__}-worker", daemon=True)
            self._worker.start()
        self._signal.notify_all()

    def _run(self) -> None:
        while (steps := self._next_steps()) is not None:
            try:
                self._perform(steps)
            except Exception as error:
                self._fail(error)

    def _next_steps(self) -> int | None:
        """Wait for something to do: how many steps to take before drawing; None, for good, when nothing is left."""
        with self._signal:
            while True:
                if self._closed or not (self._playing or self._dirty or self._steps_asked):
                    self._worker = None
                    self._signal.notify_all()
                    return None
                if self._steps_asked:
                    steps, self._steps_asked = self._steps_asked, 0
                    return steps
                left = self._frame_due - time.monotonic()
                if self._playing and left <= 0:
                    return self._begin_frame()
                if self._dirty:
                    return 0
                self._signal.wait(left)

    def _begin_frame(self) -> int:
        """Steps of the frame that begins now. A late frame makes up for the time since the last, up to a limit."""
        rate = max(float(self.speed), 1e-3)
        interval = max(1.0 / self.frames_per_second, 1.0 / rate)
        now = time.monotonic()
        elapsed = min(max(now - self._frame_begun, interval), 4 * interval)
        self._frame_begun, self._frame_due = now, now + interval
        affordable = _LONGEST_ADVANCE / self._step_seconds if self._step_seconds else 1
        return max(1, round(min(rate * elapsed, affordable)))

    def _perform(self, steps: int) -> None:
        """Take the steps, draw the latest state, show it."""
        with self._work:
            if steps and self._timed_advance(steps) is False:
                self._playing = False
                self._show_transport()
            self._dirty = False  # before anything is read: an event from now on asks for another picture
            if self._drawing_failed:
                self.error = None
            self._drawing_failed = True
            self.prepare(self.state)
            pictures = self._render(self.state)
            self._drawing_failed = False
        shell = self._shell
        if shell is not None:
            shell.show(pictures)
        time.sleep(_BREATH if self._playing else 0.0)

    def _timed_advance(self, steps: int):
        begun = time.monotonic()
        going_on = self.advance(self.state, steps)
        # A little more than zero, and smoothed: one slow frame must not brake the next ones.
        self._step_seconds += 0.3 * ((time.monotonic() - begun) / steps + 1e-9 - self._step_seconds)
        return going_on

    def _fail(self, error: Exception) -> None:
        with self._signal:
            self.error = error
            self.status = f"Paused. {_one_line(error)}"
            self._playing = False
            self._steps_asked = 0
        self._show_transport()
        if self._shell is not None:
            self._shell.show_status()

    def _show_transport(self) -> None:
        if self._shell is not None:
            self._shell.show_playing(self._playing)


def _encoded(picture: Any) -> str | bytes:
    """SVG text and PNG bytes stay what they are; a Matplotlib figure becomes PNG bytes."""
    if hasattr(picture, "savefig"):
        from rlbook.plots.style import figure_png

        return figure_png(picture)
    if not isinstance(picture, (str, bytes)):
        raise ValueError(f"draw must return SVG text, PNG bytes or Matplotlib figures, got {type(picture).__name__}")
    return picture


def _one_line(error: Exception) -> str:
    """The error in one line, with the place in the reader's own code where it happened."""
    words = " ".join(str(error).split()) or "no message"
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_PACKAGE) and "site-packages" not in frame.filename
    ]
    place = f" (in {own[-1].name}, line {own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {words}{place}"
