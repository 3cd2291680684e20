"""The ipywidgets around a panel: controls on the left, pictures beside or under them, one status line below.

Only `Panel` uses this. Every size is fixed when the shell is built, so that nothing on the page moves while it is live.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, Button, HBox, Image, Layout, VBox

from rlbook.plots.svg import picture_size, side_by_side
from rlbook.widgets.controls import Control

if TYPE_CHECKING:
    from rlbook.widgets.panel import Panel

CONTROLS_WIDTH = 332  # pixels
_BUTTON = {"width": "auto", "min_width": "74px", "margin": "2px 4px 2px 0"}


class Shell:
    """The widgets of one panel, and the way values and pictures get into them."""

    def __init__(self, panel: Panel, pictures: list[str | bytes]):
        self._panel = panel
        self._inputs = {
            control.name: control.build(panel._values[control.name])
            for control in panel._controls.values()
            if not control.hidden
        }
        self._transport = self._build_transport()
        self._pictures = [self._build_picture(picture) for picture in pictures]
        self._status = HTML(layout=Layout(width="auto", height="24px", margin="0"))
        self.root = self._arrange()
        self.show_status()
        self._listen()

    def _build_transport(self) -> dict[str, Button]:
        labels = {"play": "Play", "step": "Step"} if self._panel.playable else {}
        labels = {**labels, **self._panel.buttons, "reset": "Reset"}
        icons = {"play": "play", "step": "step-forward", "reset": "undo"}
        return {
            name: Button(description=label, icon=icons.get(name, ""), layout=Layout(**_BUTTON), tooltip=label)
            for name, label in labels.items()
        }

    def _build_picture(self, picture: str | bytes) -> HTML | Image:
        width, height = (f"{pixels}px" for pixels in picture_size(picture))
        if isinstance(picture, bytes):
            # Where the page is narrow the picture shrinks inside its fixed height, in proportion.
            layout = Layout(
                width=width, height=height, max_width="100%", object_fit="contain", object_position="left top"
            )
            return Image(value=picture, format="png", layout=layout)
        return HTML(value=str(picture), layout=Layout(width=width, max_width="100%", margin="0"))

    def _arrange(self) -> VBox:
        buttons = HBox(list(self._transport.values()), layout=Layout(flex_flow="row wrap", margin="4px 0 0 0"))
        split, width = len(self._pictures) - self._panel.below_controls, f"{CONTROLS_WIDTH}px"
        controls = VBox(
            [*self._inputs.values(), buttons, *self._pictures[split:]], layout=Layout(width=width, flex=f"0 0 {width}")
        )
        pictures = HBox(self._pictures[:split], layout=Layout(flex_flow="row wrap", flex="1 1 0", grid_gap="12px"))
        row = HBox([controls, pictures], layout=Layout(align_items="flex-start", grid_gap="12px"))
        return VBox([row, self._status], layout=Layout(overflow="hidden"))

    def _listen(self) -> None:
        for name, widget in self._inputs.items():
            control = self._panel._controls[name]
            if not control.settable:
                continue
            _one_at_a_time(widget, self._panel._signal)
            widget.observe(lambda change, control=control: self._moved(control, change["new"]), "value")
        for name, button in self._transport.items():
            button.on_click(lambda _, name=name: self._panel.press(name))
        self.root._view_count = 0  # ask the page to count the places that show this panel
        self.root.observe(self._views_changed, "_view_count")

    def _moved(self, control: Control, value: Any) -> None:
        reported = control.inside(control.from_widget(value))  # the limits may have changed while it travelled
        if not control.same_position(reported, self._panel._values[control.name]):
            setattr(self._panel, control.name, reported)

    def _views_changed(self, change: dict) -> None:
        if change["old"] and change["new"] == 0:  # the last view is gone (the cell ran again): do not play to nobody
            self._panel.pause()

    # ------------------------------------------------------------------ from the panel to the page

    def show_value(self, control: Control, value: Any) -> None:
        widget = self._inputs.get(control.name)
        shown = control.to_widget(value)
        if widget is not None and control.from_widget(widget.value) != shown:
            widget.value = shown

    def adapt(self, control: Control) -> None:
        if control.name in self._inputs:
            control.adapt(self._inputs[control.name])

    def show(self, pictures: list[str | bytes]) -> None:
        if len(pictures) != len(self._pictures):
            raise ValueError(f"draw returned {len(pictures)} pictures, {len(self._pictures)} the first time")
        for widget, picture in zip(self._pictures, pictures, strict=True):
            value = picture if isinstance(picture, bytes) else str(picture)
            if widget.value != value:
                widget.value = value
        self.show_status()

    def show_status(self) -> None:
        text = self._panel.status
        colour = "" if self._panel.error is None else "color:var(--jp-error-color0,#b3261e);font-weight:600;"
        value = (
            f'<div class="rlbook-status" title="{html.escape(text)}" style="{colour}line-height:24px;'
            f'white-space:nowrap;overflow:hidden;text-overflow:ellipsis">{html.escape(text)}&nbsp;</div>'
        )
        if self._status.value != value:
            self._status.value = value

    def show_playing(self, playing: bool) -> None:
        button = self._transport.get("play")
        if button is not None:
            button.description, button.icon = ("Pause", "pause") if playing else ("Play", "play")
            button.tooltip = button.description

    def first_picture(self) -> str | bytes:
        """What stands in the notebook for the panel where no kernel runs.

        Of mixed pictures only the SVG ones: their text is the same on every machine, so a notebook can be checked.
        """
        pictures = [str(w.value) if isinstance(w, HTML) else bytes(w.value) for w in self._pictures]
        drawn = [picture for picture in pictures if isinstance(picture, str)]
        return in_one(drawn or pictures, repr(self._panel))

    def close(self) -> None:
        for widget in [*self._inputs.values(), *self._transport.values(), *self._pictures, self._status, self.root]:
            widget.close()


def _one_at_a_time(widget, lock) -> None:
    """Let events from the page and values from the worker's thread take turns.

    A widget takes an event in several steps. A value written to it between two of them would replace the event's.
    """
    take_event = widget.set_state

    def set_state(sync_data):
        with lock:
            take_event(sync_data)

    widget.set_state = set_state


def in_one(pictures: list[str | bytes], alt: str) -> str | bytes:
    """A single picture of all: PNG where all are PNG, SVG otherwise."""
    if len(pictures) == 1:
        return pictures[0]
    if all(isinstance(picture, bytes) for picture in pictures):
        from rlbook.plots.style import join_png

        return join_png(pictures)
    return side_by_side(pictures, alt)
