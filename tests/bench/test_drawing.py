"""Benchmarks as pictures and as the page of the documentation."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from marked import FMA, TILES, marks

from tinyinfer import plots
from tinyinfer.bench.report import BenchReport, Counts, Setting, make_rows
from tinyinfer.bench.sweep_report import SweepReport
from tinyinfer.errors import InputError
from tinyinfer.profiling.roofline import Microkernel, Peak

pytest.importorskip("matplotlib").use("agg")

PEAK = Peak(gflops=200.0, gbytes=10.0)
MICROKERNEL = Microkernel("pointwise", gmacs=90.0, fma_gmacs=100.0)
DOCS = Path(__file__).resolve().parents[2] / "docs"


def rows(name: str, batch: int, threads: int, sweep: str = "", value: float | None = None) -> list:
    seconds = {"tinyinfer": np.array([0.8, 1.0, 1.2]), "openvino": np.array([2.0, 2.0, 2.0])}
    counts = Counts({}, macs=10**9, bytes=10**9)
    return make_rows(Setting(name, batch, threads, sweep, value), counts, PEAK, seconds, dict.fromkeys(seconds, 0.0))


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> BenchReport:
    monkeypatch.setattr("tinyinfer.bench.engines.version", lambda name: "1.0")
    found = [row for threads in (1, 2) for name in ("a", "b") for row in rows(name, 1, threads)]
    return BenchReport(found, {1: PEAK, 2: PEAK}, MICROKERNEL)


def test_ratios_have_a_panel_for_each_setting_and_a_dot_for_each_peer(report):
    figure = report.plot()
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["1 image, 1 thread", "1 image, 2 threads"]
    for ax in figure.axes:
        (dots,) = [line for line in ax.lines if line.get_label() == "openvino"]
        np.testing.assert_allclose(dots.get_xdata(), [0.5, 0.5])
        assert [text.get_text() for text in ax.texts] == ["1e+03 ms", "1e+03 ms"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b"]
    assert figure.get_suptitle() == f"{report.cpu}, {report.date}"


def test_there_is_nothing_to_draw_without_peers(report):
    report.rows = [row for row in report.rows if row.engine == "tinyinfer"]
    with pytest.raises(InputError, match="expected engines to compare with"):
        report.plot()


@pytest.mark.parametrize("sweep", ["batch", "threads", "resolution", "pause"])
def test_sweeps_have_a_curve_for_each_engine(report, sweep):
    found = []
    for name in ("a", "b", "c"):
        for n in (1, 2, 4):
            found += rows(name, n if sweep == "batch" else 1, n if sweep == "threads" else 1, sweep, n)
    figure = SweepReport(found, {1: PEAK}, MICROKERNEL, sweep).plot()
    drawn = [ax for ax in figure.axes if ax.lines]
    assert len(drawn) == 3
    for ax in drawn:
        curves = {line.get_label(): line for line in ax.lines}
        ideal = {"threads": {"1 / threads"}, "pause": set()}.get(sweep, {"in proportion to mult-adds"})
        assert set(curves) == {"tinyinfer", "openvino", *ideal}
        assert list(curves["openvino"].get_xdata()) == [1, 2, 4]
        assert list(curves["openvino"].get_ydata()) == [2000, 2000, 2000]


def test_figures_are_saved_as_their_names_say(report, tmp_path):
    for name, start in (("x.png", b"\x89PNG"), ("x.svg", b"<?xml")):
        plots.save(report.plot(), tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    first = (tmp_path / "x.svg").read_bytes()
    plots.save(report.plot(), tmp_path / "x.svg")
    assert (tmp_path / "x.svg").read_bytes() == first
    assert b"openvino</text>" in first
    with pytest.raises(InputError, match=r"x\.jpg: expected the name of a \.png or \.svg file"):
        plots.save(report.plot(), tmp_path / "x.jpg")


def page(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pages(report, tmp_path, monkeypatch):
    """The script, pages for it to write in an empty repository, and a file of what was measured."""
    script, docs = page("draw_benchmarks"), tmp_path / "docs"
    docs.mkdir()
    for file in (docs / "benchmarks.md", tmp_path / "README.md"):
        fma, tiles = ("old\n".join(marks(units)) for units in (FMA, TILES))
        file.write_text(f"before\n{fma}between\n{tiles}after\n")
    monkeypatch.setattr(script, "DOCS", docs)
    monkeypatch.setattr(script, "NETWORKS", {"a": "The first", "b": "The second"})
    monkeypatch.setattr(script, "PEERS", ("openvino", "torch"))
    monkeypatch.setattr("sys.argv", ["draw", str(tmp_path / "found.json")])
    return script, docs, tmp_path / "README.md", tmp_path / "found.json"


def test_the_pages_are_written_between_their_marks(report, pages):
    script, docs, readme, found = pages
    report.to_json(found)
    script.main()
    text, overview = (docs / "benchmarks.md").read_text(), readme.read_text()
    for written in (text, overview):
        assert written.startswith("before\n")
        assert written.endswith("between\n" + "old\n".join(marks(TILES)) + "after\n")
        assert written.count("old") == 1
    assert text.count("| a | **1000.0** | 2000.0 (0.50) | 1% | 10% |") == 2
    assert "tinyinfer takes **0.50** of the fastest peer's time" in text
    assert "float32 products only" not in text
    assert "| network | 1 thread | ratio | 2 threads | ratio |\n" in overview
    assert "| The second | 1000.0 | 0.50 | 1000.0 | 0.50 |\n" in overview
    assert "| geometric mean |  | **0.50** |  | **0.50** |\n" in overview
    assert (docs / "benchmarks.svg").stat().st_size > 1000


def test_what_was_measured_on_tiles_goes_elsewhere(report, pages):
    script, docs, readme, found = pages
    before = readme.read_text()
    with_tiles = Peak(gflops=600.0, gbytes=10.0, fma_gflops=200.0)
    BenchReport(report.rows, dict.fromkeys(report.peaks, with_tiles), MICROKERNEL).to_json(found)
    script.main()
    text = (docs / "benchmarks.md").read_text()
    assert text.startswith("before\n" + "old\n".join(marks(FMA)) + "between\n")
    assert text.count("| a | **1000.0** | 2000.0 (0.50) |") == 2
    assert readme.read_text() == before
    assert not (docs / "benchmarks.svg").exists()


def test_both_kinds_of_product_have_their_tables(report, monkeypatch):
    script = page("draw_benchmarks")
    monkeypatch.setattr(script, "NETWORKS", {"a": "The first"})
    monkeypatch.setattr(script, "PEERS", ("openvino",))
    text = script.measured([report, report])
    assert text.count("### 1 thread, 1 image\n") == 1
    assert text.count("### 2 threads, 1 image, float32 products only\n") == 1
    assert script.overview(report).splitlines()[2] == "| The first | 1000.0 | 0.50 | 1000.0 | 0.50 |"


def test_the_page_and_its_picture_are_there():
    script = page("draw_benchmarks")
    text = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    for units in (FMA, TILES):
        begin, end = marks(units)
        middle = text.split(begin)[1].split(end)[0]
        assert all(middle.count(f"| {name} |") in (2, 4) for name in script.NETWORKS)
    begin, end = marks(FMA)
    overview = (DOCS.parent / "README.md").read_text(encoding="utf-8").split(begin)[1].split(end)[0]
    assert all(overview.count(f"| {title} |") == 1 for title in script.NETWORKS.values())
    assert "(benchmarks.svg)" in text
    assert (DOCS / "benchmarks.svg").stat().st_size < 200_000


def test_the_page_of_families_has_a_row_for_each(report, tmp_path, monkeypatch):
    script = page("draw_families")
    rows_of = {name: [row for row in report.rows if row.model == name] for name in ("a", "b")}
    monkeypatch.setattr(script, "PAGE", tmp_path / "families.md")
    script.PAGE.write_text("old\n".join(marks(FMA)) + "after\n")
    monkeypatch.setattr(script.models, "families", lambda: {name: name for name in ("a", "b")})
    monkeypatch.setattr(script, "network_of", lambda family: family)
    found = {name: BenchReport(rows, report.peaks, MICROKERNEL) for name, rows in rows_of.items()}
    monkeypatch.setattr(script, "measure", found.__getitem__)
    script.main()
    text = script.PAGE.read_text()
    assert "| network | mult-adds M | 1 thread | ratio | 2 threads | ratio |\n" in text
    assert "| b | 1000 | 1e+03 | 0.50 | 1e+03 | 0.50 |\n" in text
    assert "| geometric mean |  |  | **0.50** |  | **0.50** |\n" in text
    end = marks(FMA)[1] + "after\n"
    assert text.endswith("\nNone of 2 networks is slower than a peer with one thread or with two.\n" + end)
    assert "old" not in text


def test_families_have_a_table_for_both_kinds_of_units() -> None:
    """Each holds every network, but for those that the page says are not yet measured."""
    text, script = (DOCS / "families.md").read_text(encoding="utf-8"), page("draw_families")
    (unmeasured,) = re.findall(r"Not yet measured:\s+([^.]*)\.", text) or [""]
    expected = {script.network_of(family) for family in script.models.families().values()}
    for units in (FMA, TILES):
        begin, end = marks(units)
        rows_of_units = [line for line in text.split(begin)[1].split(end)[0].splitlines() if line.startswith("| ")]
        shown = [line.split("|")[1].strip() for line in rows_of_units[2:-1]]  # without head, rule, means
        assert {*shown, *unmeasured.split(", ")} - {""} == expected
        assert len(set(shown)) == len(shown)


def test_families_are_shown_by_their_first_network_unless_it_is_large() -> None:
    script = page("draw_families")
    shown = {name: script.network_of(family) for name, family in script.models.families().items()}
    assert shown["resnet"] == "resnet18"
    assert shown["amoebanet"] == "amoebanet_a_mobile"
    assert shown["xception"] == "xception"  # there is no smaller one
