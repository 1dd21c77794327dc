"""Draw the sample picture: one CIFAR-10 class as a shaded scene, the same pixels in every run.

    python weights/draw_sample.py ship sample.png

Scenes are painted from back to front on a canvas four times finer than the picture, in units of 1/256 of its side.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE, FINER = 256, 4
Points = Sequence[tuple[float, float]]
Colour = tuple[float, float, float]


class Canvas:
    """Float RGB in 0..1 with y down; a mask is an array of opacities of the same height and width."""

    def __init__(self, seed: int) -> None:
        self.n = SIZE * FINER
        self.rgb = np.zeros((self.n, self.n, 3))
        self.y, self.x = (np.mgrid[: self.n, : self.n] + 0.5) / FINER
        self.random = np.random.default_rng(seed)

    def paint(self, mask: np.ndarray, colour: Colour | np.ndarray, opacity: float = 1.0) -> None:
        """Lay a colour, or a picture of one colour a pixel, over what is there."""
        alpha = (mask * opacity)[:, :, None]
        self.rgb += alpha * (np.asarray(colour) - self.rgb)

    def polygon(self, points: Points) -> np.ndarray:
        """Inside of a polygon."""
        image = Image.new("L", (self.n, self.n))
        ImageDraw.Draw(image).polygon([(x * FINER, y * FINER) for x, y in points], fill=255)
        return np.asarray(image) / 255.0

    def blob(self, points: Points) -> np.ndarray:
        """Inside of a closed Catmull-Rom curve through the points."""
        p = np.array(points, float)
        t = np.linspace(0, 1, 16, endpoint=False)[:, None, None]
        a, b, c, d = (np.roll(p, shift, axis=0) for shift in (1, 0, -1, -2))
        curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        return self.polygon([(x, y) for x, y in curve.transpose(1, 0, 2).reshape(-1, 2)])

    def ellipse(self, cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
        """Inside of an ellipse."""
        return np.asarray(((self.x - cx) / rx) ** 2 + ((self.y - cy) / ry) ** 2 <= 1, float)

    def box(self, left: float, top: float, right: float, bottom: float) -> np.ndarray:
        """Inside of a rectangle."""
        return np.asarray((self.x >= left) & (self.x < right) & (self.y >= top) & (self.y < bottom), float)

    def soft(self, mask: np.ndarray, radius: float) -> np.ndarray:
        """A mask with its edge blurred, for shadows and haze."""
        image = Image.fromarray((mask * 255).astype(np.uint8))
        return np.asarray(image.filter(ImageFilter.GaussianBlur(radius * FINER))) / 255.0

    def down(self, top: float, bottom: float, *colours: Colour) -> np.ndarray:
        """A vertical gradient through evenly spaced colours."""
        at = np.clip((self.y[:, 0] - top) / (bottom - top), 0, 1) * (len(colours) - 1)
        columns = [np.interp(at, np.arange(len(colours)), channel) for channel in zip(*colours, strict=True)]
        return np.repeat(np.stack(columns, axis=1)[:, None], self.n, axis=1)

    def noise(self, width: float, height: float) -> np.ndarray:
        """Smooth random numbers of deviation 1 whose bumps have about this size."""
        cells = self.random.standard_normal((int(SIZE / height) + 2, int(SIZE / width) + 2)).astype(np.float32)
        smooth = np.asarray(Image.fromarray(cells).resize((self.n, self.n), Image.Resampling.BICUBIC), float)
        return np.asarray((smooth - smooth.mean()) / smooth.std())

    def clouds(self, top: float, bottom: float, cover: float) -> None:
        """Layers of ever finer noise, thresholded softly between two heights."""
        layers = sum(self.noise(70 / 2**i, 26 / 2**i) / 1.6**i for i in range(5))
        band = np.clip((self.y - top) / 25, 0, 1) * np.clip((bottom - self.y) / 25, 0, 1)
        self.paint(np.clip((layers - 1 + cover) / 2.2, 0, 0.9) * band, (0.97, 0.97, 0.98))

    def picture(self) -> Image.Image:
        """The finished picture with a little grain, as a camera's has."""
        n = SIZE
        small = self.rgb.reshape(n, FINER, n, FINER, 3).mean(axis=(1, 3))
        small = small + self.random.normal(0, 0.006, (n, n, 1))
        return Image.fromarray(np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8))


