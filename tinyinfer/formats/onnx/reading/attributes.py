"""Of which kind the attributes of ONNX's own operators are: a name means the same in all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import numpy as np


class Kind(Enum):
    """A number of AttributeProto.AttributeType, the field that has the value, and how messages call it."""

    FLOAT = 1, 2, "a float"
    INT = 2, 3, "an integer"
    STRING = 3, 4, "a string"
    TENSOR = 4, 5, "a tensor"
    GRAPH = 5, 6, "a graph"
    FLOATS = 6, 7, "floats"
    INTS = 7, 8, "integers"
    STRINGS = 8, 9, "strings"

    def __init__(self, number: int, field: int, spelling: str) -> None:
        self.number, self.field, self.spelling = number, field, spelling


_NAMES = {
    Kind.FLOAT: "alpha beta bias clip cubic_coeff_a epsilon extrapolation_value gamma height_scale high lambd low max "
    "mean min momentum ratio scale softcap spatial_scale value_float width_scale",
    Kind.INT: "align_corners allowzero antialias axis batch_axis batch_dims block_size blocksize broadcast ceil_mode "
    "center_point_box chunk_size count_include_pad detect_negative detect_positive dtype end exclude_outside exclusive "
    "fmod group hidden_size ignore_index input_forget inverse is_causal is_test k keepdims largest layout "
    "linear_before_reset new_axis noop_with_empty_axes num_groups num_heads num_outputs offset_group onesided "
    "output_datatype output_dtype output_height output_width p periodic precision reverse sample_size sampling_ratio "
    "saturate select_last_index size sorted spatial start stash_type storage_order time_axis to training_mode transA "
    "transB upper value_int",
    Kind.STRING: "activation approximate auto_pad coordinate_transformation_mode direction equation "
    "keep_aspect_ratio_policy mode nearest_mode padding_mode reduction round_mode value_string",
    Kind.TENSOR: "value",
    Kind.GRAPH: "body else_branch then_branch",
    Kind.FLOATS: "activation_alpha activation_beta scales value_floats",
    Kind.INTS: "axes consumed_inputs dilations directions ends kernel_shape output_padding output_shape paddings pads "
    "perm pooled_shape shape split starts strides value_ints",
    Kind.STRINGS: "activations value_strings",
}
KINDS: Mapping[str, Kind] = {name: kind for kind, names in _NAMES.items() for name in names.split()}

_FITS: dict[Kind, Callable[[Any], bool]] = {
    Kind.FLOAT: lambda value: isinstance(value, float),
    Kind.INT: lambda value: isinstance(value, int),
    Kind.STRING: lambda value: isinstance(value, str),
    Kind.TENSOR: lambda value: isinstance(value, np.ndarray),
    Kind.GRAPH: lambda value: not isinstance(value, float | int | str | np.ndarray | list),
    Kind.FLOATS: lambda value: isinstance(value, list) and all(isinstance(item, float) for item in value),
    Kind.INTS: lambda value: isinstance(value, list) and all(isinstance(item, int) for item in value),
    Kind.STRINGS: lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
}


def misfit(name: str, value: Any) -> str:
    """What is wrong with an attribute's value, or nothing; names that are not known may have any."""
    kind = KINDS.get(name)
    if kind is None or _FITS[kind](value):
        return ""
    return f"attribute {name[:80]!r}: expected {kind.spelling}, found {str(value)[:40]!r}"
