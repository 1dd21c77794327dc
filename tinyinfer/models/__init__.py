"""The network families: the papers' tables, short builders, and the key maps of public checkpoints."""
