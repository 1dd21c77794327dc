"""The verbs that write models: "convert" and "export"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tinyinfer.cli.options import InputShape, TrainedModel, load_trained, parse_knobs, parse_shape, usage
from tinyinfer.cli.terminal import complain

Output = Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="The file to write.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("convert", epilog="Example: tinyinfer convert mobilenet_v2.pth -o net.npz --knob padding=same")(convert)
    app.command("export", epilog="Example: tinyinfer export mobilenet_v2.npz -o mobilenet_v2.onnx")(export)


def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A checkpoint: .pth, .pt, .th or .tar.")],
    output: Output,
    arch: Annotated[
        str | None, typer.Option(metavar="NAME", help="The network; recognised by its keys if left out.")
    ] = None,
    knob: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A knob of the network.")] = None,
    strip: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="Take this off the keys that begin with it, as 'backbone.'.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Leave keys out, as 'aux*'; may be repeated.")
    ] = None,
    preprocess: Annotated[
        str | None, typer.Option(metavar="JSON", help="How pictures are prepared; only the keys that differ.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="FILE", help="Class names, one a line; or a list's name, as imagenet1001.")
    ] = None,
    fp16: Annotated[bool, typer.Option("--fp16", help="Store weights as float16.")] = False,
) -> None:
    """Turn a public checkpoint into a self-contained .npz model."""
    from tinyinfer.checkpoints.conversion import convert as convert_file
    from tinyinfer.labels import label_files
    from tinyinfer.tasks import class_count

    if output.suffix != ".npz":
        raise usage(f"--output: expected a name that ends in .npz, found {str(output)!r}")
    model = convert_file(file, arch, ignore=ignore or (), strip=strip, **parse_knobs(knob))
    if preprocess is not None:
        model.meta["preprocess"] = {**model.meta.get("preprocess", {}), **_parse_preprocess(preprocess)}
    if labels is not None:
        model.meta["labels"] = label_files.resolve(labels, class_count(model.meta, model.outputs))
    model.save(output, half=fp16)
    for note in model.meta.get("notes", ()):
        complain(f"{file}: {note}")
    complain(f"{file} is {model.meta['arch']} ({model.meta.get('layout', 'canonical')} keys); written to {output}")


def _parse_preprocess(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise usage(f"--preprocess: expected JSON, found {text!r} ({error})") from None
    if not isinstance(found, dict):
        raise usage(f"--preprocess: expected a JSON object, found {text!r}")
    return found


def export(
    model: TrainedModel,
    output: Output,
    input: InputShape = None,
    opset: Annotated[
        int | None, typer.Option(metavar="N", min=13, help="Version of ONNX's operators, for older engines; 20.")
    ] = None,
) -> None:
    """Write a model as ONNX.  Free sizes stay free unless --input fixes them."""
    from tinyinfer.formats.onnx.exporting.export import OPSET, export_onnx

    export_onnx(load_trained(model), output, parse_shape(input), OPSET if opset is None else opset)
