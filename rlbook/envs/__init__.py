"""The environments, registered with Gymnasium: ``import rlbook.envs`` and ``gym.make("rlbook/GridWorld-v0")``."""

from gymnasium.envs.registration import register

register(
    id="rlbook/GridWorld-v0",
    entry_point="rlbook.envs.grid_world:GridWorld",
    vector_entry_point="rlbook.envs.tabular:grid_world_vector",
)

register(
    id="rlbook/Reach-v0",
    entry_point="rlbook.envs.arm.reach:ReachEnv",
    vector_entry_point="rlbook.envs.arm.reach:ReachVectorEnv",
)

register(
    id="rlbook/ReachDiscrete-v0",
    entry_point="rlbook.envs.arm.reach:ReachEnv",
    vector_entry_point="rlbook.envs.arm.reach:ReachVectorEnv",
    kwargs={"torque_levels": 3},
)

register(
    id="rlbook/RobotReach-v0",
    entry_point="rlbook.envs.arm.robot:RobotReachEnv",
    vector_entry_point="rlbook.envs.arm.robot:RobotReachVectorEnv",
)

HOLD = {"hold_steps": 8, "goal_threshold": 0.03, "observe_last_action": True}

register(
    id="rlbook/ReachHold-v0",
    entry_point="rlbook.envs.arm.reach:ReachEnv",
    vector_entry_point="rlbook.envs.arm.reach:ReachVectorEnv",
    kwargs=HOLD,
)

register(
    id="rlbook/RobotReachHold-v0",
    entry_point="rlbook.envs.arm.robot:RobotReachEnv",
    vector_entry_point="rlbook.envs.arm.robot:RobotReachVectorEnv",
    kwargs=HOLD,
)
