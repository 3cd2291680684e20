"""What every benchmark shares.

A benchmark is a module of this folder with two functions:

    run() -> dict               measure; plain numbers, strings, lists and dictionaries only, in SI units
    table(result: dict) -> str  what to print, made from that dictionary alone; ``text_table`` helps

``python -m benchmarks NAME`` calls them and keeps ``run``'s dictionary in ``results/NAME.json``, with the machine and
the versions beside it. Notebooks and pages that show a measured number read it there, with ``read_result``.

Things to compare are timed in turn, round after round (``time_in_turn``), and compared within a round (``ratio``): a
machine that slows down for a while then slows down both.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import stats

RESULTS = Path(__file__).with_name("results")
PACKAGES = (
    "rlbook",
    "numpy",
    "gymnasium",
    "torch",
    "stable-baselines3",
    "matplotlib",
    "ipywidgets",
    "mujoco",
    "nbgrader",
)


def time_once(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call, with the garbage collector held back."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        begin = time.perf_counter()
        work()
        return time.perf_counter() - begin
    finally:
        if was_on:
            gc.enable()


def processor_seconds(work: Callable[[], object]) -> float:
    """Seconds of one core that a call takes: other work on the machine delays it and does not count."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def time_in_turn(contestants: dict[str, Callable[[], object]], rounds: int = 7, warm_up: int = 1) -> dict[str, list]:
    """Seconds of every call, {name: [one a round]}; each round calls every contestant once, in changing order."""
    for _ in range(warm_up):
        for work in contestants.values():
            work()
    seconds: dict[str, list] = {name: [] for name in contestants}
    names = list(contestants)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(time_once(contestants[name]))
    return seconds


def summary(seconds) -> dict:
    """Median, 95th percentile, best and number of repeats of one list of times."""
    values = np.asarray(seconds, dtype=float)
    return {
        "median_s": float(np.median(values)),
        "p95_s": float(np.percentile(values, 95)),
        "best_s": float(values.min()),
        "repeats": len(values),
    }


def ratio(slower, faster) -> float:
    """How many times faster: the median over rounds of slower / faster, each ratio taken within its round."""
    return float(np.median(np.asarray(slower, dtype=float) / np.asarray(faster, dtype=float)))


MIDDLE = "interquartile mean (95 % interval)"


def middle(results, digits: int = 0) -> str:
    """Interquartile mean over seeds with its bootstrap interval, "498 (471 to 500)". Agarwal et al. (2021)."""
    values = np.asarray(results, dtype=float)

    def mean(samples, axis=-1):
        return stats.trim_mean(samples, 0.25, axis=axis)

    interval = stats.bootstrap((values,), mean, n_resamples=5000, method="percentile", rng=0).confidence_interval
    return f"{mean(values):.{digits}f} ({interval.low:.{digits}f} to {interval.high:.{digits}f})"


def text_table(header: list[str], rows: list[list]) -> str:
    """Columns lined up: first column to the left, the others to the right."""
    lines = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    columns = [f"{{:{'>' if i else '<'}{width}}}" for i, width in enumerate(widths)]
    return "\n".join("  ".join(columns).format(*line).rstrip() for line in lines)


def milliseconds(seconds: float) -> str:
    """Seconds as text in ms, three digits."""
    return f"{1000 * seconds:.3g} ms"


def machine() -> dict:
    """The machine and the versions, for the record."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def write_result(name: str, result: dict) -> Path:
    """Keep a benchmark's dictionary, with the machine and the date, in results/NAME.json."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    record = {"benchmark": name, "date": time.strftime("%Y-%m-%d"), "machine": machine(), "result": result}
    path.write_text(json.dumps(record, indent=2) + "\n")
    return path


def read_result(name: str) -> dict:
    """What the last run of a benchmark wrote: benchmark, date, machine, result."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"
