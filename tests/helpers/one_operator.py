"""Networks of a single operator, for tests that walk over the operators' examples."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tinyinfer import ops
from tinyinfer.graph import Graph, Input, Node, TensorType
from tinyinfer.ops.base import Case


def one_operator(name: str, case: Case, rng: np.random.Generator, free: Collection[int] = ()) -> Graph:
    """A network "y" of this example alone, whose inputs' dimensions ``free`` are free, with weights from 0.5 to 1.5.

    Inputs are float32: where the operator takes another type, they are cast to it.
    """
    op = ops.create(name, case.attrs)
    weights = op.example_params(case.params, rng)
    weights |= {
        role: rng.uniform(0.5, 1.5, w.shape).astype(np.float32) for role, w in weights.items() if w.dtype == np.float32
    }
    inputs, values, nodes = [], [], []
    for i, t in enumerate(case.input_types):
        inputs.append(Input(f"x{i}", tuple(None if axis in free else s for axis, s in enumerate(t.shape)), t.shape))
        if t.dtype == "float32":
            values.append(f"x{i}")
        else:
            values.append(f"x{i}.{t.dtype}")
            nodes.append(Node(values[-1], ops.create("cast", {"dtype": t.dtype}), (f"x{i}",), (values[-1],)))
    count = len(op.infer(case.input_types, {role: TensorType(w.shape, str(w.dtype)) for role, w in weights.items()}))
    outputs = ("y",) if count == 1 else tuple(f"y:{i}" for i in range(count))
    nodes.append(Node("y", op, tuple(values), outputs, {role: f"y.{role}" for role in weights}))
    return Graph(inputs, nodes, list(outputs), {f"y.{role}": array for role, array in weights.items()})