def ship(c: Canvas) -> None:
    """A freighter under way, seen from its side."""
    everywhere = np.ones_like(c.x)
    c.paint(everywhere, c.down(0, 150, (0.36, 0.56, 0.80), (0.62, 0.76, 0.89), (0.87, 0.90, 0.92)))
    c.clouds(0, 135, 0.6)
    sea = c.box(0, 148, SIZE, SIZE)
    near = np.clip((c.y - 148) / 108, 0, 1)
    waves = c.noise(26, 2.2) * (1 - near) + c.noise(34, 7) * near + 0.6 * c.noise(9, 2.5)
    water = c.down(148, 256, (0.42, 0.57, 0.68), (0.20, 0.38, 0.53), (0.09, 0.24, 0.38))
    c.paint(sea, water * (1 + 0.10 * waves[:, :, None]))
    hull = c.blob(
        [
            (14, 126),
            (22, 129),
            (60, 134),
            (150, 134),
            (206, 128),
            (243, 116),
            (240, 124),
            (229, 150),
            (217, 171),
            (205, 174),
            (120, 174),
            (40, 174),
            (26, 172),
            (19, 155),
        ]
    )
    c.paint(c.soft(c.polygon([(20, 172), (222, 172), (215, 206), (34, 206)]), 5) * sea, (0.05, 0.10, 0.16), 0.55)
    _superstructure(c)
    _cargo(c)
    steel = c.down(118, 174, (0.17, 0.25, 0.40), (0.09, 0.14, 0.25))
    light = (1 + 0.12 * np.cos((c.x - 150) / 70))[:, :, None]
    c.paint(hull, steel * light)
    c.paint(hull * c.box(0, 160, SIZE, SIZE), c.down(160, 174, (0.58, 0.16, 0.13), (0.36, 0.08, 0.08)) * light)
    c.paint(hull * c.box(0, 158.6, SIZE, 160.2), (0.92, 0.92, 0.90))
    rail = hull * (1 - np.roll(hull, 2 * FINER, axis=0))
    c.paint(rail, (0.90, 0.91, 0.92), 0.9)
    foam = np.clip(1.2 + 0.9 * c.noise(5, 2), 0, 1.6) / 1.6
    c.paint(
        c.soft(c.polygon([(8, 171), (60, 172.5), (216, 170), (236, 176), (214, 179), (110, 177), (0, 181)]), 1.6)
        * foam,
        (0.93, 0.96, 0.97),
    )


def _superstructure(c: Canvas) -> None:
    white = c.down(76, 134, (0.97, 0.97, 0.96), (0.82, 0.84, 0.86))
    for left, top, right, bottom in ((24, 112, 76, 136), (27, 99, 70, 113), (31, 87, 66, 100), (34, 78, 72, 88)):
        c.paint(c.box(left, top, right, bottom), white)
        c.paint(c.box(left, top, right, top + 1.4), (0.70, 0.73, 0.77))
        c.paint(c.box(left, top, left + 5, bottom), (0.60, 0.65, 0.72), 0.45)
    c.paint(c.box(46, 80.5, 71, 84.5), (0.12, 0.17, 0.24))
    for row in (91.5, 104, 118):
        for column in range(36, 64, 6):
            c.paint(c.box(column, row, column + 3.2, row + 3.4), (0.20, 0.27, 0.36))
    c.paint(c.polygon([(30, 78), (31, 54), (44, 54), (46, 78)]), c.down(54, 78, (0.80, 0.28, 0.18), (0.66, 0.20, 0.14)))
    c.paint(c.box(30, 54, 45, 59), (0.10, 0.10, 0.12))
    c.paint(c.box(57, 48, 58.6, 78), (0.85, 0.86, 0.87))
    c.paint(c.box(51, 56, 65, 57.2), (0.85, 0.86, 0.87))
    smoke = c.soft(c.blob([(36, 53), (24, 44), (2, 34), (-6, 42), (18, 52), (40, 55)]), 4)
    c.paint(smoke, (0.45, 0.46, 0.48), 0.45)


def _cargo(c: Canvas) -> None:
    colours = ((0.72, 0.27, 0.20), (0.22, 0.43, 0.62), (0.80, 0.62, 0.25), (0.35, 0.52, 0.40), (0.62, 0.63, 0.66))
    for column in range(6):
        left = 84 + column * 20
        for row in range((2, 3, 3, 3, 2, 2)[column]):
            top = 122 - row * 11 - max(0, column - 3)
            r, g, b = colours[(column * 2 + row * 3) % 5]
            ribs = (1 + 0.05 * np.sin(c.x * 2.6))[:, :, None]
            c.paint(c.box(left, top, left + 18.6, top + 15), np.array((r, g, b)) * ribs)
            c.paint(c.box(left, top, left + 18.6, top + 1), (r * 1.25, g * 1.25, b * 1.25))
    c.paint(c.box(214, 86, 215.6, 124), (0.88, 0.88, 0.86))


