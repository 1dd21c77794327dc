"""How a model is to be run: threads, forced kernels, and what is fused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tinyinfer.errors import InputError
from tinyinfer.passes.pipeline import Fuse
from tinyinfer.runtime.cores import available_cores


@dataclass(frozen=True)
class Options:
    """``threads`` per call; ``kernels`` is None, "reference" or a map of operator or node names to kernel names.

    ``fuse`` is what becomes one step of several nodes: as much as the kernels can (True), the activation and the
    addition behind a layer ("endings"), or nothing (False).
    """

    threads: int = 1
    kernels: Mapping[str, str] | str | None = None
    fuse: Fuse = True


def make_options(
    threads: int | None = None, kernels: Mapping[str, str] | str | None = None, fuse: Fuse = True
) -> Options:
    """Options from what a caller wrote; ``kernels`` may be "conv2d=im2col,...".

    ``threads`` None takes all cores that this process may use, less what a container's quota forbids.

    Raises InputError for a thread count below one, for a kernel that is not written as name=kernel, and for another
    ``fuse`` than True, False and "endings".
    """
    if not (isinstance(fuse, bool) or fuse == "endings"):
        raise InputError(f"fuse: expected True, False or 'endings', found {fuse!r}")
    if threads is None:
        threads = available_cores()
    if not isinstance(threads, int) or threads < 1:
        raise InputError(f"threads: expected an integer of at least 1, found {threads!r}")
    if kernels == "reference":
        return Options(1, kernels, fuse)  # NumPy has threads of its own
    if isinstance(kernels, str):
        pairs = [part.partition("=") for part in kernels.split(",")]
        if not all(name and sign and kernel for name, sign, kernel in pairs):
            raise InputError(f"kernels: expected 'reference' or 'conv2d=im2col,...', found {kernels!r}")
        kernels = {name.strip(): kernel.strip() for name, _, kernel in pairs}
    return Options(threads, dict(kernels) if kernels else None, fuse)
