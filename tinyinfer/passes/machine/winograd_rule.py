"""When Winograd convolution pays, and with which tile: reckoned from products, waiting for weights, and transforms."""

from __future__ import annotations

import math

from tinyinfer.kernels.base import Problem
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.passes.machine.weight_costs import waiting

# in multiply-adds: what a transformed value costs, fitted with `WEIGHT_COST`, and what it takes to begin with
# transforms, fitted with `NEAR_WEIGHT_COST`
TRANSFORM_COST, WINOGRAD_START = 5, 90_000
STRIDED_MARGIN = 1.1  # a strided layer's small products take so much longer than the large one instead of them
FIVE_TAPS_CHANNELS = 16
WINOGRAD_TILES = (2, 3, 4)  # outputs on a side, for 3x3
CODES_TRANSFORM_COST = {2: 7, 4: 14}  # of a value of 8-bit codes by the tile's outputs on a side, in products of codes
CODES_TOGETHER = 16  # channels that are transformed at a time


def group_shape(problem: Problem) -> tuple[int, int, int]:
    """Groups of a convolution as kernels join them, and the channels that go into each and come out of it."""
    from tinyinfer.kernels.matmul.joined_groups import group_count  # here, since it brings LLVM

    groups = group_count(problem)
    return groups, problem.inputs[0][1] // groups, problem.outputs[0][1] // groups


def winograd_pays(problem: Problem) -> bool:
    """Few channels do not repay the transforms, small maps do not fill the tiles: one makes up for the other.

    Winograd and direct convolution break even near 8 channels at 28x28, 16 at 14x14, 32 at 7x7 (lesson 03); on maps of
    a tile or two the matrices of weights take longer to read than those of a direct convolution take to multiply.
    """
    return winograd_cost(problem, cheapest_tile(problem)) < direct_cost(problem)


def largest_grid(problem: Problem) -> tuple[int, int]:
    """Rows and columns of the map, with dilation of the largest of its grids (`list_grids`), each of which is one."""
    assert isinstance(problem.op, Conv2d)
    (_, _, h, w), (down, across) = problem.outputs[0], problem.op.dilation
    return -(-h // down), -(-w // across)


def winograd_cost(problem: Problem, m: int) -> int:
    """What F(m x m, r x r) takes, in multiply-adds: transforms, and its products or, where they wait, its weights."""
    from tinyinfer.kernels.codegen.cpu import LANES  # here, since it brings Numba

    (h, w), (groups, c, n), op = largest_grid(problem), group_shape(problem), problem.op
    assert isinstance(op, Conv2d)
    transformed = sum(-(-groups * channels // LANES) * LANES for channels in (c, n))
    stride, taps = op.stride[0], problem.params["weight"].shape[2]
    grids = problem.outputs[0][0] * math.prod(op.dilation)
    tiles, positions, matrices = grids * -(-h // m) * -(-w // m), (m * stride + taps - stride) ** 2, (m + taps - 1) ** 2
    slower = max(positions * tiles, waiting(problem, matrices))
    return int(groups * (slower * c * n + WINOGRAD_START) + TRANSFORM_COST * positions * tiles * transformed)


def direct_cost(problem: Problem) -> int:
    """What a convolution takes that multiplies every weight with every pixel, in the same measure."""
    (batch, _, h, w), (groups, c, n) = problem.outputs[0], group_shape(problem)
    taps = problem.params["weight"].shape[2]
    return int(max(taps**2 * batch * h * w, waiting(problem, taps**2)) * groups * c * n)


def cheapest_tile(problem: Problem) -> int:
    """Outputs on a side of Winograd's tile: large ones save products, small ones weights and what sticks out."""
    if problem.params["weight"].shape[2] != 3:
        return 2
    return min(WINOGRAD_TILES, key=lambda m: winograd_cost(problem, m))


def winograd2x2_pays(problem: Problem) -> bool:
    """On small maps with many channels, the matrices of weights of larger tiles cost more than their products save."""
    return winograd_pays(problem) and cheapest_tile(problem) == 2


def winograd3x3_pays(problem: Problem) -> bool:
    """Between the two: maps of 14x14 whose weights are shared by several threads."""
    return winograd_pays(problem) and cheapest_tile(problem) == 3


def winograd_5x5_pays(problem: Problem) -> bool:
    """With fewer channels most lanes of the transforms are idle, and these are three times those of F(2x2, 3x3)."""
    return winograd_pays(problem) and min(group_shape(problem)[1:]) >= FIVE_TAPS_CHANNELS


def winograd_strided_pays(problem: Problem) -> bool:
    """At stride 2 the saving is small: on maps that fill no whole tiles, or for few channels, there is none."""
    return STRIDED_MARGIN * winograd_cost(problem, 2) < direct_cost(problem)


def winograd_of_codes_cost(problem: Problem, m: int) -> int:
    """What F(m x m, 3 x 3) of codes takes, in multiply-adds."""
    (batch, n, h, w), c = problem.outputs[0], -(-problem.inputs[0][1] // CODES_TOGETHER) * CODES_TOGETHER
    positions = (m + 2) ** 2 * batch * -(-h // m) * -(-w // m)
    return positions * (c * n + CODES_TRANSFORM_COST[m] * (c + n))


def winograd2x2_of_codes_pays(problem: Problem) -> bool:
    """Where few outputs are made of few channels, transforms take longer than the products that they spare."""
    return winograd_of_codes_cost(problem, 2) < _direct_products(problem)


def winograd4x4_of_codes_pays(problem: Problem) -> bool:
    """Where the larger tiles do not stick out too far."""
    return winograd_of_codes_cost(problem, 4) < min(_direct_products(problem), winograd_of_codes_cost(problem, 2))


def _direct_products(problem: Problem) -> int:
    batch, n, h, w = problem.outputs[0]
    return 9 * batch * h * w * problem.inputs[0][1] * n
