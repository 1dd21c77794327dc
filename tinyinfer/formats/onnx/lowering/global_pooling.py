"""Pools over the whole image."""

from __future__ import annotations

from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.onnx.lowering.pooling import power, root


def global_pool(pool: str, reduction: str) -> Lowering:
    """Of images by the operator that has a kernel for them; of lines and volumes by the reduction."""

    def lower(call: Call) -> str:
        if len(call.shape()) == 4 and call.type().dtype == "float32":
            return call.apply(pool, call.x, output_size=1)
        return call.apply(reduction, call.x, dim=_space(call), keepdim=True)

    return lower


def global_lp_pool(call: Call) -> str:
    """GlobalLpPool."""
    p = call.attribute("p", 2)
    return root(call, call.apply("sum", power(call, call.x, p), dim=_space(call), keepdim=True), p)


def _space(call: Call) -> tuple[int, ...]:
    """All dimensions but batch and channels."""
    rank = len(call.shape())
    if rank < 3:
        raise GraphError(f"input: expected rank 3 or more, found {rank}")
    return tuple(range(2, rank))


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("GlobalAveragePool", 1): global_pool("adaptive_avg_pool2d", "mean"),
    ("GlobalMaxPool", 1): global_pool("adaptive_max_pool2d", "amax"),
    ("GlobalLpPool", 2): global_lp_pool,
}
