"""The ipywidgets around a panel: controls on the left, pictures beside or under them, one status line below.

Every size is fixed when the shell is built, so that nothing on the page moves while it is live; only an error may take
more than one line.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ipywidgets import HTML, Button, HBox, Image, Layout, VBox, Widget

from rlbook.plots.svg import picture_size
from rlbook.widgets.controls import Control
from rlbook.widgets.touch import TouchPicture

CONTROLS_WIDTH = 332  # pixels
_BUTTON = {"width": "auto", "min_width": "74px", "margin": "2px 4px 2px 0"}
_ICONS = {"play": "play", "step": "step-forward", "reset": "undo"}


class Shell:
    """The widgets of one panel, and the way values and pictures get into them.

    controls, values : what to show, and where it begins. buttons : {name: label}. pictures : the first ones, the last
        `below_controls` of which stand under the controls. name : of the panel, in text.
    above_pictures, below_pictures : names of the controls that stand there and not on the left.
    touchable : {number of a picture: what can be done there}; these call point(kind, x, y) and key(key), see `touch`.
    lock : held while an event is taken, so that no value of another thread comes between.
    moved(name, value), pressed(name), unseen() : a control was moved, a button pressed, the last view is gone.
    """

    def __init__(
        self,
        controls: Sequence[Control],
        values: Mapping[str, Any],
        buttons: Mapping[str, str],
        pictures: Sequence[str | bytes],
        *,
        below_controls: int,
        above_pictures: Sequence[str],
        below_pictures: Sequence[str],
        touchable: Mapping[int, str],
        point: Callable[[str, float, float], None],
        key: Callable[[str], None],
        lock,
        moved: Callable[[str, Any], None],
        pressed: Callable[[str], None],
        unseen: Callable[[], None],
        name: str,
    ):
        self._values, self._lock, self._moved, self._name = values, lock, moved, name
        self._inputs = {control.name: self._build_input(control) for control in controls}
        self._transport = {key: _build_button(key, label, pressed) for key, label in buttons.items()}
        self._pictures = [
            TouchPicture(picture, touchable[i], on_point=point, on_key=key)
            if i in touchable
            else _build_picture(picture)
            for i, picture in enumerate(pictures)
        ]
        self._status = HTML(layout=Layout(width="auto", min_height="24px", margin="0"))
        self.root = self._arrange(below_controls, above_pictures, below_pictures)
        self.root._view_count = 0  # ask the page to count the places that show this panel
        # The last view is gone, because the cell was run again or removed: do not play to nobody.
        self.root.observe(lambda change: unseen() if change["old"] and not change["new"] else None, "_view_count")

    def _build_input(self, control: Control) -> Widget:
        widget = control.build(self._values[control.name])
        if control.settable:
            _one_at_a_time(widget, self._lock)
            widget.observe(lambda change: self._take(control, change["new"]), "value")
        return widget

    def _take(self, control: Control, value: Any) -> None:
        reported = control.inside(control.from_widget(value))  # the limits may have changed while it travelled
        if not control.same_position(reported, self._values[control.name]):
            self._moved(control.name, reported)

    def _arrange(self, below_controls: int, above_pictures: Sequence[str], below_pictures: Sequence[str]) -> VBox:
        buttons = HBox(list(self._transport.values()), layout=Layout(flex_flow="row wrap", margin="4px 0 0 0"))
        split, width = len(self._pictures) - below_controls, f"{CONTROLS_WIDTH}px"
        elsewhere = *above_pictures, *below_pictures
        left = [widget for name, widget in self._inputs.items() if name not in elsewhere]
        controls = VBox([*left, buttons, *self._pictures[split:]], layout=Layout(width=width, flex=f"0 0 {width}"))
        pictures = HBox(self._pictures[:split], layout=Layout(flex_flow="row wrap", flex="1 1 0", grid_gap="12px"))
        above, below = (
            [self._inputs[n] for n in names if n in self._inputs] for names in (above_pictures, below_pictures)
        )
        if above or below:
            pictures.layout.flex = "0 0 auto"
            above = [HBox(above, layout=Layout(flex_flow="row wrap", margin="0 0 4px 0"))] if above else []
            pictures = VBox([*above, pictures, *below], layout=Layout(flex="1 1 0", overflow="hidden"))
        row = HBox([controls, pictures], layout=Layout(align_items="flex-start", grid_gap="12px"))
        hide_still = HTML(_hiding(self._still_name()), layout=Layout(display="none"))
        return VBox([row, self._status, hide_still], layout=Layout(overflow="hidden"))

    # ------------------------------------------------------------------ from the panel to the page

    def show_value(self, control: Control, value: Any) -> None:
        widget = self._inputs.get(control.name)
        shown = control.to_widget(value)
        if widget is not None and control.from_widget(widget.value) != shown:
            widget.value = shown

    def adapt(self, control: Control) -> None:
        if control.name in self._inputs:
            control.adapt(self._inputs[control.name])

    def show(self, pictures: Sequence[str | bytes]) -> None:
        if len(pictures) != len(self._pictures):
            raise ValueError(f"draw returned {len(pictures)} pictures, {len(self._pictures)} the first time")
        for widget, picture in zip(self._pictures, pictures, strict=True):
            value = picture if isinstance(picture, bytes) else str(picture)
            if widget.value != value:
                if isinstance(widget, TouchPicture):
                    widget.size = picture_size(value)
                widget.value = value

    def picture(self, number: int) -> str | bytes:
        value = self._pictures[number].value
        return value if isinstance(value, str) else bytes(value)

    def show_status(self, text: str, alarming: bool) -> None:
        colour = "color:var(--jp-error-color0,#b3261e);font-weight:600;" if alarming else ""
        style = f"{colour}line-height:24px;white-space:normal;overflow-wrap:anywhere"
        value = f'<div class="rlbook-status" style="{style}">{html.escape(text)}&nbsp;</div>'
        if self._status.value != value:
            self._status.value = value

    def show_playing(self, playing: bool) -> None:
        button = self._transport.get("play")
        if button is not None:
            button.description, button.icon = ("Pause", "pause") if playing else ("Play", "play")
            button.tooltip = button.description

    # ------------------------------------------------------------------ where no kernel runs

    def still(self) -> str:
        """The pictures as HTML, for wherever the live panel cannot be shown."""
        images = "".join(_image_tag(self.picture(i), self._name) for i in range(len(self._pictures)))
        return f'<div class="{self._still_name()}">{images}</div>'

    def view(self) -> dict[str, Any]:
        """The live panel alone, for a front end that knows ipywidgets."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.root.model_id}
        return {"application/vnd.jupyter.widget-view+json": view}

    def _still_name(self) -> str:
        """The same in every run of the same notebook."""
        return f"rlbook-still-{hashlib.sha256(self._name.encode()).hexdigest()[:12]}"

    def close(self) -> None:
        _close(self.root)


