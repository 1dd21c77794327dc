"""Pooling, its inverse, and other sizes."""
