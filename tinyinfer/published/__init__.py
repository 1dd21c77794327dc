"""The facts of public checkpoints and data sets."""
