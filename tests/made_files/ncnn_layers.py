"""Networks of a single layer, for each layer and each way to write it; what ncnn 1.0.20261020 computes for them.

``python tests/made_files/ncnn_layers.py`` runs them in ncnn, where that is installed, and writes the results anew.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ncnn_files
import numpy as np
from ncnn_files import plain, table, tagged

RESULTS = Path(__file__).with_name("ncnn_results.json")
SHOWN = 12  # numbers of each result that are kept


def numbers(*shape: int, at: int = 0) -> np.ndarray:
    """Numbers of either sign that look random, the same on every machine."""
    index = np.arange(1, int(np.prod(shape)) + 1, dtype=np.float64)
    return (1.5 * np.sin(index * index * 0.37 + index * 1.7 + at)).astype(np.float32).reshape(shape)


def positive(*shape: int) -> np.ndarray:
    """Numbers from 0.2 on."""
    return np.abs(numbers(*shape)) + np.float32(0.2)


@dataclass(frozen=True)
class Case:
    """A layer's type and parameters, the shapes of its inputs without a batch, its weights; how many outputs it has."""

    kind: str
    parameters: str
    inputs: Sequence[tuple[int, ...]]
    weights: bytes = b""
    outputs: int = 1
    above: float | None = None  # what the inputs are not below

    def lines(self) -> list[str]:
        """The text of the layers."""
        read = [f"in{i}" for i in range(len(self.inputs))]
        written = [f"out{i}" for i in range(self.outputs)]
        inputs = [f"Input {name} 0 1 {name} {_sizes(shape)}" for name, shape in zip(read, self.inputs, strict=True)]
        head = f"{self.kind} layer {len(read)} {self.outputs}"
        return [*inputs, " ".join([head, *read, *written, self.parameters])]

    def arrays(self) -> dict[str, np.ndarray]:
        """The inputs."""
        found = {f"in{i}": numbers(*shape, at=i) for i, shape in enumerate(self.inputs)}
        return found if self.above is None else {k: np.abs(v) + np.float32(self.above) for k, v in found.items()}


def _sizes(shape: tuple[int, ...]) -> str:
    return " ".join(f"{number}={size}" for number, size in zip((0, 1, 2), reversed(shape), strict=False))


IMAGE, ROWS, ROW = (6, 5, 7), (4, 6), (8,)
WEIGHT = numbers(4, 6, 3, 3)
CONV = "0=4 1=3 5=1 6=216"
CONV_WEIGHTS = tagged(WEIGHT) + plain(numbers(4))
DEPTHWISE = "0=6 1=3 5=1 6=54 7=6"
DEPTHWISE_WEIGHTS = tagged(numbers(6, 1, 3, 3)) + plain(numbers(6))
CODES = (np.arange(216) * 7 % 255 - 127).astype(np.int8)


def one(kind: str, parameters: str = "", shape: tuple[int, ...] = IMAGE, weights: bytes = b"", **more: Any) -> Case:
    """A case with one input."""
    return Case(kind, parameters, (shape,), weights, **more)


def statistics(count: int) -> bytes:
    """Slope, mean, variance and bias of a batch norm."""
    return b"".join(map(plain, (numbers(count), numbers(count, at=1), positive(count), numbers(count, at=2))))


