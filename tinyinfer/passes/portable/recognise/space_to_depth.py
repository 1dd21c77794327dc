"""Pixels that become channels: slices that are joined (the Focus of YOLOv5 and YOLOX), and convolutions behind them."""

from __future__ import annotations

import dataclasses

import numpy as np

from tinyinfer.graph import Node, Shape
from tinyinfer.ops.base import axis
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.movement.channel_shuffle import ChannelShuffle
from tinyinfer.ops.movement.joining import Concat, IndexSelect
from tinyinfer.ops.movement.pixel_shuffle import PixelUnshuffle
from tinyinfer.ops.movement.slicing import Slice
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.matching import Match
from tinyinfer.passes.portable.recognise.patterns.pattern import Value, apply
from tinyinfer.passes.portable.recognise.patterns.rules import Made, Rule, rewrite

UNSHUFFLED = apply("pixel_unshuffle", Value("x"), name="unshuffled")
ORDERED = apply("index_select", UNSHUFFLED, name="order") | apply("channel_shuffle", UNSHUFFLED, name="order")

UNBOUNDED = 2**31 - 1  # the least that exporters write for the end of any size


def recognise_space_to_depth(editing: Editing) -> None:
    """Make joined slices a pixel_unshuffle, and that part of the convolution behind it.

    Sizes that the steps of the slices do not divide, for which they could not be joined, lose what is left over.
    """
    for node in editing.in_order():
        found = _places(editing, node)
        if found:
            _replace(editing, node, found)
    rewrite(editing, RULES)


def _places(editing: Editing, concat: Node) -> list[tuple[int, int]]:
    """Row and column, in each square of pixels, of those that each input of a concat has; none if it is another."""
    parts = [editing.producers.get(value) for value in concat.inputs]
    slices = [part for part in parts if part is not None and isinstance(part.op, Slice)]
    rank = len(editing.types[concat.outputs[0]].shape)
    joins = isinstance(concat.op, Concat) and rank == 4 and axis(concat.op.dim, rank) == 1
    step = round(len(parts) ** 0.5)
    if not joins or len(slices) < len(parts) or len({part.inputs[0] for part in slices}) > 1 or step < 2:
        return []
    shape = editing.types[slices[0].inputs[0]].shape
    places = [place for part in slices if (place := _place(part, shape, step)) is not None]
    return places if sorted(places) == [(i, j) for i in range(step) for j in range(step)] else []


def _place(node: Node, shape: Shape, step: int) -> tuple[int, int] | None:
    """The first row and column of a slice that keeps every so many-th pixel."""
    assert isinstance(node.op, Slice)
    cuts = node.op.cuts(len(shape))
    if sorted(cuts) != [2, 3] or any(cut.step != step or not 0 <= cut.start < step for cut in cuts.values()):
        return None
    whole = all(_to_the_end(cuts[at], shape[at]) for at in cuts)
    return (cuts[2].start, cuts[3].start) if whole else None


def _to_the_end(cut: slice, size: int) -> bool:
    if cut.stop is None or cut.stop >= UNBOUNDED:
        return True
    return type(size) is int and range(size)[cut] == range(cut.start, size, cut.step)


def _replace(editing: Editing, concat: Node, places: list[tuple[int, int]]) -> None:
    """Put a pixel_unshuffle in the place of slices, and the order of its channels in that of their concat."""
    parts = [editing.producers[value] for value in concat.inputs]
    source, step = parts[0].inputs[0], round(len(parts) ** 0.5)
    channels = editing.types[source].shape[1]
    editing.remove(concat)
    for part in parts:
        if part in editing and not editing.readers(part.outputs[0]) and part.outputs[0] not in editing.outputs:
            editing.remove(part)
    pixels = editing.insert(PixelUnshuffle(step), f"{concat.name}:pixels", source)
    order = tuple(c * step * step + i * step + j for i, j in places for c in range(channels))
    op = ChannelShuffle(channels) if places == sorted(places) else IndexSelect(1, order)
    editing.add(Node(concat.name, op, (pixels,), concat.outputs))
    editing.infer_types()


def _with_stride(match: Match) -> Made | None:
    """The convolution over the pixels where they were: its windows and steps are so many times as large."""
    conv, unshuffled = match.root.op, match.node("unshuffled").op
    assert isinstance(conv, Conv2d)
    assert isinstance(unshuffled, PixelUnshuffle)
    step, channels = unshuffled.downscale_factor, match.shape("x")[1]
    plain = conv.groups == 1 and conv.dilation == (1, 1) and conv.padding_mode == "zeros"
    if not plain or isinstance(conv.padding, str) or len(match.root.inputs) > 1:
        return None
    weight, order = match.editing.graph.weights[match.root.params["weight"]], _order(match)
    if not np.array_equal(np.sort(order), np.arange(channels * step * step)):
        return None
    outputs, _, rows, columns = weight.shape
    by_pixel = weight[:, np.argsort(order)]
    apart = by_pixel.reshape(outputs, channels, step, step, rows, columns)
    larger = apart.transpose(0, 1, 4, 2, 5, 3).reshape(outputs, channels, rows * step, columns * step)
    top, bottom, left, right = (side * step for side in conv.padding)
    stride = (conv.stride[0] * step, conv.stride[1] * step)
    op = dataclasses.replace(conv, stride=stride, padding=(top, bottom, left, right))
    return Made(op, (match["x"],), {**match.root.params, "weight": np.ascontiguousarray(larger)})


def _order(match: Match) -> np.ndarray:
    """For each channel that the convolution reads which one it is of the pixel_unshuffle."""
    channels = match.shape("unshuffled")[1]
    if "order" not in match.values:
        return np.arange(channels)
    op = match.node("order").op
    if isinstance(op, ChannelShuffle):
        return np.arange(channels).reshape(op.groups, -1).T.reshape(-1)
    assert isinstance(op, IndexSelect)
    return np.array(op.index)


RULES = (Rule(apply("conv2d", ORDERED), _with_stride), Rule(apply("conv2d", UNSHUFFLED), _with_stride))
