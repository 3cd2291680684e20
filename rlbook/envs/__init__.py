"""The environments, registered with Gymnasium: ``import rlbook.envs`` and ``gym.make("rlbook/GridWorld-v0")``."""

from gymnasium.envs.registration import register

register(
    id="rlbook/GridWorld-v0",
    entry_point="rlbook.envs.grid_world:GridWorld",
    vector_entry_point="rlbook.envs.tabular:grid_world_vector",
)
