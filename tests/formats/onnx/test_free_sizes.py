"""Networks whose files compute with sizes, at several sizes against ONNX Runtime: what is free in them stays free."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinyinfer.formats.onnx.load import load
from tinyinfer.graph import Graph
from tinyinfer.model import Model

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

from onnx import parser  # noqa: E402

HEAD = '<ir_version: 8, opset_import: ["" : {opset}]> net (float[{shape}] x) => (float[{out}] y) {{ {body} }}'
SIZES = ((1, 6, 8, 12), (3, 6, 4, 8), (2, 6, 16, 4))  # multiples of 4, for nets that cut images to pieces

PARTS = """
    one = Constant<value_ints = [1]>() zero = Constant<value_ints = [0]>() two = Constant<value_ints = [2]>()
    three = Constant<value_ints = [3]>() four = Constant<value_ints = [4]>() left = Constant<value_ints = [-1]>()
    i0 = Constant<value_int = 0>() i1 = Constant<value_int = 1>() i2 = Constant<value_int = 2>()
    i3 = Constant<value_int = 3>() float2 = Constant<value_float = 2.0>() half = Constant<value_float = 0.5>()
    shape = Shape(x)
    n0 = Gather(shape, i0) c0 = Gather(shape, i1) h0 = Gather(shape, i2) w0 = Gather(shape, i3)
    n = Unsqueeze(n0, zero) c = Unsqueeze(c0, zero) h = Unsqueeze(h0, zero) w = Unsqueeze(w0, zero)
