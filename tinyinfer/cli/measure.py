"""The verbs that measure beside others: "bench" and "compare"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyinfer.cli.inputs import input_arrays, parse_shapes
from tinyinfer.cli.options import (
    Dequantize,
    InputShape,
    Json,
    Kernels,
    ModelArgument,
    Threads,
    kernel_option,
    load_model,
    running,
    usage,
)
from tinyinfer.cli.terminal import complain, show, show_json

if TYPE_CHECKING:
    from tinyinfer.bench import BenchReport, LayerReport, MemoryReport, PrecisionReport

ImageArgument = Annotated[Path | None, typer.Argument(metavar="IMAGE", help="A picture; random numbers if left out.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("bench", epilog="Example: tinyinfer bench resnet18 --against openvino --sweep batch=1,4,16")(bench)
    app.command("compare", epilog="Example: tinyinfer compare resnet18 --kernel conv2d=winograd2x2")(compare)


def bench(
    models: Annotated[list[str], typer.Argument(metavar="MODEL", help="Model files or names of networks.")],
    *,
    against: Annotated[
        str | None,
        typer.Option(metavar="ENGINE,...", help="onnxruntime (if left out), openvino, torch.", show_default=False),
    ] = None,
    threads: Annotated[str, typer.Option(metavar="N,...", help="Threads of every engine.")] = "1",
    batch: Annotated[str, typer.Option(metavar="N,...", help="Images a call.")] = "1",
    input: InputShape = None,
    rounds: Annotated[int, typer.Option(metavar="N", min=1, help="Turns of every engine or kernel.")] = 15,
    sweep: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT[=N,...]",
            help="How cost grows with batch, resolution, threads, width or pause (ms before a call).",
        ),
    ] = None,
    layers: Annotated[bool, typer.Option("--layers", help="Time every layer with every kernel instead.")] = False,
    memory: Annotated[
        bool, typer.Option("--memory", help="Measure how much memory each engine takes instead.")
    ] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="In 8 bits too: quantised once, the same codes and scales for all engines.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it too: a .png or .svg file.")] = None,
    json: Json = False,
) -> None:
    """Time networks side by side with other engines.  All get the same weights and inputs, in one run."""
    from tinyinfer import bench as benchmarks
    from tinyinfer.plots.saving import picture_kind, save

    images, peers = parse_counts("batch", batch), "onnxruntime" if against is None else against
    options: dict[str, Any] = {
        "threads": parse_counts("threads", threads),
        "input_shape": _sole_shape(input),
        "progress": lambda text: complain(f"measuring {text}"),
    }
    report: BenchReport | LayerReport | MemoryReport | PrecisionReport
    if layers:
        if against or sweep or plot or memory or int8 or len(images) > 1:
            raise usage(
                "--layers is about our own kernels and one --batch: it takes no --against, --sweep, --memory, --int8 "
                "or --plot"
            )
        report = benchmarks.bench_layers(models, batch=images[0], rounds=rounds, **options)
    else:
        if plot is not None:
            picture_kind(plot)  # what can't be drawn is said before anything is measured
        options |= {"against": tuple(name for name in peers.split(",") if name), "batch": images}
        if memory:
            if sweep or plot or int8:
                raise usage("--memory takes no --sweep, --int8 or --plot")
            report = benchmarks.bench_memory(models, **options)
        elif int8:
            if sweep or plot:
                raise usage("--int8 takes no --sweep or --plot")
            report = benchmarks.bench_int8(models, rounds=rounds, **options)
        elif sweep is None:
            report = timed = benchmarks.bench(models, rounds=rounds, **options)
        else:
            report = timed = benchmarks.bench_sweep(models, *_sweep(sweep), rounds=rounds, **options)
        if plot is not None:
            save(timed.plot(), plot)
    if json:
        show_json(report.to_dict())
    else:
        show(report)


def _sole_shape(text: str | None) -> tuple[int, ...] | None:
    """The shape of all inputs, whose batch --batch says."""
    shapes = parse_shapes(text)
    if shapes.keys() - {""}:
        raise usage(f"--input: expected sizes as 1x3x224x224, found {text!r}")
    return shapes.get("")


def _sweep(text: str) -> tuple[str, tuple[float, ...] | None]:
    """What "batch" or "batch=1,4,16" says."""
    name, sign, numbers = text.partition("=")
    try:
        return name, tuple(map(float, numbers.split(","))) if sign else None
    except ValueError:
        raise usage(f"--sweep: expected WHAT or WHAT=N,..., found {text!r}") from None


def parse_counts(name: str, text: str) -> tuple[int, ...]:
    """ "1,2" as numbers of at least 1; a usage error that names the option for anything else."""
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise usage(f"--{name}: expected numbers as 1,2, found {text!r}")
    return tuple(int(part) for part in parts)


def compare(
    model: ModelArgument,
    image: ImageArgument = None,
    input: InputShape = None,
    threads: Threads = None,
    kernel: Kernels = None,
    dequantize: Dequantize = False,
    json: Json = False,
) -> int:
    """Check each fast step against the NumPy reference.  The exit code is 1 when one is beyond its tolerance."""
    from tinyinfer.profiling.compare import compare as run_compare

    if kernel_option(kernel) == "reference":
        raise usage("--kernel reference leaves nothing to compare")
    shapes = parse_shapes(input)
    network = load_model(model, threads, kernel, shapes, dequantize)
    x = input_arrays(network, image, shapes)
    with running(kernel):
        result = run_compare(network, x)
    if json:
        show_json(result.to_dict())
    else:
        show(result)
    return 0 if result.passed else 1
