"""Images from planes to pixels and from pixels to planes, as at the borders of a plan: a caller's arrays are NCHW.

These lie elsewhere at every run, so that tasks find the address of the planes in an array of one.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from tinyinfer.kernels.base import Bound, FeatureMap
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.movement.elements import FLOAT, Elements, elements_of, for_each_size
from tinyinfer.kernels.movement.interleave import interleave_3
from tinyinfer.kernels.parallel.parts import own_units
from tinyinfer.kernels.parallel.task import Task, task_of

transpose_floats = FLOAT.transpose


@inline
def pixels_of_planes(x, c, count, y):
    """``count`` pixels of an image whose c planes of floats are the rows of x."""
    if c == 3 and y.stride == 3:
        interleave_3(x, x.at(1), x.at(2), y, 1, count)
    else:
        transpose_floats(x, c, count, y)


def make_to_pixels(elements: Elements) -> Task:
    """n images of c planes of ``pixels`` elements, at the address given[0], into pixels of c elements."""
    rows, side = elements.rows, elements.side
    transpose = pixels_of_planes if elements is FLOAT else elements.transpose

    @task_of(y=rows)
    def to_pixels(part, parts, given, n, c, pixels, y):
        p0, p1 = own_units(part, n * pixels, side, parts)
        planes = rows(given[0], pixels)
        for image in range(p0 // pixels, -(-p1 // pixels)):
            first, last = max(0, p0 - image * pixels), min(pixels, p1 - image * pixels)
            transpose(planes.at(image * c, first), c, last - first, y.at(image * pixels + first))

    return to_pixels


def make_to_planes(elements: Elements) -> Task:
    """The way back, to planes at the address given[0], ``image_stride`` elements from one image to the next."""
    rows, size, side, transpose = elements.rows, elements.size, elements.side, elements.transpose

    @task_of(x=rows)
    def to_planes(part, parts, x, n, c, pixels, given, image_stride):
        p0, p1 = own_units(part, n * pixels, side, parts)
        for image in range(p0 // pixels, -(-p1 // pixels)):
            first, last = max(0, p0 - image * pixels), min(pixels, p1 - image * pixels)
            planes = rows(given[0] + (image * image_stride + first) * size, pixels)
            transpose(x.at(image * pixels + first), last - first, c, planes)

    return to_planes


TO_PIXELS, TO_PLANES = for_each_size(make_to_pixels), for_each_size(make_to_planes)


def fixed_address(array: np.ndarray) -> np.ndarray:
    """The address of an array, which lives as long as what is returned."""
    number: Any = ctypes.c_int64(array.ctypes.data)
    number.array = array
    return np.frombuffer(number, np.int64)


def bind_to_images(threads: int, address: np.ndarray, y: FeatureMap) -> Bound:
    """The call that makes images of planes at the address that the array holds."""
    elements = elements_of(y)
    return TO_PIXELS[elements.size].bind(threads, address, y.n, y.c, y.h * y.w, elements.rows.of(y))


def bind_to_planes(threads: int, x: FeatureMap, address: np.ndarray, image_stride: int = 0) -> Bound:
    """The way back; images are ``image_stride`` elements apart, or follow one another."""
    elements, size = elements_of(x), x.h * x.w
    task = TO_PLANES[elements.size]
    return task.bind(threads, elements.rows.of(x), x.n, x.c, size, address, image_stride or x.c * size)
