"""Figures: what they show, and that they need their extra."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import numpy as np
import pytest

from tinyinfer import models, plots
from tinyinfer.errors import InputError
from tinyinfer.model import Model
from tinyinfer.profiling.caches import Cache
from tinyinfer.profiling.profile import profile
from tinyinfer.profiling.roofline import Peak
from tinyinfer.profiling.timings import Profile

pytest.importorskip("matplotlib").use("agg")


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(models.create("squeezenet1_1", num_classes=10).graph, threads=1)


@pytest.fixture(scope="module")
def measured(model) -> Profile:
    return profile(model, np.zeros((1, 3, 64, 64), np.float32), repeats=2, warmup=0)


def drawn(figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out)
    return out.getvalue()


def test_step_times_have_a_bar_for_each_step(measured):
    axes = plots.step_times(measured).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [row.ms for row in measured.rows]
    assert len(plots.step_times(measured, top=3).axes[0].patches) == 3


def test_op_times_add_up(measured):
    bars = plots.op_times(measured, by="op").axes[0].patches
    assert sum(bar.get_width() for bar in bars) == pytest.approx(measured.sum_ms)


def test_roofline_shows_each_step_with_mult_adds(measured):
    axes = plots.roofline(measured).axes[0]
    points = sum(len(collection.get_offsets()) for collection in axes.collections)
    assert points == sum(row.macs > 0 for row in measured.rows)
    roof = axes.lines[0].get_ydata()
    assert max(roof) == pytest.approx(measured.peak.gmacs)


@pytest.mark.parametrize(
    ("peak", "names"),
    [
        (Peak(gflops=200, gbytes=10), {"FMA peak 100 GMAC/s"}),
        (Peak(gflops=800, gbytes=10, fma_gflops=200), {"FMA peak 100 GMAC/s", "tile peak 400 GMAC/s"}),
    ],
)
def test_roofline_names_each_arithmetic_peak(measured, peak, names):
    axes = plots.roofline(replace(measured, peak=peak)).axes[0]
    assert {text.get_text() for text in axes.texts if "peak" in text.get_text()} == names
    assert [max(line.get_ydata()) for line in axes.lines] == pytest.approx(sorted({peak.gmacs, peak.fma_gmacs})[::-1])


def test_roofline_has_a_slope_for_each_cache(measured):
    caches = (Cache("L1", 2**15, 400.0), Cache("L2", 2**20, 100.0))
    axes = plots.roofline(replace(measured, peak=Peak(gflops=200, gbytes=10, caches=caches))).axes[0]
    assert {"L1 400 GB/s", "L2 100 GB/s", "memory 10 GB/s"} <= {text.get_text() for text in axes.texts}
    for line, cache in zip(axes.lines[1:], caches, strict=True):
        x, y = line.get_data()
        assert y == pytest.approx(np.minimum(100, x * cache.gbytes))


def test_slopes_bear_their_names_along_them(measured):
    caches = (Cache("L1", 2**15, 400.0), Cache("L2", 2**20, 300.0))
    peak = Peak(gflops=200, gbytes=10, caches=caches)
    axes = plots.roofline(replace(measured, peak=peak)).axes[0]
    drawn(axes.figure)
    for cache, above in ((caches[0], True), (caches[1], True), (Cache("memory", 0, 10.0), False)):
        (name,) = (text for text in axes.texts if text.get_text() == f"{cache.name} {cache.gbytes:.0f} GB/s")
        left, right = axes.transData.transform([(x, x * cache.gbytes) for x in (0.01, 0.1)])
        along = np.degrees(np.arctan2(*(right - left)[::-1]))
        assert name.get_rotation() == pytest.approx(along, abs=0.5)
        at, height = name.get_transform().transform(name.get_position())
        assert (height > left[1] + (at - left[0]) * np.tan(np.radians(along))) == above
        assert axes.get_xlim()[0] < name.get_position()[0] < axes.get_xlim()[1]
        assert name.get_position()[0] * cache.gbytes < peak.gmacs / 2


def test_profile_plots_both(measured):
    figure = measured.plot()
    assert len(figure.axes) == 2
    assert drawn(figure).startswith(b"\x89PNG")


def test_arena_has_a_rectangle_for_each_buffer(model):
    plan = model.plan({"input": (1, 3, 64, 64)})
    assert len(plots.arena(plan).axes[0].patches) == len(plan.lifetimes)


def test_feature_maps_are_scaled_channel_by_channel():
    maps = np.stack([np.full((4, 6), 3.0), np.arange(24.0).reshape(4, 6) * 100])
    sheet = np.asarray(plots.feature_maps(maps[None]).axes[0].images[0].get_array())
    assert np.nanmin(sheet) == 0
    assert np.nanmax(sheet) == 1
    with pytest.raises(InputError, match="feature maps: expected"):
        plots.feature_maps(maps[0])


def test_feature_maps_of_both_signs_are_white_at_zero():
    maps = np.array([[[-1.0, 0.0, 3.0]], [[-200.0, -100.0, 0.0]], [[0.0, 0.0, 0.0]]])
    image = plots.feature_maps(maps, columns=1, centre=0).axes[0].images[0]
    sheet = np.asarray(image.get_array())
    pixels = sheet[:: sheet.shape[0] // 3 + 1, :: sheet.shape[1] // 3]
    assert image.cmap.name == "RdBu_r"
    assert pixels == pytest.approx(np.array([[1 / 3, 0.5, 1], [0, 0.25, 0.5], [0.5, 0.5, 0.5]]))


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_conv_kernels_are_drawn(channels, rng):
    figure = plots.conv_kernels(rng.standard_normal((7, channels, 3, 3)), "seven")
    assert drawn(figure).startswith(b"\x89PNG")
    with pytest.raises(InputError, match="kernels: expected"):
        plots.conv_kernels(np.zeros((3, 3)))


def test_lines_and_bars_show_their_series():
    figure = plots.lines([1, 2, 4], {"a": [1, 2, 3], "b": [2, np.nan, 1]}, log="xy")
    assert len(figure.axes[0].lines) == 2
    figure = plots.bars(["x", "y"], {"a": [1, 2], "b": [3, 4]})
    assert [bar.get_height() for bar in figure.axes[0].patches] == [1, 2, 3, 4]


def test_figures_can_share_given_axes_and_leave_no_settings_behind(measured):
    import matplotlib.pyplot as plt

    before = dict(plt.rcParams)
    figure, (left, right) = plt.subplots(1, 2)
    assert plots.op_times(measured, ax=left) is figure
    assert not right.patches
    plt.close(figure)
    assert dict(plt.rcParams) == before
    assert plt.get_fignums() == []


def test_without_matplotlib_the_extra_is_named(measured, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(InputError, match=r"tinyinfer\[plots\]"):
        plots.op_times(measured)


def test_cells_write_every_number_and_diverge_around_the_centre():
    axes = plots.cells(np.array([[0.5, 1], [2, np.nan]]), rows="ab", columns="cd", centre=1).axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.5", "1", "2"]
    below, equal, above = axes.images[0].get_array().data.ravel()[:3]
    assert below < equal < above
    assert equal - below == pytest.approx(above - equal)


@pytest.mark.parametrize("limits", [None, (-4, 4), (-1, 4)])
def test_cells_of_both_signs_are_white_at_zero(limits):
    image = plots.cells(np.array([[-4.0, -1, 0, 1, 4]]), centre=0, limits=limits).axes[0].images[0]
    tints = image.get_array().data.ravel() - 0.5
    assert tints[2] == 0
    assert list(tints) == pytest.approx(list(-tints[::-1]))
    assert list(tints[3:]) == pytest.approx([tints[4] / 4, tints[4]])
    assert image.cmap.name == "RdBu_r"


def test_cells_need_a_matrix():
    with pytest.raises(InputError, match="expected a matrix"):
        plots.cells(np.zeros(3))


def test_dots_leave_out_what_was_not_measured():
    figure = plots.dots(["first", "second"], {"fast": [1.0, float("nan")], "slow": [2.0, 3.0]}, limit=("peak", 4.0))
    fast, slow, limit = figure.axes[0].lines
    assert np.isfinite(fast.get_xdata()).sum() == 1
    assert list(slow.get_xdata()) == [2.0, 3.0]
    assert set(limit.get_xdata()) == {4.0}
    assert figure.axes[0].get_xlim()[0] == 0
    assert figure.axes[0].get_xlim()[1] > 4
    assert drawn(figure).startswith(b"\x89PNG")


def test_stacked_bars_begin_where_the_part_before_ends():
    figure = plots.stacked(["x", "y"], {"a": [10, 1], "b": [30, 39]}, text="{:.0f} ms")
    first, second, below, beside = figure.axes[0].patches
    assert [bar.get_x() for bar in (first, second, below, beside)] == [0, 0, 10, 1]
    assert [bar.get_width() for bar in (below, beside)] == [30, 39]
    assert [text.get_text() for text in figure.axes[0].texts] == ["10 ms", "", "30 ms", "39 ms"]
    assert drawn(figure).startswith(b"\x89PNG")


def test_flow_shows_which_groups_a_channel_has_heard_of():
    grouped = np.kron(np.eye(2), np.ones((2, 2)))
    shuffle = np.eye(4)[[0, 2, 1, 3]]
    axes = plots.flow([("grouped", grouped), ("shuffle", shuffle), ("grouped", grouped)], 2, "flow").axes[0]
    assert len(axes.lines) == 8 + 4 + 8
    assert len(axes.patches) == 3 * 4 + 4 * 2  # in the last row each channel shows both colours
    assert [text.get_text() for text in axes.texts] == ["grouped", "shuffle", "grouped"]


@pytest.mark.parametrize(
    ("layers", "groups", "message"),
    [
        ([], 1, "expected matrices"),
        ([("a", np.zeros(3))], 1, "expected matrices"),
        ([("a", np.eye(3)), ("b", np.eye(4))], 1, "do not follow"),
        ([("a", np.eye(3))], 2, "2 groups do not divide 3 channels"),
    ],
)
def test_flow_refuses_what_does_not_fit(layers, groups, message):
    with pytest.raises(InputError, match=message):
        plots.flow(layers, groups)


def test_a_short_logarithmic_axis_is_labelled_between_its_decades():
    axis = plots.lines([1, 2], {"a": [0.3, 6.0]}, log="y").axes[0].yaxis
    labels = [axis.get_minor_formatter()(value, None) for value in (0.4, 0.5, 2.0, 3.0)]
    assert labels == ["", "0.5", "2", ""]
    axis = plots.lines([1, 2], {"a": [0.01, 600.0]}, log="y").axes[0].yaxis
    assert axis.get_minor_formatter()(2.0, None) == ""


def test_points_are_named_and_joined_from_cheap_to_dear():
    axes = plots.points({"nets": [("large", 9, 3), ("small", 2, 1)], "other": [("one", 5, 2)]}, log=True).axes[0]
    assert [list(line.get_xdata()) for line in axes.lines] == [[2, 9], [5]]
    assert [text.get_text() for text in axes.texts] == ["small", "large", "one"]
    assert [axes.xaxis.get_minor_formatter()(value, None) for value in (20, 30)] == ["20", ""]


def test_names_of_points_close_together_stand_on_different_sides():
    axes = plots.points({"a": [("one", 1, 1), ("far", 9, 9)], "b": [("two", 1.1, 1)]}).axes[0]
    one, far, two = axes.texts
    assert (one.get_ha(), one.get_va()) != (two.get_ha(), two.get_va())
    assert (far.get_ha(), far.get_va()) == ("left", "top")


def test_names_of_points_keep_off_lines_and_each_other():
    crowd = {
        "a": [(f"name {i}", 1 + i, 1 + i) for i in range(6)],
        "b": [(f"other {i}", 1.02 + i, 1.01 + i) for i in range(6)],
    }
    axes = plots.points(crowd, log=True).axes[0]
    drawn(axes.figure)
    boxes = [text.get_window_extent() for text in axes.texts]
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
    assert sum(a.overlaps(b) for a, b in pairs) == 0


def test_a_legend_below_hides_nothing():
    series = {f"a long name, number {i}": [0.5, 1.0, 1.0] for i in range(5)}
    for figure in (plots.lines([1, 2, 4], series, "x"), plots.bars(["p", "q", "r"], series)):
        drawn(figure)
        axes = figure.axes[0]
        legend = axes.get_legend().get_window_extent()
        assert not legend.overlaps(axes.get_window_extent())
        assert not any(
            legend.overlaps(label.get_window_extent()) for label in [axes.xaxis.label, *axes.get_xticklabels()]
        )
        assert legend.x1 <= figure.bbox.x1 + 1


def test_whole_marks_have_room_at_the_top():
    axes = plots.lines([1, 2, 3], {"a": [100, 101, 100]}).axes[0]
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] > 103


def test_a_limit_is_a_dashed_line_with_its_name():
    axes = plots.lines([1, 2], {"a": [1, 2]}, limit=("peak", 3.0)).axes[0]
    assert list(axes.lines[1].get_ydata()) == [3.0, 3.0]
    assert [text.get_text() for text in axes.texts] == ["peak"]
    assert axes.get_ylim()[1] > 3


def test_equal_dots_stand_beside_each_other():
    axes = plots.dots(["one"], {"a": [1.0], "b": [1.0], "c": [1.0]}).axes[0]
    heights = [line.get_ydata()[0] for line in axes.lines]
    assert heights[1] == 0
    assert len(set(heights)) == 3


@pytest.mark.parametrize("colour", plots.PALETTE)
def test_numbers_on_stacked_bars_can_be_read(colour):
    from tinyinfer.plots.style import ink_on

    assert ratio(colour, {"white": "#ffffff", "black": "#000000"}[ink_on(colour)]) >= 4.5


def ratio(colour, ink):
    """WCAG's contrast of two colours."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        return sum(w * (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
                   for w, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True))  # fmt: skip

    dark, light = sorted(map(luminance, (colour, ink)))
    return (light + 0.05) / (dark + 0.05)
