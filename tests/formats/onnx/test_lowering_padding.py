"""Pad, rearranged pixels and Dropout of ONNX files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx_nodes import assert_same, imported, ints, normal, one_node, operators, scalar

from tinyinfer.errors import UnsupportedOpError

MODES = ("constant", "reflect", "edge", "wrap")


@given(data=st.data())
def test_pad(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from([(7,), (6, 5), (3, 5, 6), (3, 3, 6, 5), (3, 3, 3, 4, 5)]))
    mode = data.draw(st.sampled_from(MODES))
    least = -1 if mode == "constant" else 0
    dims = sorted(data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    widths = [data.draw(st.integers(least, min(2, shape[dim] - 1))) for dim in dims * 2]
    opset = data.draw(st.sampled_from([18, 19, 21] if mode != "wrap" else [19, 21]))
    values = [normal(*shape), ints(*widths), scalar(1.5) if mode == "constant" else None, ints(*dims)]
    assert_same("Pad", values, opset, mode=mode)


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
def test_pad_of_older_opsets(mode: str) -> None:
    x, widths = normal(2, 3, 6, 5), [0, 0, 1, 2, 0, 0, 3, 0]
    options: dict[str, Any] = {"free": (0, 2, 3), "others": [[normal(1, 3, 8, 9)]]}
    assert_same("Pad", [x], 10, **options, mode=mode, pads=widths)
    for opset in (11, 13):
        assert operators(assert_same("Pad", [x, ints(*widths)], opset, **options, mode=mode)) == ["pad"]


@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_pad_of_integers(dtype: str) -> None:
    assert_same("Pad", [np.arange(6).astype(dtype).reshape(2, 3), ints(0, 1, 1, 0), scalar(7, dtype)], 13)


def test_widths_that_are_computed_are_refused() -> None:
    x = normal(2, 3)
    with pytest.raises(UnsupportedOpError, match="pads: expected an array of the file"):
        imported(one_node("Pad", [x, np.array([0, 0, 1, 1])], 13))
    with pytest.raises(UnsupportedOpError, match="constant_value: expected a number, found NaN"):
        imported(one_node("Pad", [x, ints(0, 0, 1, 1), scalar(np.nan)], 13))


def test_padding_by_infinity_is_by_the_largest_number() -> None:
    graph = imported(one_node("Pad", [normal(2, 3), ints(0, 0, 1, 1), scalar(-np.inf)], 13))
    (pad,) = graph.nodes
    assert pad.op.attrs["value"] == -float(np.finfo(np.float32).max)


@pytest.mark.parametrize("block", [1, 2, 3])
@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(block: int, mode: str) -> None:
    x, others = normal(2, 36, 3, 2), [[normal(1, 36, 2, 5)]]
    assert_same("DepthToSpace", [x], 11, free=(0, 2, 3), others=others, blocksize=block, mode=mode)


def test_depth_to_space_of_an_old_opset_and_back() -> None:
    assert_same("DepthToSpace", [normal(1, 8, 3, 2)], 7, blocksize=2)
    assert_same("SpaceToDepth", [normal(2, 3, 6, 12)], 13, free=(0,), others=[[normal(1, 3, 6, 12)]], blocksize=3)


@pytest.mark.parametrize("opset", [7, 10, 12, 13])
def test_dropout_keeps_everything(opset: int) -> None:
    x = normal(2, 5)
    if opset < 12:
        assert_same("Dropout", [x], opset, ratio=0.3)
        return
    assert_same("Dropout", [x, scalar(0.3)], opset, outputs=2, free=(0,), others=[[normal(4, 5)]])
    assert_same("Dropout", [x, scalar(0.3), scalar(False, "bool")], opset)
    with pytest.raises(UnsupportedOpError, match="training_mode"):
        imported(one_node("Dropout", [x, scalar(0.3), scalar(True, "bool")], opset))
