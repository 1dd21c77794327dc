"""The options of "optimize" that cut channels, and what they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tinyinfer.cli.options import usage

if TYPE_CHECKING:
    from tinyinfer.model import Model

MULTIPLE = 16  # unless said; as tinyinfer.passes.slim, which is not imported for --help

Slim = Annotated[
    float | None,
    typer.Option(
        metavar="RATIO", help="Cut this share of the channels, those with the lowest scores; train anew then."
    ),
]
Multiple = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="With --slim: layers keep multiples of N channels, or all. [16]")
]
Score = Annotated[
    Literal["norms", "l1"] | None,
    typer.Option(help="With --slim: scales of batch norms, or sizes of filters; norms where there are any."),
]
PerLayer = Annotated[bool, typer.Option("--per-layer", help="With --slim: cut the share of every layer's channels.")]


@dataclass(frozen=True)
class SlimSettings:
    """Arguments of `tinyinfer.passes.slim`."""

    ratio: float
    multiple: int
    score: Literal["norms", "l1"] | None
    per_layer: bool
    keep: Sequence[str]


def slim_settings(
    ratio: float | None,
    multiple: int | None,
    score: Literal["norms", "l1"] | None,
    per_layer: bool,
    keep: Sequence[str],
) -> SlimSettings | None:
    """What the options say; a usage error for a share that is none, and for options that need --slim."""
    if ratio is None:
        for option, given in (("--multiple", multiple), ("--score", score), ("--per-layer", per_layer)):
            if given:
                raise usage(f"{option} needs --slim RATIO")
        return None
    if not 0 < ratio < 1:
        raise usage(f"--slim: expected a share between 0 and 1, found {ratio:g}")
    return SlimSettings(ratio, multiple or MULTIPLE, score, per_layer, list(keep))


def slimmed(network: Model, settings: SlimSettings) -> Model:
    """The network with fewer channels; its metadata says how, and no longer what has been measured."""
    from tinyinfer.changed_model import changed
    from tinyinfer.passes import slim

    options = asdict(settings)
    graph = slim(network.graph, options.pop("ratio"), **options)
    return changed(network, graph, slimming=asdict(settings))