def airplane(c: Canvas) -> None:
    """An airliner climbing to the right."""
    everywhere = np.ones_like(c.x)
    c.paint(everywhere, c.down(0, 256, (0.27, 0.50, 0.80), (0.50, 0.70, 0.90), (0.78, 0.87, 0.94)))
    c.clouds(120, 300, 0.7)
    body = c.blob(
        [
            (22, 128),
            (70, 121),
            (150, 115),
            (205, 112),
            (228, 116),
            (238, 124),
            (228, 131),
            (200, 136),
            (130, 142),
            (76, 142),
            (44, 137),
        ]
    )
    c.paint(
        c.polygon([(104, 118), (124, 116), (98, 84), (86, 85)]), c.down(84, 118, (0.72, 0.75, 0.80), (0.55, 0.59, 0.66))
    )
    c.paint(
        c.polygon([(20, 129), (60, 122), (38, 76), (20, 78)]), c.down(76, 128, (0.16, 0.27, 0.55), (0.20, 0.34, 0.64))
    )
    c.paint(body, c.down(110, 143, (1.0, 1.0, 1.0), (0.93, 0.94, 0.96), (0.48, 0.53, 0.62)))
    stripe = body * c.polygon([(18, 131), (238, 124), (238, 126.5), (18, 135)])
    c.paint(stripe, (0.16, 0.27, 0.55))
    for i in range(24):
        x, y = 70 + i * 5.6, 127.2 - i * 0.19
        c.paint(c.ellipse(x, y - 2.5, 1.2, 1.7), (0.22, 0.28, 0.38))
    c.paint(body * c.polygon([(218, 117), (232, 118), (235, 122), (219, 122)]), (0.14, 0.19, 0.27))
    for x, y in ((117, 157), (92, 178)):
        c.paint(
            c.blob([(x - 8, y), (x + 2, y - 6), (x + 21, y - 6), (x + 24, y), (x + 20, y + 6), (x, y + 5)]),
            c.down(y - 6, y + 6, (0.92, 0.93, 0.95), (0.42, 0.46, 0.54)),
        )
        c.paint(c.ellipse(x + 22.5, y, 2.2, 5.2), (0.16, 0.18, 0.22))
    c.paint(
        c.polygon([(92, 137), (150, 134), (146, 141), (68, 203), (52, 206), (58, 196)]),
        c.down(134, 206, (0.84, 0.86, 0.89), (0.60, 0.64, 0.71)),
    )
    c.paint(c.polygon([(92, 137), (100, 136.6), (60, 198), (55, 202)]), (0.42, 0.46, 0.54), 0.6)
    c.paint(
        c.polygon([(30, 131), (62, 131), (28, 152), (14, 154)]),
        c.down(131, 154, (0.82, 0.84, 0.88), (0.60, 0.64, 0.71)),
    )


def _road(c: Canvas, horizon: float) -> None:
    everywhere = np.ones_like(c.x)
    c.paint(everywhere, c.down(0, horizon, (0.55, 0.70, 0.86), (0.86, 0.90, 0.93)))
    c.clouds(0, horizon - 20, 0.5)
    trees = c.y > horizon - 26 - 7 * c.noise(18, 300) - 3 * c.noise(6, 300)
    leaves = (1 + 0.16 * c.noise(6, 5) + 0.12 * c.noise(3, 2))[:, :, None]
    c.paint(
        c.soft(trees.astype(float), 1.0), c.down(horizon - 40, horizon, (0.36, 0.46, 0.30), (0.20, 0.29, 0.18)) * leaves
    )
    grain = (1 + 0.03 * c.noise(5, 1.5) + 0.03 * c.noise(40, 8))[:, :, None]
    c.paint(c.box(0, horizon, SIZE, SIZE), c.down(horizon, 256, (0.56, 0.56, 0.55), (0.40, 0.40, 0.41)) * grain)
    c.paint(c.box(0, horizon, SIZE, horizon + 5), (0.68, 0.67, 0.64))


def _wheel(c: Canvas, x: float, y: float, r: float) -> None:
    c.paint(c.ellipse(x, y, r, r), (0.07, 0.07, 0.08))
    c.paint(c.ellipse(x, y, r * 0.62, r * 0.62), c.down(y - r, y + r, (0.85, 0.86, 0.88), (0.45, 0.46, 0.49)))
    for angle in np.arange(5) * 2 * np.pi / 5:
        c.paint(
            c.ellipse(x + 0.38 * r * np.cos(angle), y + 0.38 * r * np.sin(angle), 0.13 * r, 0.13 * r),
            (0.14, 0.14, 0.16),
        )


