"""Panels: from a slider's event to the new picture on its way to the page, and how often a playing panel redraws.

The event is given as the page's message would be; the picture is ready when the picture widget holds it. Events come
one after the other here, each after the picture of the one before.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from benchmarks import common
from rlbook.envs.grid_world import GridWorld
from rlbook.widgets import EpsilonPanel, GammaPanel

GOALS_S = {4: 0.030, 10: 0.050}
EVENTS, SECONDS = 200, 4.0


def run() -> dict:
    result = {"event_to_picture": {}, "playing": {}, "drawing_alone": {}}
    for size in GOALS_S:
        gamma, epsilon = GammaPanel(GridWorld(size, slip=0.2)), EpsilonPanel(GridWorld(size))
        epsilon.step(2000)
        cases = {
            f"GammaPanel {size} x {size}, gamma": (gamma, _slide),
            f"EpsilonPanel {size} x {size}, painted": (epsilon, _paint),
        }
        for name, (panel, event) in cases.items():
            seconds = _event_to_picture(panel, event)
            result["event_to_picture"][name] = {"goal_s": GOALS_S[size], **common.summary(seconds)}
            drawing = [common.time_once(panel.figure) for _ in range(50)]
            result["drawing_alone"][name] = common.summary(drawing)
    for steps_per_second in (100, 1000):
        result["playing"][f"EpsilonPanel 4 x 4, {steps_per_second} steps/s"] = _playing(steps_per_second)
    return result


def _slide(panel, k: int) -> None:
    """Message number k of a page on which gamma is dragged."""
    panel._shell._inputs["gamma"].set_state({"value": round((7 * k + 3) % 41 / 41, 2)})


def _paint(panel, k: int) -> None:
    """Message number k of a page on which a reward is put into a cell and taken away again."""
    panel.tool, (width, _) = "Reward", panel._shell._pictures[0].size
    place = {"kind": "down", "x": width / 2, "y": width / 2}
    panel._shell._pictures[0]._heard(None, {"events": [place]}, [])


def _event_to_picture(panel, event: Callable) -> list[float]:
    """Seconds from each event to its picture."""
    panel.widget  # noqa: B018  built on first use
    picture = panel._shell._pictures[0]
    ready: list[float] = []
    picture.observe(lambda change: ready.append(time.perf_counter()), "value")
    seconds = []
    for k in range(EVENTS):
        ready.clear()
        begun = time.perf_counter()
        event(panel, k)
        panel.wait(10)
        seconds += [ready[0] - begun] if ready else []  # an event that changes nothing to be seen has no picture
    panel.close()
    return seconds


def _playing(steps_per_second: int) -> dict:
    panel = EpsilonPanel(speed=steps_per_second)
    panel.widget  # noqa: B018
    begun, drawn = time.perf_counter(), panel.n_draws
    panel.play()
    time.sleep(SECONDS)
    panel.pause()
    elapsed = time.perf_counter() - begun
    pictures, steps = panel.n_draws - drawn, sum(panel._env.lengths) + panel._env.n_steps
    panel.close()
    return {"pictures_per_s": pictures / elapsed, "steps_per_s": steps / elapsed}


def table(result: dict) -> str:
    rows = [
        [
            name,
            *(common.milliseconds(row[key]) for key in ("median_s", "p95_s", "goal_s")),
            common.milliseconds(result["drawing_alone"][name]["median_s"]),
            row["repeats"],
        ]
        for name, row in result["event_to_picture"].items()
    ]
    first = common.text_table(
        ["slider to picture", "median", "p95", "goal: p95 under", "figure() alone", "events"], rows
    )
    rows = [
        [name, f"{row['pictures_per_s']:.1f}", f"{row['steps_per_s']:.0f}"] for name, row in result["playing"].items()
    ]
    return f"{first}\n\n{common.text_table(['playing', 'pictures/s', 'steps/s'], rows)}"


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["panels"]))
