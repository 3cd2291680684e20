"""Panels: from a slider's event to the new picture on its way to the page, and how often a playing panel redraws.

The event is given as the page's message would be (`set_state` on the slider); the picture is ready when the picture
widget holds it. Events come one after the other here, each after the picture of the one before.
"""

from __future__ import annotations

import sys
import time

import numpy as np

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
            f"GammaPanel {size} x {size}": (gamma, "gamma"),
            f"EpsilonPanel {size} x {size}": (epsilon, "cell_reward"),
        }
        for name, (panel, control) in cases.items():
            seconds = _event_to_picture(panel, control)
            result["event_to_picture"][name] = {"goal_s": GOALS_S[size], **common.summary(seconds)}
            drawing = [common.time_once(panel.figure) for _ in range(50)]
            result["drawing_alone"][name] = common.summary(drawing)
    for steps_per_second in (100, 1000):
        result["playing"][f"EpsilonPanel 4 x 4, {steps_per_second} steps/s"] = _playing(steps_per_second)
    return result


def _event_to_picture(panel, control: str) -> list[float]:
    """Seconds from each event to its picture."""
    panel.widget  # noqa: B018  built on first use
    slider, picture = panel._shell._inputs[control], panel._shell._pictures[0]
    positions = np.linspace(slider.min, slider.max, 41)
    ready: list[float] = []
    picture.observe(lambda change: ready.append(time.perf_counter()), "value")
    seconds = []
    for k in range(EVENTS):
        ready.clear()
        begun = time.perf_counter()
        slider.set_state({"value": float(positions[(7 * k + 3) % len(positions)])})
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
