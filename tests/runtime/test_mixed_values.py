"""Networks that mix images, sequences, tensors of five dimensions and integers, on one model over several sizes.

What rounds or compares (quantize_linear, cast, argmax ...) is given only whole numbers, moved off the places where a
difference in the last digit would decide: kernels add up in another order than the reference.
"""

from __future__ import annotations

import numpy as np
import pytest
from hostile_names import hostile
from one_model import through_a_file

from tinyinfer.builder import Builder
from tinyinfer.errors import GraphError
from tinyinfer.graph import Graph, Shape
from tinyinfer.model import Model


class Drawn:
    """A random network; ``whole`` are its float values that are whole numbers, ``integers`` those of integer dtypes."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.b = Builder()
        self.count = 0
        image = self.b.input(int(self.rng.choice([4, 8])), 12)
        self.floats, self.whole, self.integers = [image], {image}, list[str]()

    def graph(self) -> Graph:
        for _ in range(int(self.rng.integers(4, 14))):
            x = self.floats[-1 - int(self.rng.integers(min(4, len(self.floats))))]
            layers = {4: self.image_layers, 3: self.sequence_layers}.get(len(self.b.shape(x)), self.other_layers)
            chosen = layers()
            chosen[int(self.rng.integers(len(chosen)))](x)
        graph = self.b.finish(list(dict.fromkeys([*self.floats[-2:], *self.integers[-2:]])))
        for key, array in graph.weights.items():
            if not key.endswith(".value"):
                graph.weights[key] = self.rng.integers(-1, 2, array.shape).astype(np.float32)
        return graph

    def image_layers(self) -> list:
        return [
            self.convolve, self.convolve, self.convolve, self.pool, self.relu, self.norm, self.gate, self.join,
            self.halves, self.shuffle, self.flatten, self.tokens, self.attend, self.bias_along_width, self.mask,
            self.quantise, self.threshold, self.channel_of_most, self.best, self.embed, self.truncate, self.sigmoid,
            self.mirror,
        ]  # fmt: skip

    def sequence_layers(self) -> list:
        return [self.project, self.softmax, self.layer_norm, self.map_of, self.relu, self.threshold, self.multiply]

    def other_layers(self) -> list:
        return [self.softmax, self.relu, self.scale, self.column, self.sigmoid]

    # -- bookkeeping ---------------------------------------------------------------------------

    def name(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def add(self, op: str, *inputs: str, whole: bool | None = None, **options) -> str:
        """Apply an operator with float output, which is of whole numbers where the inputs are unless said."""
        value = self.b.apply(op, *inputs, name=self.name(), **options)
        self.floats.append(value)
        if all(x in self.whole for x in inputs if x in self.floats) if whole is None else whole:
            self.whole.add(value)
        return value

    def integer(self, op: str, *inputs: str, **options) -> str:
        value = self.b.apply(op, *inputs, name=self.name(), **options)
        self.integers.append(value)
        return value

    def constant(self, value, dtype: str = "float32") -> str:
        return self.b.constant(np.asarray(value, dtype), name=self.name())

    def whole_of(self, x: str) -> str:
        """The value, or one of whole numbers: it has to be rounded to where no last digit decides."""
        if x in self.whole:
            return x
        return next(v for v in self.floats[::-1] if v in self.whole)

    def bounded(self, x: str) -> str:
        return self.add("clamp", x, min=-20.0, max=20.0)

    def off_the_edge(self, x: str) -> str:
        """Whole numbers and a quarter."""
        return self.add("add", self.whole_of(x), self.constant(0.25), whole=False)

    # -- images --------------------------------------------------------------------------------

    def convolve(self, x: str) -> None:
        c, kernel = self.b.channels(x), int(self.rng.choice([1, 3]))
        groups, m = (c, c) if self.rng.random() < 0.3 else (1, int(self.rng.choice([4, 8, 32])))
        params = {"weight": (m, c // groups, kernel, kernel), "bias": (m,)}
        y = self.add("conv2d", self.bounded(x), groups=groups, padding=kernel // 2, params=params)
        self.bounded(y)

    def pool(self, x: str) -> None:
        self.add("max_pool2d", x, kernel_size=3, stride=int(self.rng.choice([1, 2])), padding=1)

    def relu(self, x: str) -> None:
        self.add(str(self.rng.choice(["relu", "relu6"])), x)

    def sigmoid(self, x: str) -> None:
        self.add("sigmoid", x, whole=False)

    def norm(self, x: str) -> None:
        self.add("group_norm", x, num_groups=1, whole=False)

    def gate(self, x: str) -> None:
        self.add("mul", x, self.add("sigmoid", self.add("mean", x, dim=(2, 3), keepdim=True, whole=False)), whole=False)

    def join(self, x: str) -> None:
        others = [v for v in self.floats if len(s := self.b.shape(v)) == 4 and s[2:] == self.b.shape(x)[2:]]
        y = others[int(self.rng.integers(len(others)))]
        self.add("concat", *self.rng.permutation([x, y]).tolist(), dim=1)

    def halves(self, x: str) -> None:
        c = self.b.channels(x)
        if c % 2 == 0:
            parts = self.b.apply_all("split", x, name=self.name(), split_size_or_sections=c // 2, dim=1)
            self.floats += parts
            self.whole.update(parts if x in self.whole else ())

    def shuffle(self, x: str) -> None:
        """Channels dealt out anew through five dimensions."""
        c = self.b.channels(x)
        if c % 2 == 0:
            five = self.add("reshape", x, shape=(0, 2, c // 2, -1, 1))
            moved = self.add("permute", five, dims=(0, 2, 1, 3, 4))
            self.add("reshape", self.add("relu", moved), shape=(0, c, -1, 1))

    def flatten(self, x: str) -> None:
        self.add("flatten", x, start_dim=int(self.rng.integers(1, 4)), end_dim=-1)

    def tokens(self, x: str) -> None:
        self.add("permute", self.add("flatten", x, start_dim=2), dims=(0, 2, 1))

    def attend(self, x: str) -> None:
        """Scores of every pixel for every other, in two heads."""
        c = self.b.channels(x)
        if c % 2 == 0:
            heads = self.add("reshape", x, shape=(0, 2, c // 2, -1))
            scores = self.add("matmul", self.add("permute", heads, dims=(0, 1, 3, 2)), heads)
            shares = self.add("softmax", self.add("mul", scores, self.constant(0.125), whole=False), dim=-1)
            mixed = self.add("matmul", heads, self.add("permute", shares, dims=(0, 1, 3, 2)))
            self.add("reshape", mixed, shape=(0, c, -1, 1))

    def bias_along_width(self, x: str) -> None:
        """Rows of a last dimension that are an image to the layers around."""
        pooled = self.add("adaptive_max_pool2d", x, output_size=(3, 5))
        moved = self.add("add", pooled, self.constant(self.rng.integers(-2, 3, 5)))
        self.add("conv2d", self.bounded(moved), params={"weight": (8, self.b.channels(x), 1, 1)})

    def mirror(self, x: str) -> None:
        self.add("slice", x, dim=(1, 3), start=-1, step=-1)

    # -- integers and truth values ---------------------------------------------------------------

    def mask(self, x: str) -> None:
        positive = self.integer("gt", self.off_the_edge(x), self.constant(0.5))
        source = self.whole_of(x)
        self.add("where", positive, source, self.add("neg", source))

    def quantise(self, x: str) -> None:
        dtype = str(self.rng.choice(["uint8", "int8"]))
        q = self.integer("quantize_linear", self.off_the_edge(x), scale=0.75, zero_point=7, dtype=dtype)
        self.add("dequantize_linear", q, scale=0.75, zero_point=7, whole=False)

    def threshold(self, x: str) -> None:
        self.add("cast", self.integer("le", self.off_the_edge(x), self.constant(1.5)), dtype="float32", whole=True)

    def truncate(self, x: str) -> None:
        dtype = str(self.rng.choice(["int32", "int64", "int8", "uint8"]))
        whole = self.integer("cast", self.off_the_edge(x), dtype=dtype)
        twice = self.integer("maximum", whole, self.constant(2, dtype))
        self.add("cast", twice, dtype="float32", whole=True)

    def channel_of_most(self, x: str) -> None:
        """Each channel's shift makes it differ from all others."""
        source = self.whole_of(x)
        if len(self.b.shape(source)) == 4:
            c = self.b.channels(source)
            shifts = self.constant(np.arange(c).reshape(c, 1, 1) / (4 * c))
            most = self.integer("argmax", self.add("add", source, shifts, whole=False), dim=1, keepdim=True)
            self.add("gather", source, most, dim=1)

    def best(self, x: str) -> None:
        source = self.whole_of(x)
        if len(self.b.shape(source)) == 4:
            source = self.add("round", source)  # equal ones are to stay equal, whatever kernel computed them
            values, places = self.b.apply_all("topk", source, name=self.name(), k=2, dim=-1)
            self.floats.append(values)
            self.whole.add(values)
            self.integers.append(places)

    def embed(self, x: str) -> None:
        """Rows of a table by what is left of each number."""
        low = self.add("clamp", self.off_the_edge(x), min=0.0, max=5.5)
        table = self.constant(self.rng.integers(-3, 4, (6, 3)))
        self.add("index", table, self.integer("cast", low, dtype=str(self.rng.choice(["int32", "int64"]))), dim=0)

    # -- sequences and others --------------------------------------------------------------------

    def project(self, x: str) -> None:
        c = self.b.shape(x)[-1]
        if c in (4, 8, 32):  # the last dimension is of channels, not of pixels, whose number changes
            self.add("linear", self.bounded(x), params={"weight": (8, c), "bias": (8,)})

    def softmax(self, x: str) -> None:
        self.add("softmax", x, dim=-1, whole=False)

    def layer_norm(self, x: str) -> None:
        c = self.b.shape(x)[-1]
        if c in (4, 8, 32):
            self.add("layer_norm", x, normalized_shape=(c,), whole=False, params={"weight": (c,), "bias": (c,)})

    def multiply(self, x: str) -> None:
        y = self.bounded(x)
        self.add("matmul", y, self.add("permute", y, dims=(0, 2, 1)))

    def map_of(self, x: str) -> None:
        if self.b.shape(x)[-1] in (4, 8, 32):
            self.add("unsqueeze", self.add("permute", x, dims=(0, 2, 1)), dim=-1)

    def scale(self, x: str) -> None:
        self.add("mul", x, self.constant(2.0))

    def column(self, x: str) -> None:
        if len(self.b.shape(x)) > 1:
            self.add("unsqueeze", self.add("amax", self.add("flatten", x, start_dim=1), dim=1), dim=-1)


