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
thread advances a panel that plays: learning and drawing cannot race. Whatever goes wrong in it pauses the panel and is
shown in the status line (see `worker`).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType, SimpleNamespace
from typing import Any, ClassVar

from rlbook.plots.svg import Svg, in_one, picture_size
from rlbook.widgets import cells
from rlbook.widgets.controls import Control
from rlbook.widgets.prints import Printed, listening
from rlbook.widgets.shell import Shell
from rlbook.widgets.worker import Worker, in_words

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
    point(kind, x, y)   -> the pointer is "down", moves or is "up" at this pixel of a picture; key(key) -> a key was
                           pressed on it: for the pictures that `touchable` describes, {number: what can be done there}.
    changed(name)       -> a value changed; runs at once on the thread of the event, so only set other values here.

    `buttons` maps the name of a method to the label of a button that calls it; the last `below_controls` pictures
    stand under the controls, the others beside them; `above_pictures` and `below_pictures` name the controls that stand
    with those pictures; `speed` (a number or a control) is the number of steps per second
    while playing. `dependent_limits` is True where `prepare` sets limits. Public attributes
    are declared in the class body, so that a misspelt `panel.gama = 0.5` is an error and not a silent new attribute.
    """

    below_controls = 0
    above_pictures: Sequence[str] = ()
    below_pictures: Sequence[str] = ()
    buttons: ClassVar[Mapping[str, str]] = {}
    dependent_limits = False
    frames_per_second = 30
    speed: Any = 30
    error: BaseException | None = None
    n_draws = 0
    status = ""
    touchable: Mapping[int, str] = MappingProxyType({})
    values: Mapping[str, Any] = MappingProxyType({})
    _declared: ClassVar[dict[str, Control]] = {}

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        members = (member for base in reversed(cls.__mro__) for member in vars(base).items())
        cls._declared = {name: value for name, value in members if isinstance(value, Control)}

    def __init__(self, **values):
        self._controls = {name: copy.copy(control) for name, control in self._declared.items()}
        self.values = {name: control.default for name, control in self._controls.items()}
        self._initial = dict(self.values)
        self._worker = Worker(type(self).__name__, self._next_job, self._fail, self._left_behind)
        self._signal = self._worker.signal  # guards every flag below, and the values
        self._dirty = self._playing = self._closed = False
        self._drawing_failed = False
        self._asked: list[Callable] = []  # for the worker to do before it draws again
        self._printed = Printed()
        self._frame_due = self._frame_begun = self._step_seconds = 0.0
        self._shell: Shell | None = None
        self.set(**values)
        self.start_here()

    def __setattr__(self, name, value):
        if not name.startswith("_") and not hasattr(type(self), name):
            raise AttributeError(f"{type(self).__name__} has no value {name!r}; it has {self._names()}")
        super().__setattr__(name, value)

    def __repr__(self):
        return f"{type(self).__name__}({self.in_words(self.shown)})"

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

    def point(self, kind: str, x: float, y: float) -> None:
        pass

    def key(self, key: str) -> None:
        pass

    def limit(self, name: str, **limits) -> None:
        """Change the limits of one control of this panel (`limit("sweep", high=12)`); its value moves inside them."""
        control = self._controls[name]
        with self._signal:
            for key, limit in limits.items():
                setattr(control, key, limit)
            value = control.inside(self.values[name])
            if self._shell is not None:
                self._shell.adapt(control)
            setattr(self, name, value)

    def move_on(self, name: str, seen: Any, value: Any) -> None:
        """Set a value that playing changes by itself, unless somebody changed it since it was `seen`."""
        with self._signal:
            if self.values[name] == seen:
                setattr(self, name, value)

    def start_here(self) -> None:
        """From now on reset returns to the present values."""
        self._initial = dict(self.values)

    def hide(self, *names: str) -> None:
        """Leave controls out that mean nothing for this panel's subject; setting them is then an error."""
        for name in names:
            self._controls[name].hidden = True

    # ------------------------------------------------------------------ values

    @property
    def shown(self) -> list[str]:
        """The names of the values in the panel's text form."""
        return [name for name, control in self._controls.items() if control.in_repr and not control.hidden]

    def in_words(self, names: Iterable[str]) -> str:
        """These values as Python says them: gamma=0.5, slip=0.1."""
        values = {name: self.values[name] for name in names}
        rounded = {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in values.items()}
        return ", ".join(f"{name}={value!r}" for name, value in rounded.items())

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
            return SimpleNamespace(**self.values)

    def _names(self) -> str:
        shown = (name for name, one in self._controls.items() if one.settable and not one.hidden)
        return ", ".join(shown) or "none"

    def assign(self, name: str, value: Any) -> None:
        """What setting the attribute does; for a subclass, also with a `Reading`."""
        control = self._controls[name]
        if control.hidden:
            raise ValueError(f"{name} cannot be changed here; {type(self).__name__} has {self._names()}")
        value = self._checked(control, value)
        with self._signal:
            if value == self.values[name] and not control.renewable:
                return
            self.values[name] = value
            if self._shell is not None:
                self._shell.show_value(control, value)
                if control.settable and not self._worker.is_here():  # which draws anyway
                    self._ask_to_draw()
            self.changed(name)

    def _checked(self, control: Control, value: Any) -> Any:
        try:
            return control.check(value)
        except ValueError:
            if not self.dependent_limits:
                raise
        with self._worker.turn():
            self.prepare(self.state)  # the limits may be out of date: other values were set since the last picture
        return control.check(value)

    # ------------------------------------------------------------------ pictures

    def figure(self) -> Svg | bytes:
        """The picture of the present state, drawn now; several pictures come as one."""
        return in_one(self._drawn_now(), repr(self))

    def _drawn_now(self) -> list[str | bytes]:
        with self._worker.turn():
            self.prepare(self.state)
            state = self.state
            drawn = self.draw(state)
            single = isinstance(drawn, (str, bytes)) or not isinstance(drawn, Sequence)
            pictures = [_encoded(picture) for picture in ([drawn] if single else drawn)]
            self.n_draws += 1
            if self.error is None:
                self._say(self.describe(state))
            return pictures

    def picture_width(self, number: int) -> int:
        """Pixels of one of the pictures on the page."""
        return picture_size(self._opened().picture(number))[0]

    def _say(self, words: str) -> None:
        self.status = f"{words} {self._printed}".strip()

    @property
    def widget(self):
        """The ipywidget that shows this panel, built on first use."""
        return self._opened().root

    def _opened(self) -> Shell:
        if self._shell is not None:
            return self._shell  # without waiting for the picture that may be in the making
        with self._worker.turn(), self._signal:
            if self._shell is None:
                shown = [one for one in self._controls.values() if one.has_widget and not one.hidden]
                transport = {"play": "Play", "step": "Step"} if self.playable else {}
                self._shell = Shell(
                    shown,
                    self.values,
                    {**transport, **self.buttons, "reset": "Reset"},
                    self._drawn_now(),
                    below_controls=self.below_controls,
                    above_pictures=self.above_pictures,
                    below_pictures=self.below_pictures,
                    touchable=self.touchable,
                    point=self.point,
                    key=self.key,
                    lock=self._signal,
                    moved=partial(setattr, self),
                    pressed=self.press,
                    unseen=self.pause,
                    name=repr(self),
                )
                self._show_status()
            return self._shell

    def _ipython_display_(self) -> None:
        """A still picture, then the live panel: wherever that comes up, it takes the place of the picture."""
        from IPython.display import display

        if self._closed:
            display({"text/plain": f"{self!r} (closed)"}, raw=True)
            return
        shell = self._opened()
        display({"text/html": shell.still(), "text/plain": repr(self)}, raw=True)
        display(shell.view(), raw=True)
        cells.shown(self)

    def leave_page(self) -> None:
        """Pause and take the widgets off the page, for good. Shown again, the panel gets new ones."""
        self.pause()
        with self._signal:
            shell, self._shell = self._shell, None
        if shell is not None:
            shell.close()

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
            self._worker.wake()
        self._show_transport()

    def pause(self) -> None:
        with self._signal:
            played, self._playing = self._playing, False
            self._worker.hurry()
        self._show_transport()
        if played:
            self.redraw()  # a panel may leave details out while it plays

    def step(self, n: int = 1) -> None:
        """Take n steps now, in this thread."""
        with self._worker.turn():
            self.advance(self.state, n)
            self.error = None
        self.redraw()

    def reset(self) -> None:
        """Pause, put every value back to what it was at the beginning, and start afresh."""
        self.pause()
        with self._worker.turn():
            self._start_over()
        self.redraw()

    def _start_over(self) -> None:
        with self._signal:
            for name, control in self._controls.items():
                if control.settable and not control.hidden:
                    setattr(self, name, self._initial[name])
            self.error, self.status, self._printed = None, "", Printed()
        self.restart(self.state)

    def redraw(self) -> None:
        """Ask for a new picture where one is shown; for changes that are not changes of a value."""
        with self._signal:
            if self._shell is not None:
                self._ask_to_draw()

    def press(self, name: str) -> None:
        """What the button of that name does; the work itself is done in the background."""
        if name == "play":
            (self.pause if self._playing else self.play)()
            return
        self.pause()
        with self._signal:
            if self._closed:
                return
            work = {"step": partial(self._advance, 1), "reset": self._start_over}
            self._asked.append(work.get(name) or getattr(self, name))
            self.error = None
            self._worker.wake()

    # ------------------------------------------------------------------ the background

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to draw; True if that came about within `timeout` seconds."""
        return self._worker.wait(timeout)

    def close(self) -> None:
        """Stop playing and take the panel off the page. Values and `figure()` go on working."""
        with self._signal:
            self._closed, self._dirty = True, False
        self.leave_page()
        if not self._worker.is_here():
            self._worker.wait()

    def _ask_to_draw(self) -> None:
        if not self._closed:
            self._dirty = True
            self._worker.wake()

    def _next_job(self) -> Callable | float | None:
        """For the worker: the job to do now, or the seconds until there is one, or None when nothing is left."""
        if self._closed:
            return None
        if self._asked:
            asked, self._asked = self._asked, []
            return partial(self._perform, *asked)
        left = self._frame_due - time.monotonic()
        if self._playing and left <= 0:
            return partial(self._perform, partial(self._advance, self._begin_frame()))
        if self._dirty:
            return self._perform
        return left if self._playing else None

    def _begin_frame(self) -> int:
        """Steps of the frame that begins now. A late frame makes up for the time since the last, up to a limit."""
        rate = max(float(self.speed), 1e-3)
        interval = max(1.0 / self.frames_per_second, 1.0 / rate)
        now = time.monotonic()
        elapsed = min(max(now - self._frame_begun, interval), 4 * interval)
        self._frame_begun, self._frame_due = now, now + interval
        affordable = _LONGEST_ADVANCE / self._step_seconds if self._step_seconds else 1
        return max(1, round(min(rate * elapsed, affordable)))

    def _perform(self, *work: Callable) -> None:
        """Do the work, draw the latest state, show it."""
        for piece in work:
            piece()
        self._dirty = False  # before anything is read: an event from now on asks for another picture
        if self._drawing_failed:
            self.error = None
        self._drawing_failed = True
        pictures = self._drawn_now()
        self._drawing_failed = False
        shell = self._shell
        if shell is not None:
            shell.show(pictures)
            self._show_status()
        time.sleep(_BREATH if self._playing else 0.0)

    def _advance(self, steps: int) -> None:
        begun = time.monotonic()
        with self._worker.limited(), listening(self._printed):
            going_on = self.advance(self.state, steps)
        # A little more than zero, and smoothed: one slow frame must not brake the next ones.
        self._step_seconds += 0.3 * ((time.monotonic() - begun) / steps + 1e-9 - self._step_seconds)
        if going_on is False:
            self._playing = False
            self._show_transport()

    def _fail(self, error: BaseException) -> None:
        with self._signal:
            self.error = error
            self._say(f"Paused. {in_words(error)}")
            self._playing = False
            self._asked = []
        self._show_transport()
        self._show_status()

    def _left_behind(self, error: BaseException) -> None:
        """A step does not end, and cannot be stopped: its learner is in use for good, so begin with a new one."""
        self._fail(error)
        self._asked = [lambda: self.restart(self.state)]
        self._worker.wake()

    def _show_transport(self) -> None:
        if self._shell is not None:
            self._shell.show_playing(self._playing)

    def _show_status(self) -> None:
        if self._shell is not None:
            self._shell.show_status(self.status, alarming=self.error is not None)


def _encoded(picture: Any) -> str | bytes:
    """SVG text and PNG bytes stay what they are; a Matplotlib figure becomes PNG bytes."""
    if hasattr(picture, "savefig"):
        from rlbook.plots.style import figure_png

        return figure_png(picture)
    if not isinstance(picture, (str, bytes)):
        raise ValueError(f"draw must return SVG text, PNG bytes or Matplotlib figures, got {type(picture).__name__}")
    return picture
