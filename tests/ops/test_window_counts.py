"""How many windows fit, as torch 2.14's max_pool2d counts them."""

from __future__ import annotations

import numpy as np
import pytest

from tinyinfer import kernels, ops
from tinyinfer.errors import GraphError
from tinyinfer.models import build
from tinyinfer.ops.geometry import output_size

# size, kernel, stride, padding, dilation, ceil_mode, and torch's count; 0 is an error there
TORCH = (
    (1, 1, 2, 0, 3, 1, 1), (1, 2, 3, 0, 1, 1, 1), (1, 2, 3, 1, 3, 1, 1), (1, 3, 5, 0, 2, 1, 1), (1, 4, 4, 0, 1, 0, 0),
    (1, 4, 5, 1, 2, 1, 1), (1, 7, 5, 2, 1, 1, 1), (2, 2, 3, 0, 2, 1, 1), (2, 3, 1, 1, 3, 1, 0), (2, 3, 5, 1, 2, 1, 1),
    (2, 4, 3, 2, 2, 1, 1), (2, 4, 4, 1, 2, 1, 1), (2, 5, 4, 2, 1, 1, 1), (2, 5, 5, 1, 1, 1, 1), (3, 1, 3, 0, 1, 1, 1),
    (3, 2, 3, 0, 3, 1, 1), (3, 2, 4, 1, 3, 0, 1), (3, 3, 3, 1, 3, 1, 1), (3, 3, 5, 0, 2, 1, 1), (3, 5, 1, 0, 2, 1, 0),
    (3, 7, 2, 2, 3, 1, 0), (3, 7, 4, 1, 1, 1, 1), (4, 1, 3, 0, 1, 1, 2), (4, 3, 3, 0, 2, 0, 0), (4, 4, 4, 2, 1, 1, 2),
    (4, 4, 5, 1, 3, 1, 1), (4, 5, 2, 2, 2, 0, 0), (4, 6, 1, 0, 3, 1, 0), (4, 6, 4, 0, 1, 1, 1), (5, 1, 1, 0, 1, 1, 5),
    (5, 3, 5, 0, 2, 1, 1), (5, 4, 4, 0, 2, 1, 1), (5, 4, 5, 1, 3, 1, 1), (5, 4, 5, 2, 3, 1, 1), (5, 5, 5, 1, 2, 1, 1),
    (6, 3, 4, 1, 1, 1, 2), (6, 4, 3, 0, 2, 1, 1), (6, 4, 5, 0, 3, 1, 1), (6, 6, 2, 2, 2, 1, 1), (6, 7, 4, 0, 1, 1, 1),
    (6, 7, 5, 0, 1, 1, 1), (7, 1, 1, 0, 2, 0, 7), (7, 6, 4, 1, 3, 1, 0), (8, 5, 4, 1, 2, 1, 2), (8, 6, 2, 1, 2, 0, 0),
    (8, 6, 4, 1, 1, 0, 2), (8, 7, 5, 3, 3, 1, 0), (9, 1, 5, 0, 1, 1, 2), (9, 6, 1, 0, 3, 1, 0), (9, 6, 2, 1, 3, 1, 0),
    (10, 2, 4, 1, 3, 1, 3), (10, 5, 4, 1, 3, 1, 1), (10, 6, 3, 0, 2, 1, 1), (10, 6, 5, 3, 3, 1, 1),
    (11, 1, 5, 0, 1, 0, 3), (11, 2, 3, 1, 1, 1, 4), (11, 2, 5, 0, 3, 0, 2), (11, 6, 5, 0, 3, 1, 0),
    (12, 1, 5, 0, 2, 1, 3), (12, 2, 3, 1, 3, 1, 5), (12, 4, 4, 2, 1, 0, 4), (12, 7, 1, 1, 2, 1, 2),
    (12, 7, 5, 0, 2, 1, 1), (13, 2, 2, 0, 2, 0, 6), (13, 3, 1, 1, 3, 1, 9), (13, 5, 1, 1, 2, 0, 7),
    (13, 7, 5, 0, 2, 1, 1), (13, 7, 5, 0, 3, 1, 0),
)  # fmt: skip


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "dilation", "ceil_mode", "count"), TORCH)
def test_count(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: int, count: int) -> None:
    arguments = (size, kernel, stride, padding, padding, dilation, bool(ceil_mode))
    if count:
        assert output_size(*arguments) == count
    else:
        with pytest.raises(GraphError, match="larger than the padded input"):
            output_size(*arguments)


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_the_only_window_may_overhang(name: str) -> None:
    x = np.arange(18, dtype=np.float32).reshape(1, 2, 3, 3)
    reduce = np.max if name == "max_pool2d" else np.mean
    for attrs in ({"kernel_size": 4, "stride": 2, "ceil_mode": True}, {"kernel_size": (5, 4), "ceil_mode": True}):
        expected = reduce(x, axis=(2, 3), keepdims=True)
        np.testing.assert_allclose(ops.reference(name)(x, **attrs), expected)
        np.testing.assert_allclose(kernels.call(f"{name}/windows", x, **attrs), expected)


# the smallest image sides that torchvision's networks take
@pytest.mark.parametrize(("name", "least"), [("squeezenet1_0", 21), ("squeezenet1_1", 17), ("googlenet", 15)])
def test_networks_take_images_as_small_as_torch_does(name: str, least: int) -> None:
    graph = build(name)
    for side in (least, 28):
        assert graph.infer_types({"input": (1, 3, side, side)})[graph.outputs[0]].shape == (1, 1000)
    with pytest.raises(GraphError, match="larger than the padded input"):
        graph.infer_types({"input": (1, 3, least - 1, least - 1)})