SIZES = [(1, 12, 12), (2, 7, 9), (1, 16, 5), (3, 9, 24)]


def check(graph: Graph, threads: int, shapes: list[Shape]) -> None:
    """One model gives for all shapes in turn, and for the first once more, what the reference does."""
    rng = np.random.default_rng(0)
    fast, slow = Model(graph, threads=threads), Model(graph, kernels="reference")
    for shape in [*shapes, shapes[0]]:
        inputs = {graph.inputs[0].name: rng.integers(-3, 4, shape).astype(np.float32)}
        found, expected = fast.run(inputs), slow.run(inputs)
        assert list(found) == list(expected)
        for name, y in expected.items():
            assert (found[name].dtype, found[name].shape) == (y.dtype, y.shape), name
            if y.dtype == np.float32:
                scale = max(1.0, float(np.abs(y).max()))
                np.testing.assert_allclose(found[name] / scale, y / scale, rtol=0, atol=3e-5, err_msg=f"{name} {shape}")
            else:
                np.testing.assert_array_equal(found[name], y, f"{name} {shape}")


def shapes_taken(graph: Graph) -> list[Shape]:
    """Those of SIZES that the network takes; what pixels are counted into may fix one of them."""
    channels = graph.inputs[0].nominal[1]
    shapes = [(n, channels, h, w) for n, h, w in SIZES]
    return [shape for shape in shapes if fits(graph, shape)]


def fits(graph: Graph, shape: Shape) -> bool:
    try:
        graph.infer_types({graph.inputs[0].name: shape})
    except GraphError:
        return False
    return True


@pytest.mark.parametrize("seed", range(80))
def test_a_drawn_network_of_mixed_values_is_right_at_one_shape_after_another(seed: int) -> None:
    drawn = Drawn(seed)
    graph = through_a_file(hostile(drawn.graph(), drawn.rng))
    shapes = shapes_taken(graph)
    assert shapes
    check(graph, 1 + seed % 2, shapes)
