"""The peers that read an ONNX file: each becomes a call without arguments."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from tinyinfer.errors import InputError

Outputs = list[np.ndarray]
Run = Callable[[], Outputs]
Inputs = Mapping[str, np.ndarray]


def onnxruntime(file: Path, inputs: Inputs, threads: int) -> Run:
    """ONNX Runtime's CPU provider, all graph optimizations on."""
    ort = package("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    given = dict(inputs)
    return lambda: list(session.run(None, given))


def openvino(file: Path, inputs: Inputs, threads: int) -> Run:
    """OpenVINO's CPU plugin, hinted at latency; float32 is forced, since it takes bfloat16 where the CPU has it."""
    ov = package("openvino")
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    network = ov.Core().compile_model(str(file), "CPU", settings)
    request = network.create_infer_request()
    for name, array in inputs.items():
        request.set_tensor(name, ov.Tensor(array, shared_memory=True))

    def run() -> Outputs:
        request.infer()
        return [request.get_tensor(output).data for output in network.outputs]

    return run


FROM_ONNX: dict[str, Callable[[Path, Inputs, int], Run]] = {"onnxruntime": onnxruntime, "openvino": openvino}


def package(name: str) -> ModuleType:
    """An engine's package; raises InputError if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(f"engine {name!r} is not installed: pip install 'tinyinfer[bench]'") from None
