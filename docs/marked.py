"""What the scripts of this folder write into pages, between marks that tell on which units it was measured."""

from __future__ import annotations

from pathlib import Path

from tinyinfer.bench import BenchReport

FMA, TILES = "FMA units", "tiles"


def units_of(report: BenchReport) -> str:
    """The units that tinyinfer's convolutions ran on."""
    return TILES if "tile" in {peak.units for peak in report.peaks.values()} else FMA


def marks(units: str) -> tuple[str, str]:
    """The lines of a page between which stands what was measured on such units."""
    return f"<!-- measured on {units}: begin -->\n", f"<!-- measured on {units}: end -->\n"


def write_between(page: Path, units: str, text: str) -> None:
    """Replace what stands between the marks of a page for such units."""
    _write(page, marks(units), text)


def write_section(page: Path, name: str, text: str) -> None:
    """Replace what stands between the marks of a section of this name."""
    _write(page, (f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"), text)


def _write(page: Path, around: tuple[str, str], text: str) -> None:
    begin, end = around
    before, rest = page.read_text(encoding="utf-8").split(begin)
    page.write_text(before + begin + text + end + rest.split(end)[1], encoding="utf-8")
