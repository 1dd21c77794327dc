"""Arguments and options that several verbs share, and how they become models and arrays."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tinyinfer.cli.terminal import complain
from tinyinfer.errors import UnsupportedOpError

if TYPE_CHECKING:
    from tinyinfer.graph import Graph, Shape
    from tinyinfer.model import Model

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model file (.npz, .onnx, .tflite, .param), or the name of a network.")
]
TrainedModel = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A model file (.npz, .onnx, .tflite, .param), or the name of one that was pulled or ships.",
    ),
]
Threads = Annotated[int | None, typer.Option("--threads", metavar="N", min=1, help="Threads; all cores if left out.")]
Kernels = Annotated[
    list[str] | None,
    typer.Option("--kernel", metavar="OP=NAME", help="Force a kernel, as conv2d=im2col; 'reference' is plain NumPy."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Grouping = Annotated[Literal["node", "op"], typer.Option("--by", help="One row a node, or one an operator.")]
MaxPixels = Annotated[
    int | None,
    typer.Option("--max-pixels", metavar="N", min=1, help="Largest picture; TINYINFER_MAX_PIXELS or 134 million."),
]
InputShape = Annotated[
    str | None,
    typer.Option("--input", metavar="1x3x224x224", help="Input shape, N x C x H x W; NAME=SHAPE,... for several."),
]
Dequantize = Annotated[
    bool, typer.Option("--dequantize", help="Compute what a file has as quantised numbers in float32 instead.")
]

Outputs = Annotated[
    list[str] | None,
    typer.Option("--outputs", metavar="NAME,...", help="Values to compute instead of the outputs, by name or pattern."),
]


def usage(message: str) -> typer.BadParameter:
    """The error to raise for a command line that is written wrongly, whose exit code is 2."""
    return typer.BadParameter(message)


def kernel_option(kernels: Sequence[str] | None) -> str | None:
    """What `Model` takes, from repeated --kernel options; a usage error for anything but OP=NAME or "reference"."""
    if not kernels:
        return None
    if "reference" in kernels and len(kernels) > 1:
        raise usage("--kernel reference makes every operator plain NumPy and can't be combined")
    for kernel in ",".join(kernels).split(","):
        if kernel != "reference" and not all(kernel.partition("=")):
            raise usage(f"--kernel: expected 'reference' or OP=NAME, found {kernel!r}")
    return ",".join(kernels)


def limit_pixels(most: int | None) -> None:
    """Set how many pixels a picture may have in this process and those it starts; None leaves it as it is."""
    from tinyinfer.vision.image import LIMIT

    if most is not None:
        os.environ[LIMIT] = str(most)


@contextlib.contextmanager
def running(kernels: Sequence[str] | None, tell: Callable[[str | None], None] | None = None) -> Iterator[None]:
    """Shows what is being compiled, unless nothing will be."""
    from tinyinfer.cli.terminal import compile_notice

    with contextlib.nullcontext() if kernels and "reference" in kernels else compile_notice(tell):
        yield


def load_model(
    source: str,
    threads: int | None = None,
    kernels: Sequence[str] | None = None,
    shapes: Mapping[str, Shape] | None = None,
    dequantize: bool = False,
) -> Model:
    """The model a verb is about; the name of a network that was not pulled gives it seeded random weights.

    ``shapes`` by input name ("" is the first) are what inputs whose sizes a file leaves free usually have;
    ``dequantize`` that of `load`.  What a reader notes of a file is said.
    """
    from tinyinfer.formats.contents import format_of
    from tinyinfer.formats.suffixes import NPZ
    from tinyinfer.loading import load

    model = load(source, threads, kernel_option(kernels), input_shapes=shapes, dequantize=dequantize)
    if format_of(Path(source)) not in (None, NPZ):  # of .npz files they were said at conversion
        for note in model.meta.get("notes", ()):
            complain(f"{source}: {note}")
    return model


def load_graph(source: str, shapes: Mapping[str, Shape] | None = None, dequantize: bool = False) -> Graph:
    """The network without a way to run it; from a bare name without weights, so that large ones cost nothing."""
    from tinyinfer.loading import resolve
    from tinyinfer.models import build

    return build(source) if resolve(source) is None else load_model(source, None, None, shapes, dequantize).graph


def load_trained(
    source: str,
    threads: int | None = None,
    kernels: Sequence[str] | None = None,
    shapes: Mapping[str, Shape] | None = None,
    dequantize: bool = False,
) -> Model:
    """Like `load_model` for verbs that need real weights.  Raises UnsupportedOpError for a name not pulled."""
    from tinyinfer.loading import resolve

    if resolve(source) is None:
        raise UnsupportedOpError(f"{source}: a network's name alone has no trained weights; {_how_to_get(source)}")
    return load_model(source, threads, kernels, shapes, dequantize)


def _how_to_get(source: str) -> str:
    from tinyinfer.hub import find

    try:
        return f"get the public ones: tinyinfer pull {find(source).name}"
    except UnsupportedOpError:
        return f"convert a checkpoint first: tinyinfer convert CHECKPOINT --arch {source} -o {source}.npz"


def parse_outputs(texts: Sequence[str] | None) -> list[str]:
    """Names and patterns of values, from repeated options with several each."""
    return [name for text in texts or () for name in text.split(",") if name]


def parse_knobs(knobs: Sequence[str] | None) -> dict[str, Any]:
    """Repeated NAME=VALUE options as a dictionary; values are JSON where they can be and text otherwise."""
    import json

    found: dict[str, Any] = {}
    for knob in knobs or ():
        name, sign, value = knob.partition("=")
        if not (name and sign):
            raise usage(f"--knob: expected NAME=VALUE, found {knob!r}")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
