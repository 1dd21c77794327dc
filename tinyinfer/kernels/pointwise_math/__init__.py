"""Activations, arithmetic and normalization."""
