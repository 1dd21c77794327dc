"""The verb "run": labels for pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tinyinfer.cli.options import Json, Kernels, Threads, TrainedModel, load_trained, running, usage
from tinyinfer.cli.terminal import complain, show, show_json
from tinyinfer.errors import ImageError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("run", epilog="Example: tinyinfer run mobilenet_v2.npz photo.jpg --top 3")(run)


def run(
    model: TrainedModel,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Pictures, or folders of them.")],
    top: Annotated[int, typer.Option(metavar="K", min=1, help="How many labels.")] = 5,
    profile: Annotated[bool, typer.Option("--profile", help="Time every operator on the first picture.")] = False,
    threads: Threads = None,
    kernel: Kernels = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say how pictures are prepared.")] = False,
    json: Json = False,
) -> int:
    """Label pictures.  Bad ones are reported and passed over; the exit code is then 4."""
    if json and profile:
        raise usage("--profile prints a table and can't be combined with --json")
    network = load_trained(model, threads, kernel)
    if verbose:
        complain(f"pictures are prepared as {network.preprocess}")
    results: list[dict[str, Any]] = []
    code, first = 0, None
    with running(kernel):
        for path in _pictures(images):
            try:
                found = network.predict_indices(path, top)
            except ImageError as error:
                complain(str(error))
                code = error.exit_code
                continue
            first = first or path
            results.append(_result(path, found))
            if not json:
                _print_labels(path, found)
    if json:
        show_json(results)
    if profile and first is not None:
        from tinyinfer.cli.options import input_array

        show(network.profile(input_array(network, first)))
    return code


def _pictures(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and those below the folders named; a folder without any is yielded, to be complained about."""
    from tinyinfer.datasets import image_files

    for path in paths:
        yield from (image_files(path) or [path]) if path.is_dir() else [path]


def _result(path: Path, found: Sequence[tuple[int, str, float]]) -> dict[str, Any]:
    predictions = [{"index": i, "label": label, "probability": p} for i, label, p in found]
    return {"image": str(path), "predictions": predictions}


def _print_labels(path: Path, found: Sequence[tuple[int, str, float]]) -> None:
    print(f"{path}")
    width = max(len(label) for _, label, _ in found)
    for _, label, probability in found:
        print(f"  {label:<{width}}  {probability:6.1%}")
