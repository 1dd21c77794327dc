"""Picture files to 8-bit RGB: every mode and orientation that cameras and editors write, hostile files refused.

Decoded with Pillow from a short list of formats.  The rules: EXIF orientation is applied, transparency
is composited on a stated background, 16-bit grey is scaled (Pillow's own conversion clips it), CMYK is
converted, an animation gives its first frame, and colour profiles are left alone, as torchvision does.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from tinyinfer.errors import ImageError, InputError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
JPEG_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".pjpeg", ".pjp"})
SUFFIXES = JPEG_SUFFIXES | {".png", ".apng", ".webp", ".bmp", ".dib", ".gif"}
MAX_PIXELS = 2**27  # what telephones of 108 megapixels take; 400 MB of colours
LIMIT = "TINYINFER_MAX_PIXELS"  # an environment variable that says another number
WHITE = (255, 255, 255)

# EXIF 2.32, tag 0x0112: what to do to the stored rows and columns to see them upright.
_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ACCEPTED = "a path, bytes, a binary file, a PIL image or an HxW, HxWx3 or HxWx4 uint8 array"
ImageSource = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | np.ndarray

_filters = threading.Lock()


def decode(
    source: ImageSource,
    *,
    background: tuple[int, int, int] = WHITE,
    max_pixels: int | None = None,
    name: str | None = None,
) -> Image.Image:
    """Decode a picture into a new PIL image of mode RGB; the source itself is never changed.

    ``source`` is a path, the bytes of a file, a binary file, a PIL image or a uint8 array (HxW, HxWx3 or
    HxWx4); ``background`` is what transparent pixels are composited on; ``name`` is what messages call a
    source without a path.  Raises ImageError, with the picture's name, for anything that is not a whole
    JPEG, PNG, WebP, BMP or GIF of at most ``max_pixels`` pixels (None: `pixel_limit`).
    """
    name = name or describe(source)
    if isinstance(source, Image.Image):
        image = source
    elif isinstance(source, np.ndarray):
        image = _from_array(source, name)
    else:
        image = _open(_read(source, name), name)
    _check_size(image.size, pixel_limit() if max_pixels is None else max_pixels, name)
    # Pillow's readers let exceptions of any class out on damaged files.
    try:
        image.load()
        rgb = _to_rgb(image, background)
    except Exception as error:
        kind = image.format or image.mode
        raise ImageError(f"{name}: damaged or unsupported {kind} image: {_one_line(error)}") from error
    return _upright(image, rgb)


def pixel_limit() -> int:
    """The most pixels of a picture: `MAX_PIXELS`, or what ``TINYINFER_MAX_PIXELS`` says.

    Raises InputError for one that is not a whole number above 0.
    """
    text = os.environ.get(LIMIT, "").strip().replace("_", "")
    if not text:
        return MAX_PIXELS
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise InputError(f"{LIMIT}: expected a number of pixels above 0, found {os.environ[LIMIT]!r}")
    return int(text)


def describe(source: ImageSource) -> str:
    """The name an error message gives to a picture: its path, or what it is."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    if isinstance(source, Image.Image):
        return getattr(source, "filename", "") or "PIL image"
    if isinstance(source, np.ndarray):
        return "image array"
    if isinstance(source, bytes | bytearray | memoryview):
        return "image bytes"
    return str(getattr(source, "name", "image file"))


def is_image_name(path: Path) -> bool:
    """Whether a file's name ends as one of the accepted formats does."""
    return path.suffix.lower() in SUFFIXES


def _read(source: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO, name: str) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    try:
        data = Path(source).read_bytes() if isinstance(source, str | os.PathLike) else source.read()
    except FileNotFoundError as error:
        raise ImageError(f"{name}: no such file") from error
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: can't be read: {_one_line(error)}") from error
    except AttributeError as error:
        raise ImageError(f"image: expected {_ACCEPTED}, found {type(source).__name__}") from error
    if not isinstance(data, bytes):
        raise ImageError(f"{name}: expected a file open in binary mode, its read() gave {type(data).__name__}")
    return data


def _open(data: bytes, name: str) -> Image.Image:
    """Parse the header only; `_check_size` refuses large images, in place of Pillow's own limit."""
    if not data:
        raise ImageError(f"{name}: expected an image, found an empty file")
    try:
        with _without_limit():
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        found = f"{len(data)} bytes starting {data[:12]!r}"
        raise ImageError(f"{name}: expected {', '.join(FORMATS)}, found {found}") from error
    except Exception as error:
        raise ImageError(f"{name}: unreadable image header: {_one_line(error)}") from error


@contextlib.contextmanager
def _without_limit() -> Iterator[None]:
    """Pillow's limit and its warnings are process-wide: one thread at a time."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _check_size(size: tuple[int, int], max_pixels: int, name: str) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"{name}: expected at least one pixel, found {width}x{height}")
    if width * height > max_pixels:
        raise ImageError(
            f"{name}: expected at most {max_pixels} pixels, found {width}x{height} = {width * height} "
            f"(--max-pixels or {LIMIT} sets another limit)"
        )


def _from_array(array: np.ndarray, name: str) -> Image.Image:
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        shape = "x".join(map(str, array.shape)) or "scalar"
        raise ImageError(f"{name}: expected HxW, HxWx3 or HxWx4 of uint8, found {shape} of {array.dtype}")
    if array.size == 0:
        raise ImageError(f"{name}: expected at least one pixel, found {array.shape[1]}x{array.shape[0]}")
    return Image.fromarray(np.ascontiguousarray(array))


def _to_rgb(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    if image.mode == "F":
        raise ValueError("float pixels have no stated range, expected 8 or 16 bits a channel")
    if image.mode.startswith("I"):
        return _wide_grey_to_rgb(image, background)
    if image.mode == "La":
        image = image.convert("LA")
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    canvas = Image.new("RGB", image.size, background)
    canvas.paste(image, mask=image)
    return canvas


def _wide_grey_to_rgb(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """16-bit grey scaled to 8 bits, 65535 to 255; a colour key of a PNG becomes the background."""
    wide = np.asarray(image).astype(np.int64)
    if wide.min() < 0 or wide.max() > 0xFFFF:
        raise ValueError(f"expected 16-bit grey, found values {wide.min()} to {wide.max()}")
    grey = ((wide * 255 + 0x7FFF) // 0xFFFF).astype(np.uint8)
    pixels = np.repeat(grey[:, :, None], 3, axis=2)
    if isinstance(image.info.get("transparency"), int):
        pixels[wide == image.info["transparency"]] = background
    return Image.fromarray(pixels)


def _upright(image: Image.Image, rgb: Image.Image) -> Image.Image:
    """Apply the EXIF orientation of ``image`` to its converted form."""
    rgb.info = {}
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # A damaged EXIF block says nothing about the pixels.
        return rgb
    return rgb if turn is None else rgb.transpose(turn)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
