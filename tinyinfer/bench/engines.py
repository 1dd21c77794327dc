"""The engines a benchmark compares: each turns a network and inputs into a call without arguments.

Peers read the network from an ONNX file with every size fixed, get float32 arithmetic and the given
number of threads, and are otherwise left at their own best settings.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.model import Model

Outputs = list[np.ndarray]
Run = Callable[[], Outputs]
Inputs = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Subject:
    """What every engine is given: the model, the same network as a file, inputs and a number of threads."""

    model: Model
    onnx: Path
    inputs: Inputs
    threads: int


def tinyinfer(subject: Subject) -> Run:
    """This package, called as its users call it."""
    return _ours(subject, subject.model.options.kernels)


def textbook(subject: Subject) -> Run:
    """This package in plain NumPy: what outputs are compared with where there is no peer."""
    return _ours(subject, "reference")


def _ours(subject: Subject, kernels: Mapping[str, str] | str | None) -> Run:
    model = Model(subject.model.graph, subject.model.meta, subject.threads, kernels)
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


ENGINES: dict[str, Callable[[Subject], Run]] = {
    "tinyinfer": tinyinfer,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
}


def check(names: Sequence[str]) -> None:
    """Raise InputError for an engine that is unknown or not installed."""
    for name in names:
        if name not in ENGINES:
            raise InputError(f"engine {name!r} is not known; there are: {', '.join(ENGINES)}")
        _package(name)


def version(name: str) -> str:
    """The version of an engine, without what its build appends."""
    return str(_package(name).__version__).partition("-")[0]


def _package(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(f"engine {name!r} is not installed: pip install 'tinyinfer[bench]'") from None
