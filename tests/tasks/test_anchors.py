"""Anchors: where they are, how many, in which order, and descriptions that are refused."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinyinfer as ti
from tinyinfer.errors import ModelFormatError
from tinyinfer.tasks.anchors import Anchors, ssd_sizes

GOOD = {"strides": [16, 32], "sizes": [[[0.2, 0.2]], [[0.5, 0.5], [1, 0.25]]], "variances": [0.1, 0.2], "overlap": 0.5}


def test_sizes_are_the_papers_formula() -> None:
    """Liu et al. 2016, section 2.2: s_k = s_min + (s_max - s_min) (k - 1) / (m - 1), w = s sqrt(a), h = s / sqrt(a)."""
    sizes = ssd_sizes(6)
    for k in range(6):
        s = 0.2 + 0.75 / 5 * k
        following = 0.2 + 0.75 / 5 * (k + 1) if k < 5 else 1.0
        expected = [(s, s), (math.sqrt(s * following),) * 2]
        for ratio in (2, 1 / 2, 3, 1 / 3):
            expected.append((min(s * math.sqrt(ratio), 1), min(s / math.sqrt(ratio), 1)))
        np.testing.assert_allclose(sizes[k], expected, rtol=1e-12)


def test_the_lighter_first_map_of_the_mobilenets() -> None:
    first, second, *_ = ssd_sizes(6, finest=3)
    np.testing.assert_allclose(first, [(0.1, 0.1), (0.2 * 2**0.5, 0.2 / 2**0.5), (0.2 / 2**0.5, 0.2 * 2**0.5)])
    assert second == ssd_sizes(6)[1]


@given(
    height=st.integers(1, 130),
    width=st.integers(1, 130),
    strides=st.lists(st.sampled_from([1, 8, 16, 32, 64]), min_size=1, max_size=3),
    counts=st.integers(1, 3),
)
def test_boxes_are_those_of_the_textbook_loop(height: int, width: int, strides: list[int], counts: int) -> None:
    sizes = tuple(tuple((0.1 + 0.2 * k + 0.05 * m, 0.3 + 0.1 * k) for k in range(counts)) for m in range(len(strides)))
    anchors = Anchors(tuple(strides), sizes)
    expected = []
    for stride, of_map in zip(strides, sizes, strict=True):
        rows, columns = math.ceil(height / stride), math.ceil(width / stride)
        for i in range(rows):
            for j in range(columns):
                for w, h in of_map:
                    expected.append(((j + 0.5) / columns * width, (i + 0.5) / rows * height, w * width, h * height))
    boxes = anchors.boxes(height, width)
    assert anchors.count(height, width) == len(expected) == len(boxes)
    np.testing.assert_allclose(boxes, expected, rtol=1e-12)


@pytest.mark.parametrize("name", ti.models.names("ssdlite_v2") + ti.models.names("ssdlite_v3"))
@pytest.mark.parametrize("small", [False, True])
def test_there_are_as_many_as_the_network_has_outputs(name: str, small: bool) -> None:
    """Also at sizes that no stride divides."""
    graph = ti.models.build(name, small_input=small)
    anchors = Anchors.from_meta(ti.models.describe(name, small_input=small)["anchors"])
    for height, width in ((320, 320), (97, 33), (300, 511)):
        types = graph.infer_types({"input": (1, 3, height, width)})
        assert {types[y].shape[1] for y in graph.outputs} == {anchors.count(height, width)}


def test_metadata_round_trip() -> None:
    anchors = Anchors((16, 32), ssd_sizes(2))
    assert Anchors.from_meta(json.loads(json.dumps(anchors.to_meta()))) == anchors
    assert Anchors.from_meta(GOOD).count(33, 64) == 3 * 4 + 2 * 2 * 2


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"strides": []}, "strides"),
        ({"strides": [0, 32]}, "strides"),
        ({"strides": [16.0, 32]}, "strides"),
        ({"strides": "16"}, "strides"),
        ({"sizes": [[[0.2, 0.2]]]}, "sizes"),
        ({"sizes": [[[0.2, 0.2]], []]}, "sizes"),
        ({"sizes": [[[0.2]], [[0.5, 0.5]]]}, "sizes"),
        ({"sizes": [[[0.2, -0.2]], [[0.5, 0.5]]]}, "sizes"),
        ({"sizes": [[["0.2", 0.2]], [[0.5, 0.5]]]}, "sizes"),
        ({"sizes": [[[float("nan"), 0.2]], [[0.5, 0.5]]]}, "sizes"),
        ({"variances": [0.1]}, "variances"),
        ({"variances": [0.1, True]}, "variances"),
        ({"overlap": 1.5}, "overlap"),
        ({"overlap": 0}, "overlap"),
        ({"colour": 1}, "colour"),
    ],
)
def test_wrong_descriptions_are_refused_by_key(changed: dict[str, Any], named: str, tmp_path: Any) -> None:
    with pytest.raises(ModelFormatError, match=f"anchors: .*{named}"):
        Anchors.from_meta({**GOOD, **changed})
    model = ti.models.create("squeezenet1_1", num_classes=2)
    model.meta["anchors"] = {**GOOD, **changed}
    with pytest.raises(ModelFormatError, match=named if named != "colour" else "anchors"):
        model.save(tmp_path / "net.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("meta", [None, 3, [], {}])
def test_no_description_is_refused(meta: Any) -> None:
    with pytest.raises(ModelFormatError, match="anchors: expected the keys strides, sizes, variances, overlap"):
        Anchors.from_meta(meta)
