"""What CondenseNet's checkpoints hold beside weights: masks of the trained form, indices of the converted one."""

from __future__ import annotations

import numpy as np

from tinyinfer.errors import WeightsError
from tinyinfer.graph import Graph, TensorType
from tinyinfer.models.family import State
from tinyinfer.ops.movement.joining import IndexSelect

MASK = "._mask"
BUFFERS = (r".*\._(mask|count|stage)$", r".*\.index$")  # keys that are no weights
NORM = ("weight", "bias", "running_mean", "running_var")


def adapt(graph: Graph, state: State) -> State:
    """Set the indices in a converted network, or multiply the masks into the weights of a trained one.

    A checkpoint of the trained form is condensed for a converted network (Huang et al. 2018, figure 4; its classifier
    keeps the features with the largest weights).  Raises WeightsError for masks and indices that do not fit.
    """
    adapted = dict(state)
    for mask in [key for key in state if key.endswith(MASK)]:
        weight = f"{mask.removesuffix(MASK)}.conv.weight"
        _require_shape(mask, state[mask], TensorType(state[weight].shape) if weight in state else None)
        adapted[weight] = state[weight] * state[mask]
    types = graph.infer_types()
    for node in [node for node in graph.nodes if isinstance(node.op, IndexSelect)]:
        assert isinstance(node.op, IndexSelect)
        layer, read = node.name.removesuffix(".index"), len(node.op.index)
        if f"{layer}{MASK}" in state:
            each = graph.weights.shape(f"{layer}.conv.weight")[1]
            _condense_convolution(adapted, layer, state[f"{layer}{MASK}"], read // each)
        elif f"{layer}.weight" in state:
            _condense_linear(adapted, layer, read)
        if node.name not in adapted:
            raise WeightsError(f"index {node.name!r} is missing")
        index = _checked(node.name, adapted[node.name], read, types[node.inputs[0]].shape[1])
        graph.replace_node(node, node.replace(op=IndexSelect(dim=1, index=index)))
    return adapted


def _condense_convolution(state: dict[str, np.ndarray], layer: str, mask: np.ndarray, groups: int) -> None:
    """Outputs i, i + G ... become the neighbours of group i, which reads the inputs that its mask has kept."""
    weight, kept = state[f"{layer}.conv.weight"], [np.flatnonzero(row) for row in mask.reshape(len(mask), -1)[:groups]]
    sizes = {len(inputs) for inputs in kept}
    if len(sizes) > 1 or any((mask[i::groups] != mask[i]).any() for i in range(groups)):
        raise WeightsError(f"{layer}{MASK}: expected {groups} groups of equally many inputs")
    state[f"{layer}.conv.weight"] = np.concatenate([weight[i::groups, inputs] for i, inputs in enumerate(kept)])
    index = state[f"{layer}.index"] = np.concatenate(kept)
    for role in NORM:
        key = f"{layer}.norm.{role}"
        if key in state:
            _require_shape(key, state[key], TensorType(mask.shape[1:2]))
            state[key] = state[key][index]


def _condense_linear(state: dict[str, np.ndarray], layer: str, read: int) -> None:
    """The ``read`` inputs whose weights have the largest sum of absolute values, in rising order of it."""
    weight = state.pop(f"{layer}.weight")
    index = state[f"{layer}.index"] = np.argsort(np.abs(weight).sum(axis=0), kind="stable")[-read:]
    state[f"{layer}.linear.weight"] = weight[:, index]
    if f"{layer}.bias" in state:
        state[f"{layer}.linear.bias"] = state.pop(f"{layer}.bias")


def _checked(key: str, index: np.ndarray, read: int, channels: int) -> tuple[int, ...]:
    if index.dtype.kind not in "iu" or index.shape != (read,):
        raise WeightsError(f"{key!r}: expected {read} integers, found {index.dtype} {TensorType(index.shape)}")
    if index.min() < 0 or index.max() >= channels:
        raise WeightsError(f"{key!r}: expected 0 to {channels - 1}, found {index.min()} to {index.max()}")
    return tuple(map(int, index))


def _require_shape(key: str, array: np.ndarray, expected: TensorType | None) -> None:
    if expected is None or array.shape != expected.shape:
        raise WeightsError(f"{key!r}: expected {expected or 'no mask'}, found {TensorType(array.shape)}")
