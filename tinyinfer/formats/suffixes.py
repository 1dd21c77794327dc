"""The kinds of files that hold networks or weights: how their names end, and what reads them."""

from __future__ import annotations

from dataclasses import dataclass

MODEL = ".npz"


@dataclass(frozen=True)
class Format:
    """A kind of file.

    ``reader`` is the module that reads it, imported when the first such file is.  Those that hold ``network``s have
    ``load(path, input_shapes, limits)``; the others hold weights alone and have ``read_checkpoint(path)``.
    """

    name: str
    suffixes: tuple[str, ...]
    reader: str
    network: bool = True


NPZ = Format("npz", (MODEL,), "tinyinfer.formats.npz.model_file")
ONNX = Format("ONNX", (".onnx",), "tinyinfer.formats.onnx.load")
TFLITE = Format("TFLite", (".tflite", ".lite"), "tinyinfer.formats.tflite.load")
NCNN = Format("ncnn", (".param",), "tinyinfer.formats.ncnn.load")
SAFETENSORS = Format(
    "safetensors", (".safetensors", ".safetensors.index.json"), "tinyinfer.formats.safetensors.checkpoint", False
)
TORCH = Format(
    "torch checkpoint", (".pth", ".pt", ".th", ".tar", ".ckpt", ".pkl"), "tinyinfer.formats.torch.checkpoint", False
)

FORMATS = (NPZ, ONNX, TFLITE, NCNN, SAFETENSORS, TORCH)
LOADABLE = (NPZ, ONNX, TFLITE, NCNN, SAFETENSORS)  # what may be called a model without more being said

READABLE = ", ".join(found.suffixes[0] for found in LOADABLE)  # for messages


def by_name(name: str) -> Format | None:
    """The format that a file's name claims, in whatever case; None for other names."""
    return next((found for found in FORMATS if name.lower().endswith(found.suffixes)), None)
