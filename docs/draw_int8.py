"""Time networks in 8 bits and floats beside other engines; write the tables of docs/int8.md and README.

python docs/draw_int8.py                 (from the repository's root, ten minutes on an otherwise idle machine)
python docs/draw_int8.py FILE            (only draws what `tinyinfer bench ... --int8 --json` printed into a file)
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path

from draw_benchmarks import NETWORKS, TITLES, counted, overview
from marked import TILES, units_of, write_between, write_section

from tinyinfer.bench import BenchRow, PrecisionReport
from tinyinfer.bench.precision_report import decibels
from tinyinfer.bench.report import OURS

PAGE = Path(__file__).resolve().parent / "int8.md"
PEERS = ("onnxruntime", "openvino")


def measure() -> PrecisionReport:
    """A new measurement, in a process of its own."""
    command = [sys.executable, "-m", "tinyinfer", "bench", *NETWORKS, "--int8", "--against", ",".join(PEERS), "--json"]
    done = subprocess.run([*command, "--threads", "1,2"], stdout=subprocess.PIPE, check=True)
    return PrecisionReport.from_dict(json.loads(done.stdout))


def measured(report: PrecisionReport) -> str:
    """What stands between the page's marks: circumstances, and a table for each number of threads."""
    lines = [f"Measured on {datetime.date.today():%d %B %Y}:".replace(" 0", " "), ""]
    lines += [f"- {line}" for line in report.int8.circumstances()]
    gains = report.gains()
    for found in report.int8.summary():
        threads = found["threads"]
        lines += ["", f"### {counted(threads, 'thread')}", "", *table(report, threads), ""]
        lines += [
            f"In the geometric mean tinyinfer's int8 takes **{found['geomean']:.2f}** of the time of the faster peer's "
            f"int8, {found['worst']:.2f} in the worst case ({NETWORKS[found['worst_model']]}), and "
            f"**{gains[found['batch'], threads]:.2f}** of its own float32's."
        ]
    return "\n".join(lines) + "\n"


def summary(report: PrecisionReport) -> str:
    """What README says of 8 bits: a table of our time and what it is of the faster peer's; without tiles a line."""
    if units_of(report.float32) != TILES:
        ratios = " and ".join(
            f"{found['geomean']:.2f} with {counted(found['threads'], 'thread')}" for found in report.int8.summary()
        )
        return (
            f"\nWithout tiles all engines are bound by the same units: on {report.int8.cpu} tinyinfer takes {ratios}\n"
            "of the faster peer's time in the geometric mean ([all figures](docs/int8.md)).\n\n"
        )
    gains = " and ".join(
        f"{ratio:.2f} with {counted(count, 'thread')}" for (_, count), ratio in sorted(report.gains().items())
    )
    return (
        f"\nThe same in 8 bits, on {units_of(report.float32)} ({report.int8.cpu}), every engine on the same codes and"
        " scales."
        f"\nOver its own float32 tinyinfer takes {gains}:\n\n{overview(report.int8)}\n"
    )


def table(report: PrecisionReport, threads: int) -> list[str]:
    """A row for each network: every engine's milliseconds in 8 bits and in floats, our time over each peer's int8."""
    heads = ["network", *(f"{TITLES.get(name, name)}: int8, float32" for name in (OURS, *PEERS)), "of peak", "SQNR, dB"]
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * (len(heads) - 1)}"]
    for codes, floats in zip(report.int8.groups(), report.float32.groups(), strict=True):
        if codes[OURS].threads != threads:
            continue
        cells = [NETWORKS[codes[OURS].model], f"**{_ms(codes[OURS])}**, {_ms(floats[OURS])}"]
        cells += [f"{_ms(codes[name])} ({codes[name].ratio:.2f}), {_ms(floats[name])}" for name in PEERS]
        cells += [f"{codes[OURS].peak_share:.0%}", decibels(codes[OURS].error)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _ms(row: BenchRow) -> str:
    return f"{row.median_ms:.{1 if row.median_ms >= 2 else 2}f}"


def main() -> None:
    """Measure or read, then write the page's tables."""
    files = [Path(file).read_text(encoding="utf-8") for file in sys.argv[1:]]
    report = PrecisionReport.from_dict(json.loads(files[0])) if files else measure()
    write_between(PAGE, units_of(report.float32), measured(report))
    write_section(PAGE.parents[1] / "README.md", f"8 bits on {units_of(report.float32)}", summary(report))


if __name__ == "__main__":
    main()
