"""A picture that can be pointed at: the mouse, a pen, a finger, and the keys that do the same."""

from __future__ import annotations

from collections.abc import Callable

import anywidget
import traitlets

from rlbook.plots.svg import picture_size

ARROWS = {"ArrowUp": (-1, 0), "ArrowRight": (0, 1), "ArrowDown": (1, 0), "ArrowLeft": (0, -1)}  # rows, columns
KEYS = (*ARROWS, "Enter", " ")

# The page sends what happened in one message and keeps what comes next until the kernel has answered: a busy kernel
# gets fewer and longer messages, and nothing is lost.
_PAGE = """
export default { render({ model, el }) {
  const box = document.createElement("div");
  let waiting = [], busy = false, url = null;
  Object.assign(box, { className: "rlbook-touch", tabIndex: 0 });
  box.setAttribute("role", "application");
  box.dataset.lmSuppressShortcuts = "true";
  Object.assign(box.style, { touchAction: "none", userSelect: "none", lineHeight: 0, width: "fit-content" });
  const show = () => {
    const picture = model.get("value");
    box.setAttribute("aria-label", model.get("label"));
    if (typeof picture === "string") { box.innerHTML = picture; return; }
    if (!box.querySelector("img")) box.innerHTML = '<img draggable="false" style="max-width:100%">';
    const old = url;
    url = URL.createObjectURL(new Blob([picture], { type: "image/png" }));
    box.firstChild.onload = () => old && URL.revokeObjectURL(old);
    box.firstChild.src = url;
  };
  const send = () => {
    if (busy || !waiting.length) return;
    busy = true; model.send({ events: waiting }); waiting = [];
  };
  const tell = (event) => { waiting.push(event); send(); };
  const point = (kind, event) => {
    const shown = box.firstElementChild.getBoundingClientRect(), [width, height] = model.get("size");
    const part = (at, from, length) => Math.min(Math.max((at - from) / length, 0), 1);
    tell({ kind, x: width * part(event.clientX, shown.left, shown.width),
           y: height * part(event.clientY, shown.top, shown.height) });
  };
  box.onpointerdown = (event) => {
    if (event.button) return;
    box.setPointerCapture(event.pointerId); box.focus({ preventScroll: true }); point("down", event);
  };
  box.onpointermove = (event) => box.hasPointerCapture(event.pointerId) && point("move", event);
  box.onpointerup = box.onpointercancel = (event) => box.hasPointerCapture(event.pointerId) && point("up", event);
  box.onkeydown = (event) => {
    if (!model.get("listens_to").includes(event.key)) return;
    event.preventDefault(); event.stopPropagation(); tell({ kind: "key", key: event.key });
  };
  const answered = () => { busy = false; send(); };
  model.on("msg:custom", answered); model.on("change:value", show);
  el.replaceChildren(box); show();
  return () => {
    model.off("msg:custom", answered); model.off("change:value", show); if (url) URL.revokeObjectURL(url);
  };
} };
"""


class TouchPicture(anywidget.AnyWidget):
    """A picture on the page that reports where it is touched.

    value : the picture, SVG text or PNG bytes; another one may be set at any time; `size` is its width and height.
    label : says to a screen reader what can be done here.
    on_point : called as ``on_point(kind, x, y)``: kind is "down", "move" (while held) or "up"; x and y are in pixels of
        the picture, from its upper left corner, however large the page shows it.
    on_key : called as ``on_key(key)`` for the keys in `KEYS` while the picture has the focus: Tab gets there.
    """

    _esm = _PAGE
    value = traitlets.Union([traitlets.Unicode(), traitlets.Bytes()]).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    size = traitlets.Tuple().tag(sync=True)
    listens_to = traitlets.List(list(KEYS)).tag(sync=True)

    def __init__(
        self,
        picture: str | bytes,
        label: str,
        *,
        on_point: Callable[[str, float, float], None],
        on_key: Callable[[str], None] = lambda key: None,
        **options,
    ):
        super().__init__(value=picture, label=label, size=picture_size(picture), **options)
        self._on_point, self._on_key = on_point, on_key
        self.on_msg(self._heard)

    def _heard(self, _widget, content: dict, _buffers) -> None:
        try:
            for event in content.get("events", ()):
                if event["kind"] == "key":
                    self._on_key(event["key"])
                else:
                    self._on_point(event["kind"], event["x"], event["y"])
        finally:
            self.send({"answered": True})
