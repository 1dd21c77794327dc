"""DepthToSpace and SpaceToDepth: channels as pixels and back, the depth first (DCR) or the square first (CRD)."""

from __future__ import annotations

from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call, Lowering


def depth_to_space(call: Call) -> str:
    """DepthToSpace; with the depth in the inner place the channels are a table, transposed first."""
    block, mode = _block(call), call.attribute("mode", "DCR")
    x = call.apply("channel_shuffle", call.x, groups=block**2) if _depth_inside(mode) and block > 1 else call.x
    return call.apply("pixel_shuffle", x, upscale_factor=block)


def space_to_depth(call: Call) -> str:
    """SpaceToDepth, the other way."""
    block, mode = _block(call), call.attribute("mode", "DCR")
    channels = call.shape()[1] if len(call.shape()) > 1 else 0
    y = call.apply("pixel_unshuffle", call.x, downscale_factor=block)
    return call.apply("channel_shuffle", y, groups=channels) if _depth_inside(mode) and block > 1 else y


def _block(call: Call) -> int:
    block = call.attribute("blocksize")
    if not isinstance(block, int) or block < 1:
        raise GraphError(f"blocksize: expected 1 or more, found {block}")
    return block


def _depth_inside(mode: str) -> bool:
    if mode not in ("DCR", "CRD"):
        raise GraphError(f"mode: expected DCR or CRD, found {mode[:80]!r}")
    return mode == "DCR"


LOWERINGS: dict[tuple[str, int], Lowering] = {("DepthToSpace", 1): depth_to_space, ("SpaceToDepth", 1): space_to_depth}
