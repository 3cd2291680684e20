"""The arm: its physics, the tasks it is given, the robot it stands for, and pictures of it."""
