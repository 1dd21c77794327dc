"""Fewer channels: which belong together, what each is worth, which go, and the graph without them."""

from tinyinfer.passes.portable.slimming.slim import plan_slimming, slim

__all__ = ["plan_slimming", "slim"]
