"""Measure the networks of docs/benchmarks.md beside other engines, and write its tables and docs/benchmarks.svg.

python docs/draw_benchmarks.py            (from the repository's root, some minutes on an otherwise idle machine)
python docs/draw_benchmarks.py FILE...    (only draws what `tinyinfer bench ... --json` printed into files)
"""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path

from tinyinfer.bench import BenchReport, BenchRow, bench
from tinyinfer.bench.report import OURS, best_peer
from tinyinfer.plots import save

DOCS = Path(__file__).resolve().parent
NETWORKS = (
    "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "shufflenet_v2_x1_0", "efficientnet_b0",
    "ghostnet_100", "squeezenet1_1", "repvgg_a0", "resnet18", "resnet50", "densenet121",
)  # fmt: skip
PEERS = ("onnxruntime", "openvino", "torch")
TITLES = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "torch": "PyTorch"}
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


def measure(files: list[str]) -> BenchReport:
    """The reports in the files as one, or a new measurement."""
    if not files:
        return bench(NETWORKS, PEERS, threads=(1, 2), progress=lambda text: print(f"measuring {text}", file=sys.stderr))
    first, *others = [BenchReport.from_dict(json.loads(Path(file).read_text(encoding="utf-8"))) for file in files]
    for other in others:
        first.rows += other.rows
        first.peaks |= other.peaks
    return first


def measured(report: BenchReport) -> str:
    """What stands between the marks: circumstances, and a table for each number of images and threads."""
    lines = [f"Measured on {datetime.date.today():%d %B %Y}:".replace(" 0", " "), ""]
    lines += [f"- {line}" for line in report.circumstances()]
    for found in report.summary():
        batch, threads = found["batch"], found["threads"]
        groups = [group for group in report.groups() if (group[OURS].batch, group[OURS].threads) == (batch, threads)]
        lines += [
            "",
            f"### {_count(threads, 'thread')}, {_count(batch, 'image')}",
            "",
            *table(groups, report.peaks[threads].units),
            "",
        ]
        lines += [
            f"In the geometric mean tinyinfer takes **{found['geomean']:.2f}** of the fastest peer's time, "
            f"{found['worst']:.2f} in the worst case ({found['worst_model']}).",
        ]
    return "\n".join(lines) + "\n"


def table(groups: list[dict[str, BenchRow]], units: str) -> list[str]:
    """A row for each network: milliseconds, our time over each peer's in brackets, our shares of the peaks."""
    peers = [name for name in groups[0] if name != OURS]
    heads = ["network", OURS, *(TITLES.get(name, name) for name in peers), f"of {units} peak", "of stream"]
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * (len(heads) - 1)}"]
    for group in groups:
        ours, best = group[OURS], best_peer(group)
        won = best is None or ours.median_ms < best.median_ms
        cells = [ours.model, f"**{_ms(ours)}**" if won else _ms(ours)]
        cells += [f"{_ms(group[name])} ({group[name].ratio:.2f})" for name in peers]
        cells += [f"{ours.peak_share:.0%}", f"{ours.bandwidth_share:.0%}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _ms(row: BenchRow) -> str:
    return f"{row.median_ms:.1f}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def main() -> None:
    """Measure or read, then write the page's middle and the picture."""
    report = measure(sys.argv[1:])
    page = DOCS / "benchmarks.md"
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    page.write_text(before + BEGIN + measured(report) + END + rest.split(END)[1], encoding="utf-8")
    save(report.plot(), DOCS / "benchmarks.svg")


if __name__ == "__main__":
    main()
