"""Looking at a network: what it costs, where its time goes, what bounds it, and whether the fast kernels are right."""
