"""EncNet's encoding layer, which files have as squared distances, a softmax and sums."""

from __future__ import annotations

import numpy as np

from tinyinfer.ops.normalization.encoding import Encoding
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.matching import Match
from tinyinfer.passes.portable.recognise.patterns.pattern import Constant, Value, apply
from tinyinfer.passes.portable.recognise.patterns.rules import Made, Rule, rewrite

PIXELS = apply("reshape", Value("x"), name="pixels")  # (N, C, H * W)
LENGTHS = apply("sum", PIXELS * PIXELS, keepdim=True, dim=(1,))
PRODUCTS = apply("matmul", Constant("doubled"), PIXELS)
DISTANCES = LENGTHS + PRODUCTS + Constant("squares")
SHARES = apply("softmax", DISTANCES * Constant("scale"), dim=1)
SUMS = apply("matmul", SHARES, apply("permute", PIXELS, dims=(0, 2, 1)))
ENCODED = apply("sub", SUMS, apply("sum", SHARES, keepdim=True, dim=(2,)) * Constant("codewords"))


def _encoding(match: Match) -> Made | None:
    """|r|^2 = |x|^2 - 2 x c + |c|^2: what is added and multiplied has to be the codewords' own."""
    codewords, scale = match.array("codewords"), match.array("scale")
    own = np.allclose(match.array("doubled"), -2 * codewords, rtol=1e-5, atol=1e-6)
    squares = np.square(codewords).sum(axis=-1, keepdims=True)
    if codewords.ndim != 2 or not own or not np.allclose(match.array("squares"), squares, rtol=1e-4, atol=1e-6):
        return None
    return Made(Encoding(), (match["x"],), {"codewords": match.key("codewords"), "scale": scale.reshape(-1)})


RULES = (Rule(ENCODED, _encoding),)


def recognise_encodings(editing: Editing) -> None:
    """Make the parts of an encoding one node."""
    rewrite(editing, RULES)
