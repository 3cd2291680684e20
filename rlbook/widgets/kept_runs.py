"""Learning curves that stay in the picture behind those of the next runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from rlbook.plots.curves import Series
from rlbook.widgets.panel import Panel

MOST = 3  # curves; a further one takes the place of the oldest


class KeepingPanel(Panel):
    """A panel that compares runs: `keep_run` leaves the present learning curve in the picture, with its settings.

    A subclass tells with `run_so_far()` what that curve is, sets `_run` to something new when a run begins, and hands
    `_kept` to its ``LiveCurve.keep``. The same run kept again, later, takes the place of what was kept of it before.
    """

    buttons: ClassVar = {"keep_run": "Keep run"}
    _run: Any = None
    _kept: Mapping[str, Series] = MappingProxyType({})
    _runs_kept: tuple[tuple[Any, str, Series], ...] = ()
    _n_kept = 0

    def run_so_far(self) -> Series:
        """x (n,) and y (n,) of the curve on show."""
        raise NotImplementedError

    def keep_run(self) -> None:
        """Leave the curve of this run in the picture, behind the next ones."""
        x, y = self.run_so_far()
        if len(x) < 2:
            return
        self._n_kept += 1
        label = f"{self._n_kept}: {self.settings()}"
        others = [kept for kept in self._runs_kept if kept[0] is not self._run]
        self._runs_kept = (*others, (self._run, label, (np.array(x), np.array(y))))[-MOST:]
        self._kept = {label: series for _, label, series in self._runs_kept}

    def settings(self) -> str:
        """The settings that are no longer what they were at the beginning."""
        return self.in_words(name for name in self.shown if self.values[name] != self._initial[name]) or "as at first"
