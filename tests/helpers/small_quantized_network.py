"""A small quantised network of every kind of quantised operator."""

from __future__ import annotations

import numpy as np

from tinyinfer import ops
from tinyinfer.graph import Graph, Input, Node, Quant
from tinyinfer.ops.quantized.lookup import table_of


def small_quantized_network(rng: np.random.Generator, codes: str = "uint8") -> Graph:
    """Two convolutions around a depthwise one, a residual sum, a gate, a pool and a classifier; batch and space free.

    Activations are codes of this dtype; outputs are the codes of the gated image and the classifier's real numbers.
    """
    zero = 128 if codes == "uint8" else 0
    image, wide = Quant((0.03,), (zero,)), Quant((0.05,), (zero - 20,))
    weights: dict[str, np.ndarray] = {}

    def layer(op: str, name: str, x: str, quant: Quant, shape: tuple[int, ...], **attrs: object) -> Node:
        fan_in = int(np.prod(shape[1:]))
        weights[f"{name}.weight"] = rng.integers(
            -63, 63, shape, np.int8, endpoint=True
        )  # pairs of products fit 16 bits
        weights[f"{name}.weight_scale"] = (rng.uniform(0.6, 1.2, shape[0]) / 36 / fan_in**0.5).astype(np.float32)
        weights[f"{name}.bias"] = rng.integers(-1000, 1000, shape[0], np.int32)
        scales = {"input_scale": quant.scale[0], "input_zero_point": quant.zero_point[0], "dtype": codes}
        out = {"scale": wide.scale[0], "zero_point": wide.zero_point[0]}
        params = {role: f"{name}.{role}" for role in ("weight", "weight_scale", "bias")}
        return Node(name, ops.create(op, {**scales, **out, **attrs}), (x,), (name,), params)

    def reads(role: str, quant: Quant) -> dict[str, object]:
        return {f"{role}_scale": quant.scale[0], f"{role}_zero_point": quant.zero_point[0]}

    gate = Quant((1 / 256,), (0 if codes == "uint8" else -128,))
    weights["gate.table"] = table_of(ops.reference("sigmoid"), wide, codes, gate, codes)
    out = {"scale": wide.scale[0], "zero_point": wide.zero_point[0], "dtype": codes}
    nodes = [
        Node(
            "image",
            ops.create("quantize_linear", {"scale": image.scale, "zero_point": image.zero_point, "dtype": codes}),
            ("input",), ("image",),
        ),
        layer("quantized_conv2d", "stem", "image", image, (8, 3, 3, 3), stride=2, padding=1, activation="relu6"),
        layer("quantized_conv2d", "depthwise", "stem", wide, (8, 1, 3, 3), padding=1, groups=8, activation="hardswish"),
        layer("quantized_conv2d", "project", "depthwise", wide, (8, 8, 1, 1)),
        Node("sum", ops.create("quantized_add", {**reads("a", wide), **reads("b", wide), **out}), ("project", "stem"),
             ("sum",)),
        Node("gate", ops.create("lookup", {"scale": gate.scale[0], "zero_point": gate.zero_point[0]}), ("sum",),
             ("gate",), {"table": "gate.table"}),
        Node("gated", ops.create("quantized_mul", {**reads("a", wide), **reads("b", gate), **out}), ("sum", "gate"),
             ("gated",)),
        Node("real", ops.create("dequantize_linear", {"scale": wide.scale, "zero_point": wide.zero_point}), ("gated",),
             ("real",)),
        Node("pool", ops.create("adaptive_avg_pool2d", {"output_size": 1}), ("real",), ("pool",)),
        Node("row", ops.create("flatten", {"start_dim": 1}), ("pool",), ("row",)),
        Node("codes", ops.create("quantize_linear", out), ("row",), ("codes",)),
        layer("quantized_linear", "classifier", "codes", wide, (5, 8), dtype="float32", scale=1.0, zero_point=0),
    ]  # fmt: skip
    graph = Graph([Input("input", (None, 3, None, None), (1, 3, 17, 19))], nodes, ["gated", "classifier"], weights)
    graph.verify()
    return graph
