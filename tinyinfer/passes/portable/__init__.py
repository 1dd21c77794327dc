"""Passes whose result can be saved: the same function with fewer or cheaper nodes."""