def automobile(c: Canvas) -> None:
    """A red saloon at the roadside."""
    _road(c, 138)
    c.paint(c.soft(c.ellipse(128, 194, 112, 9), 4), (0.06, 0.06, 0.07), 0.85)
    body = c.blob(
        [
            (14, 160),
            (18, 140),
            (40, 130),
            (72, 126),
            (100, 96),
            (128, 90),
            (164, 92),
            (196, 122),
            (226, 128),
            (242, 142),
            (244, 168),
            (236, 186),
            (128, 188),
            (26, 186),
            (15, 178),
        ]
    )
    c.paint(body, c.down(90, 188, (0.93, 0.30, 0.24), (0.82, 0.12, 0.11), (0.72, 0.07, 0.08), (0.38, 0.03, 0.05)))
    c.paint(c.soft(c.polygon([(20, 140), (240, 139), (240, 143), (20, 145)]), 1.5) * body, (1.0, 0.62, 0.56), 0.8)
    glass = c.down(96, 128, (0.55, 0.66, 0.76), (0.16, 0.21, 0.27))
    windows = c.blob([(84, 127), (103, 105), (124, 98), (148, 98), (163, 101), (184, 125), (150, 128), (110, 128)])
    c.paint(windows * (1 - c.box(126, 90, 131, 130)), glass)
    for x in (130, 76):
        c.paint(c.box(x - 0.5, 128, x + 0.5, 176) * body, (0.30, 0.02, 0.04))
    for x in (92, 142):
        c.paint(c.box(x, 137, x + 11, 139.6), (0.95, 0.70, 0.66))
    c.paint(c.box(14, 178, 244, 188) * body, (0.13, 0.05, 0.06), 0.8)
    c.paint(c.ellipse(234, 147, 8, 5) * body, (0.98, 0.97, 0.86))
    c.paint(c.ellipse(21, 148, 6, 6) * body, (1.0, 0.35, 0.20))
    for x in (62, 198):
        c.paint(c.ellipse(x, 182, 25, 25) * body, (0.10, 0.03, 0.04))
        _wheel(c, x, 184, 21)


def truck(c: Canvas) -> None:
    """A lorry with a box body."""
    _road(c, 150)
    c.paint(c.soft(c.ellipse(128, 212, 122, 7), 3), (0.06, 0.06, 0.07), 0.85)
    c.paint(c.box(12, 186, 236, 200), (0.12, 0.12, 0.14))
    side = (1 + 0.015 * np.sin(c.x * 0.9))[:, :, None]
    c.paint(c.box(10, 58, 168, 188), c.down(58, 188, (0.97, 0.97, 0.96), (0.80, 0.81, 0.83)) * side)
    c.paint(c.box(10, 58, 168, 62), (0.66, 0.68, 0.71))
    c.paint(c.box(10, 118, 168, 138), (0.16, 0.36, 0.66))
    cab = c.blob(
        [(174, 196), (174, 120), (177, 92), (200, 88), (222, 92), (232, 130), (243, 146), (245, 190), (238, 198)]
    )
    c.paint(cab, c.down(88, 198, (0.30, 0.52, 0.84), (0.15, 0.34, 0.66), (0.07, 0.17, 0.38)))
    c.paint(
        c.blob([(190, 136), (191, 104), (216, 102), (226, 136)]),
        c.down(102, 136, (0.62, 0.72, 0.80), (0.18, 0.24, 0.30)),
    )
    c.paint(c.box(186, 142, 187, 190), (0.05, 0.12, 0.28))
    c.paint(c.box(191, 150, 201, 152.5), (0.80, 0.83, 0.87))
    c.paint(c.ellipse(240, 168, 6, 6) * cab, (0.98, 0.97, 0.86))
    c.paint(c.box(174, 186, 246, 198) * cab, (0.16, 0.17, 0.20))
    for x in (42, 82, 208):
        _wheel(c, x, 196, 19)


SCENES: dict[str, Callable[[Canvas], None]] = {
    "ship": ship,
    "airplane": airplane,
    "automobile": automobile,
    "truck": truck,
}


def draw(name: str) -> Image.Image:
    """Render a scene by the name of its class."""
    canvas = Canvas(seed=7)
    SCENES[name](canvas)
    return canvas.picture()


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in SCENES:
        sys.exit(f"usage: draw_sample.py {{{','.join(SCENES)}}} OUTPUT")
    draw(sys.argv[1]).save(sys.argv[2], quality=92, optimize=True)
