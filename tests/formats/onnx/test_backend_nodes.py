"""Every core operator of ONNX by the onnx package's own cases: inputs, attributes and the outputs that are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("onnx")

from node_cases import collect, failure

OUT_OF_SCOPE = {
    r"(pool|transpose)_3d|volumetric": "volumes: networks here are over lines and images",
    r"training": "training",
}
REFUSED = {
    r"empty_set|shape_zero|allowzero_reordered|start_greater_than_end|zero_size_splits|tri[ul]_zero"
    r"|slice_start_out_of_bounds": "no value of a network is without elements",
    r"maxunpool_export_with_output_shape": "places are counted in the larger image, as other engines count them",
}
LEAST = 0.98  # of the cases in scope


def matches(table: dict[str, str], name: str) -> bool:
    return any(re.search(pattern, name) for pattern in table)


@pytest.mark.slow
def test_cases_come_out_right(tmp_path: Path) -> None:
    cases = [case for case in collect() if not matches(OUT_OF_SCOPE, case.name)]
    failures = {case.name: why for case in cases if (why := failure(case, tmp_path))}
    unexpected = {name: why for name, why in failures.items() if not matches(REFUSED, name)}
    assert not unexpected, "\n".join(f"{name}: {why}" for name, why in unexpected.items())
    assert len(cases) > 700
    assert len(failures) <= (1 - LEAST) * len(cases), f"{len(failures)} of {len(cases)} fail"
