"""Arithmetic with NumPy's broadcasting, comparisons, reductions, and other number types."""
