"""The verb "profile": where the time of a network goes, or of two side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyinfer.cli.inputs import input_arrays, parse_shapes
from tinyinfer.cli.measure import parse_counts
from tinyinfer.cli.options import (
    Dequantize,
    Grouping,
    InputShape,
    Json,
    Kernels,
    ModelArgument,
    kernel_option,
    load_model,
    running,
    usage,
)
from tinyinfer.cli.terminal import show, show_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from tinyinfer.model import Model
    from tinyinfer.profiling.timings import Profile

Others = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MODEL] [IMAGE]",
        help="Another network, timed in turn with the first; a picture (random numbers if left out).",
    ),
]
ThreadCounts = Annotated[
    str | None,
    typer.Option("--threads", metavar="N,...", help="Threads; all cores if left out. Several show how steps scale."),
]
Against = Annotated[
    Path | None,
    typer.Option(metavar="RUN.json", help="What --json wrote earlier, to be compared with on the page of --html."),
]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("profile", epilog="Example: tinyinfer profile mobilenet_v2 photo.jpg --html page.html")(profile)


def profile(
    model: ModelArgument,
    others: Others = None,
    *,
    input: InputShape = None,
    repeats: Annotated[int, typer.Option(metavar="N", min=1, help="Timed runs; medians are shown.")] = 20,
    warmup: Annotated[int, typer.Option(metavar="N", min=0, help="Runs before them.")] = 3,
    by: Grouping = "node",
    threads: ThreadCounts = None,
    kernel: Kernels = None,
    dequantize: Dequantize = False,
    trace: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a Chrome trace.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page to look into and to pass on.")] = None,
    against: Against = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the rows as CSV.")] = None,
    json: Json = False,
) -> None:
    """Time and mult-adds of every operator.

    A second network is timed in turn with the first, and shown beside it on the page.
    """
    second, image = _sorted(others or [])
    counts = (None,) if threads is None else tuple(dict.fromkeys(parse_counts("threads", threads)))
    if len(counts) > 1 and (trace or kernel_option(kernel) == "reference"):
        raise usage("--threads with several numbers takes no --trace or --kernel reference")
    if len(counts) > 1 and (second or against):
        raise usage("--threads with several numbers takes one network and no --against")
    if against is not None and (second or html is None):
        raise usage("--against takes one network and needs --html, the page that shows both")
    if second and (trace or csv):
        raise usage("two networks take no --trace and no --csv")
    earlier = None if against is None else _read_run(against)
    shapes = parse_shapes(input)
    loaded = [load_model(source, counts[0], kernel, shapes, dequantize) for source in (model, *second)]
    arrays = [input_arrays(network, image, shapes) for network in loaded]
    if len(counts) > 1:
        networks = [loaded[0], *(load_model(model, count, kernel, shapes, dequantize) for count in counts[1:])]
        _scaling(networks, arrays[0], repeats, warmup, by, html, csv, json)
        return
    from tinyinfer.profiling.profile import profiles

    with running(kernel):
        if html is not None and len(loaded) == 2:
            _add_noise(loaded[0], loaded[1], arrays[0])
        found = profiles(list(zip(loaded, arrays, strict=True)), repeats, warmup)
    if html is not None:
        _write_page(html, found, earlier, loaded[0], image)
    if trace is not None:
        found[0].to_chrome_trace(trace)
    if csv is not None:
        found[0].to_csv(csv)
    if json:
        show_json(found[0].to_dict(by) if len(found) == 1 else [result.to_dict(by) for result in found])
    else:
        for result in found:
            show(result.table(by))
        if len(found) == 2:
            first, other = (result.total_ms for result in found)
            show(f"the second takes {other / first:.2f} of the first's time: {other:.3f} ms instead of {first:.3f}")


def _sorted(others: Sequence[str]) -> tuple[list[str], Path | None]:
    """Which of the arguments behind the first network are another one and a picture: one of each at most."""
    from tinyinfer.formats.contents import format_of
    from tinyinfer.vision.image import is_image_name

    def is_model(text: str) -> bool:
        path = Path(text)
        is_name = path.parent == Path(".") and not path.exists() and not is_image_name(path)
        return format_of(path) is not None or is_name

    models = [text for text in others if is_model(text)]
    images = [text for text in others if not is_model(text)]
    if len(models) > 1 or len(images) > 1:
        raise usage(f"expected MODEL [MODEL] [IMAGE], found {' '.join(others)!r} behind the first network")
    return models, Path(images[0]) if images else None


def _read_run(path: Path) -> dict[str, Any]:
    from tinyinfer.pages.profile.run import read_run

    return read_run(path)


def _add_noise(first: Model, second: Model, arrays: dict[str, np.ndarray]) -> None:
    """Note in the metadata of a quantised network how far it is from the one beside it that it was made of."""
    from tinyinfer.quantization.noise import own_noise

    if "quantization" in second.meta and "quantization" not in first.meta:
        second.meta["quantization"] = {**second.meta["quantization"], "noise": own_noise(first, second, [arrays])}


def _write_page(
    path: Path, found: Sequence[Profile], earlier: dict[str, Any] | None, network: Model, image: Path | None
) -> None:
    """The page of what was measured, behind an earlier run if there is one."""
    from tinyinfer.files import write_text
    from tinyinfer.pages.profile.page import page
    from tinyinfer.pages.profile.photo import photo_of

    photo = None if image is None else photo_of(network, image)
    runs: list[tuple[Any, Profile | None]] = [(earlier, None)] if earlier else []
    runs += [(result.to_dict(), result) for result in found]
    write_text(path, page([run for run, _ in runs], [result for _, result in runs], photo))


def _scaling(
    networks: Sequence[Model],
    arrays: dict[str, np.ndarray],
    repeats: int,
    warmup: int,
    by: Grouping,
    html: Path | None,
    csv: Path | None,
    json: bool,
) -> None:
    """What each step gains by more threads."""
    from tinyinfer.profiling.scaling import scaling

    with running(None):
        result = scaling(networks, arrays, repeats, warmup)
    for path, write in ((html, result.to_html), (csv, result.to_csv)):
        if path is not None:
            write(path)
    if json:
        show_json(result.to_dict(by))
    else:
        show(result.table(by))
