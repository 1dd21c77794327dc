"""What a network says, drawn onto its picture with Pillow: bars of classes, coloured pixels, boxes."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tinyinfer.labels.label_sets import BACKGROUND
from tinyinfer.tasks.detection import Detection
from tinyinfer.tasks.segmentation import Segment

Colour = tuple[int, int, int]

PAPER, INK, FAINT = (255, 255, 255), (32, 32, 32), (225, 225, 225)
LEAST_SIDE = 400  # pixels of the long side of what is drawn on: tiny pictures are enlarged, or no label fits
GOLDEN = 0.618034  # of a turn between the hues of classes that follow each other, so that they differ
OPACITY = 0.6  # of colours over the picture
LEGEND_ROWS = 12


def colour(index: int) -> Colour:
    """A colour for a class, the same in every picture; neighbours differ in hue, and every third in lightness."""
    hue, lightness = (0.58 + index * GOLDEN) % 1, (0.45, 0.6, 0.35)[index % 3]
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, 0.85)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw_labels(picture: Image.Image, found: Sequence[tuple[int, str, float]]) -> Image.Image:
    """The picture, below it a bar for each (index, label, probability)."""
    rows = [(label, probability, colour(index)) for index, label, probability in found]
    return _with_panel(_enlarged(picture), rows)


def draw_segments(picture: Image.Image, classes: np.ndarray, found: Sequence[Segment]) -> Image.Image:
    """The picture under the colours of its classes (height, width), below it the largest ones' names and shares.

    A class that is called "background" keeps the picture's own colours.
    """
    shown = [segment for segment in found if segment.label != BACKGROUND]
    table = np.zeros((int(classes.max()) + 1, 3), np.uint8)
    opacity = np.zeros(len(table))
    for segment in shown:
        table[segment.index], opacity[segment.index] = colour(segment.index), OPACITY
    mask = Image.fromarray((opacity * 255).astype(np.uint8)[classes])
    coloured = Image.composite(Image.fromarray(table[classes]), picture, mask)
    return _with_panel(_enlarged(coloured), [(s.label, s.share, colour(s.index)) for s in shown[:LEGEND_ROWS]])


def draw_detections(picture: Image.Image, found: Sequence[Detection]) -> Image.Image:
    """The picture with a box for each thing found, its label and probability; the most probable on top."""
    canvas = _enlarged(picture)
    draw, scale = ImageDraw.Draw(canvas), canvas.width / picture.width
    font, line = _font(canvas), max(2, round(min(canvas.size) / 200))
    boxes = [[round(side * scale) for side in detection.box] for detection in found]
    for detection, (left, top, right, bottom) in reversed([*zip(found, boxes, strict=True)]):
        draw.rectangle((left, top, right, bottom), outline=colour(detection.index), width=line)
    for detection in reversed(found):
        for x, y in detection.points:
            _draw_point(draw, (x * scale, y * scale), 1.5 * line, colour(detection.index))
    for detection, (left, top, _, _) in reversed([*zip(found, boxes, strict=True)]):  # no line crosses a label
        text = f"{detection.label} {detection.score:.0%}"
        _draw_plate(draw, text, (left, top), colour(detection.index), font, canvas.width)
    return canvas


def _draw_point(draw: ImageDraw.ImageDraw, centre: tuple[float, float], radius: float, fill: Colour) -> None:
    x, y = centre
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=PAPER)


def _draw_plate(
    draw: ImageDraw.ImageDraw, text: str, corner: tuple[int, int], fill: Colour, font: ImageFont.FreeTypeFont, most: int
) -> None:
    """A text on a plate above a corner, or below where the picture ends; moved left to end before ``most``."""
    wide, high = _extent(font, text)
    x, y = max(0, min(corner[0], most - wide)), corner[1] - high if corner[1] >= high else corner[1]
    draw.rectangle((x, y, x + wide, y + high), fill=fill)
    draw.text((x + high / 4, y + high / 2), text, _readable_on(fill), font, anchor="lm")


def _with_panel(picture: Image.Image, rows: Sequence[tuple[str, float, Colour]]) -> Image.Image:
    """The picture and below it, row by row, a name, a bar of a share and the share itself."""
    font = _font(picture)
    _, high = _extent(font, "")
    margin, step = high // 2, round(high * 1.3)
    width = max(picture.width, 12 * high)
    canvas = Image.new("RGB", (width, picture.height + (margin * 2 + step * len(rows) if rows else 0)), PAPER)
    canvas.paste(picture, ((width - picture.width) // 2, 0))
    draw = ImageDraw.Draw(canvas)
    names, figures = width * 0.55 - margin, _extent(font, "100.0%")[0]
    bars = width - names - figures - 3 * margin
    for index, (name, share, fill) in enumerate(rows):
        y = picture.height + margin + index * step
        swatch = (margin, y + high * 0.2, margin + high * 0.6, y + high * 0.8)
        draw.rectangle(swatch, fill=fill)
        draw.text((margin + high, y + high / 2), _shortened(font, name, names - high), INK, font, anchor="lm")
        start = margin + names
        draw.rectangle((start, y + high * 0.2, start + bars, y + high * 0.8), fill=FAINT)
        draw.rectangle((start, y + high * 0.2, start + bars * share, y + high * 0.8), fill=fill)
        draw.text((width - margin, y + high / 2), f"{share:.1%}", INK, font, anchor="rm")
    return canvas


def _enlarged(picture: Image.Image) -> Image.Image:
    """A copy, made a whole number of times larger if it is tiny."""
    times = -(-LEAST_SIDE // max(picture.size)) if max(picture.size) < LEAST_SIDE else 1
    return picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)


def _font(picture: Image.Image) -> ImageFont.FreeTypeFont:
    """Pillow's own, of a size for the picture."""
    font = ImageFont.load_default(max(13, round(min(picture.size) / 32)))
    assert isinstance(font, ImageFont.FreeTypeFont)  # the other kind has no size
    return font


def _extent(font: ImageFont.FreeTypeFont, text: str) -> tuple[int, int]:
    """Width and height of a plate for a text."""
    high = round(font.size * 1.4)
    return round(font.getlength(text)) + high // 2, high


def _shortened(font: ImageFont.FreeTypeFont, text: str, width: float) -> str:
    """The text, or as much of it with an ellipsis as ``width`` pixels hold."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text.rstrip()}..."


def _readable_on(fill: Colour) -> Colour:
    """Black or white, whichever stands out from a colour (ITU-R BT.601 luma)."""
    red, green, blue = fill
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else PAPER
