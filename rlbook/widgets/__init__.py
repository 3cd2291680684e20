"""Interactive panels: `panel.py` holds what all of them share, and each chapter has one file."""

from importlib import import_module

_HOME = {
    "Panel": "panel",
    "Slider": "controls",
    "LogSlider": "controls",
    "RangeSlider": "controls",
    "Toggle": "controls",
    "Choice": "controls",
    "Reading": "controls",
    "DrivePanel": "drive_panel",
    "GammaPanel": "gamma_panel",
    "EpsilonPanel": "epsilon_panel",
    "MotionPanel": "motion_panel",
    "DQNPanel": "dqn_panel",
    "PPOPanel": "ppo_panel",
    "RandomizationPanel": "randomization_panel",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
