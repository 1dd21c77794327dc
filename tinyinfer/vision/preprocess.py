"""From a picture to a network's input, exactly as the model's metadata says.

The meaning of resize, crop and normalise is torchvision's on PIL images (``torchvision.transforms.functional``:
`resize`, `center_crop`, `to_tensor`, `normalize`), because that is what published accuracies were measured with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tinyinfer.errors import ImageError, ModelFormatError
from tinyinfer.vision.image import ImageSource, decode, describe, pixel_limit

INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
CHANNELS = {"rgb": 3, "bgr": 3, "l": 1}
MAX_SIDE = 8192

FITS = ("stretch", "letterbox", "corner")

Size = int | tuple[int, int]


class Placement(NamedTuple):
    """The rectangle of an input's pixels in which a whole picture lies."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Preprocess:
    """The steps between a decoded picture and an input tensor; a step left at None is skipped.

    ``resize``: the short side in pixels, or (height, width) to force both; then ``fit`` says how the picture comes in
    there: "stretch"ed, or in its own shape in the middle ("letterbox") or in the upper left ("corner"), with pixels of
    the level ``fill`` beside it.  ``crop``: the centre square's side, or (height, width).  Then per channel, in the
    order ``channels`` states, (pixel * scale - mean) / std of pixels 0..255.
    """

    resize: Size | None = None
    crop: Size | None = None
    interpolation: str = "bilinear"
    channels: str = "rgb"
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    fit: str = "stretch"
    fill: int = 114

    def __post_init__(self) -> None:
        _require_one_of(CHANNELS, "channels", self.channels)
        _require_one_of(INTERPOLATIONS, "interpolation", self.interpolation)
        _require_one_of(FITS, "fit", self.fit)
        _require(_is_int(self.fill) and 0 <= self.fill <= 255, "fill", "a level of 0 to 255", self.fill)
        object.__setattr__(self, "resize", _size(self.resize, "resize"))
        object.__setattr__(self, "crop", _size(self.crop, "crop"))
        object.__setattr__(self, "scale", _numbers(self.scale, 1, "scale")[0])
        object.__setattr__(self, "mean", _numbers(self.mean, self.depth, "mean"))
        object.__setattr__(self, "std", _numbers(self.std, self.depth, "std"))
        boxed = self.fit == "stretch" or isinstance(self.resize, tuple)
        _require(boxed, "resize", f"(height, width) for fit {self.fit!r}", self.resize)
        _require(self.scale > 0, "scale", "a number above 0", self.scale)
        _require(min(self.std) > 0, "std", "numbers above 0", self.std)
        _require(bool(np.isfinite(self._table()).all()), "scale, mean, std", "results that fit float32", self)

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> Preprocess:
        """Read a model's ``meta["preprocess"]``; raises ModelFormatError naming the key that is wrong or unknown."""
        _require(isinstance(meta, Mapping), "metadata", "a mapping", meta)
        known = [field.name for field in fields(cls)]
        unknown = [key for key in meta if key not in known]
        _require(not unknown, "metadata", f"keys of {', '.join(known)}", unknown)
        return cls(**meta)

    @property
    def depth(self) -> int:
        """Number of channels of the tensor."""
        return CHANNELS[self.channels]

    def apply(self, image: Image.Image, name: str = "image") -> np.ndarray:
        """Turn a PIL image of mode RGB into a new contiguous float32 array (channels, height, width).

        Raises ImageError if resizing an extremely long picture would need more than `image.pixel_limit` pixels.
        """
        if self.channels == "l":
            image = image.convert("L")
        if self.resize is not None:
            image = self._resized(image, self.resize, name)
        pixels = np.asarray(image).reshape(image.height, image.width, self.depth)
        if self.crop is not None:
            pixels = center_crop(pixels, *_both(self.crop))
        if self.channels == "bgr":
            pixels = pixels[:, :, ::-1]
        out = np.empty((self.depth, *pixels.shape[:2]), np.float32)
        for channel, levels in enumerate(self._table()):
            # "clip" writes straight into out; uint8 never needs it
            np.take(levels, pixels[:, :, channel], out=out[channel], mode="clip")
        return out

    def place(self, width: int, height: int) -> Placement:
        """Where a picture of this size comes to lie in the input, for networks that look for places in all of it."""
        if self.resize is None:
            return Placement(0, 0, width, height)
        if isinstance(self.resize, int):
            other = int(self.resize * max(width, height) / min(width, height))
            return Placement(0, 0, *((self.resize, other) if width <= height else (other, self.resize)))
        high, wide = self.resize
        if self.fit == "stretch":
            return Placement(0, 0, wide, high)
        ratio = min(wide / width, high / height)
        inner = min(wide, max(1, round(width * ratio))), min(high, max(1, round(height * ratio)))
        left, top = ((wide - inner[0]) // 2, (high - inner[1]) // 2) if self.fit == "letterbox" else (0, 0)
        return Placement(left, top, *inner)

    def _resized(self, image: Image.Image, size: Size, name: str) -> Image.Image:
        method = INTERPOLATIONS[self.interpolation]
        if self.fit == "stretch" or isinstance(size, int):
            return resize(image, size, method, name)
        place, (high, wide) = self.place(*image.size), size
        canvas = Image.new(image.mode, (wide, high), (self.fill,) * 3 if image.mode == "RGB" else self.fill)
        canvas.paste(resize(image, (place.height, place.width), method, name), (place.left, place.top))
        return canvas

    def _table(self) -> np.ndarray:
        """What each of the 256 levels becomes in each channel, (channels, 256), rounded once from float64."""
        mean, std = np.array(self.mean)[:, None], np.array(self.std)[:, None]
        with np.errstate(over="ignore"):
            levels: np.ndarray = (np.arange(256) * self.scale - mean) / std
            return levels.astype(np.float32)


def prepare(source: ImageSource, preprocess: Preprocess | Mapping[str, Any]) -> np.ndarray:
    """Decode and preprocess one picture into a float32 batch of one, (1, channels, height, width).

    ``preprocess`` is a model's ``meta["preprocess"]``.  Raises ImageError for the picture, ModelFormatError for the
    metadata.
    """
    if not isinstance(preprocess, Preprocess):
        preprocess = Preprocess.from_meta(preprocess)
    return preprocess.apply(decode(source), describe(source))[None]


def resize(image: Image.Image, size: Size, resample: Image.Resampling, name: str = "image") -> Image.Image:
    """Resize the short side to ``size`` and the long one in proportion, rounded down; or to (height, width)."""
    if isinstance(size, int):
        short, long = sorted(image.size)
        other = int(size * long / short)
        width, height = (size, other) if image.width <= image.height else (other, size)
    else:
        height, width = size
    if width * height > (limit := pixel_limit()):
        found = f"{image.width}x{image.height} pixels that would become {width}x{height}"
        raise ImageError(f"{name}: too long and narrow: expected at most {limit} pixels once resized, found {found}")
    return image.resize((width, height), resample)


def center_crop(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cut (or pad with zeros, the odd row and column after) an (H, W, C) array to its centre (height, width, C)."""
    over_y, over_x = max(height - pixels.shape[0], 0), max(width - pixels.shape[1], 0)
    if over_y or over_x:
        pixels = np.pad(pixels, ((over_y // 2, (over_y + 1) // 2), (over_x // 2, (over_x + 1) // 2), (0, 0)))
    # Python's round, half to even, is torchvision's choice of the crop's corner.
    top, left = round((pixels.shape[0] - height) / 2), round((pixels.shape[1] - width) / 2)
    return pixels[top : top + height, left : left + width]


def _both(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _size(value: Any, key: str) -> Size | None:
    if value is None:
        return None
    sides = _items(value)
    good = len(sides) in (1, 2) and all(_is_int(side) and 1 <= side <= MAX_SIDE for side in sides)
    _require(good, key, f"1 or 2 sides of 1 to {MAX_SIDE} pixels", value)
    return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str) else [value]


def _is_int(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return bool(-1e30 < value < 1e30)


def _numbers(value: Any, count: int, key: str) -> tuple[float, ...]:
    """``count`` finite numbers from a list of them, or from one that serves every channel."""
    items = _items(value)
    good = len(items) in (1, count) and all(_is_finite(item) for item in items)
    _require(good, key, " or ".join(map(str, sorted({1, count}))) + " finite numbers", value)
    return tuple(float(item) for item in items) * (count // len(items))


def _require_one_of(known: Iterable[str], key: str, found: object) -> None:
    _require(isinstance(found, str) and found in known, key, f"one of {', '.join(known)}", found)


def _require(condition: bool, key: str, expected: str, found: object) -> None:
    if not condition:
        raise ModelFormatError(f"preprocess: {key}: expected {expected}, found {found!r}")
