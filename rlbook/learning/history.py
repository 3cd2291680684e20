"""The record of a training: every episode that ended, and a progress bar while it goes on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from tqdm.auto import tqdm


@dataclass(frozen=True)
class History:
    """What a learner lived through: one row an agent, one column an episode, NaN where an agent had fewer.

    returns : (n_agents, n_episodes) undiscounted sum of rewards.
    lengths : (n_agents, n_episodes) steps.
    end_steps : (n_agents, n_episodes) environment steps the agent had taken when the episode ended.
    metrics : named arrays of whatever else the learner measured.
    interrupted : training was stopped by hand before it was done.
    """

    returns: np.ndarray
    lengths: np.ndarray
    end_steps: np.ndarray
    metrics: dict[str, np.ndarray] = field(default_factory=dict)
    interrupted: bool = False

    def __repr__(self) -> str:
        agents, episodes = self.returns.shape
        return f"History({agents} agents, {episodes} episodes{', interrupted' if self.interrupted else ''})"


class EpisodeLog:
    """Adds up the rewards of ``n_agents`` agents that step together, each with ``n_envs`` environments of its own.

    An episode is kept in 32 bytes: agent, return, length, and when it ended.
    """

    PENDING = 4096

    def __init__(self, n_agents: int, n_envs: int = 1):
        self._n_envs = n_envs
        self._return = np.zeros(n_agents * n_envs)
        self._begin = np.zeros(n_agents * n_envs)  # the time step after which each environment's episode began
        self._time = 0
        self._tables: list[np.ndarray] = []  # (episodes, 4) each
        self._pending: list[tuple] = []  # what ended at the most recent steps, to become a table now and then
        self.n_steps = 0  # environment steps of each agent
        self.n_episodes = np.zeros(n_agents, dtype=int)

    def record(self, reward: np.ndarray, done: np.ndarray, real=True) -> np.ndarray:
        """One step of every environment: (n_agents * n_envs,) rewards and whether the episode ended.

        ``real`` is False where the step only began a new episode. Returns the numbers of the environments that ended an
        episode.
        """
        self._return += reward
        self._time += 1
        self.n_steps += self._n_envs
        if real is not True:
            self._begin += ~real
        ended = done.nonzero()[0]
        if ended.size:
            agent = ended // self._n_envs if self._n_envs > 1 else ended
            self._pending.append((agent, self._return.take(ended), self._time - self._begin.take(ended), self.n_steps))
            if len(self._pending) == self.PENDING:
                self._tables, self._pending = [*self._tables, self._table(self._pending)], []
            self._return[ended], self._begin[ended] = 0, self._time
            self.n_episodes += np.bincount(agent, minlength=len(self.n_episodes))
        return ended

    @property
    def recent_return(self) -> float:
        """Mean return of the last 20 episodes; NaN before the first has ended."""
        recent = np.concatenate([*self._tables[-1:], self._table(self._pending[-20:])])[-20:, 1]
        return float(recent.mean()) if len(recent) else float("nan")

    def history(self, n_episodes: int | None = None, metrics=None, interrupted: bool = False) -> History:
        """The finished episodes in the order they ended; of each agent the first ``n_episodes`` at most."""
        finished = np.concatenate([*self._tables, self._table(self._pending)])
        finished = finished[finished[:, 0].argsort(kind="stable")]
        row = finished[:, 0].astype(int)
        column = np.arange(len(row)) - np.concatenate([[0], self.n_episodes.cumsum()[:-1]])[row]
        width = self.n_episodes.max() if n_episodes is None else min(n_episodes, self.n_episodes.max())
        kept = column < width
        tables = np.full((3, len(self.n_episodes), width), np.nan)
        tables[:, row[kept], column[kept]] = finished[kept, 1:].T
        return History(*tables, metrics=metrics or {}, interrupted=interrupted)

    @staticmethod
    def _table(pending: list[tuple]) -> np.ndarray:
        """(episodes, 4): agent, return, length and end step, in the order in which the episodes ended."""
        if not pending:
            return np.empty((0, 4))
        *columns, end_steps = zip(*pending, strict=True)
        columns = [np.concatenate(column) for column in columns]
        return np.stack([*columns, np.repeat(end_steps, [len(agent) for agent, *_ in pending])], axis=1)


def progress_bar(total: int, unit: str, show: bool = True) -> tqdm:
    """A progress bar that suits terminal and notebook; ``show=False`` makes it silent."""
    return tqdm(total=total, unit=unit, disable=not show, leave=False)
