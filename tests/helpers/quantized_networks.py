"""Networks on 8-bit codes: of one operator, and small ones with all that passes look for."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer import ops
from tinyinfer.graph import Graph, Input, Node, Quant, TensorType
from tinyinfer.ops.base import Case


class CodeGraph:
    """A graph that is built node by node; each value has the name of its node."""

    def __init__(self, x: TensorType, seed: int = 0, free: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        sizes = (x.shape[1], None, None) if free else x.shape[1:]
        self.inputs = [Input("x", (None, *sizes), x.shape, x.dtype, x.quant)]
        self.nodes: list[Node] = []
        self.weights: dict[str, np.ndarray] = {}

    def add(self, name: str, op: str, *inputs: str, params: dict[str, Any] | None = None, **attrs: Any) -> str:
        """A node; parameters are arrays, or shapes for which the operator draws some."""
        made = ops.create(op, attrs)
        shapes = {role: p for role, p in (params or {}).items() if isinstance(p, tuple)}
        arrays = {role: p for role, p in (params or {}).items() if not isinstance(p, tuple)}
        arrays |= made.example_params(shapes, self.rng) if shapes else {}
        self.weights |= {f"{name}.{role}": array for role, array in arrays.items()}
        self.nodes.append(Node(name, made, inputs, (name,), {role: f"{name}.{role}" for role in arrays}))
        return name

    def finish(self, *outputs: str) -> Graph:
        """The graph, checked."""
        graph = Graph(self.inputs, self.nodes, list(outputs), self.weights)
        graph.verify()
        return graph


def one_code_operator(name: str, case: Case, rng: np.random.Generator) -> Graph:
    """A network "y" of this example alone, whose inputs are codes."""
    op = ops.create(name, case.attrs)
    weights = op.example_params(case.params, rng)
    inputs = [Input(f"x{i}", t.shape, t.shape, t.dtype) for i, t in enumerate(case.input_types)]
    count = len(op.infer(case.input_types, {role: TensorType(w.shape, str(w.dtype)) for role, w in weights.items()}))
    outputs = ("y",) if count == 1 else tuple(f"y:{i}" for i in range(count))
    node = Node("y", op, tuple(i.name for i in inputs), outputs, {role: f"y.{role}" for role in weights})
    return Graph(inputs, [node], list(outputs), {f"y.{role}": array for role, array in weights.items()})


def signed_case(case: Case) -> Case:
    """The same example with int8 in place of uint8."""
    attrs = dict(case.attrs)
    kept = {"weight_zero_point"} | ({"zero_point", "inner_zero_point"} if "dtype" in attrs else set())
    for name in attrs:
        if name.endswith("zero_point") and name not in kept:
            attrs[name] -= 128
    if "scale" in attrs and "dtype" not in attrs:
        attrs["dtype"] = "int8"
    return Case(attrs, case.inputs, case.params, tuple("int8" for _ in case.inputs))


def mobile_network(dtype: str = "uint8", channels: int = 24) -> Graph:
    """Pictures to classes in codes: a stem, inverted residuals with and without gate, a head."""
    zero = {"uint8": 121, "int8": -7}[dtype]
    quant = Quant(0.02, zero)
    g = CodeGraph(TensorType((1, 3, 17, 18), "float32"), free=True)
    last = {"value": g.add("codes", "quantize_linear", "x", scale=0.02, zero_point=zero, dtype=dtype), "quant": quant}

    def conv(name: str, m: int, c: int, k: int, *more: str, **attrs: Any) -> str:
        scale, zero_point = attrs.pop("scale", 0.05), attrs.pop("zero_point", zero)
        params = {"weight": (m, c // attrs.get("groups", 1), k, k), "weight_scale": (m,), "bias": (m,)}
        last["value"] = g.add(
            name, "quantized_conv2d", last["value"], *more, params=params,
            input_scale=last["quant"].scale[0], input_zero_point=last["quant"].zero_point[0], scale=scale,
            zero_point=zero_point, dtype=dtype, padding=k // 2, **attrs,
        )  # fmt: skip
        last["quant"] = Quant(scale, zero_point)
        return name

    lowest = {"uint8": 0, "int8": -128}[dtype]
    stem = conv("stem", channels, 3, 3, stride=2, activation="hardswish")
    conv("expand", 3 * channels, channels, 1, activation="relu6", zero_point=lowest, scale=6 / 255)
    wide = conv("depthwise", 3 * channels, 3 * channels, 3, groups=3 * channels, activation="relu", zero_point=lowest)
    squeeze = {"input_scale": last["quant"].scale[0], "input_zero_point": lowest, "scale": 0.02, "zero_point": lowest}
    last["value"] = g.add("pool", "quantized_adaptive_avg_pool2d", wide, output_size=1, dtype=dtype, **squeeze)
    before, last["quant"] = last["quant"], Quant(0.02, lowest)
    conv("reduce", 8, 3 * channels, 1, activation="relu", zero_point=lowest)
    gate = conv("gate", 3 * channels, 8, 1, activation="hardsigmoid", zero_point=lowest, scale=1 / 256)
    last["value"] = g.add(
        "gated", "quantized_mul", wide, gate, a_scale=before.scale[0], a_zero_point=lowest, b_scale=1 / 256,
        b_zero_point=lowest, scale=0.04, zero_point=lowest, dtype=dtype,
    )  # fmt: skip
    last["quant"] = Quant(0.04, lowest)
    project = conv("project", channels, 3 * channels, 1)
    last["value"] = g.add(
        "sum", "quantized_add", project, stem, a_scale=0.05, a_zero_point=zero, b_scale=0.05, b_zero_point=zero,
        scale=0.08, zero_point=zero, dtype=dtype,
    )  # fmt: skip
    last["quant"] = Quant(0.08, zero)
    conv("down", channels, channels, 5, groups=channels, stride=2)
    last["value"] = g.add("mean", "quantized_adaptive_avg_pool2d", last["value"], output_size=1, dtype=dtype,
        input_scale=0.05, input_zero_point=zero, scale=0.02, zero_point=zero)  # fmt: skip
    flat = g.add("flat", "flatten", "mean", start_dim=1)
    g.add(
        "classes", "quantized_linear", flat, params={"weight": (10, channels), "weight_scale": (10,), "bias": (10,)},
        input_scale=0.02, input_zero_point=zero, scale=0.1, zero_point=zero, dtype=dtype,
    )  # fmt: skip
    return g.finish(g.add("logits", "dequantize_linear", "classes", scale=0.1, zero_point=zero))


def shuffle_network(dtype: str = "uint8", channels: int = 24) -> Graph:
    """Codes in and out, through all that moves them about: halves, shuffles, pools, pads, resizing."""
    quant = Quant(float(np.float32(0.02)), 3)
    same = {"input_scale": 0.02, "input_zero_point": 3, "scale": 0.02, "zero_point": 3, "dtype": dtype}
    g = CodeGraph(TensorType((1, channels, 12, 10), dtype, quant))
    half = channels // 2
    op = ops.create("split", {"split_size_or_sections": half, "dim": 1})
    g.nodes.append(Node("halves", op, ("x",), ("left", "right")))
    params = {"weight": (half, 1, 3, 3), "weight_scale": (half,), "bias": (half,)}
    branch = g.add("branch", "quantized_conv2d", "right", params=params, groups=half, padding=1, **same)
    joined = g.add("joined", "concat", "left", branch, dim=1)
    mixed = g.add("mixed", "channel_shuffle", joined, groups=2)
    pooled = g.add("pooled", "max_pool2d", mixed, kernel_size=3, stride=2, padding=1)
    large = g.add("large", "interpolate", pooled, size=(12, 10))
    fine = g.add("fine", "interpolate", pooled, size=(12, 10), mode="bilinear")
    padded = g.add("padded", "pad", pooled, pad=(3, 3, 2, 3), value=3)
    means = g.add("means", "quantized_avg_pool2d", mixed, kernel_size=3, stride=1, padding=1, **same)
    # read by two, so that it can't lie in both
    all_of = g.add("all", "concat", large, fine, padded, means, "left", dim=1)
    part = g.add("part", "slice", all_of, dim=1, start=5, end=5 + 4 * half)
    folded = g.add("folded", "pixel_shuffle", part, upscale_factor=2)
    turned = g.add("turned", "permute", folded, dims=(0, 2, 3, 1))
    rows = g.add("rows", "reshape", turned, shape=(0, -1))
    return g.finish(mixed, turned, rows)
