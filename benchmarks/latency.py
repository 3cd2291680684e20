"""Latency of every control of chapters 1 and 2: from a hand's event in the browser to the picture that answers it.

The hand is Playwright's: it drags, presses keys and clicks in JupyterLab at 1280 x 800. An event counts from when the
browser took it to the frame that shows a picture of its value, or of a later value of the same drag: one whose picture
was left out counts as late as the next one. Pictures carry the values that they were drawn for.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from benchmarks import common
from tests.browser.jupyter_page import NotebookPage, headless_chromium, open_page, running_lab

GOAL_S = 0.1
ROUNDS = 2
MOVES, KEYS, CLICKS = 60, 20, 4  # of one drag, in one row, one by one
MOVE_S, KEY_S = 1 / 60, 1 / 15  # between two moves of a mouse, between two keys
QUIET_S = 0.4  # without a picture: nothing is under way any more

PANELS = {
    "DrivePanel": "DrivePanel(slip=0.2)",
    "GammaPanel": """GammaPanel(GridWorld.from_text(
    ["......", ".XXXX.", "S....G", "......"],
    obstacle_reward=-0.1,
    cell_rewards={(3, column): -10.0 for column in range(1, 5)},
))""",
    "EpsilonPanel": "EpsilonPanel()",
}
SLIDERS = {
    "DrivePanel": {"Slip probability": "slip"},
    "GammaPanel": {
        "Discount gamma": "gamma",
        "Slip probability": "slip",
        "Reward of a step": "step_reward",
        "Sweep": "sweep",
        "Reward to paint": "reward",
    },
    "EpsilonPanel": {
        "Epsilon": "epsilon",
        "Epsilon decay": "epsilon_decay",
        "Learning rate": "learning_rate",
        "Discount gamma": "gamma",
        "Steps per second": "speed",
        "Reward to paint": "reward",
    },
}
TOOLS = "Look", "Wall", "Reward", "Start", "Goal"
WAY = [(3, 0), (3, 1), (3, 2), (3, 3), (2, 3), (2, 2), (2, 1)]  # of a drag through the grid
MAPS = ["S..G\n....", "S.G", "S..\n..G", "SG"]

SHOW = """
import html, json
from rlbook.envs.grid_world import GridWorld
from rlbook.widgets import DrivePanel, EpsilonPanel, GammaPanel

def tagged(panel):
    drawn, n_drawn = panel.draw, [0]
    def draw(state):
        pictures = drawn(state)
        n_drawn[0] += 1
        values = {{name: value for name, value in vars(state).items() if name not in ("world", "path")}}
        tag = html.escape(json.dumps({{**values, "path": len(getattr(state, "path", ())), "n": n_drawn[0]}}))
        first, *others = [pictures] if isinstance(pictures, str) else pictures
        return [first.replace("<svg ", f'<svg data-values="{{tag}}" ', 1), *others]
    panel.draw = draw
    return panel

