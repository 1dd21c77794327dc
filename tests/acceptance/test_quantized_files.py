"""Real quantised TFLite files: the codes that the runtime they were made for computes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_writer import Network

from tinyinfer.formats.tflite.load import load
from tinyinfer.model import Model

LEAST = 0.99  # of all codes that are at most a step from the runtime's
FILES = {
    "mlperftiny_resnet8_cifar10": ("pretrainedResnet_quant.tflite", "out_int8_raw"),
    "mlperftiny_vww_mobilenetv1_0.25_96": ("vww_96_int8.tflite", "out_int8_raw"),
    "mobilenet_v1_0.25_128_quant": ("mobilenet_v1_0.25_128_quant.tflite", "out"),
    "mobilenet_v1_0.5_160_quant": ("mobilenet_v1_0.5_160_quant.tflite", "out"),
    "mobilenet_v2_1.0_224_quant": ("", "out"),  # of which there are the numbers, without the file
    "mobilenetv3_minimalistic_portrait_seg": ("mnv3_post_quant.tflite", ""),
}
PADDING, ACTIVATION = {"SAME": 0, "VALID": 1}, {"NONE": 0, "RELU": 1, "RELU6": 3}


def written(folder: Path) -> bytes:
    """The file of a network whose tensors and operators are in graph.json, and their numbers in weights_q.npz."""
    graph, weights = json.loads((folder / "graph.json").read_text()), np.load(folder / "weights_q.npz")
    made = Network()
    for tensor in graph["tensors"]:
        known: dict[str, Any] = {}
        if tensor.get("scale"):
            known["quantization"] = tensor["scale"], tensor["zero_point"], tensor.get("quantized_dimension", 0)
        if tensor["const"]:
            made.constant(tensor["name"], weights[tensor["name"]], **known)
        else:
            made.tensor(tensor["name"], tensor["shape"], tensor["dtype"], **known)
    made.inputs, made.outputs = graph["inputs"], graph["outputs"]
    for op in graph["ops"]:
        options = {re.sub("[A-Z]", lambda m: f"_{m[0].lower()}", name): v for name, v in op["options"].items()}
        options.pop("quantized_bias_type", None)
        for name, table in (("padding", PADDING), ("fused_activation_function", ACTIVATION)):
            if name in options:
                options[name] = table[options[name]]
        made.apply(op["op"], op["inputs"], op["outputs"], options or None)
    return made.write()


@pytest.mark.parametrize("kernels", ["reference", None])
@pytest.mark.parametrize("name", FILES)
def test_codes_are_the_runtimes(name: str, kernels: str | None, shared: Path, tmp_path: Path) -> None:
    folder, (file, key) = shared / "realdata/weights" / name, FILES[name]
    path = folder / file
    if not file:
        path = tmp_path / "written.tflite"
        path.write_bytes(written(folder))
    graph, meta = load(path)
    pixels, found = np.load(folder / "ref.npz"), []
    ends = (graph.topological_order()[i].op for i in (0, -1))
    (scale, zero), (out_scale, out_zero) = ((op.scale[0], op.zero_point[0]) for op in ends)  # type: ignore[attr-defined]
    lowest = -128 if graph.topological_order()[0].op.dtype == "int8" else 0  # type: ignore[attr-defined]
    model = Model(graph, meta, kernels=kernels)
    for picture in pixels["x_u8"]:
        x = (picture.astype(np.float32) + lowest - zero) * np.float32(scale)
        y = model(np.ascontiguousarray(x.transpose(2, 0, 1)[None]))[0]
        found.append(np.rint(y / np.float32(out_scale)).astype(int) + out_zero)
    codes = np.stack(found)
    if not key:  # of which the reference has the larger of two classes for every pixel
        same = codes.argmax(axis=1) == pixels["mask_int8"]
        assert same.mean() > 0.999
        return
    assert (np.abs(codes - pixels[key]) <= 1).mean() >= LEAST
    np.testing.assert_array_equal(codes.argmax(axis=1), pixels[key].argmax(axis=1))