def _hiding(still: str) -> str:
    """A style that hides the still picture, with the whole output that holds it, where this style is on the page."""
    return f"<style>.{still},.jp-OutputArea-child:has(.{still}){{display:none!important}}</style>"


def _image_tag(picture: str | bytes, alt: str) -> str:
    width, _ = picture_size(picture)
    kind, data = ("png", picture) if isinstance(picture, bytes) else ("svg+xml", picture.encode())
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return f'<img alt="{html.escape(alt)}" width="{width}" src="{source}">'


def _build_button(name: str, label: str, pressed: Callable[[str], None]) -> Button:
    button = Button(description=label, icon=_ICONS.get(name, ""), layout=Layout(**_BUTTON), tooltip=label)
    button.on_click(lambda _: pressed(name))
    return button


def _build_picture(picture: str | bytes) -> HTML | Image:
    width, height = (f"{pixels}px" for pixels in picture_size(picture))
    if isinstance(picture, bytes):
        # Where the page is narrow the picture shrinks inside its fixed height, in proportion.
        layout = Layout(width=width, height=height, max_width="100%", object_fit="contain", object_position="left top")
        return Image(value=picture, format="png", layout=layout)
    return HTML(value=str(picture), layout=Layout(width=width, max_width="100%", margin="0"))


def _one_at_a_time(widget, lock) -> None:
    """Let events from the page and values from the worker's thread take turns.

    A widget takes an event in several steps. A value written to it between two of them would replace the event's.
    """
    take_event = widget.set_state

    def set_state(sync_data):
        with lock:
            take_event(sync_data)

    widget.set_state = set_state


def _close(widget: Widget) -> None:
    """Close the widget with all that belongs to it: its children, its layout, its style."""
    for name in widget.keys:
        value = getattr(widget, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Widget):
                _close(part)
    widget.close()
