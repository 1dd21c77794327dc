"""What a network costs before it runs: mult-adds, parameters and memory access of every node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from tinyinfer import showing
from tinyinfer.dim import is_free
from tinyinfer.graph import Graph, Node, OpCost, Shape, TensorType
from tinyinfer.ops.base import Op
from tinyinfer.reporting.report import CountingReport
from tinyinfer.reporting.tables import By, Column, Table, check_by, millions, shape_text, thousands
from tinyinfer.structure.folding import fold, row_name


@dataclass(frozen=True)
class CostRow:
    """One node: multiply-adds, learnable parameters, and elements and bytes read and written, weights included."""

    name: str
    op: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    macs: int
    params: int
    memory_access: int
    bytes: int
    kernel: str = ""  # set in a lowered graph

    @property
    def shape(self) -> Shape:
        """Shape of the (first) output."""
        return self.outputs[0]


@dataclass(frozen=True)
class OpCostRow:
    """All nodes of one operator."""

    op: str
    nodes: int
    macs: int
    params: int
    memory_access: int


@dataclass(frozen=True)
class BlockCostRow:
    """A block, or ``times`` blocks in a row that do the same; ``shape`` is that of the last output."""

    name: str
    text: str
    times: int
    shape: Shape
    macs: int
    params: int
    memory_access: int


@dataclass(frozen=True, repr=False)
class Cost(CountingReport[CostRow]):
    """The cost table of a network for one input shape; every total is the sum of its rows."""

    rows: tuple[CostRow, ...]
    sizes: Mapping[str, int] = field(default_factory=dict)  # the free ones that were counted with, by name
    graph: Graph | None = field(default=None, repr=False, compare=False)  # that was counted, without its weights

    @property
    def memory_access(self) -> int:
        """Elements read and written if nothing stays in a cache (ShuffleNet V2's MAC, section 2)."""
        return sum(row.memory_access for row in self.rows)

    def by_op(self) -> list[OpCostRow]:
        """Rows added up by operator, most mult-adds first."""
        added = [
            OpCostRow(op, len(g), sum(r.macs for r in g), sum(r.params for r in g), sum(r.memory_access for r in g))
            for op, g in self._gather(lambda row: row.op).items()
        ]
        return sorted(added, key=lambda row: (-row.macs, -row.memory_access))

    def by_block(self) -> list[BlockCostRow]:
        """Rows added up by block, in the network's order; blocks that do the same one after the other in one row."""
        if self.graph is None:
            return []
        rows = {row.name: row for row in self.rows}
        found, folded = [], fold(self.graph)
        for alike in folded.rows:
            inside = [rows[node.name] for block in alike for node in folded.nodes(block)]
            found.append(
                BlockCostRow(
                    name=row_name(alike),
                    text=folded.text(alike),
                    times=len(alike),
                    shape=inside[-1].shape,
                    macs=sum(row.macs for row in inside),
                    params=sum(row.params for row in inside),
                    memory_access=sum(row.memory_access for row in inside),
                )
            )
        return found

    def _repr_html_(self) -> str:
        return showing.html(self)

    def records(self, by: By = "node") -> list[dict[str, Any]]:
        check_by(by)
        if by != "node":
            return [dict(vars(row)) for row in self.by_op()]
        return [dict(vars(row)) for row in self.rows]

    def to_dict(self, by: By = "node") -> dict[str, Any]:
        """Totals and rows, ready for JSON."""
        totals = {"macs": self.macs, "params": self.params, "memory_access": self.memory_access, "bytes": self.bytes}
        return {**totals, "rows": self.records(by)}

    def table(self, by: By = "node") -> Table:
        check_by(by)
        rows: Sequence[CostRow | OpCostRow] = self.rows if by == "node" else self.by_op()
        counts = [
            Column("mult-adds M", [millions(r.macs) for r in rows], millions(self.macs)),
            Column("params k", [thousands(r.params) for r in rows], thousands(self.params)),
            Column("memory access M", [millions(r.memory_access) for r in rows], millions(self.memory_access)),
        ]
        left = self._node_columns() if by == "node" else self._op_columns()
        notes = ["memory access: elements read and written, weights included"]
        if self.sizes:
            notes.append(f"counted for {', '.join(f'{name} = {size}' for name, size in self.sizes.items())}")
        return Table("Cost", [*left, *counts], notes)

    def _op_columns(self) -> list[Column]:
        rows = self.by_op()
        nodes = Column("nodes", [str(row.nodes) for row in rows], str(len(self.rows)))
        return [Column("operator", [row.op for row in rows], "total", right=False), nodes]

    def _node_columns(self) -> list[Column]:
        columns = [
            Column("node", [row.name for row in self.rows], f"{len(self.rows)} nodes", right=False),
            Column("operator", [row.op for row in self.rows], right=False),
            Column("shape", [shape_text(row.shape) for row in self.rows]),
        ]
        if any(row.kernel for row in self.rows):
            columns.insert(2, Column("kernel", [row.kernel for row in self.rows], right=False))
        return columns


def cost(graph: Graph, input_shapes: Mapping[str, Shape] | None = None, symbolic: bool = False) -> Cost:
    """The cost of a graph for these input shapes (nominal ones by default).

    ``symbolic`` counts for the nominal shapes, but has shapes say how they follow from free input sizes.

    A weight that several nodes use counts among the parameters of the first of them alone; its mult-adds count at
    every use.  Raises GraphError when the shapes do not fit.
    """
    types = graph.infer_types(input_shapes)
    shown = graph.rigid_inputs_fixed().symbolic_types() if symbolic else types
    seen: set[str] = set()
    rows = []
    for node in graph.topological_order():
        inputs, outputs = ([types[value] for value in values] for values in (node.inputs, node.outputs))
        params = graph.param_types(node)
        found = node_cost(node, inputs, params, outputs)
        fresh = {role: t for role, t in params.items() if node.params[role] not in seen}
        seen.update(node.params.values())
        rows.append(
            CostRow(
                name=node.name,
                op=node.op.name,
                inputs=tuple(shown[value].shape for value in node.inputs),
                outputs=tuple(shown[value].shape for value in node.outputs),
                macs=found.macs,
                params=found.params if len(fresh) == len(params) else cast(Op, node.op).learnable(fresh),
                memory_access=found.memory_access,
                bytes=found.bytes,
                kernel=node.kernel,
            )
        )
    free = [size for i in graph.inputs for size in shown[i.name].shape if is_free(size)]
    bare = replace(graph, weights=graph.weights.shapes_only())
    return Cost(tuple(rows), {str(size): int(size) for size in free}, bare)


def node_cost(
    node: Node, inputs: Sequence[TensorType], params: Mapping[str, TensorType], outputs: Sequence[TensorType]
) -> OpCost:
    """What the node's operator counts for these operands."""
    return cast(Op, node.op).cost(inputs, params, outputs)
