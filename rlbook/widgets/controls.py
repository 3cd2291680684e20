"""The controls a panel can declare: what values each accepts, and the ipywidget that shows it.

A control is written once, in the body of the panel's class, and is then an attribute of every panel::

    class SpringPanel(Panel):
        stiffness = LogSlider("Stiffness (N/m)", 10.0, 0.1, 1000.0)
        damped = Toggle("Damped", True)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

_STYLE = {"description_width": "124px"}
_WIDTH = "320px"


def with_minus(number: float, format: str) -> str:
    """The number as a status line shows it: with the minus sign that the pictures have, not a hyphen."""
    return f"{number:{format}}".replace("-", "\N{MINUS SIGN}")


class Control:
    """One named value of a panel. `in_repr=False` leaves it out of the panel's text form."""

    name = ""
    settable = True  # by the page and from Python
    has_widget = True
    renewable = False  # whether setting the value that it has already means something

    def __init__(self, label: str, default: Any, *, help: str = "", in_repr: bool = True):
        self.label, self.default, self.help, self.in_repr = label, default, help, in_repr
        self.hidden = False

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, panel, owner=None):
        return self if panel is None else panel.values[self.name]

    def __set__(self, panel, value):
        panel.assign(self.name, value)

    def check(self, value: Any) -> Any:
        """The value as it is stored. Raises ValueError naming the value and what is accepted."""
        raise NotImplementedError

    def build(self, value: Any):
        """The ipywidget showing `value`."""
        raise NotImplementedError

    def adapt(self, widget) -> None:
        """Bring an existing widget up to date after the limits changed."""

    def from_widget(self, value: Any) -> Any:
        """The panel's value for what the widget reports."""
        return value

    def to_widget(self, value: Any) -> Any:
        """What the widget shows for the panel's value."""
        return value

    def inside(self, value: Any) -> Any:
        """The value itself, or the nearest that the present limits admit."""
        return value

    def same_position(self, reported: Any, held: Any) -> bool:
        """Whether the page merely reports the handle position nearest to the value that the panel holds."""
        return reported == held

    def _shown(self) -> dict:
        return {"description": self.label, "tooltip": self.help or self.label, "style": _STYLE}


class Slider(Control):
    """A number from `low` to `high`; whole numbers where `step` is an int.

    The step is what the handle moves by; setting the attribute from Python accepts any number in range.
    """

    widgets = "FloatSlider", "IntSlider"  # of ipywidgets, for numbers and for whole numbers

    def __init__(self, label, default, low, high, step=0.01, *, format=None, renewable=False, **options):
        super().__init__(label, default, **options)
        self.renewable = renewable
        self.low, self.high, self.step = low, high, step
        self.whole = isinstance(step, int)
        self.format = format or ("d" if self.whole else ".2f")

    def check(self, value):
        accepted = f"{'a whole number' if self.whole else 'a number'} from {self.low:g} to {self.high:g}"
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"{self.name} must be {accepted}, got {value!r}") from None
        if not (self.low <= number <= self.high) or (self.whole and number != round(number)):
            raise ValueError(f"{self.name} must be {accepted}, got {value!r}")
        return round(number) if self.whole else number

    def build(self, value):
        import ipywidgets

        return getattr(ipywidgets, self.widgets[self.whole])(
            value=value,
            min=self.low,
            max=self.high,
            step=self.step,
            readout_format=self.format,
            layout=ipywidgets.Layout(width=_WIDTH),
            **self._shown(),
        )

    def from_widget(self, value):
        return value if self.whole else round(value, 9) + 0.0  # the page counts -0.1 as -0.0999999999999996

    def inside(self, value):
        return min(max(value, self.low), self.high)

    def same_position(self, reported, held):
        return abs(reported - held) < 0.499 * self.step

    def adapt(self, widget):
        widget.max = max(self.high, widget.max)  # never an empty range on the way to the new limits
        widget.min, widget.max = self.low, self.high


class LogSlider(Slider):
    """A positive number on a logarithmic scale; `steps` handle positions per power of ten."""

    def __init__(self, label, default, low, high, steps=10, *, format=None, whole=False, **options):
        super().__init__(
            label, default, low, high, 1.0 / steps, format=format or (",.0f" if whole else ".3g"), **options
        )
        self.whole = whole

    def build(self, value):
        from ipywidgets import FloatLogSlider, Layout

        return FloatLogSlider(
            value=value,
            base=10,
            min=math.log10(self.low),
            max=math.log10(self.high),
            step=self.step,
            readout_format=self.format,
            layout=Layout(width=_WIDTH),
            **self._shown(),
        )

    def adapt(self, widget):
        widget.min, widget.max = math.log10(self.low), math.log10(self.high)

    def same_position(self, reported, held):
        return abs(math.log10(reported / held)) < 0.499 * self.step

    def from_widget(self, value):
        within = self.inside(value)  # the widget's own powers of ten may miss an end by a rounding
        return round(within) if self.whole else float(f"{within:.6g}")


