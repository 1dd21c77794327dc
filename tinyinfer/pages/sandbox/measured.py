"""The table of measured layers that the page predicts times from: which designs are measured, and the file it is in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.files import write_text
from tinyinfer.pages.sandbox.designs.design import arguments
from tinyinfer.pages.sandbox.designs.knobs import KNOBS, drawn_values, paper_values
from tinyinfer.pages.sandbox.timing.measure import Network, measure

DRAWN, CHECKED = 7, 2  # designs of each family, beside the paper's own

FIELDS = {"machine", "threads", "date", "roofs", "overhead_ms", "layers", "checks"}


def write_measured(path: Path, tell: Callable[[str], None]) -> None:
    """Measure on this machine: some minutes."""
    random = np.random.default_rng(24)
    networks = [Network(name, arguments(name, paper_values(name))) for name in KNOBS]
    networks += [_drawn(name, random) for name in KNOBS for _ in range(DRAWN)]
    checks = [_drawn(name, random) for name in KNOBS for _ in range(CHECKED)]
    write_text(path, _lines(measure(networks, checks, tell)))


def shipped() -> dict[str, Any]:
    """The table that comes with the package."""
    return _checked(
        json.loads(files(__package__).joinpath("assets", "measured.json").read_text("utf-8")), "measured.json"
    )


def read_measured(path: Path) -> dict[str, Any]:
    """A table from a file.  Raises InputError for what is none."""
    try:
        return _checked(json.loads(path.read_text("utf-8")), str(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a table that --measure wrote ({error})") from None


def _checked(document: Any, where: str) -> dict[str, Any]:
    if not isinstance(document, dict) or set(document) != FIELDS:
        raise InputError(f"{where}: expected a table with the fields {', '.join(sorted(FIELDS))}")
    return document


def _drawn(name: str, random: np.random.Generator) -> Network:
    return Network(name, arguments(name, drawn_values(name, random)))


def _lines(document: Mapping[str, Any]) -> str:
    """JSON with a line for each layer."""
    head = {name: value for name, value in document.items() if name != "layers"}
    layers = ",\n".join(json.dumps(row) for row in document["layers"])
    return json.dumps(head, indent=1)[:-2] + f',\n "layers": [\n{layers}\n]}}\n'
