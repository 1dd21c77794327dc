"""The encoding layer of EncNet: how a map's pixels differ from a learnt dictionary."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, cast, require, require_rank, require_shape


class Encoding(Op):
    """e[n, k] = sum over pixels i of a[i, k] * r[i, k], r[i, k] = x[n, :, i] - codewords[k] (Zhang et al. 2018).

    a[i] = softmax over k of scale[k] * |r[i, k]|^2 (section 3.1): pixels are dealt out to the codewords near them.
    x (N, C, H, W), codewords (K, C), scale (K,), result (N, K, C).  Scales are learnt as the negatives of the paper's
    smoothing factors, as in its public code.
    """

    name: ClassVar[str] = "encoding"
    param_names: ClassVar[tuple[str, ...]] = ("codewords", "scale")
    required_params: ClassVar[tuple[str, ...]] = ("codewords", "scale")

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x, codewords = inputs[0], params["codewords"]
        require_rank(x, 4)
        require_rank(codewords, 2, "codewords")
        n, c = x.shape[:2]
        k, length = codewords.shape
        require(length == c, f"codewords {codewords} take {length} channels, found {c}")
        require_shape(params["scale"], (k,), "scale")
        return [TensorType((n, k, c), x.dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        p = cast(params, x.dtype)
        pixels = x.reshape(*x.shape[:2], -1).transpose(0, 2, 1)  # (N, HW, C)

        def residuals(k: int) -> np.ndarray:  # of one codeword at a time: all would be 240 MB for a photo of 480x480
            return np.asarray(pixels - p["codewords"][k])

        words = range(len(p["scale"]))
        squares = np.stack([np.square(residuals(k)).sum(axis=2) for k in words], axis=2)  # (N, HW, K)
        scores = p["scale"] * squares
        shares = np.exp(scores - scores.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        return [np.stack([np.einsum("np,npc->nc", shares[..., k], residuals(k)) for k in words], axis=1)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((2, 7, 5, 3),), {"codewords": (4, 7), "scale": (4,)}),
            Case({}, ((1, 16, 4, 4),), {"codewords": (5, 16), "scale": (5,)}),
        ]


OPS = (Encoding,)
