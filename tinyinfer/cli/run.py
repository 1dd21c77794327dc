"""The verb "run": what a network says of pictures, printed or drawn; or what it computes of any inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyinfer.cli.answers import FORMATS, LABELS, THRESHOLD, Question, answer, has_answer, write_picture
from tinyinfer.cli.description import Labels, PreprocessOption, Task, describe
from tinyinfer.cli.inputs import input_arrays, parse_files, parse_shapes
from tinyinfer.cli.options import (
    Dequantize,
    InputShape,
    Json,
    Kernels,
    MaxPixels,
    Outputs,
    Threads,
    TrainedModel,
    limit_pixels,
    load_trained,
    parse_outputs,
    running,
    usage,
)
from tinyinfer.cli.terminal import complain, show, show_json
from tinyinfer.cli.values import compute
from tinyinfer.errors import ImageError
from tinyinfer.tasks import DETECT

if TYPE_CHECKING:
    from tinyinfer.model import Model


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("run", epilog="Example: tinyinfer run mobilenet_v2.npz photo.jpg --top 3")(run)


def run(
    model: TrainedModel,
    images: Annotated[
        list[Path] | None, typer.Argument(metavar="IMAGE", help="Pictures, or folders of them.", show_default=False)
    ] = None,
    *,
    top: Annotated[
        int | None,
        typer.Option(metavar="K", min=1, help=f"How many labels ({LABELS} if left out), classes of pixels, or boxes."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="P", min=0, max=1, help=f"Least probability of a box; {THRESHOLD}.")
    ] = None,
    draw: Annotated[
        Path | None, typer.Option(metavar="OUT.png", help="Draw the answer onto the picture, of which there is one.")
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--inputs", metavar="NAME=FILE.npy", help="An array for an input; repeatable.")
    ] = None,
    input: InputShape = None,
    outputs: Outputs = None,
    save: Annotated[Path | None, typer.Option(metavar="OUT.npz", help="Write what was computed as arrays.")] = None,
    preprocess: PreprocessOption = None,
    labels: Labels = None,
    task: Task = None,
    profile: Annotated[bool, typer.Option("--profile", help="Time every operator on the first picture.")] = False,
    max_pixels: MaxPixels = None,
    threads: Threads = None,
    kernel: Kernels = None,
    dequantize: Dequantize = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say how pictures are prepared.")] = False,
    json: Json = False,
) -> int:
    """Label pictures or their pixels, or find boxes in them.

    With --inputs, --outputs or --save, without a picture, and if nobody has said what the network is for, show what it
    computes; inputs of which nothing is said are random numbers then.  Bad pictures are reported and passed over; the
    exit code is then 4.
    """
    if json and profile:
        raise usage("--profile prints a table and can't be combined with --json")
    limit_pixels(max_pixels)
    files, shapes = parse_files(inputs), parse_shapes(input)
    values = bool(inputs or outputs or save or (input and not images))
    if not (images or values):
        raise usage("expected an IMAGE, or --inputs, --input, --outputs or --save")
    paths = list(_pictures(images or ()))
    if draw:
        _check_drawing(draw, paths)
    network = load_trained(model, threads, kernel, shapes, dequantize)
    describe(network, preprocess, labels, task)
    if outputs:
        network = network.part(parse_outputs(outputs))
    values = values or not has_answer(network)
    if values and draw:
        raise usage(f"--draw: {network.name} has no task whose answer could be drawn (--task says one)")
    if threshold is not None and (values or network.task != DETECT):
        raise usage(f"--threshold is for networks that find boxes, and {network.name} does not")
    if verbose:
        complain(f"pictures are prepared as {network.preprocess}")
    with running(kernel):
        if values:
            code, first = compute(network, paths, files, shapes, top=top, save=save, json=json)
        else:
            code, first = _answer_all(network, paths, Question(top, threshold), draw, json)
    if profile and (first is not None or not paths):
        show(network.profile(input_arrays(network, first, shapes, files)))
    return code


def _answer_all(
    network: Model, paths: Sequence[Path], question: Question, draw: Path | None, json: bool
) -> tuple[int, Path | None]:
    """Print or draw the answers on all pictures; the exit code, and the first picture that is none of the bad ones."""
    results: list[dict[str, Any]] = []
    code, first = 0, None
    for path in paths:
        try:
            found = answer(network, path, question)
        except ImageError as error:
            complain(str(error))
            code = error.exit_code
            continue
        first = first or path
        results.append({"image": str(path), **found.data})
        if not json:
            print(path, *found.lines, sep="\n")
        if draw:
            write_picture(draw, found.draw())
    if json:
        show_json(results)
    return code, first


def _check_drawing(draw: Path, paths: Sequence[Path]) -> None:
    """A usage error unless one picture is to be drawn, in a known format, into another file."""
    if len(paths) != 1:
        raise usage(f"--draw takes one picture, found {len(paths)}")
    if draw.suffix.lower() not in FORMATS:
        raise usage(f"--draw: expected a name that ends in {', '.join(FORMATS)}, found {str(draw)!r}")
    if draw.exists() and paths[0].exists() and draw.samefile(paths[0]):
        raise usage(f"--draw would overwrite the picture {paths[0]}")


def _pictures(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and those below the folders named; a folder without any is yielded, to be complained about."""
    from tinyinfer.vision.picture_files import find_pictures

    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = find_pictures(path)
        if note := found.note():
            complain(f"{path}: {note}")
        yield from found.pictures or [path]