panel = tagged({panel})
panel
"""
# When the browser took an event, what became of the slider that has the focus, and which pictures came to the page.
OBSERVE = """() => {
    window.taken = []; window.moved = []; window.pictures = [];
    const box = document.querySelector('.rlbook-touch');
    new MutationObserver(() => {
        const values = JSON.parse(box.querySelector('svg').dataset.values);
        requestAnimationFrame(() => pictures.push([performance.now(), values]));
    }).observe(box, { childList: true });
    for (const kind of ['pointerdown', 'pointermove', 'keydown', 'click', 'change', 'input']) {
        window.addEventListener(kind, event => taken.push([event.timeStamp, kind]), { capture: true });
    }
    new MutationObserver(changes => changes.forEach(({ target }) => {
        const [at] = taken[taken.length - 1] ?? [];
        if (at && target === document.activeElement) moved.push([at, target.getAttribute('aria-valuetext')]);
    })).observe(document.body, { subtree: true, attributes: true, attributeFilter: ['aria-valuetext'] });
}"""


class Hand:
    """What a reader does to one panel; each answers with the seconds that its events waited for their pictures."""

    def __init__(self, notebook: NotebookPage):
        self.notebook, self.page = notebook, notebook.page
        self.n_pictures = 0

    def rest(self) -> None:
        """Wait until nothing is under way, and forget what came."""
        n = -1
        while (seen := self.page.evaluate("() => pictures.length")) != n:
            n = seen
            time.sleep(QUIET_S)
        self.page.evaluate("() => { taken.length = moved.length = pictures.length = 0; }")

    def waited(self, events: list, progress: Callable) -> list[float]:
        """Seconds that each event [time, how far it goes] waits for a picture with ``progress(values)`` that far."""
        time.sleep(2 * QUIET_S)
        pictures = [(at, progress(values)) for at, values in self.page.evaluate("() => pictures")]
        self.n_pictures += len({far for _, far in pictures})
        seconds = []
        for begun, goal in events:
            answers = [at for at, far in pictures if at >= begun and far is not None and far >= goal - 1e-6]
            seconds += [(answers[0] - begun) / 1000] if answers else [float("inf")]
        return seconds

    def taken(self, kind: str) -> list[float]:
        """When the browser took the events of this kind."""
        return [at for at, what in self.page.evaluate("() => taken") if what == kind]

    # ------------------------------------------------------------------ sliders

    def slider(self, label: str, value: str, dragged: bool) -> list[float]:
        """From its lower end up, by mouse or by keys."""
        handle = self.notebook.slider(label)
        handle.scroll_into_view_if_needed()
        handle.focus()
        self.page.keyboard.press("Home")
        self.rest()
        if dragged:
            self._pull(handle)
        else:
            for _ in range(KEYS):
                self.page.keyboard.press("ArrowRight")
                time.sleep(KEY_S)
        moved = [(at, float(text.replace(",", ""))) for at, text in self.page.evaluate("() => moved")]
        first_to = {far: at for at, far in reversed(moved)}
        return self.waited([(at, far) for far, at in first_to.items()], lambda values: values[value])

    def _pull(self, handle) -> None:
        box, track = handle.bounding_box(), handle.locator("xpath=ancestor::*[contains(@class,'noUi-base')]")
        x, y, width = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, track.bounding_box()["width"]
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for k in range(1, MOVES + 1):
            self.page.mouse.move(x + k * width / MOVES, y)
            time.sleep(MOVE_S)
        self.page.mouse.up()

    # ------------------------------------------------------------------ the grid

    def grid(self, tool: str, dragged: bool) -> list[float]:
        """The tool along `WAY`, by mouse in one stroke, or by keys, cell by cell."""
        self.page.get_by_role("button", name=tool, exact=True).click()
        box = self.page.locator(".rlbook-touch")
        box.scroll_into_view_if_needed()
        at, (width, columns) = box.bounding_box(), self._shape()
        side = (width - 90) / columns
        places = [(at["x"] + 22 + side * (c + 0.5), at["y"] + 52 + side * (r + 0.5)) for r, c in WAY]
        self.page.mouse.move(*places[0])
        self.rest()
        self.page.mouse.down()
        for place in places[1:] if dragged else ():
            time.sleep(3 * MOVE_S)
            self.page.mouse.move(*place)
        self.page.mouse.up()
        kind = "pointermove"
        if not dragged:
            self.rest()
            kind = "keydown"
            for (row, column), (next_row, next_column) in pairwise(WAY):
                way = {(0, 1): "ArrowRight", (-1, 0): "ArrowUp", (0, -1): "ArrowLeft"}
                self.page.keyboard.press(way[next_row - row, next_column - column])
                time.sleep(KEY_S)
        events = [(at, k) for k, at in enumerate(self.taken(kind)[: len(WAY) - 1], 1)]
        seconds = self.waited(events, lambda values: _place(values["marked"]))
        if not dragged:
            seconds += (
                self.one_by_one(lambda: self.page.keyboard.press("Enter"), "keydown")
                if tool in ("Wall", "Reward")
                else []
            )
        return seconds

    def _shape(self) -> tuple[float, int]:
        """Width in pixels and columns, in one go: a picture may be replaced at any moment."""
        width, words = self.page.evaluate(
            """() => {
                const picture = document.querySelector('.rlbook-touch svg');
                return [picture.getBoundingClientRect().width, picture.getAttribute('aria-label')];
            }"""
        )
        return width, int(words.split(" columns")[0].split()[-1])

    def drive(self) -> list[float]:
        self.page.locator(".rlbook-touch").focus()
        self.rest()
        for key in ("ArrowDown", "ArrowUp") * (KEYS // 2):
            self.page.keyboard.press(key)
            time.sleep(KEY_S)
        return self.waited(list(zip(self.taken("keydown"), range(1, KEYS + 1), strict=True)), lambda v: v["path"])

    # ------------------------------------------------------------------ one event, one picture

    def one_by_one(self, act: Callable, kind: str, before: Callable = lambda: None) -> list[float]:
        """Seconds to the first picture after each event."""
        seconds = []
        for _ in range(CLICKS):
            before()
            self.rest()
            act()
            seconds += self.waited([(at, 0) for at in self.taken(kind)[:1]], lambda values: 0)
        return seconds

    def paste(self) -> list[float]:
        field, maps = self.page.locator("textarea"), iter(MAPS)
        return self.one_by_one(lambda: field.fill(next(maps)), "input")

    def choose(self) -> list[float]:
        menu, names = self.page.locator(".widget-dropdown select"), iter(("Double Q", "Q-learning") * CLICKS)
        return self.one_by_one(lambda: menu.select_option(next(names)), "change")

    def button(self, name: str, before: Callable = lambda: None) -> list[float]:
        return self.one_by_one(self.notebook.button(name).click, "click", before)

    def tools(self) -> list[float]:
        buttons = iter(self.page.get_by_role("button", name=tool, exact=True) for tool in TOOLS[1:])
        return self.one_by_one(lambda: next(buttons).click(), "click")

    def while_playing(self, act: Callable) -> list[float]:
        """The same while the panel plays: then pictures come all the time, and `rest` has no end."""
        rest, self.rest = self.rest, lambda: self.page.evaluate("() => { taken.length = moved.length = 0; }")
        self.notebook.button("Play").click()
        try:
            return act()
        finally:
            self.rest = rest
            self.notebook.button("Pause").click()


def _place(cell) -> int | None:
    return WAY.index(tuple(cell)) if cell and tuple(cell) in WAY else None


def cases(hand: Hand, panel: str) -> dict[str, Callable]:
    """{control: what measures it once}."""
    found: dict[str, Callable] = {}
    for label, value in SLIDERS[panel].items():
        found[f"{label}, dragged"] = lambda label=label, value=value: hand.slider(label, value, dragged=True)
        found[f"{label}, keys"] = lambda label=label, value=value: hand.slider(label, value, dragged=False)
    key = lambda: hand.notebook.slider("Slip" if panel == "DrivePanel" else "Discount").press("ArrowLeft")  # noqa: E731
    if panel == "DrivePanel":
        return found | {"grid, keys": hand.drive, "Reset": lambda: hand.button("Reset", hand.drive)}
    for tool in TOOLS:
        found[f"{tool}, dragged"] = lambda tool=tool: hand.grid(tool, dragged=True)
        found[f"{tool}, keys"] = lambda tool=tool: hand.grid(tool, dragged=False)
    found |= {"tools, clicked": hand.tools, "Map, pasted": hand.paste, "Reset": lambda: hand.button("Reset", key)}
    if panel == "GammaPanel":
        home = lambda: hand.notebook.slider("Sweep").press("Home")  # noqa: E731
        return found | {"Step": lambda: hand.button("Step", home)}
    return found | {
        "Step": lambda: hand.button("Step"),
        "Algorithm": hand.choose,
        "Epsilon, while it plays": lambda: hand.while_playing(lambda: hand.slider("Epsilon", "epsilon", True)),
        "Wall, while it plays": lambda: hand.while_playing(lambda: hand.grid("Wall", True)),
    }


def run() -> dict:
    result: dict = {"goal_s": GOAL_S, "rounds": ROUNDS, "controls": {}}
    with tempfile.TemporaryDirectory() as home, headless_chromium() as browser, running_lab(Path(home)) as lab:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(60_000)
        for panel, code in PANELS.items():
            notebook = open_page(context, lab, [SHOW.format(panel=code)])
            notebook.run_cell(0)
            notebook.page.locator(".rlbook-touch svg[data-values]").wait_for()
            notebook.page.evaluate(OBSERVE)
            hand = Hand(notebook)
            for control, measure in cases(hand, panel).items():
                hand.n_pictures, seconds = 0, []
                for _ in range(ROUNDS):
                    notebook.button("Reset").click()
                    hand.rest()
                    seconds += measure()
                result["controls"][f"{panel}: {control}"] = {**common.summary(seconds), "pictures": hand.n_pictures}
            notebook.page.close()
    return result


def table(result: dict) -> str:
    rows = [
        [name, *(common.milliseconds(row[key]) for key in ("median_s", "p95_s")), row["repeats"], row["pictures"]]
        for name, row in result["controls"].items()
    ]
    late = sum(row["p95_s"] > result["goal_s"] for row in result["controls"].values())
    words = f"{late} of {len(rows)} controls have their p95 above {common.milliseconds(result['goal_s'])}"
    return f"{common.text_table(['event to picture', 'median', 'p95', 'events', 'pictures'], rows)}\n\n{words}"


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["latency"]))
