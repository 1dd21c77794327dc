"""Write a prepared network with codes where they were selected, and steps between codes and real numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyinfer.errors import WeightsError
from tinyinfer.graph import Graph, Node, Quant, free_name
from tinyinfer.ops.arithmetic.quantization import DequantizeLinear, QuantizeLinear
from tinyinfer.ops.base import Op
from tinyinfer.ops.movement.pad import Pad
from tinyinfer.ops.pooling.pooling import AvgPool2d
from tinyinfer.ops.quantized.arithmetic import QuantizedAdd, QuantizedArithmetic, QuantizedMul, QuantizedSub
from tinyinfer.ops.quantized.conv_transpose import QuantizedConvTranspose2d
from tinyinfer.ops.quantized.convolution import QuantizedConv2d
from tinyinfer.ops.quantized.linear import QuantizedLinear
from tinyinfer.ops.quantized.lookup import Lookup
from tinyinfer.ops.quantized.pooling import QuantizedAdaptiveAvgPool2d, QuantizedAvgPool2d
from tinyinfer.ops.quantized.prelu import QuantizedPrelu
from tinyinfer.ops.quantized.requantization import FLOAT, Requantization
from tinyinfer.ops.quantized.weights import QuantizedLayer
from tinyinfer.passes.portable.fold_constants import fold_constants
from tinyinfer.passes.portable.quantize.scales import quantize_layer
from tinyinfer.passes.portable.quantize.select import ARITHMETIC, FUNCTIONS, MEANS, SLOPES, is_layer

CODES = "uint8"
ALL_CODES = np.arange(256)
SUMS_AND_PRODUCTS: dict[str, type[QuantizedArithmetic]] = {
    "add": QuantizedAdd, "sub": QuantizedSub, "mul": QuantizedMul
}  # fmt: skip


LAYERS: dict[str, type[QuantizedLayer]] = {
    "conv2d": QuantizedConv2d, "conv_transpose2d": QuantizedConvTranspose2d, "linear": QuantizedLinear
}  # fmt: skip


def convert(graph: Graph, nodes: frozenset[str], quants: Mapping[str, Quant], per_tensor: bool = False) -> Graph:
    """A graph whose ``nodes`` compute with codes; ``quants`` are those of the values that may be codes.

    A value bears its name in the form that its node computes it in; outputs of the graph are always real numbers.
    Raises WeightsError for weights that 8 bits can't hold.
    """
    writer = _Writer(graph, quants, per_tensor)
    for node in graph.topological_order():
        if node.name in nodes:
            writer.write_quantized(node)
        else:
            writer.write_plain(node)
    return writer.finish()


@dataclass(frozen=True)
class _Forms:
    """What a value is called as codes and as real numbers; "" where it has not been asked for in that form."""

    codes: str = ""
    real: str = ""


class _Writer:
    """Writes nodes one after the other, each behind the steps that bring its inputs into the form it reads."""

    def __init__(self, graph: Graph, quants: Mapping[str, Quant], per_tensor: bool) -> None:
        self.graph, self.quants, self.per_tensor = graph, quants, per_tensor
        self.nodes: list[Node] = []
        self.weights = graph.weights.select({key: key for key in graph.weights})
        self.forms = {i.name: _Forms(real=i.name) for i in graph.inputs}
        self.names = {value for node in graph.nodes for value in (node.name, *node.outputs)} | set(self.forms)

    def write_plain(self, node: Node) -> None:
        """A node as it is, on real numbers."""
        self.nodes.append(node.replace(inputs=tuple(map(self.real, node.inputs))))
        self.forms |= {value: _Forms(real=value) for value in node.outputs}

    def write_quantized(self, node: Node) -> None:
        """The node's quantised form."""
        if is_layer(node):
            self._write_layer(node)
        elif node.op.name in ARITHMETIC:
            self._write_arithmetic(node)
        elif node.op.name in MEANS:
            self._write_mean(node)
        elif node.op.name == SLOPES:
            self._write_prelu(node)
        elif node.op.name in FUNCTIONS:
            self._write_lookup(node)
        else:
            self._write_movement(node)

    def finish(self) -> Graph:
        """The graph."""
        outputs = [self.real(name) for name in self.graph.outputs]
        written = Graph(list(self.graph.inputs), self.nodes, outputs, self.weights)
        for wanted, found in zip(self.graph.outputs, outputs, strict=True):
            if wanted != found:  # an output keeps its name: it is the codes that give it up
                _swap_names(written, wanted, found)
        written.remove_dead()
        return fold_constants(written)

    # -- forms of values -----------------------------------------------------------------------

    def codes(self, value: str) -> str:
        """The value's name as codes."""
        forms = self.forms[value]
        if not forms.codes:
            quant, name = self.quants[value], self._free(f"{value}:codes")
            op = QuantizeLinear(quant.scale, quant.zero_point, dtype=CODES)
            self._add_step(op, forms.real, name)
            self.forms[value] = forms = dataclasses.replace(forms, codes=name)
        return forms.codes

    def real(self, value: str) -> str:
        """The value's name as real numbers."""
        forms = self.forms[value]
        if not forms.real:
            quant, name = self.quants[value], self._free(f"{value}:real")
            self._add_step(DequantizeLinear(quant.scale, quant.zero_point), forms.codes, name)
            self.forms[value] = forms = dataclasses.replace(forms, real=name)
        return forms.real

    def _add_step(self, op: Op, source: str, target: str) -> None:
        self.nodes.append(Node(target, op, (source,), (target,)))

    def _free(self, wanted: str) -> str:
        name = free_name(wanted, self.names)
        self.names.add(name)
        return name

    def _scale_of(self, value: str) -> tuple[float, int]:
        quant = self.quants[value]
        return quant.scale[0], quant.zero_point[0]

    def _target(self, node: Node) -> dict[str, Any]:
        """Attributes of what a node writes: codes where those are wanted, else real numbers."""
        (value,) = node.outputs
        if value not in self.quants:
            return {"dtype": FLOAT}
        scale, zero_point = self._scale_of(value)
        return {"dtype": CODES, "scale": scale, "zero_point": zero_point}

    def _add(self, node: Node, op: Op, inputs: Iterable[str], params: Mapping[str, np.ndarray] | None = None) -> None:
        """The quantised form ``op`` of a node, on these inputs."""
        keys = {}
        for role, array in (params or {}).items():
            keys[role] = free_name(f"{node.name}.{role}:quantized", self.weights)
            self.weights[keys[role]] = array
        self.nodes.append(node.replace(op=op, inputs=tuple(inputs), params=keys))
        real = isinstance(op, Requantization) and op.dtype == FLOAT
        self.forms |= {value: _Forms(real=value) if real else _Forms(codes=value) for value in node.outputs}

    # -- nodes ---------------------------------------------------------------------------------

    def _write_layer(self, node: Node) -> None:
        (x,), op = node.inputs, node.op
        scale, zero_point = self._scale_of(x)
        attrs = {name: value for name, value in op.attrs.items() if name != "padding_mode"}  # type: ignore[attr-defined]
        kind = LAYERS[op.name]
        quantized = kind(**attrs, **self._target(node), input_scale=scale, input_zero_point=zero_point)
        try:
            params = quantize_layer(op, self.graph.param_arrays(node), scale, self.per_tensor)
            quantized.check_values(params)
        except WeightsError as error:
            raise WeightsError(f"node {node.name!r}: {error} (keep it as it is to go on)") from None
        self._add(node, quantized, [self.codes(x)], params)

    def _write_arithmetic(self, node: Node) -> None:
        (a, a_zero), (b, b_zero) = map(self._scale_of, node.inputs)
        kind = SUMS_AND_PRODUCTS[node.op.name]
        op = kind(
            a_scale=a, a_zero_point=a_zero, b_scale=b, b_zero_point=b_zero,
            activation=getattr(node.op, "activation", None), **self._target(node),
        )  # fmt: skip
        self._add(node, op, map(self.codes, node.inputs))

    def _write_mean(self, node: Node) -> None:
        (x,), op = node.inputs, node.op
        scale, zero_point = self._scale_of(x)
        attrs = {**op.attrs, **self._target(node), "input_scale": scale, "input_zero_point": zero_point}  # type: ignore[attr-defined]
        kind = QuantizedAvgPool2d if isinstance(op, AvgPool2d) else QuantizedAdaptiveAvgPool2d
        self._add(node, kind(**attrs), [self.codes(x)])

    def _write_lookup(self, node: Node) -> None:
        """The function of every code's real number, rounded to the output's codes."""
        (x,), (y,) = node.inputs, node.outputs
        scale, zero_point = self._scale_of(x)
        assert isinstance(node.op, Op)
        (results,) = node.op.reference([(ALL_CODES - zero_point) * scale], {})
        scale, zero_point = self._scale_of(y)
        table = np.clip(np.rint(results / scale) + zero_point, 0, 255).astype(CODES)
        self._add(node, Lookup(scale=scale, zero_point=zero_point), [self.codes(x)], {"table": table})

    def _write_prelu(self, node: Node) -> None:
        (x,) = node.inputs
        scale, zero_point = self._scale_of(x)
        op = QuantizedPrelu(input_scale=scale, input_zero_point=zero_point, **self._target(node))
        self._add(node, op, [self.codes(x)], self.graph.param_arrays(node))

    def _write_movement(self, node: Node) -> None:
        op = node.op
        if isinstance(op, Pad) and op.mode == "constant":
            scale, zero_point = self._scale_of(node.outputs[0])
            op = dataclasses.replace(op, value=float(np.clip(np.rint(op.value / scale) + zero_point, 0, 255)))
        assert isinstance(op, Op)
        self._add(node, op, map(self.codes, node.inputs))


def _swap_names(graph: Graph, a: str, b: str) -> None:
    """Call value a b, and the other way round."""
    other = {a: b, b: a}

    def swapped(values: Iterable[str]) -> tuple[str, ...]:
        return tuple(other.get(value, value) for value in values)

    graph.nodes = [node.replace(inputs=swapped(node.inputs), outputs=swapped(node.outputs)) for node in graph.nodes]
    graph.outputs = list(swapped(graph.outputs))
