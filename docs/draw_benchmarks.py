"""Measure the networks of docs/benchmarks.md beside other engines, and write its tables for this kind of CPU.

On a CPU without matrix units README's table and docs/benchmarks.svg are written too.

python docs/draw_benchmarks.py                 (from the repository's root, ten minutes on an otherwise idle machine)
python docs/draw_benchmarks.py FILE [FILE]     (only draws what `tinyinfer bench ... --json` printed into files, the
                                                second with TINYINFER_AMX=0)
"""

from __future__ import annotations

import datetime
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from marked import FMA, units_of, write_between

from tinyinfer.bench import BenchReport, BenchRow
from tinyinfer.bench.report import OURS, best_peer
from tinyinfer.kernels.codegen import amx
from tinyinfer.plots import save

DOCS = Path(__file__).resolve().parent
NETWORKS = {
    "mobilenet_v1": "MobileNet V1", "mobilenet_v2": "MobileNet V2", "mobilenet_v3_large": "MobileNet V3 large",
    "mobilenet_v3_small": "MobileNet V3 small", "shufflenet_v2_x1_0": "ShuffleNet V2 1.0x",
    "efficientnet_b0": "EfficientNet-B0", "ghostnet_100": "GhostNet", "squeezenet1_1": "SqueezeNet 1.1",
    "repvgg_a0": "RepVGG-A0", "resnet18": "ResNet-18", "resnet50": "ResNet-50", "densenet121": "DenseNet-121",
}  # fmt: skip
PEERS = ("onnxruntime", "openvino", "torch")
TITLES = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "torch": "PyTorch"}


def measure() -> list[BenchReport]:
    """A new measurement, and where the CPU has matrix units another one of float32 products, each in a process."""
    command = [sys.executable, "-m", "tinyinfer", "bench", *NETWORKS, "--against", ",".join(PEERS), "--json"]
    environments = [{}, {"TINYINFER_AMX": "0"}] if amx.available() else [{}]
    found = []
    for environment in environments:
        done = subprocess.run(
            [*command, "--threads", "1,2"], env={**os.environ, **environment}, stdout=subprocess.PIPE, check=True
        )
        found.append(BenchReport.from_dict(json.loads(done.stdout)))
    return found


def measured(reports: list[BenchReport]) -> str:
    """What stands between the page's marks: circumstances, and a table for each kind of product and thread count."""
    lines = [f"Measured on {datetime.date.today():%d %B %Y}:".replace(" 0", " "), ""]
    lines += [f"- {line}" for line in reports[0].circumstances()]
    for report, products in zip(reports, ("", ", float32 products only"), strict=False):
        for found in report.summary():
            batch, threads = found["batch"], found["threads"]
            groups = [g for g in report.groups() if (g[OURS].batch, g[OURS].threads) == (batch, threads)]
            lines += ["", f"### {counted(threads, 'thread')}, {counted(batch, 'image')}{products}", ""]
            lines += [*table(groups, report.peaks[threads].units), ""]
            lines += [
                f"In the geometric mean tinyinfer takes **{found['geomean']:.2f}** of the fastest peer's time, "
                f"{found['worst']:.2f} in the worst case ({found['worst_model']}).",
            ]
    return "\n".join(lines) + "\n"


def overview(report: BenchReport) -> str:
    """README's table: our milliseconds, and our time over the faster peer's."""
    peers = [name for name in PEERS if name != "torch"]
    threads = sorted(report.peaks)
    heads = ["network", *(head for count in threads for head in (counted(count, "thread"), "ratio"))]
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * (len(heads) - 1)}"]
    ratios: dict[int, list[float]] = {count: [] for count in threads}
    for name, title in NETWORKS.items():
        cells = [title]
        for count in threads:
            group = next(g for g in report.groups() if (g[OURS].model, g[OURS].threads) == (name, count))
            best = min((group[peer] for peer in peers), key=lambda row: row.median_ms)
            ratios[count].append(float(best.ratio or 0))
            cells += [_ms(group[OURS]), f"{best.ratio:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    means = [cell for count in threads for cell in ("", f"**{statistics.geometric_mean(ratios[count]):.2f}**")]
    return "\n".join([*lines, f"| {' | '.join(['geometric mean', *means])} |"]) + "\n"


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
    return f"{row.median_ms:.{1 if row.median_ms >= 2 else 2}f}"


def counted(number: int, what: str) -> str:
    """1 thread, 2 threads."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def main() -> None:
    """Measure or read, then write the pages' tables and the picture."""
    files = [Path(file).read_text(encoding="utf-8") for file in sys.argv[1:]]
    reports = [BenchReport.from_dict(json.loads(text)) for text in files] or measure()
    units = units_of(reports[0])
    write_between(DOCS / "benchmarks.md", units, measured(reports))
    if units == FMA:
        write_between(DOCS.parent / "README.md", FMA, "\n" + overview(reports[0]) + "\n")
        save(reports[0].plot(), DOCS / "benchmarks.svg")


if __name__ == "__main__":
    main()
