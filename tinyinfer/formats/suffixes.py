"""File formats by the ends of their names."""

from __future__ import annotations

MODEL = ".npz"
CHECKPOINTS = (".pth", ".pt", ".th", ".tar", ".ckpt", ".pkl")  # to be converted first
UNREADABLE = (".safetensors", ".onnx")
SUFFIXES = (MODEL, *CHECKPOINTS, *UNREADABLE)
