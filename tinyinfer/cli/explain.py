"""The verb "explain": a web page that shows how a network comes to what it says of a photo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tinyinfer.cli.description import Labels, PreprocessOption, Task, describe
from tinyinfer.cli.options import (
    Dequantize,
    Json,
    Kernels,
    MaxPixels,
    Threads,
    TrainedModel,
    limit_pixels,
    load_trained,
    running,
    usage,
)
from tinyinfer.cli.terminal import complain, progress_bar, show_json

MEGABYTES = 5.0  # as tinyinfer.pages.explain, which is not imported for --help


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("explain", epilog="Example: tinyinfer explain mobilenet_v2_cifar10 photo.jpg -o page.html")(explain)


def explain(
    model: TrainedModel,
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The picture to explain the network on.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.html", help="The page to write.")],
    *,
    megabytes: Annotated[
        float, typer.Option("--megabytes", metavar="M", min=0.5, help="Size of the page, at most: maps are left out.")
    ] = MEGABYTES,
    preprocess: PreprocessOption = None,
    labels: Labels = None,
    task: Task = None,
    max_pixels: MaxPixels = None,
    threads: Threads = None,
    kernel: Kernels = None,
    dequantize: Dequantize = False,
    json: Json = False,
) -> None:
    """Show in a web page what a network makes of a photo.

    One file without a server: the graph, the feature maps and kernels of every layer, how each pixel comes about, and
    where in the photo the best classes are seen.  A small network runs in the page itself.
    """
    from tinyinfer.files import write_text
    from tinyinfer.pages.explain import explain as explained

    if output.suffix.lower() not in (".html", ".htm"):
        raise usage(f"--output: expected a name that ends in .html, found {str(output)!r}")
    limit_pixels(max_pixels)
    network = load_trained(model, threads, kernel, None, dequantize)
    describe(network, preprocess, labels, task)
    with running(kernel), progress_bar("covering places of the photo", None) as bar:
        page = explained(network, photo, megabytes=megabytes, tell=bar.advance)
    write_text(output, page)
    size = len(page.encode())
    if json:
        show_json({"output": str(output), "image": str(photo), "model": network.name, "bytes": size})
    else:
        complain(f"{size / 1e6:.2f} MB written to {output}")
