"""What all importers share: whose error it is when a node can't be lowered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.importing.call import Call, FileNode, Lowering
from tinyinfer.formats.importing.importer import Importer
from tinyinfer.formats.importing.lowering import lower_nodes


def lowered(lowering: Lowering, **attributes: Any) -> None:
    importer = Importer()
    values = {"x": importer.input("x", (2, 3), (2, 3))}
    lower_nodes(importer, [FileNode("n", "Op", ("x",), ("y",), attributes)], values, lambda node: lowering, "net")


@pytest.mark.parametrize(
    "misfit",
    [
        lambda call: call.shape()[7],
        lambda call: np.zeros(call.shape()).reshape(5),
        lambda call: np.argmax(np.zeros(call.shape()), axis=4),
        lambda call: 1 // call.attribute("zero"),
        lambda call: np.asarray(2**70, np.int64),
    ],
)
def test_what_a_node_does_not_fit_is_said_of_the_file(misfit: Lowering) -> None:
    with pytest.raises(ModelFormatError, match=r"^net: node 'n' \(Op\): expected attributes and inputs that such"):
        lowered(misfit, zero=0)


def _misspelled(call: Call) -> str:
    return call.aply("relu", call.x)  # type: ignore[attr-defined, no-any-return]


def _called_otherwise(call: Call) -> str:
    return call.apply()  # type: ignore[call-arg]


def _looked_up(call: Call) -> str:
    return {"a": "b"}[call.x]


@pytest.mark.parametrize(
    ("mistake", "error"), [(_misspelled, AttributeError), (_called_otherwise, TypeError), (_looked_up, KeyError)]
)
def test_mistakes_of_our_own_show_as_such(mistake: Lowering, error: type[Exception]) -> None:
    with pytest.raises(error):
        lowered(mistake)
