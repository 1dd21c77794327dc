"""What a profile says in words, and its times less the cost of watching."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer.profiling.unwatched import unwatched
from tinyinfer.profiling.words import sentence, shares, work


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("conv2d 1x1 /2, relu6", "1x1 convolutions"),
        ("conv2d 3x3 32 groups", "3x3 grouped convolutions"),
        ("depthwise 3x3", "3x3 depthwise convolutions"),
        ("int8 conv2d 7x7 /2, relu", "7x7 convolutions"),
        ("linear", "fully connected layers"),
        ("layer_scale", "layer scale"),
    ],
)
def test_work_in_words(text, words):
    assert work(text) == words


def test_a_sentence_names_what_takes_most():
    times = [("conv2d 1x1", 2.0), ("linear", 1.0), ("conv2d 1x1, relu", 4.3), ("depthwise 3x3", 2.6), ("add", 0.1)]
    parts = shares((work(text), ms) for text, ms in times)
    assert list(parts) == ["1x1 convolutions", "3x3 depthwise convolutions", "fully connected layers", "additions"]
    assert sentence(parts) == (
        "63 % of the time is 1x1 convolutions, 26 % 3x3 depthwise convolutions, 10 % fully connected layers."
    )
    assert sentence({}) == "The time is spread over many kinds of work."


@given(st.lists(st.floats(1e-4, 10), min_size=1, max_size=30), st.floats(1e-3, 1.5))
def test_times_add_up_to_the_run(times, part):
    total = part * sum(times)
    found = unwatched(times, total)
    assert sum(found) == pytest.approx(min(total, sum(times)))
    assert all(0 <= new <= old for new, old in zip(found, times, strict=True))
    cost = [old - new for new, old in zip(found, times, strict=True) if new > 0]
    assert max(cost) - min(cost) == pytest.approx(0, abs=1e-9)
