"""Steps with several numbers of threads side by side."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

import numpy as np
import pytest

from tinyinfer import models
from tinyinfer.errors import InputError
from tinyinfer.model import Model
from tinyinfer.profiling.profile_rows import ProfileRow
from tinyinfer.profiling.scaling import GOOD, Scaling, scaling
from tinyinfer.profiling.scaling_rows import efficiency, match, step_rows

SHAPE = (1, 3, 64, 64)


def step(*origin: str, ms: float = 1.0, macs: int = 1, op: str = "conv2d", kernel: str = "direct") -> ProfileRow:
    times = dict.fromkeys(("min_ms", "p90_ms", "first_ms"), ms)
    return ProfileRow(
        name=origin[-1], op=op, kernel=kernel, why="", origin=origin, shape=(1, 8, 4, 4), macs=macs, params=0, bytes=4,
        ms=ms, **times, share=0.5, bound="compute",
    )  # fmt: skip


@pytest.fixture(scope="module")
def measured() -> Scaling:
    graph = models.create("squeezenet1_1", num_classes=10).graph
    networks = [Model(graph, {"name": "squeeze"}, threads=n) for n in (2, 1)]
    return scaling(networks, np.zeros(SHAPE, np.float32), repeats=3, warmup=1)


def test_every_step_has_a_row_with_each_number_of_threads(measured):
    assert list(measured.profiles) == [1, 2]
    assert [profile.threads for profile in measured.profiles.values()] == [1, 2]
    assert {name for row in measured.profiles[2].rows for name in row.origin} >= {row.name for row in measured.rows}
    for threads, profile in measured.profiles.items():
        assert sum(row.ms[threads] for row in measured.rows) == pytest.approx(profile.sum_ms)
        assert sum(row.macs for row in measured.rows) == profile.macs
        assert profile.repeats == 3


def test_a_block_is_matched_with_the_steps_that_another_plan_has_instead():
    alone = [step("stem", ms=4), step("expand", ms=2, macs=5), step("depthwise", ms=1), step("project", "norm", ms=3)]
    fused = [step("stem", ms=2), step("expand", "depthwise", "project", "norm", ms=4, macs=7, kernel="rolling_lines")]
    stem, block = step_rows({1: alone, 2: fused})
    assert (stem.name, stem.ms, stem.efficiency) == ("stem", {1: 4, 2: 2}, 1.0)
    assert (block.name, block.label, block.macs) == ("norm", "conv2d rolling_lines", 7)
    assert (block.ms, block.efficiency) == ({1: 6, 2: 4}, 0.75)
    apart, together = step_rows({1: fused, 2: alone})[1], match([fused, alone])[1]
    assert (apart.label, apart.macs, apart.ms) == ("conv2d direct", 7, {1: 4, 2: 6})
    assert [[row.name for row in side] for side in together] == [["norm"], ["expand", "depthwise", "norm"]]


def test_blocks_that_overlap_become_one_row():
    sides = [[step("a", "b"), step("c")], [step("a"), step("b", "c")]]
    assert match(sides) == [sides]


def test_efficiency_is_one_where_all_threads_share_the_work():
    assert efficiency({1: 6.0, 2: 3.0}) == 1
    assert efficiency({1: 6.0, 2: 6.0}) == 0.5
    assert efficiency({2: 6.0, 3: 5.0, 4: 4.0}) == 0.75


def test_good_steps_are_counted_by_their_time(measured):
    rows = step_rows({1: [step("a", ms=6), step("b", ms=2)], 2: [step("a", ms=3), step("b", ms=1.5)]})
    found = dataclasses.replace(measured, rows=tuple(rows))
    assert found.good_share == pytest.approx(3 / 4.5)
    assert f"{GOOD:.0%} take 67% of the time on 2 threads" in str(found)


@pytest.mark.parametrize("by", ["op", "kernel"])
def test_groups_add_up(measured, by):
    groups = measured.grouped(by)
    for threads in (1, 2):
        assert sum(group.ms[threads] for group in groups) == pytest.approx(
            sum(row.ms[threads] for row in measured.rows)
        )
    assert [group.ms[2] for group in groups] == sorted((group.ms[2] for group in groups), reverse=True)
    assert groups[0].name in {row.op if by == "op" else row.label for row in measured.rows}
    assert groups[0].name in str(measured.table(by))


def test_it_is_shown_as_a_table_a_page_json_and_csv(measured, tmp_path):
    text = str(measured)
    assert max(map(len, text.splitlines())) <= 100
    assert "efficiency" in text
    assert "GB/s" in text
    again = json.loads(json.dumps(measured.to_dict(), allow_nan=False))
    assert again["name"] == "squeeze"
    assert again["total_ms"]["2"] == measured.profiles[2].total_ms
    rows = list(csv.DictReader(io.StringIO(measured.to_csv(tmp_path / "s.csv"))))
    assert [float(row["ms_2"]) for row in rows] == [row.ms[2] for row in measured.rows]
    assert [float(row["efficiency"]) for row in rows] == [row.efficiency for row in measured.rows]
    measured.to_html(tmp_path / "s.html")
    assert "squeeze" in (tmp_path / "s.html").read_text()


def test_several_numbers_of_threads_and_inputs_that_fit_are_asked_for():
    network = Model(models.create("squeezenet1_1", num_classes=10).graph, threads=1)
    with pytest.raises(InputError, match="different numbers of threads, found 1"):
        scaling([network, network], np.zeros(SHAPE, np.float32), repeats=1)
    with pytest.raises(InputError, match="at least 1 repeat"):
        scaling([network], repeats=0)
    with pytest.raises(InputError, match="expected shape"):
        scaling([network], np.zeros((1, 4, 64, 64), np.float32))
