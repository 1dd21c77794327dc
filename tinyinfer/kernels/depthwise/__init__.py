"""Convolutions of each channel by itself, or of a few."""
