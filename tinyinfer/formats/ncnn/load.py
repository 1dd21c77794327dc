"""An ncnn network, a .param file with its .bin, as one that runs here."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tinyinfer.errors import GraphError, InputError, ModelFormatError, UnsupportedOpError
from tinyinfer.formats.importing.call import FileNode
from tinyinfer.formats.importing.importer import Importer
from tinyinfer.formats.importing.lowering import SHOWN, lower_nodes
from tinyinfer.formats.importing.network import verified
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.formats.ncnn.lowering.table import LAYERS, find
from tinyinfer.formats.ncnn.reading.param_text import Layer, read_param
from tinyinfer.formats.ncnn.reading.parameters import Parameters
from tinyinfer.formats.ncnn.reading.weights import WeightReader
from tinyinfer.formats.regular_file import read_whole
from tinyinfer.graph import Graph, Shape

USUAL = 224  # height and width of an image whose file does not say
CHANNELS = 3
INPUT = {0: "w", 1: "h", 2: "c", 11: "d"}


def load(
    path: str | os.PathLike[str],
    input_shapes: Mapping[str, Shape] | None = None,
    limits: Limits = DEFAULT,
    weights: str | os.PathLike[str] | None = None,
    dequantize: bool = False,
) -> tuple[Graph, dict[str, Any]]:
    """The verified graph and the metadata of a .param file; ``weights`` is the file beside it that ends in .bin.

    Batch, height and width are free, whatever sizes the file gives, as they are in ncnn, unless a layer goes by
    fixed ones; ``input_shapes`` says what they usually are ("" is the first input).  int8 weights are computed with as
    such where the file has a scale for what they are multiplied with, unless ``dequantize`` asks for float32.

    Raises ModelFormatError for files that are damaged, UnsupportedOpError naming all that is not supported, GraphError
    and WeightsError for a network that is not well formed.
    """
    where, data_file = os.fspath(path), Path(path).with_suffix(".bin") if weights is None else Path(weights)
    layers = read_param(read_whole(path, limits.document_bytes), where, limits)
    _check_known(layers, where)
    nodes = list(_with_weights(layers, where, data_file, limits))
    return _import(layers, nodes, where, input_shapes or {}, partial(Importer, limits, dequantize=dequantize))


def _check_known(layers: Sequence[Layer], where: str) -> None:
    """Raise UnsupportedOpError naming every type that is not known: what weights it brings is not known either."""
    first = {layer.kind: layer.name for layer in reversed(layers) if layer.kind not in LAYERS and layer.kind != "Input"}
    if first:
        listed = "; ".join(f"{kind[:60]} (layer {name[:60]!r})" for kind, name in list(first.items())[:SHOWN])
        more = f"; and {len(first) - SHOWN} more" if len(first) > SHOWN else ""
        raise UnsupportedOpError(f"{where}: not supported: {listed}{more}: the layer is not known")


def _with_weights(layers: Sequence[Layer], where: str, data_file: Path, limits: Limits) -> Iterator[FileNode]:
    """All layers but the inputs as nodes, with the weights that follow each other in the .bin."""
    reader: WeightReader | None = None
    for layer in layers:
        if layer.kind == "Input":
            continue
        kind = LAYERS[layer.kind]
        attributes = kind.named(layer.parameters)
        if kind.weights is not None:
            reader = reader or WeightReader(read_whole(data_file, limits.total_bytes), str(data_file))
            try:
                attributes |= kind.weights(Parameters(attributes.get), reader)
            except (GraphError, ModelFormatError) as error:
                raise type(error)(f"{where}: layer {layer.name[:80]!r} ({layer.kind}): {error}") from None
        yield FileNode(layer.name, layer.kind, layer.inputs, layer.outputs, attributes)
    if reader is not None:
        reader.finish()


def _import(
    layers: Sequence[Layer],
    nodes: Sequence[FileNode],
    where: str,
    input_shapes: Mapping[str, Shape],
    make_importer: Callable[[Collection[str]], Importer],
) -> tuple[Graph, dict[str, Any]]:
    names = [name for layer in layers if layer.kind == "Input" for name in layer.outputs]
    input_shapes = {name or names[0]: shape for name, shape in input_shapes.items()} if names else {}
    if unknown := [name for name in input_shapes if name not in names]:
        raise InputError(f"{where}: input {unknown[0][:80]!r}: expected one of {', '.join(map(repr, names[:20]))}")
    read = {name for layer in layers for name in layer.inputs}
    outputs = [name for layer in layers for name in layer.outputs if name not in read]
    if not outputs or not names:
        raise GraphError(f"{where}: expected an input, and a blob that no layer reads as output")

    def build(fixed: Collection[str]) -> tuple[Graph, list[str]]:
        importer = make_importer(fixed)
        values = _inputs(importer, layers, input_shapes, where)
        lower_nodes(importer, nodes, values, find, where)
        return importer.finish({name: values[name] for name in outputs}), importer.notes

    graph, notes = verified(build, where)
    return graph, {"source": os.path.basename(where), **notes}


def _inputs(
    importer: Importer, layers: Sequence[Layer], input_shapes: Mapping[str, Shape], where: str
) -> dict[str, str]:
    """The blobs of all input layers."""
    values: dict[str, str] = {}
    for layer in layers:
        for name in layer.outputs if layer.kind == "Input" else ():
            if name in values:
                raise ModelFormatError(f"{where}: blob {name[:80]!r} is defined twice")
            try:
                values[name] = _input(importer, layer, name, layers, input_shapes)
            except (GraphError, InputError, UnsupportedOpError) as error:
                raise type(error)(f"{where}: input {name[:80]!r}: {error}") from None
    return values


@dataclass(frozen=True)
class _Sizes:
    """(c, h, w) of an input's blob, or less; ``free`` ones are nominal."""

    nominal: tuple[int, ...]
    free: tuple[bool, ...]