# fmt: off
CASES: dict[str, Case] = {
    # convolutions
    "conv": one("Convolution", CONV, weights=CONV_WEIGHTS),
    "conv without bias": one("Convolution", "0=4 1=3 6=216", weights=tagged(WEIGHT)),
    "conv float16": one("Convolution", CONV, weights=tagged(WEIGHT.astype(np.float16)) + plain(numbers(4))),
    "conv odd float16": one(
        "Convolution", "0=3 1=1 6=9 5=1", (3, 4, 4), tagged(numbers(9).astype(np.float16)) + plain(numbers(3))
    ),
    "conv table": one("Convolution", CONV, weights=table(numbers(256), np.arange(216)) + plain(numbers(4))),
    "conv stride and pads": one("Convolution", f"{CONV} 3=2 13=1 4=1 14=2 15=0 16=1", weights=CONV_WEIGHTS),
    "conv dilation": one("Convolution", f"{CONV} 2=2 12=1 4=2", weights=CONV_WEIGHTS),
    "conv same upper": one("Convolution", f"{CONV} 3=2 4=-233", weights=CONV_WEIGHTS),
    "conv same lower": one("Convolution", f"{CONV} 4=-234", weights=CONV_WEIGHTS),
    "conv same lower even": one(
        "Convolution", "0=4 1=2 6=96 4=-234", weights=tagged(numbers(4, 6, 2, 2))
    ),
    "conv same lower stride": one("Convolution", f"{CONV} 3=2 4=-234", weights=CONV_WEIGHTS),
    "conv same lower stride 3": one("Convolution", f"{CONV} 3=3 4=-234", weights=CONV_WEIGHTS),
    "conv pad value": one("Convolution", f"{CONV} 4=1 18=0.5", weights=CONV_WEIGHTS),
    "conv kernel sides": one("Convolution", "0=4 1=1 11=3 6=72 4=0 14=1", weights=tagged(numbers(4, 6, 3, 1))),
    "conv on a row": one("Convolution", "0=4 1=1 6=32 5=1 9=1", ROW, tagged(numbers(4, 8)) + plain(numbers(4))),
    **{
        f"conv activation {kind}": one("Convolution", f"{CONV} 9={kind} {given}", weights=CONV_WEIGHTS)
        for kind, given in {
            1: "", 2: "-23310=1,0.2", 3: "-23310=2,-1.0,0.5", 4: "", 5: "", 6: "-23310=2,0.2,0.5",
        }.items()
    },
    "conv relu6": one("Convolution", f"{CONV} 9=3 -23310=2,0.0,6.0", weights=CONV_WEIGHTS),
    "conv hardswish": one("Convolution", f"{CONV} 9=6 -23310=2,1.666667e-01,5.000000e-01", weights=CONV_WEIGHTS),
    "depthwise": one("ConvolutionDepthWise", DEPTHWISE, weights=DEPTHWISE_WEIGHTS),
    "depthwise stride": one("ConvolutionDepthWise", f"{DEPTHWISE} 3=2 4=1 9=1", weights=DEPTHWISE_WEIGHTS),
    "conv groups": one("ConvolutionDepthWise", "0=4 1=3 6=108 7=2", weights=tagged(numbers(4, 3, 3, 3))),
    "deconv": one("Deconvolution", CONV + " 3=2", weights=CONV_WEIGHTS),
    "deconv pads": one("Deconvolution", CONV + " 3=2 4=1 9=1", weights=CONV_WEIGHTS),
    "deconv odd pads": one("Deconvolution", CONV + " 3=2 4=1 15=2 14=0 16=1", weights=CONV_WEIGHTS),
    "deconv same upper": one("Deconvolution", CONV + " 3=2 4=-233 20=14 21=10", weights=CONV_WEIGHTS),
    "deconv same lower": one("Deconvolution", CONV + " 3=2 4=-234 20=14 21=10", weights=CONV_WEIGHTS),
    "deconv output pad": one("Deconvolution", CONV + " 3=2 4=1 18=1", weights=CONV_WEIGHTS),
    "deconv wide output pad": one("Deconvolution", CONV + " 18=2 19=1", weights=CONV_WEIGHTS),
    "deconv kernel sides": one(
        "Deconvolution", "0=4 1=2 11=3 3=2 13=1 6=144", weights=tagged(numbers(4, 6, 3, 2))
    ),
    "deconv groups": one("DeconvolutionDepthWise", "0=4 1=3 3=2 6=108 7=2", weights=tagged(numbers(4, 3, 3, 3))),
    "deconv depthwise": one("DeconvolutionDepthWise", DEPTHWISE + " 3=2 4=1", weights=DEPTHWISE_WEIGHTS),
    "deformable": Case(
        "DeformableConv2D", "0=4 1=3 5=1 6=216 4=1", (IMAGE, (18, 5, 7)), CONV_WEIGHTS
    ),
    "deformable mask": Case(
        "DeformableConv2D", "0=4 1=3 5=1 6=216 4=1 9=1", (IMAGE, (18, 5, 7), (9, 5, 7)), CONV_WEIGHTS
    ),
    # products
    "inner product": one("InnerProduct", "0=4 1=1 2=32", ROW, tagged(numbers(4, 8)) + plain(numbers(4))),
    "inner product of an image": one("InnerProduct", "0=4 2=840 9=1", IMAGE, tagged(numbers(4, 210))),
    "inner product of rows": one("InnerProduct", "0=5 1=1 2=30", ROWS, tagged(numbers(5, 6)) + plain(numbers(5))),
    "inner product of a flattened map": one("InnerProduct", "0=5 2=120", ROWS, tagged(numbers(5, 24))),
    "matmul": Case("MatMul", "", ((4, 6), (6, 5))),
    "matmul transposed": Case("MatMul", "0=1", ((4, 6), (5, 6))),
    "matmul of stacks": Case("MatMul", "", ((3, 4, 6), (3, 6, 5))),
    "matmul of a stack and a matrix": Case("MatMul", "", ((3, 4, 6), (6, 5))),
    "gemm": Case("Gemm", "", ((4, 6), (6, 5))),
    "gemm alpha beta": Case("Gemm", "0=0.5 1=2.0", ((4, 6), (6, 5), (4, 5))),
    "gemm transposed": Case("Gemm", "2=1 3=1", ((6, 4), (5, 6))),
    "gemm constant B and C": one(
        "Gemm", "3=1 5=1 6=1 8=5 9=6 10=4", ROWS, tagged(numbers(5, 6)) + tagged(numbers(5))
    ),
    "gemm constant A": one("Gemm", "4=1 7=3 9=4", (4, 6), tagged(numbers(3, 4))),
    "gemm constant column": one(
        "Gemm", "0=2.0 1=0.5 3=1 5=1 6=1 7=4 8=5 9=6 10=1", ROWS, tagged(numbers(5, 6)) + tagged(numbers(4))
    ),
    "gemm output transposed": one("Gemm", "5=1 6=1 8=5 9=6 10=-1 14=1", ROWS, tagged(numbers(6, 5))),
    # functions of one number
    "absval": one("AbsVal"),
    "bnll": one("BNLL"),
    "celu": one("CELU", "0=0.7"),
    "clip": one("Clip", "0=-0.5 1=0.7"),
    "clip below": one("Clip", "0=-0.5"),
    "clip of nothing": one("Clip", "0=-3.402823e+38 1=3.402823e+38"),
    "elu": one("ELU", "0=0.3"),
    "elu default": one("ELU"),
    "erf": one("Erf"),
    "exp": one("Exp", "1=0.5 2=0.1"),
    "exp base": one("Exp", "0=2.0 1=0.5"),
    "gelu": one("GELU"),
    "gelu fast": one("GELU", "0=1"),
    "hardsigmoid": one("HardSigmoid"),
    "hardsigmoid usual": one("HardSigmoid", "0=1.666667e-01"),
    "hardswish": one("HardSwish"),
    "hardswish usual": one("HardSwish", "0=1.666667e-01 1=0.5"),
    "log": one("Log", "1=0.5 2=1.0", above=0.2),
    "log base": one("Log", "0=10.0", above=0.2),
    "mish": one("Mish"),
    "power": one("Power", "0=2.0 1=0.5 2=1.0"),
    "power of a fraction": one("Power", "0=0.7", above=0.2),
    "prelu": one("PReLU", "0=6", weights=plain(numbers(6))),
    "prelu one": one("PReLU", "0=1", weights=plain(numbers(1))),
    "prelu of rows": one("PReLU", "0=4", ROWS, plain(numbers(4))),
    "prelu of a row": one("PReLU", "0=8", ROW, plain(numbers(8))),
    "relu": one("ReLU"),
    "relu slope": one("ReLU", "0=0.1"),
    "selu": one("SELU"),
    "selu of others": one("SELU", "0=1.5 1=1.2"),
    "sigmoid": one("Sigmoid"),
    "softplus": one("Softplus"),
    "swish": one("Swish"),
    "tanh": one("TanH"),
    "threshold": one("Threshold", "0=0.3"),
    **{f"unary {kind}": one("UnaryOp", f"0={kind}", above=0.2 if kind in (5, 6, 8, 15, 17) else None)
       for kind in (0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 18, 19)},
    # arithmetic
    **{f"binary {kind}": Case("BinaryOp", f"0={kind}", (IMAGE, IMAGE), above=0.2) for kind in range(10)},
    **{f"binary {kind} number": Case("BinaryOp", f"0={kind} 1=1 2=1.5", (IMAGE,), above=0.2) for kind in range(10)},
    **{
        f"binary {'x'.join(map(str, a))} and {'x'.join(map(str, b))}": Case("BinaryOp", "0=1", (a, b))
        for a, b in (
            (IMAGE, (6,)), (IMAGE, (7,)), (IMAGE, (1,)), ((6,), IMAGE), (IMAGE, (6, 5)), ((6, 5), IMAGE),
            (IMAGE, (6, 1, 1)), (IMAGE, (1, 5, 7)), (IMAGE, (6, 5, 1)), (IMAGE, (1, 1, 7)), (ROWS, (4,)), (ROWS, (6,)),
            ((4,), ROWS), (ROWS, (1, 6)), (ROWS, (4, 1)), ((1, 6), (4, 1)), ((6, 1, 7), (1, 5, 1)),
        )
    },
    "eltwise prod": Case("Eltwise", "0=0", (IMAGE, IMAGE, IMAGE)),
    "eltwise sum": Case("Eltwise", "0=1", (IMAGE, IMAGE)),
    "eltwise coeffs": Case("Eltwise", "0=1 -23301=3,1.0,-0.5,2.0", (IMAGE, IMAGE, IMAGE)),
    "eltwise max": Case("Eltwise", "0=2", (IMAGE, IMAGE)),
    "bias": one("Bias", "0=6", weights=plain(numbers(6))),
    "scale": one("Scale", "0=6 1=1", weights=plain(numbers(6)) + plain(numbers(6, at=3))),
    "scale without bias": one("Scale", "0=6", weights=plain(numbers(6))),
    "scale of rows": one("Scale", "0=4 1=1", ROWS, plain(numbers(4)) + plain(numbers(4, at=3))),
    "scale of a row": one("Scale", "0=8", ROW, plain(numbers(8))),
    "scale by a blob": Case("Scale", "0=-233", (IMAGE, (6,))),
    "dropout": one("Dropout"),
    "dropout scale": one("Dropout", "0=0.5"),
    # pooling
    **{
        f"{name} pool {how}": one("Pooling", f"0={kind} {parameters}")
        for kind, name in enumerate(("max", "mean"))
        for how, parameters in {
            "global": "4=1", "full": "1=3 2=2", "full padded": "1=3 2=2 3=1", "valid": "1=3 2=2 5=1",
            "valid padded": "1=3 2=2 3=1 5=1", "same upper": "1=3 2=2 5=2", "same upper 2": "1=2 2=2 5=2",
            "same lower": "1=3 2=1 5=3", "same lower stride": "1=3 2=2 5=3",
            "sides": "1=2 11=3 2=1 12=2 3=0 13=1 14=1 15=1 5=1", "adaptive": "7=1 8=3",
            "adaptive sides": "7=1 8=2 18=3", "adaptive kept": "7=1 8=-233 18=2", "step 1": "1=2",
        }.items()
    },
    "mean pool full counted": one("Pooling", "0=1 1=3 2=2 3=1 6=1"),
    "mean pool valid counted": one("Pooling", "0=1 1=3 2=2 3=1 5=1 6=1"),
    # normalisation
    "batch norm": one("BatchNorm", "0=6 1=0.01", weights=statistics(6)),
    "batch norm of a row": one("BatchNorm", "0=8", ROW, statistics(8)),
    "instance norm": one("InstanceNorm", "0=6 1=0.01", weights=plain(numbers(6)) + plain(numbers(6, at=1))),
    "instance norm plain": one("InstanceNorm", "0=6 2=0"),
    "group norm": one("GroupNorm", "0=3 1=6 2=0.01", weights=plain(numbers(6)) + plain(numbers(6, at=1))),
    "group norm plain": one("GroupNorm", "0=2 1=6 3=0"),
    "group norm of rows": one("GroupNorm", "0=2 1=4 3=0", ROWS),
    "layer norm of rows": one("LayerNorm", "0=6", ROWS, plain(numbers(6)) + plain(numbers(6, at=1))),
    "layer norm of a row": one("LayerNorm", "0=8 1=0.01", ROW, plain(numbers(8)) + plain(numbers(8, at=1))),
    "layer norm of lines": one("LayerNorm", "0=7", IMAGE, plain(numbers(7)) + plain(numbers(7, at=1))),
    "layer norm of maps": one("LayerNorm", "0=35 2=0", IMAGE),
    "rms norm": one("RMSNorm", "0=6", ROWS, plain(numbers(6))),
    "lrn": one("LRN", "1=3 2=0.5 3=0.6 4=1.5"),
    "lrn within": one("LRN", "0=1 1=3 2=0.5 3=0.6"),
    "mvn": one("MVN", "0=1"),
    "mvn across": one("MVN", "0=1 1=1 2=0.01"),
    "mvn mean": one("MVN", ""),
    **{
        f"normalize {space}{channel} {mode}": one(
            "Normalize", f"0={space} 1=0 2=0.01 3=6 4={channel} 9={mode}", weights=plain(numbers(6))
        )
        for space, channel in ((0, 1), (1, 0), (1, 1))
        for mode in (0, 1, 2)
    },
    "normalize shared": one("Normalize", "0=0 1=1 2=0.01 3=1 4=1", weights=plain(numbers(1))),
    **{f"softmax {axis}": one("Softmax", f"0={axis} 1=1") for axis in (0, 1, 2, -1)},
    "softmax of a row": one("Softmax", "", ROW),
    "softmax of rows": one("Softmax", "0=1 1=1", ROWS),
    # reductions
    **{
        f"reduction {kind}": one("Reduction", f"0={kind} 1=0 2=1.0 -23303=2,1,2 5=1", above=0.2)
        for kind in (0, 1, 2, 3, 4, 5, 7, 8, 9, 10)
    },
    "reduction of all": one("Reduction", "0=0"),
    "reduction kept": one("Reduction", "0=3 1=0 -23303=1,0 4=1 5=1"),
    "reduction of the last": one("Reduction", "0=4 1=0 -23303=1,-1 5=1"),
    "reduction scaled": one("Reduction", "0=0 1=0 2=0.5 -23303=1,1 5=1"),
    "reduction of rows": one("Reduction", "0=3 1=0 -23303=1,0 5=1", ROWS),
    "reduction of all kept": one("Reduction", "0=3 1=1 4=1"),
    # movement
    "concat": Case("Concat", "", (IMAGE, (2, 5, 7))),
    "concat lines": Case("Concat", "0=-2", (IMAGE, (6, 2, 7))),
    "concat rows": Case("Concat", "0=1", (ROWS, (4, 3))),
    "slice": one("Slice", "-23300=2,-233,-233", outputs=2),
    "slice sizes": one("Slice", "-23300=3,1,2,-233 1=0", outputs=3),
    "slice columns": one("Slice", "-23300=2,3,-233 1=2", outputs=2),
    "slice indices": one("Slice", "-23302=3,1,-2,-233 1=0", outputs=3),
    "crop": one("Crop", "0=1 1=2 2=1 3=4 4=2 5=3"),
    "crop to the end": one("Crop", "0=1 1=1 2=0 3=-233 4=-233 5=-233 6=2"),
    "crop with starts": one("Crop", "-23309=2,1,2 -23310=2,4,-1 -23311=2,1,2"),
    "crop with far ends": one("Crop", "-23309=1,2 -23310=1,2147483647 -23311=1,0"),
    "crop from behind": one("Crop", "-23309=1,-3 -23310=1,-233 -23311=1,-1"),
    "crop like": Case("Crop", "0=1 1=2", (IMAGE, (2, 3, 4))),
    "split": one("Split", outputs=3),
    "tile": one("Tile", "0=1 1=2"),
    "tile repeats": one("Tile", "-23302=3,2,1,3"),
    "interp nearest": one("Interp", "0=1 1=2.0 2=2.0"),
    "interp nearest size": one("Interp", "0=1 3=9 4=11"),
    "interp bilinear": one("Interp", "0=2 1=2.0 2=1.5"),
    "interp bilinear size": one("Interp", "0=2 3=3 4=11"),
    "interp aligned": one("Interp", "0=2 3=9 4=11 6=1"),
    "interp bicubic scale": one("Interp", "0=3 1=1.5 2=1.3"),
    "interp nearest scale": one("Interp", "0=1 1=1.5 2=1.3"),
    "interp aligned scale": one("Interp", "0=2 1=1.5 2=1.3 6=1"),
    "interp smaller": one("Interp", "0=2 1=0.5 2=0.6"),
    "interp bicubic": one("Interp", "0=3 3=9 4=11"),
    "interp of a row": one("Interp", "0=2 3=3 4=2", ROW),
    "interp like": Case("Interp", "0=2 5=1", (IMAGE, (2, 8, 9))),
    **{
        f"grid sample {kind}{border}{corner}": Case(
            "GridSample", f"0={kind} 1={border} 2={corner}", (IMAGE, (4, 3, 2))
        )
        for kind in (1, 2, 3) for border in (1, 2, 3) for corner in (0, 1)
    },
    "grid sample by channels": Case("GridSample", "3=1", (IMAGE, (2, 4, 3))),
    "glu": one("GLU", "0=0"),
    "glu last": one("GLU", "0=-1", ROWS),
    "cumulative sum": one("CumulativeSum", "0=1"),
    "flip": one("Flip", "-23300=2,0,2"),
    "padding": one("Padding", "0=1 1=2 2=3 3=0 5=0.5"),
    "padding replicate": one("Padding", "0=1 1=2 2=3 3=0 4=1"),
    "padding reflect": one("Padding", "0=1 1=2 2=3 3=0 4=2"),
    "padding channels": one("Padding", "7=1 8=2 5=-1.5"),
    "padding each channel": one("Padding", "0=1 1=1 2=1 3=1 6=6", weights=plain(numbers(6))),
    "padding rows": one("Padding", "0=1 1=0 2=2 3=1", ROWS),
    "padding row": one("Padding", "2=2 3=1 5=0.5", ROW),
    "pixel shuffle": one("PixelShuffle", "0=2", (8, 3, 4)),
    "pixel shuffle mode 1": one("PixelShuffle", "0=2 1=1", (8, 3, 4)),
    "reorg": one("Reorg", "0=2", (3, 4, 6)),
    "reorg mode 1": one("Reorg", "0=2 1=1", (3, 4, 6)),
    "shuffle": one("ShuffleChannel", "0=2"),
    "shuffle reverse": one("ShuffleChannel", "0=2 1=1"),
    # views
    "flatten": one("Flatten"),
    **{f"permute {order}": one("Permute", f"0={order}") for order in range(6)},
    "permute rows": one("Permute", "0=1", ROWS),
    "reshape to a row": one("Reshape", "0=-1"),
    "reshape to rows": one("Reshape", "0=7 1=-1"),
    "reshape to an image": one("Reshape", "0=5 1=7 2=6"),
    "reshape keeping": one("Reshape", "0=-1 1=0 2=0"),
    "reshape rows to an image": one("Reshape", "0=0 1=2 2=-1", ROWS),
    "expand": one("ExpandDims", "-23303=1,0", ROWS),
    "expand last": one("ExpandDims", "-23303=1,-1", ROWS),
    "expand two": one("ExpandDims", "-23303=2,0,2", ROW),
    "squeeze": one("Squeeze", "-23303=1,1", (6, 1, 7)),
    "squeeze flags": one("Squeeze", "0=1 1=1", (6, 1, 1)),
    "squeeze all": one("Squeeze", "0=1 1=1 2=1", (1, 1, 7)),
    "noop": one("Noop"),
    # whole numbers
    "quantize": one("Quantize", "0=1", weights=plain(np.array([20.0]))),
}
# fmt: on


