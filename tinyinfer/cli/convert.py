"""The verbs that write models: "convert" and "export"."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tinyinfer.cli.description import Labels, PreprocessOption, Task, describe
from tinyinfer.cli.inputs import named_shapes, parse_shapes
from tinyinfer.cli.options import (
    Dequantize,
    InputShape,
    Outputs,
    TrainedModel,
    load_trained,
    parse_knobs,
    parse_outputs,
    usage,
)
from tinyinfer.cli.terminal import complain

Output = Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="The file to write.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("convert", epilog="Example: tinyinfer convert mobilenet_v2.pth -o net.npz --knob padding=same")(convert)
    app.command("export", epilog="Example: tinyinfer export mobilenet_v2.npz -o mobilenet_v2.onnx --opset 17")(export)


def convert(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A checkpoint (.pth, .safetensors) or a network (.onnx, .tflite, .param)."),
    ],
    output: Output,
    *,
    arch: Annotated[
        str | None, typer.Option(metavar="NAME", help="The checkpoint's network; recognised by its keys if left out.")
    ] = None,
    knob: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A knob of the network.")] = None,
    strip: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="Take this off the keys that begin with it, as 'backbone.'.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Leave keys out, as 'aux*'; may be repeated.")
    ] = None,
    input: InputShape = None,
    outputs: Outputs = None,
    preprocess: PreprocessOption = None,
    labels: Labels = None,
    task: Task = None,
    dequantize: Dequantize = False,
    fp16: Annotated[bool, typer.Option("--fp16", help="Store weights as float16.")] = False,
) -> None:
    """Turn any model file into a self-contained .npz model."""
    from tinyinfer.checkpoints.conversion import convert as convert_file

    if output.suffix != ".npz":
        raise usage(f"--output: expected a name that ends in .npz, found {str(output)!r}")
    model = convert_file(
        file, arch, ignore=ignore or (), strip=strip, input_shapes=parse_shapes(input), dequantize=dequantize,
        **parse_knobs(knob),
    )  # fmt: skip
    if outputs:
        model = model.part(parse_outputs(outputs))
    describe(model, preprocess, labels, task)
    model.save(output, half=fp16)
    for note in model.meta.get("notes", ()):
        complain(f"{file}: {note}")
    if "arch" in model.meta:
        found = f"is {model.meta['arch']} ({model.meta.get('layout', 'canonical')} keys)"
    else:
        found = f"is a network of {len(model.graph.nodes)} nodes"
    complain(f"{file} {found}; written to {output}")


def export(
    model: TrainedModel,
    output: Output,
    input: InputShape = None,
    opset: Annotated[
        int | None, typer.Option(metavar="N", min=13, help="Version of ONNX's operators, for older engines; 20.")
    ] = None,
    dequantize: Dequantize = False,
) -> None:
    """Write a model as ONNX, .safetensors or .npz.

    Free sizes stay free in ONNX unless --input fixes them; .safetensors has the weights and what was said of them.
    """
    from tinyinfer.formats.suffixes import NPZ, ONNX, SAFETENSORS, by_name

    wanted, shapes = by_name(output.name) or ONNX, parse_shapes(input)
    if wanted not in (ONNX, NPZ, SAFETENSORS):
        raise usage(f"--output: expected a name that ends in .onnx, .npz or .safetensors, found {str(output)!r}")
    if wanted is not ONNX and (input is not None or opset is not None):
        raise usage(f"--input and --opset are for .onnx files, found {str(output)!r}")
    network = load_trained(model, shapes=shapes, dequantize=dequantize)
    if wanted is NPZ:
        network.save(output)
        return
    if wanted is SAFETENSORS:
        from tinyinfer.formats.safetensors.writer import save

        save(output, network.graph.weights, network.meta)
        return
    from tinyinfer.formats.onnx.exporting.export import OPSET, export_onnx

    sizes = named_shapes(network.graph, shapes)
    export_onnx(network, output, sizes or None, OPSET if opset is None else opset)
