"""The verb "run": labels for pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tinyinfer.cli.options import Json, Kernels, ModelArgument, Threads, load_trained, running
from tinyinfer.cli.terminal import complain, show, show_json
from tinyinfer.errors import ImageError, InputError
from tinyinfer.image import is_image_name


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("run", epilog="Example: tinyinfer run mobilenet_v2.npz photo.jpg --top 3")(run)


def run(
    model: ModelArgument,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures, or folders of them.")],
    top: Annotated[int, typer.Option(metavar="K", min=1, help="How many labels.")] = 5,
    profile: Annotated[bool, typer.Option("--profile", help="Time every operator on the first picture.")] = False,
    threads: Threads = None,
    kernel: Kernels = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say how pictures are prepared.")] = False,
    json: Json = False,
) -> int:
    """Label pictures.  Bad ones are reported and passed over; the exit code is then 4."""
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
                if len(images) == 1 and not images[0].is_dir():
                    raise
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
    """The files named, and those of folders in order of their names; raises InputError for a folder without any."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(p for p in path.rglob("*") if p.is_file() and is_image_name(p))
        if not found:
            raise InputError(f"{path}: no pictures in this folder")
        yield from found


def _result(path: Path, found: Sequence[tuple[int, str, float]]) -> dict[str, Any]:
    predictions = [{"index": i, "label": label, "probability": p} for i, label, p in found]
    return {"image": str(path), "predictions": predictions}


def _print_labels(path: Path, found: Sequence[tuple[int, str, float]]) -> None:
    typer.echo(f"{path}")
    width = max(len(label) for _, label, _ in found)
    for _, label, probability in found:
        typer.echo(f"  {label:<{width}}  {probability:6.1%}")
