"""The network of a file, checked, with what there is to say of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from tinyinfer.errors import GraphError, TinyInferError
from tinyinfer.formats.importing.free_sizes import with_free_sizes
from tinyinfer.graph import Graph

Build = Callable[[Collection[str]], tuple[Graph, list[str]]]  # sizes to fix to a graph and an importer's notes


def verified(build: Build, where: str, allow_nonfinite: bool = False, hint: str = "") -> tuple[Graph, dict[str, Any]]:
    """What ``build`` makes with as many free sizes as possible, and its notes as metadata, if there are any.

    Errors say ``where``, and those of sizes that do not fit end in ``hint``.
    """
    try:
        with np.errstate(all="ignore"):  # a file may have any numbers; `verify` finds what has become of them
            (graph, notes), fixed = with_free_sizes(build)
        graph.verify(allow_nonfinite)
    except TinyInferError as error:
        text = str(error) if str(error).startswith(where) else f"{where}: {error}"
        raise type(error)(text + hint if isinstance(error, GraphError) else text) from None
    return graph, {"notes": [*fixed, *notes]} if fixed or notes else {}
