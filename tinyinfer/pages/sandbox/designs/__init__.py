"""Families that the sandbox can build, their knobs, and what a design is in terms of ``tinyinfer.models.create``."""
