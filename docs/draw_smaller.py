"""Measure what each way to a smaller network costs and gains; write the tables of docs/smaller.md.

    python docs/draw_smaller.py DATASET             (from the repository's root, on an otherwise idle machine)
    python docs/draw_smaller.py DATASET slimming    (one section)

DATASET holds the labelled test pictures of CIFAR-10, as `tinyinfer eval` takes them.  Every section is a function below
that returns its table, and has a pair of marks in the page.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from marked import write_section

import tinyinfer as ti
from tinyinfer import passes
from tinyinfer.changed_model import changed
from tinyinfer.decomposition import Settings, decompose_model
from tinyinfer.evaluation import datasets
from tinyinfer.evaluation.accuracy import evaluate
from tinyinfer.evaluation.datasets import Dataset
from tinyinfer.loading import resolve
from tinyinfer.passes.portable.slimming.scores import SCORES
from tinyinfer.quantization import Pictures
from tinyinfer.runtime.inputs import random_inputs
from tinyinfer.tasks import class_count
from tinyinfer.vision.preprocess import Preprocess

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER / "smaller.md"
NETWORKS = sorted((FOLDER.parent / "weights").glob("*.npz"))  # those that the project has trained
# of those, the ones of the tables without training
SHOWN = ("densenet_cifar10", "mobilenet_v1_cifar10", "mobilenet_v2_cifar10", "squeezenet_cifar10")
ROUNDS = 300  # of timed calls, the networks taking turns
FITTED = 300  # pictures that decomposed layers are fitted to
Figures = dict[str, float]  # mult-adds, parameters, milliseconds and shares of one network, by name


def slimming(source: str) -> str:
    """The networks at several ratios, before anything is trained anew."""
    heads = ["network", "cut", "mult-adds, M", "parameters, k", "time, ms", "saved", "top-1"]
    lines = table(heads)
    for name, model in [*shipped(), *pulled("resnet20")]:
        slimmed = {}
        for ratio, score in itertools.product((0.3, 0.5), SCORES):
            with contextlib.suppress(ti.UnsupportedOpError):  # norms say nothing where there are none
                slimmed[f"{ratio:.0%} by {score}"] = changed(model, passes.slim(model.graph, ratio, score=score))
        lines += rows(name, model, slimmed, dataset_of(source, model))
    return "\n".join(lines) + "\n"


def low_rank(source: str) -> str:
    """The networks at half their mult-adds, by their weights alone and fitted to pictures, and where it is faster.

    The first pictures are those that layers are fitted to, the others measure.
    """
    heads = ["network", "form", "mult-adds, M", "parameters, k", "time, ms", "saved", "top-1"]
    lines = table(heads)
    for name, model in [*shipped(), *pulled("resnet20")]:
        data = dataset_of(source, model)
        unseen = replace(data, samples=data.samples[FITTED:])
        pictures = Pictures(data.samples[:FITTED], Preprocess.from_meta(model.preprocess))
        half, less = (Settings(mult_adds=share, multiple=8) for share in (0.5, 0.75))
        forms = {
            "half, weights alone": decompose_model(model, half),
            "half, fitted": decompose_model(model, half, pictures),
            "three quarters, fitted": decompose_model(model, less, pictures),
        }
        with contextlib.suppress(ti.InputError):  # where too little is faster
            faster = replace(half, measured=True)
            forms["half, of what is faster, fitted"] = decompose_model(model, faster, pictures)
        lines += rows(name, model, {form: made.model for form, made in forms.items()}, unseen)
    return "\n".join(lines) + "\n"


SECTIONS: dict[str, Callable[[str], str]] = {"slimming": slimming, "low-rank": low_rank}


def shipped() -> Iterator[tuple[str, ti.Model]]:
    """Some of the networks that the project has trained, with one thread."""
    yield from ((path.stem, ti.load(path, threads=1)) for path in NETWORKS if path.stem in SHOWN)


def pulled(*names: str) -> Iterator[tuple[str, ti.Model]]:
    """Those of these networks whose public weights are here."""
    yield from ((name, ti.load(name, threads=1)) for name in names if resolve(name) is not None)


def rows(name: str, before: ti.Model, after: dict[str, ti.Model], data: Dataset) -> Iterator[str]:
    """A line for the network as it was and one for each smaller form: what it takes, and what it still knows."""
    return lines_of(name, measured(before, after, data))


def measured(before: ti.Model, after: dict[str, ti.Model], data: Dataset) -> dict[str, Figures]:
    """What the network as it was, whose title is empty, and each smaller form take, and what they still know."""
    models = {"": before, **after}
    found = {}
    for (title, model), ms in zip(models.items(), milliseconds(list(models.values())), strict=True):
        cost, top1 = model.cost(), evaluate(model, data).top1
        found[title] = {"macs": cost.macs, "params": cost.params, "ms": round(ms, 4), "top1": round(top1, 4)}
    return found


def lines_of(name: str, found: Mapping[str, Figures], *more: str) -> Iterator[str]:
    """The lines of a network in a table; ``more`` are shares that have a column of their own, empty where unknown."""
    whole = found[""]
    for title, it in found.items():
        less = 1 - it["macs"] / whole["macs"]
        saved = f"{(1 - it['ms'] / whole['ms']) / less:.2f}" if less else ""
        figures = f"{it['macs'] / 1e6:.2f} | {it['params'] / 1e3:.0f} | {it['ms']:.3f} | {saved} | {it['top1']:.2%}"
        last = "".join(f" {it[key]:.2%} |" if key in it else "  |" for key in more)
        yield f"| {name} | {title} | {figures} |{last}"


def table(heads: list[str]) -> list[str]:
    """The first two lines of a table: two columns of names, the rest of figures."""
    return [f"| {' | '.join(heads)} |", f"| --- | --- |{' ---: |' * (len(heads) - 2)}"]


def dataset_of(source: str, model: ti.Model) -> Dataset:
    """The pictures, labelled as the model does."""
    return datasets.read(source, model.meta.get("labels"), class_count(model.meta, model.outputs))


def milliseconds(models: list[ti.Model]) -> list[float]:
    """Median time of a call of each, all taking turns."""
    inputs = [random_inputs(model.graph, model.graph.input_shapes()) for model in models]
    times: list[list[float]] = [[] for _ in models]
    for at in range(-3, ROUNDS):
        for model, x, found in zip(models, inputs, times, strict=True):
            start = time.perf_counter()
            model.run(x)
            if at >= 0:
                found.append(time.perf_counter() - start)
    return [float(np.median(found)) * 1e3 for found in times]


def main() -> None:
    """Measure, and write into the page."""
    source, *names = sys.argv[1:]
    for name in names or SECTIONS:
        write_section(PAGE, name, SECTIONS[name](source))


if __name__ == "__main__":
    main()
