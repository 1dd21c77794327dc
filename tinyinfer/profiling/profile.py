"""Where the time goes: every step timed through the executor's hook, in turn with runs that nobody watches."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.ops.quantized.requantization import Requantization
from tinyinfer.profiling.cost import cost, node_cost
from tinyinfer.profiling.executed import executed_graph
from tinyinfer.profiling.machine import cpu_name
from tinyinfer.profiling.profile_rows import Buffer, ProfileRow
from tinyinfer.profiling.reuse import Traffic, scaled, traffic
from tinyinfer.profiling.roofline import TILE_KERNELS, Peak, Units, machine_peak
from tinyinfer.profiling.subject import Inputs, make_inputs, plan_for
from tinyinfer.profiling.timings import Profile
from tinyinfer.runtime.executor import View, execute
from tinyinfer.runtime.plan import Plan, Step
from tinyinfer.runtime.runnable import Runnable
from tinyinfer.structure.layers import describe

Counts = Mapping[str, tuple[int, int]]  # mult-adds and parameters by node


def profile(subject: Runnable | Plan, x: Inputs = None, repeats: int = 20, warmup: int = 3) -> Profile:
    """Time every step on ``x``, an array or arrays by input name (None: random numbers at nominal size).

    Watched and unwatched runs take turns, so that a change of the machine's speed meets both.  Times are
    milliseconds, medians of ``repeats``.  Raises InputError when ``x`` does not fit.
    """
    return profiles([(subject, x)], repeats, warmup)[0]


def profiles(subjects: Sequence[tuple[Runnable | Plan, Inputs]], repeats: int = 20, warmup: int = 3) -> list[Profile]:
    """Profiles of several networks, each on its own inputs, whose runs take turns.  Raises InputError as `profile`."""
    check_counts(repeats, warmup)
    sessions = [Session(subject, x) for subject, x in subjects]
    for turn in range(warmup + repeats):
        for session in sessions:
            if turn < warmup or len(sessions) > 1:  # after another's turn, weights are to come into the cache
                session.run()
            if turn >= warmup:
                session.measure()
    return [session.report() for session in sessions]


def check_counts(repeats: int, warmup: int) -> None:
    """Raises InputError for numbers of runs that measure nothing."""
    if repeats < 1 or warmup < 0:
        raise InputError(f"expected at least 1 repeat and 0 warm-up runs, found {repeats} and {warmup}")


class Session:
    """A plan being profiled: it has been prepared and run once, then runs are measured, then there is a report."""

    def __init__(self, subject: Runnable | Plan, x: Inputs) -> None:
        self.subject = subject
        self.arrays = make_inputs(subject.graph, x)
        self.stopwatch, self.first, self.totals = _Stopwatch(), _Stopwatch(), list[int]()
        began = time.perf_counter_ns()
        self.plan = plan_for(subject, self.arrays)
        self.prepare_ns = time.perf_counter_ns() - began
        self.first_ns = self.run(self.first)

    def run(self, watch: _Stopwatch | None = None) -> int:
        """One run; returns its nanoseconds."""
        if watch is not None:
            watch.runs.append([])
        start = time.perf_counter_ns()
        execute(self.plan, self.arrays, watch)
        return time.perf_counter_ns() - start

    def measure(self) -> None:
        """A run that nobody watches, then one that is watched."""
        self.totals.append(self.run())
        self.run(self.stopwatch)

    def report(self) -> Profile:
        """What was measured."""
        plan, times, totals = self.plan, self.stopwatch.milliseconds(), np.array(self.totals) / 1e6
        uses_kernels = any(step.implementation for step in plan.steps)  # without them, Numba is not to be imported
        codes = any(_units_of(step) == "codes" for step in plan.steps)
        peak = machine_peak(plan.options.threads, codes) if uses_kernels else None
        model = None if isinstance(self.subject, Plan) else self.subject
        counts = _counts(model, self.arrays) if model else {}
        medians, firsts = np.median(times, axis=0), self.first.milliseconds()[0]
        shares = medians / medians.sum()
        noise = noise_of(model.meta) if model else {}
        starts, durations = self.stopwatch.typical()
        return Profile(
            rows=tuple(
                replace(
                    _row(plan, step, counts, peak, parts, times[:, i], float(firsts[i]), float(shares[i])),
                    noise=min((noise[name] for name in step.node.originals if name in noise), default=None),
                )
                for i, (step, parts) in enumerate(zip(plan.steps, traffic(plan), strict=True))
            ),
            total_ms=float(np.median(totals)),
            total_min_ms=float(totals.min()),
            total_p90_ms=float(np.percentile(totals, 90)),
            watched_ms=float(np.median(times.sum(axis=1))),
            prepare_ms=self.prepare_ns / 1e6,
            first_ms=self.first_ns / 1e6,
            repeats=len(totals),
            threads=plan.options.threads,
            arena_bytes=plan.arena_bytes,
            starts=tuple(map(float, starts)),
            durations=tuple(map(float, durations)),
            peak=peak,
            name=model.name if model else "network",
            cpu=cpu_name(),
            date=datetime.date.today().isoformat(),
            buffers=_buffers(plan),
            graph=executed_graph(plan),
            types=plan.types,
        )


class _Stopwatch:
    """A hook that notes start and end of every step, run after run."""

    def __init__(self) -> None:
        self.runs: list[list[tuple[int, int]]] = []

    def __call__(self, step: Step, call: Callable[[], None], view: View) -> None:
        start = time.perf_counter_ns()
        call()
        self.runs[-1].append((start, time.perf_counter_ns()))

    def milliseconds(self) -> np.ndarray:
        """Durations, [runs, steps]."""
        times = np.array(self.runs, np.int64).reshape(len(self.runs), -1, 2)
        return (times[:, :, 1] - times[:, :, 0]) / 1e6

    def typical(self) -> tuple[np.ndarray, np.ndarray]:
        """Starts and durations of the steps of the run with the median sum, in milliseconds."""
        durations = self.milliseconds()
        index = int(np.argsort(durations.sum(axis=1))[len(durations) // 2])
        starts = np.array([start for start, _ in self.runs[index]], np.int64)
        return (starts - starts[0]) / 1e6, durations[index]


def _counts(model: Runnable, arrays: Mapping[str, np.ndarray]) -> Counts:
    """What the nodes of the network count as it was written, before norms were folded."""
    rows = cost(model.graph, {name: array.shape for name, array in arrays.items()}).rows
    return {row.name: (row.macs, row.params) for row in rows}


def _row(
    plan: Plan,
    step: Step,
    counts: Counts,
    peak: Peak | None,
    parts: Sequence[Traffic],
    times: np.ndarray,
    first_ms: float,
    share: float,
) -> ProfileRow:
    outputs = step.output_types or step.input_types  # an output step writes what it reads
    params = plan.graph.param_types(step.node)
    found = node_cost(step.node, step.input_types, params, outputs)
    macs, learnable = _counts_of(step, counts) or (found.macs, found.params)
    ms = float(np.median(times))
    return ProfileRow(
        name=step.node.name,
        op=step.node.op.name,
        kernel=step.kernel,
        why=step.node.why,
        origin=step.node.originals,
        shape=outputs[0].shape,
        macs=macs,
        params=learnable,
        bytes=found.bytes,
        ms=ms,
        min_ms=float(times.min()),
        p90_ms=float(np.percentile(times, 90)),
        first_ms=first_ms,
        share=share,
        text=describe(plan.graph, step.node)[0],
        bound=peak.bound(macs, found.bytes, ms / 1e3, _units_of(step), scaled(parts, found.bytes)) if peak else "",
    )


def noise_of(meta: Mapping[str, Any]) -> dict[str, float]:
    """What a quantised model's metadata say of the rounding noise of its nodes' outputs, in dB by name."""
    said = meta.get("quantization")
    noise = said.get("noise") if isinstance(said, Mapping) else None
    if not isinstance(noise, Mapping):
        return {}
    return {name: float(value) for name, value in noise.items() if isinstance(value, int | float)}


def _buffers(plan: Plan) -> tuple[Buffer, ...]:
    """The arena of a plan, in the order in which it fills."""
    lives = sorted(plan.lifetimes, key=lambda life: (life.first, life.last))
    owned = {life.name: life.name not in plan.placements for life in lives}
    return tuple(
        Buffer(
            name="workspace" if owned[life.name] else str(life.name),
            bytes=life.size,
            offset=plan.offsets[life.name],
            first=life.first,
            last=life.last,
            workspace=owned[life.name],
        )
        for life in lives
    )


def _units_of(step: Step) -> Units:
    """The units that a step's arithmetic is on."""
    if isinstance(step.node.op, Requantization):
        return "codes"
    return "most" if step.kernel in TILE_KERNELS else "fma"


def _counts_of(step: Step, counts: Counts) -> tuple[int, int] | None:
    """Mult-adds and parameters of the original nodes a step stands for; None when one of them is not known."""
    names = step.node.originals
    if any(name not in counts for name in names):
        return None
    return sum(counts[name][0] for name in names), sum(counts[name][1] for name in names)
