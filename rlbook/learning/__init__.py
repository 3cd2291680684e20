"""What learners share: history, stepping, replay, networks, saving."""