def _input(
    importer: Importer, layer: Layer, name: str, layers: Sequence[Layer], input_shapes: Mapping[str, Shape]
) -> str:
    sizes = _sizes(layer, name, layers, importer.limits)
    nominal = tuple(input_shapes.get(name, (1, *sizes.nominal)))
    shape = (None, *(None if free else size for size, free in zip(sizes.nominal, sizes.free, strict=True)))
    fits = len(nominal) == len(shape) and all(n >= 1 and s in (None, n) for s, n in zip(shape, nominal, strict=True))
    if name in input_shapes and not fits:
        wanted = "x".join("?" if s is None else str(s) for s in shape)
        raise InputError(f"expected shape {wanted}, found {'x'.join(map(str, nominal))}")
    return importer.input(name, shape, nominal)


def _sizes(layer: Layer, name: str, layers: Sequence[Layer], limits: Limits) -> _Sizes:
    """What the layer says; without that, an image of as many channels as its first convolution reads."""
    named = {INPUT.get(number, f"parameter {number}"): value for number, value in layer.parameters.items()}
    p = Parameters(named.get)
    w, h, c, d = (p.integer(side, least=0, most=limits.dimension) for side in "whcd")
    if d:
        raise UnsupportedOpError("blobs of 4 dimensions are not supported")
    if not c and (w or h):
        given = (h, w) if h else (w,)
        return _Sizes(given, (False,) * len(given))
    channels = c or _channels(name, layers) or CHANNELS
    return _Sizes((channels, h or USUAL, w or USUAL), (False, True, True))


def _channels(name: str, layers: Sequence[Layer]) -> int | None:
    """What the first convolution of a blob, or of a copy of it, reads."""
    names = {name}
    for layer in layers:
        if names.isdisjoint(layer.inputs):
            continue
        if layer.kind == "Split":
            names.update(layer.outputs)
        elif layer.kind in ("Convolution", "ConvolutionDepthWise"):
            p = Parameters(LAYERS[layer.kind].named(layer.parameters).get)
            height, width = p.pair("kernel", least=1)
            outputs, groups = p.integer("num_output", least=1), p.integer("group", 1, least=1)
            return p.integer("weight_data_size", least=0) * groups // (outputs * height * width)
    return None
