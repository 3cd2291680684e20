"""What every learner is: hyperparameters in one frozen config, ``learn`` and ``learning``, ``save`` and ``load``."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
from collections.abc import Iterator
from typing import ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from rlbook.arrays import in_numpy
from rlbook.learning.config import Config
from rlbook.learning.history import EpisodeLog, History, progress_bar
from rlbook.learning.saving import check_whole, load_arrays, save_arrays
from rlbook.validation import check_arguments


class _Finished(abc.ABCMeta):
    """Notes in a learner of rlbook's that it is constructed: it gets no more attributes. A reader's subclass may."""

    def __call__(cls, *args, **kwargs):
        learner = super().__call__(*args, **kwargs)
        if cls.__module__.startswith("rlbook."):
            learner._is_made = True
        return learner


class Learner(metaclass=_Finished):
    """Base of all learners. A subclass names its ``config_class`` and says how to learn, act, and be written to a file.

    Every field of the config is an attribute of the learner. Setting one (``agent.gamma = 0.9``), or several together
    (``agent.configure(buffer_size=500, learning_starts=100)``), checks the new config as a whole and acts from the next
    step on; those in ``fixed`` shape what was built and refuse, as names do that the learner does not have.
    """

    config_class: ClassVar[type[Config]]
    fixed: ClassVar[tuple[str, ...]] = ()  # fields that cannot change in a living learner
    own_rules: ClassVar[tuple[str, ...]] = ()  # arguments that are functions of the reader's, which no file can hold

    def __init__(self, sizes: dict, hyperparameters: dict):
        """``sizes`` are those arguments of the constructor that are no hyperparameters and belong into a file."""
        self._check_names(hyperparameters, TypeError)
        self.config = self.config_class(**hyperparameters)
        self._sizes = sizes

    # ------------------------------------------------------------------------------------------- hyperparameters

    def configure(self, **changes) -> None:
        """Change hyperparameters together. ValueError for a config that cannot be, AttributeError for what is fixed."""
        self._check_names(changes.keys() - self._sizes.keys(), TypeError)
        for name in changes:
            if name in self.fixed or name in self._sizes:
                raise AttributeError(f"{name} cannot change in a living {type(self).__name__}; make a new one")
        self.config = dataclasses.replace(self.config, **changes)
        for name in changes:
            if hasattr(type(self), name):  # it has a present value of its own, as epsilon, which goes on from there
                setattr(self, name, getattr(self.config, name))

    @property
    def n_agents(self) -> int:
        """Independent learners in one batch."""
        return self._sizes.get("n_agents", 1)

    def __getattr__(self, name: str):
        # Only what Python does not find elsewhere comes here. While a copy is being made there is neither of the two.
        if name not in ("config", "_sizes"):
            for values in (vars(self.config), self._sizes):
                if name in values:
                    return values[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __setattr__(self, name: str, value) -> None:
        held, its_own = vars(self), hasattr(type(self), name)
        if name in self.own_rules and value is not None and not callable(value):
            raise ValueError(f"{name} is {value!r}; accepted is a function, or None")
        if not its_own and (name in self.config_class.names() or name in held.get("_sizes", ())):
            self.configure(**{name: value})
            return
        if "_is_made" in held and not (its_own or name in held or name.startswith("_")):
            self._check_names([name], AttributeError)
        super().__setattr__(name, value)

    def _check_names(self, names, error: type[Exception]) -> None:
        fields = self.config_class.names()
        for name in names:
            if name not in fields:
                raise error(f"{type(self).__name__} has no hyperparameter {name!r}; it has {', '.join(fields)}")

    # -------------------------------------------------------------------------------------------------- learning

    @abc.abstractmethod
    def learning(self, envs: gym.Env | VectorEnv) -> Iterator[EpisodeLog]:
        """Learn step by step, for as long as it is asked to: yields the log after every step of the environments."""

    def learn(self, envs: gym.Env | VectorEnv, total_steps: int, progress: bool = False) -> History:
        """Learn for ``total_steps`` environment steps, those of all copies counted; rounds (of PPO) are not broken off.

        Interrupting (Ctrl-C, the notebook's stop button) keeps what was learned and returns the history so far.
        ``learn`` may be called again, on another environment too. Raises ValueError for an environment whose spaces do
        not fit, or that breaks Gymnasium's contract.
        """
        check_arguments({"total_steps": total_steps}, count=("total_steps",), single=True)
        return self._drive(self.learning(envs), lambda log: log.total_steps, int(total_steps), "step", progress)

    def _drive(self, learning: Iterator[EpisodeLog], done, goal: int, unit: str, progress: bool, keep=None) -> History:
        """Take steps of ``learning`` until ``done(log)`` comes to ``goal``; ``keep`` at most so many episodes each."""
        log, interrupted = EpisodeLog(self.n_agents), False
        with progress_bar(goal, unit, progress) as bar, contextlib.closing(learning):
            try:
                while done(log) < goal:
                    log = next(learning)
                    self._show(bar, min(done(log), goal), log)
            except KeyboardInterrupt:
                interrupted = True
        return log.history(keep, metrics=self._metrics(), interrupted=interrupted)

    def _show(self, bar, n_done: int, log: EpisodeLog) -> None:
        if bar.update(n_done - bar.n):  # it draws a few times a second
            bar.set_postfix_str(self._progress(log))

    def _progress(self, log: EpisodeLog) -> str:
        """What the progress bar tells beside the steps."""
        return f"return {log.recent_return:.3g}"

    def _metrics(self) -> dict[str, np.ndarray]:
        """Named arrays for the history."""
        return {}

    def _ruled(self, rule: str, experience: tuple[np.ndarray, ...], *constants: float) -> np.ndarray:
        """What the reader's own ``rule`` says: a number for each entry of the first array.

        The rule gets copies, so that one that works in place spoils nothing. Raises ValueError for an answer of another
        shape, or not of finite numbers.
        """
        wanted = experience[0].shape
        answer = in_numpy(getattr(self, rule)(*(values.copy() for values in experience), *constants))
        if answer.shape != wanted:
            raise ValueError(f"{rule} returned shape {answer.shape}; accepted is {wanted}")
        bad = answer if answer.dtype.kind not in "biuf" else answer[~np.isfinite(answer)]
        if bad.size:
            raise ValueError(f"{rule} returned {bad[0]}; accepted are finite numbers")
        return answer

    # ----------------------------------------------------------------------------------------------------- files

    @abc.abstractmethod
    def _state(self) -> tuple[dict[str, np.ndarray], dict]:
        """Everything that learning goes on from: named arrays, and a dictionary for JSON."""

    @abc.abstractmethod
    def _restore(self, arrays: dict[str, np.ndarray], state: dict) -> None:
        """Take over what ``_state`` gave."""

    def save(self, path) -> None:
        """Write everything that learning goes on from to a safetensors file: numbers and text, never a pickle.

        The environments are not in it, nor the steps of a round that has not been learned from: the next ``learn``
        begins new episodes, as it always does.
        """
        arrays, state = self._state()
        rules = [name for name in self.own_rules if getattr(self, name) is not None]
        parts = {"sizes": self._sizes, "config": vars(self.config), "rules": rules, "state": state}
        parts["arrays"] = sorted(arrays)
        save_arrays(path, type(self).__name__, arrays, parts)

    @classmethod
    def load(cls, path, device: str = "cpu", **rules) -> Learner:
        """The learner that ``save`` wrote; it goes on learning exactly as the saved one would.

        A function of your own that the saved one had (``target_rule=...``) is not in the file: hand it over again.
        Raises FileNotFoundError, or ValueError for a damaged or foreign file and for a missing function.
        """
        arrays, parts = load_arrays(path, kind=cls.__name__)
        try:
            check_whole(arrays, parts["arrays"])
            sizes, hyperparameters, state = parts["sizes"], parts["config"], parts["state"]
            missing = [name for name in parts["rules"] if rules.get(name) is None]
            if not missing:
                learner = cls(**sizes, **hyperparameters, **rules, device=device)
                learner._restore(arrays, state)
                return learner
        except (IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{path} is no complete {cls.__name__} of this version: {error!r}") from None
        raise ValueError(
            f"{path} was saved with a {missing[0]} of its own, which no file can hold; "
            f"hand it over: {cls.__name__}.load(path, {missing[0]}=...)"
        )
