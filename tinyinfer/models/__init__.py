"""The network families: the papers' tables, short builders, and the key maps of public checkpoints.

ti.models.names()                                     # every network
ti.models.create("mobilenet_v2", num_classes=10, width=0.5)
"""

from tinyinfer.models.family import Family, Layout, Rows, Variant
from tinyinfer.models.registry import build, create, describe, families, find, key_layouts, make, names

__all__ = [
    "Family",
    "Layout",
    "Rows",
    "Variant",
    "build",
    "create",
    "describe",
    "families",
    "find",
    "key_layouts",
    "make",
    "names",
]
