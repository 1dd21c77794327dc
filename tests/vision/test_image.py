"""Every mode, orientation and kind of damage a picture file can have."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tinyinfer.errors import ImageError, InputError
from tinyinfer.vision.image import FORMATS, decode, is_image_name


def encode(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def pixels(source: object, **options: object) -> np.ndarray:
    return np.asarray(decode(source, **options))


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


@pytest.fixture
def colours(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)


@pytest.mark.parametrize("format", ["PNG", "BMP", "WEBP"])
def test_lossless_formats_give_the_pixels(colours: np.ndarray, format: str) -> None:
    data = encode(Image.fromarray(colours), format, **({"lossless": True} if format == "WEBP" else {}))
    assert np.array_equal(pixels(data), colours)


def test_jpeg_is_what_pillow_decodes(colours: np.ndarray) -> None:
    data = encode(Image.fromarray(colours), "JPEG", quality=80)
    assert np.array_equal(pixels(data), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


def test_every_kind_of_source_gives_the_same_picture(colours: np.ndarray, tmp_path: Path) -> None:
    data = encode(Image.fromarray(colours))
    path = tmp_path / "misnamed.jpg"
    path.write_bytes(data)
    sources = [
        path,
        str(path),
        data,
        bytearray(data),
        memoryview(data),
        io.BytesIO(data),
        colours,
        Image.fromarray(colours),
    ]
    for source in sources:
        assert np.array_equal(pixels(source), colours)
    with path.open("rb") as stream:
        assert np.array_equal(pixels(stream), colours)


def test_sources_are_not_changed(colours: np.ndarray) -> None:
    before = colours.copy()
    image = Image.fromarray(np.dstack([colours, colours[:, :, :1]]))
    kept = image.copy()
    result = decode(image)
    result.putpixel((0, 0), (1, 2, 3))
    decode(colours).putpixel((0, 0), (1, 2, 3))
    assert image == kept
    assert np.array_equal(colours, before)


def test_read_only_and_strided_arrays(colours: np.ndarray) -> None:
    view = colours[::-1, ::2]
    view.flags.writeable = False
    assert np.array_equal(pixels(view), colours[::-1, ::2])


def test_grey_array() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(pixels(grey), np.dstack([grey] * 3))


def test_grey_of_16_bits_is_scaled_not_clipped() -> None:
    wide = np.linspace(0, 65535, 4096).astype(np.uint16).reshape(64, 64)
    image = decode(encode(Image.fromarray(wide)))
    assert image.mode == "RGB"
    grey = np.asarray(image)
    assert np.array_equal(grey[:, :, 0], np.rint(wide / 257))
    assert np.array_equal(grey[:, :, 0], grey[:, :, 2])


def test_colour_key_of_16_bit_grey_becomes_the_background() -> None:
    wide = np.array([[160, 65535]], np.uint16)
    data = encode(Image.fromarray(wide), transparency=160)
    assert pixels(data, background=(9, 8, 7)).tolist() == [[[9, 8, 7], [255, 255, 255]]]


def test_32_bit_and_float_images() -> None:
    assert pixels(Image.new("I", (1, 1), 65535)).tolist() == [[[255, 255, 255]]]
    with pytest.raises(ImageError, match="expected 16-bit grey, found values 70000"):
        decode(Image.new("I", (1, 1), 70000))
    with pytest.raises(ImageError, match="float pixels"):
        decode(Image.new("F", (1, 1), 0.5))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "La", "RGBa"])
def test_transparent_pixels_take_the_background(mode: str) -> None:
    image = Image.new(mode, (3, 2), 0)
    assert (pixels(image) == 255).all()
    assert (pixels(image, background=(10, 20, 30)) == (10, 20, 30)).all()


@given(st.tuples(*[st.integers(0, 255)] * 4), st.tuples(*[st.integers(0, 255)] * 3))
def test_alpha_is_composited(pixel: tuple[int, ...], background: tuple[int, int, int]) -> None:
    alpha = pixel[3] / 255
    expected = [alpha * c + (1 - alpha) * b for c, b in zip(pixel, background, strict=False)]
    found = pixels(encode(Image.new("RGBA", (1, 1), pixel)), background=background)[0, 0]
    assert np.abs(found - np.array(expected)).max() <= 0.51


def test_palette_with_and_without_transparency() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([200, 100, 50, 1, 2, 3])
    image.putpixel((1, 0), 1)
    assert pixels(encode(image)).tolist() == [[[200, 100, 50], [1, 2, 3]]]
    assert pixels(encode(image, transparency=0)).tolist() == [[[255, 255, 255], [1, 2, 3]]]
    assert pixels(encode(image, "GIF", transparency=0)).tolist() == [[[255, 255, 255], [1, 2, 3]]]


@pytest.mark.parametrize(("mode", "key"), [("1", 0), ("L", 0), ("RGB", (0, 0, 0))])
def test_colour_key(mode: str, key: object) -> None:
    image = Image.new(mode, (2, 1))
    image.putpixel((1, 0), 255 if mode != "RGB" else (255, 0, 0))
    found = pixels(encode(image, transparency=key), background=(1, 2, 3))
    assert found.tolist() == [[[1, 2, 3], [255, 255, 255] if mode != "RGB" else [255, 0, 0]]]


def test_one_bit() -> None:
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    assert pixels(encode(image)).tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_cmyk_jpeg_is_converted() -> None:
    data = encode(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG", quality=95)
    assert np.abs(pixels(data).reshape(-1, 3).mean(0) - (0, 255, 255)).max() < 4


@pytest.mark.parametrize("mode", ["YCbCr", "HSV", "LAB", "RGBX"])
def test_other_modes_become_rgb(mode: str) -> None:
    assert decode(Image.new(mode, (2, 2))).mode == "RGB"


# EXIF 2.32, tag Orientation: where the stored row 0 and column 0 are seen.
UPRIGHT = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: x.swapaxes(0, 1)[:, ::-1],
    7: lambda x: x.swapaxes(0, 1)[::-1, ::-1],
    8: lambda x: x.swapaxes(0, 1)[::-1],
    0: lambda x: x,
    99: lambda x: x,
}


@pytest.mark.parametrize("orientation", sorted(UPRIGHT))
def test_exif_orientation(colours: np.ndarray, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(colours), exif=exif)
    assert np.array_equal(pixels(data), UPRIGHT[orientation](colours))
    jpeg = Image.open(io.BytesIO(encode(Image.fromarray(colours), "JPEG", exif=exif)))
    assert np.array_equal(pixels(jpeg), UPRIGHT[orientation](np.asarray(jpeg)))


def test_orientation_of_16_bit_grey() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = np.array([[0, 65535]], np.uint16)
    assert pixels(encode(Image.fromarray(wide), exif=exif))[:, :, 0].tolist() == [[0], [255]]


def test_damaged_exif_does_not_cost_the_picture(colours: np.ndarray) -> None:
    good = encode(Image.fromarray(colours), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 20)
    assert pixels(good).shape == colours.shape


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_first_frame_of_an_animation(format: str) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "lime")]
    data = encode(frames[0], format, save_all=True, append_images=frames[1:])
    assert np.abs(pixels(data).astype(int) - (255, 0, 0)).max() <= 8


def test_pictures_of_phones_with_several_images_inside() -> None:
    image = Image.new("RGB", (8, 8), (10, 20, 30))
    assert pixels(encode(image, "MPO", save_all=True, append_images=[image])).shape == (8, 8, 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_extreme_shapes(size: tuple[int, int]) -> None:
    assert decode(encode(Image.new("RGB", size))).size == size


def refused(source: object, match: str, **options: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageError, match=match) as caught:
            decode(source, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [(12_000, 12_000), (100_000, 100_000), (2**27 + 1, 1), (2**31 - 1, 2**31 - 1)])
def test_bombs_are_refused_from_the_header(size: tuple[int, int]) -> None:
    refused(png_header(*size), "expected at most 134217728 pixels")


def test_limit_is_exact(colours: np.ndarray) -> None:
    data = encode(Image.fromarray(colours))
    assert decode(data, max_pixels=54).size == (9, 6)
    refused(data, "expected at most 53 pixels, found 9x6 = 54", max_pixels=53)


@pytest.mark.parametrize("size", [(0, 4), (4, 0)])
def test_no_pixels(size: tuple[int, int]) -> None:
    refused(png_header(*size), "image")
    refused(Image.new("RGB", size), "at least one pixel")
    refused(np.zeros((*size, 3), np.uint8), "at least one pixel")


@pytest.mark.parametrize("format", FORMATS)
def test_truncated(rng: np.random.Generator, format: str) -> None:
    noise = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    data = encode(noise, format)
    for keep in (0.1, 0.5, 0.9):
        refused(data[: int(len(data) * keep)], "image")


def test_what_is_no_image(tmp_path: Path) -> None:
    refused(b"", "found an empty file")
    refused(b"<html>not found</html>", r"expected JPEG, PNG, WEBP, BMP, GIF, found 22 bytes starting b'<html>not")
    refused(b"%!PS-Adobe-3.0 EPSF-3.0\n", "expected JPEG")
    refused(encode(Image.new("RGB", (4, 4)), "TIFF"), "expected JPEG")
    refused(tmp_path / "absent.jpg", r"absent\.jpg: no such file")
    refused(tmp_path, "can't be read")
    refused("nul\0.jpg", "can't be read")
    refused(io.StringIO("text"), "binary mode")
    refused(42, "expected a path, bytes")
    refused(None, "expected a path, bytes")


def test_message_has_the_path(tmp_path: Path) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(encode(Image.effect_noise((64, 64), 90), "JPEG")[:-500])
    refused(path, r"holiday\.jpg: damaged or unsupported JPEG image: ")
    refused(b"", r"^set\[3\]: ", name="set[3]")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((3, 4, 5), np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.array(0, np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_of_other_kinds(array: np.ndarray) -> None:
    refused(array, "expected HxW, HxWx3 or HxWx4 of uint8, found")


@given(st.sampled_from(FORMATS), st.data())
def test_flipped_bytes_decode_or_raise_our_error(format: str, data: st.DataObject) -> None:
    picture = bytearray(encode(Image.linear_gradient("L").resize((16, 16)).convert("RGB"), format))
    for _ in range(data.draw(st.integers(1, 4))):
        picture[data.draw(st.integers(0, len(picture) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ImageError):
        assert decode(bytes(picture)).mode == "RGB"


def test_error_counts_as_bad_input() -> None:
    assert issubclass(ImageError, InputError)
    assert ImageError.exit_code == 4


def test_names_of_pictures() -> None:
    assert is_image_name(Path("a/B.JPEG"))
    assert not is_image_name(Path("a/B.tiff"))
    assert not is_image_name(Path("jpg"))


def test_a_limit_that_users_set(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(Image.new("L", (9, 6)))
    monkeypatch.setenv("TINYINFER_MAX_PIXELS", "53")
    refused(data, "expected at most 53 pixels, found 9x6 = 54 .*TINYINFER_MAX_PIXELS")
    monkeypatch.setenv("TINYINFER_MAX_PIXELS", "54")
    assert decode(data).size == (9, 6)
    monkeypatch.setenv("TINYINFER_MAX_PIXELS", "many")
    with pytest.raises(InputError, match="TINYINFER_MAX_PIXELS: expected a number of pixels above 0, found 'many'"):
        decode(data)


def test_limits_of_our_own_and_not_of_pillow() -> None:
    before = Image.MAX_IMAGE_PIXELS
    huge = encode(Image.new("1", (20_000, 10_000)))
    refused(huge, "expected at most 134217728 pixels, found 20000x10000")
    assert decode(huge, max_pixels=200_000_000).size == (20_000, 10_000)
    assert before == Image.MAX_IMAGE_PIXELS
