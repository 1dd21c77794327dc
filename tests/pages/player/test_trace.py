"""Every trace of the player computes the convolution, and counts what its formula says."""

from __future__ import annotations

import numpy as np
import pytest

from tinyinfer.pages.player.chapters import chapters_of
from tinyinfer.pages.player.trace.arrays import arrays_of, memory_of
from tinyinfer.pages.player.trace.convolution import every_convolution
from tinyinfer.pages.player.trace.formulas import formulas
from tinyinfer.pages.player.trace.machine import Machine

EVERY = [pytest.param(conv, id="-".join(map(str, conv))) for conv in every_convolution()]


@pytest.mark.parametrize("conv", EVERY)
def test_chapters_compute_and_count(conv) -> None:
    arrays, expected = arrays_of(conv), formulas(conv)
    chapters = chapters_of(conv)
    assert [chapter.name for chapter in chapters] == list(expected)
    for chapter in chapters:
        machine = Machine(memory_of(conv, arrays))
        machine.run(chapter)
        result = arrays["result"]
        found = machine.memory[result.start : result.start + result.size].reshape([size for _, size in result.axes])
        found = found if conv.layout == "NCHW" else found.transpose(2, 0, 1)
        np.testing.assert_array_equal(found, conv.result(), err_msg=chapter.name)
        counts, (loads, stores, macs) = machine.counts, expected[chapter.name]
        assert (counts.loads, counts.stores, counts.macs) == (loads.value, stores.value, macs.value), chapter.name
