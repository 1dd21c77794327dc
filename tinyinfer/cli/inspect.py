"""The verbs that look without running: "summary", "models" and "draw"."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tinyinfer.cli.inputs import named_shapes, parse_shapes
from tinyinfer.cli.options import Dequantize, Grouping, InputShape, Json, ModelArgument, load_graph
from tinyinfer.cli.terminal import show, show_json
from tinyinfer.errors import GraphError, InputError


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("summary", epilog="Example: tinyinfer summary mobilenet_v2 --input 1x3x160x160")(summary)
    app.command("models", epilog="Example: tinyinfer models mobilenet_v2")(models)
    app.command("draw", epilog="Example: tinyinfer draw squeezenet1_1 -o squeezenet.svg")(draw)


def summary(
    model: ModelArgument,
    input: InputShape = None,
    by: Grouping = "node",
    dequantize: Dequantize = False,
    json: Json = False,
) -> None:
    """Shape, parameters, mult-adds and memory access of every node."""
    from tinyinfer.profiling.cost import cost

    shapes = parse_shapes(input)
    graph = load_graph(model, shapes, dequantize)
    try:
        counted = cost(graph, named_shapes(graph, shapes)) if shapes else cost(graph, symbolic=True)
    except GraphError as error:  # the graph was sound at its own size, so it is the shape that does not fit
        raise InputError(str(error)) from None
    if json:
        show_json(counted.to_dict(by))
    else:
        show(counted.table(by))


def models(
    family: Annotated[str | None, typer.Argument(metavar="FAMILY", help="Only this family.")] = None,
    json: Json = False,
) -> None:
    """The networks that can be built by name."""
    from tinyinfer.models.catalog import catalog, catalog_table

    rows = catalog(family)
    if json:
        show_json(rows)
    else:
        show(catalog_table(rows))


def draw(
    model: ModelArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.svg", help="The picture to write.")],
) -> None:
    """Draw the graph as an SVG picture."""
    from tinyinfer.drawing.draw import draw as draw_graph
    from tinyinfer.files import atomic_write

    with atomic_write(output) as file:
        file.write(draw_graph(load_graph(model), name=Path(model).name).encode())
