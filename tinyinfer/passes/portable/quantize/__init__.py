"""From real numbers to 8-bit codes: prepare the graph, select its nodes, give values scales, write the integers."""

from tinyinfer.passes.portable.quantize.prepare import prepare
from tinyinfer.passes.portable.quantize.quantize import quantize

__all__ = ["prepare", "quantize"]
