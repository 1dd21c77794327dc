"""All steps from a model to its quantised form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Protocol

from tinyinfer.calibration import Calibration
from tinyinfer.changed_model import changed, like
from tinyinfer.model import Model
from tinyinfer.passes.portable.quantize.equalize import equalize
from tinyinfer.passes.portable.quantize.prepare import prepare
from tinyinfer.passes.portable.quantize.select import select
from tinyinfer.quantization.bias_correction import PICTURES, correct_bias
from tinyinfer.quantization.calibrate import Sample, calibrate
from tinyinfer.quantization.sensitivity import SENSITIVITY_PICTURES, Sensitivity, sensitivity
from tinyinfer.quantization.settings import Settings

Progress = Callable[[str, int, int], None]


class Samples(Protocol):
    """Inputs that can be walked over more than once, such as `Pictures`."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Sample]: ...

    def first(self, count: int) -> Samples:
        """The first few of them."""
        ...


@dataclass(frozen=True)
class Quantized:
    """What comes out: the quantised ``model``, the float one that it was made from, and its calibration.

    With ``keep_sensitive`` there is a report of what each node costs, which says what stays real numbers for that.
    """

    model: Model
    original: Model
    calibration: Calibration
    sensitivity: Sensitivity | None = None


def quantize_model(
    model: Model, samples: Samples, settings: Settings | None = None, progress: Progress | None = None
) -> Quantized:
    """Calibrate a model on samples and quantise it, with all that the settings ask for.

    ``progress`` is told what is being done, how much of it, and of how much.  Raises InputError for settings and
    samples that do not fit, ImageError for a picture that can't be read, GraphError for a model that is quantised
    already.
    """
    settings, tell = settings or Settings(), progress or (lambda stage, done, total: None)
    graph = equalize(model.graph) if settings.equalize else prepare(model.graph)
    select(graph, graph.infer_types(), settings.keep)  # what fits nothing is said before anything is run
    original = like(model, graph)
    calibration = calibrate(original, samples, lambda done: tell("calibration pictures", done, len(samples)))
    report = None
    if settings.keep_sensitive is not None:
        seen = samples.first(SENSITIVITY_PICTURES)
        report = sensitivity(original, calibration, seen, settings, partial(tell, "nodes alone"))
        settings = replace(settings, keep=(*settings.keep, *report.kept))
    quantized = settings.quantize(graph, calibration)
    if settings.bias_correction:
        quantized = correct_bias(original, quantized, samples.first(PICTURES), partial(tell, "layers corrected"))
    quantized.verify()
    result = changed(model, quantized, quantization=described(settings, calibration))
    return Quantized(result, original, calibration, report)


def described(settings: Settings, calibration: Calibration) -> dict[str, Any]:
    """What the metadata say of quantisation."""
    return {"dtype": "int8", **asdict(settings), "keep": list(settings.keep), "samples": calibration.samples}
