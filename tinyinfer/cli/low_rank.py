"""The option --low-rank of "optimize": what it may say, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tinyinfer.cli.options import usage

if TYPE_CHECKING:
    from tinyinfer.decomposition import Decomposed, Settings
    from tinyinfer.model import Model
    from tinyinfer.quantization import Pictures

ENERGY = 0.95  # kept where time alone is asked for
EXPECTED = "expected energy=0.95 or mult-adds=0.5, with time and multiple=16 after a comma if you like, or time alone"

LowRank = Annotated[
    str | None,
    typer.Option(
        metavar="energy=0.95|mult-adds=0.5[,time][,multiple=16]",
        help="Factorise layers: each keeps this share of its energy, or the network this share of its mult-adds; "
        "time: only where that is measured to be faster here; multiple: of what ranks are.  With --calibrate, layers "
        "are fitted to what they gave on pictures, which matters much.",
    ),
]


def low_rank_settings(text: str, keep: Sequence[str]) -> Settings:
    """What the option says.  A usage error for what it can't say, InputError for shares that are none."""
    from tinyinfer.decomposition import Settings

    numbers: dict[str, Callable[[str], Any]] = {"energy": float, "mult-adds": float, "multiple": int}
    found: dict[str, Any] = {}
    for part in text.split(","):
        key, sign, value = part.strip().partition("=")
        if key in found or (key != "time" and key not in numbers) or bool(sign) == (key == "time"):
            raise usage(f"--low-rank: {EXPECTED}; found {text!r}")
        try:
            found[key] = numbers[key](value) if sign else True
        except ValueError:
            raise usage(f"--low-rank: {EXPECTED}; found {text!r}") from None
    measured = found.pop("time", False)
    if ("energy" in found and "mult-adds" in found) or not (measured or found.keys() & {"energy", "mult-adds"}):
        raise usage(f"--low-rank: {EXPECTED}; found {text!r}")
    if "mult-adds" not in found:
        found.setdefault("energy", ENERGY)
    options = {key.replace("-", "_"): value for key, value in found.items()}
    return Settings(**options, measured=measured, keep=keep)


def decomposed(
    network: Model, settings: Settings, pictures: Pictures | None, tell: Callable[[str, int, int], None]
) -> Decomposed:
    """The network with its layers factorised, and fitted to pictures if there are some, and the report of that."""
    from tinyinfer.decomposition import decompose_model

    return decompose_model(network, settings, pictures, tell)
