"""The model a user holds: a network, what is known about it, and the ways to run and look at it."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyinfer import showing
from tinyinfer.errors import GraphError, InputError
from tinyinfer.graph import Graph, Shape
from tinyinfer.passes.pipeline import Fuse
from tinyinfer.passes.portable.extract import extract, matching_values
from tinyinfer.runtime.executor import Hook, execute
from tinyinfer.runtime.inputs import check_inputs
from tinyinfer.runtime.options import make_options
from tinyinfer.runtime.packed_weights import PackedWeights
from tinyinfer.runtime.plan import Plan, make_plan, prepare
from tinyinfer.runtime.threads import Lock

if TYPE_CHECKING:
    from tinyinfer.profiling.cost import Cost
    from tinyinfer.profiling.subject import Inputs
    from tinyinfer.profiling.timings import Profile
    from tinyinfer.tasks.boxes import Box
    from tinyinfer.vision.image import ImageSource

MAX_PLANS = 8  # plans kept for different input shapes; each holds an arena

PlanKey = tuple[tuple[tuple[str, Shape], ...], tuple[str, ...]]  # input shapes in the graph's order, captured values


class Model:
    """A network ready to run on arrays: NCHW for images, of the dtypes that its inputs have.

    ``threads`` per call (None: all cores); ``kernels`` forces kernels ("conv2d=im2col", a mapping, or "reference"
    for plain NumPy without Numba).  ``fuse`` False makes every node a step of its own, norms that fold into weights
    apart; "endings" leaves the activation and the addition behind a layer to its kernel and fuses no blocks.  Several
    Python threads may call one model at once; a copy or a pickle of it holds the weights, and makes its plans anew.
    ``verified`` says that the graph has passed `Graph.verify` already.
    """

    def __init__(
        self,
        graph: Graph,
        meta: Mapping[str, Any] | None = None,
        threads: int | None = None,
        kernels: Mapping[str, str] | str | None = None,
        fuse: Fuse = True,
        *,
        verified: bool = False,
    ) -> None:
        if not verified:  # kernels check no bounds, so no unverified graph gets near them
            graph.verify(allow_nonfinite=True)
        self.graph = graph
        self.meta: dict[str, Any] = dict(meta or {})
        self.options = make_options(threads, kernels, fuse)
        self._asked = threads, kernels, fuse
        self._plans: OrderedDict[PlanKey, Plan] = OrderedDict()
        self._prepared: Graph | None = None
        self._packed = PackedWeights()
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return Model, (self.graph, self.meta, *self._asked)

    @property
    def name(self) -> str:
        """What reports call it: the metadata's name or architecture."""
        return str(self.meta.get("name") or self.meta.get("arch") or "network")

    # -- running -------------------------------------------------------------------------------

    @property
    def inputs(self) -> list[tuple[str, tuple[int | None, ...]]]:
        """(name, shape) of each input; None marks a free dimension."""
        return [(i.name, i.shape) for i in self.graph.inputs]

    @property
    def outputs(self) -> list[tuple[str, tuple[int | None, ...]]]:
        """(name, shape) of each output; None marks a dimension that follows the input."""
        return self.graph.output_shapes()

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The first output for the only input.  Raises InputError when ``x`` does not fit."""
        if len(self.graph.inputs) != 1:
            names = ", ".join(i.name for i in self.graph.inputs)
            raise InputError(f"this model has the inputs {names}: call run({{name: array, ...}})")
        return self.run({self.graph.inputs[0].name: x})[self.graph.outputs[0]]

    def run(
        self, inputs: Mapping[str, np.ndarray], capture: Sequence[str] = (), hook: Hook | None = None
    ) -> dict[str, np.ndarray]:
        """All outputs by name, and the values of nodes whose names match a ``capture`` pattern ("features.3*").

        Nothing the caller passes in is changed.  Raises InputError for arrays or patterns that do not fit.
        """
        arrays = check_inputs(self.graph, inputs)
        plan = self.plan({name: a.shape for name, a in arrays.items()}, capture)
        return execute(plan, arrays, hook)

    def plan(self, input_shapes: Mapping[str, Shape] | None = None, capture: Sequence[str] = ()) -> Plan:
        """The plan for these input shapes (nominal ones by default), made once and kept."""
        key: PlanKey = tuple((name, tuple(shape)) for name, shape in (input_shapes or {}).items()), ()
        with self._lock:
            if capture or key not in self._plans:  # else the shapes have been checked before
                key = self._make_plan(input_shapes, capture)
            self._plans.move_to_end(key)
            return self._plans[key]

    def _make_plan(self, input_shapes: Mapping[str, Shape] | None, capture: Sequence[str]) -> PlanKey:
        """Make a plan, unless there is one, and return its key."""
        try:
            shapes = self.graph.input_shapes(input_shapes)
        except GraphError as error:
            raise InputError(str(error)) from None
        captured = self._captured(capture)
        key = (tuple(shapes.items()), captured)
        if key not in self._plans:
            try:
                self._plans[key] = make_plan(self._prepare(captured), shapes, self.options, self._packed)
            except GraphError as error:
                raise InputError(f"input {_shape_text(shapes)} does not fit the network: {error}") from None
            if len(self._plans) > MAX_PLANS:
                self._plans.popitem(last=False)
        return key

    def _prepare(self, captured: Sequence[str]) -> Graph:
        """The graph that plans are made from: the same for all shapes, unless values are captured that it lacks."""
        if captured:
            graph = self.graph.copy()
            graph.outputs += [value for value in captured if value not in graph.outputs]
            return prepare(graph, self.options)
        if self._prepared is None:
            self._prepared = prepare(self.graph, self.options)
        return self._prepared

    def _captured(self, patterns: Sequence[str]) -> tuple[str, ...]:
        return tuple(matching_values(self.graph, [patterns] if isinstance(patterns, str) else patterns, "capture"))

    def part(self, outputs: Sequence[str]) -> Model:
        """A model that computes the values whose names match these patterns, and no others.

        Values that are asked for may be outputs or stand anywhere inside.  Raises InputError for a pattern that fits
        nothing.
        """
        graph = extract(self.graph, matching_values(self.graph, outputs))
        return Model(graph, self.meta, *self._asked, verified=True)

    # -- looking inside ------------------------------------------------------------------------

    def cost(self, input_shape: Shape | None = None) -> Cost:
        """Mult-adds, parameters and memory access of every node.  Raises InputError when the shape does not fit."""
        from tinyinfer.profiling.cost import cost

        if input_shape is None:
            return cost(self.graph)
        try:
            return cost(self.graph, {self.graph.inputs[0].name: tuple(input_shape)})
        except GraphError as error:
            raise InputError(str(error)) from None

    def profile(self, x: Inputs = None, repeats: int = 20, warmup: int = 3) -> Profile:
        """Median time of every step on ``x``, an array or arrays by input name (None: random ones at nominal size)."""
        from tinyinfer.profiling.profile import profile

        return profile(self, x, repeats=repeats, warmup=warmup)

    # -- images and files ----------------------------------------------------------------------

    def predict(self, image: ImageSource, top: int = 5) -> list[tuple[str, float]]:
        """The ``top`` most probable (label, probability) of a picture, prepared as the model's metadata says.

        Raises ImageError, or InputError for a model of another task.
        """
        return [(label, probability) for _, label, probability in self.predict_indices(image, top)]

    def predict_indices(self, image: ImageSource, top: int = 5) -> list[tuple[int, str, float]]:
        """Like `predict`, with the class index first.  Raises ImageError or InputError."""
        from tinyinfer.tasks.classification import classify

        return classify(self, image, top)

    def segment(self, image: ImageSource) -> np.ndarray:
        """The class of every pixel of a picture, (height, width) of the picture's own.

        Raises ImageError, or InputError for a model of another task.
        """
        from tinyinfer.tasks.segmentation import segment

        return segment(self, image)

    def detect(self, image: ImageSource, threshold: float = 0.5) -> list[tuple[str, float, Box]]:
        """(label, probability, (left, top, right, bottom) in the picture's pixels) of what is found, best first.

        Nothing of a probability up to ``threshold`` is given.  Raises ImageError, or InputError for a model of another
        task.
        """
        from tinyinfer.tasks.detection import detect

        return [(found.label, found.score, found.box) for found in detect(self, image, threshold)]

    @property
    def task(self) -> str:
        """What the model is for: "classify" (`predict`), "segment" or "detect"."""
        from tinyinfer.tasks import task_of

        return task_of(self.meta)

    @property
    def preprocess(self) -> dict[str, Any]:
        """How a picture becomes an input, from the metadata.  Raises InputError when the model does not say."""
        if self.meta.get("preprocess") is None:
            raise InputError(
                "the model's metadata does not say how to prepare pictures: 'preprocess' is missing; give --preprocess"
            )
        return dict(self.meta["preprocess"])

    def save(self, path: str | os.PathLike[str], half: bool = False) -> None:
        """Write a .npz model file, or weights and what was said of them as .safetensors; float16 weights if ``half``.

        The file appears whole or not at all.
        """
        if os.fspath(path).endswith(".safetensors"):
            from tinyinfer.formats.safetensors.writer import save as save_weights

            save_weights(path, self.graph.weights, self.meta, half)
            return
        from tinyinfer.formats.npz.model_file import save

        save(path, self.graph, self.meta, half=half)

    def __repr__(self) -> str:
        return f"<Model {self.name}: {len(self.graph.nodes)} nodes, inputs {self.inputs}>"

    def _repr_html_(self) -> str:
        return showing.html(self)


def _shape_text(shapes: Mapping[str, Shape]) -> str:
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items())
