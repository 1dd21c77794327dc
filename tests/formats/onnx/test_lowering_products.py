"""MatMul, Gemm and Einsum of ONNX files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx_nodes import Known, assert_same, imported, normal, one_node, operators, weights

from tinyinfer.errors import TinyInferError


@pytest.mark.parametrize(
    ("a", "b", "ours"),
    [
        ((3, 4), (4, 5), ["linear"]),
        ((2, 3, 4), (4, 5), ["linear"]),
        ((4,), (4, 5), ["linear"]),
        ((2, 3, 4), (2, 4, 5), ["constant", "matmul"]),
        ((3, 4), (4,), ["constant", "matmul"]),
    ],
)
def test_products_with_arrays_of_the_file(a: tuple[int, ...], b: tuple[int, ...], ours: list[str]) -> None:
    assert operators(assert_same("MatMul", [normal(*a), weights(*b)], 9)) == ours


def test_products_of_two_computed_values_and_with_a_known_one_on_the_left() -> None:
    assert operators(assert_same("MatMul", [normal(2, 3, 4), normal(2, 4, 5)], 13)) == ["matmul"]
    assert_same("MatMul", [weights(3, 4), normal(2, 4, 5)], 13)
    assert_same("MatMul", [normal(5, 4), weights(4, 3)], 13, free=(0,), others=[[normal(2, 4)]])


@given(data=st.data())
def test_gemm(data: st.DataObject) -> None:
    trans_a, trans_b = data.draw(st.integers(0, 1)), data.draw(st.integers(0, 1))
    a, b = normal(*((4, 3) if trans_a else (3, 4))), normal(*((5, 4) if trans_b else (4, 5)), seed=1)
    shape = data.draw(st.sampled_from([None, (5,), (1,), (), (1, 5), (3, 1), (3, 5)]))
    values = [a, Known(b) if data.draw(st.booleans()) else b]
    if shape is not None:
        c = normal(*shape, seed=2)
        values.append(Known(np.asarray(c)) if data.draw(st.booleans()) else np.asarray(c))
    factors = {name: data.draw(st.sampled_from([1.0, 0.5, 2.0, 0.0])) for name in ("alpha", "beta")}
    opset = data.draw(st.sampled_from([11, 13]))
    assert_same("Gemm", values, opset, transA=trans_a, transB=trans_b, **factors)


def test_a_layer_is_one_node() -> None:
    values = [normal(3, 4), weights(5, 4), weights(5)]
    for opset in (7, 9, 11, 13):
        graph = assert_same("Gemm", values, opset, free=(0,), others=[[normal(1, 4)]], transB=1)
        assert operators(graph) == ["linear"]


@pytest.mark.parametrize(
    ("equation", "a", "b"),
    [
        ("ij,jk->ik", (3, 4), (4, 5)),
        ("ij,jk", (3, 4), (4, 5)),
        ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
        ("bhid,bhjd->bhij", (2, 3, 4, 5), (2, 3, 6, 5)),
        ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)),
        ("...ij,jk->...ik", (2, 7, 3, 4), (4, 5)),
        ("nchw,mc->nmhw", (2, 3, 4, 5), (6, 3)),
        ("nkctv,kvw->nctw", (2, 3, 4, 5, 6), (3, 6, 7)),
        ("i,j->ij", (3,), (4,)),
        ("i,i->", (4,), (4,)),
        ("ij,ij->i", (3, 4), (3, 4)),
        ("ijk,kl->jl", (2, 3, 4), (4, 5)),
        ("bi,bj->bji", (2, 3), (2, 4)),
        ("bqc,bkc->bqk", (1, 3, 4), (2, 5, 4)),
    ],
)
def test_einsum_of_two(equation: str, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    for second in (normal(*b, seed=1), Known(normal(*b, seed=1))):
        assert_same("Einsum", [normal(*a), second], 12, equation=equation)


@pytest.mark.parametrize(
    ("equation", "shape"), [("ij->ji", (3, 4)), ("ijk->k", (2, 3, 4)), ("bii->bi", (2, 4, 4)), ("ii", (4, 4))]
)
def test_einsum_of_one(equation: str, shape: tuple[int, ...]) -> None:
    assert_same("Einsum", [normal(*shape)], 12, equation=equation)


def test_einsum_over_free_sizes() -> None:
    values = [normal(2, 3, 4, 5), weights(6, 3)]
    others = [[normal(1, 3, 7, 2)]]
    assert_same("Einsum", values, 12, free=(0, 2, 3), others=others, equation="nchw,mc->nmhw")
    pixels, keys = normal(2, 3, 7), weights(2, 3, 4)
    graph = assert_same("Einsum", [pixels, keys], 12, free=(2,), others=[[normal(2, 3, 9)]], equation="bci,bcj->bij")
    assert "matmul" in operators(graph)


@pytest.mark.parametrize("equation", ["ij,jk->ikl", "ij->ij", "ij,jk,kl->il", "i!,jk->ik", "ijk,kl->il"])
def test_equations_that_do_not_fit_are_refused(equation: str) -> None:
    model = one_node("Einsum", [normal(3, 4), normal(4, 5)], 12, equation="ij,jk->ik")
    model.graph.output[0].type.tensor_type.elem_type = 1
    model.graph.node[0].attribute[0].s = equation.encode()
    with pytest.raises(TinyInferError, match=r"equation|operands"):
        imported(model)