"""  # as exporters take shapes apart

NETS = {
    "flattened": "t = Concat<axis = 0>(n, left) y = Reshape(x, t)",
    "product of sizes": "hw = Mul(h, w) t = Concat<axis = 0>(n, c, hw) y = Reshape(x, t)",
    "channel shuffle": """
        half_c = Div(c, two) t = Concat<axis = 0>(n, two, half_c, h, w) a = Reshape(x, t)
        b = Transpose<perm = [0, 2, 1, 3, 4]>(a) y = Reshape(b, shape)""",
    "batch and channels joined": "nc = Mul(n, c) t = Concat<axis = 0>(nc, one, h, w) y = Reshape(x, t)",
    "windows": """
        hp = Div(h, four) wp = Div(w, four) t = Concat<axis = 0>(n, c, hp, four, wp, four) a = Reshape(x, t)
        b = Transpose<perm = [0, 2, 4, 3, 5, 1]>(a) m0 = Mul(n, hp) m = Mul(m0, wp) sixteen = Mul(four, four)
        u = Concat<axis = 0>(m, sixteen, c) y = Reshape(b, u)""",
    "windows and back": """
        hp = Div(h, two) wp = Div(w, two) t = Concat<axis = 0>(n, c, hp, two, wp, two) a = Reshape(x, t)
        b = Neg(a) y = Reshape(b, shape)""",
    "rows and back": """
        t = Concat<axis = 0>(n, c, left) a = Reshape(x, t) s = Softmax<axis = -1>(a) y = Reshape(s, shape)""",
    "a token for each picture": """
        token = Constant<value = float[1, 1, 6] {1, 2, 3, 4, 5, 6}>() t = Concat<axis = 0>(n, left, left)
        minus = Equal(t, left) ones = ConstantOfShape<value = int64[1] {1}>(three) t1 = Where(minus, ones, t)
        e = Expand(token, t1) f = Flatten<axis = 1>(x) r = Concat<axis = 0>(n, left, c) rows = Reshape(x, r)
        y = Concat<axis = 1>(e, rows)""",
    "zeros like": "z = ConstantOfShape<value = float[1] {0.5}>(shape) y = Add(x, z)",
    "ones of some sizes": """
        t = Concat<axis = 0>(n, one, h, w) z = ConstantOfShape<value = float[1] {2.0}>(t)
        y = Concat<axis = 1>(x, z)""",
    "a column for each row": """
        r = Range(i0, w0, i1) f = Cast<to = 1>(r) g = Mul(f, half) y = Add(x, g)""",
    "a grid": """
        a = Range(i0, h0, i1) b = Range(i0, w0, i1) a1 = Unsqueeze(a, one) hw = Concat<axis = 0>(h, w)
        a2 = Expand(a1, hw) b2 = Expand(b, hw) s0 = Add(a2, b2) s = Cast<to = 1>(s0) y = Mul(x, s)""",
    "cut short": "e = Sub(h, one) y = Slice(x, one, e, two)",
    "cut beyond its end": "e = Add(h, two) y = Slice(x, one, e, two)",
    "upper half by two": "y = Slice(x, zero, h, two, two)",
    "tiled by the batch": """
        row = Constant<value = float[1, 6] {1, 2, 3, 4, 5, 6}>() t = Concat<axis = 0>(n, two) y = Tile(row, t)""",
    "mean by hand": """
        s = ReduceSum(x, left) f = Cast<to = 1>(c) all = ReduceProd<keepdims = 0>(c) k = Cast<to = 1>(all)
        y = Div(s, k)""",
    "sizes in floats": """
        hf = Cast<to = 1>(h) hh = Mul(hf, half) fl = Floor(hh) hi = Cast<to = 7>(fl)
        t = Concat<axis = 0>(n, c, hi, two, w) y = Reshape(x, t)""",
    "sizes divided in floats": """
        hf = Cast<to = 1>(h) hh = Div(hf, float2) fl = Ceil(hh) hi = Cast<to = 7>(fl)
        t = Concat<axis = 0>(n, c, hi, two, w) y = Reshape(x, t)""",
    "number of elements": """
        k = Size(x) k1 = Unsqueeze(k, zero) y = Reshape(x, k1)""",
    "squeezed and back": "a = Unsqueeze(x, one) b = Neg(a) y = Squeeze(b, one)",
    "flattened from axis 2": "y = Flatten<axis = 2>(x)",
    "a part of the shape": "s = Shape<start = 2>(x) nc = Mul(n, c) t = Concat<axis = 0>(nc, s) y = Reshape(x, t)",
    "the number of windows": """
        kernel = Constant<value_ints = [4, 6, 3, 3]>() weight = ConstantOfShape<value = float[1] {0.1}>(kernel)
        p = Conv<strides = [2, 2]>(x, weight) room = Sub(h, three) steps = Div(room, two) rows = Add(steps, one)
        t = Concat<axis = 0>(n, four, rows, left, one) y = Reshape(p, t)""",
    "the smaller side": """
        m = Min(h, h) e = Max(m, one) t = Concat<axis = 0>(n, c, e, w) y = Reshape(x, t)""",
}

NETS |= {
    "by the root of a size": "hf = Cast<to = 1>(h) r = Sqrt(hf) y = Div(x, r)",
    "by places between 0 and 1": """
        r = Range(i0, w0, i1) f = Cast<to = 1>(r) last = Sub(w, one) d = Cast<to = 1>(last) g = Div(f, d)
        y = Add(x, g)""",
    "by a share of the sizes": """
        hf = Cast<to = 1>(h) wf = Cast<to = 1>(w) s = Div(hf, wf) t = Add(s, half) m = Concat<axis = 0>(t, hf)
        k = ReduceSum<keepdims = 0>(m) y = Mul(x, k)""",
    "sizes alone": "a = Add(shape, two) b = Cast<to = 1>(a) e = ReduceMax(x) y = Mul(b, e)",
}  # that compute with sizes when they run

POOLED = "p = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(x) ps = Shape(p)"
NETS |= {
    "up to a size": f"""
        {POOLED} nc = Slice(ps, zero, two) hw = Slice(shape, two, four) t = Concat<axis = 0>(nc, hw)
        y = Resize<mode = "linear">(p, , , t)""",
    "up by a scale out of two sizes": f"""
        {POOLED} ph0 = Gather(ps, i2) pw0 = Gather(ps, i3) ph = Unsqueeze(ph0, zero) pw = Unsqueeze(pw0, zero)
        hf = Cast<to = 1>(h) wf = Cast<to = 1>(w) phf = Cast<to = 1>(ph) pwf = Cast<to = 1>(pw) sh = Div(hf, phf)
        sw = Div(wf, pwf) whole = Constant<value_floats = [1.0, 1.0]>() s = Concat<axis = 0>(whole, sh, sw)
        y = Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(p, , s)""",
    "up to floors of products": """
        hf = Cast<to = 1>(h) wf = Cast<to = 1>(w) a = Mul(hf, float2) b = Mul(wf, float2) a1 = Floor(a) b1 = Floor(b)
        a2 = Cast<to = 7>(a1) b2 = Cast<to = 7>(b1) t = Concat<axis = 0>(n, c, a2, b2)
        y = Resize<mode = "linear">(x, , , t)""",
}  # that change the size of images

SAME_SIDES = """
    one1 = Constant<value_float = 1.0>() zero1 = Constant<value_float = 0.0>() taps = Constant<value_float = 2.0>()
    hf = Cast<to = 1>(h0) hq = Div(hf, float2) hc = Ceil(hq) hm = Sub(hc, one1) hs = Mul(hm, float2) he = Add(hs, taps)
    ht = Add(he, one1) hd = Sub(ht, hf) ha = Clip(hd, zero1) hh = Div(ha, float2) top0 = Cast<to = 7>(hh)
    topf = Cast<to = 1>(top0) bottom0 = Sub(ha, topf) top = Unsqueeze(topf, zero) bottom = Unsqueeze(bottom0, zero)
    wf = Cast<to = 1>(w0) wq = Div(wf, float2) wc = Ceil(wq) wm = Sub(wc, one1) ws = Mul(wm, float2) we = Add(ws, taps)
    wt = Add(we, one1) wd = Sub(wt, wf) wa = Max(wd, zero1) wh = Div(wa, float2) left0 = Cast<to = 7>(wh)
    leftf = Cast<to = 1>(left0) right0 = Sub(wa, leftf) l = Unsqueeze(leftf, zero) r = Unsqueeze(right0, zero)
    none = Constant<value_floats = [0.0, 0.0]>()
    upper = Concat<axis = 0>(none, top, l, none, bottom, r) lower = Concat<axis = 0>(none, bottom, r, none, top, l)
    pads = Cast<to = 7>(upper) pads_lower = Cast<to = 7>(lower)
    kernel = Constant<value_ints = [4, 6, 3, 3]>() weight = ConstantOfShape<value = float[1] {0.1}>(kernel)
    least = Constant<value_float = -inf>()
