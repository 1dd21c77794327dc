"""The engines a benchmark compares: each turns a network and inputs into a call without arguments.

Peers read the network from an ONNX file with every size fixed (torch reads none: it runs our graph node by node), get
float32 arithmetic and the given number of threads, and are otherwise left at their own best settings.
"""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.model import Model

Outputs = list[np.ndarray]
Run = Callable[[], Outputs]
Inputs = Mapping[str, np.ndarray]

TRIALS = 3  # calls by which a setting of an engine is chosen


@dataclass(frozen=True)
class Subject:
    """What every engine is given: the model, the same network as a file, inputs and a number of threads.

    The model is set to that number; the file is there for the engines of `FROM_ONNX` alone.
    """

    model: Model
    onnx: Path
    inputs: Inputs
    threads: int


def tinyinfer(subject: Subject) -> Run:
    """This package, called as its users call it."""
    return _ours(subject.model, subject)


def textbook(subject: Subject) -> Run:
    """This package in plain NumPy: what outputs are compared with where there is no peer."""
    return _ours(Model(subject.model.graph, subject.model.meta, kernels="reference"), subject)


def _ours(model: Model, subject: Subject) -> Run:
    inputs = dict(subject.inputs)
    return lambda: list(model.run(inputs).values())


def onnxruntime(subject: Subject) -> Run:
    """ONNX Runtime's CPU provider, all graph optimizations on."""
    ort = _package("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = subject.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(str(subject.onnx), options, providers=["CPUExecutionProvider"])
    inputs = dict(subject.inputs)
    return lambda: list(session.run(None, inputs))


def openvino(subject: Subject) -> Run:
    """OpenVINO's CPU plugin, hinted at latency; float32 is forced, since it takes bfloat16 where the CPU has it."""
    ov = _package("openvino")
    settings = {
        "INFERENCE_NUM_THREADS": subject.threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    network = ov.Core().compile_model(str(subject.onnx), "CPU", settings)
    request = network.create_infer_request()
    for name, array in subject.inputs.items():
        request.set_tensor(name, ov.Tensor(array, shared_memory=True))

    def run() -> Outputs:
        request.infer()
        return [request.get_tensor(output).data for output in network.outputs]

    return run


def torch(subject: Subject) -> Run:
    """PyTorch, eager, norms apart as its users run them; images in whichever memory format is faster here."""
    th = _package("torch")
    from tinyinfer.bench.torch_graph import TorchGraph

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
FROM_ONNX = ("onnxruntime", "openvino")


def check(names: Sequence[str]) -> None:
    """Raise InputError for an engine that is unknown or not installed."""
    for name in names:
        if name not in ENGINES:
            raise InputError(f"engine {name!r} is not known; there are: {', '.join(ENGINES)}")
        _package(name)


def version(name: str) -> str:
    """The version of an engine, without what its build appends."""
    return re.split("[-+]", str(_package(name).__version__))[0]


def _package(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(f"engine {name!r} is not installed: pip install 'tinyinfer[bench]'") from None
