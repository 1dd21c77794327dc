"""TFLite's builtin operators by number, and the tables of their options (tensorflow/lite/schema/schema.fbs)."""

from __future__ import annotations

from typing import NamedTuple

_NAMES = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM
MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS
SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND
SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN
EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2
GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG
SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT
UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU
SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE
MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND
SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D
CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE
VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL
GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2
UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE
STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE
STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS
STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG STABLEHLO_MINIMUM STABLEHLO_NEGATE
STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH
STABLEHLO_SCATTER STABLEHLO_COMPARE STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE
STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE
STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE
STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT STABLEHLO_CASE
"""
BUILTINS = tuple(_NAMES.split())

CUSTOM = BUILTINS.index("CUSTOM")
LARGEST_DEPRECATED = 127  # in deprecated_builtin_code, a byte, which stands for all that builtin_code alone can hold


class Options(NamedTuple):
    """A table of options: its number in the union BuiltinOptions, and its fields by number."""

    union: int
    fields: dict[int, tuple[str, str, float]]  # name, type ("int32s" is a vector of int32) and default


_FUSED = ("fused_activation_function", "int8", 0)
_WINDOW = {0: ("padding", "int8", 0), 1: ("stride_w", "int32", 0), 2: ("stride_h", "int32", 0)}
_POOL = Options(5, {**_WINDOW, 3: ("filter_width", "int32", 0), 4: ("filter_height", "int32", 0), 5: _FUSED})
_REDUCE = Options(27, {0: ("keep_dims", "bool", 0)})
_CORNERS = (("align_corners", "bool", 0), ("half_pixel_centers", "bool", 0))
_QUANTIZED_BIAS = ("quantized_bias_type", "int8", 0)
_ASYMMETRIC = ("asymmetric_quantize_inputs", "bool", 0)
_INT16_SCALE = ("pot_scale_int16", "bool", 1)

OPTIONS = {
    "CONV_2D": Options(1, {**_WINDOW, 3: _FUSED, 4: ("dilation_w_factor", "int32", 1),
                           5: ("dilation_h_factor", "int32", 1), 6: _QUANTIZED_BIAS}),
    "DEPTHWISE_CONV_2D": Options(2, {**_WINDOW, 3: ("depth_multiplier", "int32", 0), 4: _FUSED,
                                     5: ("dilation_w_factor", "int32", 1), 6: ("dilation_h_factor", "int32", 1)}),
    "TRANSPOSE_CONV": Options(49, {**_WINDOW, 3: _FUSED, 4: _QUANTIZED_BIAS}),
    "AVERAGE_POOL_2D": _POOL,
    "MAX_POOL_2D": _POOL,
    "L2_POOL_2D": _POOL,
    "FULLY_CONNECTED": Options(8, {0: _FUSED, 1: ("weights_format", "int8", 0), 2: ("keep_num_dims", "bool", 0),
                                   3: _ASYMMETRIC, 4: _QUANTIZED_BIAS}),
    "SOFTMAX": Options(9, {0: ("beta", "float32", 0)}),
    "CONCATENATION": Options(10, {0: ("axis", "int32", 0), 1: _FUSED}),
    "ADD": Options(11, {0: _FUSED, 1: _INT16_SCALE}),
    "SUB": Options(28, {0: _FUSED, 1: _INT16_SCALE}),
    "MUL": Options(21, {0: _FUSED}),
    "DIV": Options(29, {0: _FUSED}),
    "L2_NORMALIZATION": Options(12, {0: _FUSED}),
    "LOCAL_RESPONSE_NORMALIZATION": Options(13, {0: ("radius", "int32", 0), 1: ("bias", "float32", 0),
                                                 2: ("alpha", "float32", 0), 3: ("beta", "float32", 0)}),
    "RESIZE_BILINEAR": Options(15, {0: ("new_height", "int32", 0), 1: ("new_width", "int32", 0), 2: _CORNERS[0],
                                   3: _CORNERS[1]}),
    "RESIZE_NEAREST_NEIGHBOR": Options(74, {0: _CORNERS[0], 1: _CORNERS[1]}),
    "RESHAPE": Options(17, {0: ("new_shape", "int32s", 0)}),
    "SPACE_TO_DEPTH": Options(19, {0: ("block_size", "int32", 0)}),
    "DEPTH_TO_SPACE": Options(94, {0: ("block_size", "int32", 0)}),
    "GATHER": Options(23, {0: ("axis", "int32", 0), 1: ("batch_dims", "int32", 0)}),
    "MEAN": _REDUCE,
    "SUM": _REDUCE,
    "REDUCE_MAX": _REDUCE,
    "REDUCE_MIN": _REDUCE,
    "REDUCE_PROD": _REDUCE,
    "SQUEEZE": Options(30, {0: ("squeeze_dims", "int32s", 0)}),
    "SPLIT": Options(35, {0: ("num_splits", "int32", 0)}),
    "SPLIT_V": Options(79, {0: ("num_splits", "int32", 0)}),
    "STRIDED_SLICE": Options(32, {0: ("begin_mask", "int32", 0), 1: ("end_mask", "int32", 0),
                                  2: ("ellipsis_mask", "int32", 0), 3: ("new_axis_mask", "int32", 0),
                                  4: ("shrink_axis_mask", "int32", 0), 5: ("offset", "bool", 0)}),
    "CAST": Options(37, {0: ("in_data_type", "int8", 0), 1: ("out_data_type", "int8", 0)}),
    "ARG_MAX": Options(40, {0: ("output_type", "int8", 0)}),
    "ARG_MIN": Options(57, {0: ("output_type", "int8", 0)}),
    "SHAPE": Options(55, {0: ("out_type", "int8", 0)}),
    "PACK": Options(59, {0: ("values_count", "int32", 0), 1: ("axis", "int32", 0)}),
    "UNPACK": Options(64, {0: ("num", "int32", 0), 1: ("axis", "int32", 0)}),
    "LEAKY_RELU": Options(75, {0: ("alpha", "float32", 0)}),
    "MIRROR_PAD": Options(77, {0: ("mode", "int8", 0)}),
    "BATCH_MATMUL": Options(101, {0: ("adj_x", "bool", 0), 1: ("adj_y", "bool", 0), 2: _ASYMMETRIC}),
    "CUMSUM": Options(102, {0: ("exclusive", "bool", 0), 1: ("reverse", "bool", 0)}),
    "GELU": Options(116, {0: ("approximate", "bool", 0)}),
}  # fmt: skip
