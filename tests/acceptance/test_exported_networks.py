"""What torch exports of a public network runs as ours of that name does: the same outputs, in no more steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from public_networks import LIBRARIES, perturb, torch

import tinyinfer as ti
from tinyinfer.kernels.codegen import amx
from tinyinfer.runtime.plan import Plan
from tinyinfer.tasks import DETECT

ort = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
Dim = torch.export.Dim

pytestmark = pytest.mark.exhaustive

EXPORTED = ("torchvision", "timm")
FEW = 1000  # elements
TOLERANCE = 1e-3  # of the output's standard deviation, where ONNX Runtime is nearer to float64 than that
WORSE = 50 if amx.available() else 4  # times ONNX Runtime's error: products on tiles err by 4e-6, others as its own
CHAOTIC = 0.01  # deviations: what float32 computes of such a network with random weights says nothing
FREE = {0: "n", 2: "h", 3: "w"}


def smallest_of_each_family() -> Iterator[object]:
    """Library and name of the networks to export, or why there are none."""
    if problems := [problem for name in EXPORTED if (problem := LIBRARIES[name].problem())]:
        yield pytest.param("", "", marks=pytest.mark.skip(reason=problems[0]))
        return
    known = {library: LIBRARIES[library].names() for library in EXPORTED}
    for family in ti.models.families().values():
        found = [
            (variant.macs or 0, library, name)
            for variant in family.variants
            for name in (variant.name, *variant.aliases)
            for library in EXPORTED
            if name in known[library] and family.task != DETECT
        ]
        if found:
            _, library, name = min(found)
            yield pytest.param(library, name)


class Answer(torch.nn.Module):  # type: ignore[misc]
    """A network that gives one tensor."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Any) -> Any:
        y = self.network(x)
        return y["out"] if isinstance(y, dict) else y


def traced(network: Any, x: Any, path: Path, free: bool) -> None:
    """torch's exporter from traces."""
    torch.onnx.export(
        network, (x,), path, dynamo=False, opset_version=17, input_names=["x"], dynamic_axes={"x": FREE} if free else {}
    )


def programmed(network: Any, x: Any, path: Path, free: bool) -> None:
    """torch's exporter from exported programs, for which the size 1 is never free."""
    pytest.importorskip("onnxscript")
    shapes = (dict.fromkeys(FREE, Dim.DYNAMIC),) if free else None
    x = torch.cat([x, x]) if free else x
    torch.onnx.export(network, (x,), path, dynamo=True, dynamic_shapes=shapes, external_data=False, verbose=False)


def steps_with_pixels(plan: Plan) -> int:
    """Steps but for those that compute a few numbers, as sizes."""
    return sum(max((t.size for t in step.output_types), default=0) > FEW for step in plan.steps)


def error_of(y: np.ndarray, expected: np.ndarray) -> float:
    """The largest error, in standard deviations of what is expected."""
    return float(np.abs(y - expected).max() / expected.std())


@pytest.mark.parametrize("free", [False, True], ids=["fixed", "free"])
@pytest.mark.parametrize("export", [traced, programmed])
@pytest.mark.parametrize(("library", "name"), list(smallest_of_each_family()))
def test_an_export_is_our_network(library: str, name: str, export: Any, free: bool, tmp_path: Path) -> None:
    own = ti.load(name, threads=1).plan()
    shape = own.types[own.graph.inputs[0].name].shape
    torch.manual_seed(0)
    network, path = LIBRARIES[library].build(name), tmp_path / "network.onnx"
    perturb(network, torch.randn(2, *shape[1:]))
    network = Answer(network).eval()
    try:
        export(network, torch.randn(1, *shape[1:]), path, free)
    except torch.onnx.OnnxExporterError as error:
        pytest.skip(f"not exported: {str(error)[:200]}")
    model, session = ti.load(path, threads=1), ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = model.graph.inputs
    assert steps_with_pixels(model.plan({given.name: shape})) <= steps_with_pixels(own)
    larger = (
        2,
        3,
        *(size + 32 if side is None else size for size, side in zip(shape[2:], given.shape[2:], strict=True)),
    )
    for size in (shape, larger) if free else (shape,):
        x = torch.randn(size)
        (theirs,) = session.run(None, {given.name: x.numpy()})
        with torch.inference_mode():
            exact = network.double()(x.double()).numpy()
        network.float()
        if (error := error_of(theirs, exact)) < CHAOTIC:
            assert error_of(model(x.numpy()), exact) <= max(TOLERANCE, WORSE * error)
