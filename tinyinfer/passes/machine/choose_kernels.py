"""Choose a kernel for every node: an ordered table of named predicates, each with its measured reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinyinfer import kernels
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.kernels.base import Problem
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.passes.machine.weight_costs import NEAR_WEIGHT_COST, weights_are_near
from tinyinfer.passes.machine.winograd_rule import (
    winograd2x2_of_codes_pays,
    winograd2x2_pays,
    winograd3x3_pays,
    winograd4x4_of_codes_pays,
    winograd_5x5_pays,
    winograd_pays,
    winograd_strided_pays,
)

REFERENCE = "reference"
GATHERED_CHANNELS = 512
TILE_PIXELS, TILE_SUMMANDS = 4, 64  # of an output, and of its sums: with fewer, tiles are mostly padding
KEPT_WEIGHTS = 1 << 21  # floats of a whole network that stay in L2, or L3, from one call to the next
SHORT_NAMES = {"winograd": "winograd4x4"}  # what --kernel may say instead of a kernel's whole name


@dataclass(frozen=True)
class Choice:
    """A row of the table: take ``kernel`` when it applies and ``when`` holds."""

    kernel: str
    when: Callable[[Problem], bool]
    why: str


def always(problem: Problem) -> bool:
    """For rows whose kernel is the best wherever it applies."""
    return True


def fills_tiles(problem: Problem) -> bool:
    """Enough pixels and long enough sums that splitting the inputs, and what tiles are padded with, is repaid.

    Where rounding to 16 digits may show in the end, it is not done.
    """
    if problem.exact:
        return False
    from tinyinfer.kernels.matmul.row_product import on_tiles  # here, since it brings Numba

    n, _, h, w = problem.outputs[0]
    m, c, kh, kw = problem.params["weight"].shape
    several_taps = kh * kw > 1 and c * kh * kw >= TILE_SUMMANDS
    return n * h * w >= TILE_PIXELS and (several_taps or on_tiles(c, m))


def wide_strided_1x1(problem: Problem) -> bool:
    """A 1x1 kernel that skips pixels: with so many channels the weights of a block of pixels are worth gathering it."""
    _, c, kh, kw = problem.params["weight"].shape
    return (kh, kw) == (1, 1) and c >= GATHERED_CHANNELS


def map_narrower_than_a_tile(problem: Problem) -> bool:
    """Rows of output that leave the microkernel's tiles half empty, so that weights are read the more often.

    Where these are near, fewer pixels make up for reading them; groups gather too little for longer rows.
    """
    from tinyinfer.kernels.matmul.gemm import MR  # here, since it brings Numba

    assert isinstance(problem.op, Conv2d)
    width = NEAR_WEIGHT_COST if weights_are_near(problem) else MR
    return problem.outputs[0][3] < width and problem.op.groups == 1


# factors: the step's time with the other kernel over its time with this one, one thread, AVX-512
# (MEASUREMENTS.md says when and where)
CHOICES: dict[str, tuple[Choice, ...]] = {
    "conv2d": (
        Choice("bf16x3", fills_tiles, "on AMX tiles (pointwise 1.1 to 2.8 times as long, Winograd 1.2 to 2.4)"),
        Choice("pointwise", always, "1x1: a matrix product as it stands (im2col 1.2 times as long on MobileNet V2)"),
        Choice("depthwise", always, "one channel a group: no matrix product (im2col 100 times as long)"),
        Choice("narrow_groups", always, "groups of 2, 4 or 8: all lanes are of use (im2col 4 to 60 times as long)"),
        Choice("grouped_pointwise", always, "1x1 in groups: channels read in place (im2col 1.1 to 25 times as long)"),
        Choice("winograd2x2", winograd2x2_pays, "3x3, small map: fewer weights to read (4x4 1.4 times as long at 7x7)"),
        Choice("winograd3x3", winograd3x3_pays, "3x3, in between, shared weights (2x2 and 4x4 1.05 times as long)"),
        Choice("winograd4x4", winograd_pays, "3x3: a quarter of the products (direct 2.2 times as long on ResNet-18)"),
        Choice("winograd_5x5", winograd_5x5_pays, "5x5: 36 products for 100 (direct 1.3 to 2.4 times as long)"),
        Choice(
            "winograd_strided", winograd_strided_pays, "3x3, stride 2: 25 products for 36 (direct 1.3 times as long)"
        ),
        Choice("im2col", wide_strided_1x1, "1x1 with stride: pixels gathered (direct 1.1 times as long on ResNet-50)"),
        Choice("im2col", map_narrower_than_a_tile, "small map: tiles span its rows (direct 1.1 times as long at 7x7)"),
        Choice("direct", always, "windows read in place, only the border copied (im2col 1.2 times as long)"),
        Choice("im2col", always, "horizontal dilation: windows have to be gathered"),
    ),
    "quantized_conv2d": (
        Choice("one_tap", always, "a factor a channel: no windows (depthwise 8 times as long)"),
        Choice("depthwise", always, "one channel a group: no matrix product (windows 3 to 7 times as long)"),
        Choice("pointwise", always, "1x1: a matrix product as it stands (windows 1.1 times as long on MobileNet V2)"),
        Choice(
            "winograd4x4", winograd4x4_of_codes_pays, "3x3: a quarter of the products (windows 2 to 4 times as long)"
        ),
        Choice("winograd2x2", winograd2x2_of_codes_pays, "3x3, sums of many channels (windows 1.6 to 3 times as long)"),
        Choice("windows", always, "any window, read in place: only the border is copied"),
    ),
    "conv_transpose2d": (
        Choice("depthwise", always, "one channel a group: no matrix product (phases 4 times as long)"),
        Choice("phases", always, "as many products as im2col would have, but no sums to scatter"),
    ),
    "max_pool2d": (
        Choice("small_windows_of_codes", always, "2x2 or 3x3 on bytes: no loop over a window"),
        Choice("codes", always, "any window of bytes"),
        Choice("small_windows", always, "2x2 or 3x3: no loop over a window (windows 1.2 to 2.8 times as long)"),
        Choice("windows", always, "any window, any number of channels"),
    ),
    "avg_pool2d": (
        Choice("small_windows", always, "2x2 or 3x3: no loop over a window (windows 2 to 5 times as long)"),
        Choice("windows", always, "any window, any number of channels"),
    ),
    "shift": (
        Choice("strips", always, "by a pixel or two: every pixel loaded once (gather 1.5 to 2 times as long)"),
        Choice("gather", always, "any displacement"),
    ),
    "depthwise_chain": (
        Choice(
            "rolling_lines",
            always,
            "the wide map stays in cache row by row (layer by layer 1.1 times as long at 112x112)",
        ),
    ),
    "gated_conv2d": (
        Choice(
            "bf16x3",
            fills_tiles,
            "on AMX tiles, values scaled while they are split (scaled weights 1.2 to 1.5 times as long)",
        ),
        Choice(
            "scaled_weights", always, "fewer weights to scale than values (gate by itself 1.6 times as long at 56x56)"
        ),
    ),
}


def choices(op: str) -> Sequence[Choice]:
    """The rows of an operator; where there is nothing to choose between, every kernel wherever it applies."""
    return CHOICES.get(op) or [
        Choice(kernel.name, always, "the kernel of this operator") for kernel in kernels.list(op)
    ]


def choose_kernels(
    graph: Graph, types: Mapping[str, TensorType], forced: Mapping[str, str] | None = None, threads: int = 1
) -> Graph:
    """A graph whose nodes name their kernel and why.

    ``forced`` maps operator or node names to kernel names ("reference" for the NumPy version); a kernel forced for an
    operator is taken wherever it applies.  Raises InputError when a forced kernel does not exist or never applies.
    """
    forced = {target: SHORT_NAMES.get(name, name) for target, name in (forced or {}).items()}
    used: set[str] = set()
    graph = graph.copy()
    kept = sum(math.prod(graph.weights.shape(key)) for key in graph.weights) <= KEPT_WEIGHTS
    exact = kept and magnifies_rounding(graph)
    for i, node in enumerate(graph.nodes):
        problem = problem_of(node, graph.weights.select(node.params).shapes_only(), types, threads, kept, exact)
        kernel, why = _choose(node, problem, forced, used)
        graph.nodes[i] = node.replace(kernel=kernel, why=why)
    _check_forced(graph, forced, used)
    return graph


def magnifies_rounding(graph: Graph) -> bool:
    """Whether it has depthwise layers, whose sums of nine products may be small differences of large numbers.

    With products of 16 digits the outputs of small ones, FastestDet and two MobileNet V1, erred by 1.3e-3 to 1.8e-3 of
    their standard deviation; those of a MobileNet V2 for ImageNet, which is not small, by 2e-4.
    """
    convolutions = ((node, node.op) for node in graph.nodes if isinstance(node.op, Conv2d))
    return any(op.groups > 1 and graph.weights.shape(node.params["weight"])[1] == 1 for node, op in convolutions)


def problem_of(
    node: Node,
    params: Mapping[str, np.ndarray],
    types: Mapping[str, TensorType],
    threads: int,
    kept: bool = False,
    exact: bool = False,
) -> Problem:
    """What a kernel for this node would have to compute."""
    return Problem(
        op=node.op,  # type: ignore[arg-type]
        inputs=tuple(types[v].shape for v in node.inputs),
        outputs=tuple(types[v].shape for v in node.outputs),
        params=params,
        threads=threads,
        input_dtypes=tuple(types[v].dtype for v in node.inputs),
        output_dtypes=tuple(types[v].dtype for v in node.outputs),
        kept=kept,
        exact=exact,
    )


def _choose(node: Node, problem: Problem, forced: Mapping[str, str], used: set[str]) -> tuple[str, str]:
    for target in (node.name, node.op.name):
        wanted = forced.get(target)
        if wanted == REFERENCE or (wanted and kernels.find(node.op.name, wanted).takes(problem)):
            used.add(target)
            return wanted, "forced by the caller"
    for choice in choices(node.op.name):
        if kernels.find(node.op.name, choice.kernel).takes(problem) and choice.when(problem):
            return choice.kernel, choice.why
    return REFERENCE, "no kernel applies"


def _check_forced(graph: Graph, forced: Mapping[str, str], used: set[str]) -> None:
    names = {node.name for node in graph.nodes} | {node.op.name for node in graph.nodes}
    for target in forced.keys() - used:
        if target in names:
            raise InputError(f"kernel {forced[target]!r} does not apply to {target!r} in this network")
        if not kernels.list(target):
            raise InputError(f"{target!r} is neither a node of this network nor an operator with kernels")
        if forced[target] != REFERENCE:
            kernels.find(target, forced[target])  # an operator this network does not have; a wrong name is still wrong
