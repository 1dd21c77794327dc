"""Write the table of weights/README.md from what the model files of that folder say of themselves.

python docs/draw_weights.py    (from the repository's root)
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import tinyinfer as ti

FOLDER = Path(__file__).resolve().parents[1] / "weights"
PAGE = FOLDER / "README.md"
BEGIN, END = "<!-- networks: begin -->\n", "<!-- networks: end -->\n"
HEADS = ("name", "network", "top-1, %", "mult-adds, M", "weights", "file, bytes", "teacher")


class Row(NamedTuple):
    """One model file; its weights are counted with running statistics."""

    name: str
    arch: str
    top1: float
    macs: int
    weights: int
    size: int
    teacher: str

    def cells(self) -> list[str]:
        """As the page shows them."""
        return [
            f"`{self.name}`", f"`{self.arch}`", f"{100 * self.top1:.2f}", f"{self.macs / 1e6:.2f}",
            f"{self.weights:,}", f"{self.size:,}", self.teacher and f"`{self.teacher}`",
        ]  # fmt: skip


def read(path: Path) -> Row:
    """What a model file says of itself."""
    model = ti.load(path)
    weights = sum(math.prod(model.graph.weights.shape(key)) for key in model.graph.weights)
    meta, teacher = model.meta, model.meta.get("training", {}).get("teacher", "")
    top1 = meta["accuracy"]["top1"]
    return Row(path.stem, meta["arch"], top1, model.cost().macs, weights, path.stat().st_size, teacher)


def table(rows: list[Row]) -> str:
    """The rows, the most accurate first."""
    lines = [f"| {' | '.join(HEADS)} |", "| --- | --- |" + " ---: |" * 4 + " --- |"]
    ordered = sorted(rows, key=lambda row: (-row.top1, row.name))
    return "\n".join([*lines, *(f"| {' | '.join(row.cells())} |" for row in ordered)]) + "\n"


def main() -> None:
    """Replace the table between the page's marks."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    text = table([read(path) for path in sorted(FOLDER.glob("*.npz"))])
    PAGE.write_text(before + BEGIN + text + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
