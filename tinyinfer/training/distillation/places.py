"""Where a network's features are compared: in front of the last ReLU of each size, as a teacher and a student have."""

from __future__ import annotations

from tinyinfer.errors import InputError
from tinyinfer.graph import Graph

ACTIVATIONS = ("relu", "relu6", "hardswish", "silu")


def places(graph: Graph) -> dict[tuple[int, ...], str]:
    """The value in front of the last activation of each image size, by (height, width) at nominal size.

    What stands there has not lost the negative values, which say how far from firing a channel was (Heo et al. 2019,
    section 3.1).  Images of one pixel are left out.
    """
    types = graph.infer_types()
    found: dict[tuple[int, ...], str] = {}
    for node in graph.topological_order():
        shape = types[node.outputs[0]].shape
        if node.op.name in ACTIVATIONS and len(shape) == 4 and shape[2:] != (1, 1):
            found[shape[2:]] = node.inputs[0]
    return found


def paired(student: Graph, teacher: Graph, most: int = 3) -> list[tuple[str, str]]:
    """The values of both at the ``most`` smallest sizes that both have, from large to small.

    Raises InputError when no size is common.
    """
    mine, theirs = places(student), places(teacher)
    common = sorted(mine.keys() & theirs.keys(), reverse=True)[-most:]
    if not common:
        raise InputError(
            f"features: expected images of one size in both networks, found {sorted(mine)} in the student "
            f"and {sorted(theirs)} in the teacher"
        )
    return [(mine[size], theirs[size]) for size in common]
