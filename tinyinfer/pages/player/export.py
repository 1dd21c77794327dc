"""The traces of all settings as what JSON can hold; machine.js runs them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.pages.player.chapters import chapters_of
from tinyinfer.pages.player.trace.arrays import arrays_of, memory_of
from tinyinfer.pages.player.trace.convolution import (
    CHANNELS,
    KERNELS,
    LINE,
    SIDE,
    TILE_ROWS,
    Convolution,
    every_convolution,
)
from tinyinfer.pages.player.trace.formulas import Expected, formulas
from tinyinfer.pages.player.trace.program import LETTERS, Chapter, Phase, Template, templates_of
from tinyinfer.pages.player.trace.winograd_matrices import ADDITIONS, MATRICES


def export() -> dict[str, Any]:
    """Sizes, matrices, and by "layout-kernel-stride-groups" what `exported` gives."""
    return {
        "sizes": {"channels": CHANNELS, "kernels": KERNELS, "side": SIDE, "line": LINE, "rows": TILE_ROWS},
        "matrices": {name: matrix.tolist() for name, matrix in MATRICES.items()},
        "additions": ADDITIONS,
        "convolutions": {"-".join(map(str, conv)): exported(conv) for conv in every_convolution()},
    }


def exported(conv: Convolution) -> dict[str, Any]:
    """Arrays, the numbers at the beginning of memory, templates and chapters of one setting."""
    arrays, chapters, expected = arrays_of(conv), chapters_of(conv), formulas(conv)
    templates = templates_of(chapters)
    number = {template: i for i, template in enumerate(templates)}
    memory = memory_of(conv, arrays)
    given = memory[: arrays["weights"].start + arrays["weights"].size]
    return {
        **conv._asdict(),
        "out": conv.out,
        "depth": conv.depth,
        "lanes": conv.lanes,
        "arrays": [[array.name, array.start, array.axes] for array in arrays.values()],
        "memory": len(memory),
        "given": [None if np.isnan(value) else int(value) for value in given],
        "templates": [_template(template) for template in templates],
        "chapters": [_chapter(chapter, number, expected[chapter.name]) for chapter in chapters],
    }


def _template(template: Template) -> list[Any]:
    return [template.kind, [[LETTERS[type(part)], *part] for part in template.instructions]]


def _chapter(chapter: Chapter, number: dict[Template, int], expected: Expected) -> dict[str, Any]:
    return {
        **chapter._asdict(),
        "phases": [_phase(phase, number) for phase in chapter.phases],
        "formulas": {name: list(formula) for name, formula in expected._asdict().items()},
    }


def _phase(phase: Phase, number: dict[Template, int]) -> dict[str, Any]:
    """Runs as [template, count, address, step, address, step ...]."""
    runs = [[number[run.template], run.length, *(n for base in run.bases for n in base)] for run in phase.runs]
    return {"name": phase.name, "when": phase.when, "runs": runs}
