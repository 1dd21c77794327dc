"""MediaPipe's faces, palms and poses: anchors of the input's own size at every pixel, offsets in pixels, points."""

from __future__ import annotations

from dataclasses import dataclass

from tinyinfer.errors import InputError
from tinyinfer.tasks.heads.candidates import Candidates, Outputs, grid
from tinyinfer.tasks.heads.options import option, several, share, whole
from tinyinfer.tasks.heads.ssd import Ssd

# strides of the layers and anchors at each of their pixels, in mediapipe/modules/*/*.pbtxt: short range and palms,
# poses, back camera, full range
LAYOUTS = (((8, 16, 16, 16), 2), ((8, 16, 32, 32, 32), 2), ((16, 32, 32, 32), 2), ((4,), 1))


@dataclass(frozen=True)
class MediaPipe:
    """Two outputs: scores (1, anchors, 1) before their sigmoid, and (1, anchors, 4 and two for each point).

    ``strides`` of the layers, ``per_layer`` anchors at each pixel; where they are not given, the layout of MediaPipe's
    that has as many anchors.  Layers of one stride share their pixels.
    """

    strides: tuple[int, ...] = option(several(whole(1)), ())
    per_layer: int = option(whole(1), 2)
    overlap: float = option(share, 0.3)
    background = False
    open_ended = False

    def decode(self, outputs: Outputs, size: tuple[int, int]) -> Candidates:
        """Boxes and points, moved from the anchors' centres by so many pixels."""
        if len(outputs) != 2 or any(y.ndim != 3 for y in outputs.values()):
            shapes = [y.shape for y in outputs.values()]
            raise InputError(f"outputs: expected scores and boxes (1, anchors, numbers), found shapes {shapes}")
        boxes = max(outputs.values(), key=lambda y: y.shape[-1])
        strides, per_layer = self._layout(boxes.shape[1], size)
        each = {stride: per_layer * strides.count(stride) for stride in strides}
        high, wide = size
        head = Ssd(
            strides=tuple(each),
            sizes=tuple(((1.0, 1.0),) * count for count in each.values()),
            scale=(wide, high, wide, high),
            growth="linear",
            points=(boxes.shape[-1] - 4) // 2,
        )
        return head.decode(outputs, size)

    def _layout(self, anchors: int, size: tuple[int, int]) -> tuple[tuple[int, ...], int]:
        if self.strides:
            return self.strides, self.per_layer
        for strides, per_layer in LAYOUTS:
            grids = [grid(size, stride) for stride in strides]
            if sum(per_layer * high * wide for high, wide in grids) == anchors:
                return strides, per_layer
        raise InputError(f"task: none of MediaPipe's layouts has {anchors} anchors: say strides and per_layer")