class RangeSlider(Slider):
    """Two numbers, from `low` to `high`, the first not above the second; the handle between moves both."""

    widgets = "FloatRangeSlider", "IntRangeSlider"

    def check(self, value):
        try:
            first, second = value
        except (TypeError, ValueError):
            raise ValueError(f"{self.name} must be two numbers, from and to, got {value!r}") from None
        ends = super().check(first), super().check(second)
        if ends[0] > ends[1]:
            raise ValueError(f"{self.name} must be two numbers, the first not above the second, got {value!r}")
        return ends

    def from_widget(self, value):
        return tuple(super(RangeSlider, self).from_widget(end) for end in value)

    def inside(self, value):
        return tuple(super(RangeSlider, self).inside(end) for end in value)

    def same_position(self, reported, held):
        return all(abs(a - b) < 0.499 * self.step for a, b in zip(reported, held, strict=True))


class Toggle(Control):
    """True or False."""

    def check(self, value):
        if value not in (True, False):
            raise ValueError(f"{self.name} must be True or False, got {value!r}")
        return bool(value)

    def build(self, value):
        from ipywidgets import Checkbox, Layout

        return Checkbox(value=value, indent=True, layout=Layout(width=_WIDTH), **self._shown())


class Choice(Control):
    """One of a list of options."""

    def __init__(self, label, options: Sequence[Any], default=None, **more):
        super().__init__(label, options[0] if default is None else default, **more)
        self.options = tuple(options)

    def check(self, value):
        if value not in self.options:
            raise ValueError(f"{self.name} must be one of {', '.join(map(repr, self.options))}, got {value!r}")
        return value

    def build(self, value):
        from ipywidgets import Dropdown, Layout

        return Dropdown(options=self._named(), value=value, layout=Layout(width=_WIDTH), **self._shown())

    def inside(self, value):
        return value if value in self.options else self.options[0]

    def adapt(self, widget):
        widget.options = self._named()

    def _named(self) -> list[tuple[str, Any]]:
        return [(str(option), option) for option in self.options]


class Palette(Choice):
    """One of a few tools, as a row of buttons; `tips` say what each does."""

    def __init__(self, label, options, tips: Sequence[str], **more):
        super().__init__(label, options, **more)
        self.tips = tuple(tips)

    def build(self, value):
        from ipywidgets import Layout, ToggleButtons

        shown = {"style": {"button_width": "72px"}, "tooltips": self.tips, "layout": Layout(margin="0")}
        return ToggleButtons(options=self._named(), value=value, **shown)


class TextField(Control):
    """A few lines of text, read as they are written."""

    def __init__(self, label, default="", *, lines=5, **options):
        super().__init__(label, default, in_repr=False, **options)
        self.lines = lines

    def check(self, value):
        if not isinstance(value, str):
            raise ValueError(f"{self.name} must be text, got {value!r}")
        return value

    def build(self, value):
        from ipywidgets import Layout, Textarea

        shown = {**self._shown(), "style": {"description_width": "36px"}}
        return Textarea(value=value, rows=self.lines, layout=Layout(width="auto"), **shown)


class Touched(Control):
    """A value without a widget of its own: it is set by touching a picture, or from Python. `kind` is its type."""

    has_widget = False

    def __init__(self, default, kind: type = object):
        super().__init__("", default, in_repr=False)
        self.kind = kind

    def check(self, value):
        if not isinstance(value, self.kind):
            raise ValueError(f"{self.name} must be a {self.kind.__name__}, got {value!r}")
        return value


class Reading(Control):
    """A number that the panel shows and nobody sets; the panel itself does with `self.assign(name, value)`."""

    settable = False

    def __init__(self, label, default=0.0, *, format=".3f", **options):
        super().__init__(label, default, in_repr=False, **options)
        self.format = format

    def __set__(self, panel, value):
        raise ValueError(f"{self.name} only shows what is; it cannot be set")

    def check(self, value):
        return float(value)

    def build(self, value):
        from ipywidgets import HTML, Layout

        return HTML(value=self.to_widget(value), layout=Layout(width=_WIDTH), **self._shown())

    def to_widget(self, value):
        return f'<div style="text-align:right;padding-right:22px">{value:{self.format}}</div>'  # below the read-outs


class Words(Reading):
    """HTML that the panel shows in `lines` lines of small type; a long one may take more."""

    def __init__(self, *, lines: int):
        super().__init__("", "")
        self.lines = lines

    def check(self, value):
        return str(value)

    def build(self, value):
        from ipywidgets import HTML, Layout

        return HTML(value=self.to_widget(value), layout=Layout(width="auto", min_height=f"{17 * self.lines + 4}px"))

    def to_widget(self, value):
        style = "font-size:12px;line-height:17px;white-space:normal"
        return f'<div class="rlbook-equation" style="{style}">{value}</div>'
