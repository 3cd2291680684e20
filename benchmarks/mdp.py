"""Exact planning: the time of a full value-iteration solve, to 1e-8 of the optimum, of grids of two sizes."""

from __future__ import annotations

from benchmarks import common
from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import bellman_backup, value_iteration

GOALS_S = {10: 0.003, 50: 0.050}
GAMMA = 0.99


def run(rounds: int = 21) -> dict:
    models = {
        f"{size} x {size}, slip {slip}": (size, GridWorld(size, slip=slip).mdp(GAMMA))
        for size in GOALS_S
        for slip in (0.0, 0.2)
    }
    contestants = {name: lambda mdp=mdp: value_iteration(mdp) for name, (_, mdp) in models.items()}
    seconds = common.time_in_turn(contestants, rounds)
    result = {}
    for name, (size, mdp) in models.items():
        solution = value_iteration(mdp)
        one_backup = [common.time_once(lambda: bellman_backup(solution.V, mdp)) for _ in range(rounds)]  # noqa: B023
        result[name] = {
            "goal_s": GOALS_S[size],
            "sweeps": solution.n_iterations,
            "residual": solution.residual,
            "backup_s": common.summary(one_backup)["median_s"],
            **common.summary(seconds[name]),
        }
    return result


def table(result: dict) -> str:
    rows = [
        [
            name,
            *(common.milliseconds(row[key]) for key in ("median_s", "p95_s", "goal_s")),
            row["sweeps"],
            common.milliseconds(row["backup_s"]),
        ]
        for name, row in result.items()
    ]
    return common.text_table(["grid", "median", "p95", "goal: under", "sweeps", "one backup"], rows)
