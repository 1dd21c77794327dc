"""Matrix products: the microkernel, and the layers that are nothing else."""
