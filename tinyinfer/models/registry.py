"""All families by name: which networks there are, and building one."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from tinyinfer.errors import UnsupportedOpError
from tinyinfer.graph import Graph
from tinyinfer.initialize import initialize
from tinyinfer.labels import label_sets
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.tasks import CLASSIFY, DETECT, SEGMENT

if TYPE_CHECKING:
    from tinyinfer.model import Model

# files of the zoo; each lists its own in FAMILIES
_MODULES = (
    "alexnet",
    "amoebanet",
    "asymmnet",
    "bn_inception",
    "clcnet",
    "condensenet",
    "convnext",
    "darts",
    "deep_roots",
    "densenet",
    "efficientnet",
    "efficientnet_v2",
    "encnet",
    "flgc",
    "fractalnet",
    "ghostnet",
    "googlenet",
    "gunn",
    "igcnet",
    "igcv3",
    "inception_resnet_v2",
    "inception_v3",
    "inception_v4",
    "lraspp",
    "mnasnet",
    "mobile_nas",
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v3",
    "mobilenet_v4",
    "mobileone",
    "nasnet",
    "pnasnet",
    "polynet",
    "raspp",
    "repvgg",
    "resnet",
    "resnet9",
    "resnet_cifar",
    "rexnet",
    "seresnet",
    "shiftnet",
    "shufflenet_v1",
    "shufflenet_v2",
    "shufflenet_v2_large",
    "shufflenet_v2_plus",
    "squeezenet",
    "squeezenext",
    "ssdlite",
    "tinynet",
    "upsampler",
    "vgg",
    "xception",
)


@cache
def families() -> dict[str, Family]:
    """Every family by name."""
    modules = (importlib.import_module(f"tinyinfer.models.zoo.{module}") for module in _MODULES)
    return {family.name: family for module in modules for family in module.FAMILIES}


@cache
def _index() -> dict[str, tuple[Family, Variant]]:
    """Family and variant by every name and alias."""
    return {
        name: (family, variant)
        for family in families().values()
        for variant in family.variants
        for name in (variant.name, *variant.aliases)
    }


def names(family: str | None = None) -> list[str]:
    """Names of all networks, or of one family's.  Raises UnsupportedOpError for an unknown family."""
    if family is None:
        return [variant.name for f in families().values() for variant in f.variants]
    if family not in families():
        raise UnsupportedOpError(_unknown("family", family, families()))
    return [variant.name for variant in families()[family].variants]


def find(name: str) -> tuple[Family, Variant]:
    """The family and variant of a name or alias.

    "timm_" may stand in front, a layout of the network's keys behind ("repvgg_b0_official").  Raises
    UnsupportedOpError with near names.
    """
    name = name if name in _index() else name.removeprefix("timm_")
    found = _index().get(name) or _of_layout(*name.rpartition("_")[::2])
    if found is None:
        raise UnsupportedOpError(_unknown("network", name, _index()))
    return found


def _of_layout(name: str, layout: str) -> tuple[Family, Variant] | None:
    """The network of this name, if checkpoints with this layout are known."""
    family, variant = _index().get(name, (None, None))
    if family is None or variant is None or layout not in family.layouts(**family.resolve(variant, {})):
        return None
    return family, variant


def _unknown(what: str, name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=4, cutoff=0.5)
    return f"{what} {name!r} is not known" + (f"; near: {', '.join(near)}" if near else "")


def build(name: str, **knobs: Any) -> Graph:
    """The network with placeholder weights.  Raises UnsupportedOpError (name) or InputError (knobs)."""
    family, variant = find(name)
    return family.make(variant, knobs)[0]


def key_layouts(name: str, **knobs: Any) -> dict[str, Layout]:
    """Layouts of the network's public checkpoints by name; the canonical one's key map is empty."""
    family, variant = find(name)
    return {"canonical": Layout(), **family.layouts(**family.resolve(variant, knobs))}


def describe(name: str, **knobs: Any) -> dict[str, Any]:
    """The metadata of a network: arch, family, paper, year, knobs, preprocess and, if the count fits, labels."""
    family, variant = find(name)
    graph, resolved = family.make(variant, knobs)
    return metadata(family, variant, graph, resolved)


def create(name: str, num_classes: int | None = None, seed: int = 0, **knobs: Any) -> Model:
    """A network with seeded random weights; ``num_classes`` is the variant's own (mostly 1000) unless given.

    Raises UnsupportedOpError for an unknown name, with near ones, and InputError for unknown or unfit knobs.
    """
    from tinyinfer.model import Model

    return Model(*make(name, num_classes, seed, **knobs))


def make(name: str, num_classes: int | None = None, seed: int = 0, **knobs: Any) -> tuple[Graph, dict[str, Any]]:
    """Graph and metadata of what `create` gives."""
    family, variant = find(name)
    if num_classes is not None:
        knobs["num_classes"] = num_classes
    graph, resolved = family.make(variant, knobs)
    return initialize(graph, seed), metadata(family, variant, graph, resolved)


def metadata(family: Family, variant: Variant, graph: Graph, knobs: Mapping[str, Any]) -> dict[str, Any]:
    """What `describe` gives, of a network that is built already with these knobs, all of them."""
    size = graph.inputs[0].nominal[-1]
    classes = label_sets.fitting(variant.labels or family.labels, knobs.get("num_classes"))
    meta: dict[str, Any] = {
        "name": variant.name,
        "arch": variant.name,
        "family": family.name,
        "paper": family.paper,
        "year": family.year,
        "knobs": {name: value for name, value in knobs.items() if value != family.knobs[name]},
        "preprocess": {
            **_frame(family.task, size),
            "interpolation": "bilinear",
            "channels": "rgb",
            "scale": 1 / 255,
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
            **family.preprocess,
        },
    }
    if family.task != CLASSIFY:
        meta["task"] = family.task
    if classes:
        meta["labels"] = list(classes)
    return {**meta, **family.metadata(**knobs)}


def _frame(task: str, size: int) -> dict[str, Any]:
    """What of a picture is seen: the customary crop to label it, all of it where places matter."""
    if task == SEGMENT:
        return {"resize": size}
    if task == DETECT:
        return {"resize": [size, size]}  # anchors are shares of a square
    # the customary crop takes 7/8 of the short side; tiny pictures are taken whole
    return {"resize": size if size <= 64 else round(size * 8 / 7), "crop": size}
