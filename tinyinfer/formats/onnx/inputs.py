"""The inputs of an ONNX model, and what sizes that its file leaves free are taken to be."""

from __future__ import annotations

from collections.abc import Mapping

from tinyinfer.errors import InputError, UnsupportedOpError
from tinyinfer.formats.onnx.reading.messages import OnnxModel, ValueInfo
from tinyinfer.graph import Shape
from tinyinfer.tensor_type import DTYPES

SIDE, CHANNELS = 224, 3  # of the images that most networks are made for
COLOURS = (1, 3, 4)  # channels that the images of a network have


class InputSizes:
    """The declared and the nominal shape of each input, None for a size that is free.

    A free size is what the caller says ("" is the first input); else 1, but for images 3 channels of 224x224 pixels.
    Sizes of one name are equal.  Raises InputError for shapes that the inputs can't have, UnsupportedOpError for inputs
    without a shape.
    """

    def __init__(self, model: OnnxModel, given: Mapping[str, Shape], where: str) -> None:
        arrays = model.graph.initializers  # files of IR version 3 list them among the inputs
        self.inputs = [info for info in model.graph.inputs if info.name not in arrays]
        names = [info.name for info in self.inputs]
        given = {name or names[0]: shape for name, shape in given.items()} if names else {}
        self._where, self._given = where, given
        self._named: dict[str, int] = {}
        for name in given:
            if name not in names:
                raise InputError(f"{where}: input {name!r}: expected one of {', '.join(map(repr, names[:20]))}")
        for info in self.inputs:
            self._check(info)
            if info.name in given:
                self._remember(info, tuple(given[info.name]))
        for info in self.inputs:
            if info.name not in given:
                self._remember(info, _usual(info.shape or ()))
        self._guessed = [info for info in self.inputs if info.name not in given and None in self.of(info)[0]]

    def of(self, info: ValueInfo) -> tuple[tuple[int | None, ...], Shape]:
        """The shape as the file has it, and as it is where nothing else is said."""
        declared = info.shape or ()
        own = self._given.get(info.name) or _usual(declared)
        sizes = zip(declared, own, strict=True)
        nominal = tuple(self._named.get(s, n) if isinstance(s, str) else n if s is None else s for s, n in sizes)
        return tuple(size if isinstance(size, int) else None for size in declared), nominal

    @property
    def hint(self) -> str:
        """What to add to an error where other sizes might have fitted."""
        if not self._guessed:
            return ""
        taken = ", ".join(f"{i.name[:80]!r} as {'x'.join(map(str, self.of(i)[1]))}" for i in self._guessed[:3])
        return f"; its file leaves sizes free, so it was taken {taken}: say what fits by input_shapes, or --input"

    def _remember(self, info: ValueInfo, shape: Shape) -> None:
        for size, usual in zip(info.shape or (), shape, strict=True):
            if isinstance(size, str):
                self._named.setdefault(size, usual)

    def _check(self, info: ValueInfo) -> None:
        at = f"{self._where}: input {info.name[:80]!r}"
        if info.shape is None:
            raise UnsupportedOpError(f"{at}: expected a shape, found none")
        if info.dtype not in DTYPES:
            raise UnsupportedOpError(f"{at}: expected elements of {', '.join(DTYPES)}, found {info.dtype}")
        given = self._given.get(info.name)
        if given is None:
            return
        fits = len(given) == len(info.shape) and all(
            size >= 1 and (size == declared or not isinstance(declared, int))
            for size, declared in zip(given, info.shape, strict=True)
        )
        if not fits:
            wanted = "x".join(str(size or "?") for size in info.shape)
            raise InputError(f"{at}: expected shape {wanted}, found {'x'.join(map(str, given))}")


def _usual(declared: tuple[int | str | None, ...]) -> Shape:
    """What free sizes are: images may have their channels first or, where a file says so, last."""
    if len(declared) != 4:
        usual: Shape = (1,) * len(declared)
    elif declared[3] in COLOURS and declared[1] not in COLOURS:
        usual = (1, SIDE, SIDE, CHANNELS)
    else:
        usual = (1, CHANNELS, SIDE, SIDE)
    return tuple(size if isinstance(size, int) else own for size, own in zip(declared, usual, strict=True))
