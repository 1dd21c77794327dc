"""The engines a benchmark compares: each turns a network and inputs into a call without arguments.

Peers read the network from an ONNX file with every size fixed (torch reads none: it runs our graph node by node), get
float32 arithmetic and the given number of threads, and are otherwise left at their own best settings.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tinyinfer.bench import peers
from tinyinfer.bench.peers import Inputs, Outputs, Run, package
from tinyinfer.errors import InputError
from tinyinfer.model import Model

TRIALS = 3  # calls by which a setting of an engine is chosen


@dataclass(frozen=True)
class Subject:
    """What every engine is given: the model, the same network as a file, inputs and a number of threads.

    The model is set to that number; the file is there for the engines of `peers.FROM_ONNX` alone.
    """

    model: Model
    onnx: Path
    inputs: Inputs
    threads: int


def tinyinfer(subject: Subject) -> Run:
    """This package, called as its users call it."""
    return _ours(subject.model, subject)


def reference(subject: Subject) -> Run:
    """This package in plain NumPy: what outputs are compared with where there is no peer."""
    return _ours(Model(subject.model.graph, subject.model.meta, kernels="reference"), subject)


def _ours(model: Model, subject: Subject) -> Run:
    inputs = dict(subject.inputs)
    return lambda: list(model.run(inputs).values())


def onnxruntime(subject: Subject) -> Run:
    """ONNX Runtime on the file."""
    return peers.onnxruntime(subject.onnx, subject.inputs, subject.threads)


def openvino(subject: Subject) -> Run:
    """OpenVINO on the file."""
    return peers.openvino(subject.onnx, subject.inputs, subject.threads)


def torch(subject: Subject) -> Run:
    """PyTorch, eager, norms apart as its users run them; images in whichever memory format is faster here."""
    th = package("torch")
    from tinyinfer.bench.torch_peer.graph import TorchGraph

    graph = subject.model.graph
    th.set_num_threads(subject.threads)

    def prepare(layout: Any) -> Run:
        network = TorchGraph(graph).eval().to(memory_format=layout)
        tensors = [th.from_numpy(subject.inputs[i.name]) for i in graph.inputs]
        tensors = [x.contiguous(memory_format=layout) if x.dim() == 4 else x for x in tensors]

        def run() -> Outputs:
            with th.inference_mode():
                found = network(*tensors)
            return [y.numpy() for y in (found if isinstance(found, tuple) else (found,))]

        return run

    return min((prepare(layout) for layout in (th.channels_last, th.contiguous_format)), key=_least_seconds)


def _least_seconds(run: Run) -> float:
    """Of a few calls, after one that is not counted."""
    times = [time.perf_counter()]
    for _ in range(TRIALS + 1):
        run()
        times.append(time.perf_counter())
    return min(b - a for a, b in pairwise(times[1:]))


ENGINES: dict[str, Callable[[Subject], Run]] = {
    "tinyinfer": tinyinfer,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "torch": torch,
}


def check(names: Sequence[str]) -> None:
    """Raise InputError for an engine that is unknown or not installed."""
    for name in names:
        if name not in ENGINES:
            raise InputError(f"engine {name!r} is not known; there are: {', '.join(ENGINES)}")
        package(name)


def version(name: str) -> str:
    """The version of an engine, without what its build appends."""
    return re.split("[-+]", str(package(name).__version__))[0]
