"""What a page takes from a profile, and from a file that may hold anything."""

from __future__ import annotations

import json

import pytest
from made_profiles import made_profile

from tinyinfer.errors import InputError
from tinyinfer.pages.profile.pairs import pairs
from tinyinfer.pages.profile.run import read_run, run_of


def test_times_and_shares_add_up_to_the_run() -> None:
    run = run_of(made_profile().to_dict())
    assert sum(step["ms"] for step in run["steps"]) + run["between"] == pytest.approx(run["total_ms"])
    assert sum(part for _, part in run["works"]) == pytest.approx(1)
    assert run["sentence"].startswith("60 % of the time is 1x1 convolutions")
    slower = run_of(made_profile(total_ms=12.0).to_dict())
    assert slower["between"] == pytest.approx(2.0)
    assert ["between the steps", pytest.approx(2 / 12)] in slower["works"]


def test_a_file_of_an_earlier_profile_is_the_same(tmp_path) -> None:
    profile = made_profile()
    path = tmp_path / "run.json"
    path.write_text(json.dumps(profile.to_dict()), encoding="utf-8")
    assert read_run(path) == run_of(profile.to_dict())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"total_ms": "fast"}, "total_ms: expected a number"),
        ({"total_ms": float("nan")}, "total_ms: expected a number"),
        ({"macs": True}, "macs: expected a number"),
        ({"rows": {}}, "rows: expected a list"),
        ({"rows": [3]}, r"rows\[0\]: expected what profile --json writes, found int"),
        ({"name": 3}, "name: expected text"),
        ({"timeline": [{"start_ms": 0, "ms": 1}]}, "timeline: expected 8 spans, found 1"),
        ({"peak": {"gmacs_per_s": None}}, "peak: gmacs_per_s: expected a number"),
        ({"buffers": [{"name": "x"}]}, r"buffers\[0\]: bytes: expected a number"),
    ],
)
def test_files_with_something_else_are_refused(change, message, tmp_path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({**made_profile().to_dict(), **change}), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_run(path)


@pytest.mark.parametrize(("text", "message"), [("", "found no JSON"), ("[]", "found list"), ("[" * 100_000, "no JSON")])
def test_files_that_are_no_profiles_are_refused(text, message, tmp_path) -> None:
    path = tmp_path / "run.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_run(path)
    with pytest.raises(InputError, match="can't be read"):
        read_run(tmp_path / "missing.json")


def step(name: str, *origin: str) -> dict:
    return {"name": name, "origin": origin or (name,)}


def test_steps_of_two_runs_go_together() -> None:
    first = [step("[x]"), step("a", "a", "relu"), step("b"), step("only")]
    second = [step("[x]"), step("a"), step("relu"), step("b'", "b"), step("new")]
    assert pairs(first, second) == [([0], [0]), ([1], [1, 2]), ([2], [3]), ([3], []), ([], [4])]
