"""Write the tables of weights/README.md, of what the model files of that folder are and of what a teacher gains.

    python docs/draw_weights.py            (from the repository's root; only draws)
    python docs/draw_weights.py DATA       (measures time, and top-1 in 8 bits, before; on an otherwise idle machine)

DATA is a folder of packed pictures, as `python -m tinyinfer.training` takes it: train.npz calibrates, test.npz
measures.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from draw_smaller import dataset_of, milliseconds
from marked import write_section

import tinyinfer as ti
from tinyinfer.evaluation.accuracy import evaluate
from tinyinfer.profiling.machine import cpu_name
from tinyinfer.quantization import quantize_model, read_pictures

FOLDER = Path(__file__).resolve().parents[1] / "weights"
PAGE = FOLDER / "README.md"
FILES = sorted(FOLDER.glob("*.npz"))
MEASURED = FOLDER / "measured.json"  # times, and accuracies in 8 bits
DISTILLATION = FOLDER / "distillation.json"  # top-1 of one student by seed, with a teacher and without
HEADS = (
    "name", "network", "top-1, %", "in 8 bits", "mult-adds, M", "weights", "file, bytes", "time, ms", "in 8 bits",
    "teacher",
)  # fmt: skip


class Row(NamedTuple):
    """One model file; its weights are counted with running statistics."""

    name: str
    arch: str
    top1: float
    macs: int
    weights: int
    size: int
    teacher: str

    def cells(self, measured: dict[str, float]) -> list[str]:
        """As the page shows them."""
        return [
            f"`{self.name}`", f"`{self.arch}`", f"{100 * self.top1:.2f}", f"{100 * measured['int8_top1']:.2f}",
            f"{self.macs / 1e6:.2f}", f"{self.weights:,}", f"{self.size:,}", f"{measured['ms']:.3f}",
            f"{measured['int8_ms']:.3f}", self.teacher and f"`{self.teacher}`",
        ]  # fmt: skip


def read(path: Path) -> Row:
    """What a model file says of itself."""
    model = ti.load(path)
    weights = sum(math.prod(model.graph.weights.shape(key)) for key in model.graph.weights)
    meta, teacher = model.meta, model.meta.get("training", {}).get("teacher", "")
    top1 = meta["accuracy"]["top1"]
    return Row(path.stem, meta["arch"], top1, model.cost().macs, weights, path.stat().st_size, teacher)


def measure(path: Path, data: Path) -> dict[str, float]:
    """Time of a call with one thread, in floats and in 8 bits, and top-1 in 8 bits on all test pictures."""
    model = ti.load(path, threads=1)
    codes = quantize_model(model, read_pictures(str(data / "train.npz"), model)).model
    found = evaluate(codes, dataset_of(str(data / "test.npz"), model)).top1
    ms, int8_ms = milliseconds([model, codes])
    return {"int8_top1": round(found, 4), "ms": round(ms, 4), "int8_ms": round(int8_ms, 4)}


def table(rows: list[Row], measured: dict[str, dict[str, float]]) -> str:
    """The rows, the most accurate first."""
    lines = [f"| {' | '.join(HEADS)} |", "| --- | --- |" + " ---: |" * (len(HEADS) - 3) + " --- |"]
    ordered = sorted(rows, key=lambda row: (-row.top1, row.name))
    return "\n".join([*lines, *(f"| {' | '.join(row.cells(measured[row.name]))} |" for row in ordered)]) + "\n"


def gains(found: dict[str, Any]) -> str:
    """Top-1 in % of each seed and their mean, a line for those without a teacher and one for those with."""
    seeds = found["seeds"]
    lines = [f"| seed | {' | '.join(map(str, seeds))} | mean |", f"| --- |{' ---: |' * (len(seeds) + 1)}"]
    for title, shares in found["top1"].items():
        cells = (f"{100 * top1:.2f}" for top1 in [*shares, mean(shares)])
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def networks() -> str:
    """The section of all model files: their table, and where their times are from."""
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    circumstances = f"\nTimes are of one thread on {measured['cpu']}, one picture a call.\n"
    return table([read(path) for path in FILES], measured["networks"]) + circumstances


def runs() -> str:
    """How each network that keeps its log was trained, and what it knew on the way."""
    lines = ["| name | epochs | rate | options | top-1 on the way, % |", "| --- | ---: | ---: | --- | --- |"]
    for path in FILES:
        for training in stages(ti.load(path).meta.get("training", {})):
            seen = [f"{entry['epoch']}: {100 * entry['top1']:.2f}" for entry in training["log"] if "top1" in entry]
            digits = " --bf16" if training["bf16"] else ""
            blend = f" --blend {training['blend']:g}" if training.get("blend") else ""
            options = f"`--augment {training['strength']}{blend}{digits}`"
            cells = [f"`{path.stem}`", str(training["epochs"]), f"{training['rate']:g}", options, ", ".join(seen)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def stages(training: dict[str, Any]) -> list[dict[str, Any]]:
    """A run and those that it went on from, the first of them first, as far as they kept a log."""
    before = stages(training["before"]) if "before" in training else []
    return [*before, training] if "log" in training else before


def distillation() -> str:
    """The section of what a teacher gains."""
    return gains(json.loads(DISTILLATION.read_text(encoding="utf-8")))


def main() -> None:
    """Measure if there are pictures, and replace what stands between the page's marks."""
    if len(sys.argv) > 1:
        found = {path.stem: measure(path, Path(sys.argv[1])) for path in FILES}
        text = json.dumps({"cpu": cpu_name(), "networks": found}, indent=2)
        MEASURED.write_text(text + "\n", encoding="utf-8")
    write_section(PAGE, "networks", networks())
    write_section(PAGE, "runs", runs())
    write_section(PAGE, "distillation", distillation())


if __name__ == "__main__":
    main()
