"""Pictures. Grids are SVG and need no Matplotlib; curves and arms are Matplotlib, loaded when first asked for."""

from importlib import import_module

_HOME = {
    "Svg": "svg",
    "side_by_side": "svg",
    "GridLayout": "grids",
    "grid_layout": "grids",
    "value_map": "grids",
    "q_map": "grids",
    "world_map": "grids",
    "agent_environment_loop": "diagrams",
    "network_diagram": "diagrams",
    "convergence": "curves",
    "learning_curve": "curves",
    "LiveCurve": "curves",
    "LiveHeatmap": "values",
    "estimates_against_returns": "values",
}
_ARMS = ("arm_pose", "arm_trail", "state_heatmap", "workspace")
_HOME |= dict.fromkeys(_ARMS, "arms") | {"save_gif": "gif"}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
