"""The verbs that make networks smaller and faster: "quantize" and "optimize"."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tinyinfer.cli.description import PreprocessOption, describe
from tinyinfer.cli.low_rank import LowRank, decomposed, low_rank_settings
from tinyinfer.cli.options import (
    Json,
    Kernels,
    MaxPixels,
    Threads,
    TrainedModel,
    limit_pixels,
    load_trained,
    parse_outputs,
    running,
    usage,
)
from tinyinfer.cli.slim import Multiple, PerLayer, Score, Slim, slim_settings, slimmed
from tinyinfer.cli.terminal import complain, progress_bar, show, show_json

if TYPE_CHECKING:
    from tinyinfer.decomposition import LowRankReport
    from tinyinfer.evaluation.datasets import Dataset
    from tinyinfer.model import Model
    from tinyinfer.quantization import Pictures, Quantized, Sensitivity, Settings
    from tinyinfer.quantization.post_training import Progress

PICTURES = 300  # unless said; as tinyinfer.quantization.pictures, which is not imported for --help
AGREEMENT_PICTURES = 32

Calibrate = Annotated[
    str | None,
    typer.Option(metavar="FOLDER|DATASET", help="Pictures to see values on: a folder, a packed .npz, a pulled name."),
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Calibration pictures, at most.")]
Method = Annotated[
    Literal["minmax", "percentile", "mse", "entropy"], typer.Option(help="How the ranges of values are chosen.")
]
PerTensor = Annotated[bool, typer.Option("--per-tensor", help="One scale for all of a layer's weights.")]
Keep = Annotated[
    list[str] | None,
    typer.Option(metavar="NODE,...", help="Nodes to leave as they are, by name or pattern; may be repeated."),
]
KeepSensitive = Annotated[
    float | None,
    typer.Option(metavar="DB", help="Leave nodes in float32 that alone lower the output's SQNR below so many dB."),
]
BiasCorrection = Annotated[
    bool, typer.Option("--bias-correction/--no-bias-correction", help="Give layers the means they had.")
]
Equalize = Annotated[bool, typer.Option("--equalize", help="Make channels alike between ReLU layers before.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="OUT.npz", help="The file to write.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("quantize", epilog="Example: tinyinfer quantize resnet20.npz -o int8.npz --calibrate photos/")(quantize)
    app.command(
        "optimize", epilog="Example: tinyinfer optimize net.npz -o fast.npz --quantize int8 --calibrate photos/"
    )(optimize)


def quantize(
    model: TrainedModel,
    output: Output = None,
    *,
    calibrate: Calibrate = None,
    limit: Limit = PICTURES,
    method: Method = "mse",
    per_tensor: PerTensor = False,
    keep: Keep = None,
    keep_sensitive: KeepSensitive = None,
    bias_correction: BiasCorrection = True,
    equalize: Equalize = False,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Report what quantising each node costs; -o may be left out.")
    ] = False,
    preprocess: PreprocessOption = None,
    max_pixels: MaxPixels = None,
    threads: Threads = None,
    kernel: Kernels = None,
    json: Json = False,
) -> None:
    """Turn a network into 8-bit integers.

    Which real numbers these stand for is chosen from what the network's values are on some pictures.
    """
    from tinyinfer.quantization import Settings, read_pictures

    _check_output(output, needed=not sensitivity)
    if calibrate is None:
        raise usage("expected --calibrate FOLDER|DATASET, the pictures to see values on")
    limit_pixels(max_pixels)
    corrected = bias_correction and output is not None
    settings = Settings(method, per_tensor, parse_outputs(keep), equalize, corrected, keep_sensitive)
    network = load_trained(model, threads, kernel)
    describe(network, preprocess, labels=None, task=None)
    pictures = read_pictures(calibrate, network, limit)
    report = None
    with running(kernel):
        made = _quantize(network, pictures, settings)
        if sensitivity:
            report = made.sensitivity or _sensitivity(made, pictures, settings)
            made.model.meta["quantization"]["noise"] = {row.name: row.own for row in report.rows if row.own is not None}
        if output is not None:
            made.model.save(output)
    summary = _summary(network, made.model, output)
    if made.sensitivity is not None:
        summary["kept_sensitive"] = list(made.sensitivity.kept)
    if json:
        show_json({**summary, **({} if report is None else {"sensitivity": report.to_dict()})})
        return
    if report is not None:
        show(report)
    elif made.sensitivity is not None:
        complain(made.sensitivity.keeping())
    if output is not None:
        complain(
            f"{summary['quantized_nodes']} of {summary['nodes']} nodes compute with 8-bit integers, weights take "
            f"{summary['bytes'] / 1e6:.2f} MB instead of {summary['bytes_before'] / 1e6:.2f}; written to {output}"
        )


def optimize(
    model: TrainedModel,
    output: Output,
    *,
    slim: Slim = None,
    multiple: Multiple = None,
    score: Score = None,
    per_layer: PerLayer = False,
    reparameterize: Annotated[
        bool, typer.Option("--reparameterize", help="Merge norms and parallel branches into convolutions.")
    ] = False,
    low_rank: LowRank = None,
    quantize: Annotated[
        Literal["int8"] | None, typer.Option(metavar="int8", help="Turn it into 8-bit integers; needs --calibrate.")
    ] = None,
    calibrate: Calibrate = None,
    limit: Limit = PICTURES,
    method: Method = "mse",
    per_tensor: PerTensor = False,
    keep: Keep = None,
    keep_sensitive: KeepSensitive = None,
    bias_correction: BiasCorrection = True,
    equalize: Equalize = False,
    dataset: Annotated[
        str | None, typer.Option(metavar="DATASET", help="Labelled pictures, as eval takes them, to measure accuracy.")
    ] = None,
    images: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only so many of these.")] = None,
    preprocess: PreprocessOption = None,
    threads: Threads = None,
    kernel: Kernels = None,
    json: Json = False,
) -> None:
    """Chain passes and show before and after.

    Shown are size, parameters, mult-adds, time, agreement of the outputs, and accuracy where there is a data set.
    """
    from tinyinfer.evaluation.before_after import before_after
    from tinyinfer.quantization import Settings, read_pictures

    _check_output(output, needed=True)
    slimming = slim_settings(slim, multiple, score, per_layer, parse_outputs(keep))
    if not (slimming or reparameterize or low_rank is not None or quantize):
        raise usage(
            "expected --slim, --reparameterize, --low-rank, --quantize int8, or several: there is nothing to do"
        )
    if quantize and calibrate is None:
        raise usage("--quantize needs --calibrate FOLDER|DATASET, the pictures to see values on")
    settings = Settings(method, per_tensor, parse_outputs(keep), equalize, bias_correction, keep_sensitive)
    ranks = None if low_rank is None else low_rank_settings(low_rank, parse_outputs(keep))
    network = load_trained(model, threads, kernel)
    describe(network, preprocess, labels=None, task=None)
    pictures = None if calibrate is None else read_pictures(calibrate, network, limit)
    data = None if dataset is None else _read_dataset(dataset, network)
    result = network
    reports: dict[str, LowRankReport] = {}
    with running(kernel):
        if slimming is not None:
            result = slimmed(network, slimming)
        if reparameterize:
            result = _reparameterized(result)
        if ranks is not None:
            with _stages() as tell:
                made = decomposed(result, ranks, pictures, tell)
            result, reports["low_rank"] = made.model, made.report
        if quantize:
            assert pictures is not None
            quantized = _quantize(result, pictures, settings)
            result = quantized.model
            if quantized.sensitivity is not None:
                complain(quantized.sensitivity.keeping())
        seen = None if pictures is None else pictures.first(AGREEMENT_PICTURES)
        with _stages() as tell:
            report = before_after(network, result, seen, data, images, lambda done, of: tell("images", done, of))
    assert output is not None
    result.save(output)
    if json:
        show_json({**report.to_dict(), **{name: found.to_dict() for name, found in reports.items()}})
    else:
        for found in (*reports.values(), report):
            show(found)
        complain(f"written to {output}")


def _check_output(output: Path | None, needed: bool) -> None:
    if output is None and needed:
        raise usage("expected --output OUT.npz")
    if output is not None and output.suffix != ".npz":
        raise usage(f"--output: expected a name that ends in .npz, found {str(output)!r}")


def _quantize(network: Model, pictures: Pictures, settings: Settings) -> Quantized:
    from tinyinfer.quantization import quantize_model

    with _stages() as tell:
        return quantize_model(network, pictures, settings, tell)


def _sensitivity(made: Quantized, pictures: Pictures, settings: Settings) -> Sensitivity:
    from tinyinfer.quantization.sensitivity import SENSITIVITY_PICTURES, sensitivity

    seen = pictures.first(SENSITIVITY_PICTURES)
    with _stages() as tell:
        return sensitivity(
            made.original, made.calibration, seen, settings, lambda done, of: tell("nodes alone", done, of)
        )


def _reparameterized(network: Model) -> Model:
    from tinyinfer.model import Model
    from tinyinfer.passes import simplify

    return Model(simplify(network.graph), network.meta, network.options.threads, network.options.kernels)


def _read_dataset(dataset: str, network: Model) -> Dataset:
    from tinyinfer.evaluation import datasets
    from tinyinfer.tasks import CLASSIFY, class_count, require_task

    require_task(network.meta, CLASSIFY, "--dataset")
    data = datasets.read(dataset, network.meta.get("labels"), class_count(network.meta, network.outputs))
    for note in data.notes:
        complain(note)
    return data


def _summary(before: Model, after: Model, output: Path | None) -> dict[str, Any]:
    graph = after.graph
    codes = {name for name, t in graph.infer_types().items() if t.quant is not None}
    steps = ("quantize_linear", "dequantize_linear", "constant")
    nodes = [node for node in graph.nodes if node.op.name not in steps]
    return {
        "output": None if output is None else str(output),
        "nodes": len(nodes),
        "quantized_nodes": sum(any(value in codes for value in node.inputs) for node in nodes),
        "bytes_before": sum(array.nbytes for array in before.graph.weights.values()),
        "bytes": sum(array.nbytes for array in graph.weights.values()),
        "quantization": after.meta["quantization"],
    }


@contextlib.contextmanager
def _stages() -> Iterator[Progress]:
    """A progress bar after the other, one for each thing that is done."""
    with contextlib.ExitStack() as stack:
        current: list[Any] = ["", None]

        def tell(stage: str, done: int, total: int) -> None:
            if current[0] != stage:
                stack.close()
                current[:] = stage, stack.enter_context(progress_bar(stage, total))
            current[1].advance(done)

        yield tell
