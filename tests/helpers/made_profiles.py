"""Profiles that nobody had to measure."""

from __future__ import annotations

from typing import Any

from tinyinfer.graph import Graph, Input, Node, TensorType
from tinyinfer.ops.activation.activation import Relu
from tinyinfer.ops.arithmetic.elementwise import Add
from tinyinfer.profiling.caches import Cache
from tinyinfer.profiling.profile_rows import Buffer, ProfileRow
from tinyinfer.profiling.roofline import Bound, Peak
from tinyinfer.profiling.timings import Profile

# name, what it does, milliseconds, mult-adds, bytes, bound
STEPS: tuple[tuple[str, str, float, int, int, Bound], ...] = (
    ("[x]", "input", 0.02, 0, 100_000, "overhead"),
    ("stem.conv", "conv2d 1x1, relu", 6.0, 400_000_000, 4_000_000, "compute"),
    ("block.1.dw", "depthwise 3x3", 3.0, 60_000_000, 9_000_000, "L2"),
    ("block.1.add", "add", 0.96, 0, 6_000_000, "memory"),
    *((f"features.denseblock1.denselayer{at}.norm1", "relu", 0.005, 0, 100, "overhead") for at in range(10, 14)),
)

BUFFERS = (
    Buffer("x", 1_000_000, 0, 0, 1, False),
    Buffer("stem.conv", 1_500_000, 1_000_000, 1, 3, False),
    Buffer("workspace", 500_000, 2_500_000, 2, 2, True),
)


def made_profile(total_ms: float = 10.0, **changes: Any) -> Profile:
    """A network of seven nodes: the second and the third are a block, the last four take hardly any time."""
    rows = tuple(_row(*step) for step in STEPS)
    nodes = [
        Node("stem.conv", Relu(), ("x",), ("stem.conv",)),
        Node("block.1.dw", Relu(), ("stem.conv",), ("block.1.dw",)),
        Node("block.1.add", Add(), ("block.1.dw", "stem.conv"), ("block.1.add",)),
    ]
    for name, *_ in STEPS[4:]:
        nodes.append(Node(name, Relu(), (nodes[-1].name,), (name,)))
    image = (1, 8, 32, 32)
    fields: dict[str, Any] = {
        "rows": rows,
        "total_ms": total_ms,
        "total_min_ms": 0.9 * total_ms,
        "total_p90_ms": 1.2 * total_ms,
        "watched_ms": 10.1,
        "prepare_ms": 30.0,
        "first_ms": 9000.0,
        "repeats": 20,
        "threads": 2,
        "arena_bytes": 3_000_000,
        "starts": (0.0, 0.1, 6.2, 9.3, 10.4, 10.41, 10.42, 10.43),
        "durations": tuple(step[2] for step in STEPS),
        "name": "made",
        "cpu": "A CPU",
        "date": "2026-11-30",
        "peak": Peak(160.0, 12.0, 2, caches=(Cache("L1", 32_768, 300.0), Cache("L2", 524_288, 90.0))),
        "buffers": BUFFERS,
        "graph": Graph([Input("x", image, image)], nodes, [nodes[-1].name]),
        "types": {value: TensorType(image) for value in ("x", *(node.name for node in nodes))},
    }
    return Profile(**{**fields, **changes})


def _row(name: str, text: str, ms: float, macs: int, moved: int, bound: Bound) -> ProfileRow:
    return ProfileRow(
        name=name,
        op=text.split()[0],
        kernel="made",
        why="it was made up",
        origin=(name,),
        shape=(1, 8, 32, 32),
        macs=macs,
        params=100,
        bytes=moved,
        ms=ms,
        min_ms=0.9 * ms,
        p90_ms=1.1 * ms,
        first_ms=2 * ms,
        share=ms / 10,
        bound=bound,
        text=text,
    )
