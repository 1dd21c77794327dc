"""One engine, one network, one call in a process of its own: how much memory that takes.

Run as a program (`python footprint.py ENGINE FILE INPUTS.npz THREADS [KERNELS]`), since a process seldom gives memory
back and no other engine may be in it.  It prints the peaks of resident memory before the network comes and after its
first call, in MiB.  Before it stands what every network needs: the import of a peer; with us Numba, and a kernel that
has run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])  # in place of this folder, which Python put there

import numpy as np

from tinyinfer.bench.peers import FROM_ONNX, Inputs, package

OURS = "tinyinfer"
MIB = 1 << 20

Infer = Callable[[str, Inputs, int], object]


def peak_mib() -> float:
    """The largest resident memory that this process has had."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage begins, on Linux, with the peak of the process that started this one
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


def ours(kernels: str | None) -> Infer:
    """This package, once a kernel has run."""
    from tinyinfer.kernels.base import FeatureMap
    from tinyinfer.kernels.movement.borders import bind_to_images, fixed_address

    pixel = FeatureMap.place(np.empty(3, np.float32), (1, 3, 1, 1), 3)
    bind_to_images(1, fixed_address(np.ones(3, np.float32)), pixel)()

    def infer(file: str, inputs: Inputs, threads: int) -> object:
        from tinyinfer.loading import load

        model = load(file, threads, kernels)
        return model, model.run(inputs)

    return infer


def peer(name: str) -> Infer:
    """Another engine, once it is imported."""
    package(name)

    def infer(file: str, inputs: Inputs, threads: int) -> object:
        run = FROM_ONNX[name](Path(file), inputs, threads)
        return run, run()

    return infer


def main(engine: str, file: str, inputs: str, threads: str, kernels: str | None = None) -> None:
    """Measure and print."""
    with np.load(inputs) as archive:
        arrays = dict(archive)
    infer = ours(kernels) if engine == OURS else peer(engine)
    before = peak_mib()
    kept = infer(file, arrays, int(threads))
    print(before, peak_mib())
    del kept


if __name__ == "__main__":
    main(*sys.argv[1:])
