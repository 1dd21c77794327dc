"""What a page explains: a network as it runs, a photo as the network sees it, and every value computed of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from tinyinfer.errors import InputError
from tinyinfer.graph import Graph, TensorType
from tinyinfer.model import Model
from tinyinfer.passes.machine.fuse_activation import fuse_activation
from tinyinfer.passes.portable.simplify import simplify
from tinyinfer.vision.image import ImageSource, decode, describe
from tinyinfer.vision.preprocess import Preprocess

LARGEST = 1e30  # what is shown of an infinite value


class Subject(NamedTuple):
    """``model`` is the network with norms folded and activations fused; ``values`` are its values on the photo.

    ``x`` is the input (1, C, H, W), ``seen`` its pixels as RGB (H, W, 3).
    """

    model: Model
    types: dict[str, TensorType]
    values: dict[str, np.ndarray]
    x: np.ndarray
    seen: np.ndarray
    photo: Image.Image
    source: ImageSource

    @property
    def graph(self) -> Graph:
        """The network whose nodes the page shows."""
        return self.model.graph


def look(model: Model, source: ImageSource) -> Subject:
    """Run a network on a photo and keep everything.

    Raises ImageError for the photo, InputError for a network that does not take a picture and nothing else, or whose
    metadata does not say how to prepare one.
    """
    inputs = model.graph.inputs
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        found = ", ".join(f"{i.name} of rank {len(i.shape)}" for i in inputs)
        raise InputError(f"explain: expected a network whose one input is a picture (N, C, H, W), found {found}")
    preprocess = Preprocess.from_meta(model.preprocess)
    photo = decode(source)
    x = preprocess.apply(photo, describe(source))[None]
    folded = shown_graph(model)
    shapes = {inputs[0].name: x.shape}
    outputs = folded.run({inputs[0].name: x}, capture=["*"])
    return Subject(
        folded, folded.graph.infer_types(shapes), {inputs[0].name: x, **outputs}, x, pixels_of(x[0], preprocess), photo,
        source,
    )  # fmt: skip


def shown_graph(model: Model) -> Model:
    """The network as a page shows it: norms folded into layers, activations fused, the same on every machine."""
    graph = fuse_activation(simplify(model.graph), everywhere=True)
    graph.nodes = graph.topological_order()
    return Model(graph, model.meta, model.options.threads, model.options.kernels)


def pixels_of(x: np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """The RGB pixels (H, W, 3) that an input (C, H, W) was made of."""
    mean, std = (np.reshape(v, (-1, 1, 1)) for v in (preprocess.mean, preprocess.std))
    pixels = np.rint((x * std + mean) / preprocess.scale).clip(0, 255).astype(np.uint8)
    if preprocess.channels == "bgr":
        pixels = pixels[::-1]
    return np.ascontiguousarray(np.broadcast_to(pixels, (3, *pixels.shape[1:])).transpose(1, 2, 0))


def as_maps(value: np.ndarray, kind: TensorType) -> np.ndarray | None:
    """A value of one picture as float32 maps (channels, height, width), codes as the numbers they stand for.

    Features (1, F) are F maps of one pixel, a table (1, A, B) is one map; None for what is neither.
    """
    if value.ndim not in (2, 3, 4) or value.shape[0] != 1 or value.size == 0:
        return None
    real = value.astype(np.float32)
    if kind.quant is not None:
        if kind.quant.axis is not None:
            return None
        real = (real - np.float32(kind.quant.zero_point[0])) * np.float32(kind.quant.scale[0])
    shape = {2: (value.shape[-1], 1, 1), 3: (1, *value.shape[1:]), 4: value.shape[1:]}[value.ndim]
    return np.nan_to_num(real.reshape(shape), nan=0.0, posinf=LARGEST, neginf=-LARGEST).clip(-LARGEST, LARGEST)
