"""Cells that were found by search: data that says which operations are added, and one builder that reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinyinfer.builder import Builder
from tinyinfer.models.blocks.conv_bn_act import Style

Step = tuple[str, int]
Operation = Callable[[str, str, int, int], str]
"""Applies to a value: an operation's name, a stride, and its place, which counts the operations of the cell."""


@dataclass(frozen=True)
class Cell:
    """A cell as papers draw it: pairs of (operation, state) that are added, and the states that are concatenated.

    State 0 is the output of the cell before last, 1 that of the last cell, 2 the first pair's sum, and so on.
    """

    pairs: tuple[tuple[Step, Step], ...]
    concat: tuple[int, ...]


def nas_cell(b: Builder, inputs: tuple[str, str], cell: Cell, *, name: str, reduce: bool, operation: Operation) -> str:
    """The cell's output; in one that reduces, operations on the two ``inputs`` have stride 2 (NASNet, section 3)."""
    states = list(inputs)
    for i, pair in enumerate(cell.pairs):
        halves = [
            operation(states[source], kind, 2 if reduce and source < 2 else 1, 2 * i + side)
            for side, (kind, source) in enumerate(pair)
        ]
        states.append(b.add(*halves, name=f"{name}.add{i}"))
    return b.concat(*(states[i] for i in cell.concat), name=f"{name}.concat")


def window(kind: str) -> int:
    """Size of an operation's window, by its name: 3 of "max_pool_3x3"."""
    return int(kind.rsplit("x", 1)[1])


def relu_conv_bn(
    b: Builder, x: str, channels: int, *, names: tuple[str, str, str], style: Style, stride: int = 1
) -> str:
    """ReLU, 1x1 convolution, batch norm: cells have the activation first."""
    relu, conv, norm = names
    x = b.conv2d(b.relu(x, name=relu), channels, 1, name=conv, stride=stride, bias=False)
    return b.batch_norm(x, name=norm, eps=style.eps)


def relu_separable_bn(
    b: Builder,
    x: str,
    channels: int,
    kernel: int,
    *,
    names: tuple[str, str, str, str],
    style: Style,
    stride: int = 1,
    dilation: int = 1,
    cropped: bool = False,
) -> str:
    """ReLU, depthwise, 1x1 to ``channels``, batch norm.

    ``cropped`` is how ports without TensorFlow's "same" padding shift the windows: one more row and column in
    front, and the first ones of the result cut off.
    """
    relu, depthwise, pointwise, norm = names
    x = b.relu(x, name=relu)
    padding = style.pad(kernel, dilation)
    if cropped:
        x = b.pad(x, (1, 0, 1, 0), name=f"{depthwise}.pad")
        # the row behind is seen by no window at even sizes, and makes the odd ones as large as pooling does
        behind = kernel // 2 + (stride == 2)
        padding = (kernel // 2, behind, kernel // 2, behind)
    x = b.conv2d(
        x,
        b.channels(x),
        kernel,
        name=depthwise,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=b.channels(x),
        bias=False,
    )
    x = b.conv2d(x, channels, 1, name=pointwise, bias=False)
    if cropped:
        x = b.pad(x, (-1, 0, -1, 0), name=f"{pointwise}.crop")
    return b.batch_norm(x, name=norm, eps=style.eps)


def factorized_reduce(b: Builder, x: str, channels: int, *, names: tuple[str, str, str, str], style: Style) -> str:
    """Half the size without losing pixels: 1x1 convolutions of every second one, and of those in between.

    They are shifted by one row and column, zeros coming in at the end, and give half of the channels each (NASNet,
    appendix A.4).  ``names`` are those of the ReLU, the two convolutions and the batch norm.
    """
    relu, first, second, norm = names
    x = b.relu(x, name=relu)
    shifted = b.pad(x, (-1, 1, -1, 1), name=f"{second}.shift")
    left = b.conv2d(x, channels // 2, 1, name=first, stride=2, bias=False)
    right = b.conv2d(shifted, channels - channels // 2, 1, name=second, stride=2, bias=False)
    return b.batch_norm(b.concat(left, right, name=f"{norm}.concat"), name=norm, eps=style.eps)
