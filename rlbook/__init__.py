"""Reinforcement learning for robotics: the full implementations behind the workbook."""
