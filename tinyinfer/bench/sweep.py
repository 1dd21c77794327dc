"""How cost grows: one network measured over and over while one thing changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from tinyinfer.bench.by_network import Progress, bench_setting, check_peers
from tinyinfer.bench.calibrate import calibrate
from tinyinfer.bench.networks import Network, make_inputs, named
from tinyinfer.bench.report import Setting
from tinyinfer.bench.sweep_report import SweepReport
from tinyinfer.errors import InputError, UnsupportedOpError
from tinyinfer.graph import Shape
from tinyinfer.model import Model
from tinyinfer.models import create, find
from tinyinfer.profiling.roofline import machine_peak, measure_microkernel
from tinyinfer.runtime.options import make_options

BATCHES = (1, 2, 4, 8, 16)
RESOLUTIONS = range(96, 321, 32)
WIDTHS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
PAUSES = (1, 2, 5, 10, 20, 50)  # milliseconds


class Point(NamedTuple):
    """One step of a sweep: the value, the network as it is there, and how it is called."""

    value: float
    model: Model
    batch: int
    threads: int
    shape: Shape | None
    rest: float = 0  # seconds before every call


def bench_sweep(
    networks: Network | Iterable[Network],
    sweep: str,
    values: Sequence[float] | None = None,
    against: Sequence[str] = ("onnxruntime",),
    threads: Sequence[int] = (1,),
    batch: Sequence[int] = (1,),
    rounds: int = 15,
    input_shape: Shape | None = None,
    progress: Progress = None,
) -> SweepReport:
    """Time networks as `bench` does while ``sweep`` changes: "batch", "resolution", "threads", "width" or "pause".

    ``values`` are those it takes, sensible ones by default; what sweeps does not keep to ``batch`` or ``threads``.
    Widths are networks built anew, with random weights; pauses are milliseconds slept before every call.

    Raises InputError for a sweep that is unknown or that a network can't follow, and what `bench` raises.
    """
    if sweep not in SWEEPS:
        raise InputError(f"sweep: expected one of {', '.join(SWEEPS)}, found {sweep!r}")
    if values is not None and (not values or min(values) <= 0):
        raise InputError(f"sweep over {sweep}: expected numbers above 0, found {list(values)}")
    peers = check_peers(against, rounds)
    models = [(name, calibrate(model)) for name, model in named(networks)]
    report = SweepReport([], {}, measure_microkernel(), sweep)
    starts = [
        (name, Point(0, model, images, count, input_shape))
        for name, model in models
        for images in (batch if sweep != "batch" else (1,))
        for count in (threads if sweep != "threads" else (1,))
    ]
    for name, start in starts:
        for point in SWEEPS[sweep](name, start, values):
            report.peaks[point.threads] = machine_peak(point.threads)
            setting = Setting(name, point.batch, point.threads, sweep, point.value)
            inputs = make_inputs(point.model.graph, point.batch, point.shape)
            report.add(bench_setting(setting, point.model, inputs, peers, rounds, progress, point.rest))
    return report


def over_batch(name: str, start: Point, values: Sequence[float] | None) -> list[Point]:
    """1 to 16 images a call."""
    return [start._replace(value=n, batch=n) for n in _whole("batch", values or BATCHES)]


def over_threads(name: str, start: Point, values: Sequence[float] | None) -> list[Point]:
    """One thread to one a core, by twos where there are many."""
    cores = make_options().threads
    usual = [n for n in range(1, cores + 1) if n <= 4 or n % 2 == 0]
    return [start._replace(value=n, threads=n) for n in _whole("threads", values or usual)]


def over_resolution(name: str, start: Point, values: Sequence[float] | None) -> list[Point]:
    """Square images of 96 to 320 pixels a side, or half to twice the nominal size of networks for small ones."""
    nominal = start.shape or start.model.graph.inputs[0].nominal
    if len(nominal) != 4:
        raise InputError(f"{name}: sweep over resolution: expected a network for images, found inputs {nominal}")
    side = nominal[-1]
    usual = RESOLUTIONS if side >= RESOLUTIONS[0] else range(side // 2, 2 * side + 1, max(side // 4, 1))
    points = [start._replace(value=n, shape=(*nominal[:2], n, n)) for n in _whole("resolution", values or usual)]
    if values is None:
        points = [point for point in points if _fits(point)]
    if len(points) < (1 if values else 2):
        raise InputError(f"{name}: sweep over resolution: it takes images of {side} pixels a side only")
    return points


def _fits(point: Point) -> bool:
    try:
        make_inputs(point.model.graph, point.batch, point.shape)
    except InputError:
        return False
    return True


def over_width(name: str, start: Point, values: Sequence[float] | None) -> list[Point]:
    """A quarter to one and a half of the channels, in families whose paper varies them."""
    meta, options = start.model.meta, start.model.options
    try:
        family = find(str(meta.get("arch", "")))[0]
    except UnsupportedOpError:
        raise InputError(f"{name}: sweep over width: it is not a network of which there are others") from None
    if not isinstance(family.knobs.get("width"), int | float):
        raise InputError(f"{name}: sweep over width: networks of the family {family.name!r} have no such knob")
    points = []
    for width in values or WIDTHS:
        model = create(str(meta["arch"]), **{**meta.get("knobs", {}), "width": float(width)})
        model = calibrate(Model(model.graph, model.meta, kernels=options.kernels))
        points.append(start._replace(value=width, model=model))
    return points


def over_pause(name: str, start: Point, values: Sequence[float] | None) -> list[Point]:
    """1 to 50 ms before every call, as between a camera's pictures: caches cool down and threads fall asleep."""
    return [start._replace(value=ms, rest=ms / 1000) for ms in values or PAUSES]


SWEEPS: dict[str, Callable[[str, Point, Sequence[float] | None], list[Point]]] = {
    "batch": over_batch,
    "resolution": over_resolution,
    "threads": over_threads,
    "width": over_width,
    "pause": over_pause,
}


def _whole(sweep: str, values: Iterable[float]) -> list[int]:
    found = [int(value) for value in values]
    if found != list(values):
        raise InputError(f"sweep over {sweep}: expected whole numbers, found {', '.join(map(str, values))}")
    return found
