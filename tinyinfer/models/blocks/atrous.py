"""Dilation in place of strides, so that a network for classification keeps a larger map (Chen et al. 2017)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def atrous(
    strides: Iterable[int], output_stride: int, *, reached: int = 2, at_once: bool = False
) -> Iterator[tuple[int, int]]:
    """(stride, dilation) of each layer, so that together with ``reached`` before they stride ``output_stride``.

    A stride too many becomes 1 and multiplies the dilation of the layers behind it; ``at_once`` its own already,
    which is torchvision's way.
    """
    dilation = 1
    for stride in strides:
        if stride == 1 or reached < output_stride:
            reached *= stride
            yield stride, dilation
        else:
            yield 1, dilation * stride if at_once else dilation
            dilation *= stride
