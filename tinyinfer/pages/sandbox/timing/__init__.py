"""Layers measured on a machine, and what other layers would take there."""
