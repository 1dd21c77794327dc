"""All steps from a model to its decomposed form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from tinyinfer.changed_model import changed, like
from tinyinfer.decomposition.refit import refit
from tinyinfer.decomposition.report import LowRankReport, LowRankRow
from tinyinfer.decomposition.timing import Stopwatch, Timed
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.passes import simplify
from tinyinfer.passes.portable.low_rank.choose import Choice, by_energy, by_mult_adds, enough, hull
from tinyinfer.passes.portable.low_rank.forms import Candidate, Form, candidates, network_macs
from tinyinfer.passes.portable.low_rank.low_rank import MULTIPLE, check_settings
from tinyinfer.passes.portable.low_rank.rewrite import decompose
from tinyinfer.quantization.post_training import Samples

Progress = Callable[[str, int, int], None]
Trial = Mapping[Form | None, Timed]  # of a layer's forms; of the layer itself under None


@dataclass(frozen=True)
class Settings:
    """How a network is decomposed: as `tinyinfer.passes.low_rank` says, and whether only what is ``measured`` faster.

    Raises InputError for shares that are none, and unless there is one of the two.
    """

    energy: float | None = None
    mult_adds: float | None = None
    measured: bool = False
    multiple: int = MULTIPLE
    keep: Sequence[str] = ()

    def __post_init__(self) -> None:
        check_settings(self.energy, self.mult_adds, self.multiple)

    def worth_timing(self, candidate: Candidate) -> list[Form]:
        """The forms of a layer that may be chosen."""
        return hull(candidate) if self.energy is None else enough(candidate, self.energy)

    def choose(self, found: Sequence[Candidate], total: int, trials: Mapping[str, Trial]) -> Choice:
        """A form for each layer that is to have one; ``trials`` are empty unless times were measured."""
        if self.mult_adds is not None:
            return by_mult_adds(found, total, self.mult_adds)
        assert self.energy is not None
        times = {form: timed.ms for trial in trials.values() for form, timed in trial.items()}
        return by_energy(found, self.energy, times.__getitem__ if times else None)


@dataclass(frozen=True)
class Decomposed:
    """What comes out: the decomposed ``model``, and a report with a row for each layer that might have been."""

    model: Model
    report: LowRankReport


def decompose_model(
    model: Model, settings: Settings, samples: Samples | None = None, progress: Progress | None = None
) -> Decomposed:
    """Decompose a model's layers as the settings ask for.

    Where time is to be measured, a form has to be faster on this machine, with the model's threads, than the layer is
    in the model's plan, and of those that keep enough energy the fastest is taken.  With ``samples``, decomposed layers
    are fitted to what the model computes on them (`refit`).  ``progress`` is told what is being done, how much of it,
    and of how much.

    Raises what `tinyinfer.passes.low_rank` raises, and InputError where time is asked for of a model that runs on the
    reference.
    """
    graph = simplify(model.graph)
    found = candidates(graph, settings.multiple, settings.keep)
    total = network_macs(graph)
    trials = _timed(model, graph, found, settings, progress) if settings.measured else {}
    allowed = [_faster(one, trials[one.node.name]) for one in found] if settings.measured else found
    choice = settings.choose(allowed, total, trials)
    made = decompose(graph, choice)
    if samples is not None:
        tell = partial(progress, "layers fitted") if progress else None
        made = refit(like(model, graph), made, [*choice], samples, tell)
    made.verify()
    rows = [_row(one, choice.get(one.node.name), trials.get(one.node.name, {})) for one in found]
    report = LowRankReport(model.name, tuple(rows), total, network_macs(made), _of_groups(graph))
    return Decomposed(changed(model, made, low_rank=_described(settings, samples)), report)


def _timed(
    model: Model, graph: Graph, found: Sequence[Candidate], settings: Settings, progress: Progress | None
) -> dict[str, Trial]:
    stopwatch = Stopwatch(graph, model.options)
    trials: dict[str, Trial] = {}
    for done, candidate in enumerate(found):
        if progress:
            progress("layers timed", done, len(found))
        forms = settings.worth_timing(candidate)
        times = stopwatch.times(candidate, forms)
        trials[candidate.node.name] = dict(zip([None, *forms], times, strict=True))
    return trials


def _faster(candidate: Candidate, trial: Trial) -> Candidate:
    """The candidate with those forms alone that were."""
    return replace(
        candidate, forms=[form for form in candidate.forms if form in trial and trial[form].beats(trial[None])]
    )


def _row(candidate: Candidate, chosen: Form | None, trial: Trial) -> LowRankRow:
    """What became of a layer; where its forms were too slow, the fastest is shown."""
    tried = [form for form in trial if form is not None]
    shown = chosen or min(tried, key=lambda form: trial[form].ms, default=None)
    before, after = trial.get(None), trial.get(shown) if shown else None
    return LowRankRow(
        name=candidate.node.name,
        made=chosen is not None,
        form=shown.name if shown else "",
        ranks=shown.ranks if shown else (),
        error=shown.error if shown else None,
        macs=candidate.macs,
        macs_after=shown.macs if shown else None,
        kernel=before.kernels if before else "",
        kernel_after=after.kernels if after else "",
        ms=before.ms if before else None,
        ms_after=after.ms if after else None,
        faster=after.beats(before) if after and before else None,
    )


def _of_groups(graph: Graph) -> int:
    return sum(isinstance(node.op, Conv2d) and node.op.groups > 1 for node in graph.nodes)


def _described(settings: Settings, samples: Samples | None) -> dict[str, Any]:
    fitted = 0 if samples is None else len(samples)
    return {**asdict(settings), "keep": list(settings.keep), "samples": fitted}