"""  # TensorFlow's padding for windows of 3x3 in steps of 2, as exporters have it

PADDED = {
    "of a convolution": ("p = Pad(x, pads) y = Conv<strides = [2, 2]>(p, weight)", "conv2d"),
    "at the other end": ("p = Pad(x, pads_lower) y = Conv<strides = [2, 2]>(p, weight)", "conv2d"),
    "of maxima": (
        "p = Pad(x, pads, least) y = MaxPool<kernel_shape = [3, 3], strides = [2, 2]>(p)",
        "max_pool2d",
    ),
    "of means": ("p = Pad(x, pads) y = AveragePool<kernel_shape = [3, 3], strides = [2, 2]>(p)", "avg_pool2d"),
}

FIXED = {
    "padded for other windows": (
        SAME_SIDES + "p = Pad(x, pads) y = Conv<strides = [2, 2], dilations = [2, 2]>(p, weight)",
        "H, W",
    ),
    "padded for windows that pad more": (
        SAME_SIDES + "p = Pad(x, pads) y = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(p, weight)",
        "H, W",
    ),
    "padded by something else than the least for a maximum": (
        SAME_SIDES + "p = Pad(x, pads) y = MaxPool<kernel_shape = [3, 3], strides = [2, 2]>(p)",
        "H, W",
    ),
    "padded for no windows": (SAME_SIDES + "p = Pad(x, pads) y = Relu(p)", "H, W"),
    "padded and shown": (SAME_SIDES + "y = Pad(x, pads)", "H, W"),
    "to a square": ("m = Min(h, w) e = Sub(m, one) y = Slice(x, zero, e, two)", "H, W"),
    "by whole roots": (
        """
        hf = Cast<to = 1>(h) r = Sqrt(hf) f = Floor(r) i = Cast<to = 7>(f) t = Concat<axis = 0>(n, left, i)
        y = Reshape(x, t)""",
        "H",
    ),
    "by a scale that floats round": (
        """
        hf = Cast<to = 1>(h) s = Constant<value_float = 0.7>() a = Mul(hf, s) f = Floor(a) i = Cast<to = 7>(f)
        t = Concat<axis = 0>(n, c, i, w) y = Resize<mode = "linear">(x, , , t)""",
        "H, W",
    ),
    "by a comparison that some sizes decide": (
        """
        big = Greater(h, four) e = Where(big, two, one) y = Slice(x, zero, e, two)""",
        "H",
    ),
    "windows back": (
        """
        hp = Div(h, two) wp = Div(w, two) m0 = Mul(n, hp) m = Mul(m0, wp) s = Concat<axis = 0>(m, c, left)
        a = Reshape(x, s) b = Neg(a) t = Concat<axis = 0>(n, hp, wp, c, four) y = Reshape(b, t)""",
        "H, W",
    ),
    "by a size that the batch hides": ("t = Concat<axis = 0>(one, left, two) y = Reshape(x, t)", ""),
}


def saved(path: Path, body: str, rank: int, shape: str = "N, 6, H, W", opset: int = 17) -> Path:
    out = ", ".join("abcdefgh"[:rank])
    model = parser.parse_model(HEAD.format(opset=opset, shape=shape, out=out, body=PARTS + body))
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def rank_of(body: str) -> int:
    """Ranks of outputs, which the text of a network has to state."""
    model = parser.parse_model(HEAD.format(opset=17, shape="1, 6, 8, 12", out="", body=PARTS + body))
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info("y", 1, None))
    session = ort.InferenceSession(model.SerializeToString())
    return len(session.run(None, {"x": np.zeros((1, 6, 8, 12), np.float32)})[0].shape)


def assert_agree(path: Path, graph: Graph, sizes: Any) -> None:
    session, model = ort.InferenceSession(str(path)), Model(graph, kernels="reference")
    for size in sizes:
        x = np.random.default_rng(0).standard_normal(size).astype(np.float32)
        np.testing.assert_allclose(model.run({"x": x})["y"], session.run(None, {"x": x})[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NETS)
def test_sizes_stay_free(name: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "net.onnx", NETS[name], rank_of(NETS[name]))
    graph, meta = load(path, {"x": SIZES[0]})
    assert "notes" not in meta
    assert graph.inputs[0].shape == (None, 6, None, None)
    assert_agree(path, graph, SIZES)
    assert {node.op.name for node in graph.nodes}.isdisjoint({"eq", "where", "floor", "ceil"})


@pytest.mark.parametrize("name", FIXED)
def test_sizes_that_nothing_can_say_are_fixed_with_a_note(name: str, tmp_path: Path) -> None:
    body, fixed = FIXED[name]
    path = saved(tmp_path / "net.onnx", body, rank_of(body))
    graph, meta = load(path, {"x": SIZES[0]})
    if fixed:
        (note,) = meta["notes"]
        assert note.startswith(f"fixed at its nominal size: {fixed}, since in node ")
        assert graph.inputs[0].shape == (None, 6, 8 if "H" in fixed else None, 12 if "W" in fixed else None)
    assert_agree(path, graph, [SIZES[0], (4, *SIZES[0][1:])] if fixed else SIZES)


@pytest.mark.parametrize("name", PADDED)
def test_padding_that_follows_sizes_is_that_of_the_windows(name: str, tmp_path: Path) -> None:
    body, operator = PADDED[name]
    path = saved(tmp_path / "net.onnx", SAME_SIDES + body, 4)
    graph, meta = load(path, {"x": SIZES[0]})
    assert "notes" not in meta
    assert [node.op.name for node in graph.nodes] == [operator]
    assert_agree(path, graph, ((1, 6, 8, 12), (2, 6, 7, 9), (1, 6, 5, 4), (3, 6, 1, 2)))


def test_a_size_is_asked_of_no_value_that_a_layer_could_keep_to_itself(tmp_path: Path) -> None:
    body = """
        kernel = Constant<value_ints = [6, 6, 2, 2]>() weight = ConstantOfShape<value = float[1] {0.1}>(kernel)
        a = Conv<strides = [2, 2]>(x, weight) b = Relu(a) p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(b)
        bs = Shape<start = 2>(b) nc = Slice(shape, zero, two) t = Concat<axis = 0>(nc, bs)
        r = Resize<mode = "linear">(p, , , t) y = Add(r, b)"""
    path = saved(tmp_path / "net.onnx", body, 4)
    graph, _ = load(path, {"x": SIZES[0]})
    (interpolate,) = (node for node in graph.nodes if node.op.name == "interpolate")
    (relu,) = (node for node in graph.nodes if node.op.name == "relu")
    assert interpolate.inputs[1] == relu.outputs[0]
    assert_agree(path, graph, SIZES)


def test_a_network_of_halves_computes_in_float32(tmp_path: Path) -> None:
    body = """
        bias = Constant<value = float16[6, 1, 1] {1, 2, 3, 4, 5, 6}>() a = Add(x, bias) b = Relu(a)
        c = Cast<to = 1>(b) d = Sqrt(c) y = Cast<to = 10>(d)"""
    text = (
        f'<ir_version: 8, opset_import: ["" : 17]> net (float16[N, 6, H, W] x) => (float16[N, 6, H, W] y) {{ {body} }}'
    )
    path = tmp_path / "net.onnx"
    path.write_bytes(parser.parse_model(text).SerializeToString())
    graph, meta = load(path)
    assert meta["notes"] == ["what the file computes in float16 is computed in float32"]
    assert [node.op.name for node in graph.nodes if node.op.name != "constant"] == [
        "cast",
        "add",
        "relu",
        "sqrt",
        "cast",
    ]
    x = np.random.default_rng(0).standard_normal(SIZES[1]).astype(np.float16)
    y = Model(graph, kernels="reference").run({"x": x})["y"]
    assert y.dtype == np.float16
    np.testing.assert_allclose(y, ort.InferenceSession(str(path)).run(None, {"x": x})[0], rtol=2e-3)
