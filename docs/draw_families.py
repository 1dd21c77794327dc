"""Measure a network of every family beside ONNX Runtime and OpenVINO, and write the table of this kind of CPU.

python docs/draw_families.py    (from the repository's root, ten minutes on an otherwise idle machine)
"""

from __future__ import annotations

import datetime
import json
import statistics
import subprocess
import sys
from pathlib import Path

from marked import units_of, write_between

from tinyinfer import models
from tinyinfer.bench import BenchReport
from tinyinfer.bench.report import OURS, best_peer
from tinyinfer.models import Family

PAGE = Path(__file__).resolve().parent / "families.md"
PEERS = ("onnxruntime", "openvino")
THREADS = (1, 2)
LARGE = 6e9  # mult-adds from which on a family is shown by its smallest network


def network_of(family: Family) -> str:
    """The first network of a family that is not large, else its smallest."""
    usual = [variant for variant in family.variants if variant.macs is None or variant.macs < LARGE]
    return (usual or sorted(family.variants, key=lambda variant: variant.macs or 0))[0].name


def measure(network: str) -> BenchReport:
    """One network in a process of its own, so that none leaves memory or threads to the next."""
    command = [sys.executable, "-m", "tinyinfer", "bench", network, "--against", ",".join(PEERS), "--json"]
    counts = ",".join(map(str, THREADS))
    done = subprocess.run([*command, "--threads", counts, "--rounds", "3"], stdout=subprocess.PIPE, check=True)
    return BenchReport.from_dict(json.loads(done.stdout))


def measured(reports: list[BenchReport]) -> str:
    """What stands between the page's marks: circumstances, a row for each network, geometric means."""
    heads = ["network", "mult-adds M", *(f"{count} thread{'s' * (count > 1)} | ratio" for count in THREADS)]
    lines = [f"Measured on {datetime.date.today():%d %B %Y}:".replace(" 0", " "), ""]
    lines += [f"- {line}" for line in reports[0].circumstances()[:3]]
    lines += ["", f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * (1 + 2 * len(THREADS))}"]
    ratios: dict[int, list[float]] = {count: [] for count in THREADS}
    for report in reports:
        rows = {group[OURS].threads: (group[OURS], best_peer(group)) for group in report.groups()}
        first = rows[THREADS[0]][0]
        cells = [first.model, f"{first.gmacs_per_s * first.median_ms:.0f}"]
        for count in THREADS:
            ours, best = rows[count]
            assert best is not None
            assert best.ratio is not None
            ratios[count].append(best.ratio)
            cells += [f"{ours.median_ms:.3g}", f"{best.ratio:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    means = [cell for count in THREADS for cell in ("", f"**{statistics.geometric_mean(ratios[count]):.2f}**")]
    slower = max(sum(ratio > 1 for ratio in of_count) for of_count in ratios.values())
    lines += [f"| {' | '.join(['geometric mean', '', *means])} |", ""]
    found = f"At most {slower} of {len(reports)} networks" if slower else f"None of {len(reports)} networks"
    lines += [f"{found} {'are' if slower > 1 else 'is'} slower than a peer with one thread or with two."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure all, then write the table."""
    reports = []
    for family in models.families().values():
        network = network_of(family)
        print(network, file=sys.stderr, flush=True)
        reports.append(measure(network))
    write_between(PAGE, units_of(reports[0]), measured(reports))


if __name__ == "__main__":
    main()
