"""From simulation to the robot: randomization, identification, adaptation, and how well a policy crosses the gap."""
