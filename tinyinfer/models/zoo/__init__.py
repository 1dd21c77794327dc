"""One file per family: the paper's table, a short builder, key maps of public checkpoints."""
