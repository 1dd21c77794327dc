"""What kernels are told: maps and matrices in memory, windows, epilogues."""