def run_in_ncnn(case: Case, folder: Path) -> dict[str, np.ndarray]:
    """What ncnn computes, by blob."""
    import ncnn

    net = ncnn.Net()
    for option in ("use_packing_layout", "use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic",
                   "use_bf16_storage", "use_int8_inference"):  # fmt: skip
        setattr(net.opt, option, False)
    path = ncnn_files.write(folder, case.lines(), case.weights)
    if net.load_param(str(path)) or net.load_model(str(path.with_suffix(".bin"))):
        raise ValueError("ncnn can't load it")
    found = {}
    for i in range(case.outputs):
        extractor = net.create_extractor()
        for name, array in case.arrays().items():
            extractor.input(name, ncnn.Mat(array).clone())  # layers may write to it
        _, blob = extractor.extract(f"out{i}")
        found[f"out{i}"] = np.array(blob)
    return found


def summary(array: np.ndarray) -> dict[str, Any]:
    """Shape, some of the numbers, and a sum in which each counts differently."""
    flat = array.astype(np.float64).ravel()
    places = np.unique(np.linspace(0, flat.size - 1, SHOWN).astype(int))
    weighted = float((flat * np.cos(np.arange(flat.size))).sum())
    return {
        "shape": list(array.shape),
        "numbers": [float(f"{v:.7g}") for v in flat[places]],
        "sum": float(f"{weighted:.7g}"),
    }


def main() -> None:
    """Write the results of all cases that ncnn can run."""
    found = {}
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            found[name] = {blob: summary(array) for blob, array in run_in_ncnn(case, Path(folder)).items()}
            sys.stdout.write(f"{name}: {found[name]['out0']['shape']}\n")
            sys.stdout.flush()
    RESULTS.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items()) + "\n}\n")


if __name__ == "__main__":
    main()
