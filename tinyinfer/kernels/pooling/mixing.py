"""Floats that are mixtures of others by tables made at planning time: which ones, and with what weights."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import Address, Rows
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import struct


@struct
class Taps(NamedTuple):
    """For each output what it is a mixture of: ``pairs`` of inputs, by their numbers in 32 bits, and their weights."""

    source: Address
    weight: Address
    pairs: int

    @classmethod
    def of(cls, source: np.ndarray, weight: np.ndarray) -> Taps:
        """Tables (outputs, taps); of an odd number of taps the last one comes twice, with half its weight each time."""
        weight = weight.astype(np.float32)
        if source.shape[1] % 2:
            source, halves = np.hstack([source, source[:, -1:]]), weight[:, -1:] / 2
            weight = np.hstack([weight[:, :-1], halves, halves])
        tables = source.astype(np.int32, order="C"), np.ascontiguousarray(weight)
        return cls(*map(Address.of, tables), source.shape[1] // 2)

    def at(self, output: int) -> Taps:
        """Those of an output and the ones after it."""
        return Taps(self.source + output * self.pairs * 8, self.weight + output * self.pairs * 8, self.pairs)


@vector_function(x=Rows, taps=Taps, y=Rows, outputs="int", count="int")
def mix_rows(v, x, taps, y, outputs, count):
    """Rows of ``count`` floats, each a mixture of some of x."""
    end = count // LANES * LANES
    mask = v.mask(count - end)
    with v.loop(outputs) as output, v.loop(taps.pairs) as pair:
        first, to = (output * taps.pairs + pair) * 2, y.at(output).address
        places = [x.at(v.load_int32(taps.source, first + tap)).address for tap in range(2)]
        weights = [v.load_broadcast(taps.weight, first + tap) for tap in range(2)]

        def mix(load, store, at, onto, places=places, weights=weights, to=to):
            second = load(places[1], at)
            total = v.fma(second, weights[1], load(to, at)) if onto else v.mul(second, weights[1])
            store(v.fma(load(places[0], at), weights[0], total), to, at)

        with v.either(pair == 0) as (begin, go_on):
            for branch, onto in ((begin, False), (go_on, True)):
                with branch:
                    with v.loop(end, LANES) as k:
                        mix(v.load, v.store, k, onto)
                    with v.when(count != end):
                        mix(partial(_masked_load, v, mask), partial(_masked_store, v, mask), end, onto)


def _masked_load(v: Any, mask: Any, address: Any, at: Any) -> Any:
    return v.load_masked(address, at, mask)


def _masked_store(v: Any, mask: Any, value: Any, address: Any, at: Any) -> None:
    v.store_masked(value, address, at, mask)


@vector_function(x="address", source="address", weight="address", taps="int", y="address", count="int")
def mix_gathered(v, x, source, weight, taps, y, count):
    """``count`` floats, each a mixture of some of x; tables are (registers, taps, LANES)."""
    with v.loop(count, LANES) as k:
        mask, total = v.mask(count - k), v.variable(v.constant(0))
        with v.loop(taps) as tap:
            at = k * taps + tap * LANES
            value = v.gather(x, v.load_ints(source, at), mask)
            total.set(v.fma(value, v.load(weight, at), total.get()))
        v.store_masked(total.get(), y, k, mask)
