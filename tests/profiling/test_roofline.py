"""The measured roofs."""

from __future__ import annotations

import numpy as np

from tinyinfer.kernels import peak
from tinyinfer.profiling.roofline import machine_peak, microkernel_share


def test_chains_compute_what_they_say():
    state = np.ones((2, peak.CHAIN_FLOATS), np.float32)
    peak.multiply_adds_parallel(state, 7)
    sums, factors = state[:, : peak.MACS_A_STEP], state[:, peak.MACS_A_STEP :]
    assert (sums == 8).all()  # 1 + 7 * 1 * 1 in every accumulator: none was optimised away
    assert (factors == 1).all()


def test_roofs_are_those_of_a_computer():
    found = machine_peak(1)
    assert 1 < found.gmacs < 1000
    assert 0.5 < found.gbytes < 2000
    assert machine_peak(1) is found


def test_no_kernel_beats_the_register_only_peak():
    # a loose check that holds on a busy machine; `tinyinfer bench` reports the figure itself
    assert 0.5 < max(microkernel_share() for _ in range(3)) < 1.1
