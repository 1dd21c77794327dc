"""Kernels on plain arrays, and loops that only compute or only read."""
