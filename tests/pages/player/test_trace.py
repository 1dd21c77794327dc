"""Every trace of the player computes the convolution, and counts what its formula says."""

from __future__ import annotations

import numpy as np
import pytest
from small_cache import misses

from tinyinfer.pages.player.chapters import chapters_of
from tinyinfer.pages.player.trace.arrays import arrays_of, memory_of
from tinyinfer.pages.player.trace.convolution import Convolution, every_convolution
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


def run(conv: Convolution, name: str) -> Machine:
    machine = Machine(memory_of(conv, arrays_of(conv)))
    (chapter,) = [chapter for chapter in chapters_of(conv) if chapter.name == name]
    machine.run(chapter)
    return machine


def test_the_answers_of_the_page_hold() -> None:
    nhwc, nchw = Convolution(), Convolution("NCHW")
    pieces = [len(chapters_of(conv)[1].phases[0].runs[0].template.instructions) for conv in (nhwc, nchw)]
    assert pieces == [9, 12]
    assert Convolution(groups=4).lanes == 2
    window = run(nhwc, "window").accesses
    assert [misses(window, lines) for lines in (16, 64)] == [622, 70]
    assert [misses(run(nhwc, name).accesses, 4) for name in ("register tile", "panels")] == [1640, 920]
    pointwise = Convolution(kernel=1)
    machine, arrays = run(pointwise, "im2col"), arrays_of(pointwise)
    image, matrix = (machine.memory[a.start : a.start + a.size] for a in (arrays["image"], arrays["matrix"]))
    np.testing.assert_array_equal(matrix, image)
