"""Normalization, and scales of channels."""
