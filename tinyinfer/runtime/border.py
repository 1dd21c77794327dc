"""The steps at a plan's borders: the caller's NCHW arrays in, NCHW arrays out."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.graph import Node, OpCost, TensorType
from tinyinfer.ops.base import Arrays, Op, Params, ParamTypes, Types


class CopyIn(Op):
    """Copy an input array to where the plan keeps it."""

    name: ClassVar[str] = "input"

    def infer(self, inputs: Types, params: ParamTypes, allow_empty: bool = False) -> list[TensorType]:
        return list(inputs)

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        return list(inputs)


class LeaveInPlace(CopyIn):
    """Note where an input array lies, for kernels that read it there."""

    def cost(self, inputs: Types, params: ParamTypes, outputs: Types) -> OpCost:
        return OpCost(macs=0, params=0, reads=0, writes=0)


class CopyOut(CopyIn):
    """Copy a result to a new array for the caller."""

    name: ClassVar[str] = "output"


def copy_in(value: str) -> Node:
    """The node that brings a graph input into the arena."""
    return Node(name=f"[{value}]", op=CopyIn(), inputs=(value,), outputs=(value,), kernel="copy", why="NCHW to NHWC")


def left_in_place(value: str) -> Node:
    """The node of a graph input that kernels read where the caller has it."""
    return copy_in(value).replace(op=LeaveInPlace(), kernel="in place", why="the first layer reads NCHW")


def copy_out(value: str) -> Node:
    """The node that hands a graph output to the caller."""
    return Node(name=f"[{value}]", op=CopyOut(), inputs=(value,), outputs=(), kernel="copy", why="NHWC to NCHW")
