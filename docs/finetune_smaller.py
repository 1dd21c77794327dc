"""Make the shipped networks smaller, train what is left, and write the table of docs/smaller.md.

    python docs/finetune_smaller.py                        (from the repository's root; only draws)
    python docs/finetune_smaller.py DATA WORK              (trains, which needs torch, and measures before)
    python docs/finetune_smaller.py DATA WORK NETWORK...   (these only)

What was measured is kept in weights/smaller.json, which lesson 13 reads too.  DATA is a folder of packed pictures, as
`python -m tinyinfer.training` takes it.  WORK keeps networks and checkpoints: what is there already is not made again,
so that a run that was stopped goes on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from draw_smaller import FITTED, NETWORKS, PAGE, Figures, dataset_of, lines_of, measured, table
from marked import write_section

import tinyinfer as ti
from tinyinfer import passes
from tinyinfer.changed_model import changed
from tinyinfer.decomposition import Settings, decompose_model
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.profiling.machine import cpu_name
from tinyinfer.quantization import Pictures
from tinyinfer.vision.preprocess import Preprocess

MEASURED = NETWORKS[0].with_name("smaller.json")
EPOCHS = 6
TEACHER = "mobilenet_v2_cifar10"  # the most accurate of the shipped networks
RATE, LOW_RANK_RATE = 0.1, 0.01  # where layers without norms follow each other 0.1 diverges
HEADS = ["network", "form", "mult-adds, M", "parameters, k", "time, ms", "saved", "top-1", "trained"]


def halved(model: ti.Model, data: Path) -> ti.Model:
    """The layers of low rank, at half the mult-adds, fitted to pictures of the training set."""
    known = dataset_of(str(data / "train.npz"), model)
    pictures = Pictures(known.samples[:FITTED], Preprocess.from_meta(model.preprocess))
    return decompose_model(model, Settings(mult_adds=0.5, multiple=8), pictures).model


def slimmed(ratio: float) -> Callable[[ti.Model, Path], ti.Model]:
    """The network without the channels that are worth least."""
    return lambda model, _: changed(model, passes.slim(model.graph, ratio))


FORMS: dict[str, Callable[[ti.Model, Path], ti.Model]] = {
    "30% of channels cut": slimmed(0.3),
    "50% of channels cut": slimmed(0.5),
    "half, of low rank": halved,
}


def made(network: Path, form: str, data: Path, work: Path) -> tuple[Path, Path]:
    """The files of a smaller network and of the same trained, both made if they are not there."""
    name = f"{network.stem}-{form.replace('%', '').replace(',', '').replace(' ', '-')}"
    start, trained = work / f"{name}.npz", work / f"{name}-trained.npz"
    if not start.exists():
        FORMS[form](ti.load(network, threads=1), data).save(start)
    if not trained.exists():
        from tinyinfer.training.__main__ import main as train  # here, since it brings torch

        teacher = network.with_stem(TEACHER)
        files = [data, trained, "--start", start, "--teacher", teacher, "--checkpoint", work / f"{name}.pt"]
        rate = LOW_RANK_RATE if FORMS[form] is halved else RATE
        recipe = ["--epochs", EPOCHS, "--rate", rate, "--augment", "light", "--threads", 1]
        train(list(map(str, [*files, *recipe, *digits(ti.load(network))])))
    return start, trained


def digits(model: ti.Model) -> list[str]:
    """Options for the products of its training: half the digits where all of its layers are dense."""
    groups = [node.op.groups for node in model.graph.nodes if isinstance(node.op, Conv2d)]
    return ["--bf16"] if max(groups) == 1 else []


def figures(network: Path, data: Path, work: Path) -> dict[str, Figures]:
    """What a network and its smaller forms take and know, and what the forms know once they were trained."""
    before, files = ti.load(network, threads=1), {form: made(network, form, data, work) for form in FORMS}
    after = {form: ti.load(start, threads=1) for form, (start, _) in files.items()}
    found = measured(before, after, dataset_of(str(data / "test.npz"), before))
    for form, (_, trained) in files.items():
        found[form]["trained"] = ti.load(trained).meta["accuracy"]["top1"]
    return found


def section() -> str:
    """The table of all that was measured."""
    found = json.loads(MEASURED.read_text(encoding="utf-8"))["networks"]
    lines = [line for name in sorted(found) for line in lines_of(name, found[name], "trained")]
    return "\n".join([*table(HEADS), *lines]) + "\n"


def main() -> None:
    """Train and measure if there are pictures, then write into the page."""
    if len(sys.argv) > 1:
        data, work, *names = sys.argv[1:]
        Path(work).mkdir(parents=True, exist_ok=True)
        chosen = [path for path in NETWORKS if not names or path.stem in names]
        for path in chosen:
            for form in FORMS:
                made(path, form, Path(data), Path(work))
        known = json.loads(MEASURED.read_text(encoding="utf-8"))["networks"]
        known |= {path.stem: figures(path, Path(data), Path(work)) for path in chosen}
        text = json.dumps({"cpu": cpu_name(), "networks": known}, indent=2)
        MEASURED.write_text(text + "\n", encoding="utf-8")
    write_section(PAGE, "trained", section())


if __name__ == "__main__":
    main()
