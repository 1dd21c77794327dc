"""Every exception the package raises on purpose; each knows the exit code of the command line."""

from __future__ import annotations


class TinyInferError(Exception):
    """Base of all errors of the package; its text says what was wrong, where, what was expected and found."""

    exit_code = 1


class ModelFormatError(TinyInferError):
    """A model file is damaged, truncated, hostile or of another format."""

    exit_code = 3


class UnsupportedOpError(TinyInferError):
    """A well-formed file asks for an operator, version or feature that tinyinfer does not have."""

    exit_code = 5


class GraphError(TinyInferError):
    """A network is not well formed: a cycle, an undefined value, shapes that do not fit."""

    exit_code = 3


class WeightsError(TinyInferError):
    """Weights are missing, unexpected, of the wrong shape or not finite."""

    exit_code = 3


class InputError(TinyInferError):
    """An array, option or file handed to a model does not fit it."""

    exit_code = 4


class ImageError(InputError):
    """An image file can't be decoded, is of an unaccepted format, or exceeds a limit."""


class SetupError(TinyInferError):
    """Numba, its settings or the processor do not let kernels be compiled here."""

    exit_code = 5


class DownloadError(TinyInferError):
    """A download failed, or what arrived is not what was asked for."""

    exit_code = 3
